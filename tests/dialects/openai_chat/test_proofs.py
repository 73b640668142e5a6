"""Proofs of reasoning on OpenAI-shaped wires: told once, kept whole, and shown only to whom they mean something."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.lib.streaming._deltas import accumulate_delta

from lingate._dialects._replay import replay
from lingate._model import Call, Extra, Start
from tests.dialects.openai_chat.support import (
    CHAT,
    answer,
    call,
    chunk,
    dropped,
    events_of,
    read,
    sse,
    target,
    thinking_of,
    wire,
)
from tests.dialects.short import collect

DETAIL = {"type": "reasoning.text", "text": "hm", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0}
ENCRYPTED = {"type": "reasoning.encrypted", "data": "c2VjcmV0", "format": "anthropic-claude-v1", "index": 1}
BLOCKS = [
    {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "c2VjcmV0"},
]
KEEPS = target(traits={"reasoning_history": "thinking_blocks"})
DETAILS = target(traits={"reasoning_history": "reasoning_details"})


def said(stream: bytes) -> dict[str, Any]:
    message: dict[str, Any] = collect(events_of(stream))["choices"][0]["message"]
    return message


def test_details_that_repeat_what_was_told_are_not_told_again() -> None:
    message = said(
        sse(
            chunk({"reasoning": "h"}),
            chunk({"reasoning": "m"}),
            chunk({"content": "hi", "reasoning_details": [DETAIL]}),
            chunk({}, "stop"),
        )
    )

    assert message["reasoning_content"] == "hm"
    assert message["thinking_blocks"] == [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}]
    assert message["reasoning_details"] == [DETAIL]


def test_a_proof_that_is_told_under_two_names_is_one_proof() -> None:
    message = said(
        sse(
            chunk({"reasoning_content": "hm"}),
            chunk({"thinking_blocks": BLOCKS}),
            chunk({"reasoning_details": [DETAIL, ENCRYPTED]}),
            chunk({}, "stop"),
        )
    )

    assert message["thinking_blocks"] == BLOCKS


def test_our_own_stream_of_details_is_read_as_the_answer_it_was_made_of() -> None:
    response = read(answer({"content": "hi", "reasoning": "hm", "reasoning_details": [DETAIL, ENCRYPTED]}))
    encoder = CHAT.encoder(Call("chat", "m-1", {}, stream=True))

    data = b"".join([*map(encoder.event, replay(response)), encoder.end()])

    assert said(data)["thinking_blocks"] == response["choices"][0]["message"]["thinking_blocks"] == BLOCKS
    assert thinking_of(events_of(data)) == "hm"


@pytest.mark.parametrize("numbers", [(0, 0), (None, None), (0, None), (3, 3)])
def test_whole_details_of_one_number_stay_apart_in_the_openai_package(numbers: tuple[Any, Any]) -> None:
    details = [
        {key: value for key, value in {**detail, "index": number}.items() if value is not None}
        for detail, number in zip((DETAIL, ENCRYPTED), numbers, strict=True)
    ]
    encoder = CHAT.encoder(Call("chat", "m-1", {}, stream=True))
    encoder.event(Start("c1", "m-1", 1))

    frame = encoder.event(Extra({"reasoning_details": details}, 0))

    delta = json.loads(frame.removeprefix(b"data: "))["choices"][0]["delta"]
    added: Any = accumulate_delta({}, delta)
    assert [{**detail, "index": at} for at, detail in enumerate(details)] == added["reasoning_details"]


def test_a_client_that_added_a_stream_up_leaves_numbers_on_blocks_and_they_are_taken_off() -> None:
    numbered = [{"index": at, **block} for at, block in enumerate(BLOCKS)]
    message = {"role": "assistant", "content": "hi", "thinking_blocks": numbered}

    made = CHAT.parse_call(json.dumps({"model": "m", "messages": [message]}).encode(), {})

    assert made.body["messages"][0]["thinking_blocks"] == BLOCKS


@pytest.mark.parametrize("to", [KEEPS, DETAILS], ids=["thinking_blocks", "reasoning_details"])
def test_a_proof_that_another_format_sealed_is_left_out_and_reported(to: Any) -> None:
    foreign = [{"type": "thinking", "thinking": "hm", "signature": "gemini#c1#c2ln"}]
    messages = [{"role": "assistant", "content": "hi", "thinking_blocks": foreign}]

    assert "gemini#" not in json.dumps(wire(call(messages=messages), to))
    assert "messages[].thinking_blocks (another provider's)" in dropped(call(messages=messages), to)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_gateway_gets_back_what_it_sealed_and_nobody_else_does(stream: bool) -> None:
    sealed = [
        {"type": "thinking", "thinking": "hm", "signature": "gemini#c1#c2ln"},
        {"type": "redacted_thinking", "data": "bedrock_converse#c2VjcmV0"},
    ]
    if stream:
        chunks = [chunk({"thinking_blocks": [block]}) for block in sealed]
        message = said(sse(chunk({"reasoning_content": "hm"}), *chunks, chunk({"content": "hi"}, "stop")))
    else:
        message = read(answer({"content": "hi", "thinking_blocks": sealed}))["choices"][0]["message"]

    (back,) = wire(call(messages=[message]), KEEPS)["messages"]

    assert [block.get("signature", block.get("data")) for block in message["thinking_blocks"]] == [
        "openai_chat#gemini#c1#c2ln",
        "openai_chat#bedrock_converse#c2VjcmV0",
    ]
    assert back["thinking_blocks"] == sealed
