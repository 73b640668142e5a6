"""Paths whose requests go on as they are: what goes on, what comes back, what it costs, and who may."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
import pytest

from lingate.server.access.keys import make_token
from lingate.simulator import Simulator
from tests.server.gateway_kit import ADMIN, MASTER, Running, running_gateway
from tests.server.ledger_rows import rows_of
from tests.server.raw_upstream import JSON
from tests.servers import RawServer, Script
from tests.services import free_port

SECRET = "sk-the-owners-own-key"
EVENTS = [b'data: {"n": 1}\n\n', b'data: {"n": 2}\n\n', b"data: [DONE]\n\n"]


def _config(upstream: str, simulator: str, **more: Any) -> str:
    own = {"headers": {"Authorization": "Bearer os.environ/RANK_KEY", "x-team": "search"}, "cost_per_request": 0.25}
    endpoints = [
        {"path": "/v1/rank", "target": f"{upstream}/v2/rank?version=7", "default_query_params": {"lang": "en"}, **own},
        {
            "path": "/tree",
            "target": f"{upstream}/base",
            "include_subpath": True,
            "methods": ["GET", "POST"],
            "id": "trees",
        },
        {"path": "/tree/oak", "target": f"{upstream}/oak", "forward_headers": True, "cost_per_request": 0},
        {"path": "/open", "target": f"{upstream}/open", "auth": False, "cost_per_request": 0},
        {
            "path": "/open/all",
            "target": f"{upstream}/all",
            "auth": False,
            "forward_headers": True,
            "cost_per_request": 0,
        },
        {"path": "/slow", "target": f"{upstream}/slow", "timeout": 0.3, "cost_per_request": 0.5},
        {"path": "/gone", "target": f"http://127.0.0.1:{free_port()}/", "cost_per_request": 0.5},
        {
            "path": "/sim",
            "target": f"{simulator}/v1/",
            "include_subpath": True,
            "headers": {"Authorization": "Bearer k"},
        },
        {
            "path": "/hang",
            "target": f"{simulator}/v1",
            "include_subpath": True,
            "timeout": 0.3,
            "headers": {"x-sim-fault": "hang_head"},
        },
        {"path": "/health/live", "target": f"{upstream}/alive"},
        {"path": "/admin/keys", "target": f"{upstream}/stolen"},
    ]
    return json.dumps(
        {"general_settings": {"pass_through_endpoints": endpoints}, "lingate": {"limits": {"max_body": "1MB"}}, **more}
    )


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawServer]:
    with RawServer() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(upstream: RawServer, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = tmp_path_factory.mktemp("passing")
    env = {"RANK_KEY": SECRET}
    with running_gateway(_config(upstream.url, simulator.url), path, auth=True, env=env) as running:
        yield running


def _ask(
    gateway: Running, path: str, headers: dict[str, str] = ADMIN, method: str = "POST", **more: Any
) -> httpx2.Response:
    with httpx2.Client() as client:
        return client.request(method, f"{gateway.url}{path}", headers=headers, timeout=20, **more)


def _new_key(gateway: Running, **limits: Any) -> dict[str, str]:
    made = httpx2.post(f"{gateway.url}/admin/keys", json=limits, headers=ADMIN).raise_for_status().json()
    return {"authorization": f"Bearer {made['token']}"}


def _row(gateway: Running, answer: httpx2.Response) -> dict[str, Any]:
    return next(row for row in rows_of(gateway) if row["id"] == answer.headers["x-lingate-call-id"])


def _head(upstream: RawServer) -> tuple[str, dict[str, str]]:
    first, *lines = upstream.heads[-1].decode().split("\r\n")
    return first, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def test_a_request_goes_on_with_the_owners_headers_and_without_the_callers_key(
    gateway: Running, upstream: RawServer
) -> None:
    upstream.script = Script([b'{"ranked": ', b"[1]}"], headers={**JSON, "etag": '"7"', "set-cookie": "a=b"})
    body = b'{"odd" :  [1,2], "model": "x"}'
    answer = _ask(
        gateway, f"/v1/rank?q=a%20b&key={MASTER}&version=1", content=body, headers={**ADMIN, **JSON, "x-other": "1"}
    )
    assert (answer.status_code, answer.content) == (200, b'{"ranked": [1]}')
    assert (answer.headers["content-type"], answer.headers["etag"]) == ("application/json", '"7"')
    assert "set-cookie" not in answer.headers
    first, headers = _head(upstream)
    assert first == "POST /v2/rank?version=7&q=a+b&lang=en HTTP/1.1"
    assert (headers["authorization"], headers["x-team"], headers["content-type"]) == (
        f"Bearer {SECRET}",
        "search",
        "application/json",
    )
    assert "x-other" not in headers
    assert upstream.requests[-1] == body
    assert MASTER.encode() not in upstream.heads[-1]


def test_tags_and_the_end_user_are_read_from_headers(upstream: RawServer, tmp_path: Path) -> None:
    upstream.script = Script([b"{}"], headers=JSON)
    general = {
        "pass_through_endpoints": [{"path": "/x", "target": upstream.url}],
        "user_header_name": "x-user",
        "enforce_user_param": True,
    }
    with running_gateway(json.dumps({"general_settings": general}), tmp_path) as running:
        assert _ask(running, "/x", json={"user": "u"}).status_code == 400
        row = _row(running, _ask(running, "/x", {"x-user": "u", "x-lingate-tags": "a, b"}, json={}))
    assert (row["end_user"], json.loads(row["tags"])) == ("u", ["a", "b"])


@pytest.mark.parametrize("status", [201, 204, 302])
def test_the_ledger_has_the_status_that_the_client_got(gateway: Running, upstream: RawServer, status: int) -> None:
    upstream.script = Script([] if status == 204 else [b"{}"], status=status, headers={**JSON, "location": "/there"})
    answer = _ask(gateway, "/v1/rank", json={})
    row = _row(gateway, answer)
    assert (answer.status_code, row["status"], row["error"], row["cost"]) == (status, status, None, 0.25)


def test_the_ledger_has_what_it_cost(gateway: Running, upstream: RawServer) -> None:
    upstream.script = Script([b"{}"], headers=JSON)
    row = _row(gateway, _ask(gateway, "/v1/rank", json={}))
    assert {
        name: row[name]
        for name in ("face", "operation", "model", "deployment", "provider", "attempts", "status", "cost")
    } == {
        "face": "pass_through",
        "operation": "pass_through",
        "model": "/v1/rank",
        "deployment": "/v1/rank",
        "provider": "127.0.0.1",
        "attempts": 1,
        "status": 200,
        "cost": 0.25,
    }
    assert 0 < row["upstream"] <= row["seconds"]
    assert _row(gateway, _ask(gateway, "/tree", json={}))["deployment"] == "trees"


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/tree", "/base"),
        ("/tree/", "/base/"),
        ("/tree/a/b%20c%3Fd", "/base/a/b%20c%3Fd"),
        ("/tree/oaks?x=1", "/base/oaks?x=1"),
        ("/tree/oak", "/oak"),
        ("/v1/rank/", "/v2/rank?version=7&lang=en"),
    ],
)
def test_the_longest_path_is_meant_and_what_lies_below_goes_on(
    gateway: Running, upstream: RawServer, path: str, sent: str
) -> None:
    upstream.script = Script([b"{}"], headers=JSON)
    assert _ask(gateway, path, content=b"x").status_code == 200
    assert _head(upstream)[0] == f"POST {sent} HTTP/1.1"


@pytest.mark.parametrize(
    "path",
    [
        "/tree/%2e%2e/x",
        "/tree/a/%2E%2E/%2E%2E/secret",
        "/tree/./x",
        "/tree/..;/x",
        "/tree/..%3Ba=b/x",
        "/tree/a%5C..%5C..%5Cx",
    ],
)
def test_no_path_climbs_out_of_the_address(gateway: Running, upstream: RawServer, path: str) -> None:
    asked = len(upstream.heads)
    answer = _raw(
        gateway, f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {MASTER}\r\nconnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 404")
    assert len(upstream.heads) == asked


def _raw(gateway: Running, request: str) -> bytes:
    at = urlsplit(gateway.url)
    with socket.create_connection((at.hostname, at.port), 10) as wire:
        wire.sendall(request.encode())
        answer = b""
        while piece := wire.recv(65536):
            answer += piece
    return answer


def test_headers_go_on_where_the_owner_wants_that_but_not_the_key(gateway: Running, upstream: RawServer) -> None:
    upstream.script = Script([b"{}"], headers=JSON)
    theirs = {
        "x-litellm-api-key": MASTER,
        "x-lingate-tags": "a",
        "cookie": "b=c",
        "authorization": "Bearer vendor",
        "x-other": "1",
        "x-forwarded-for": "10.0.0.1",
    }
    assert _ask(gateway, "/tree/oak", headers=theirs, content=b"x").status_code == 200
    _, headers = _head(upstream)
    assert (headers["authorization"], headers["x-other"]) == ("Bearer vendor", "1")
    assert not headers.keys() & {"x-forwarded-for", "x-litellm-api-key", "x-lingate-tags", "cookie"}
    assert MASTER.encode() not in upstream.heads[-1]


@pytest.mark.parametrize("path", ["/v1/rank", "/tree/x", "/sim/models"])
def test_without_a_key_nothing_goes_on(gateway: Running, upstream: RawServer, path: str) -> None:
    asked = len(upstream.heads)
    for headers in ({}, {"authorization": "Bearer sk-wrong"}):
        assert _ask(gateway, path, headers=headers, content=b"x").status_code == 401
    assert len(upstream.heads) == asked


def test_a_path_may_be_open_to_all(gateway: Running, upstream: RawServer) -> None:
    upstream.script = Script([b"ok"], headers={"content-type": "text/plain"})
    assert _ask(gateway, "/open", headers={}, content=b"x").text == "ok"


@pytest.mark.parametrize("key", [MASTER, "vendor"])
def test_a_key_of_this_gateway_goes_nowhere_even_where_none_is_asked_for(
    gateway: Running, upstream: RawServer, key: str
) -> None:
    upstream.script = Script([b"ok"], headers={"content-type": "text/plain"})
    assert _ask(gateway, f"/open/all?key={key}", headers={"authorization": f"Bearer {key}"}).text == "ok"
    assert (key.encode() in upstream.heads[-1]) is (key == "vendor")


@pytest.mark.parametrize("path", ["/open/all", "/tree/oak"])
@pytest.mark.parametrize("first", ["master", "vendor"])
def test_no_key_of_this_gateway_goes_on_in_whatever_place_it_stands(
    gateway: Running, upstream: RawServer, path: str, first: str
) -> None:
    upstream.script = Script([b"ok"], headers={"content-type": "text/plain"})
    second, blocked = (_new_key(gateway)["authorization"].split()[1] for _ in range(2))
    key_id = blocked.split("-")[1]
    httpx2.patch(f"{gateway.url}/admin/keys/{key_id}", json={"blocked": True}, headers=ADMIN).raise_for_status()
    headers = {
        "x-litellm-api-key" if path == "/tree/oak" else "authorization": MASTER,
        "x-api-key": second,
        "api-key": f"Bearer {blocked}",
        "x-goog-api-key": "theirs",
    }
    if first == "vendor":
        headers = {**headers, "authorization": "Bearer sk-vendor"}
    if path == "/tree/oak":
        headers = {"x-litellm-api-key": MASTER, **headers}
    assert _ask(gateway, f"{path}?key={second}&a=b", headers=headers).status_code == 200
    line, sent = _head(upstream)
    assert line.split()[1].endswith("?a=b")
    assert (sent["x-goog-api-key"], sent.get("authorization")) == (
        "theirs",
        "Bearer sk-vendor" if first == "vendor" else None,
    )
    assert not any(key.encode() in upstream.heads[-1] for key in (MASTER, second, blocked))


@pytest.mark.parametrize("path", ["/open/all", "/tree/oak"])
def test_a_key_that_this_replica_does_not_know_or_no_longer_stays_here_too(
    gateway: Running, upstream: RawServer, path: str
) -> None:
    upstream.script = Script([b"ok"], headers={"content-type": "text/plain"})
    deleted = _new_key(gateway)["authorization"].split()[1]
    httpx2.delete(f"{gateway.url}/admin/keys/{deleted.split('-')[1]}", headers=ADMIN).raise_for_status()
    elsewhere = make_token()[1]
    headers = {"x-api-key": deleted, "x-goog-api-key": f"Bearer {elsewhere}"}
    if path == "/tree/oak":
        headers["authorization"] = f"Bearer {MASTER}"
    assert _ask(gateway, f"{path}?key={elsewhere}&token={deleted}&a=b", headers=headers).status_code == 200
    line, sent = _head(upstream)
    assert line.split()[1].endswith("?a=b")
    assert not {"x-api-key", "x-goog-api-key"} & {*sent}


def test_a_header_that_is_not_ascii_stays_here(gateway: Running, upstream: RawServer) -> None:
    upstream.script = Script([b"ok"], headers={"content-type": "text/plain"})
    answer = _raw(
        gateway,
        f"GET /tree/oak HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {MASTER}\r\nx-a: \xe4\r\nconnection: close\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 200")
    first, headers = _head(upstream)
    assert first == "GET /oak HTTP/1.1"
    assert "x-a" not in headers


def test_other_methods_and_neighbours_do_not_go_on(gateway: Running, upstream: RawServer) -> None:
    asked = len(upstream.heads)
    assert _ask(gateway, "/tree", method="DELETE").status_code == 404
    assert _ask(gateway, "/trees").status_code == 404
    assert _ask(gateway, "/v1/rank/below").status_code == 404
    assert len(upstream.heads) == asked


def test_a_page_may_be_replaced_and_the_admin_api_may_not(gateway: Running, upstream: RawServer) -> None:
    upstream.script = Script([b"mine"], headers={"content-type": "text/plain"})
    assert _ask(gateway, "/health/live", method="GET").text == "mine"
    assert "key" in _ask(gateway, "/admin/keys", json={}).json()


def test_a_face_may_be_replaced(upstream: RawServer, tmp_path: Path) -> None:
    upstream.script = Script([b"theirs"], headers={"content-type": "text/plain"})
    endpoint = {"path": "/v1/rerank", "target": f"{upstream.url}/v1/rerank"}
    with running_gateway(json.dumps({"general_settings": {"pass_through_endpoints": [endpoint]}}), tmp_path) as running:
        assert _ask(running, "/v1/rerank", json={}).text == "theirs"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "bad_request"),
        (401, "auth"),
        (422, "bad_request"),
        (429, "rate_limit"),
        (503, "overloaded"),
        (500, "server_error"),
    ],
)
def test_an_error_comes_back_as_it_is_and_costs_nothing(
    gateway: Running, upstream: RawServer, status: int, kind: str
) -> None:
    body = json.dumps({"error": f"wrong key {SECRET}"}).encode()
    upstream.script = Script([body], status=status, headers={**JSON, "retry-after": "7"})
    answer = _ask(gateway, "/v1/rank", json={})
    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (
        status,
        {"error": "wrong key ***"},
        "7",
    )
    row = _row(gateway, answer)
    assert (row["status"], row["error"], row["cost"]) == (status, kind, None)


def test_no_answer_leads_on_with_the_owners_key(upstream: RawServer, tmp_path: Path) -> None:
    endpoint = {"path": "/x", "target": f"{upstream.url}/x?key=the+owners%2Fown"}
    places = ["/x/?a=1&key=the+owners%2Fown", "/x/?key=the%20owners%2Fown#b", "/x/the owners/own"]
    told = []
    with running_gateway(json.dumps({"general_settings": {"pass_through_endpoints": [endpoint]}}), tmp_path) as running:
        for place in places:
            upstream.script = Script([place.encode()], status=307, headers={"location": place})
            answer = _ask(running, "/x", json={})
            told.append(answer.headers["location"])
            assert answer.text == told[-1]
    assert _head(upstream)[0] == "POST /x?key=the+owners%2Fown HTTP/1.1"
    assert told == ["/x/?a=1&key=***", "/x/?key=***#b", "/x/***"]


def test_what_everybody_sends_is_no_secret_and_what_stands_in_a_query_by_default_is(
    upstream: RawServer, tmp_path: Path
) -> None:
    endpoint = {
        "path": "/x",
        "target": f"{upstream.url}/x?api-version=2024-02-01",
        "headers": {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-mine": SECRET},
        "default_query_params": {"key": "sk-another-one"},
    }
    with running_gateway(json.dumps({"general_settings": {"pass_through_endpoints": [endpoint]}}), tmp_path) as running:
        upstream.script = Script([b"application/json 2024-02-01 2023-06-01"], headers={"content-type": "text/plain"})
        plain = _ask(running, "/x", json={}).text
        upstream.script = Script([f"{SECRET} sk-another-one".encode()], headers={"content-type": "text/plain"})
        secret = _ask(running, "/x", json={}).text
    assert (plain, secret) == ("application/json 2024-02-01 2023-06-01", "*** ***")


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_an_answer_that_breaks_off_is_an_error_and_not_half_an_answer(
    gateway: Running, upstream: RawServer, ending: Any
) -> None:
    upstream.script = Script([b'{"half": '], ending=ending, headers=JSON)
    answer = _ask(gateway, "/v1/rank", json={})
    assert answer.status_code == 502
    assert b"half" not in answer.content
    row = _row(gateway, answer)
    assert (row["status"], row["cost"]) == (502, 0.25)


def test_an_answer_that_takes_too_long_is_given_up(gateway: Running, upstream: RawServer) -> None:
    upstream.script = Script([b"{"], ending="stay", headers=JSON)
    for path, cost in (("/slow", 0.5), ("/hang/chat/completions", None)):
        answer = _ask(gateway, path, json={"model": "sim", "messages": [{"role": "user", "content": "x"}]})
        assert answer.status_code == 504
        row = _row(gateway, answer)
        assert (row["error"], row["cost"]) == ("timeout", cost)


def test_where_nobody_is_there_says_so(gateway: Running) -> None:
    answer = _ask(gateway, "/gone", json={})
    assert answer.status_code == 502
    row = _row(gateway, answer)
    assert (row["error"], row["cost"], row["attempts"]) == ("connect", None, 1)


def test_a_stream_comes_as_it_goes(gateway: Running, upstream: RawServer) -> None:
    upstream.script = Script(EVENTS, pause=0.2)
    at = []
    with httpx2.stream("POST", f"{gateway.url}/v1/rank", json={}, headers=ADMIN) as answer:
        got = b""
        for piece in answer.iter_bytes():
            got += piece
            at.append(time.monotonic())
    assert got == b"".join(EVENTS)
    assert len(at) == 3
    assert at[-1] - at[0] > 0.3
    row = _row(gateway, answer)
    assert (row["stream"], row["status"], row["cost"], row["error"]) == (1, 200, 0.25, None)
    assert 0.1 < row["ttft"] < row["seconds"]


@pytest.mark.parametrize(
    ("kind", "end"),
    [("text/event-stream; charset=utf-8", b"\n\nevent: error\ndata: {"), ("application/x-ndjson", b"\n{")],
)
@pytest.mark.parametrize("ending", ["close", "reset"])
def test_a_stream_that_breaks_ends_with_an_error(
    gateway: Running, upstream: RawServer, kind: str, end: bytes, ending: Any
) -> None:
    upstream.script = Script(EVENTS[:2], ending=ending, headers={"content-type": kind}, pause=0.02)
    answer = _ask(gateway, "/v1/rank", json={})
    assert answer.content.startswith(EVENTS[0])
    assert b"".join(EVENTS[:2]).startswith(answer.content.partition(end)[0])
    assert end in answer.content
    assert b"error" in answer.content.rpartition(end)[2]
    row = _row(gateway, answer)
    assert (row["error"], row["cost"]) == ("stream_interrupted", 0.25)


def test_a_stream_without_its_first_piece_is_an_answer_of_its_own(gateway: Running, upstream: RawServer) -> None:
    for script, status in (
        (Script([], ending="close"), 502),
        (Script([], ending="stay"), 504),
        (Script([EVENTS[0]], pause=1), 504),
        (Script([]), 200),
    ):
        upstream.script = script
        answer = _ask(gateway, "/slow", json={})
        assert answer.status_code == status
        assert bool(answer.content) is (status != 200)


def test_a_client_that_leaves_closes_the_upstream_and_the_call_is_in_the_ledger(
    gateway: Running, upstream: RawServer
) -> None:
    upstream.script = Script([EVENTS[0], *EVENTS[1:] * 200], pause=0.02)
    with httpx2.stream("POST", f"{gateway.url}/v1/rank", json={}, headers=ADMIN) as answer:
        next(answer.iter_bytes())
    until = time.monotonic() + 5
    while upstream._open and time.monotonic() < until:
        time.sleep(0.01)
    while not (left := [row for row in rows_of(gateway) if row["id"] == answer.headers["x-lingate-call-id"]]):
        assert time.monotonic() < until
    assert (left[0]["status"], left[0]["error"], left[0]["cost"]) == (499, "client_left", 0.25)


def test_a_budget_holds_with_calls_at_the_same_time(gateway: Running, upstream: RawServer) -> None:
    upstream.script = Script([b"{}"], headers=JSON, pause=0.05)
    key = _new_key(gateway, max_budget=2.6)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: _ask(gateway, "/v1/rank", key, json={}).status_code, range(40)))
    assert Counter(answers) == {200: 10, 429: 30}


def test_what_costs_nobody_knows_what_is_refused_to_a_budget(gateway: Running, upstream: RawServer) -> None:
    asked = len(upstream.heads)
    answer = _ask(gateway, "/tree", _new_key(gateway, max_budget=10), json={})
    assert answer.status_code == 429
    assert "the price of /tree is unknown (in the gateway's configuration: cost_per_request)" in answer.text
    assert len(upstream.heads) == asked


def test_limits_and_rights_of_a_key_hold(gateway: Running, upstream: RawServer) -> None:
    upstream.script = Script([b"{}"], headers=JSON)
    twice = _new_key(gateway, rpm_limit=2)
    assert [_ask(gateway, "/v1/rank", twice, json={}).status_code for _ in range(3)] == [200, 200, 429]
    bound = _new_key(gateway, models=["gpt-*"])
    refused = _ask(gateway, "/v1/rank", bound, json={})
    assert refused.status_code == 403
    assert "/v1/rank" in refused.text
    assert _ask(gateway, "/v1/rank", _new_key(gateway, models=["/v1/rank"]), json={}).status_code == 200


def test_a_body_that_is_too_long_does_not_go_on(gateway: Running, upstream: RawServer) -> None:
    asked = len(upstream.heads)
    assert _ask(gateway, "/v1/rank", content=b"x" * 1_100_000).status_code == 413
    assert len(upstream.heads) == asked


def test_the_vendors_package_works_below_a_path(gateway: Running) -> None:
    client = openai.OpenAI(base_url=f"{gateway.url}/sim", api_key=MASTER, max_retries=0)
    said: Any = [{"role": "user", "content": "hello"}]
    assert client.chat.completions.create(model="sim-words-5", messages=said).choices[0].message.content
    pieces = list(client.chat.completions.create(model="sim-words-5", messages=said, stream=True))
    assert pieces[-1].choices[0].finish_reason == "stop"
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="sim-fault-429", messages=said)


def test_a_gateway_that_stops_tells_those_who_are_served(upstream: RawServer, tmp_path: Path) -> None:
    upstream.script = Script(EVENTS[:2] * 500, pause=0.05)
    endpoint = {"path": "/flow", "target": f"{upstream.url}/flow"}
    config = {"general_settings": {"pass_through_endpoints": [endpoint]}, "lingate": {"drain": 0.3}}
    got: list[bytes] = []
    begun = threading.Event()
    with running_gateway(json.dumps(config), tmp_path) as running:

        def read() -> None:
            with httpx2.stream("POST", f"{running.url}/flow", json={}) as answer:
                for piece in answer.iter_bytes():
                    got.append(piece)
                    begun.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert begun.wait(10)
    reader.join(10)
    assert b"event: error" in b"".join(got)
    assert b"shutting down" in b"".join(got)


def test_paths_are_taken_over_while_running(upstream: RawServer, tmp_path: Path) -> None:
    upstream.script = Script([b"{}"], headers=JSON)
    config: dict[str, Any] = {"lingate": {"reload": 0.05}}
    with running_gateway(json.dumps(config), tmp_path) as running:
        assert _ask(running, "/late", json={}).status_code == 404
        config["general_settings"] = {"pass_through_endpoints": [{"path": "/late", "target": f"{upstream.url}/x"}]}
        running.config.write_text(json.dumps(config))
        until = time.monotonic() + 10
        while (status := _ask(running, "/late", json={}).status_code) != 200:
            assert time.monotonic() < until, status
