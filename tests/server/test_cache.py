"""The response cache of a real gateway: what is answered from it, to whom, and what is never kept."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.server.cache.entry import Memory
from lingate.simulator import Simulator
from tests.server.asking import ask, deltas, final_usage, rows
from tests.server.gateway_kit import MASTER, Running, running_gateway
from tests.server.raw_upstream import JSON, whole
from tests.servers import RawServer, Script, until

CHAT = "/v1/chat/completions"


def config(simulator: str, more: dict[str, Any] | None = None, **params: Any) -> str:
    """A gateway with a cache in front of the simulator, in three wire formats."""
    bases = {"openai": f"{simulator}/v1", "anthropic": simulator, "cohere": simulator}
    models = [
        {
            "model_name": f"{name}-*",
            "litellm_params": {"model": f"{name}/sim-*", "api_base": base, "api_key": "sk-up", "max_retries": 0},
        }
        for name, base in bases.items()
    ]
    return json.dumps(
        {"model_list": models, "litellm_settings": {"cache": True, "cache_params": params}, **(more or {})}
    )


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_gateway(config(simulator.url), tmp_path_factory.mktemp("cache")) as running:
        yield running


@pytest.fixture
def billed(simulator: Simulator) -> Callable[[], int]:
    """How many requests the provider has got since the test began."""
    before = simulator.stats()["requests"]["total"]
    return lambda: int(simulator.stats()["requests"]["total"]) - before


def chat(text: str, model: str = "openai-words-8", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def test_an_equal_call_is_answered_from_the_cache_and_costs_nothing(
    gateway: Running, billed: Callable[[], int]
) -> None:
    first = ask(gateway, CHAT, chat("equal calls"))
    second = ask(gateway, CHAT, chat("equal calls"))

    assert (first.headers["x-lingate-cache"], second.headers["x-lingate-cache"]) == ("miss", "hit")
    assert second.json() == first.json()
    assert int(second.headers["age"]) >= 0
    assert billed() == 1
    made, kept = rows(gateway)[-2:]
    assert (made["cache"], made["attempts"]) == ("miss", 1)
    assert (kept["cache"], kept["attempts"], kept["cost"], kept["status"]) == ("hit", 0, 0.0, 200)
    assert kept["completion_tokens"] == made["completion_tokens"] == first.json()["usage"]["completion_tokens"]
    assert kept["deployment"] == made["deployment"]


def test_who_asks_and_how_it_is_sent_make_no_difference(gateway: Running, billed: Callable[[], int]) -> None:
    ask(gateway, CHAT, chat("same answer", user="ann", metadata={"trace": "1"}))

    found = ask(gateway, CHAT, {"metadata": {"trace": "2"}, "user": "ben", **chat("same answer")})

    assert found.headers["x-lingate-cache"] == "hit"
    assert billed() == 1


@pytest.mark.parametrize("more", [{"temperature": 0.5}, {"seed": 7}, {"max_tokens": 3}, {"x_unknown": 1}])
def test_whatever_may_change_the_answer_makes_another_call(
    gateway: Running, billed: Callable[[], int], more: dict[str, Any]
) -> None:
    ask(gateway, CHAT, chat(f"different {more}"))

    found = ask(gateway, CHAT, chat(f"different {more}", **more))

    assert found.headers["x-lingate-cache"] == "miss"
    assert billed() == 2


def test_a_stream_is_kept_and_replayed_as_a_stream(gateway: Running, billed: Callable[[], int]) -> None:
    body = chat("replay", stream=True, stream_options={"include_usage": True})
    first, second = ask(gateway, CHAT, body), ask(gateway, CHAT, body)

    assert second.headers["x-lingate-cache"] == "hit"
    assert second.headers["content-type"].startswith("text/event-stream")
    assert deltas(second) == deltas(first) != ""
    assert final_usage(second) == final_usage(first) is not None
    assert second.text.endswith("data: [DONE]\n\n")
    assert billed() == 1


def test_a_whole_answer_comes_from_a_kept_stream_and_a_stream_from_a_whole_one(
    gateway: Running, billed: Callable[[], int]
) -> None:
    streamed = ask(gateway, CHAT, chat("one", stream=True))
    whole = ask(gateway, CHAT, chat("one"))
    other_whole = ask(gateway, CHAT, chat("two"))
    other_stream = ask(gateway, CHAT, chat("two", stream=True))

    assert whole.json()["choices"][0]["message"]["content"] == deltas(streamed)
    assert whole.json()["choices"][0]["finish_reason"] == "stop"
    assert whole.json()["usage"]["completion_tokens"] > 0
    assert deltas(other_stream) == other_whole.json()["choices"][0]["message"]["content"]
    assert billed() == 2


def test_an_answer_to_one_face_is_given_at_another_in_its_own_words(
    gateway: Running, billed: Callable[[], int]
) -> None:
    asked = chat("faces", model="anthropic-words-8", max_tokens=64)
    messages = ask(gateway, "/v1/messages", asked).json()

    completion = ask(gateway, CHAT, asked)
    stream = ask(gateway, "/v1/messages", {**asked, "stream": True})

    assert completion.headers["x-lingate-cache"] == stream.headers["x-lingate-cache"] == "hit"
    assert completion.json()["choices"][0]["message"]["content"] == messages["content"][0]["text"]
    assert "event: message_stop" in stream.text
    assert billed() == 1


def test_tool_calls_survive_the_cache_in_every_direction(gateway: Running, billed: Callable[[], int]) -> None:
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
    body = chat("use the tool", model="openai-x", tools=[tool], tool_choice="required")

    whole = ask(gateway, CHAT, body).json()["choices"][0]["message"]["tool_calls"]
    again = ask(gateway, CHAT, body).json()["choices"][0]["message"]["tool_calls"]
    stream = ask(gateway, CHAT, {**body, "stream": True}).text

    assert again == whole
    assert whole[0]["id"] in stream
    assert billed() == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "openai-x", "input": ["kept", "texts"]}),
        ("/v1/completions", {"model": "openai-x", "prompt": "once upon"}),
        ("/v1/responses", {"model": "openai-x", "input": "to be kept"}),
        ("/v1/moderations", {"model": "openai-x", "input": "is this fine"}),
        ("/v1/rerank", {"model": "cohere-x", "query": "q", "documents": ["a", "b"]}),
    ],
)
def test_other_operations_are_kept_too(
    gateway: Running, billed: Callable[[], int], path: str, body: dict[str, Any]
) -> None:
    first, second = ask(gateway, path, body), ask(gateway, path, body)

    assert first.status_code == 200, first.text
    assert second.headers["x-lingate-cache"] == "hit"
    assert second.json() == first.json()
    assert billed() == 1


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/responses"])
def test_streams_and_whole_answers_stand_in_for_each_other_in_other_formats(
    gateway: Running, billed: Callable[[], int], path: str
) -> None:
    field = "prompt" if path == "/v1/completions" else "input"
    body = {"model": "openai-words-5", field: f"stand in {path}"}

    ask(gateway, path, {**body, "stream": True})
    whole = ask(gateway, path, body)
    stream = ask(gateway, path, {**body, "stream": True})

    assert whole.headers["x-lingate-cache"] == stream.headers["x-lingate-cache"] == "hit"
    found = whole.json()
    text = found["choices"][0]["text"] if "choices" in found else found["output"][-1]["content"][0]["text"]
    assert text
    assert json.dumps(text)[1:-1] in stream.text
    assert billed() == 1


@pytest.mark.parametrize(
    "body",
    [
        {"model": "openai-x", "input": "and then?", "previous_response_id": "resp_1"},
        {"model": "openai-x", "input": "news", "tools": [{"type": "web_search"}]},
    ],
)
def test_answers_that_rest_on_more_than_the_call_are_not_kept(gateway: Running, body: dict[str, Any]) -> None:
    found = ask(gateway, "/v1/responses", body)

    assert "x-lingate-cache" not in found.headers


def test_no_cache_asks_anew_and_keeps_the_answer(gateway: Running, billed: Callable[[], int]) -> None:
    ask(gateway, CHAT, chat("anew"))

    fresh = ask(gateway, CHAT, chat("anew", cache={"no-cache": True}))
    header = ask(gateway, CHAT, chat("anew"), {"cache-control": "no-cache"})

    assert fresh.headers["x-lingate-cache"] == header.headers["x-lingate-cache"] == "miss"
    assert billed() == 3
    assert ask(gateway, CHAT, chat("anew")).headers["x-lingate-cache"] == "hit"


def test_no_store_leaves_nothing_behind(gateway: Running, billed: Callable[[], int]) -> None:
    ask(gateway, CHAT, chat("secret", cache={"no-store": True}))
    ask(gateway, CHAT, chat("secret"), {"cache-control": "no-store"})

    assert ask(gateway, CHAT, chat("secret")).headers["x-lingate-cache"] == "miss"
    assert billed() == 3


def test_an_answer_is_kept_as_long_as_its_caller_says(gateway: Running) -> None:
    ask(gateway, CHAT, chat("short", cache={"ttl": 0.05}))
    time.sleep(0.1)

    assert ask(gateway, CHAT, chat("short")).headers["x-lingate-cache"] == "miss"


def test_an_answer_older_than_its_caller_takes_is_not_given(gateway: Running) -> None:
    ask(gateway, CHAT, chat("old"))
    time.sleep(0.05)

    assert ask(gateway, CHAT, chat("old", cache={"s-maxage": 0.01})).headers["x-lingate-cache"] == "miss"
    assert ask(gateway, CHAT, chat("old"), {"cache-control": "max-age=60"}).headers["x-lingate-cache"] == "hit"


def test_callers_may_keep_their_answers_apart(gateway: Running) -> None:
    ask(gateway, CHAT, chat("apart", cache={"namespace": "a"}))

    assert ask(gateway, CHAT, chat("apart", cache={"namespace": "b"})).headers["x-lingate-cache"] == "miss"
    assert ask(gateway, CHAT, chat("apart", cache={"namespace": "a"})).headers["x-lingate-cache"] == "hit"


@pytest.mark.parametrize(
    "field", ["no", {"no-cash": True}, {"no-cache": "yes"}, {"ttl": -1}, {"ttl": "1h"}, {"namespace": 3}]
)
def test_a_wrong_cache_field_is_refused_with_its_place(gateway: Running, field: Any) -> None:
    found = ask(gateway, CHAT, chat("wrong", cache=field))

    assert found.status_code == 400
    assert "cache" in found.json()["error"]["message"]


@pytest.mark.parametrize("model", ["openai-fault-filtered", "openai-fault-server-error", "openai-fault-empty-body"])
def test_what_is_no_whole_answer_is_not_kept(gateway: Running, billed: Callable[[], int], model: str) -> None:
    for _ in range(2):
        ask(gateway, CHAT, chat("not whole", model=model))

    assert billed() == 2
    assert rows(gateway)[-1]["cache"] == "miss"


def test_a_stream_that_broke_is_not_kept(gateway: Running, billed: Callable[[], int]) -> None:
    for _ in range(2):
        ask(gateway, CHAT, chat("broken", model="openai-fault-cut-3", stream=True))

    assert billed() == 2


def test_equal_calls_at_the_same_time_are_made_once(gateway: Running, billed: Callable[[], int]) -> None:
    def one(number: int) -> httpx2.Response:
        return ask(gateway, CHAT, chat("together", model="openai-first-1500-words-5", stream=number % 2 == 1))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(8)))

    told = sorted(item.headers["x-lingate-cache"] for item in found)
    assert told == ["miss", *["shared"] * 7]
    texts = {
        deltas(item)
        if "event-stream" in item.headers["content-type"]
        else item.json()["choices"][0]["message"]["content"]
        for item in found
    }
    assert len(texts) == 1
    assert billed() == 1
    assert sorted(row["cache"] for row in rows(gateway)[-8:]) == told
    assert [row["attempts"] for row in rows(gateway)[-8:] if row["cache"] == "shared"] == [0] * 7


def test_a_refusal_is_shared_by_those_who_wait_and_kept_for_nobody(gateway: Running, billed: Callable[[], int]) -> None:
    body = chat("filtered together", model="openai-first-1500-fault-filtered", stream=True)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: ask(gateway, CHAT, body), range(3)))

    assert sorted(item.headers["x-lingate-cache"] for item in found) == ["miss", "shared", "shared"]
    assert all('"content_filter"' in item.text for item in found)
    assert ask(gateway, CHAT, body).headers["x-lingate-cache"] == "miss"
    assert billed() == 2


def test_those_who_wait_get_the_error_of_the_one_who_went(gateway: Running, billed: Callable[[], int]) -> None:
    def one(_: int) -> httpx2.Response:
        return ask(gateway, CHAT, chat("refused", model="openai-first-1500-fault-slow-head-1500-fault-rate-limit-7"))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(one, range(4)))

    assert {(item.status_code, item.headers.get("retry-after")) for item in found} == {(429, "7")}
    assert billed() == 1


def test_who_waits_for_an_equal_call_waits_no_longer_than_it_says(gateway: Running, billed: Callable[[], int]) -> None:
    body = chat("in a hurry", model="openai-first-3000-words-5")
    leader = threading.Thread(target=ask, args=(gateway, CHAT, body))
    leader.start()
    until(lambda: billed() == 1)

    hurried = ask(gateway, CHAT, {**body, "timeout": 0.3})

    assert gateway.gateway.in_flight == 1, "the one that was waited for has not ended"
    assert (hurried.status_code, hurried.json()["error"]["type"]) == (504, "timeout_error")
    leader.join(20)
    assert billed() == 1


def test_a_caller_that_leaves_does_not_fail_those_who_wait_for_its_call(
    gateway: Running, billed: Callable[[], int]
) -> None:
    body = chat("left", model="openai-first-3000-words-5")
    answers: list[httpx2.Response] = []
    leader = _send_only(gateway, {**body, "stream": True})
    until(lambda: billed() == 1)
    followers = [threading.Thread(target=lambda: answers.append(ask(gateway, CHAT, body))) for _ in range(3)]
    for thread in followers:
        thread.start()
    until(lambda: gateway.gateway.in_flight == 4)

    leader.close()

    for thread in followers:
        thread.join(20)
    assert [item.status_code for item in answers] == [200] * 3
    assert sorted(item.headers["x-lingate-cache"] for item in answers) == ["miss", "shared", "shared"]
    assert billed() == 2


def test_when_an_equal_call_takes_too_long_one_goes_and_not_all(
    gateway: Running, billed: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lingate.server.cache.response_cache._LONGEST_WAIT", 1.2)

    with ThreadPoolExecutor(8) as pool:
        body = chat("for long", model="openai-first-3000-words-5")
        found = list(pool.map(lambda _: ask(gateway, CHAT, body), range(8)))

    assert {item.status_code for item in found} == {200}
    assert billed() <= 4
    assert [item.headers["x-lingate-cache"] for item in found].count("shared") >= 4


def test_who_goes_in_the_place_of_one_that_left_has_only_what_is_left_of_its_time(
    gateway: Running, billed: Callable[[], int]
) -> None:
    body = chat("left late", model="openai-first-3000-words-5")
    leader = _send_only(gateway, {**body, "stream": True})
    until(lambda: billed() == 1)
    threading.Timer(1.5, leader.close).start()

    found = ask(gateway, CHAT, {**body, "timeout": 3.6})  # with all of it again there would be an answer

    assert found.status_code == 504


def _send_only(gateway: Running, body: dict[str, Any]) -> socket.socket:
    """Send a request whose answer nobody reads."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    data = json.dumps(body).encode()
    found = socket.create_connection((host, int(port)))
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    found.sendall(head.encode() + data)
    return found


