"""From the API: whole answers and streams. Each stream is also taken byte by byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import Annotations, Extra, Failed, Finish, Head, Opaque, Start, Text, Thinking, ToolArgs, ToolStart
from lingate.errors import (
    ContextLengthError,
    InternalServerError,
    LingateError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
)
from tests.dialects.cohere.support import (
    CHAT,
    CREATED,
    JSON_HEAD,
    MODELS,
    OTHER,
    SSE_HEAD,
    TOOL,
    answer,
    call,
    decode,
    message_of,
    read,
    send,
    sse,
    stream_bytes,
    streamed,
    target,
    text,
    thought,
    tool_call,
)
from tests.dialects.short import collect, failed

FORMAT = {"type": "json_schema", "json_schema": {"name": "thing", "schema": {"type": "object"}}}
DOCUMENT = {"type": "document", "id": "d", "document": {"id": "d", "url": "https://x.test/d", "title": "D"}}
CITED = {"start": 2, "end": 4, "text": "is", "sources": [DOCUMENT], "type": "TEXT_CONTENT", "content_index": 1}

ANSWERS: dict[str, dict[str, Any]] = {
    "text": answer(text("hello")),
    "empty": answer(),
    "thinking": answer(thought("hm"), text("so")),
    "plan": answer(tool_plan="I look.", tool_calls=[tool_call()], finish_reason="TOOL_CALL"),
    "thinking and calls": answer(
        thought("hm"), tool_calls=[tool_call("a"), tool_call("b", "other", "{}")], finish_reason="TOOL_CALL"
    ),
    "text, plan and calls": answer(
        text("well"), tool_plan="I look.", tool_calls=[tool_call()], finish_reason="TOOL_CALL"
    ),
    "several texts": answer(text("a"), thought("b"), text("c")),
    "citations": answer(thought("hm"), text("it is so"), citations=[CITED]),
    "cut": answer(text("hel"), finish_reason="MAX_TOKENS"),
    "cut in a call": answer(tool_calls=[tool_call(arguments='{"q":')], finish_reason="MAX_TOKENS"),
    "stopped": answer(text("hel"), finish_reason="STOP_SEQUENCE"),
    "toxic": answer(text("x"), finish_reason="ERROR_TOXIC"),
    "at the context's limit": answer(text("x"), finish_reason="ERROR_LIMIT"),
    "calls that were called complete": answer(tool_calls=[tool_call()]),
    "unicode": answer(text('ж𝄞\n"quoted"'), tool_calls=[tool_call(arguments='{"q":"ж"}')]),
}


def _both(body: dict[str, Any], **asked: Any) -> dict[str, Any]:
    """The canonical response, which is the same whether the answer was whole, streamed or streamed byte by byte."""
    sent = send(call(stream=True, **asked))[1]
    whole = read(body, sent)
    data = stream_bytes(body)
    events = decode([data], sent)
    assert events == decode([data[n : n + 1] for n in range(len(data))], sent)
    assert collect(events) == whole
    return whole


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_a_stream_adds_up_to_the_whole_answer(body: dict[str, Any]) -> None:
    whole = _both(body)

    assert (whole["id"], whole["model"], whole["created"]) == ("id-1", "command-test", CREATED)
    assert whole["usage"] == {
        "prompt_tokens": 70,
        "completion_tokens": 5,
        "total_tokens": 75,
        "prompt_tokens_details": {"cached_tokens": 64},
        "billed_units": {"input_tokens": 4, "output_tokens": 3},
    }


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_a_stream_may_be_cut_at_any_byte(body: dict[str, Any]) -> None:
    data = stream_bytes(body)
    whole = decode([data])
    end = data.index(b"event: message-end")

    for at in range(1, len(data)):
        assert decode([data[:at], data[at:]]) == whole
    for at in range(0, end, 7):
        assert isinstance(failed(decode([data[:at]])), StreamInterruptedError)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text", "stop"),
        ("plan", "tool_calls"),
        ("calls that were called complete", "tool_calls"),
        ("cut", "length"),
        ("cut in a call", "length"),
        ("stopped", "stop"),
        ("toxic", "content_filter"),
        ("at the context's limit", "length"),
    ],
)
def test_an_answer_ends_for_a_reason_in_openai_s_words(name: str, reason: str) -> None:
    choice = _both(ANSWERS[name])["choices"][0]

    assert choice["finish_reason"] == reason
    assert choice["native_finish_reason"] == ANSWERS[name]["finish_reason"]


def test_the_plan_and_thinking_are_reasoning() -> None:
    assert message_of(ANSWERS["plan"])["reasoning_content"] == "I look."
    assert message_of(ANSWERS["plan"])["content"] is None
    assert message_of(ANSWERS["thinking"]) == {"role": "assistant", "content": "so", "reasoning_content": "hm"}


def test_what_the_canonical_form_cannot_say_is_kept_beside_it() -> None:
    made = message_of(ANSWERS["several texts"])

    assert (made["content"], made["reasoning_content"]) == ("ac", "b")
    assert made["provider_specific_fields"]["cohere"]["content"] == ANSWERS["several texts"]["message"]["content"]
    assert "provider_specific_fields" not in message_of(ANSWERS["plan"])


def test_a_cited_document_with_an_address_is_a_url_citation() -> None:
    made = message_of(ANSWERS["citations"])

    place = {"start_index": 2, "end_index": 4}
    cited = {"type": "url_citation", "url_citation": {**place, "url": "https://x.test/d", "title": "D"}}
    assert made["annotations"] == [cited]
    assert made["provider_specific_fields"]["cohere"]["citations"] == [CITED]


def test_positions_are_counted_in_the_whole_text() -> None:
    citation = {"start": 0, "end": 1, "text": "c", "sources": [DOCUMENT], "content_index": 2}
    body = answer(text("ab"), thought("hm"), text("c"), citations=[citation])

    assert message_of(body)["annotations"][0]["url_citation"]["start_index"] == 2
    _both(body)


@pytest.mark.parametrize("kind", ["PLAN", "THINKING_CONTENT"])
def test_what_is_cited_in_reasoning_is_no_annotation_of_the_text(kind: str) -> None:
    citation = {"start": 0, "end": 2, "text": "hm", "sources": [DOCUMENT], "content_index": 0, "type": kind}
    body = answer(thought("hm"), text("c"), citations=[citation])

    made = message_of(body)

    assert "annotations" not in made
    assert made["provider_specific_fields"]["cohere"]["citations"] == [citation]
    _both(body)


def test_further_fields_stay() -> None:
    response = read({**answer(text("x")), "warnings": ["old"]})

    assert response["provider_specific_fields"] == {"cohere": {"warnings": ["old"]}}


def test_log_probabilities_of_pieces_add_up() -> None:
    item = {"text": "ab", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}
    events = streamed(answer(text("x")))
    events[2]["logprobs"] = item

    whole = read({**answer(text("ab")), "logprobs": [item]})["choices"][0]["logprobs"]
    (told,) = [event for event in decode([sse(*events)]) if isinstance(event, Text)]

    entry = {"token": "ab", "logprob": -0.75, "bytes": [97, 98], "top_logprobs": []}
    assert whole["content"] == [{**entry, "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}]
    assert told.logprobs == whole


def test_image_tokens_are_part_of_the_prompt_and_thoughts_of_the_answer() -> None:
    body = answer(text("x"))
    body["usage"]["tokens"] = {"input_tokens": 34.0, "output_tokens": 56, "reasoning_tokens": 7, "image_tokens": 259}

    usage = read(body)["usage"]

    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (293, 56, 349)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 64, "image_tokens": 259}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 7}


def test_counts_that_were_not_given_are_absent() -> None:
    body = answer(text("x"))
    del body["usage"]
    assert read(body)["usage"] is None
    body["usage"] = {"billed_units": {"input_tokens": 4}}
    assert read(body)["usage"] == {"prompt_tokens": 4, "billed_units": {"input_tokens": 4}}


# --- structured answers


def test_the_answer_tool_s_arguments_are_the_answer() -> None:
    body = answer(tool_plan="I answer.", tool_calls=[tool_call("c", "thing", '{"a":1}')], finish_reason="TOOL_CALL")

    choice = _both(body, response_format=FORMAT, tools=[TOOL])["choices"][0]

    assert choice["message"] == {"role": "assistant", "content": '{"a":1}', "reasoning_content": "I answer."}
    assert choice["finish_reason"] == "stop"


def test_another_tool_s_call_is_a_call_and_text_beside_an_answer_is_no_answer() -> None:
    asked = {"response_format": FORMAT, "tools": [TOOL, OTHER]}

    first = _both(answer(tool_calls=[tool_call()], finish_reason="TOOL_CALL"), **asked)["choices"][0]
    assert first["message"]["tool_calls"] == [tool_call()]
    assert first["finish_reason"] == "tool_calls"
    beside = answer(text("Here:"), tool_calls=[tool_call("c", "thing", "{}")], finish_reason="TOOL_CALL")
    assert _both(beside, **asked)["choices"][0]["message"]["content"] == "{}"
    plain = _both(answer(text("No.")), **asked)["choices"][0]["message"]
    assert plain["content"] == "No."


# --- streams


def test_the_events_of_a_stream() -> None:
    body = answer(thought("h"), text("x"), tool_plan="p", tool_calls=[tool_call(arguments="{}")], citations=[])

    events = decode([stream_bytes(body)])

    kinds = [type(event) for event in events]
    assert kinds[:5] == [Start, Thinking, Text, Thinking, ToolStart]
    assert kinds[5] is ToolArgs
    assert isinstance(events[-1], Finish)
    assert [event.block for event in events if isinstance(event, Thinking)] == [0, 1]


def test_a_call_without_pieces_has_an_empty_object() -> None:
    events = [event for event in streamed(answer(tool_calls=[tool_call()])) if event["type"] != "tool-call-delta"]

    (told,) = [event for event in decode([sse(*events)]) if isinstance(event, ToolArgs)]

    assert told.text == "{}"


def test_a_call_with_null_for_arguments_has_an_empty_object() -> None:
    body = answer(tool_calls=[{"id": "c1", "type": "function", "function": {"name": "now", "arguments": "null"}}])

    begin, start, *end = streamed(answer(tool_calls=[tool_call()]))
    piece = {
        "type": "tool-call-delta",
        "index": 0,
        "delta": {"message": {"tool_calls": {"function": {"arguments": "null"}}}},
    }
    data = sse(begin, start, piece, *(event for event in end if event["type"] != "tool-call-delta"))

    for response in (
        read(body),
        collect(decode([data])),
        collect(decode(data[at : at + 1] for at in range(len(data)))),
    ):
        (made,) = response["choices"][0]["message"]["tool_calls"]
        assert made["function"]["arguments"] == "{}"


def test_text_that_is_counted_from_0_again_after_the_thinking_is_a_part_of_its_own() -> None:
    # command-a-reasoning, in streams; citations count the parts of the whole answer.
    cited = {"start": 0, "end": 2, "text": "hi", "sources": [{"type": "document", "id": "d"}], "content_index": 1}
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}]
    body = {**ANSWERS["citations"], "message": {"role": "assistant", "content": parts, "citations": [cited]}}
    again = stream_bytes(body).replace(b'"index":1', b'"index":0').replace(b'"index": 1', b'"index": 0')
    assert b'content-start","index":0' in again.replace(b" ", b"")

    for response in (read(body), *(collect(decode(pieces)) for pieces in ([again], [bytes([b]) for b in again]))):
        message = response["choices"][0]["message"]
        assert (message["content"], message["reasoning_content"]) == ("hi", "hm")
        history = [{"role": "user", "content": "hi"}, message, {"role": "user", "content": "go on"}]
        wire, sent = send(call(messages=history))
        assert wire["messages"][1] == body["message"]
        assert sent.dropped == []


def test_citations_reach_clients_of_this_format_where_they_were() -> None:
    events = decode([stream_bytes(ANSWERS["citations"])])

    assert [event.raw["type"] for event in events if isinstance(event, Opaque)] == ["citation-start", "citation-end"]
    assert sum(isinstance(event, Annotations) for event in events) == 1
    assert sum(isinstance(event, Extra) for event in events) == 1


def test_two_calls_under_one_index_are_told_apart() -> None:
    events = streamed(answer(tool_calls=[tool_call("a"), tool_call("b")], finish_reason="TOOL_CALL"))
    for event in events:
        if event["type"].startswith("tool-call"):
            event["index"] = 0

    calls = collect(decode([sse(*events)]))["choices"][0]["message"]["tool_calls"]

    assert calls == [tool_call("a"), tool_call("b")]


def test_unknown_events_are_shown_to_this_format_only() -> None:
    events = streamed(answer(text("x")))
    events.insert(1, {"type": "debug", "prompt": "p"})

    assert collect(decode([sse(*events)])) == read(answer(text("x")))


def test_comments_carriage_returns_and_a_missing_last_blank_line_do_not_matter() -> None:
    data = stream_bytes(answer(text("x")))
    whole = decode([data])

    assert decode([b": hi\n\n" + data.replace(b"\n", b"\r\n")]) == whole
    assert decode([data[: data.index(b"data: [DONE]")].rstrip()]) == whole


@pytest.mark.parametrize("name", ["text", "plan", "citations"])
def test_a_whole_answer_to_a_request_for_a_stream_is_a_stream(name: str) -> None:
    data = json.dumps(ANSWERS[name]).encode()
    sent = send(call(stream=True))[1]

    assert collect(decode([data[:9], data[9:]], sent, JSON_HEAD)) == read(ANSWERS[name], sent)


# --- errors


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"finish_reason": "ERROR"}, InternalServerError),
        ({"finish_reason": "TIMEOUT"}, InternalServerError),
        ({"finish_reason": "ERROR", "error": "internal server error"}, InternalServerError),
        (
            {"error": "too many tokens: total number of tokens in the prompt cannot exceed 10 - received 20"},
            ContextLengthError,
        ),
    ],
)
def test_a_stream_that_ends_in_an_error_says_so(delta: dict[str, Any], expected: type[Exception]) -> None:
    events = [*streamed(answer(text("hello")))[:-1], {"type": "message-end", "delta": delta}]

    assert type(failed(decode([sse(*events)]))) is expected


@pytest.mark.parametrize(
    ("words", "kind"), [("rate limit exceeded", RateLimitError), ("out of hamsters", InternalServerError)]
)
def test_an_error_where_an_event_should_be_is_an_error(words: str, kind: type[Exception]) -> None:
    data = sse(*streamed(answer(text("hello")))[:3]) + f'data: {{"message": "{words}"}}\n\n'.encode()

    assert isinstance(failed(decode([data])), kind)


@pytest.mark.parametrize("body", [answer(finish_reason="ERROR"), answer(finish_reason="TIMEOUT")])
def test_a_whole_answer_that_failed_is_an_error(body: dict[str, Any]) -> None:
    with pytest.raises(InternalServerError):
        read(body)


def test_an_error_in_a_200_is_an_error() -> None:
    with pytest.raises(InternalServerError, match="out of hamsters"):
        read({"message": "out of hamsters", "id": "x"})
    with pytest.raises(ContextLengthError):
        read({"message": "too many tokens: total number of tokens in the prompt cannot exceed 10", "id": "x"})


GARBAGE: list[Any] = [
    b"",
    b"x",
    [],
    {},
    7,
    {"message": None},
    {"message": []},
    {"message": {"content": 7}},
    {"message": {"content": [7]}},
    {"message": {"content": [{"type": 7}]}},
    {"message": {"content": [{"type": "text"}]}},
    {"message": {"content": [{"type": "thinking", "thinking": []}]}},
    {"message": {"tool_plan": 7}},
    {"message": {"tool_calls": {}}},
    {"message": {"tool_calls": [7]}},
    {"message": {"tool_calls": [{"function": {}}]}},
    {"message": {"citations": 7}},
]


@pytest.mark.parametrize("body", GARBAGE, ids=str)
def test_garbage_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        read(body)


@pytest.mark.parametrize(
    "event",
    [
        [],
        7,
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": 7}}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": 7}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": {"function": {}}}}},
        {"type": "tool-call-delta", "index": 5, "delta": {"message": {"tool_calls": {"function": {}}}}},
    ],
    ids=str,
)
def test_garbage_in_a_stream_is_a_protocol_error(event: Any) -> None:
    data = sse(*streamed(answer(text("h")))[:1]) + b"data: " + json.dumps(event).encode() + b"\n\n"

    assert isinstance(failed(decode([data])), ProtocolError)


@pytest.mark.parametrize("data", [b"data: {\n\n", b"<html>\n\n", b"event: x\ndata: nonsense\n\n"])
def test_a_stream_that_is_none_is_an_error(data: bytes) -> None:
    assert isinstance(failed(decode([data])), LingateError)


def test_odd_events_are_borne() -> None:
    odd: list[dict[str, Any]] = [
        {"type": "message-start"},
        {"type": "content-start", "index": -1},
        {"type": "content-delta", "index": 10**12, "delta": {"message": {"content": {"text": "x"}}}},
        {"type": "citation-start", "delta": {"message": {"citations": {"sources": 7, "start": "a"}}}},
        {"type": "citation-start", "delta": {"message": {"citations": [7]}}},
        {"type": "tool-call-end", "index": 3},
        {"type": "content-end"},
        {"type": "message-end", "delta": {}},
    ]

    events = decode([sse(*odd)])

    assert not isinstance(events[-1], Failed)
    assert collect(events)["choices"][0]["finish_reason"] == "stop"


def test_an_answer_without_an_id_or_a_date_has_one_all_the_same() -> None:
    body = answer(tool_calls=[{"type": "function", "function": {"name": "f"}}])
    del body["id"]

    response = CHAT.response(send(call())[1], Head(200, {}), json.dumps(body).encode())[0]

    assert response["id"].startswith("chatcmpl-")
    assert response["created"] == 0
    assert response["choices"][0]["message"]["tool_calls"][0]["id"].startswith("call_")


# --- models


def test_models_are_listed_under_openai_s_names() -> None:
    model = {"name": "command-a", "endpoints": ["chat"], "context_length": 256000}
    sent = MODELS.request(call(), target())

    response, raw = MODELS.response(sent, JSON_HEAD, json.dumps({"models": [model], "next_page_token": "t"}).encode())

    common = {"id": "command-a", "object": "model", "created": 0, "owned_by": "acme"}
    assert response == {"object": "list", "data": [{**model, **common}], "next_page_token": "t"}
    assert raw["models"] == [model]


@pytest.mark.parametrize("body", [{}, {"models": 7}, {"models": [7]}, {"models": [{"name": ""}]}])
def test_a_list_that_is_none_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        MODELS.response(MODELS.request(call(), target()), SSE_HEAD, json.dumps(body).encode())


def test_calls_and_citations_beside_a_structured_answer_are_not_it() -> None:
    sent = send(call(stream=True))[1]
    sent.answer_tool = "answer"
    citation = {"start": 0, "end": 1, "text": "s", "sources": [], "type": "TEXT_CONTENT"}
    calls = [tool_call("c1", "answer", '{"a":1}'), tool_call("c2", "answer", '{"b":2}')]

    events = decode([stream_bytes(answer(text("so"), tool_calls=calls, citations=[citation]))], sent)

    assert collect(events)["choices"][0]["message"]["content"] == '{"a":1}'
    assert not any(isinstance(event, (Annotations, Opaque, Extra)) for event in events)


@pytest.mark.parametrize(
    ("delta", "breaks"),
    [({"function": {"arguments": 5}}, True), ({"function": {}}, False), ({"function": None}, False), ({}, False)],
)
def test_a_piece_of_a_call_is_text_or_nothing(delta: Any, breaks: bool) -> None:
    events = streamed(answer(tool_calls=[tool_call()], finish_reason="TOOL_CALL"))
    at = next(n for n, event in enumerate(events) if event["type"] == "tool-call-delta")
    events.insert(at, {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": delta}}})

    told = decode([sse(*events)])

    if breaks:
        assert isinstance(failed(told), ProtocolError)
    else:
        function = collect(told)["choices"][0]["message"]["tool_calls"][0]["function"]
        assert function["arguments"] == '{"q":"x"}'


def test_a_block_of_a_kind_that_we_do_not_know_is_kept_and_not_shown() -> None:
    odd = {"type": "verdict", "verdict": "yes"}

    for response in (read(answer(odd, text("so"))), collect(decode([stream_bytes(answer(odd, text("so")))]))):
        message = response["choices"][0]["message"]
        assert message["content"] == "so"
        assert message["provider_specific_fields"]["cohere"]["content"] == [odd, text("so")]


def test_a_citation_that_makes_no_sense_does_not_end_a_stream() -> None:
    citation = {"start": "x", "end": {}, "text": 5, "sources": 5, "type": "TEXT_CONTENT"}

    response = collect(decode([stream_bytes(answer(text("so"), citations=[citation]))]))

    assert response["choices"][0]["message"]["content"] == "so"


@pytest.mark.parametrize(
    ("tokens", "usage"),
    [
        ({"output_tokens": 2}, {"completion_tokens": 2}),
        ({"input_tokens": 3}, {"prompt_tokens": 3}),
        ({"input_tokens": 3, "output_tokens": 2}, {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
    ],
)
def test_counts_have_a_sum_where_both_are_told(tokens: Any, usage: Any) -> None:
    assert read({**answer(text("so")), "usage": {"tokens": tokens}})["usage"] == usage
