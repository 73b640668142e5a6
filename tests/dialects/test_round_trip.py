"""What other formats want back with a message, inside a face that has no place for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._dialects._round_trip import Packer, opened, put_back, round_trip_fields
from lingate._model import Extra, Text, Thinking, ToolStart

ENCRYPTED = {"type": "reasoning.encrypted", "data": "c2VjcmV0", "format": "openai-responses-v1", "index": 0}
SIGNED = {"google": {"thought_signature": "c2lnbmVk"}}


def call(**fields: Any) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}, **fields}


def travelled(message: dict[str, Any], dialect: str = "anthropic") -> Any:
    return opened(round_trip_fields(message, dialect))


def test_a_message_that_says_everything_itself_has_none() -> None:
    message = {"role": "assistant", "content": "hi", "reasoning_content": "hm", "tool_calls": [call()]}

    assert round_trip_fields(message, "anthropic") is None


def test_the_raw_turn_of_another_format_travels_and_what_is_for_readers_stays() -> None:
    fields = {"gemini": {"parts": [{"text": "hi"}], "safetyRatings": []}, "anthropic": {"content": []}, "citations": []}

    assert travelled({"provider_specific_fields": fields}) == {
        "provider_specific_fields": {"gemini": {"parts": [{"text": "hi"}]}}
    }


def test_details_travel_only_if_thinking_blocks_do_not_hold_their_proofs() -> None:
    text = {"type": "reasoning.text", "text": "hm", "signature": "c2ln", "format": "anthropic-claude-v1"}
    block = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}

    assert round_trip_fields({"reasoning_details": [text], "thinking_blocks": [block]}, "anthropic") is None
    assert (
        round_trip_fields({"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}, "anthropic") is None
    )
    assert travelled({"reasoning_details": [text, ENCRYPTED], "thinking_blocks": [block]}) == {
        "reasoning_details": [text, ENCRYPTED]
    }


def test_fields_of_calls_travel_unless_they_are_signatures_that_blocks_hold() -> None:
    block = {"type": "thinking", "thinking": "", "signature": "gemini#c1#c2lnbmVk"}
    message = {"tool_calls": [call(extra_content=SIGNED)], "thinking_blocks": [block]}

    assert round_trip_fields(message, "anthropic") is None
    assert travelled({"tool_calls": [call(extra_content=SIGNED, index=0, caller={"type": "direct"})]}) == {
        "tool_calls": {"c1": {"extra_content": SIGNED, "caller": {"type": "direct"}}}
    }


def test_more_than_a_conversation_should_carry_stays_behind() -> None:
    picture = {"gemini": {"parts": [{"inlineData": {"data": "A" * 1024 * 1024}}]}}

    assert round_trip_fields({"provider_specific_fields": picture}, "anthropic") is None


def test_what_comes_back_joins_the_message_and_overwrites_nothing() -> None:
    packed = travelled(
        {
            "provider_specific_fields": {"gemini": {"parts": [1]}, "cohere": {"tool_plan": "p"}},
            "reasoning_details": [ENCRYPTED],
            "tool_calls": [call(extra_content=SIGNED)],
        }
    )
    message = {"provider_specific_fields": {"gemini": {"parts": [2]}}, "tool_calls": [call(), call(id="c2")]}

    put_back(message, packed)

    assert message == {
        "provider_specific_fields": {"gemini": {"parts": [2]}, "cohere": {"tool_plan": "p"}},
        "reasoning_details": [ENCRYPTED],
        "tool_calls": [call(extra_content=SIGNED), call(id="c2")],
    }


def test_a_call_is_not_renamed_by_what_comes_back() -> None:
    message = {"tool_calls": [call()]}

    put_back(message, {"tool_calls": {"c1": {"id": "x", "function": {"name": "rm"}, "extra_content": SIGNED}}})

    assert message == {"tool_calls": [call(extra_content=SIGNED)]}


@pytest.mark.parametrize("block", [None, [], {}, {"signature": 1}, {"signature": "c2ln"}, {"signature": "gemini#c2ln"}])
def test_other_blocks_are_no_luggage(block: Any) -> None:
    assert opened(block) is None


@given(st.text() | st.binary().map(lambda data: data.hex()))
def test_luggage_that_was_tampered_with_is_empty(data: str) -> None:
    assert opened({"type": "thinking", "signature": f"lingate#{data}"}) == {}


@given(st.dictionaries(st.sampled_from(("provider_specific_fields", "reasoning_details", "tool_calls")), st.integers()))
def test_carried_fields_of_the_wrong_shape_changes_nothing(packed: dict[str, Any]) -> None:
    message = {"role": "assistant", "tool_calls": [call()]}

    put_back(message, packed)

    assert message == {"role": "assistant", "tool_calls": [call()]}


def test_a_stream_carries_what_the_whole_answer_would() -> None:
    fields = {"gemini": {"parts": [{"text": "hi"}]}}
    packer = Packer("anthropic")
    for event in (
        Text("hi"),
        Thinking("", block=0, signature="c2ln"),
        ToolStart(0, "c1", "f", extra={"extra_content": SIGNED}),
        ToolStart(1, "c2", "f"),
        Extra({"provider_specific_fields": fields, "reasoning_details": [ENCRYPTED], "other": 1}, 0),
        Extra({"provider_specific_fields": {"cohere": {"tool_plan": "of another choice"}}}, 1),
        Extra({"provider_specific_fields": {"cohere": {"tool_plan": "of the response"}}}),
    ):
        packer.take(event)

    assert packer.block() == round_trip_fields(
        {
            "provider_specific_fields": fields,
            "reasoning_details": [ENCRYPTED],
            "tool_calls": [call(extra_content=SIGNED), call(id="c2")],
            "thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "c2ln"}],
        },
        "anthropic",
    )
