"""What calls cost and what is written down about them, whatever the provider says of its usage."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from lingate.simulator import Simulator
from tests.server.asking import ask, budget_of, new_key, rows
from tests.server.gateway_kit import ADMIN, Running, running_gateway
from tests.server.raw_upstream import CHAT, JSON, PRICES, chat, chunk, config, event, whole
from tests.servers import RawServer, Script
from tests.services import Service

GOOD = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
HUGE = 10**30


@pytest.fixture(scope="module")
def gateway(upstream: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_gateway(config(upstream.url), tmp_path_factory.mktemp("money"), auth=True) as running:
        yield running


def streamed(usage: Any) -> Script:
    said = chunk({"role": "assistant", "content": "hello"})
    return Script([said, chunk({}, "stop", usage=usage), b"data: [DONE]\n\n"])


NONSENSE: dict[str, Any] = {
    "negative": {"prompt_tokens": -20, "completion_tokens": 20, "total_tokens": 0},
    "all negative": {"prompt_tokens": -1000, "completion_tokens": -1000, "total_tokens": -2000},
    "absurd": {"prompt_tokens": HUGE, "completion_tokens": 5, "total_tokens": HUGE + 5},
    "beyond a float": {"prompt_tokens": 10**400, "completion_tokens": 5, "total_tokens": 10**400 + 5},
    "a cost that cannot be": {**GOOD, "cost": 1e300},
    "texts": {"prompt_tokens": "10", "completion_tokens": "5"},
    "lists": {"prompt_tokens": [1], "completion_tokens": {"a": 1}},
    "details of the wrong type": {**GOOD, "prompt_tokens_details": [1], "completion_tokens_details": "x"},
    "parts larger than the whole": {**GOOD, "prompt_tokens_details": {"cached_tokens": 99, "audio_tokens": 10**30}},
    "a list": [1],
    "a text": "many",
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("what", sorted(NONSENSE))
def test_usage_that_cannot_be_neither_fills_nor_empties_a_budget(
    gateway: Running, upstream: RawServer, what: str, stream: bool
) -> None:
    key_id, key = new_key(gateway, max_budget=100.0, tpm_limit=1_000_000)
    usage = NONSENSE[what]
    upstream.script = streamed(usage) if stream else whole(usage)
    answer = ask(gateway, CHAT, chat("openai-x", max_tokens=100, stream=stream), key)

    assert answer.status_code == 200
    row = rows(gateway)[-1]
    assert row["status"] == 200
    assert row["error"] is None
    for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "audio_tokens"):
        assert row[name] is None or 0 <= row[name] < 2**40
    assert row["cost"] is None or 0 <= row["cost"] < 1.2
    budget = budget_of(gateway, key_id)
    assert budget["reserved"] == 0
    assert 0 < budget["spent"] < 1.5
    upstream.script = whole(GOOD)
    assert ask(gateway, CHAT, chat("openai-x", max_tokens=100), key).status_code == 200


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"prompt_tokens": 10},
        {"prompt_tokens": 10, "completion_tokens": None},
        {"completion_tokens": 5, "total_tokens": None},
        {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    ],
    ids=str,
)
def test_an_answer_whose_tokens_nobody_counted_is_not_taken_for_cheap(
    gateway: Running, upstream: RawServer, usage: Any
) -> None:
    key_id, key = new_key(gateway, max_budget=100.0)
    upstream.script = whole(usage)
    assert ask(gateway, CHAT, chat("openai-x", max_tokens=100), key).status_code == 200

    row = rows(gateway)[-1]
    assert row["cost"] is None
    assert row["price"]
    assert budget_of(gateway, key_id)["spent"] > 100 * PRICES["output_cost_per_token"]


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10}])
@pytest.mark.parametrize("ending", ["close", "terminator"])
@pytest.mark.parametrize("asked", [{"max_tokens": 30}, {"max_tokens": 15, "n": 2}, {}], ids=["bounded", "two", "not"])
def test_an_estimate_of_an_answer_is_no_longer_than_the_answer_could_be(
    gateway: Running, upstream: RawServer, asked: dict[str, Any], ending: Any, usage: Any
) -> None:
    # Words of one token each, and of more letters than a token has on average.
    pieces = [chunk({"content": " extraordinarily"}) for _ in range(25)]
    end = [chunk({}, "stop"), chunk({}, usage=usage), b"data: [DONE]\n\n"] if ending == "terminator" else []
    upstream.script = Script([*pieces, *end], ending=ending)
    key_id, headers = new_key(gateway, max_budget=0.5)
    assert ask(gateway, CHAT, chat("openai-x", stream=True, **asked), headers).status_code == 200

    row, budget = rows(gateway)[-1], budget_of(gateway, key_id)
    assert row["estimated"]
    assert row["cost"] <= 0.5
    assert row["completion_tokens"] <= (30 if asked else 50)
    assert (budget["spent"], budget["reserved"]) == (pytest.approx(row["cost"]), 0)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10},
        {"prompt_tokens": 10, "completion_tokens": None},
        {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10},
    ],
    ids=str,
)
def test_a_stream_whose_output_nobody_counted_is_estimated(gateway: Running, upstream: RawServer, usage: Any) -> None:
    text = "a word " * 30
    upstream.script = Script(
        [chunk({"role": "assistant", "content": text}), chunk({}, "stop", usage=usage), b"data: [DONE]\n\n"]
    )
    assert ask(gateway, CHAT, chat("openai-x", stream=True), ADMIN).status_code == 200

    row = rows(gateway)[-1]
    assert (row["prompt_tokens"], row["estimated"]) == (10, 1)
    assert row["completion_tokens"] == len(text) // 3
    assert row["cost"] == pytest.approx(
        10 * PRICES["input_cost_per_token"] + len(text) // 3 * PRICES["output_cost_per_token"]
    )


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("pause", [0.0, 1.2], ids=["while a retry is waited for", "before the refusal"])
def test_a_client_that_has_left_pays_for_no_further_try(
    gateway: Running, upstream: RawServer, stream: bool, pause: float
) -> None:
    refusal = json.dumps({"error": {"message": "later", "type": "overloaded"}}).encode()
    upstream.script = Script([refusal], status=503, headers={**JSON, "retry-after": "2"}, pause=pause)
    key_id, key = new_key(gateway, max_budget=100.0)
    asked, before = len(upstream.requests), len(rows(gateway))

    with pytest.raises(httpx2.TimeoutException):
        httpx2.post(gateway.url + CHAT, json=chat("openai-x", stream=stream, num_retries=2), headers=key, timeout=0.7)

    until = time.monotonic() + 8
    while len(found := rows(gateway)) == before and time.monotonic() < until:
        time.sleep(0.05)
    row = found[-1]
    assert (row["key_id"], row["attempts"], len(upstream.requests) - asked) == (key_id, 1, 1)
    if pause and stream:  # nobody knows yet that it is a refusal
        assert (row["status"], row["estimated"], row["completion_tokens"]) == (499, 1, 0)
    else:
        assert (row["prompt_tokens"], row["cost"]) == (None, None)
    budget = budget_of(gateway, key_id)
    assert (budget["spent"], budget["reserved"]) == (pytest.approx(row["cost"] or 0), 0)


@pytest.mark.parametrize("path", [CHAT, "/elsewhere"])
def test_a_client_that_leaves_while_its_limits_are_asked_for_is_asked_for_nothing(
    upstream: RawServer, tmp_path: Path, redis_server: Service, path: str
) -> None:
    leads = {"path": "/elsewhere", "target": f"{upstream.url}/x", "cost_per_request": 1.0}
    settings = {
        "router_settings": {"redis_url": f"redis://127.0.0.1:{redis_server.port}"},
        "general_settings": {"pass_through_endpoints": [leads]},
    }
    with running_gateway(config(upstream.url, settings=settings), tmp_path, auth=True) as gateway:
        upstream.script = whole(GOOD)
        key_id, key = new_key(gateway, max_budget=100.0)
        assert ask(gateway, path, chat("openai-x", max_tokens=9), key).status_code == 200
        asked, spent = len(upstream.requests), budget_of(gateway, key_id)["spent"]

        redis_server.freeze()
        try:
            with pytest.raises(httpx2.TimeoutException):
                httpx2.post(gateway.url + path, json=chat("openai-x", max_tokens=9), headers=key, timeout=0.3)
            until = time.monotonic() + 8
            while len(found := rows(gateway)) < 2 and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            redis_server.resume()

        assert (found[-1]["status"], found[-1]["error"], found[-1]["cost"]) == (499, "client_left", None)
        assert len(upstream.requests) == asked
        budget = budget_of(gateway, key_id)
        assert (budget["spent"], budget["reserved"]) == (pytest.approx(spent), 0)


def test_a_stream_that_breaks_off_keeps_what_was_said_of_its_input(gateway: Running, upstream: RawServer) -> None:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 40, "cache_creation_input_tokens": 7, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "x", "usage": usage}
    upstream.script = Script(
        [
            event("message_start", message=message),
            event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            event("content_block_delta", index=0, delta={"type": "text_delta", "text": "one two three four"}),
        ],
        ending="close",
    )
    assert ask(gateway, CHAT, chat("anthropic-x", stream=True, max_tokens=9), ADMIN).status_code == 200

    row = rows(gateway)[-1]
    assert (row["error"], row["estimated"]) == ("stream_interrupted", 1)
    assert (row["prompt_tokens"], row["cached_tokens"], row["cache_write_tokens"]) == (50, 40, 7)
    assert row["completion_tokens"] == 6


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("gemini-x", {"generationConfig": {"maxOutputTokens": 5000}}),
        ("gemini-x", {"generation_config": {"max_output_tokens": 5000}}),
        ("gemini-x", {"generationConfig": {"candidateCount": 100}}),
        ("ollama-x", {"options": {"num_predict": 5000}}),
        ("ollama-x", {"num_predict": 5000}),
        ("anthropic-x", {"reasoning_effort": "high"}),
    ],
    ids=str,
)
def test_a_bound_in_a_providers_own_words_is_no_way_around_a_budget(
    gateway: Running, upstream: RawServer, model: str, more: dict[str, Any]
) -> None:
    _, key = new_key(gateway, max_budget=3.0)
    refused = ask(gateway, CHAT, chat(model, max_tokens=5, **more), key)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "budget_exceeded"


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("gemini-x", {"generationConfig": {"maxOutputTokens": 5000, "topK": 3}}),
        ("ollama-x", {"options": {"num_predict": 5000}}),
        ("openai-x", {"max_new_tokens": 5000}),
    ],
    ids=str,
)
def test_what_a_budget_pays_for_bounds_the_answer_whatever_else_is_asked(
    gateway: Running, upstream: RawServer, model: str, more: dict[str, Any]
) -> None:
    _, key = new_key(gateway, max_budget=3.0)
    upstream.script = whole(GOOD)
    ask(gateway, CHAT, chat(model, **more), key)
    sent = json.loads(upstream.requests[-1])
    config = sent.get("generationConfig", {})
    bound = config.get("maxOutputTokens") or sent.get("options", {}).get("num_predict") or sent.get("max_tokens")
    assert 0 < bound < 300
    assert "max_new_tokens" not in sent
    assert config.get("topK", 3) == 3


@pytest.mark.parametrize("more", [{}, {"fallbacks": ["openai-x"]}, {"model": "openai-x", "fallbacks": ["anthropic-x"]}])
def test_thinking_that_takes_more_than_a_budget_has_is_refused(gateway: Running, more: dict[str, Any]) -> None:
    _, key = new_key(gateway, max_budget=3.0)
    refused = ask(gateway, CHAT, {**chat("anthropic-x", reasoning_effort="high"), **more}, key)
    assert refused.status_code == 429
    assert "thinking alone may take 16000" in refused.json()["error"]["message"]


def aliased(upstream: str) -> str:
    params = {"model": "openai/sim", "api_base": f"{upstream}/v1", "api_key": "sk-up", "max_retries": 0, **PRICES}
    entry = {"model_name": "gpt", "litellm_params": params, "model_info": {"id": "the-one"}}
    return json.dumps({"model_list": [entry], "router_settings": {"model_group_alias": {"best": "gpt"}}})


@pytest.mark.parametrize("name", ["gpt", "best", "the-one", "mine"])
def test_a_budget_of_a_model_counts_it_by_every_name_and_after_a_restart(
    upstream: RawServer, tmp_path: Path, name: str
) -> None:
    upstream.script = whole(GOOD)
    with running_gateway(aliased(upstream.url), tmp_path, auth=True) as first:
        limits = {"model_max_budget": {"g*": {"max_budget": 0.17}}, "aliases": {"mine": "gpt"}}
        key_id, key = new_key(first, **limits)
        assert [ask(first, CHAT, chat(name, max_tokens=5), key).status_code for _ in range(2)] == [200, 429]
        assert rows(first)[0]["model"] == ("gpt" if name == "mine" else name)
    with running_gateway(aliased(upstream.url), tmp_path, auth=True) as second:
        assert ask(second, CHAT, chat("gpt", max_tokens=5), key).status_code == 429
        assert budget_of(second, key_id)["spent"] == pytest.approx(0.06)


def test_a_deeply_nested_request_is_written_down_too(upstream: RawServer, tmp_path: Path) -> None:
    upstream.script = whole(GOOD)
    with running_gateway(config(upstream.url, ledger={"store_prompts": True}), tmp_path) as gateway:
        answered = 0
        for depth in range(100, 1100, 50):
            nested = "[" * depth + "]" * depth
            for text in ('"hello"', '"\\ud800"'):
                body = f'{{"model": "openai-x", "messages": [{{"role": "user", "content": {text}}}], "odd": {nested}}}'
                found = httpx2.post(gateway.url + CHAT, content=body, timeout=20)
                assert found.status_code in (200, 400)
                answered += found.status_code == 200
        assert answered > 5
        assert [row["status"] for row in rows(gateway)].count(200) == answered


class TestAClientThatDoesNotWait:
    def test_for_an_answer_that_counts_no_tokens_leaves_the_reservation_standing(self, tmp_path: Path) -> None:
        with Simulator() as simulator, running_gateway(config(simulator.url), tmp_path, auth=True) as gateway:
            key_id, key = new_key(gateway, max_budget=100.0)
            at = urlsplit(gateway.url)
            body = json.dumps(chat("openai-first-400-fault-no-usage", max_tokens=100)).encode()
            head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: {key['authorization']}\r\n"
            with socket.create_connection((at.hostname, at.port)) as wire:
                wire.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                time.sleep(0.2)
            time.sleep(0.5)
            row = rows(gateway)[-1]
            assert (row["status"], row["cost"], row["price"] is None) == (499, None, False)
            budget = budget_of(gateway, key_id)
            assert (budget["spent"] > 1.0, budget["reserved"]) == (True, 0)

    @pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
    def test_and_says_so_before_pays_for_what_was_asked(
        self, gateway: Running, upstream: RawServer, stream: bool
    ) -> None:
        key_id, key = new_key(gateway, max_budget=100.0)
        upstream.script = Script([], ending="stay")
        answer = ask(gateway, CHAT, chat("openai-x", max_tokens=100, stream=stream, timeout=0.3, num_retries=0), key)

        assert answer.status_code >= 400
        row = rows(gateway)[-1]
        assert (row["error"] in ("timeout", "deadline"), row["attempts"], row["estimated"]) == (True, 1, 1)
        assert row["prompt_tokens"] > 0
        assert row["cost"] == pytest.approx(row["prompt_tokens"] * PRICES["input_cost_per_token"])
        budget = budget_of(gateway, key_id)
        assert (budget["spent"], budget["reserved"]) == (pytest.approx(row["cost"]), 0)


def test_calls_that_generate_no_text_leave_the_rest_of_a_budget_alone(tmp_path: Path) -> None:
    with Simulator() as simulator, running_gateway(config(simulator.url), tmp_path, auth=True) as gateway:
        key_id, key = new_key(gateway, max_budget=500.0)
        for path, body in (
            ("/v1/moderations", {"input": "hello"}),
            ("/v1/embeddings", {"input": ["hello"] * 3}),
            ("/v1/images/generations", {"prompt": "a hat", "n": 2}),
            ("/v1/audio/speech", {"input": "hello", "voice": "alloy"}),
            ("/v1/messages/count_tokens", {"messages": [{"role": "user", "content": "hello"}]}),
            ("/v1/chat/completions", chat("openai-fault-no-usage")),
        ):
            before = budget_of(gateway, key_id)["spent"]
            found = ask(gateway, path, {"model": "openai-x", **body}, key)
            assert (path, found.status_code) == (path, 200)
            budget = budget_of(gateway, key_id)
            assert budget["reserved"] == 0
            spent = budget["spent"] - before
            assert spent < 15.0, path
            assert (spent == 0) == ("count" in path), path
        files = {"file": ("a.mp3", b"ID3" + bytes(64_000), "audio/mpeg")}
        posted = httpx2.post(
            f"{gateway.url}/v1/audio/transcriptions", headers=key, files=files, data={"model": "openai-x"}, timeout=20
        )
        assert posted.status_code == 200
        assert budget_of(gateway, key_id)["reserved"] == 0


def test_a_recording_is_reserved_for_by_its_length(tmp_path: Path) -> None:
    with Simulator() as simulator, running_gateway(config(simulator.url), tmp_path, auth=True) as gateway:
        _, key = new_key(gateway, max_budget=15.0)
        statuses = []
        for size in (640, 64_000):  # $10 for the shortest, and ten tokens a second at least
            files = {"file": ("a.mp3", b"ID3" + bytes(size), "audio/mpeg")}
            posted = httpx2.post(
                f"{gateway.url}/v1/audio/transcriptions", headers=key, files=files, data={"model": "openai-x"}
            )
            statuses.append(posted.status_code)

        assert statuses == [200, 429]
        assert [row["attempts"] for row in rows(gateway)] == [1, 0]


@pytest.mark.parametrize("price", ["input_cost_per_token", "output_cost_per_token"])
def test_half_a_price_is_none_under_a_budget(upstream: RawServer, tmp_path: Path, price: str) -> None:
    params = {"model": "openai/sim", "api_base": f"{upstream.url}/v1", "api_key": "sk-up", price: 0.001}
    text = json.dumps({"model_list": [{"model_name": "half", "litellm_params": params}]})
    with running_gateway(text, tmp_path, auth=True) as gateway:
        _, key = new_key(gateway, max_budget=500.0)
        refused = ask(gateway, CHAT, chat("half", max_tokens=5), key)
        assert refused.status_code == 429
        assert "price of half is unknown" in refused.json()["error"]["message"]


@pytest.mark.parametrize("brought", [True, False])
def test_the_longest_answer_of_a_fallback_that_nobody_knows_is_reserved_for(
    upstream: RawServer, tmp_path: Path, brought: bool
) -> None:
    params = {"model": "openai/sim", "api_base": f"{upstream.url}/v1", "api_key": "sk-up", "max_retries": 0, **PRICES}
    entries = [
        {"model_name": "short", "litellm_params": params, "model_info": {"max_output_tokens": 100}},
        {"model_name": "long", "litellm_params": {**params, "model": "openai/nobody"}},
    ]
    settings = {} if brought else {"fallbacks": [{"short": ["long"]}]}
    text = json.dumps({"model_list": entries, "router_settings": settings})
    upstream.script = whole({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
    with running_gateway(text, tmp_path, auth=True) as gateway:
        _, key = new_key(gateway, max_budget=10.0)
        more = {"fallbacks": ["long"]} if brought else {}
        assert ask(gateway, CHAT, chat("short", **more), key).status_code == 200
        sent = json.loads(upstream.requests[-1])
        assert 100 < (sent.get("max_tokens") or sent["max_completion_tokens"]) < 1000


@pytest.mark.parametrize("where", ["brought", "fallback", "deployment"])
@pytest.mark.parametrize("dear", [{"input_cost_per_token": 1.0}, {"output_cost_per_token": 1.0}], ids=["in", "out"])
def test_the_price_of_whoever_is_dearest_is_reserved_for(
    upstream: RawServer, tmp_path: Path, where: str, dear: dict[str, float]
) -> None:
    params = {"model": "openai/sim", "api_base": f"{upstream.url}/v1", "api_key": "sk-up", "max_retries": 0, **PRICES}
    entries = [
        {"model_name": "cheap", "litellm_params": params},
        {"model_name": "cheap" if where == "deployment" else "dear", "litellm_params": {**params, **dear}},
    ]
    settings = {"fallbacks": [{"cheap": ["dear"]}]} if where == "fallback" else {}
    upstream.script = whole(GOOD)
    with running_gateway(
        json.dumps({"model_list": entries, "router_settings": settings}), tmp_path, auth=True
    ) as gateway:
        more = {"fallbacks": ["dear"]} if where == "brought" else {}
        asked = chat("cheap", max_tokens=10, **more)
        assert ask(gateway, CHAT, asked, new_key(gateway, max_budget=5.0)[1]).status_code == 429
        assert ask(gateway, CHAT, asked, new_key(gateway, max_budget=5000.0)[1]).status_code == 200


def test_an_answer_that_its_model_bounds_needs_no_bound_by_the_budget(upstream: RawServer, tmp_path: Path) -> None:
    params = {"model": "openai/sim", "api_base": f"{upstream.url}/v1", "api_key": "sk-up", **PRICES}
    entry = {"model_name": "short", "litellm_params": params, "model_info": {"max_output_tokens": 100}}
    upstream.script = whole(GOOD)
    with running_gateway(json.dumps({"model_list": [entry]}), tmp_path, auth=True) as gateway:
        _, key = new_key(gateway, max_budget=10.0)
        assert ask(gateway, CHAT, chat("short"), key).status_code == 200
    assert json.loads(upstream.requests[-1]).keys().isdisjoint({"max_tokens", "max_completion_tokens"})


def test_tokens_that_an_answer_used_count_at_its_deployment(upstream: RawServer, tmp_path: Path) -> None:
    params = {"model": "openai/sim", "api_base": f"{upstream.url}/v1", "api_key": "sk-up", "tpm": 1_000}
    upstream.script = whole({"prompt_tokens": 600, "completion_tokens": 400, "total_tokens": 1_000})
    with running_gateway(
        json.dumps({"model_list": [{"model_name": "m", "litellm_params": params}]}), tmp_path
    ) as gateway:
        assert [ask(gateway, CHAT, chat("m")).status_code for _ in range(2)] == [200, 429]


def test_a_deployment_whose_streams_break_off_rests(upstream: RawServer, tmp_path: Path) -> None:
    params = {"model": "openai/sim", "api_base": f"{upstream.url}/v1", "api_key": "sk-up"}
    upstream.script = Script([chunk({"role": "assistant", "content": "one"})], ending="close")
    entries = [{"model_name": "m", "litellm_params": params}]
    settings = {"cooldown_time": 600}
    with running_gateway(json.dumps({"model_list": entries, "router_settings": settings}), tmp_path) as gateway:
        found = [ask(gateway, CHAT, chat("m", stream=True)).status_code for _ in range(12)]
    assert found == [200] * 5 + [503] * 7


@pytest.fixture(scope="module")
def listed(upstream: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway whose model has the catalogue's prices."""
    params = {"model": "openai/gpt-4o-mini", "api_base": f"{upstream.url}/v1", "api_key": "sk-up", "max_retries": 0}
    text = json.dumps({"model_list": [{"model_name": "listed", "litellm_params": params}]})
    with running_gateway(text, tmp_path_factory.mktemp("listed")) as running:
        yield running