def test_each_key_has_answers_of_its_own(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(config(simulator.url), tmp_path, auth=True) as gateway:
        keys = [
            httpx2.post(f"{gateway.url}/key/generate", json={}, headers=_bearer(MASTER)).json()["key"] for _ in range(2)
        ]
        told = [
            ask(gateway, CHAT, chat("mine"), _bearer(key)).headers["x-lingate-cache"]
            for key in (keys[0], keys[1], keys[0], keys[1])
        ]

    assert told == ["miss", "miss", "hit", "hit"]


def test_answers_are_shared_where_the_owner_says_so(simulator: Simulator, tmp_path: Path) -> None:
    text = config(simulator.url, {"lingate": {"cache": {"namespace": "shared"}}})
    with running_gateway(text, tmp_path, auth=True) as gateway:
        key = httpx2.post(f"{gateway.url}/key/generate", json={}, headers=_bearer(MASTER)).json()["key"]
        told = [ask(gateway, CHAT, chat("ours"), _bearer(token)).headers["x-lingate-cache"] for token in (key, MASTER)]

    assert told == ["miss", "hit"]


def test_a_hit_is_not_charged_to_a_budget(simulator: Simulator, tmp_path: Path) -> None:
    more = {"model_list": [_priced(simulator.url)]}
    with running_gateway(config(simulator.url, more), tmp_path, auth=True) as gateway:
        made = httpx2.post(
            f"{gateway.url}/key/generate",
            json={"max_budget": 10.0},
            headers=_bearer(MASTER),
        ).json()
        key = _bearer(made["key"])
        for _ in range(4):
            ask(gateway, CHAT, chat("charged", model="priced", max_tokens=50), key)
        found = rows(gateway)

    assert [row["cache"] for row in found] == ["miss", "hit", "hit", "hit"]
    assert found[0]["cost"] > 0
    assert [row["cost"] for row in found[1:]] == [0.0, 0.0, 0.0]


def test_an_answer_that_one_budget_cut_short_is_not_given_to_those_who_wait(
    simulator: Simulator, tmp_path: Path
) -> None:
    priced = _priced(simulator.url)
    priced["litellm_params"]["model"] = "openai/sim-first-1500-words-60"
    text = config(simulator.url, {"model_list": [priced], "lingate": {"cache": {"namespace": "shared"}}})
    with running_gateway(text, tmp_path, auth=True) as gateway:
        poor_key = _key_with(gateway, 1.0)

        def one(token: str) -> httpx2.Response:
            return ask(gateway, CHAT, chat("long", model="priced"), _bearer(token))

        with ThreadPoolExecutor(2) as pool:
            poor = pool.submit(one, poor_key)
            time.sleep(0.5)
            rich = pool.submit(one, MASTER)
        reasons = [found.result().json()["choices"][0]["finish_reason"] for found in (poor, rich)]

    assert reasons == ["length", "stop"]


def _key_with(gateway: Running, budget: float) -> str:
    made = httpx2.post(f"{gateway.url}/key/generate", json={"max_budget": budget}, headers=_bearer(MASTER)).json()
    return str(made["key"])


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_answers_of_which_a_budget_cut_any_are_not_kept(tmp_path: Path) -> None:
    choices = [
        {"index": at, "message": {"role": "assistant", "content": "a"}, "finish_reason": finish}
        for at, finish in enumerate(("stop", "length"))
    ]
    with RawServer(whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, choices=choices)) as upstream:
        text = config(upstream.url, {"model_list": [_priced(upstream.url)]})
        with running_gateway(text, tmp_path, auth=True) as gateway:
            key = _bearer(_key_with(gateway, 5.0))
            found = [ask(gateway, CHAT, chat("two", model="priced", n=2), key) for _ in range(2)]
    assert [answer.headers["x-lingate-cache"] for answer in found] == ["miss", "miss"]


