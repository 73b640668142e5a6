"""Streams, and chunks put together again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate.compat import litellm
from lingate.simulator import Simulator
from tests.compat.conftest import ASKED

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def test_chunks_add_up_to_the_answer(to: dict[str, Any]) -> None:
    whole = litellm.completion("openai/gpt-4o", ASKED, **to)

    stream = litellm.completion("openai/gpt-4o", ASKED, stream=True, **to)
    chunks = list(stream)

    assert isinstance(stream, litellm.CustomStreamWrapper)
    assert all(isinstance(item, litellm.ModelResponseStream) for item in chunks)
    assert "".join(item.choices[0].delta.content or "" for item in chunks) == whole.choices[0].message.content
    assert stream.response_uptil_now == whole.choices[0].message.content
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert not any(item.get("usage") for item in chunks)
    assert list(stream) == []


def test_the_usage_chunk_has_a_choice_that_can_be_indexed(to: dict[str, Any]) -> None:
    options = {"include_usage": True}

    last = list(litellm.completion("openai/gpt-4o", ASKED, stream=True, stream_options=options, **to))[-1]

    assert last.usage.total_tokens > 0
    assert last.choices[0].delta.content is None


async def test_a_stream_that_was_awaited_is_read_with_async_for(to: dict[str, Any]) -> None:
    stream = await litellm.acompletion("openai/gpt-4o", ASKED, stream=True, **to)

    texts = [item.choices[0].delta.content or "" async for item in stream]

    assert "".join(texts).startswith("You said")


@pytest.mark.parametrize("fault", ["cut=3", "reset=3", "eof=3"])
async def test_a_stream_that_is_cut_raises_and_never_ends_as_stop(to: dict[str, Any], fault: str) -> None:
    headers = {"x-sim-fault": fault}
    with pytest.raises(litellm.APIConnectionError) as caught:
        list(litellm.completion("openai/x", ASKED, stream=True, extra_headers=headers, **to))
    assert caught.value.partial.choices[0].finish_reason is None
    assert "You said".startswith(caught.value.partial.choices[0].message.content[:8])

    with pytest.raises(litellm.APIConnectionError):
        async for _ in await litellm.acompletion("openai/x", ASKED, stream=True, extra_headers=headers, **to):
            pass


def test_closing_a_stream_lets_the_upstream_go(simulator: Simulator, to: dict[str, Any]) -> None:
    stream = litellm.completion("openai/sim-words-500-delay-5", ASKED, stream=True, **to)
    next(stream)

    stream.close()

    assert list(stream) == []


async def test_closing_an_awaited_stream_lets_the_upstream_go(to: dict[str, Any]) -> None:
    stream = await litellm.acompletion("openai/sim-words-500-delay-5", ASKED, stream=True, **to)
    await anext(stream)

    await stream.aclose()

    assert [chunk async for chunk in stream] == []


def test_built_chunks_are_the_answer(to: dict[str, Any]) -> None:
    options = {"include_usage": True}
    whole = litellm.completion("openai/gpt-4o", ASKED, tools=[TOOL], **to)
    chunks = list(litellm.completion("openai/gpt-4o", ASKED, tools=[TOOL], stream=True, stream_options=options, **to))

    built = litellm.stream_chunk_builder(chunks)

    assert isinstance(built, litellm.ModelResponse)
    assert built.choices[0].finish_reason == "tool_calls"
    assert built.choices[0].message.tool_calls[0].function == whole.choices[0].message.tool_calls[0].function
    assert built.usage.total_tokens == whole.usage.total_tokens


def test_a_thinking_block_comes_in_pieces_that_make_it_once(to: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
    stream = litellm.completion("anthropic/claude-sonnet-4-5", ASKED, stream=True, **asked, **to)
    chunks = list(stream)

    told = [block for chunk in chunks for block in chunk.choices[0].delta.get("thinking_blocks") or ()]
    built = litellm.stream_chunk_builder(chunks).choices[0].message
    assert "".join(block["thinking"] for block in told) == built.reasoning_content
    assert [block["signature"] for block in told if "signature" in block] == [built.thinking_blocks[0]["signature"]]
    assert built.thinking_blocks[0]["thinking"] == built.reasoning_content


def test_the_last_chunk_says_what_the_stream_has_cost(to: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    stream = litellm.completion("openai/gpt-4o", ASKED, **asked, **to)
    chunks = list(stream)

    assert chunks[-1].usage.cost == stream._hidden_params["response_cost"] > 0
    assert all("usage" not in chunk for chunk in chunks[:-1])
    priced = {"input_cost_per_token": 1.0, "output_cost_per_token": 2.0}
    *_, last = litellm.completion("openai/gpt-4o", ASKED, **asked, **priced, **to)
    assert last.usage.cost == last.usage.prompt_tokens + 2.0 * last.usage.completion_tokens


def test_tool_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    def call(name: str, arguments: str) -> dict[str, Any]:
        return {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": arguments}}

    built = litellm.stream_chunk_builder(
        [
            chunk({"role": "assistant", "tool_calls": [call("a", '{"x":1}')]}),
            chunk({"tool_calls": [call("b", '{"y":2}')]}),
            chunk({}, "tool_calls"),
        ]
    )

    assert [item.function.arguments for item in built.choices[0].message.tool_calls] == ['{"x":1}', '{"y":2}']


def test_a_hundred_equal_chunks_are_an_answer_like_any_other() -> None:
    built = litellm.stream_chunk_builder([*[chunk({"content": "-"})] * 150, chunk({}, "stop")], messages=ASKED)

    assert built.choices[0].message.content == "-" * 150
    assert built.usage.prompt_tokens > 0


@given(st.lists(st.text(min_size=1), min_size=1))
def test_any_text_in_any_pieces_is_put_together_again(pieces: list[str]) -> None:
    built = litellm.stream_chunk_builder([*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop")])

    assert built.choices[0].message.content == "".join(pieces)


def test_chunks_that_never_end_are_not_an_answer() -> None:
    with pytest.raises(litellm.APIConnectionError):
        litellm.stream_chunk_builder([chunk({"role": "assistant"})])


def test_nothing_is_built_from_no_chunks() -> None:
    assert litellm.stream_chunk_builder([]) is None