def test_a_cost_that_a_provider_tells_is_known_though_it_counts_no_tokens(listed: Running, upstream: RawServer) -> None:
    upstream.script = whole({"cost": 0.02})
    upstream.script.headers["x-request-id"] = "theirs-7"
    assert ask(listed, CHAT, chat("listed")).status_code == 200
    row = rows(listed)[-1]
    assert (row["cost"], row["request_id"]) == (0.02, "theirs-7")


def test_a_cost_that_was_told_before_a_stream_broke_off_is_not_that_of_what_came_after(
    listed: Running, upstream: RawServer
) -> None:
    text = "a word " * 30
    told = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11, "cost": 1e-9}
    upstream.script = Script([chunk({"role": "assistant", "content": text}, usage=told)], ending="close")
    assert ask(listed, CHAT, chat("listed", stream=True)).status_code == 200

    row = rows(listed)[-1]
    assert (row["error"], row["completion_tokens"]) == ("stream_interrupted", len(text) // 3)
    assert row["cost"] > 1e-6


def test_what_is_no_name_of_a_model_or_tier_fails_no_answer(listed: Running, upstream: RawServer) -> None:
    upstream.script = whole(GOOD)
    assert ask(listed, CHAT, chat("listed")).status_code == 200
    for more in ({"model": ["x"]}, {"service_tier": {"a": 1}}):
        upstream.script = whole(GOOD, **more)
        assert ask(listed, CHAT, chat("listed")).status_code == 200
        one, other = rows(listed)[-2:]
        assert one["cost"] == other["cost"] > 0


def test_a_call_whose_input_nobody_counted_counts_as_was_reserved(gateway: Running, upstream: RawServer) -> None:
    _, key = new_key(gateway, tpm_limit=1_000)
    body = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    left = []
    for usage in ({}, {}, {"usage": {"prompt_tokens": 3, "total_tokens": 3}}, {}):
        upstream.script = Script([json.dumps(body | usage).encode()], headers=JSON)
        answer = ask(gateway, "/v1/embeddings", {"model": "openai-x", "input": "hello " * 50}, key)
        left.append(int(answer.headers["x-ratelimit-remaining-tokens"]))
    reserved = 1_000 - left[0]
    assert left == [1_000 - reserved, 1_000 - 2 * reserved, 1_000 - 3 * reserved, 1_000 - 3 * reserved - 3]


ODD = {**GOOD, "completion_tokens_details": {"audio_tokens": 50}}


@pytest.mark.parametrize("script", [whole(None), whole(ODD), streamed(ODD)], ids=["nothing", "odd", "odd stream"])
def test_an_answer_that_nobody_counted_does_not_take_all_that_a_budget_had(
    gateway: Running, upstream: RawServer, script: Script
) -> None:
    key_id, key = new_key(gateway, max_budget=5.0)
    upstream.script = script
    assert ask(gateway, CHAT, chat("openai-x", stream=script.headers != JSON), key).status_code == 200

    assert rows(gateway)[-1]["cost"] is None
    budget = budget_of(gateway, key_id)
    assert (0 < budget["spent"] < 1.0, budget["reserved"]) == (True, 0)


def test_calls_of_tools_are_estimated_where_a_stream_breaks_off_in_them(gateway: Running, upstream: RawServer) -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "x" * 90}}
    upstream.script = Script([chunk({"role": "assistant", "tool_calls": [call]})], ending="close")
    assert ask(gateway, CHAT, chat("openai-x", stream=True), ADMIN).status_code == 200

    row = rows(gateway)[-1]
    assert (row["error"], row["estimated"], row["completion_tokens"] >= 30) == ("stream_interrupted", 1, True)


