"""What must hold whoever is at either end: clients that mean harm or know no better, and upstreams that send nonsense."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import httpx2
import pytest

from lingate.server import faces
from lingate.server.access.access import may_call
from lingate.server.ledger.query import Usage, rows_csv
from lingate.server.records import Caller
from lingate.server.store import Store, StoreError
from tests.effort import least_cpu
from tests.server.asking import ask, rows
from tests.server.gateway_kit import ADMIN, Running, running_gateway
from tests.server.raw_upstream import CHAT, JSON, PRICES, chat, chunk, config, event, whole
from tests.servers import RawServer, Script


@pytest.fixture(scope="module")
def gateway(upstream: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_gateway(config(upstream.url), tmp_path_factory.mktemp("hardening")) as running:
        yield running


HELLO = [
    event(
        "message_start",
        message={
            "id": "m",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": "x",
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 1},
        },
    ),
    event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "hel"}),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "lo"}),
    event("content_block_stop", index=0),
    event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 5}),
    event("message_stop"),
]
"""A stream in Anthropic's format."""

OVER = b"message_stop"


def relayed(gateway: Running, upstream: RawServer, script: Script) -> bytes:
    """What a client of Anthropic's format gets of an upstream that speaks it too."""
    upstream.script = script
    answer = ask(gateway, "/v1/messages", chat("anthropic-x", max_tokens=9, stream=True))
    assert answer.status_code == 200
    return answer.content


def events_in(body: bytes) -> list[str]:
    """The events of a stream as a client takes them, whatever ends its lines; data that is no JSON is none of them."""
    text = body.decode().replace("\r\n", "\n").replace("\r", "\n")
    return [json.loads(line.removeprefix("data: "))["type"] for line in text.splitlines() if line.startswith("data: ")]


class TestStreamsThatAreRelayed:
    ALL: ClassVar = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]

    @pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
    @pytest.mark.parametrize("size", [1, 7, 10_000])
    def test_arrive_whole_whatever_ends_their_lines_and_however_they_are_cut(
        self, gateway: Running, upstream: RawServer, newline: bytes, size: int
    ) -> None:
        data = b"".join(HELLO).replace(b"\n", newline)
        pieces = [data[at : at + size] for at in range(0, len(data), size)]

        assert events_in(relayed(gateway, upstream, Script(pieces))) == self.ALL

    @pytest.mark.parametrize("left_out", [1, 2])
    def test_have_their_last_event_also_where_no_blank_line_ends_it(
        self, gateway: Running, upstream: RawServer, left_out: int
    ) -> None:
        data = b"".join(HELLO)[:-left_out]
        body = relayed(gateway, upstream, Script([data[:-20], data[-20:]]))

        assert events_in(body) == self.ALL
        assert body.endswith(b"\n\n")

    @pytest.mark.parametrize("size", [1, 10_000])
    def test_of_lines_have_their_last_line_also_without_its_end_and_no_empty_one(
        self, gateway: Running, upstream: RawServer, size: int
    ) -> None:
        said = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": "a"}}
        lines = [said | {"done": False}, said | {"done": True, "done_reason": "stop", "eval_count": 1}]
        data = "\n".join(map(json.dumps, lines)).encode()
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        upstream.script = Script(pieces, headers={"content-type": "application/x-ndjson"})

        body = ask(gateway, "/api/chat", chat("ollama-x")).text
        assert [json.loads(line) for line in body.removesuffix("\n").split("\n")] == lines

    def test_never_end_as_if_they_were_whole_after_what_makes_no_sense(
        self, gateway: Running, upstream: RawServer
    ) -> None:
        body = relayed(gateway, upstream, Script([*HELLO[:3], b"data: {nonsense\n\n" + b"".join(HELLO[3:])]))

        assert OVER not in body
        assert events_in(body)[-1] == "error"

    @pytest.mark.parametrize("apart", [False, True])
    @pytest.mark.parametrize(
        "told",
        [
            {"type": "error", "error": {"type": "overloaded_error", "message": "machine 10.1.2.3 is on fire"}},
            {"__type": "ServiceUnavailableException", "message": "machine 10.1.2.3 is on fire"},
            {"code": 503, "message": "machine 10.1.2.3 is on fire", "details": [{"@type": "x"}]},
            {"errors": [{"code": "overloaded", "message": "machine 10.1.2.3 is on fire"}]},
        ],
    )
    def test_never_have_the_words_of_an_upstreams_error(
        self, gateway: Running, upstream: RawServer, told: dict[str, Any], apart: bool
    ) -> None:
        error = b"data: " + json.dumps(told).encode() + b"\n\n"
        pieces = [HELLO[3], error] if apart else [HELLO[3] + error + b"".join(HELLO[4:])]
        body = relayed(gateway, upstream, Script([*HELLO[:3], *pieces]))

        assert OVER not in body
        assert b"10.1.2.3" not in body
        assert events_in(body)[-1] == "error"
        assert b"overloaded_error" in body

    def test_end_with_an_error_of_its_own_where_an_event_was_cut(self, upstream: RawServer, tmp_path: Path) -> None:
        quiet = config(upstream.url, settings={"litellm_settings": {"sse_keepalive_ping_interval_seconds": 0}})
        half = HELLO[3][: HELLO[3].index(b"data: ")] + b"data: {}\n"
        with running_gateway(quiet, tmp_path) as gateway:
            body = relayed(gateway, upstream, Script([*HELLO[:3], half], ending="close"))

        last = body.removesuffix(b"\n\n").split(b"\n\n")[-1]
        assert last.startswith(b"event: error\ndata: ")
        assert last.count(b"event:") == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["openai-x", "anthropic-x", "gemini-x", "ollama-x"])
