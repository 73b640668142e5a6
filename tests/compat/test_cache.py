"""Answers that are kept for calls that ask the same."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pydantic
import pytest

from lingate.compat import litellm
from lingate.compat.litellm.caching.caching import Cache, LiteLLMCacheType
from lingate.simulator import Simulator
from tests.compat.conftest import ASKED

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]


def hit(answer: Any) -> bool:
    return answer._hidden_params.get("cache_hit") is True


def test_a_call_that_asks_the_same_is_answered_with_what_is_kept(simulator: Simulator, to: dict[str, Any]) -> None:
    litellm.cache = Cache()
    told: list[Any] = []
    litellm.success_callback = [lambda kwargs, *_: told.append((kwargs["cache_hit"], kwargs["response_cost"]))]

    first = litellm.completion("openai/gpt-4o", ASKED, **to)
    again = litellm.completion("openai/gpt-4o", ASKED, metadata={"a": 1}, **{**to, "api_key": "k", "num_retries": 3})

    assert len(simulator.requests()) == 1
    assert (hit(first), hit(again)) == (False, True)
    assert again.to_dict() == first.to_dict()
    assert (again._hidden_params["response_cost"], len(again._hidden_params["cache_key"])) == (0.0, 64)
    assert told == [(None, first._hidden_params["response_cost"]), (True, 0.0)]
    again.choices[0].message.content = "changed"
    assert litellm.completion("openai/gpt-4o", ASKED, **to).choices == first.choices
    for other in (
        {"temperature": 0.1},
        {"user": "a"},
        {"extra_body": {"a": 1}},
        {"model": "openai/x"},
        {"messages": [*ASKED, *ASKED]},
        {"tools": TOOLS},
    ):
        assert not hit(litellm.completion(**{"model": "openai/gpt-4o", "messages": ASKED, **to, **other}))


async def test_streams_awaited_calls_and_whole_answers_share_what_is_kept(
    simulator: Simulator, to: dict[str, Any]
) -> None:
    litellm.cache = Cache()
    chunks = list(litellm.completion("openai/gpt-4o", ASKED, tools=TOOLS, stream=True, **to))
    count = len(simulator.requests())

    whole = await litellm.acompletion("openai/gpt-4o", ASKED, tools=TOOLS, **to)
    stream = await litellm.acompletion("openai/gpt-4o", ASKED, tools=TOOLS, stream=True, **to)
    later = [chunk async for chunk in stream]

    assert len(simulator.requests()) == count
    assert hit(whole)
    for found in (chunks, later):
        assert litellm.stream_chunk_builder(found).choices[0].message == whole.choices[0].message


async def test_vectors_and_texts_that_go_on_are_kept_too(simulator: Simulator, to: dict[str, Any]) -> None:
    litellm.cache = Cache()
    vectors = litellm.embedding("openai/text-embedding-3-small", ["a", "b"], **to)
    text = litellm.text_completion("once", "openai/gpt-3.5-turbo-instruct", **to)

    assert (await litellm.aembedding("openai/text-embedding-3-small", ["a", "b"], **to)).data == vectors.data
    assert litellm.text_completion("once", "openai/gpt-3.5-turbo-instruct", **to).choices == text.choices
    assert len(simulator.requests()) == 2


def test_what_claude_thought_is_in_the_answer_that_is_kept(simulator: Simulator, to: dict[str, Any]) -> None:
    litellm.cache = Cache()
    asked: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
    to["api_base"] = simulator.url

    first = litellm.completion("anthropic/claude-sonnet-4-5", ASKED, **asked, **to)
    again = litellm.completion("anthropic/claude-sonnet-4-5", ASKED, **asked, **to)
    chunks = list(litellm.completion("anthropic/claude-sonnet-4-5", ASKED, stream=True, **asked, **to))

    assert hit(again)
    assert first.choices[0].message.reasoning_content
    assert again.choices[0].message == first.choices[0].message
    assert (
        litellm.stream_chunk_builder(chunks).choices[0].message.thinking_blocks
        == again.choices[0].message.thinking_blocks
    )


def test_a_call_says_whether_it_may_be_answered_with_what_is_kept(simulator: Simulator, to: dict[str, Any]) -> None:
    litellm.cache = Cache()
    ask = {"model": "openai/gpt-4o", "messages": ASKED, **to}
    assert not hit(litellm.completion(**ask, cache={"no-store": True}))
    assert not hit(litellm.completion(**ask))
    assert not hit(litellm.completion(**ask, caching=False))
    assert not hit(litellm.completion(**ask, cache={"no-cache": True}))
    assert not hit(litellm.completion(**ask, cache={"s-maxage": 0.000001}))
    assert hit(litellm.completion(**ask, cache={"s-maxage": 60}))
    litellm.cache.flush_cache()
    assert not hit(litellm.completion(**ask, cache={"ttl": 0}))
    assert not hit(litellm.completion(**ask, cache={"ttl": "soon", "namespace": "n"}))  # an answer that was paid for
    assert not hit(litellm.completion(**ask))
    assert not hit(litellm.completion(**ask, cache={"namespace": "n"}))
    assert hit(litellm.completion(**ask, cache={"namespace": "n"}))
    assert simulator.requests()[-1].body.keys().isdisjoint({"cache", "caching"})
    assert litellm.completion(**ask, mock_response="x").choices[0].message.content == "x"


def test_answers_hold_for_a_time_and_only_for_the_functions_that_are_named(to: dict[str, Any]) -> None:
    ask = {"model": "openai/gpt-4o", "messages": ASKED, **to}
    for cache, kept in (
        (Cache(ttl=0), False),
        (Cache(mode="default_off"), False),
        (Cache(supported_call_types=["aembedding"]), False),
        (Cache(supported_call_types=["acompletion"]), True),
    ):
        litellm.cache = cache
        litellm.completion(**ask)
        assert hit(litellm.completion(**ask)) is kept
    litellm.cache = Cache(mode="default_off")
    assert [hit(litellm.completion(**ask, cache={"use-cache": True})) for _ in range(2)] == [False, True]


def test_deployments_of_a_group_share_what_is_kept(to: dict[str, Any]) -> None:
    litellm.cache = Cache()
    names = ("openai/gpt-4o", "openai/x")
    entries = [{"model_name": "g", "litellm_params": {"model": name, **to}} for name in names]
    router = litellm.Router(entries)

    assert [hit(router.completion("g", ASKED)) for _ in range(4)] == [False, True, True, True]
    assert not hit(litellm.completion("openai/gpt-4o", ASKED, **to))


def test_errors_are_not_kept(to: dict[str, Any]) -> None:
    litellm.cache = Cache()
    with pytest.raises(litellm.InternalServerError):
        litellm.completion("openai/gpt-4o", ASKED, extra_headers={"x-sim-fault": "server_error"}, **to)
    assert not hit(litellm.completion("openai/gpt-4o", ASKED, **to))


def test_an_application_may_make_the_keys(to: dict[str, Any]) -> None:
    class Answer(pydantic.BaseModel):
        number: int

    litellm.cache = Cache()
    for _ in range(2):
        last = litellm.completion("openai/gpt-4o", ASKED, response_format=Answer, **to)
    assert hit(last)
    litellm.cache.get_cache_key = lambda **asked: asked["model"]
    litellm.completion("openai/gpt-4o", ASKED, temperature=0, **to)
    assert hit(litellm.completion("openai/gpt-4o", [{"role": "user", "content": "ho"}], **to))


def test_answers_on_disk_are_there_in_the_next_process(
    to: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "kept"
    litellm.enable_cache(type=LiteLLMCacheType.DISK, disk_cache_dir=str(folder))
    first = litellm.completion("openai/gpt-4o", ASKED, **to)

    litellm.update_cache(type="disk", disk_cache_dir=str(folder))
    assert litellm.completion("openai/gpt-4o", ASKED, **to).choices == first.choices
    litellm.cache = Cache(type="disk", disk_cache_dir=str(folder), namespace="other")
    assert not hit(litellm.completion("openai/gpt-4o", ASKED, **to))
    litellm.cache.flush_cache()
    litellm.cache._answers._file.close()
    with caplog.at_level(logging.WARNING):
        assert not hit(litellm.completion("openai/gpt-4o", ASKED, **to))
    assert "the cache of answers failed" in caplog.text


def test_a_cache_elsewhere_is_told_and_kept_in_the_process(to: dict[str, Any]) -> None:
    with pytest.warns(UserWarning, match=r"'redis' here; the gateway"):
        litellm.enable_cache(type="redis", host="localhost", port=6379)
    with pytest.raises(ValueError, match="nowhere"):
        Cache(type="nowhere")
    kept = litellm.cache
    litellm.enable_cache()
    assert litellm.cache is kept
    litellm.disable_cache()
    assert litellm.cache is None


def test_the_oldest_answers_of_many_are_forgotten() -> None:
    cache = Cache()
    for number in range(1002):
        cache.keep(str(number), None, litellm.ModelResponse(id=str(number)))
        cache.found("0", None)
    assert cache.found("0", None)["id"] == "0"
    assert cache.found("2", None) is None
    assert cache.found("1001", None)["id"] == "1001"