def test_sound_and_reasoning_are_written_down(gateway: Running, upstream: RawServer) -> None:
    heard, made = {"audio_tokens": 30}, {"audio_tokens": 12, "reasoning_tokens": 5}
    counts = {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60}
    for heard_of, made_of, sound in ((heard, made, 42), (heard, {}, 30), ({}, made, 12)):
        details = {"prompt_tokens_details": heard_of, "completion_tokens_details": made_of}
        upstream.script = whole(counts | details)
        assert ask(gateway, CHAT, chat("openai-x"), ADMIN).status_code == 200
        row = rows(gateway)[-1]
        assert (row["audio_tokens"], row["reasoning_tokens"]) == (sound, made_of.get("reasoning_tokens"))


@pytest.mark.parametrize("asked", [{"max_tokens": 40}, {}], ids=["bounded", "unbounded"])
@pytest.mark.parametrize("where", ["deployment", "fallback"])
@pytest.mark.parametrize(
    "owners",
    [{"n": 3}, {"max_tokens": 5000}, {"extra_body": {"max_tokens": 5000}}, {"additional_drop_params": ["max_tokens"]}],
    ids=str,
)
def test_what_an_owner_puts_into_a_request_takes_no_budget_past_its_end(
    upstream: RawServer, tmp_path: Path, owners: dict[str, Any], where: str, asked: dict[str, Any]
) -> None:
    params = {"model": "openai/sim", "api_base": f"{upstream.url}/v1", "api_key": "sk-up", "max_retries": 0, **PRICES}
    fallback: dict[str, Any] = {"model": "other"}
    entries = [
        {
            "model_name": "own",
            "litellm_params": {**params, "model": "openai/sim" if where == "deployment" else "openai/down"},
        },
        {"model_name": "other", "litellm_params": params},
    ]
    if where == "deployment":
        entries[0]["litellm_params"].update(owners)  # type: ignore[attr-defined]
    elif "max_tokens" in owners or "n" in owners:
        fallback |= owners
    else:
        entries[1]["litellm_params"].update(owners)  # type: ignore[attr-defined]
    text = json.dumps({"model_list": entries, "router_settings": {"fallbacks": [{"own": [fallback]}]}})
    upstream.script = whole(GOOD)
    with running_gateway(text, tmp_path, auth=True) as gateway:
        _, key = new_key(gateway, max_budget=0.8)
        asking = len(upstream.requests)
        if where == "fallback":
            upstream.script = Script([b"{}"], status=503, headers=JSON)
        ask(gateway, CHAT, chat("own", **asked), key)
        for request in map(json.loads, upstream.requests[asking:]):
            assert request.get("max_tokens", 10**6) * request.get("n", 1) * PRICES["output_cost_per_token"] <= 0.8


