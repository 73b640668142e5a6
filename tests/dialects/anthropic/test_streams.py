"""Streams that are not as the book says: hosts that differ, faults, garbage, any letters in any cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._dialects._chunks import ChunkBuilder
from lingate._model import (
    Annotations,
    Event,
    Extra,
    Failed,
    Finish,
    Head,
    Opaque,
    ToolArgs,
    ToolStart,
)
from lingate.errors import (
    AuthenticationError,
    LingateError,
    NotFoundError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
)
from tests.dialects.anthropic.samples import (
    ANSWERS,
    EMPTY_USE,
    SEARCH,
    USE,
)
from tests.dialects.anthropic.support import (
    CHAT,
    JSON_HEAD,
    SSE_HEAD,
    call,
    decode,
    message,
    read,
    sse,
    streamed,
    target,
    text,
)
from tests.dialects.short import collect


def _events(*events: dict[str, Any], **traits: Any) -> list[Event]:
    sent = CHAT.request(call(), target(traits))  # type: ignore[arg-type]
    return decode([sse(*events)], sent)


BEGIN = {"type": "message_start", "message": message()}
END = [
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
]


JSON_PIECE = {"type": "input_json_delta", "partial_json": '{"a": "b'}


def _delta(delta: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _block(block: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def test_an_error_in_the_stream_is_classified_and_ends_it() -> None:
    fault = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    events = _events(BEGIN, _block(text("a")), fault, *END)

    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, OverloadedError)
    assert not any(isinstance(event, Finish) for event in events)


def test_an_error_in_the_stream_names_the_request_it_was_for() -> None:
    fault = {"type": "error", "error": {"type": "api_error", "message": "x"}}
    head = Head(200, {"content-type": "text/event-stream", "request-id": "req_7"})

    (event,) = decode([sse(fault)], head=head)

    assert isinstance(event, Failed)
    assert event.error.request_id == "req_7"


@pytest.mark.parametrize("cut", [1, None])
def test_another_answer_in_the_midst_of_one_is_an_interruption_and_not_more_of_it(cut: int | None) -> None:
    first = [BEGIN, _block({"type": "tool_use", "id": "c1", "name": "f", "input": {}}), _delta(JSON_PIECE)]
    second = streamed({**message(text("Once more.")), "id": "msg_2"})
    data = sse(*first, *second)

    events = decode([data[at : at + 1] for at in range(len(data))] if cut else [data])

    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, StreamInterruptedError)
    assert [event.text for event in events if isinstance(event, ToolArgs)] == ['{"a": "b']


def test_a_beginning_that_is_told_twice_begins_one_answer() -> None:
    whole = streamed(message(text("Hello.")))

    doubled = decode([sse(whole[0], *whole)])

    assert collect(doubled) == collect(decode([sse(*whole)]))
    assert collect(decode([sse(*whole[:4], whole[0], *whole[4:])])) == collect(doubled)


def test_an_error_without_a_type_is_an_error_too() -> None:
    data = b'data: {"error": {"type": "rate_limit_error", "message": "slow down"}}\n\n'

    (event,) = decode([data])

    assert isinstance(event, Failed)
    assert isinstance(event.error, RateLimitError)


@pytest.mark.parametrize("data", ["overloaded", '{"message":"The model is overloaded","code":503}', '"overloaded"'])
def test_an_error_event_of_a_proxy_is_classified_by_what_it_says(data: str) -> None:
    begun = sse(BEGIN) + f"event: error\ndata: {data}\n\n".encode()

    events = decode([begun], CHAT.request(call(), target()))

    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, OverloadedError)


def test_the_secret_of_a_compaction_comes_whole() -> None:
    begun = {"type": "compaction", "content": None, "encrypted_content": "AAA"}
    delta = {"type": "compaction_delta", "content": "short", "encrypted_content": "BBB"}

    message = collect(_events(BEGIN, _block(begun), _delta(delta), *END))["choices"][0]["message"]

    (kept,) = message["provider_specific_fields"]["anthropic"]["content"]
    assert kept == {"type": "compaction", "content": "short", "encrypted_content": "BBB"}


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_an_answer_that_another_model_took_over_bears_that_ones_name(size: int) -> None:
    told = {
        "type": "fallback",
        "from": {"model": "claude-x"},
        "to": {"model": "claude-y"},
        "trigger": {"type": "refusal"},
    }
    stop = {"type": "content_block_stop", "index": 0}
    data = sse(BEGIN, _block(told), stop, _block(text(""), 1), _delta({"type": "text_delta", "text": "yes"}, 1), *END)

    events = decode([data[at : at + size] for at in range(0, len(data), size)])

    answer = collect(events)
    assert (answer["model"], answer["choices"][0]["message"]["content"]) == ("claude-y", "yes")
    assert [event.raw for event in events if isinstance(event, Opaque)][:2] == [_block(told), stop]
    builder = ChunkBuilder()
    chunks = [*map(builder.chunk, events), builder.end()]
    assert len({chunk["model"] for chunk in chunks if chunk}) == 1, "chunks of one answer bear one name"


def test_after_a_failure_or_the_end_nothing_more_comes() -> None:
    decoder = CHAT.decoder(CHAT.request(call(), target()), SSE_HEAD)
    assert len(decoder.feed(b"data: nonsense\n\n")) == 1
    assert (decoder.feed(sse(BEGIN)), decoder.finish(), decoder.done) == ([], [], False)

    decoder = CHAT.decoder(CHAT.request(call(), target()), SSE_HEAD)
    decoder.feed(sse(BEGIN, *END, BEGIN))
    assert decoder.done
    assert (decoder.feed(sse(BEGIN)), decoder.finish()) == ([], [])


def test_the_end_of_a_block_that_never_began_is_passed_on() -> None:
    stop = {"type": "content_block_stop", "index": 7}

    assert [event.raw for event in _events(BEGIN, stop, *END) if isinstance(event, Opaque)] == [stop]


def test_an_event_larger_than_memory_allows_is_a_protocol_error() -> None:
    decoder = CHAT.decoder(CHAT.request(call(), target()), SSE_HEAD)
    piece = b"data: " + b"x" * (16 * 1024 * 1024)
    events: list[Event] = []
    for _ in range(6):
        events += decoder.feed(piece)

    assert len(events) == 1
    assert isinstance(events[0], Failed)
    assert isinstance(events[0].error, ProtocolError)


def test_a_last_event_without_its_blank_line_still_counts() -> None:
    events = decode([sse(BEGIN, *END).rstrip(b"\n")])

    assert isinstance(events[-1], Finish)


def test_a_stop_reason_is_enough_for_hosts_that_send_no_message_stop() -> None:
    assert isinstance(_events(BEGIN, END[0], stream_end="finish")[-1], Finish)
    assert isinstance(_events(BEGIN, END[0])[-1], Failed)
    assert isinstance(_events(BEGIN, stream_end="finish")[-1], Failed)


def test_a_done_line_of_another_format_is_passed_over() -> None:
    events = decode([sse(BEGIN), b"data: [DONE]\n\n", sse(*END), b"data: [DONE]\n\n"])

    assert isinstance(events[-1], Finish)


@pytest.mark.parametrize("nothing", [b"data: \n\n", b"event: ping\ndata:\n\n"])
def test_an_event_without_content_keeps_a_stream_alive_and_says_nothing(nothing: bytes) -> None:
    events = [sse(event) for event in streamed(message(text("Hi")))]

    assert collect(decode([nothing.join(events)]))["choices"][0]["message"]["content"] == "Hi"


@pytest.mark.parametrize("without", [("content_block_delta",), ("content_block_delta", "content_block_stop")])
@pytest.mark.parametrize("name", ["thinking", "tools"])
def test_events_without_an_index_are_of_the_block_that_began_last(name: str, without: tuple[str, ...]) -> None:
    events = streamed(ANSWERS[name])
    for event in events:
        if event["type"] in without:
            del event["index"]

    assert collect(decode([sse(*events)])) == collect(decode([sse(*streamed(ANSWERS[name]))]))


def test_blocks_of_which_no_event_has_an_index_are_told_apart() -> None:
    use = [_block({**USE, "id": given, "input": {}}) for given in "ab"]
    events = [BEGIN, use[0], _delta(JSON_PIECE), use[1], _delta(JSON_PIECE), *END]

    made = collect(_events(*({name: event[name] for name in event if name != "index"} for event in events)))

    calls = made["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]["arguments"]) for call in calls] == [
        (given, JSON_PIECE["partial_json"]) for given in "ab"
    ]


def test_events_we_do_not_know_are_kept_for_clients_of_this_format() -> None:
    new = {"type": "weather_report", "sun": True}

    events = _events(BEGIN, {"type": "ping"}, new, *END)

    assert [event.raw for event in events if isinstance(event, Opaque)] == [{"type": "ping"}, new]


def test_arguments_may_come_with_the_start_of_a_tool() -> None:
    events = _events(BEGIN, _block(USE), {"type": "content_block_stop", "index": 0}, *END)

    assert collect(events)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a":[1,"é"]}'


def test_a_tool_that_is_never_closed_is_closed_at_the_end() -> None:
    events = _events(BEGIN, _block(EMPTY_USE), *END)

    assert [event.text for event in events if isinstance(event, ToolArgs)] == ["{}"]
    assert collect(events)["choices"][0]["finish_reason"] == "tool_calls"


def test_a_tool_without_an_id_gets_one() -> None:
    nameless = {key: value for key, value in USE.items() if key != "id"}

    (start,) = [event for event in _events(BEGIN, _block(nameless), *END) if isinstance(event, ToolStart)]

    assert start.id == "msg_1_0"


def test_a_tool_without_an_id_gets_one_in_a_whole_answer_too() -> None:
    nameless = message({**USE, "id": ""}, {**USE, "id": "c2"}, stop_reason="tool_use")

    calls = read(nameless)["choices"][0]["message"]["tool_calls"]

    assert [call["id"] for call in calls] == ["msg_1_0", "c2"]


@pytest.mark.parametrize("before", ["", "Well."])
def test_thinking_in_the_block_of_the_text_is_thinking(before: str) -> None:
    # As a proxy tells it that opens one block for both: BerriAI/litellm#32357.
    said = [{"type": "text_delta", "text": piece} for piece in ("", before, "Hello", ".")]
    thought = [{"type": "thinking_delta", "thinking": piece} for piece in ("h", "m")]

    events = _events(BEGIN, BEGIN, _block(text("")), *map(_delta, [*said[:2], *thought, *said[2:]]), *END)

    made = collect(events)["choices"][0]["message"]
    assert (made["content"], made["reasoning_content"]) == (before + "Hello.", "hm")
    assert "provider_specific_fields" not in made


@pytest.mark.parametrize("begun", [[], [_block(text(""))], [_block({"type": "thinking", "thinking": ""})]])
def test_arguments_that_belong_to_no_tool_are_never_left_out(begun: list[dict[str, Any]]) -> None:
    use = _block({**USE, "input": {}}, 1)

    events = _events(BEGIN, *begun, use, _delta(JSON_PIECE), *END)

    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, ProtocolError)


@pytest.mark.parametrize("told", [[], [{"role": "assistant", "tool_calls": [{"id": "t", "function": {"name": "f"}}]}]])
def test_calls_with_one_id_get_one_each(told: list[dict[str, Any]]) -> None:
    body = message({**USE, "id": "t"}, {**USE, "id": "t"}, {**USE, "id": "u"}, stop_reason="tool_use")
    sent = CHAT.request(call(messages=[{"role": "user", "content": "go"}, *told]), target())

    for made in (read(body, sent), collect(decode([sse(*streamed(body))], sent))):
        ids = [one["id"] for one in made["choices"][0]["message"]["tool_calls"]]
        assert len({*ids, *(["t"] if told else [])}) == len(ids) + len(told)
        assert (ids[0] == "t", ids[2]) == (not told, "u")


def test_text_and_thinking_may_begin_without_announcement() -> None:
    events = _events(
        BEGIN, _delta({"type": "thinking_delta", "thinking": "h"}), _delta({"type": "text_delta", "text": "x"}, 1), *END
    )

    made = collect(events)["choices"][0]["message"]
    assert (made["content"], made["reasoning_content"]) == ("x", "h")


def test_a_start_event_may_carry_the_first_piece() -> None:
    events = _events(
        BEGIN,
        _block({"type": "thinking", "thinking": "h", "signature": "s"}),
        _block(text("a"), 1),
        _delta({"type": "text_delta", "text": "b"}, 1),
        *END,
    )

    made = collect(events)["choices"][0]["message"]
    assert made["content"] == "ab"
    assert made["thinking_blocks"] == [{"type": "thinking", "thinking": "h", "signature": "s"}]


def test_an_input_that_was_cut_short_is_not_kept_for_the_history() -> None:
    events = _events(
        BEGIN,
        _block(SEARCH),
        _delta({"type": "input_json_delta", "partial_json": '{"quer'}),
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {}},
        {"type": "message_stop"},
    )

    assert [event.choice for event in events if isinstance(event, Extra)] == [None]


def test_deltas_of_blocks_we_do_not_know_are_put_together_as_far_as_they_say() -> None:
    events = _events(
        BEGIN,
        _block({"type": "compaction", "content": None}),
        _delta({"type": "compaction_delta", "content": "Sum"}),
        _delta({"type": "compaction_delta", "content": "mary"}),
        {"type": "content_block_stop", "index": 0},
        *END,
    )

    kept = collect(events)["choices"][0]["message"]["provider_specific_fields"]["anthropic"]["content"]
    assert kept == [{"type": "compaction", "content": "Summary"}]


def test_citations_come_at_the_end_of_their_block() -> None:
    events = decode([sse(*streamed(ANSWERS["search"]))])

    (found,) = [event for event in events if isinstance(event, Annotations)]
    assert found.items == read(ANSWERS["search"])["choices"][0]["message"]["annotations"]


@pytest.mark.parametrize("name", ANSWERS)
def test_a_whole_message_in_answer_to_a_request_for_a_stream_is_understood(name: str) -> None:
    body = json.dumps(ANSWERS[name]).encode()

    assert collect(decode([body[:5], body[5:]], head=JSON_HEAD)) == {"usage": None, **read(body)}


def test_a_whole_error_in_answer_to_a_request_for_a_stream_is_an_error() -> None:
    body = b'{"type": "error", "error": {"type": "authentication_error", "message": "no"}}'

    (event,) = decode([body], head=JSON_HEAD)

    assert isinstance(event, Failed)
    assert isinstance(event.error, AuthenticationError)


GARBAGE: list[Any] = [
    {"type": "message_start"},
    {"type": "message_start", "message": []},
    {"type": "content_block_start", "index": 0},
    {"type": "content_block_start", "index": 0, "content_block": {"text": "x"}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "x"}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "redacted_thinking"}},
    {"type": "content_block_delta", "index": 0},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}},
    {"type": "content_block_delta", "index": [0], "delta": {"type": "text_delta", "text": 5}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": {}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": None}},
    [1],
    "text",
    None,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=json.dumps)
def test_garbage_in_a_stream_is_a_protocol_error(garbage: Any) -> None:
    events = decode([f"data: {json.dumps(garbage)}\n\n".encode()])

    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, ProtocolError)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"content": "hi"}',
        b'{"content": [1]}',
        b'{"content": [{"text": "x"}]}',
        b'{"content": [{"type": "text"}]}',
        b'{"content": [{"type": "tool_use", "id": "x", "name": "y"}]}',
        b'{"content": [{"type": "tool_use", "id": "x", "name": "y", "input": "z"}]}',
        b'{"content": [{"type": "thinking"}]}',
    ],
)
def test_garbage_in_a_whole_answer_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(body)
    assert (caught.value.provider, caught.value.model) == ("acme", "claude-test")


def test_an_error_with_status_200_is_the_error_it_says() -> None:
    with pytest.raises(OverloadedError):
        read(b'{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}')


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"code": 500, "msg": "404 NOT_FOUND", "success": False}, NotFoundError),
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, AuthenticationError),
    ],
)
def test_an_error_in_the_words_of_the_host_is_one_whole_and_in_a_stream(
    said: dict[str, Any], kind: type[LingateError]
) -> None:
    with pytest.raises(kind):
        read(said)
    for begun in ([], [BEGIN]):
        *_, last = decode([sse(*begun), f"data: {json.dumps(said)}\n\n".encode()])
        assert isinstance(last, Failed)
        assert isinstance(last.error, kind)


def test_an_event_that_says_nothing_ends_nothing() -> None:
    whole = streamed(message(text("Hello.")))

    events = decode([sse(whole[0]), b"data: {}\n\n", sse(*whole[1:])])

    assert collect(events) == collect(decode([sse(*whole)]))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_names = st.sampled_from(
    [
        "type",
        "index",
        "delta",
        "content_block",
        "message",
        "usage",
        "text",
        "thinking",
        "signature",
        "partial_json",
        "id",
        "name",
        "input",
        "data",
        "citations",
        "citation",
        "stop_reason",
        "stop_details",
        "stop_sequence",
        "error",
        "content",
        "model",
        "input_tokens",
        "output_tokens",
        "caller",
    ]
)
_words = st.sampled_from(
    [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "server_tool_use",
        "text_delta",
        "thinking_delta",
        "signature_delta",
        "input_json_delta",
        "citations_delta",
        "compaction_delta",
        "refusal",
        "end_turn",
    ]
)
_likely = st.recursive(
    _json | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=5),
    max_leaves=12,
)
_event = st.fixed_dictionaries(
    {"type": _words},
    optional={
        "index": st.integers(0, 2) | _json,
        "delta": st.dictionaries(_names, _words | _likely, max_size=4),
        "content_block": st.dictionaries(_names, _words | _likely, max_size=5),
        "message": st.dictionaries(_names, _likely, max_size=4),
        "usage": _likely,
        "error": _likely,
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_event, max_size=8))
def test_no_event_however_wild_makes_the_decoder_raise(events: list[dict[str, Any]]) -> None:
    made = decode([sse(*events)])

    assert isinstance(made[-1], Failed | Finish)
    encoder = CHAT.encoder(call())
    for event in made:
        if isinstance(event, Failed):
            assert encoder.error(event.error)
        else:
            encoder.event(event)
    encoder.end()


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_names, st.lists(_likely, max_size=3) | _likely, max_size=6))
def test_no_body_however_wild_raises_anything_but_our_errors(body: dict[str, Any]) -> None:
    try:
        response = read(body)
    except LingateError:
        return
    assert json.loads(CHAT.render(response))["type"] == "message"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30), st.data())
def test_text_of_any_letters_comes_through_any_cut(first: str, second: str, data: st.DataObject) -> None:
    body = message(text(first), {**USE, "input": {"x": second}}, stop_reason="tool_use")
    stream = sse(*streamed(body))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    made = collect(decode(pieces))["choices"][0]["message"]

    assert (made["content"] or "") == first
    assert json.loads(made["tool_calls"][0]["function"]["arguments"]) == {"x": second}


@pytest.mark.parametrize("first", [7, [1], {}, True])
def test_a_block_that_begins_with_what_is_no_text_begins_empty(first: Any) -> None:
    begins = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": first}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}}
    events = _events(BEGIN, begins, delta, *END)
    assert not [event for event in events if isinstance(event, Failed)]
    assert collect(events)["choices"][0]["message"]["content"] == "hello"


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain"])
def test_whether_an_answer_is_a_stream_is_told_by_what_it_begins_with(kind: str) -> None:
    sent = CHAT.request(call(stream=True), target())
    head = Head(200, {"content-type": kind})
    whole = message(text("Hello"))

    for data in (b"\n " + json.dumps(whole).encode(), sse(*streamed(whole))):
        for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
            decoder = CHAT.decoder(sent, head)
            events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()
            assert decoder.done
            assert collect(events)["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.parametrize("before", [b"", sse(BEGIN)])
def test_an_error_in_a_list_is_the_error_it_says_whole_and_in_mid_stream(before: bytes) -> None:
    # Google's cloud, before Anthropic's models.
    error = json.dumps([{"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED"}}], indent=1)

    events = decode([before + error.encode()])

    assert isinstance(events[-1], Failed)
    assert type(events[-1].error) is RateLimitError


def test_the_signature_of_a_compaction_is_no_thinking() -> None:
    begun = {"type": "compaction", "content": None, "encrypted_content": None, "signature": None}
    deltas = (
        {"type": "compaction_delta", "content": "so far", "encrypted_content": "abc"},
        {"type": "signature_delta", "signature": "sig"},
    )
    block = [{"type": "content_block_start", "index": 0, "content_block": begun}]
    block += [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    made = collect(_events(BEGIN, *block, {"type": "content_block_stop", "index": 0}, *END))

    message_made = made["choices"][0]["message"]
    assert "thinking_blocks" not in message_made
    whole = {"type": "compaction", "content": "so far", "encrypted_content": "abc", "signature": "sig"}
    assert message_made["provider_specific_fields"] == {"anthropic": {"content": [whole]}}


def test_how_far_hidden_thinking_has_come_reaches_clients_of_this_format() -> None:
    begun = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = [
        {"type": "thinking_delta", "thinking": "", "estimated_tokens": 50},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "sig"},
    ]
    block = [{"type": "content_block_start", "index": 0, "content_block": begun}]
    block += [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    encoder = CHAT.encoder(call())

    written = b"".join(encoder.event(event) for event in _events(BEGIN, *block, *END)) + encoder.end()

    told = [json.loads(line[6:]) for line in written.decode().splitlines() if line.startswith("data: ")]
    assert [event["delta"] for event in told if event["type"] == "content_block_delta"] == deltas


def test_a_message_delta_may_hold_counts_alone() -> None:
    events = streamed(message(text("hi")))
    events.insert(-1, {"type": "message_delta", "usage": {"output_tokens": 7}})

    response = collect(decode([sse(*events)]))

    assert response["usage"]["completion_tokens"] == 7
    assert response["choices"][0]["finish_reason"] == "stop"


def test_a_second_structured_answer_is_not_told() -> None:
    sent = CHAT.request(call(), target())
    sent.answer_tool = "answer"
    answers = [{"type": "tool_use", "id": f"t{n}", "name": "answer", "input": {}} for n in (1, 2)]

    response = collect(decode([sse(*streamed(message(*answers, stop_reason="tool_use")))], sent))

    assert response["choices"][0]["message"]["content"] == "{}"
    assert response["choices"][0]["finish_reason"] == "stop"
