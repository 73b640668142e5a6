"""What holds for all requests and all bytes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._dialects._replay import replay
from lingate._dialects.ollama import DIALECT
from lingate._model import Call, Failed
from lingate.errors import LingateError
from tests.dialects.cohere.test_properties import arguments, conversations, formats, json_values, tools, words
from tests.dialects.ollama.oracle import check
from tests.dialects.ollama.support import (
    CHAT,
    GENERATE,
    JSON_HEAD,
    answer,
    call,
    decode,
    encode,
    lines,
    read,
    send,
    streamed,
    tool_call,
)
from tests.dialects.short import collect

requests = st.fixed_dictionaries(
    {"messages": conversations},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(0, 1000),
        "min_p": st.floats(0, 1),
        "max_tokens": st.integers(1, 999),
        "max_completion_tokens": st.integers(1, 999),
        "seed": st.integers(0, 99),
        "frequency_penalty": st.floats(-2, 2),
        "presence_penalty": st.floats(-2, 2),
        "repetition_penalty": st.floats(0, 2),
        "stop": words | st.lists(words, max_size=8) | st.none(),
        "n": st.just(1),
        "logprobs": st.booleans(),
        "top_logprobs": st.integers(0, 20),
        "tools": tools,
        "tool_choice": st.sampled_from(["auto", "none"]),
        "response_format": formats,
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        "thinking": st.sampled_from([{"type": "enabled", "budget_tokens": 99}, {"type": "disabled"}]),
        "num_ctx": st.integers(1, 9999),
        "keep_alive": st.sampled_from(["5m", 0, -1]),
        "user": words,
        "stream_options": st.just({"include_usage": True}),
    },
)


@settings(max_examples=600, deadline=None)
@given(requests, st.booleans())
def test_every_canonical_request_becomes_one_that_the_official_types_allow(body: dict[str, Any], stream: bool) -> None:
    before = json.dumps(body)

    made = send(Call("chat", "m", body, stream, drop_params=True))[0]

    check(made)
    assert made["stream"] is stream
    assert json.dumps(body) == before


@settings(max_examples=300, deadline=None)
@given(requests)
def test_a_request_survives_the_way_through_the_face(body: dict[str, Any]) -> None:
    made = send(Call("chat", "m", body, drop_params=True))[0]

    again = send(CHAT.parse_call(json.dumps(made).encode(), {}))[0]

    assert again == made


@settings(max_examples=200, deadline=None)
@given(words, words, st.lists(st.builds(tool_call, words.filter(bool), arguments.map(json.loads)), max_size=3))
def test_whole_streamed_and_rendered_answers_are_one(text: str, thinking: str, made: Any) -> None:
    body = answer(text, calls=[{**one, "id": f"c{n}"} for n, one in enumerate(made)], thinking=thinking)

    response = read(body)

    assert collect(decode([lines(*streamed(body))])) == response
    again = [read(CHAT.render(response)), collect(decode([encode(replay(response))]))]
    assert [{**found, "id": response["id"]} for found in again] == [response, response]


@settings(max_examples=300, deadline=None)
@given(
    json_values, st.sampled_from(["message", "done_reason", "eval_count", "logprobs", "created_at", "error", "model"])
)
def test_whatever_is_in_an_answer_only_our_errors_come_out(value: Any, field: str) -> None:
    body = {**answer("x"), field: value}

    for name in ("chat", "completions", "embeddings", "models"):
        try:
            DIALECT.operations[name].response(send(call())[1], JSON_HEAD, json.dumps(body).encode())  # type: ignore[index]
        except LingateError:
            pass
    assert sum(isinstance(event, Failed) for event in decode([lines(*streamed(answer("ab"))[:1], body)])) <= 1


@settings(max_examples=200, deadline=None)
@given(
    st.lists(json_values | st.dictionaries(st.sampled_from(["message", "response", "done"]), json_values), max_size=5)
)
def test_whatever_is_in_a_stream_it_ends_well_or_in_one_of_our_errors(items: list[Any]) -> None:
    data = b"".join(json.dumps(item).encode() + b"\n" for item in items)

    made = decode([data])

    assert isinstance(made[-1], Failed) or b'"done": true' in data
    assert [type(event) for event in decode([data[n : n + 1] for n in range(len(data))])] == [type(e) for e in made]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_the_bytes_are_only_our_errors_come_out(data: bytes) -> None:
    assert isinstance(decode([data])[-1], Failed)
    for form in DIALECT.operations.values():
        try:
            form.parse_call(data, {})
        except LingateError:
            pass


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["messages", "tools", "format", "think", "options", "prompt", "images", "input"]),
        json_values
        | st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "tool"]), "content": json_values})),
    )
)
def test_whatever_a_client_asks_it_is_a_call_or_a_bad_request(fields: dict[str, Any]) -> None:
    for form in (CHAT, GENERATE, DIALECT.operations["embeddings"]):
        try:
            form.parse_call(json.dumps({"model": "m", **fields}).encode(), {})
        except LingateError:
            pass