def test_a_tier_that_an_owner_asks_for_is_paid_for(upstream: RawServer, tmp_path: Path) -> None:
    params = {"model": "openai/gpt-5", "api_base": f"{upstream.url}/v1", "api_key": "sk-up", "max_retries": 0}
    entries = [{"model_name": "fast", "litellm_params": {**params, "service_tier": "priority"}}]
    used = {"prompt_tokens": 10, "completion_tokens": 1000, "total_tokens": 1010}
    upstream.script = whole(used, model="gpt-5", service_tier="priority")
    with running_gateway(json.dumps({"model_list": entries}), tmp_path, auth=True) as gateway:
        _, key = new_key(gateway, max_budget=0.015)
        assert ask(gateway, CHAT, chat("fast", max_tokens=1000), key).status_code == 429
        key_id, key = new_key(gateway, max_budget=0.025)
        assert ask(gateway, CHAT, chat("fast", max_tokens=1000), key).status_code == 200
        budget = budget_of(gateway, key_id)
        assert (budget["spent"], budget["reserved"]) == (pytest.approx(10 * 2.5e-6 + 1000 * 20e-6), 0)


def test_a_tier_whose_price_nobody_knows_leaves_the_cost_open_but_not_the_budget_empty(
    upstream: RawServer, tmp_path: Path
) -> None:
    params = {"model": "openai/gpt-3.5-turbo", "api_base": f"{upstream.url}/v1", "api_key": "sk-up", "max_retries": 0}
    upstream.script = whole(GOOD, model="gpt-3.5-turbo", service_tier="priority")
    with running_gateway(
        json.dumps({"model_list": [{"model_name": "old", "litellm_params": params}]}), tmp_path, auth=True
    ) as gateway:
        key_id, key = new_key(gateway, max_budget=0.02)
        assert ask(gateway, CHAT, chat("old"), key).status_code == 200

        row, budget = rows(gateway)[-1], budget_of(gateway, key_id)
        why = "the price catalogue has no priority price of gpt-3.5-turbo"
        assert (row["cost"], row["price"], row["prompt_tokens"]) == (None, why, 10)
        assert (0 < budget["spent"] < 0.01, budget["reserved"]) == (True, 0)


