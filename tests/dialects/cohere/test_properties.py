"""What holds for all requests and all bytes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._dialects._replay import replay
from lingate._dialects.cohere import DIALECT
from lingate._model import Call, Failed, Head
from lingate.errors import LingateError
from tests.dialects.cohere.oracle import check
from tests.dialects.cohere.support import (
    CHAT,
    JSON_HEAD,
    SSE_HEAD,
    TOOL,
    answer,
    decode,
    encode,
    read,
    send,
    stream_bytes,
    target,
    text,
    thought,
    tool_call,
)
from tests.dialects.short import collect

words = st.text(max_size=12)
filled = st.text(min_size=1, max_size=12)
names = st.text("abcdefghij_", min_size=1, max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
arguments = st.dictionaries(names, json_values, max_size=3).map(json.dumps)
images = st.builds(
    lambda url, detail: {"type": "image_url", "image_url": {"url": url, **detail}},
    st.sampled_from(["https://x.test/a.png", "data:image/png;base64,aGk="]),
    st.sampled_from([{}, {"detail": "low"}]),
)
texts = words.map(lambda value: {"type": "text", "text": value})
calls = st.builds(
    lambda name, given: {"type": "function", "function": {"name": name, "arguments": given}},
    names,
    arguments | st.just("") | st.just("{}"),
)
user = st.builds(lambda content: {"role": "user", "content": content}, words | st.lists(texts | images, max_size=3))
system = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["system", "developer"]),
    words | st.lists(texts, max_size=2),
)
plain_turn = st.builds(
    lambda content, extra: {"role": "assistant", "content": content, **extra},
    st.none() | words | st.lists(texts, max_size=2),
    st.fixed_dictionaries({}, optional={"reasoning_content": words, "refusal": st.none(), "name": names}),
)


@st.composite
def tool_turns(draw: Any) -> list[dict[str, Any]]:
    made = [{**one, "id": f"c{n}"} for n, one in enumerate(draw(st.lists(calls, min_size=1, max_size=3)))]
    turn = {"role": "assistant", "content": draw(st.none() | words), "tool_calls": made}
    if draw(st.booleans()):
        turn["reasoning_content"] = draw(words)
    content = words | st.lists(texts, max_size=2) | st.none()
    return [turn, *({"role": "tool", "tool_call_id": one["id"], "content": draw(content)} for one in made)]


conversations = st.lists(
    user.map(lambda m: [m]) | system.map(lambda m: [m]) | plain_turn.map(lambda m: [m]) | tool_turns(), max_size=5
).map(lambda groups: [message for group in groups for message in group] + [{"role": "user", "content": "go"}])
tools = st.lists(
    st.builds(
        lambda name, more: {"type": "function", "function": {"name": name, **more}},
        names,
        st.fixed_dictionaries(
            {},
            optional={
                "description": words,
                "parameters": st.just(TOOL["function"]["parameters"]),  # type: ignore[index]
                "strict": st.booleans(),
            },
        ),
    ),
    max_size=3,
)
formats = st.sampled_from(
    [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "a b", "schema": {"type": "object"}}},
    ]
)
requests = st.fixed_dictionaries(
    {"messages": conversations},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(0, 1000),
        "max_tokens": st.integers(1, 999),
        "max_completion_tokens": st.integers(1, 999),
        "seed": st.integers(0, 99),
        "frequency_penalty": st.floats(-2, 2),
        "presence_penalty": st.floats(-2, 2),
        "stop": filled | st.lists(filled, max_size=8) | st.none(),
        "n": st.just(1),
        "logprobs": st.booleans(),
        "tools": tools,
        "tool_choice": st.sampled_from(["auto", "none", "required", {"type": "function", "function": {"name": "a"}}]),
        "parallel_tool_calls": st.just(True),
        "response_format": formats,
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        "thinking": st.sampled_from([{"type": "enabled", "budget_tokens": 99}, {"type": "disabled"}]),
        "user": words,
        "metadata": st.just({"a": "b"}),
        "stream_options": st.just({"include_usage": True}),
        "service_tier": st.just("auto"),
    },
)


@settings(max_examples=600, deadline=None)
@given(requests, st.booleans())
def test_every_canonical_request_becomes_one_that_the_official_types_allow(body: dict[str, Any], stream: bool) -> None:
    before = json.dumps(body)

    made = send(Call("chat", "m", body, stream))[0]

    check(made)
    assert made["stream"] is stream
    assert json.dumps(body) == before
    assert all(
        message["role"] != "assistant" or message.get("content") or message.get("tool_calls")
        for message in made["messages"]
    )


@settings(max_examples=300, deadline=None)
@given(requests)
def test_a_request_survives_the_way_through_the_face(body: dict[str, Any]) -> None:
    body.pop("tool_choice", None)
    made = send(Call("chat", "m", body))[0]

    again = send(CHAT.parse_call(json.dumps(made).encode(), {}))[0]

    assert again == made


@settings(max_examples=200, deadline=None)
@given(
    st.lists((filled.map(text)) | (filled.map(thought)), max_size=4),
    words,
    st.lists(st.builds(tool_call, filled, names, arguments), max_size=3),
    st.sampled_from(["COMPLETE", "MAX_TOKENS", "STOP_SEQUENCE"]),
)
def test_whole_streamed_and_rendered_answers_are_one(parts: Any, plan: str, made: Any, reason: str) -> None:
    reason = "TOOL_CALL" if made else reason
    body = answer(*parts, finish_reason=reason, tool_plan=plan if made else "", tool_calls=made)

    response = read(body)

    assert collect(decode([stream_bytes(body)])) == response
    assert read(CHAT.render(response)) == response
    again = collect(decode([encode(replay(response))]))
    for found in (again, response):
        found["choices"][0]["message"].pop("provider_specific_fields", None)
    assert again == response


@settings(max_examples=300, deadline=None)
@given(json_values, st.sampled_from(["message", "usage", "finish_reason", "logprobs", "id"]))
def test_whatever_is_in_an_answer_only_our_errors_come_out(value: Any, field: str) -> None:
    data = json.dumps({**answer(text("x")), field: value}).encode()

    for form in DIALECT.operations.values():
        sent = CHAT.request(Call("chat", "m", {"messages": [{"role": "user", "content": "x"}]}), target())
        try:
            form.response(sent, JSON_HEAD, data)
        except LingateError:
            pass


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda kind, index, inner: {"type": kind, "index": index, "delta": {"message": inner}},
            st.sampled_from(
                [
                    "message-start",
                    "content-start",
                    "content-delta",
                    "tool-call-start",
                    "tool-call-delta",
                    "message-end",
                    "citation-start",
                    "tool-plan-delta",
                    "odd",
                ]
            ),
            st.none() | st.integers(-2, 3),
            st.dictionaries(st.sampled_from(["content", "tool_calls", "tool_plan", "citations"]), json_values),
        )
        | json_values,
        max_size=6,
    )
)
def test_whatever_is_in_a_stream_it_ends_well_or_in_one_of_our_errors(events: list[Any]) -> None:
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)

    made = decode([data])

    assert isinstance(made[-1], Failed) or b"message-end" in data
    assert sum(isinstance(event, Failed) for event in made) <= 1
    assert [type(event) for event in decode([data[n : n + 1] for n in range(len(data))])] == [type(e) for e in made]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_the_bytes_are_only_our_errors_come_out(data: bytes) -> None:
    assert isinstance(decode([data])[-1], Failed)
    assert isinstance(decode([data], None, Head(200, SSE_HEAD.headers))[-1], Failed)
    for form in DIALECT.operations.values():
        try:
            form.parse_call(data, {})
        except LingateError:
            pass


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["messages", "tools", "tool_choice", "thinking", "response_format", "p", "stop_sequences"]),
        json_values
        | st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "tool"]), "content": json_values})),
    )
)
def test_whatever_a_client_asks_it_is_a_call_or_a_bad_request(fields: dict[str, Any]) -> None:
    for form in DIALECT.operations.values():
        try:
            form.parse_call(json.dumps({"model": "m", **fields}).encode(), {})
        except LingateError:
            pass