def test_an_error_in_a_success_is_told_as_what_it_is_also_where_it_is_another_formats(
    gateway: Running, upstream: RawServer, model: str, stream: bool
) -> None:
    told = {"code": "quota_exceeded", "message": "org-77 has no money", "details": [{"@type": "x"}]}
    data, kind = json.dumps(told).encode(), "application/json"
    if stream:
        data, kind = (
            (data + b"\n", "application/x-ndjson")
            if model == "ollama-x"
            else (
                b"data: " + data + b"\n\n",
                "text/event-stream",
            )
        )
    upstream.script = Script([data], headers={"content-type": kind})

    answer = ask(gateway, CHAT, chat(model, max_tokens=9, stream=stream))

    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "insufficient_quota"
    assert "org-77" not in answer.text


class TestAnUpstreamThatCountsNonsense:
    COUNTS: ClassVar = [
        {"prompt_tokens": "12", "completion_tokens": [1], "total_tokens": 3},
        {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": [1]},
        {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "completion_tokens_details": "many"},
        {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": {"audio_tokens": "y"}},
        {
            "prompt_tokens": 1,
            "completion_tokens": 2,
            "total_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": "x", "audio_tokens": [1]},
            "completion_tokens_details": {"reasoning_tokens": {}},
        },
    ]

    @pytest.mark.parametrize("usage", COUNTS, ids=range(len(COUNTS)))
    @pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
    def test_is_no_reason_to_fail(self, gateway: Running, upstream: RawServer, usage: Any, path: str) -> None:
        upstream.script = whole(usage)
        assert ask(gateway, path, chat("openai-x", max_tokens=9)).status_code == 200

        upstream.script = Script(
            [chunk({"content": "hello"}), chunk({}, "stop"), chunk({}, usage=usage), b"data: [DONE]\n\n"]
        )
        streamed = ask(gateway, path, chat("openai-x", max_tokens=9, stream=True))
        assert (b"[DONE]" if path == CHAT else OVER) in streamed.content


def test_a_failure_of_our_own_in_mid_stream_is_told_and_not_taken_for_the_end(
    upstream: RawServer, tmp_path: Path
) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("a part of the gateway is broken")

    upstream.script = Script([chunk({"content": "hello"}), chunk({}, "stop"), b"data: [DONE]\n\n"])
    with running_gateway(config(upstream.url), tmp_path) as gateway:
        gateway.gateway.observers.append(fails)
        body = ask(gateway, CHAT, chat("openai-x", stream=True)).content
        gateway.gateway.observers.remove(fails)

    assert b"[DONE]" not in body
    assert json.loads(body.split(b"data: ")[-1])["error"]["code"] == "internal_error"


def test_a_failure_of_our_own_behind_an_answer_leaves_no_call_under_way(upstream: RawServer, tmp_path: Path) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("a part of the gateway is broken")

    upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
    with running_gateway(config(upstream.url), tmp_path) as gateway:
        gateway.gateway.observers.append(fails)
        answer = ask(gateway, CHAT, chat("openai-x"))
        assert gateway.gateway.in_flight == 0

    assert answer.status_code == 200


class TestPaths:
    def test_of_any_length_cost_next_to_nothing(self) -> None:
        for path in ("/deployments/" + "/a" * 30_000 + "A", "/v1/models/" + ":a" * 30_000 + "!"):
            assert faces.find("POST", path, "") is None
            assert least_cpu(faces.find, "POST", path, "") < 0.5

    @pytest.mark.parametrize(
        ("path", "model", "operation"),
        [
            ("/openai/deployments/gpt/chat/completions", "gpt", "chat"),
            ("/deployments/groq/llama/chat/completions", "groq/llama", "chat"),
            ("/engines/gpt/completions", "gpt", "completions"),
            ("/deployments/a%2Fb/embeddings", "a/b", "embeddings"),
        ],
    )
    def test_of_azures_clients_name_models_with_slashes_too(self, path: str, model: str, operation: str) -> None:
        found = faces.find("POST", path, "api-version=1")
        assert found is not None
        assert (found.args["model"], found.face.name) == (model, operation)

    @pytest.mark.parametrize(
        "path", ["/deployments/chat/completions", "/deployments//chat/completions", "/deployments/x/"]
    )
    def test_without_a_model_are_nobodys(self, path: str) -> None:
        found = faces.find("POST", path, "")
        assert found is None or found.args["model"] == "chat"

    @pytest.mark.parametrize("name", ["x/../other", "x/%2e%2E/other", "..", "x\\..\\other", "./other"])
    def test_are_not_climbed_by_the_name_of_a_model(self, gateway: Running, upstream: RawServer, name: str) -> None:
        asked = len(upstream.requests)
        assert ask(gateway, CHAT, chat(f"gemini-a/{name}")).status_code == 404
        assert len(upstream.requests) == asked


@pytest.fixture(scope="module")
def locked(upstream: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    own = config(
        upstream.url,
        trusted_proxies=["127.0.0.1"],
        limits={"body_seconds": 0.5},
        settings={"general_settings": {"allowed_ips": ["10.0.0.1", "127.0.0.1"]}},
    )
    with running_gateway(own, tmp_path_factory.mktemp("locked"), auth=True) as running:
        yield running


@pytest.mark.parametrize("timeout", [10**400, -1, True, "soon"], ids=["endless", "negative", "true", "text"])
def test_a_timeout_that_makes_no_sense_is_refused(gateway: Running, timeout: Any) -> None:
    assert ask(gateway, CHAT, chat("openai-x", timeout=timeout)).status_code == 400


def test_keys_for_all_faces_may_call_every_path_that_is_served(gateway: Running) -> None:
    caller = Caller(key_id="k", routes=("llm_api_routes",))
    for line in faces.paths():
        path = line.split(maxsplit=1)[1]
        assert may_call(caller, path)
        assert may_call(caller, "/" + path.removeprefix("/v1/").removeprefix("/"))
    assert may_call(caller, "/openai/deployments/gpt/chat/completions")
    assert not may_call(caller, "/admin/keys")


class TestNamesOfModels:
    @pytest.fixture(scope="class")
    @classmethod
    def anything(cls, upstream: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
        env = {"OPENAI_API_KEY": "sk-up", "OPENAI_BASE_URL": f"{upstream.url}/v1"}
        with running_gateway("{}", tmp_path_factory.mktemp("anything"), env=env) as running:
            yield running

    @pytest.mark.parametrize("name", ["x\r\nset-cookie: y", "\ud800", "x\x00y", "x\x1b[2J"])
    def test_that_nobody_can_print_are_nobodys(self, anything: Running, name: str) -> None:
        body = json.dumps(chat(f"openai/{name}"))
        answer = httpx2.post(anything.url + CHAT, content=body, timeout=20)
        assert answer.status_code == 404

    def test_in_any_script_are_told_in_headers_that_every_server_can_send(
        self, anything: Running, upstream: RawServer
    ) -> None:
        upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        answer = ask(anything, CHAT, chat("openai/模型"))
        assert (answer.status_code, answer.headers["x-lingate-model-id"]) == (200, "openai/%E6%A8%A1%E5%9E%8B")


class TestWithoutAKey:
    def test_no_model_can_be_looked_up(self, locked: Running) -> None:
        assert ask(locked, "/api/show", {"model": "openai-x"}).status_code == 401
        assert ask(locked, "/api/show", {"model": "openai-x"}, ADMIN).status_code == 200

    def test_a_key_looks_up_only_what_it_may_use(self, locked: Running) -> None:
        made = ask(locked, "/admin/keys", {"models": ["gemini-*"]}, ADMIN).json()
        key = {"authorization": f"Bearer {made['token']}"}
        assert ask(locked, "/api/show", {"model": "gemini-x"}, key).status_code == 200
        assert ask(locked, "/api/show", {"model": "openai-x"}, key).status_code == 404

    def test_the_id_of_a_deployment_is_no_way_around_its_group(self, locked: Running, upstream: RawServer) -> None:
        upstream.script = whole(None)
        mine = chat("openai-of-the-board")
        for models, status in ((["openai-*"], 403), (["reserved", "openai-*"], 200), (["openai-of-the-board"], 200)):
            made = ask(locked, "/admin/keys", {"models": models}, ADMIN).json()
            key = {"authorization": f"Bearer {made['token']}"}
            assert ask(locked, CHAT, mine, key).status_code == status
            stands_in = ask(locked, CHAT, chat(models[-1].replace("*", "x"), fallbacks=[mine["model"]]), key)
            assert stands_in.status_code == status

    @pytest.mark.parametrize("path", ["/v1/models", "/admin/keys"])
    def test_a_line_that_the_client_writes_before_the_proxys_is_not_believed(self, locked: Running, path: str) -> None:
        lines = [*ADMIN.items(), ("x-forwarded-for", "10.0.0.1"), ("x-forwarded-for", "6.6.6.6")]
        assert httpx2.get(locked.url + path, headers=lines).status_code == 403
        assert (
            httpx2.get(locked.url + path, headers=[*ADMIN.items(), ("x-forwarded-for", "10.0.0.1")]).status_code == 200
        )

    @pytest.mark.parametrize("path", ["/v1/models", "/admin/keys"])
    def test_what_a_client_writes_before_its_address_does_not_hide_it(self, locked: Running, path: str) -> None:
        lines = [*ADMIN.items(), ("x-forwarded-for", "é, 6.6.6.6".encode())]  # as nginx puts it behind what was there
        assert httpx2.get(locked.url + path, headers=lines).status_code == 403

    @pytest.mark.parametrize("path", ["/admin/keys", "/v1/messages"])
    def test_a_body_that_does_not_come_is_not_waited_for(self, locked: Running, path: str) -> None:
        at = urlsplit(locked.url)
        connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=10)
        try:
            connection.putrequest("POST", path)
            for name, value in {**ADMIN, "content-length": "50"}.items():
                connection.putheader(name, value)
            connection.endheaders(b"{")
            assert connection.getresponse().status == 400
        finally:
            connection.close()


class TestTheLedger:
    @pytest.mark.parametrize(
        "fields",
        [
            {"tags": list(map(str, range(33)))},
            {"tags": ["t" * 257]},
            {"user": "u" * 1025},
            {"metadata": {"tags": [{"a": "b" * 300}]}},
        ],
    )
    def test_is_not_filled_with_what_callers_make_up(self, gateway: Running, fields: dict[str, Any]) -> None:
        answer = ask(gateway, CHAT, chat("openai-x", **fields))
        assert answer.status_code == 400
        assert "at most" in answer.json()["error"]["message"]
        row = rows(gateway)[-1]
        assert (row["end_user"], row["tags"]) == (None, None)

    def test_has_no_more_of_a_models_name_than_any_model_has(self, gateway: Running) -> None:
        assert ask(gateway, CHAT, chat("x" * 100_000)).status_code == 404
        assert rows(gateway)[-1]["model"] == "x" * 512

    def test_has_what_was_asked_by_a_client_that_did_not_wait_for_the_first_event(
        self, gateway: Running, upstream: RawServer
    ) -> None:
        upstream.script = Script([], ending="stay")
        asked = len(upstream.requests)
        _leave(gateway, chat("openai-impatient", stream=True, max_tokens=7), lambda: len(upstream.requests) > asked)
        while not (found := [row for row in rows(gateway) if row["model"] == "openai-impatient"]):
            time.sleep(0.02)

        assert (found[0]["status"], found[0]["attempts"], found[0]["estimated"]) == (499, 1, 1)
        assert found[0]["prompt_tokens"] > 0
        assert found[0]["cost"] == pytest.approx(found[0]["prompt_tokens"] * PRICES["input_cost_per_token"])


def _leave(gateway: Running, body: dict[str, Any], when: Any, headers: dict[str, str] | None = None) -> None:
    """Send a request, and hang up when something is true."""
    at = urlsplit(gateway.url)
    data = json.dumps(body).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    with socket.create_connection((at.hostname, at.port)) as wire:
        wire.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\n{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        until = time.monotonic() + 10
        while not when():
            assert time.monotonic() < until
            time.sleep(0.005)
        time.sleep(0.1)  # from the beginning nobody looks whether the client is there


@pytest.fixture(scope="module")
def priced(upstream: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_gateway(config(upstream.url), tmp_path_factory.mktemp("priced"), auth=True) as running:
        yield running


class TestBudgets:
    def key(self, gateway: Running, **limits: Any) -> tuple[str, dict[str, str]]:
        made = ask(gateway, "/admin/keys", limits, ADMIN).json()
        return made["key"]["id"], {"authorization": f"Bearer {made['token']}"}

    @pytest.mark.parametrize(
        "fields",
        [
            {"max_completion_tokens": 1, "max_tokens": 1000},
            {"max_tokens": 100, "n": 10},
        ],
    )
    def test_reserve_for_the_longest_answers_that_may_come(
        self, priced: Running, upstream: RawServer, fields: dict[str, Any]
    ) -> None:
        upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        _, key = self.key(priced, max_budget=5.0)
        assert "may cost" in ask(priced, CHAT, chat("openai-x", **fields), key).json()["error"]["message"]

    @pytest.mark.parametrize("fields", [{"best_of": 10}, {"prompt": ["one", "two", "three", "four", "five"] * 2}])
    def test_reserve_for_all_completions_that_are_made(
        self, priced: Running, upstream: RawServer, fields: dict[str, Any]
    ) -> None:
        upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        _, key = self.key(priced, max_budget=5.0)
        asked = {"model": "openai-x", "prompt": "hello", "max_tokens": 100, **fields}
        assert "may cost" in ask(priced, "/v1/completions", asked, key).json()["error"]["message"]

    def test_are_not_got_around_by_fallbacks_that_cost_more_or_nobody_knows_what(
        self, priced: Running, upstream: RawServer
    ) -> None:
        upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        _, key = self.key(priced, max_budget=5.0)
        assert ask(priced, CHAT, chat("openai-x", max_tokens=9), key).status_code == 200
        refused = ask(priced, CHAT, chat("openai-x", max_tokens=9, fallbacks=["free-for-all"]), key)
        assert refused.status_code == 429
        assert "price of openai-x is unknown" in refused.json()["error"]["message"]

    @pytest.mark.parametrize(
        "limits", [{"model_max_budget": {"openai-dear": {"max_budget": 0.17}}}, {"model_rpm_limit": {"openai-d*": 1}}]
    )
    def test_of_a_model_are_not_got_around_by_asking_for_another_that_fails(
        self, priced: Running, upstream: RawServer, limits: dict[str, Any]
    ) -> None:
        key_id, key = self.key(priced, **limits)
        asked = chat("anthropic-x", max_tokens=3, fallbacks=["openai-dear"])  # the upstream does not speak its format
        for status in (200, 429):
            upstream.script = whole({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
            assert ask(priced, CHAT, asked, key).status_code == status
        assert [row["provider_model"] for row in rows(priced) if row["key_id"] == key_id] == ["sim-dear", None]
        assert ask(priced, CHAT, chat("openai-x", max_tokens=3), key).status_code == 200

    def test_are_charged_for_a_client_that_did_not_wait_for_the_first_event(
        self, priced: Running, upstream: RawServer
    ) -> None:
        key_id, key = self.key(priced, max_budget=50.0)
        upstream.script = Script([], ending="stay")
        asked = len(upstream.requests)
        _leave(priced, chat("openai-x", stream=True, max_tokens=7), lambda: len(upstream.requests) > asked, key)
        until = time.monotonic() + 10
        while not (spent := self.budget(priced, key_id)["spent"]):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert 0 < spent < 1
        assert self.budget(priced, key_id)["reserved"] == 0

    def budget(self, gateway: Running, key_id: str) -> dict[str, Any]:
        found = httpx2.get(f"{gateway.url}/admin/keys/{key_id}", headers=ADMIN).raise_for_status().json()
        budget: dict[str, Any] = found["budgets"][0]
        return budget


@pytest.fixture(scope="module")
def caching(upstream: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = {"litellm_settings": {"cache": True, "cache_params": {"type": "local"}}}
    with running_gateway(config(upstream.url, settings=settings), tmp_path_factory.mktemp("caching")) as running:
        yield running


class TestTheCache:
    def test_keeps_no_answer_of_a_model_that_one_caller_wished_for(self, caching: Running, upstream: RawServer) -> None:
        upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        wished = ask(caching, CHAT, chat("openai-x", fallbacks=["openai-other"]))
        assert "x-lingate-cache" not in wished.headers
        assert ask(caching, CHAT, chat("openai-x")).headers["x-lingate-cache"] == "miss"

    def test_lets_nobody_fail_by_the_impatience_of_another(self, caching: Running, upstream: RawServer) -> None:
        upstream.script = Script([], ending="stay")
        answers: list[int] = []
        hasty = threading.Thread(
            target=lambda: answers.append(ask(caching, CHAT, chat("openai-y", timeout=0.6, num_retries=0)).status_code)
        )
        asked = len(upstream.requests)
        hasty.start()
        while len(upstream.requests) == asked:
            time.sleep(0.01)
        upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        assert ask(caching, CHAT, chat("openai-y")).status_code == 200
        hasty.join(10)
        assert answers[0] >= 408


class TestWhenTheGatewayStops:
    def test_calls_without_an_answer_are_told_and_written_down(self, upstream: RawServer, tmp_path: Path) -> None:
        upstream.script = Script([], ending="stay")
        answers: list[httpx2.Response] = []
        with running_gateway(config(upstream.url, drain=0.3), tmp_path) as gateway:
            asked = len(upstream.requests)
            callers = [
                threading.Thread(target=lambda more=more: answers.append(ask(gateway, CHAT, chat("openai-x", **more))))
                for more in ({}, {"stream": True})
            ]
            for caller in callers:
                caller.start()
            while len(upstream.requests) < asked + 2:
                time.sleep(0.01)
        for caller in callers:
            caller.join(10)

        assert [answer.status_code for answer in answers] == [503, 503]
        assert all("shutting down" in answer.json()["error"]["message"] for answer in answers)


async def test_a_list_of_calls_that_is_cut_short_by_the_database_says_so() -> None:
    store = Store("postgresql://nobody@127.0.0.1:1/nothing")
    pieces: list[bytes] = []
    with pytest.raises(StoreError):
        async for piece in rows_csv(Usage(store)):
            pieces.append(piece)
    await store.close()
    assert b"INCOMPLETE" in pieces[-1]


class TestAnswersWithoutAnEnd:
    @pytest.fixture(scope="class")
    @classmethod
    def bounded(cls, upstream: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
        own = config(upstream.url, limits={"max_answer": "1MB"})
        with running_gateway(own, tmp_path_factory.mktemp("bounded")) as running:
            yield running

    @pytest.mark.parametrize("ending", ["terminator", "stay"])
    def test_in_one_piece_are_not_read_to_their_end(
        self, bounded: Running, upstream: RawServer, ending: Literal["terminator", "stay"]
    ) -> None:
        upstream.script = Script([b" " * 65536] * 20, ending=ending, headers=JSON)
        found = ask(bounded, CHAT, chat("openai-x"))

        assert found.status_code == 502
        assert "could not be understood" in found.json()["error"]["message"]
        assert rows(bounded)[-1]["error"] == "protocol"

    def test_that_just_fit_are_given(self, bounded: Running, upstream: RawServer) -> None:
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        size = 2**20 - len(whole(usage, padding="").pieces[0])
        upstream.script = whole(usage, padding="x" * size)
        assert len(upstream.script.pieces[0]) == 2**20
        assert ask(bounded, CHAT, chat("openai-x")).status_code == 200
        upstream.script = whole(usage, padding="x" * (size + 1))
        assert ask(bounded, CHAT, chat("openai-x")).status_code == 502

    def test_where_a_stream_was_asked_for_are_not_kept(self, gateway: Running, upstream: RawServer) -> None:
        before = _memory()
        upstream.script = Script([b" " * 2**20] * 400, headers=JSON)
        found = ask(gateway, CHAT, chat("openai-x", stream=True))

        assert found.status_code == 502
        assert _memory() - before < 400 * 2**20


def _memory() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
