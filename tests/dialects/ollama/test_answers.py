"""From the server: whole answers and streams. Each stream is also taken byte by byte."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from lingate._model import Finish, Start, Text, Thinking, ToolArgs, ToolStart, Usage
from lingate.errors import (
    AuthenticationError,
    ContextLengthError,
    InternalServerError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
)
from tests.dialects.ollama.support import (
    AT,
    CREATED,
    EMBED,
    JSON_HEAD,
    METRICS,
    MODELS,
    answer,
    call,
    decode,
    lines,
    read,
    send,
    streamed,
    target,
    tool_call,
)
from tests.dialects.short import collect, failed

ANSWERS: dict[str, dict[str, Any]] = {
    "text": answer("hello"),
    "empty": answer(),
    "thinking": answer("so", thinking="hm"),
    "calls": answer(calls=[tool_call(id="call_1"), tool_call("other", {}, id="call_2")]),
    "calls without ids": answer(calls=[tool_call(), tool_call()]),
    "text, thinking and calls": answer("well", thinking="hm", calls=[tool_call()]),
    "cut": answer("hel", "length"),
    "cut after a call": answer("", "length", calls=[tool_call()]),
    "no reason": answer("x", None),
    "load": answer("", "load"),
    "unicode": answer('ж𝄞\n"q"', calls=[tool_call(arguments={"q": "ж"})]),
    "an image": answer("", images=["aGk="]),
    "from afar": {**answer("x"), "remote_model": "big", "remote_host": "https://ollama.com"},
}


def _both(body: dict[str, Any]) -> dict[str, Any]:
    """The canonical response, which is the same whether the answer was whole, streamed or streamed byte by byte."""
    sent = send(call(stream=True))[1]
    whole = read(body, sent)
    data = lines(*streamed(body))
    events = decode([data], sent)
    assert events == decode([data[n : n + 1] for n in range(len(data))], sent)
    assert collect(events) == whole
    assert collect(decode([json.dumps(body).encode()], sent, JSON_HEAD)) == whole
    return whole


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_a_stream_adds_up_to_the_whole_answer(body: dict[str, Any]) -> None:
    whole = _both(body)

    assert (whole["model"], whole["created"]) == ("llama-1", CREATED)
    assert whole["usage"] == {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
    assert METRICS.items() <= whole["provider_specific_fields"]["ollama"].items()


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_a_stream_may_be_cut_at_any_byte(body: dict[str, Any]) -> None:
    data = lines(*streamed(body))
    whole = decode([data])
    end = data.rstrip().rfind(b"\n") + 1

    for at in range(1, len(data)):
        assert decode([data[:at], data[at:]]) == whole
    for at in range(end):
        assert isinstance(failed(decode([data[:at]])), StreamInterruptedError)


@pytest.mark.parametrize(
    ("name", "reason", "native"),
    [
        ("text", "stop", "stop"),
        ("cut", "length", "length"),
        ("calls", "tool_calls", "stop"),
        ("cut after a call", "tool_calls", "length"),  # calls arrive whole
        ("no reason", "stop", None),
        ("load", "stop", "load"),
    ],
)
def test_an_answer_ends_for_a_reason_in_openai_s_words(name: str, reason: str, native: str | None) -> None:
    choice = _both(ANSWERS[name])["choices"][0]

    assert (choice["finish_reason"], choice.get("native_finish_reason")) == (reason, native)


def test_calls_have_ids_and_arguments_as_text() -> None:
    message = _both(ANSWERS["calls"])["choices"][0]["message"]

    assert message == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"q":"x"}'}},
            {"id": "call_2", "type": "function", "function": {"name": "other", "arguments": "{}"}},
        ],
    }


def test_ids_that_had_to_be_made_are_told_apart_within_and_between_answers() -> None:
    calls = _both(ANSWERS["calls without ids"])["choices"][0]["message"]["tool_calls"]
    later = read({**ANSWERS["calls without ids"], "created_at": "2026-01-01T00:00:00.000000001Z"})

    ids = [one["id"] for one in [*calls, *later["choices"][0]["message"]["tool_calls"]]]
    assert len(set(ids)) == 4
    assert all(one.startswith("call_") for one in ids)


def test_an_answer_without_a_time_has_ids_all_the_same() -> None:
    body = answer(calls=[tool_call()])
    del body["created_at"], body["model"]

    response = read(body)

    assert (response["created"], response["model"]) == (0, "llama-test")
    assert response["id"] != read(body)["id"]
    assert response["choices"][0]["message"]["tool_calls"][0]["id"].startswith("call_")


def test_answers_of_one_second_are_told_apart() -> None:
    """Agents keep their conversation by the ids of answers (LangGraph), and not all who speak the format have nanoseconds."""
    body = answer(calls=[tool_call()]) | {"created_at": "2026-01-01T00:00:00Z"}

    first, second = read(body), read(body)

    assert first["id"] != second["id"]
    calls = [found["choices"][0]["message"]["tool_calls"][0]["id"] for found in (first, second)]
    assert calls[0] != calls[1]


def test_the_events_of_a_stream() -> None:
    body = answer("x", thinking="h", calls=[tool_call()])

    kinds = [type(event) for event in decode([lines(*streamed(body))])]

    assert kinds[:5] == [Start, Thinking, Text, ToolStart, ToolArgs]
    assert kinds[5] is Usage
    assert kinds[-1] is Finish


def test_log_probabilities_are_openai_s_with_bytes() -> None:
    given = [{"token": "x", "logprob": -0.5, "top_logprobs": [{"token": "y", "logprob": -1.5}]}]

    whole = read({**answer("x"), "logprobs": given})["choices"][0]["logprobs"]
    told = [event for event in decode([lines({**answer("x"), "logprobs": given})]) if isinstance(event, Text)]

    other = {"token": "y", "logprob": -1.5, "bytes": [121]}
    assert whole["content"] == [{"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": [other]}]
    assert told[0].logprobs == whole


def test_log_probabilities_without_alternatives_have_none() -> None:
    whole = read({**answer("x"), "logprobs": [{"token": "x", "logprob": -0.5}]})["choices"][0]["logprobs"]

    assert whole["content"] == [{"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": []}]


def test_counts_that_were_not_given_are_absent() -> None:
    body = answer("x")
    del body["prompt_eval_count"]
    assert read(body)["usage"] == {"completion_tokens": 5}
    del body["eval_count"]
    assert read(body)["usage"] is None


def test_answers_to_prompts_are_read_too() -> None:
    body = {"model": "m", "created_at": AT, "response": "hi", "thinking": "hm", "done": True, "context": [1, 2]}

    response = read(body)

    assert response["choices"][0]["message"] == {"role": "assistant", "content": "hi", "reasoning_content": "hm"}
    assert response["provider_specific_fields"] == {"ollama": {"context": [1, 2]}}
    assert collect(decode([lines(body)])) == response


def test_blank_lines_and_carriage_returns_do_not_matter() -> None:
    data = lines(*streamed(answer("x")))

    assert decode([b"\n" + data.replace(b"\n", b"\r\n\n")]) == decode([data.rstrip()])


# --- errors


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"error": "an error was encountered while running the model"}, InternalServerError),
        ({"error": "model runner has unexpectedly stopped"}, InternalServerError),
        ({"error": "something new"}, InternalServerError),
        ({"error": {"odd": 1}}, InternalServerError),
        (
            {"error": "server busy, please try again.  maximum pending requests exceeded", "status": 503},
            OverloadedError,
        ),
        ({"error": "prompt too long; exceeded max context length by 5 tokens"}, ContextLengthError),
        ({"error": "unauthorized", "signin_url": "https://ollama.com/connect"}, AuthenticationError),
        ({"error": "too many requests", "status": 429}, RateLimitError),
    ],
    ids=str,
)
def test_an_error_in_mid_stream_is_the_error_it_names(line: dict[str, Any], expected: type[Exception]) -> None:
    begun = streamed(answer("hello"))[:2]

    assert type(failed(decode([lines(*begun, line)]))) is expected
    with pytest.raises(expected):
        read(line)


GARBAGE: list[Any] = [
    b"",
    b"x",
    [],
    7,
    {},
    {"message": 7, "done": True},
    {"message": {"content": 7}},
    {"message": {"thinking": []}},
    {"message": {"tool_calls": {}}},
    {"message": {"tool_calls": [7]}},
    {"message": {"tool_calls": [{"function": {}}]}},
    {"message": {"tool_calls": [{"function": {"name": ""}}]}},
]


@pytest.mark.parametrize("body", GARBAGE, ids=str)
def test_garbage_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        read(body)
    if not isinstance(body, bytes):
        assert isinstance(failed(decode([json.dumps(body).encode() + b"\n"])), ProtocolError)


@pytest.mark.parametrize("data", [b"{\n", b"<html>\n", b"data: {}\n\n"])
def test_a_stream_that_is_none_is_a_protocol_error(data: bytes) -> None:
    assert isinstance(failed(decode([data])), ProtocolError)


# --- other operations


def _vectors(body: Any) -> dict[str, Any]:
    sent = EMBED.request(call(input="x"), target())
    return EMBED.response(sent, JSON_HEAD, json.dumps(body).encode())[0]


def test_vectors_of_the_older_path_are_read_too() -> None:
    response = _vectors({"embedding": [0.5]})

    assert response["data"] == [{"object": "embedding", "index": 0, "embedding": [0.5]}]
    assert (response["model"], response["usage"]) == ("llama-test", None)


@pytest.mark.parametrize("body", [{}, [], {"embeddings": 7}, {"embeddings": [7]}, {"embeddings": [[]]}])
def test_an_answer_without_vectors_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        _vectors(body)
    with pytest.raises(InternalServerError):
        _vectors({"error": "something new"})


def test_models_are_listed_under_openai_s_names() -> None:
    model = {"name": "a:latest", "model": "a:latest", "modified_at": AT, "size": 5, "digest": "d", "details": {}}
    sent = MODELS.request(call(), target())

    response, raw = MODELS.response(sent, JSON_HEAD, json.dumps({"models": [model]}).encode())

    common = {"id": "a:latest", "object": "model", "created": CREATED, "owned_by": "acme"}
    assert response == {"object": "list", "data": [{**model, **common}]}
    assert raw["models"] == [model]


@pytest.mark.parametrize("body", [{}, {"models": 7}, {"models": [7]}, {"models": [{"name": 7}]}])
def test_a_list_that_is_none_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        MODELS.response(MODELS.request(call(), target()), JSON_HEAD, json.dumps(body).encode())


def test_a_list_of_no_models_may_be_null() -> None:
    sent = MODELS.request(call(), target())

    assert MODELS.response(sent, JSON_HEAD, b'{"models": null}')[0]["data"] == []


@pytest.mark.parametrize(
    ("told", "created"),
    [
        ("2025-08-20T13:48:21", CREATED),  # some who speak the format leave out the zone, wherever they or we are
        ("2025-08-20T15:48:21.06+02:00", CREATED),
        ("a moment ago", 0),
        (None, 0),
    ],
)
def test_the_time_of_an_answer_is_utc_s_unless_it_says_otherwise(told: Any, created: int, monkeypatch: Any) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert read({**answer("x"), "created_at": told})["created"] == created
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_line_without_text_says_nothing() -> None:
    told = streamed(answer("so"))
    told.insert(1, {**told[0], "message": {"role": "assistant", "content": ""}})

    events = decode([lines(*told)])

    assert [event.text for event in events if isinstance(event, Text)] == list("so")
