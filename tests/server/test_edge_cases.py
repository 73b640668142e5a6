"""What callers, owners and providers do seldom: each is answered as it should be, and written down."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from bisect import bisect_left
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.server.access.inputs import NewKey
from lingate.server.access.service import RefusedError
from lingate.server.config import ConfigFileError, GatewayConfig, load
from tests.server.access_kit import ROOT, Admin, access
from tests.server.asking import ask, chunks, deltas, rows
from tests.server.gateway_kit import ADMIN, Running, running_gateway
from tests.server.raw_upstream import CHAT, chat, chunk, config, whole
from tests.server.test_admin import admin
from tests.servers import RawServer, Script

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


@pytest.mark.parametrize("url", ["sqlite", "postgres"])
async def test_one_token_brought_along_twice_at_once_is_one_key(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = str(request.getfixturevalue("postgres")) if url == "postgres" else None
    async with access(tmp_path, url=place) as found:
        wanted = [found.service.create_key(ROOT, NewKey(key="sk-brought-along-by-its-owner")) for _ in range(4)]
        made = await asyncio.gather(*wanted, return_exceptions=True)
    assert [one.status for one in made if isinstance(one, RefusedError)] == [409] * 3
    assert sum(isinstance(one, tuple) for one in made) == 1


def test_a_request_that_can_be_read_and_is_too_deep_to_be_sent_on_is_its_callers_fault(
    upstream: RawServer, tmp_path: Path
) -> None:
    upstream.script = whole(USAGE)
    with running_gateway(config(upstream.url), tmp_path) as gateway, httpx2.Client(timeout=20) as client:

        def asked(model: str, depth: int) -> int:
            body = json.dumps(chat(model, odd=0)).replace('"odd": 0', f'"odd": {"[" * depth}{"]" * depth}')
            return client.post(gateway.url + CHAT, content=body).status_code

        # How deep is too deep is Python's own: 1,000 levels in all of 3.11, 10,000 of C's own in 3.13.
        deepest = bisect_left(range(200_000), x=True, key=lambda depth: asked("openai-x", depth) != 200)
        found = {
            model: {asked(model, depth) for depth in range(deepest - 40, deepest + 20)}
            for model in ("openai-x", "anthropic-x", "gemini-x")
        }
    # The upstream speaks OpenAI's format only.
    assert found == {"openai-x": {200, 400}, "anthropic-x": {502, 400}, "gemini-x": {502, 400}}


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_a_stream_that_nobody_asked_for_is_answered_in_one_piece(
    path: str, upstream: RawServer, tmp_path: Path
) -> None:
    pieces = [chunk({"content": "one "}), chunk({"content": "two"}, "stop"), chunk({}, usage=USAGE)]
    upstream.script = Script([*pieces, b"data: [DONE]\n\n"])
    with running_gateway(config(upstream.url), tmp_path) as gateway, httpx2.Client(timeout=20) as client:
        answer = client.post(gateway.url + path, json=chat("openai-x", max_tokens=9))
        (row,) = rows(gateway)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert "one two" in json.dumps(answer.json())
    assert (row["prompt_tokens"], row["completion_tokens"]) == (3, 2)


def test_codex_patches_files_with_a_model_whose_host_has_functions_only(upstream: RawServer, tmp_path: Path) -> None:
    entry = {"model": "hosted_vllm/qwen", "api_base": f"{upstream.url}/v1", "api_key": "k", "max_retries": 0}
    settings = {"model_list": [{"model_name": "q", "litellm_params": entry}], "litellm_settings": {"drop_params": True}}
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    tool = {"type": "custom", "name": "apply_patch", "description": "d", "format": grammar}
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "apply_patch", "arguments": ""}}
    pieces = [{**call, "function": {"arguments": text}} for text in ('{"input":"*** Be', 'gin"}')]
    chunks = [chunk({"tool_calls": [piece]}) for piece in (call, *pieces)]
    upstream.script = Script([*chunks, chunk({}, "tool_calls", usage=USAGE), b"data: [DONE]\n\n"])
    with running_gateway(json.dumps(settings), tmp_path) as gateway, httpx2.Client(timeout=20) as client:
        body = {"model": "q", "input": "hi", "tools": [tool], "stream": True, "store": False}
        text = client.post(f"{gateway.url}/v1/responses", json=body).text

    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    (item,) = events[-1]["response"]["output"]
    assert (item["type"], item["call_id"], item["input"]) == ("custom_tool_call", "c1", "*** Begin")
    assert [event["delta"] for event in events if event["type"] == "response.custom_tool_call_input.delta"]
    (sent,) = json.loads(upstream.requests[-1])["tools"]
    assert (sent["type"], sent["function"]["name"]) == ("function", "apply_patch")
    assert "start: x" in sent["function"]["description"]


def test_what_may_be_kept_for_an_hour_is_reserved_for_at_the_price_of_that(upstream: RawServer, tmp_path: Path) -> None:
    models = [
        {
            "model_name": "claude",
            "litellm_params": {
                "model": "anthropic/claude-sonnet-4-5",
                "api_base": upstream.url,
                "api_key": "k",
                "max_retries": 0,
            },
        }
    ]
    upstream.script = Script([b"{}"], status=529)
    statuses = []
    with running_gateway(json.dumps({"model_list": models}), tmp_path, auth=True) as gateway:
        made = ask(gateway, "/key/generate", {"max_budget": 0.048}, ADMIN).json()
        for marks in ({}, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}):
            content = [{"type": "text", "text": "x" * 10_000, **marks}]
            body = {"model": "claude", "max_tokens": 1, "messages": [{"role": "user", "content": content}]}
            answer = ask(gateway, CHAT, body, {"authorization": f"Bearer {made['key']}"})
            statuses.append((answer.status_code, answer.json()["error"]["code"]))
    assert [code == "budget_exceeded" for _, code in statuses] == [False, True]


def _two(upstream: str, **routing: Any) -> str:
    params = {"model": "openai/sim", "api_base": f"{upstream}/v1", "api_key": "k", "max_retries": 0}
    entries = [
        {"model_name": "m", "litellm_params": params, "model_info": {"id": name}} for name in ("one", 2, "three")
    ]
    return json.dumps({"model_list": entries, "router_settings": routing})


def test_calls_of_one_conversation_go_to_one_deployment(upstream: RawServer, tmp_path: Path) -> None:
    upstream.script = whole(USAGE)
    with running_gateway(_two(upstream.url, optional_pre_call_checks=["session_affinity"]), tmp_path) as gateway:
        for header in ("x-lingate-session-id", "x-litellm-session-id", "x-litellm-trace-id"):
            where = {
                ask(gateway, CHAT, chat("m"), {header: session}).headers["x-lingate-model-id"]
                for session in ["abc"]
                for _ in range(12)
            }
            assert len(where) == 1
        others = {
            ask(gateway, CHAT, chat("m"), {"x-lingate-session-id": f"s{number}"}).headers["x-lingate-model-id"]
            for number in range(24)
        }
    assert others == {"one", "2", "three"}


@pytest.mark.parametrize("name", ["timeout", "num-retries"])
@pytest.mark.parametrize("text", ["soon", "nan", "9" * 5000, "1.e400", "-1"])
def test_a_wish_that_is_no_number_is_refused(upstream: RawServer, tmp_path: Path, name: str, text: str) -> None:
    asked = len(upstream.requests)
    with running_gateway(config(upstream.url), tmp_path) as gateway:
        answer = ask(gateway, CHAT, chat("openai-x"), {f"x-lingate-{name}": text})
    assert answer.status_code == 400
    assert name.replace("-", "_") in answer.json()["error"]["message"]
    assert len(answer.text) < 400
    assert len(upstream.requests) == asked


@pytest.mark.parametrize("bad", [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80"])
def test_a_stream_whose_text_is_no_text_ends_with_an_error(upstream: RawServer, tmp_path: Path, bad: bytes) -> None:
    words = [chunk({"content": "aaaa"}).replace(b"aaaa", text) for text in (b"one ", b"two ", bad, b"three ")]
    upstream.script = Script(
        [*words, chunk({}, "stop", usage=USAGE), b"data: [DONE]\n\n"],
        pause=0.03,
    )
    with running_gateway(config(upstream.url), tmp_path) as gateway:
        answer = ask(gateway, CHAT, chat("openai-x", stream=True))
        (row,) = rows(gateway)
    assert deltas(answer) == "one two "
    assert "could not be understood" in chunks(answer)[-1]["error"]["message"]
    assert (row["status"], row["error"], row["estimated"]) == (200, "protocol", 1)


async def test_teams_are_deleted_by_litellms_words_and_other_times_and_characters_are_refused(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        for name in ("a", "b"):
            assert (await api.ask("POST", "/team/new", {"team_id": name}))[0] == 200
        assert (await api.ask("POST", "/team/delete", {"team_ids": ["a", "nobody"]}))[0] == 404
        assert {team["team_id"] for team in (await api.ask("GET", "/team/list"))[1]} == {"a", "b"}
        assert await api.ask("POST", "/team/delete", {"team_ids": ["a", "b"]}) == (200, {"deleted_teams": ["a", "b"]})
        assert await api.ask("GET", "/team/list") == (200, [])
        for since in ("9999-12-31", "1969-12-31", "1e5"):
            status, answer = await api.ask("GET", "/admin/spend", query=f"since={since}")
            assert (status, answer["error"]["param"]) == (400, "since")
        for body in (
            {"alias": "a\u0007b"},
            {"metadata": {"a": "\u0007"}, "tags": ["\u007f"]},
            {"aliases": {"a\n": "b"}},
        ):
            status, answer = await api.ask("POST", "/admin/keys", body)
            assert status == 400


@pytest.mark.parametrize("model", ["anthropic-x", "gemini-x"])
def test_a_stream_that_came_as_json_under_the_name_of_one_is_a_stream_to_its_client(
    upstream: RawServer, tmp_path: Path, model: str
) -> None:
    spoken = [{"type": "text", "text": "hello"}]
    message = {"id": "m", "type": "message", "role": "assistant", "content": spoken, "stop_reason": "end_turn"}
    candidate = {"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}
    upstream.script = Script([json.dumps(message if model[0] == "a" else [{"candidates": [candidate]}]).encode()])
    hi = {"role": "user", "content": "hi", "parts": [{"text": "hi"}]}
    path = "/v1/messages" if model[0] == "a" else f"/v1beta/models/{model}:streamGenerateContent?alt=sse"
    body = {"messages": [hi], "model": model, "max_tokens": 5, "stream": True, "contents": [hi]}

    with running_gateway(config(upstream.url), tmp_path) as gateway:
        answer = ask(gateway, path, body)

    told = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    assert any('"hello"' in line for line in told)


@pytest.mark.parametrize("path", ["/v1/messages", CHAT, "/v1/responses"])
def test_a_stream_that_came_as_a_list_of_json_is_a_stream_to_clients_of_each_format(
    upstream: RawServer, tmp_path: Path, path: str
) -> None:
    candidate = {"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}
    body = json.dumps([{"candidates": [candidate]}]).encode()
    upstream.script = Script([body], headers={"content-type": "application/json"})
    asked = {"model": "gemini-x", "max_tokens": 5, "stream": True}
    said = {"input": "hi"} if path == "/v1/responses" else {"messages": [{"role": "user", "content": "hi"}]}

    with running_gateway(config(upstream.url), tmp_path) as gateway:
        answer = ask(gateway, path, asked | said)

    assert answer.status_code == 200
    assert any('"hello"' in line for line in answer.text.splitlines() if line.startswith("data: {"))


def test_a_page_of_another_site_reads_long_answers_of_the_admin_side_too(upstream: RawServer, tmp_path: Path) -> None:
    site = "https://app.example"
    with running_gateway(config(upstream.url, cors={"allow_origins": [site]}), tmp_path, auth=True) as gateway:
        answer = httpx2.get(gateway.url + "/admin/spend/rows.csv", headers={**ADMIN, "origin": site}, timeout=20)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == site
        other = httpx2.get(
            gateway.url + "/admin/spend/rows.csv", headers={**ADMIN, "origin": "https://evil"}, timeout=20
        )
        assert "access-control-allow-origin" not in other.headers


def test_bodies_of_the_gateways_own_pages_are_bounded_and_read_strictly(upstream: RawServer, tmp_path: Path) -> None:
    with running_gateway(config(upstream.url), tmp_path, auth=True) as gateway:
        for raw, status in (
            (b"{", 400),
            (b"\xff", 400),
            (b"[]", 404),
            (b"[" * 5000, 400),
            (b" " * (1 << 20) + b"{}", 413),
        ):
            shown = httpx2.post(gateway.url + "/api/show", content=raw, headers=ADMIN, timeout=20)
            assert (raw[:9], shown.status_code) == (raw[:9], status)
        for raw, status in ((b"", 201), (b" " * (1 << 20), 400), (b" " * (1 << 20) + b"{}", 413)):
            made = httpx2.post(gateway.url + "/admin/keys", content=raw, headers=ADMIN, timeout=20)
            assert (len(raw), made.status_code) == (len(raw), status)
            assert status == 201 or made.json()["error"]["message"]


def _answered_by(gateway: Running, text: str) -> str:
    return ask(gateway, CHAT, chat("openai-x", user=text, temperature=len(text))).headers.get("x-lingate-cache", "none")


def test_answers_are_kept_as_each_configuration_says(upstream: RawServer, tmp_path: Path, redis: str) -> None:
    upstream.script = whole(USAGE)

    def with_cache(**params: Any) -> GatewayConfig:
        settings = {"litellm_settings": {"cache": True, "cache_params": params}} if params else {}
        file = tmp_path / "another.yaml"
        file.write_text(config(upstream.url, settings=settings))
        return load(str(file), {})

    with running_gateway(config(upstream.url), tmp_path) as gateway:

        def change(**params: Any) -> None:
            done = threading.Event()
            gateway.loop.call_soon_threadsafe(lambda: (gateway.gateway.reload(with_cache(**params)), done.set()))
            assert done.wait(10)

        told = [_answered_by(gateway, "a")]
        for params in (
            {"type": "local", "default_in_memory_ttl": 60},
            {"type": "redis", "url": redis},
            {"type": "redis", "url": redis, "default_in_redis_ttl": 60, "namespace": "x"},
            {},
            {"type": "redis", "url": redis},
        ):
            change(**params)
            told += [_answered_by(gateway, "a")]
            time.sleep(0.1)
            told += [_answered_by(gateway, "a")]
        assert gateway.gateway.reloads.count == 5
        assert len(rows(gateway)) == 11
    assert told == ["none", "miss", "hit", "miss", "hit", "miss", "hit", "none", "none", "hit", "hit"]


def test_a_deployment_that_rests_here_rests_on_the_other_replicas(
    upstream: RawServer, tmp_path: Path, redis: str
) -> None:
    upstream.script = Script([b"{}"], status=429, headers={"retry-after": "30", "content-type": "application/json"})
    models = [
        {"model_name": "m", "litellm_params": {"model": "openai/sim", "api_base": f"{upstream.url}/v1", "api_key": "k"}}
    ]
    text = json.dumps({"model_list": models, "router_settings": {"num_retries": 0}})
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with (
        running_gateway(text, tmp_path / "a", env={"LINGATE_REDIS_URL": redis}) as one,
        running_gateway(text, tmp_path / "b", env={"LINGATE_REDIS_URL": redis}) as other,
    ):
        time.sleep(0.3)
        assert ask(one, CHAT, chat("m")).status_code == 429
        asked = len(upstream.requests)
        time.sleep(0.3)
        answer = ask(other, CHAT, chat("m"))
        assert (answer.status_code, len(upstream.requests)) == (429, asked)
        assert 25 <= int(answer.headers["retry-after"]) <= 30


def test_a_key_for_what_its_provider_does_not_do_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    entry = {"model_name": "m", "litellm_params": {"model": "anthropic/claude-sonnet-4-5", "api_key": "sk-the-owners"}}
    settings = {
        "model_list": [entry],
        "general_settings": {"allow_client_side_credentials": True},
        "lingate": {"allowed_hosts": ["[:::]", "::1.2.3"]},  # the first is no address: it stands for nothing
    }
    file = tmp_path / "odd.yaml"
    file.write_text(json.dumps(settings))
    with pytest.raises(ConfigFileError, match=r"allowed_hosts\[1\] must be a host"):
        load(str(file), {})
    settings["lingate"] = {"allowed_hosts": ["[:::]"]}
    with running_gateway(json.dumps(settings), tmp_path) as gateway:
        for more in ({}, {"api_base": "http://[:::]/v1"}, {"api_base": "http://[::1]/v1"}):
            answer = ask(gateway, "/v1/embeddings", {"model": "m", "input": "x", "api_key": "mine", **more})
            assert answer.status_code == 400
            assert "sk-the-owners" not in answer.text
        assert [(row["status"], row["attempts"]) for row in rows(gateway)] == [(400, 0)] * 3


@pytest.mark.parametrize("table", ["usage_hours", "ledger"])
def test_a_ledger_that_cannot_be_read_lets_budgets_count_here(upstream: RawServer, tmp_path: Path, table: str) -> None:
    upstream.script = whole(USAGE)
    with running_gateway(config(upstream.url), tmp_path, auth=True) as gateway:
        made = [ask(gateway, "/key/generate", {"max_budget": 100}, ADMIN).json() for _ in range(2)]
        keys = [{"authorization": f"Bearer {one['key']}"} for one in made]
        assert ask(gateway, CHAT, chat("openai-x"), keys[0]).status_code == 200
        gateway.flush()
        with sqlite3.connect(gateway.state / "gateway.db") as database:
            database.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
        database.close()
        assert ask(gateway, CHAT, chat("openai-x"), keys[1]).status_code == 200
        shown = httpx2.get(gateway.url + "/admin/keys", headers=ADMIN, timeout=20)
        assert shown.status_code == 200
        with sqlite3.connect(gateway.state / "gateway.db") as database:
            database.execute(f"ALTER TABLE elsewhere RENAME TO {table}")
        database.close()
        gateway.flush()
        assert [row["status"] for row in rows(gateway)] == [200, 200]


@pytest.mark.parametrize("url", ["sqlite", "postgres"])
async def test_a_database_that_takes_no_change_is_said_to_be_the_reason(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = str(request.getfixturevalue("postgres")) if url == "postgres" else f"sqlite:///{tmp_path}/access.db"
    async with access(tmp_path, url=place) as found:
        api = Admin(found)
        assert (await api.ask("POST", "/admin/keys", {}))[0] == 201
        async with found.database._store.write() as connection:
            await connection.exec_driver_sql("ALTER TABLE audit RENAME TO elsewhere")
        for method, path in (("POST", "/admin/keys"), ("GET", "/admin/audit")):
            status, answer = await api.ask(method, path, {} if method == "POST" else None)
            assert (status, answer["error"]["type"]) == (503, "store_unavailable")
        assert len(found.keys.records) == 1


def test_deployments_of_no_weight_are_asked_where_no_other_is_left(upstream: RawServer, tmp_path: Path) -> None:
    upstream.script = whole(USAGE)
    params = {"model": "openai/sim", "api_key": "k", "max_retries": 0}
    entries = [
        {
            "model_name": "m",
            "litellm_params": {**params, "api_base": f"{base}/v1", "weight": weight},
            "model_info": {"id": name},
        }
        for name, weight, base in (
            ("dear", 1, "http://127.0.0.1:9"),
            ("spare", 0, upstream.url),
            ("third", 0, upstream.url),
        )
    ]
    found = set()
    for strategy in ("simple-shuffle", "latency-based-routing", "least-busy"):
        routing = {"routing_strategy": strategy, "retry_after": 0, "num_retries": 2, "cooldown_time": 0}
        with running_gateway(json.dumps({"model_list": entries, "router_settings": routing}), tmp_path) as gateway:
            for _ in range(8):
                answer = ask(gateway, CHAT, chat("m"))
                assert answer.status_code == 200
                found.add(answer.headers["x-lingate-model-id"])
    assert found == {"spare", "third"}


def test_one_end_users_limits_are_nobody_elses(upstream: RawServer, tmp_path: Path) -> None:
    upstream.script = whole(USAGE)
    with running_gateway(config(upstream.url), tmp_path, auth=True) as gateway:
        made = ask(gateway, "/customer/new", {"user_id": "ann", "rpm_limit": 1}, ADMIN)
        assert made.status_code == 200
        statuses = [ask(gateway, CHAT, chat("openai-x", user=name), ADMIN).status_code for name in ("ann", "bob") * 2]
    assert statuses == [200, 200, 429, 200]


def _told(error: str) -> bytes:
    return b'data: {"error": {"message": "no", "type": "%s", "code": "%s"}}\n\n' % (error.encode(), error.encode())


@pytest.mark.parametrize(
    ("pieces", "continued"),
    [
        ([chunk({"content": "one "})], True),
        ([chunk({"content": "one "}), _told("server_error")], True),
        ([chunk({"content": "one "}), _told("content_policy_violation")], False),
        ([chunk({"content": "one "}), chunk({"content": "two "}).replace(b'"index": 0', b'"index": 1')], False),
    ],
    ids=["cut", "error", "refusal", "two answers"],
)
def test_only_what_another_can_go_on_with_is_gone_on_with(
    upstream: RawServer, tmp_path: Path, pieces: list[bytes], continued: bool
) -> None:
    with RawServer(whole(USAGE)) as other:
        other.script = Script([chunk({"content": "rest"}), chunk({}, "stop", usage=USAGE), b"data: [DONE]\n\n"])
        upstream.script = Script(pieces, "close")
        entries = [
            {"model_name": "m", "litellm_params": {"model": "openai/sim", "order": order, "max_retries": 0, **params}}
            for order, params in enumerate(
                (
                    {"api_base": f"{upstream.url}/v1", "api_key": "k"},
                    {"model": "anthropic/claude-sonnet-4-5"},  # no credential
                    {"api_base": f"{other.url}/v1", "api_key": "k"},
                ),
                1,
            )
        ]
        settings = {"model_list": entries, "lingate": {"continue_streams": True}}
        with running_gateway(json.dumps(settings), tmp_path, env={}) as gateway:
            answer = ask(gateway, CHAT, chat("m", stream=True))
            (row,) = rows(gateway)
    assert (len(other.requests) == 1) is continued
    assert deltas(answer).startswith("one ")
    assert (row["status"], row["error"] is None, row["attempts"]) == (200, continued, 1 + continued)
    assert ("error" in answer.text) is not continued
