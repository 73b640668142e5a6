"""A whole response as a stream: nothing is lost on the way, and adding up gives it back."""

from __future__ import annotations

from typing import Any

from lingate._dialects._replay import replay
from lingate._model import Extra, Finish, Start, Text, Thinking, ToolStart, Usage
from tests.dialects.short import collect


def response(*choices: Any, **fields: Any) -> dict[str, Any]:
    data = {"id": "r", "object": "chat.completion", "created": 3, "model": "m", "choices": list(choices)}
    return {**data, "usage": None, **fields}


def choice(message: Any, reason: str = "stop", **fields: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason, **fields}


def test_everything_a_response_may_hold_comes_back() -> None:
    message = {
        "content": "hi",
        "reasoning_content": "hm",
        "thinking_blocks": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "r"},
        ],
        "refusal": "no",
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"a": 1}},
            {"id": "2", "type": "custom", "custom": {"name": "g", "input": "x"}},
        ],
        "annotations": [{"type": "url_citation"}],
        "images": [{"type": "image_url"}],
        "audio": {"id": "a", "data": "QQ=="},
        "provider_specific_fields": {"x": 1},
    }
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    whole = response(
        choice(message, "tool_calls", logprobs={"content": [1]}, native_finish_reason="tool_use", stop_reason="x"),
        usage=usage,
        citations=["u"],
    )

    events = replay(whole, {"raw": 1})

    assert collect(events) == whole
    assert isinstance(events[0], Start)
    assert isinstance(events[-1], Usage)
    assert all(getattr(event, "raw", None) == {"raw": 1} for event in events)


def test_an_old_style_function_call_stays_one() -> None:
    whole = response(choice({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call"))

    events = replay(whole)

    assert [event.kind for event in events if isinstance(event, ToolStart)] == ["function_call"]
    assert collect(events)["choices"][0]["message"]["function_call"] == {"name": "f", "arguments": "{}"}


def test_a_completion_s_text_is_told_as_a_chat_s() -> None:
    events = replay({"choices": [{"text": "hi", "index": 2, "logprobs": None, "finish_reason": "length", "kv": 1}]})

    assert events == [
        Start("", "", 0),
        Text("hi", 2),
        Extra({"kv": 1}, 2, on_choice=True),
        Finish("length", 2),
    ]


def test_text_comes_before_the_signature_that_proves_it() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "s"}

    events = replay(response(choice({"content": "hi", "thinking_blocks": [block]})))

    assert [event for event in events if isinstance(event, Thinking)] == [
        Thinking("hm"),
        Thinking("", signature="s"),
    ]


def test_reasoning_whose_blocks_are_all_hidden_is_told_too() -> None:
    block = {"type": "redacted_thinking", "data": "r"}

    events = replay(response(choice({"content": "hi", "thinking_blocks": [block], "reasoning_content": "hm"})))

    thoughts = [(event.text, event.block, event.redacted) for event in events if isinstance(event, Thinking)]
    assert thoughts == [("", 0, "r"), ("hm", 1, None)]


def test_a_nameless_call_gets_an_id() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}

    (start,) = (
        event
        for event in replay(response(choice({"content": None, "tool_calls": [call]})))
        if isinstance(event, ToolStart)
    )

    assert start.id.startswith("call_")