def test_a_place_whose_price_nobody_knows_leaves_the_cost_open_but_not_the_budget_empty(
    upstream: RawServer, tmp_path: Path
) -> None:
    told = {"inputTokens": 1000, "outputTokens": 100, "totalTokens": 1100}
    said = {"output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}}, "stopReason": "end_turn"}
    upstream.script = Script([json.dumps({**said, "usage": told}).encode()], headers=JSON)
    params = {"model": "bedrock/eu.amazon.nova-pro-v1:0", "api_base": upstream.url, "api_key": "k", "max_retries": 0}
    with running_gateway(
        json.dumps({"model_list": [{"model_name": "eu", "litellm_params": params}]}), tmp_path, auth=True
    ) as gateway:
        key_id, key = new_key(gateway, max_budget=0.02)
        assert ask(gateway, CHAT, chat("eu"), key).status_code == 200

        row, budget = rows(gateway)[-1], budget_of(gateway, key_id)
        why = "the price catalogue has no eu price of amazon.nova-pro-v1:0"
        assert (row["cost"], row["price"], row["prompt_tokens"]) == (None, why, 1000)
        assert (0 < budget["spent"] < 0.01, budget["reserved"]) == (True, 0)


def test_a_callers_bound_holds_by_whichever_name_its_owner_has_another(upstream: RawServer, tmp_path: Path) -> None:
    params = {
        "model": "openai/gpt-5",
        "api_base": f"{upstream.url}/v1",
        "api_key": "sk-up",
        "max_completion_tokens": 900,
    }
    text = json.dumps({"model_list": [{"model_name": "long", "litellm_params": {**params, **PRICES}}]})
    upstream.script = whole(GOOD)
    with running_gateway(text, tmp_path, auth=True) as gateway:
        _, key = new_key(gateway, max_budget=2.0)
        for more in ({"max_tokens": 7}, {}):
            assert ask(gateway, CHAT, chat("long", **more), key).status_code == 200
            sent = json.loads(upstream.requests[-1])
            assert 0 < sent["max_completion_tokens"] < 200
            assert "max_tokens" not in sent


@pytest.mark.parametrize(
    "more",
    [
        {"max_tokens": 10**400},
        {"max_tokens": 5, "n": 10**400},
        {"max_tokens": 5, "options": {"num_predict": 10**400}},
        {"max_tokens": 5, "generationConfig": {"candidateCount": 10**400}},
    ],
    ids=["bound", "answers", "ollama", "gemini"],
)
def test_numbers_beyond_all_bounds_are_refused(gateway: Running, more: dict[str, Any]) -> None:
    _, key = new_key(gateway, max_budget=3.0, tpm_limit=1_000)
    assert 400 <= ask(gateway, CHAT, chat("openai-x", **more), key).status_code < 500


def test_a_call_whose_model_nobody_knows_does_not_ask_for_all_that_a_budget_has(
    gateway: Running, upstream: RawServer
) -> None:
    upstream.script = whole(GOOD)
    _, key = new_key(gateway, max_budget=1e6)
    assert ask(gateway, CHAT, chat("openai-x"), key).status_code == 200
    assert "max_tokens" not in json.loads(upstream.requests[-1])
    _, key = new_key(gateway, max_budget=20.0)
    assert ask(gateway, CHAT, chat("openai-x"), key).status_code == 200
    assert 1000 < json.loads(upstream.requests[-1])["max_tokens"] < 2000


def test_more_answers_than_there_is_a_token_for_are_refused_and_nothing_is_held_back(
    gateway: Running, upstream: RawServer
) -> None:
    upstream.script = whole(GOOD)
    asked = len(upstream.requests)
    for cents in range(5, 60, 5):
        key_id, key = new_key(gateway, max_budget=cents / 100)
        refused = ask(gateway, CHAT, chat("openai-x", n=64), key)
        if "so many answers" in refused.text:
            break
    assert (refused.status_code, len(upstream.requests)) == (429, asked)  # as OpenAI says it
    budget = budget_of(gateway, key_id)
    assert (budget["spent"], budget["reserved"]) == (0, 0)
    assert ask(gateway, CHAT, chat("openai-x", max_tokens=1), key).status_code == 200