def test_an_error_that_the_bound_of_one_budget_may_have_caused_is_not_given_to_those_who_wait(tmp_path: Path) -> None:
    too_few = {"error": {"message": "max_tokens: at least 16", "type": "invalid_request_error", "param": "max_tokens"}}
    with RawServer(Script([json.dumps(too_few).encode()], status=400, headers=JSON, pause=1.5)) as upstream:
        text = config(
            upstream.url, {"model_list": [_priced(upstream.url)], "lingate": {"cache": {"namespace": "shared"}}}
        )
        with running_gateway(text, tmp_path, auth=True) as gateway:
            poor_key = _key_with(gateway, 1.0)

            def one(token: str) -> int:
                body = chat("few", model="priced")
                return ask(gateway, CHAT, body, _bearer(token)).status_code

            with ThreadPoolExecutor(2) as pool:
                poor = pool.submit(one, poor_key)
                time.sleep(0.5)
                upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})
                rich = pool.submit(one, MASTER)

            assert "max_tokens" in json.loads(upstream.requests[0])
            assert (poor.result(), rich.result()) == (400, 200)


def test_an_answer_that_a_budget_might_have_cut_and_did_not_is_kept(simulator: Simulator, tmp_path: Path) -> None:
    text = config(simulator.url, {"model_list": [_priced(simulator.url)]})
    with running_gateway(text, tmp_path, auth=True) as gateway:
        key = _bearer(_key_with(gateway, 5.0))
        found = [ask(gateway, CHAT, chat("kept", model="priced"), key) for _ in range(2)]

    assert "max_tokens" in simulator.requests()[-1].body
    assert [answer.headers["x-lingate-cache"] for answer in found] == ["miss", "hit"]


