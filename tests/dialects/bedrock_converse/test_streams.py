"""Streams made by hand: what no recording shows, and how they may break."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import (
    Annotations,
    Event,
    Failed,
    Finish,
    Head,
    Media,
    Opaque,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
)
from lingate._wire.eventstream import encode
from lingate.errors import (
    ContextLengthError,
    InternalServerError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
)
from tests.dialects.bedrock_converse.support import (
    CHAT,
    PNG,
    STREAM_HEAD,
    call,
    decode,
    exception,
    frame,
    message,
    read,
    send,
    stream,
    streamed,
    target,
    visible,
)
from tests.dialects.short import collect, single_bytes

BEGIN = ("messageStart", {"role": "assistant"})
HELLO = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}})
STOP = ("messageStop", {"stopReason": "end_turn"})
META = ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 5}})


def failed(data: bytes) -> Any:
    events = decode([data])
    assert [repr(event) for event in decode(single_bytes(data))] == [repr(event) for event in events]
    assert isinstance(events[-1], Failed)
    return events[-1].error


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("throttlingException", "Too many requests, please wait before trying again.", RateLimitError),
        ("serviceUnavailableException", "Try again later.", OverloadedError),
        ("internalServerException", "Oops.", InternalServerError),
        ("modelStreamErrorException", "The model failed.", InternalServerError),
        ("validationException", "Input is too long for requested model.", ContextLengthError),
    ],
)
def test_an_exception_in_mid_stream_is_the_error_it_names(name: str, text: str, error: type[Exception]) -> None:
    found = failed(stream(BEGIN, HELLO) + exception(name, text) + stream(STOP, META))

    assert type(found) is error
    assert text in found.message
    assert found.code == name or found.code is None or found.code.lower() == name.lower()


def test_an_error_frame_that_no_model_describes_is_an_error_too() -> None:
    broken = encode(
        {":message-type": "error", ":error-code": "ThrottlingException", ":error-message": "Slow down."}, b""
    )

    assert type(failed(stream(BEGIN) + broken)) is RateLimitError


@pytest.mark.parametrize("events", [(), (BEGIN,), (BEGIN, HELLO), (BEGIN, HELLO, STOP)])
def test_a_stream_without_its_end_is_interrupted(events: tuple[tuple[str, Any], ...]) -> None:
    assert type(failed(stream(*events))) is StreamInterruptedError


def test_the_finish_reason_is_enough_where_the_provider_sends_no_metadata() -> None:
    sent = CHAT.request(call(), target(traits={"stream_end": "finish"}))

    response = collect(decode([stream(BEGIN, HELLO, STOP)], sent))

    assert response["choices"][0]["finish_reason"] == "stop"


def test_metadata_may_come_before_the_stop() -> None:
    response = collect(decode([stream(BEGIN, HELLO, META, STOP)]))

    assert response["usage"]["total_tokens"] == 3
    assert response["choices"][0]["finish_reason"] == "stop"


def test_nothing_after_the_end_is_read() -> None:
    decoder = CHAT.decoder(CHAT.request(call(), target()), STREAM_HEAD)

    decoder.feed(stream(BEGIN, HELLO, STOP, META))

    assert decoder.done
    assert decoder.feed(b"rubbish that is no frame") == []
    assert decoder.finish() == []


@pytest.mark.parametrize(
    "bad",
    [
        b"rubbish that is no frame",
        encode({":message-type": "event", ":event-type": "contentBlockDelta"}, b"{"),
        encode({":message-type": "event", ":event-type": "contentBlockDelta"}, b"[]"),
        frame("contentBlockDelta", {"contentBlockIndex": 0}),
        frame("contentBlockDelta", {"delta": {"text": "x"}}),
        frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{}"}}}),
        frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"citation": 5}}),
        frame("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {"name": "x"}}}),
        frame("contentBlockStart", {"contentBlockIndex": 0}),
        encode({":message-type": "exception", ":exception-type": "x"}, b"no json"),
    ],
)
def test_rubbish_in_mid_stream_is_a_protocol_error(bad: bytes) -> None:
    assert type(failed(stream(BEGIN) + bad)) is ProtocolError


def test_a_body_in_one_piece_is_understood_too() -> None:
    body = json.dumps(message({"text": "Hi."})).encode()
    head = Head(200, {"content-type": "application/json"})

    events = decode(single_bytes(body), head=head)

    assert collect(events)["choices"][0]["message"]["content"] == "Hi."
    (event,) = decode([b'{"__type":"ThrottlingException","message":"Slow down."}'], head=head)
    assert isinstance(event, Failed)
    assert type(event.error) is RateLimitError


def test_a_tool_call_comes_with_its_arguments_even_when_there_are_none() -> None:
    use = {"toolUse": {"toolUseId": "t", "name": "now", "input": {}}}

    events = visible(decode([stream(*streamed(message(use, stop="tool_use")))]))

    kinds = [type(event) for event in events]
    assert kinds[:3] == [Start, ToolStart, ToolArgs]
    assert [event.text for event in events if isinstance(event, ToolArgs)] == ["{}"]
    assert collect(events)["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("given", "arguments", "shown"),
    [
        ('{"a": 1}', '{"a": 1}', {"a": 1}),
        ('{"a": ', '{"a": ', {"arguments": '{"a": '}),
        ("", "{}", {}),
        (None, "{}", {}),
    ],
)
def test_an_input_that_is_no_object_is_told_as_its_text_and_goes_back_as_an_object(
    given: Any, arguments: str, shown: Any
) -> None:
    use = {"toolUse": {"toolUseId": "t", "name": "now", "input": given}}

    made = read(message(use, stop="tool_use"))["choices"][0]["message"]

    assert made["tool_calls"][0]["function"]["arguments"] == arguments
    result = {"role": "tool", "tool_call_id": "t", "content": "x"}
    body, _ = send(call(messages=[{"role": "user", "content": "hi"}, made, result]))
    assert body["messages"][1]["content"] == [{"toolUse": {"toolUseId": "t", "name": "now", "input": shown}}]


@pytest.mark.parametrize("output", [None, {}, {"message": {"role": "assistant"}}])
def test_an_answer_that_ended_without_content_is_empty(output: Any) -> None:
    choice = read({**message(stop="content_filtered"), "output": output})["choices"][0]

    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "content_filter")
    with pytest.raises(ProtocolError):
        read({"output": output})


def test_a_malformed_call_does_not_end_as_one_to_execute() -> None:
    use = {"toolUse": {"toolUseId": "t", "name": "now", "input": {}}}
    body = message(use, stop="malformed_tool_use")

    for response in (read(body), collect(decode([stream(*streamed(body))]))):
        choice = response["choices"][0]
        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "malformed_tool_use")


@pytest.mark.requirement("X1")
def test_calls_without_a_stop_reason_of_their_own_end_as_tool_calls() -> None:
    use = {"toolUse": {"toolUseId": "t", "name": "now", "input": {}}}
    body = message(use, stop="end_turn")

    for response in (read(body), collect(decode([stream(*streamed(body))]))):
        assert response["choices"][0]["finish_reason"] == "tool_calls"


def test_thinking_blocks_are_told_apart_and_signed_one_by_one() -> None:
    thoughts = [
        {"reasoningContent": {"reasoningText": {"text": text, "signature": text.upper()}}} for text in ("ab", "cd")
    ]

    events = decode([stream(*streamed(message(*thoughts, {"text": "So."})))])

    told = [(event.block, event.text, event.signature) for event in events if isinstance(event, Thinking)]
    assert told == [(0, "a", None), (0, "b", None), (0, "", "AB"), (1, "c", None), (1, "d", None), (1, "", "CD")]
    assert collect(events)["choices"][0]["message"]["thinking_blocks"] == [
        {"type": "thinking", "thinking": "ab", "signature": "AB"},
        {"type": "thinking", "thinking": "cd", "signature": "CD"},
    ]


def test_redacted_thinking_in_pieces_is_one_block() -> None:
    pieces = [
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"redactedContent": piece}}})
        for piece in ("RXc=", "QUJD")
    ]
    events = decode([stream(BEGIN, *pieces, ("contentBlockStop", {"contentBlockIndex": 0}), STOP, META)])

    (redacted,) = [event.redacted for event in events if isinstance(event, Thinking)]
    assert redacted == "EwABC"


def test_an_image_of_the_models_is_shown_as_one() -> None:
    pieces = [PNG[:8], PNG[8:]]
    events = decode(
        [
            stream(
                BEGIN,
                ("contentBlockStart", {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}}),
                *[
                    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"image": {"source": {"bytes": piece}}}})
                    for piece in pieces
                ],
                ("contentBlockStop", {"contentBlockIndex": 0}),
                STOP,
                META,
            )
        ]
    )

    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}, "index": 0}
    assert [event.data for event in events if isinstance(event, Media)] == [image]
    whole = read(message({"image": {"format": "png", "source": {"bytes": PNG}}}))
    assert collect(events)["choices"][0]["message"] == whole["choices"][0]["message"]
    assert whole["choices"][0]["message"]["images"] == [image]


def test_web_citations_are_annotations_of_the_text_they_follow() -> None:
    cited = {"location": {"web": {"url": "https://x.test/", "domain": "x.test"}}}
    body = message(
        {"text": "Rubies "}, {"text": "are red."}, {"citationsContent": {"citations": [cited]}}, {"text": " Yes."}
    )
    annotation = {
        "type": "url_citation",
        "url_citation": {"start_index": 7, "end_index": 15, "url": "https://x.test/", "title": "x.test"},
    }

    events = decode([stream(*streamed(body))])

    assert [event.items for event in events if isinstance(event, Annotations)] == [[annotation]]
    assert read(body)["choices"][0]["message"]["annotations"] == [annotation]


def test_the_address_of_a_search_result_is_a_web_citation_too() -> None:
    place = {"searchResultLocation": {"searchResultIndex": 0, "start": 0, "end": 1}}
    cited = [{"title": "T", "source": source, "location": place} for source in ("https://x.test/", "notes")]
    body = message({"citationsContent": {"content": [{"text": "Red."}], "citations": cited}})

    annotations = read(body)["choices"][0]["message"]["annotations"]

    url = {"start_index": 0, "end_index": 4, "url": "https://x.test/", "title": "T"}
    assert annotations == [{"type": "url_citation", "url_citation": url}]
    assert collect(decode([stream(*streamed(body))]))["choices"][0]["message"]["annotations"] == annotations


def test_a_block_may_begin_without_saying_what_it_is() -> None:
    body = message({"text": "Hm."}, {"reasoningContent": {"reasoningText": {"text": "So", "signature": "S"}}})
    begun = [("contentBlockStart", {"contentBlockIndex": n, "start": {}}) for n in range(2)]
    begin, *events = streamed(body)

    assert collect(decode([stream(begin, *begun, *events)])) == read(body)


def test_events_and_deltas_we_do_not_know_are_for_clients_of_this_format_only() -> None:
    news = ("somethingNew", {"a": 1})
    delta = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"hologram": {"x": 1}}})

    events = decode([stream(BEGIN, HELLO, news, delta, STOP, META)])

    opaque = [event.raw for event in events if isinstance(event, Opaque)]
    assert {"somethingNew": {"a": 1}} in opaque
    assert {"contentBlockDelta": delta[1]} in opaque
    assert collect(events)["choices"][0]["message"]["content"] == "Hello"


def test_an_answer_that_begins_without_its_start_begins_all_the_same() -> None:
    events: list[Event] = decode([stream(HELLO, STOP, META)])

    assert [type(event) for event in visible(events)][:2] == [Start, Text]
    assert isinstance(events[-1], Finish)


@pytest.mark.parametrize(("native", "reason"), [("refusal", "content_filter"), ("length", "length"), ("new", "stop")])
def test_a_stop_reason_may_be_a_word_of_the_models_maker(native: str, reason: str) -> None:
    choice = read(message({"text": "Hi"}, stop=native))["choices"][0]

    assert (choice["finish_reason"], choice["native_finish_reason"]) == (reason, native)


@pytest.mark.parametrize(
    "deltas",
    [
        [{"source": {"bytes": PNG[:8]}}, {"source": {"bytes": PNG[8:]}}],
        [{"source": {"s3Location": {"uri": "s3://bucket/a.png", "bucketOwner": "111122223333"}}}],
        [{"error": {"message": "no image could be made"}}],
        [{"source": {"bytes": PNG}, "error": {"message": "it is not complete"}}],
        [{}],
        [],
    ],
)
def test_an_image_reaches_clients_of_this_format_as_it_came(deltas: list[dict[str, Any]]) -> None:
    events = [
        BEGIN,
        ("contentBlockStart", {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}}),
        *[("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"image": delta}}) for delta in deltas],
        ("contentBlockStop", {"contentBlockIndex": 0}),
        STOP,
        META,
    ]

    read_events = decode([stream(*events)])
    encoder = CHAT.encoder(call())
    written = b"".join(encoder.event(event) for event in read_events) + encoder.end()

    assert decode([written]) == read_events


def test_where_an_image_lies_and_why_there_is_none_is_told() -> None:
    def collected(**delta: Any) -> dict[str, Any]:
        start = ("contentBlockStart", {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}})
        piece = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"image": delta}})
        data = stream(BEGIN, start, piece, ("contentBlockStop", {"contentBlockIndex": 0}), STOP, META)
        made = collect(decode([data]))["choices"][0]["message"]
        source = delta.get("source", {})
        assert made["provider_specific_fields"]["bedrock_converse"]["content"] == [
            {"image": {"format": "png", **delta, "source": source}}
        ]
        return made

    stored = collected(source={"s3Location": {"uri": "s3://bucket/a.png"}})
    assert stored["images"] == [{"type": "image_url", "image_url": {"url": "s3://bucket/a.png"}, "index": 0}]
    assert "images" not in collected(error={"message": "no image could be made"})


def test_an_image_without_an_address_is_a_protocol_error() -> None:
    start = ("contentBlockStart", {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}})
    bad = {"image": {"source": {"s3Location": {"bucketOwner": "111122223333"}}}}
    piece = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": bad})

    assert isinstance(failed(stream(BEGIN, start, piece)), ProtocolError)


def test_a_block_with_a_field_nobody_knows_beside_what_it_is_is_read_all_the_same() -> None:
    body = message(
        {"text": "Hi.", "role": "assistant"}, {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}, "x": 1}
    )

    said = read(body)["choices"][0]["message"]

    assert said["content"] == "Hi."
    assert [call["function"]["name"] for call in said["tool_calls"]] == ["f"]
    assert said["provider_specific_fields"]["bedrock_converse"]["content"] == body["output"]["message"]["content"]


def test_answers_without_the_id_of_a_request_have_ids_of_their_own() -> None:
    data = json.dumps(message({"text": "x"})).encode()
    sent = CHAT.request(call(), target())

    first, second = (CHAT.response(sent, Head(200, {}), data)[0]["id"] for _ in range(2))

    assert first != second


@pytest.mark.parametrize(
    "delta",
    [{"reasoningContent": {"redactedContent": 5}}, {"image": {"source": {"bytes": 5}}}, {"image": {"source": 5}}],
)
def test_what_should_be_base64_and_is_no_text_is_a_protocol_error(delta: dict[str, Any]) -> None:
    start = ("contentBlockStart", {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}})

    error = failed(stream(BEGIN, start, ("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta})))

    assert isinstance(error, ProtocolError)


def test_an_image_with_more_about_it_than_we_know_is_shown_all_the_same() -> None:
    events = decode(
        [
            stream(
                BEGIN,
                ("contentBlockStart", {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}}),
                ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"image": {"source": {"bytes": PNG}}}}),
                ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"watermark": {"kind": "x"}}}),
                ("contentBlockStop", {"contentBlockIndex": 0}),
                STOP,
                META,
            )
        ]
    )

    assert [event.kind for event in events if isinstance(event, Media)] == ["image"]
