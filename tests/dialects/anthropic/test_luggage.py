"""What other providers want back with a message, through clients of this format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._replay import replay
from lingate._model import Call
from tests.dialects.anthropic.oracle import parse_message, parse_stream
from tests.dialects.anthropic.support import CHAT, wire

PARTS = {"gemini": {"parts": [{"executableCode": {"code": "1"}}, {"text": "hi"}]}}
RESPONSE: dict[str, Any] = {
    "id": "r1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "hi",
                "reasoning_content": "hm",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                "provider_specific_fields": PARTS,
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def shown(stream: bool) -> dict[str, Any]:
    """The message as the official package has it."""
    if not stream:
        return parse_message(CHAT.render(RESPONSE))
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
    return parse_stream(b"".join([*map(encoder.event, replay(RESPONSE)), encoder.end()]))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_official_package_carries_it_there_and_back(stream: bool) -> None:
    turn = {"role": "assistant", "content": shown(stream)["content"]}

    made = CHAT.parse_call(json.dumps({"model": "m", "max_tokens": 9, "messages": [turn]}).encode(), {})

    (message,) = made.body["messages"]
    assert message["provider_specific_fields"]["gemini"] == PARTS["gemini"]
    assert message["reasoning_content"] == "hm"
    assert "lingate#" not in json.dumps(made.body)


def test_text_is_the_first_block_for_who_has_asked_for_no_thinking() -> None:
    proof = {"type": "thinking", "thinking": "", "signature": "gemini##c2ln"}
    message = {"role": "assistant", "content": "hi", "thinking_blocks": [proof], "provider_specific_fields": PARTS}

    content = parse_message(CHAT.render({**RESPONSE, "choices": [{"message": message, "finish_reason": "stop"}]}))[
        "content"
    ]

    assert content[0] == {"type": "text", "text": "hi"}
    assert [block["signature"][:8] for block in content[1:]] == ["gemini##", "lingate#"]


def test_a_block_has_no_text_so_that_nobody_reads_it() -> None:
    (block,) = [block for block in shown(False)["content"] if "lingate#" in json.dumps(block)]

    assert (block["type"], block["thinking"]) == ("thinking", "")


@pytest.mark.parametrize("name", ["signature", "data"])
def test_the_provider_never_sees_it(name: str) -> None:
    kind = "thinking" if name == "signature" else "redacted_thinking"
    block = {"type": kind, "thinking": "", name: "lingate#e30="}
    messages = [{"role": "assistant", "content": "hi", "thinking_blocks": [block]}]

    assert "lingate#" not in json.dumps(wire(messages=messages))


def test_the_numbers_that_clients_of_other_formats_leave_on_blocks_are_not_sent() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    messages = [{"role": "assistant", "content": "hi", "thinking_blocks": [{"index": 0, **block}]}]

    assert wire(messages=messages)["messages"][0]["content"][0] == block
