"""Messages that are a role and a text take a short cut in every format; they come out as the long way writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._dialects._base import dialect
from lingate._model import Call, ProviderRow, Target, Traits
from lingate._wire.plain import plain_text
from lingate.errors import LingateError

FORMATS = ("anthropic", "bedrock_converse", "cohere", "gemini", "ollama", "openai_responses")
TRAITS: tuple[Traits, ...] = (
    {},
    {"late_system": "user"},
    {"late_system": "result"},
    {"late_system": "keep"},
    {"prefill": False},
)

_texts = st.sampled_from(["hello", "a\nb", "", " ", "\u2003", "x ", "\ud83d"])
_call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
_messages = st.lists(
    st.one_of(
        st.builds(lambda text: {"role": "user", "content": text}, _texts),
        st.builds(lambda text: {"role": "assistant", "content": text}, _texts),
        st.builds(lambda text: {"role": "system", "content": text}, _texts),
        st.just({"role": "assistant", "content": None, "tool_calls": [_call, {**_call, "id": "call_2"}]}),
        st.builds(
            lambda given, text: {"role": "tool", "tool_call_id": given, "content": text},
            st.sampled_from(["call_1", "call_2"]),
            _texts,
        ),
    ),
    min_size=1,
    max_size=8,
)


def _written(name: str, messages: list[dict[str, Any]], traits: Traits) -> Any:
    row = ProviderRow(name="acme", dialect=name)
    to = Target(row=row, model="m", url="https://api.acme.test", traits=traits)
    try:
        sent = dialect(name).operation("chat", "acme").request(Call("chat", "m", {"messages": messages}), to)
    except LingateError as error:
        return str(error)
    return json.loads(sent.body), sent.dropped


def _the_long_way(message: dict[str, Any]) -> dict[str, Any]:
    """The message with a field that says nothing, so that it is no longer a role and a text alone."""
    return {**message, "annotations": None} if message["role"] in ("user", "assistant") else message


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=150, deadline=None)
@given(messages=_messages, traits=st.sampled_from(TRAITS))
def test_a_plain_message_is_written_as_the_long_way_writes_it(
    name: str, messages: list[dict[str, Any]], traits: Traits
) -> None:
    assert _written(name, messages, traits) == _written(name, [_the_long_way(item) for item in messages], traits)


@pytest.mark.parametrize("name", FORMATS)
def test_an_answer_after_an_answer_and_a_question_after_a_result_find_their_turns(name: str) -> None:
    calls = {"role": "assistant", "content": None, "tool_calls": [_call, {**_call, "id": "call_2"}]}
    messages = [
        {"role": "user", "content": "one"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "three"},
        {"role": "assistant", "content": "four"},
        calls,
        {"role": "user", "content": "late"},
        {"role": "tool", "tool_call_id": "call_2", "content": "second"},
        {"role": "tool", "tool_call_id": "call_1", "content": "first"},
        {"role": "user", "content": "five"},
    ]

    assert _written(name, messages, {}) == _written(name, [_the_long_way(item) for item in messages], {})


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "  "},
        {"role": "user", "content": ""},
        {"role": "user", "content": None},
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
        {"role": "user", "content": "x", "name": "bob"},
        {"content": "x"},
        "x",
        None,
    ],
)
def test_anything_but_a_role_and_a_text_is_not_plain(message: Any) -> None:
    assert plain_text(message) is None