def test_a_hit_counts_as_a_request(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(config(simulator.url), tmp_path, auth=True) as gateway:
        made = httpx2.post(f"{gateway.url}/key/generate", json={"rpm_limit": 2}, headers=_bearer(MASTER)).json()
        key = _bearer(made["key"])
        found = [ask(gateway, CHAT, chat("counted"), key).status_code for _ in range(3)]

    assert found == [200, 200, 429]


def _priced(simulator: str) -> dict[str, Any]:
    params = {"model": "openai/sim-words-5", "api_base": f"{simulator}/v1", "api_key": "sk-up"}
    return {
        "model_name": "priced",
        "litellm_params": {**params, "input_cost_per_token": 0.01, "output_cost_per_token": 0.01},
    }


def test_off_by_default_means_that_calls_ask_for_it(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(config(simulator.url, mode="default_off"), tmp_path) as gateway:
        silent = ask(gateway, CHAT, chat("asked"))
        asked = [ask(gateway, CHAT, chat("asked", cache={"use-cache": True})) for _ in range(2)]

    assert "x-lingate-cache" not in silent.headers
    assert [item.headers["x-lingate-cache"] for item in asked] == ["miss", "hit"]


def test_only_the_kinds_of_call_that_are_named_are_kept(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(config(simulator.url, supported_call_types=["aembedding"]), tmp_path) as gateway:
        told = ask(gateway, CHAT, chat("unnamed")).headers
        kept = [ask(gateway, "/v1/embeddings", {"model": "openai-x", "input": "a"}).headers for _ in range(2)]

    assert "x-lingate-cache" not in told
    assert [item["x-lingate-cache"] for item in kept] == ["miss", "hit"]


def test_without_a_cache_nothing_is_said_of_one(simulator: Simulator, tmp_path: Path) -> None:
    text = config(simulator.url).replace('"cache": true', '"cache": false')
    with running_gateway(text, tmp_path) as gateway:
        found = [ask(gateway, CHAT, chat("off", cache={"no-cache": True})) for _ in range(2)]

        assert [row.get("cache") for row in rows(gateway)] == [None, None]
    assert all("x-lingate-cache" not in item.headers for item in found)


def test_answers_outlive_a_change_of_the_configuration(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(config(simulator.url), tmp_path) as gateway:
        ask(gateway, CHAT, chat("reload"))
        gateway.config.write_text(config(simulator.url, {"lingate": {"drain": 5}}))
        deadline = time.monotonic() + 10
        while gateway.gateway.reloads.count == 0 and time.monotonic() < deadline:
            time.sleep(0.05)

        assert gateway.gateway.reloads.count == 1
        assert ask(gateway, CHAT, chat("reload")).headers["x-lingate-cache"] == "hit"


def test_a_timeout_of_the_call_that_went_reaches_those_who_wait(simulator: Simulator, tmp_path: Path) -> None:
    entry = _priced(simulator.url)
    entry["litellm_params"].update(model="openai/sim-fault-hang-head", timeout=0.5, max_retries=0)
    with (
        running_gateway(config(simulator.url, {"model_list": [entry]}), tmp_path) as gateway,
        ThreadPoolExecutor(3) as pool,
    ):
        found = list(pool.map(lambda _: ask(gateway, CHAT, chat("late", model="priced")), range(3)))

    assert {item.status_code for item in found} == {504}


def test_a_bounded_memory_holds_under_any_number_of_calls(simulator: Simulator, tmp_path: Path) -> None:
    text = config(simulator.url, {"lingate": {"cache": {"max_bytes": 20_000}}})
    with running_gateway(text, tmp_path) as gateway:
        for number in range(60):
            ask(gateway, CHAT, chat(f"call {number}"))
        cache = gateway.gateway.live.cache
        assert cache is not None
        assert isinstance(cache.store, Memory)
        assert 0 < cache.store.bytes <= 20_000
        assert len(cache.flights) == 0
        assert ask(gateway, CHAT, chat("call 59")).headers["x-lingate-cache"] == "hit"
        assert ask(gateway, CHAT, chat("call 0")).headers["x-lingate-cache"] == "miss"
