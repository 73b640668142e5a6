"""Streams: the API's events as canonical ones, whatever servers leave out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import (
    Annotations,
    Extra,
    Failed,
    Finish,
    Head,
    Media,
    Opaque,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate.errors import (
    ContextLengthError,
    InternalServerError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
)
from tests.dialects.openai_responses.support import (
    CHAT,
    NATIVE,
    answer,
    decode,
    events_of,
    function_call,
    message,
    read,
    reasoning,
    sent,
    sse,
    streamed,
)
from tests.dialects.short import collect

CUSTOM = {
    "id": "ctc_1",
    "type": "custom_tool_call",
    "status": "completed",
    "call_id": "call_9",
    "name": "sql",
    "input": "select 1",
}
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
IMAGE = {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "QUJD", "output_format": "png"}
CITED = {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 1}


def cited(text: str) -> dict[str, Any]:
    return {**message(), "content": [{"type": "output_text", "text": text, "annotations": [CITED], "logprobs": []}]}


def only(events: list[Any], kind: Any) -> list[Any]:
    return [event for event in events if type(event) is kind]


def failed(*events: Any) -> Any:
    last = events_of(*events)[-1]
    assert isinstance(last, Failed)
    return last.error


WHOLE = [
    answer(message("hello")),
    answer(message("hello"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
    answer(message("a", phase="commentary"), SEARCH, cited("bc"), function_call()),
    answer(reasoning("one", "two"), message("x"), function_call(), function_call("{}", "hear", "call_2"), CUSTOM),
    answer(reasoning(secret=None, content=[{"type": "reasoning_text", "text": "hm"}]), message("x")),
    answer(reasoning(secret="only"), function_call()),
    answer({**message(), "content": [{"type": "refusal", "refusal": "No."}]}),
    answer(IMAGE, message("there")),
    answer({**message(), "content": [*message("a")["content"], *cited("b")["content"]]}),
    answer(),
]


@pytest.mark.parametrize("operation", [CHAT, NATIVE])
@pytest.mark.parametrize("body", WHOLE)
def test_a_stream_adds_up_to_what_the_whole_answer_says(body: dict[str, Any], operation: Any) -> None:
    added = collect(events_of(*streamed(body), operation=operation))

    whole = read(body, operation)
    if not body["output"]:
        assert added["choices"][0]["message"]["content"] == ""
    assert added == whole


@pytest.mark.parametrize("operation", [CHAT, NATIVE])
@pytest.mark.parametrize("body", WHOLE)
def test_servers_that_send_whole_items_only_are_understood(body: dict[str, Any], operation: Any) -> None:
    deltas = ("delta", "part", "text", "arguments", "input", "refusal", "annotation")
    events = [event for event in streamed(body) if not any(name in event for name in deltas)]

    assert collect(events_of(*events, operation=operation)) == read(body, operation)


@pytest.mark.parametrize("body", WHOLE)
def test_servers_that_send_nothing_but_the_end_are_understood(body: dict[str, Any]) -> None:
    assert collect(events_of(streamed(body)[-1])) == read(body)


@pytest.mark.parametrize("body", WHOLE)
def test_servers_whose_last_event_has_no_output_are_understood(body: dict[str, Any]) -> None:
    *events, last = streamed(body)
    last = {**last, "response": {**body, "output": [], "status": None}}

    assert collect(events_of(*events, last))["choices"] == read(body)["choices"]


@pytest.mark.parametrize("item", [function_call(), CUSTOM])
@pytest.mark.parametrize("ended", ["with arguments", "without arguments", "with an empty object", "never"])
@pytest.mark.parametrize("pieces", [True, False])
def test_arguments_that_only_their_own_end_event_holds_are_told(item: dict[str, Any], ended: str, pieces: bool) -> None:
    body = answer(item)
    name = "input" if item is CUSTOM else "arguments"
    *events, last = streamed(body)
    if not pieces:
        events = [event for event in events if "delta" not in event]
    for event in events:
        if event["type"] == "response.output_item.done" and ended == "without arguments":
            event["item"] = {**item, name: ""}
        if event["type"] == "response.output_item.done" and ended == "with an empty object":
            event["item"] = {**item, name: "{}"}
    if ended == "never":
        events = [event for event in events if event["type"] != "response.output_item.done"]
    last = {**last, "response": {**body, "output": []}}

    assert collect(events_of(*events, last))["choices"] == read(body)["choices"]


def test_the_rest_of_arguments_comes_with_the_whole_call() -> None:
    body = answer(function_call('{"a":1}'))
    *events, last = streamed(body)
    pieces = [event for event in events if "delta" in event]
    events = [event for event in events if event not in pieces[2:] and not event["type"].endswith("arguments.done")]

    assert collect(events_of(*events, last)) == read(body)


def test_arguments_that_were_cut_are_not_completed_to_an_empty_object() -> None:
    item = {**function_call(), "arguments": ""}
    body = answer(item, status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    begun, *_, last = streamed(body)
    place = {"output_index": 0, "item_id": item["id"]}
    cut = {"type": "response.function_call_arguments.delta", **place, "delta": "{"}
    added, done = ({"type": f"response.output_item.{name}", **place, "item": item} for name in ("added", "done"))

    choice = collect(events_of(begun, added, cut, done, last))["choices"][0]

    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == "{"
    assert choice["finish_reason"] == "length"


def test_a_message_that_begins_without_its_content_and_ends_twice_is_told_once() -> None:
    events = streamed(answer(message("so")))
    for event in events:
        if event["type"] == "response.output_item.added":
            del event["item"]["content"]
    at = next(n for n, event in enumerate(events) if event["type"] == "response.output_item.done")

    data = sse(*events[: at + 1], events[at], *events[at + 1 :])

    for pieces in ([data], [data[n : n + 1] for n in range(len(data))]):
        found = collect(decode(pieces))["choices"][0]
        assert (found["message"]["content"], found["finish_reason"]) == ("so", "stop")


def test_an_end_by_its_older_name_is_an_end() -> None:
    *events, last = streamed(answer(message("x")))

    assert collect(events_of(*events, {**last, "type": "response.done"})) == read(answer(message("x")))


def test_servers_that_give_every_item_the_same_place_are_understood() -> None:
    body = answer(reasoning("hm"), message("x"), function_call())
    events = [{**event, "output_index": 0} if "output_index" in event else event for event in streamed(body)]

    assert collect(events_of(*events)) == read(body)


def test_hosts_that_change_an_items_id_from_event_to_event_are_understood() -> None:
    body = answer(reasoning("hm", secret=None), message("x"), function_call())
    events = streamed(body)
    for n, event in enumerate(events):
        if "item_id" in event:
            event["item_id"] = f"other_{n}"
        if "item" in event:
            event["item"] = {**event["item"], "id": f"other_{n}"}

    added = collect(events_of(*events))["choices"][0]

    assert added["message"]["content"] == "x"
    assert len(added["message"]["tool_calls"]) == 1
    assert added["message"]["reasoning_content"] == "hm"


def test_servers_without_places_are_understood_by_ids() -> None:
    body = answer(message("x"), function_call())
    events = [{key: value for key, value in event.items() if key != "output_index"} for event in streamed(body)]

    assert collect(events_of(*events)) == read(body)


def changed(events: list[dict[str, Any]], change: Any) -> list[dict[str, Any]]:
    for n, event in enumerate(events):
        change(n, event)
    return events


def told(events: list[Any]) -> tuple[Any, ...]:
    """What a stream has said, without ids."""
    message_of = collect(events)["choices"][0]["message"]
    calls = [call["function"] for call in message_of.get("tool_calls") or ()]
    return message_of.get("reasoning_content"), message_of["content"], calls


THOUGHT = reasoning(secret=None, content=[{"type": "reasoning_text", "text": "hm so"}])
TWO_CALLS = [function_call('{"a":1}'), function_call('{"b":2}', "hear", "call_2")]


def numbered(n: int, event: dict[str, Any]) -> None:
    """vLLM gives each piece a number where the part's belongs, and the item of a call's end neither id nor place."""
    if "content_index" in event:
        event["content_index"] = n
    if event["type"] == "response.output_item.done":
        event["output_index"] += 1
        if event["item"]["type"] == "function_call":
            event["item"] = {**event["item"], "id": None, "call_id": f"fc_{n}"}
    if event["type"] == "response.completed":
        output = [{**item, "id": f"other_{at}"} for at, item in enumerate(event["response"]["output"])]
        event["response"] = {**event["response"], "output": output}


@pytest.mark.parametrize(
    "body", [answer(THOUGHT, message("hello")), answer(THOUGHT, *TWO_CALLS), answer(message("a"), *TWO_CALLS)]
)
def test_servers_that_number_pieces_instead_of_parts_and_miscount_items_are_understood(body: dict[str, Any]) -> None:
    assert told(events_of(*changed(streamed(body), numbered))) == told(events_of(*streamed(body)))


def test_text_told_for_a_message_that_was_announced_elsewhere_is_told_once() -> None:
    def moved(n: int, event: dict[str, Any]) -> None:
        if event.get("output_index") == 1 and event["type"] == "response.output_item.added":
            event.update(output_index=0, item={**event["item"], "id": "rs_1"})
        if event["type"] == "response.completed":
            output = [{**item, "id": f"other_{at}"} for at, item in enumerate(event["response"]["output"])]
            event["response"] = {**event["response"], "output": output}

    assert told(events_of(*changed(streamed(answer(THOUGHT, message("hello"))), moved)))[:2] == ("hm so", "hello")


@pytest.mark.parametrize("named", ["by call_id", "not at all"])
@pytest.mark.parametrize("items", [TWO_CALLS, [message("a"), *TWO_CALLS]])
def test_calls_without_a_place_are_told_apart_by_what_their_pieces_call_them_and_by_order(
    items: list[Any], named: str
) -> None:
    names = {item["id"]: item["call_id"] for item in TWO_CALLS}

    def without_places(n: int, event: dict[str, Any]) -> None:
        event.pop("output_index", None)
        if event.get("item", {}).get("type") == "function_call":
            event["item"] = {key: value for key, value in event["item"].items() if key != "id"}
        if event.get("item_id") in names:
            event.update(item_id=names[event["item_id"]] if named == "by call_id" else None)

    assert (
        told(events_of(*changed(streamed(answer(*items)), without_places)))[2]
        == told(events_of(*streamed(answer(*items))))[2]
    )


def test_calls_at_one_place_that_are_told_at_the_same_time_are_told_apart_by_their_ids() -> None:
    events = changed(
        streamed(answer(*TWO_CALLS)), lambda n, event: event.update(output_index=0) if "output_index" in event else None
    )
    order = [event["type"] != "response.output_item.added" for event in events[2:-1]]
    at_once = [event for _, event in sorted(zip(order, events[2:-1], strict=True), key=lambda pair: pair[0])]

    assert collect(events_of(*events[:2], *at_once, events[-1])) == read(answer(*TWO_CALLS))


def test_an_item_that_has_another_id_in_each_event_and_no_place_is_told_once() -> None:
    def renamed(n: int, event: dict[str, Any]) -> None:
        event.pop("output_index", None)
        if "item_id" in event:
            event["item_id"] = f"other_{n}"
        if "item" in event:
            event["item"] = {**event["item"], "id": f"other_{n}"}
        if event["type"] == "response.completed":
            output = [{**item, "id": f"last_{at}"} for at, item in enumerate(event["response"]["output"])]
            event["response"] = {**event["response"], "output": output}

    body = answer(THOUGHT, message("hello"), function_call())

    assert told(events_of(*changed(streamed(body), renamed))) == told(events_of(*streamed(body)))


def test_an_item_that_is_null_is_none_and_a_text_that_is_null_says_nothing() -> None:
    begun, going_on, *events = streamed(answer(message("hello")))
    nothing = {"type": "response.output_item.added", "output_index": 0, "item": None}
    silent = message("hello", content=[{"type": "output_text", "text": None}, {"type": "refusal", "refusal": None}])

    assert told(events_of(begun, going_on, nothing, *events[1:]))[1] == "hello"
    for found in (read(answer(silent)), collect(events_of(*streamed(answer(message("")))[:3], *done(silent)))):
        assert found["choices"][0]["message"]["content"] in ("", None)
        assert not found["choices"][0]["message"].get("refusal")


def done(item: dict[str, Any]) -> list[dict[str, Any]]:
    """An item's end, and the response's."""
    return [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": answer(item)},
    ]


def test_text_and_reasoning_by_other_names_are_told() -> None:
    named = message(content=[{"type": "text", "text": "a"}])
    thought = reasoning(secret=None, content=[{"type": "text", "text": "hm"}])

    assert told(events_of(*done(named)))[1] == "a"
    assert read(answer(thought, named))["choices"][0]["message"]["reasoning_content"] == "hm"


@pytest.mark.parametrize("kind", ["reasoning", "reasoning_summary"])
@pytest.mark.parametrize("delta", ["hm", {"text": "hm"}])
def test_reasoning_in_events_of_older_names_is_told(kind: str, delta: Any) -> None:
    event = {"type": f"response.{kind}.delta", "output_index": 0, "item_id": "rs_1", "delta": delta}

    assert told(events_of(event, streamed(answer(message("x")))[-1]))[:2] == ("hm", "x")


def test_arguments_that_only_the_announcement_of_a_call_holds_are_told() -> None:
    item = function_call()
    added = {"type": "response.output_item.added", "output_index": 0, "item": item}
    last = {"type": "response.completed", "response": answer()}

    assert told(events_of(added, last))[2] == [{"name": "look", "arguments": '{"a":1}'}]


def test_a_stream_may_begin_without_its_first_event() -> None:
    events = events_of(*streamed(answer(message("x")))[2:])

    assert isinstance(events[0], Start)
    assert events[0].model == "m-1"
    assert collect(events)["choices"][0]["message"]["content"] == "x"


def test_text_that_nobody_announced_is_text() -> None:
    delta = {"type": "response.output_text.delta", "delta": "x"}
    end = {"type": "response.completed", "response": answer(message("x"))}

    assert [event.text for event in only(events_of(delta, end), Text)] == ["x"]


def test_each_event_is_told_as_what_it_is() -> None:
    body = answer(reasoning("hm"), cited("x"), function_call("{}"))

    kinds = [type(event) for event in events_of(*streamed(body)) if not isinstance(event, Opaque)]

    assert kinds == [
        Start,
        Thinking,
        Thinking,
        Thinking,
        Text,
        Annotations,
        ToolStart,
        ToolArgs,
        ToolArgs,
        Usage,
        Extra,
        Finish,
    ]


def test_nothing_substantial_is_told_before_the_model_has_begun() -> None:
    begun = events_of(*streamed(answer(message("x")))[:2])

    assert [type(event) for event in begun] == [Start, Failed]


def test_a_failure_right_after_the_beginning_can_be_retried() -> None:
    error = {"code": "rate_limit_exceeded", "message": "slow down"}
    events = events_of(
        *streamed(answer(message("x")))[:2],
        {"type": "response.failed", "response": answer(status="failed", error=error)},
    )

    assert [type(event) for event in events] == [Start, Failed]
    assert isinstance(events[1].error, RateLimitError)  # type: ignore[union-attr]


def test_citations_wait_for_nobody_and_are_told_once() -> None:
    events = events_of(*streamed(answer(message("ab"), cited("cd"))))

    (told,) = only(events, Annotations)
    assert told.items[0]["url_citation"]["start_index"] == 2


def test_logprobs_travel_with_their_text() -> None:
    probs = [{"token": "x", "logprob": -0.1}]
    events = streamed(answer(message("x")))
    for event in events:
        if event["type"] == "response.output_text.delta":
            event["logprobs"] = probs

    assert collect(events_of(*events))["choices"][0]["logprobs"] == {"content": probs}


def test_speech_comes_in_pieces() -> None:
    events = [
        *streamed(answer())[:2],
        {"type": "response.audio.delta", "delta": "QUJD"},
        {"type": "response.audio.transcript.delta", "delta": "hi"},
        {"type": "response.audio.done"},
        streamed(answer())[-1],
    ]

    assert [event.data for event in only(events_of(*events), Media)] == [{"data": "QUJD"}, {"transcript": "hi"}]


def test_images_are_shown_once_they_are_whole() -> None:
    partial = {"type": "response.image_generation_call.partial_image", "output_index": 0, "partial_image_b64": "QQ=="}
    start, progress, added, *rest = streamed(answer(IMAGE))

    events = events_of(start, progress, added, partial, *rest)

    (image,) = only(events, Media)
    assert image.data["image_url"]["url"] == "data:image/png;base64,QUJD"
    assert Opaque("openai_responses", partial) in events


@pytest.mark.parametrize(
    "kind",
    [
        "response.web_search_call.searching",
        "response.file_search_call.completed",
        "response.code_interpreter_call_code.delta",
        "response.code_interpreter_call.interpreting",
        "response.mcp_call_arguments.delta",
        "response.mcp_list_tools.in_progress",
        "response.shell_call_command.delta",
        "response.compaction.compacting",
        "response.brand_new",
        "keepalive",
    ],
)
def test_events_of_the_providers_own_tools_are_for_clients_of_this_format_only(kind: str) -> None:
    event = {"type": kind, "output_index": 0, "item_id": "x", "delta": "y"}
    start, progress, *rest = streamed(answer(message("x")))

    events = events_of(start, progress, event, *rest)

    assert Opaque("openai_responses", event) in events
    assert collect(events) == read(answer(message("x")))


def test_done_markers_of_clones_are_ignored() -> None:
    events = streamed(answer(message("x")))

    assert collect(events_of(*events[:3], b"data: [DONE]\n\n", *events[3:], b"data: [DONE]\n\n")) == read(
        answer(message("x"))
    )


@pytest.mark.parametrize("keep", [2, 4, -1])
def test_an_end_without_a_terminal_event_is_an_interruption(keep: int) -> None:
    error = failed(*streamed(answer(message("hello")))[:keep])

    assert isinstance(error, StreamInterruptedError)
    assert error.provider == "acme"


def test_half_an_event_at_the_end_is_an_interruption() -> None:
    data = sse(*streamed(answer(message("hello"))))

    for size in (len(data) - 3, len(data) - 200):
        (*_, last) = decode([data[:size]])
        assert isinstance(last, Failed)
        assert isinstance(last.error, StreamInterruptedError)


def test_the_last_event_needs_no_blank_line_after_it() -> None:
    data = sse(*streamed(answer(message("x")))).rstrip(b"\n")

    assert collect(decode([data])) == read(answer(message("x")))


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"type": "error", "code": "server_error", "message": "boom", "param": None}, InternalServerError),
        ({"type": "error", "code": "context_length_exceeded", "message": "too long"}, ContextLengthError),
        ({"type": "error", "error": {"code": "rate_limit_exceeded", "message": "slow down"}}, RateLimitError),
        ({"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, RateLimitError),
        ({"type": "response.failed", "response": answer(status="failed")}, InternalServerError),
        ({"type": "response.failed"}, InternalServerError),
        ({"type": "response.cancelled", "response": answer(status="cancelled")}, InternalServerError),
        (
            {
                "type": "response.failed",
                "response": answer(status="failed", error={"code": "context_length_exceeded", "message": "x"}),
            },
            ContextLengthError,
        ),
    ],
)
def test_an_error_in_mid_stream_is_the_error_it_names_and_the_last_event(event: Any, kind: Any) -> None:
    error = failed(*streamed(answer(message("hello")))[:6], event, *streamed(answer(message("x"))))

    assert isinstance(error, kind)
    assert error.provider == "acme"


@pytest.mark.parametrize(
    "event",
    [
        b"data: {\n\n",
        b"data: 3\n\n",
        b"data: []\n\n",
        {"type": "response.created"},
        {"type": "response.completed", "response": 3},
        {"type": "response.completed", "response": {"output": [3]}},
        {"type": "response.completed", "response": {"output": [{"type": "message"}]}},
        {"type": "response.output_item.added"},
        {"type": "response.output_item.added", "item": {"type": "function_call"}},
        {"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "summary": 3}},
        {"type": "response.output_text.delta", "output_index": 0, "delta": 3},
        {"type": "response.function_call_arguments.delta", "output_index": 7, "delta": "x"},
    ],
)
def test_rubbish_in_a_stream_is_a_protocol_error(event: Any) -> None:
    assert isinstance(failed(*streamed(answer(message("x")))[:2], event), ProtocolError)


def test_an_event_without_end_is_a_fault() -> None:
    decoder = CHAT.decoder(sent(stream=True), Head(200, {"content-type": "text/event-stream"}))
    decoder._sse.limit = 10

    (failure,) = decoder.feed(b"data: " + b"x" * 20)

    assert isinstance(failure.error, ProtocolError)


def test_a_host_that_ignores_stream_is_understood() -> None:
    body = answer(reasoning("hm"), message("x"), function_call())
    head = Head(200, {"content-type": "application/json"})

    assert collect(decode([json.dumps(body).encode()], head=head)) == read(body)
    (failure,) = decode([b'{"error":{"code":"rate_limit_exceeded","message":"x"}}'], head=head)
    assert isinstance(failure, Failed)
    assert isinstance(failure.error, RateLimitError)


def test_the_structured_answer_of_a_forced_tool_is_the_text() -> None:
    body = answer(message("so:"), function_call('{"x":1}', "answer"))

    events = events_of(*streamed(body), answer_tool="answer")

    assert collect(events) == read(body, answer_tool="answer")
    assert "".join(event.text for event in only(events, Text)) == '{"x":1}'


def test_text_is_the_answer_where_the_forced_tool_was_not_called() -> None:
    events = events_of(*streamed(answer(message("prose"))), answer_tool="answer")

    assert collect(events)["choices"][0]["message"]["content"] == "prose"


def test_refusals_are_told_piece_by_piece() -> None:
    body = answer({**message(), "content": [{"type": "refusal", "refusal": "No."}]})

    assert [event.text for event in only(events_of(*streamed(body)), Refusal)] == ["N", "o", "."]


def test_a_tools_failure_is_not_the_answers() -> None:
    begin, *rest = streamed(answer(message()))
    broken = {
        "type": "response.mcp_list_tools.failed",
        "item_id": "mcp_1",
        "output_index": 0,
        "error": {"message": "x"},
    }

    told = collect(events_of(begin, broken, *rest))

    assert told["choices"][0] == collect(events_of(begin, *rest))["choices"][0]


def test_items_that_were_never_announced_are_told_when_they_end() -> None:
    told = [event for event in streamed(answer(message("so"), function_call())) if "delta" not in event["type"]]
    kinds = ("response.created", "response.output_item.done", "response.completed")

    events = events_of(*[event for event in told if event["type"] in kinds])

    message_of = collect(events)["choices"][0]["message"]
    assert message_of["content"] == "so"
    assert message_of["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"a":1}'}


def test_an_error_in_a_response_that_says_it_is_whole_is_one() -> None:
    told = streamed(answer(message("so")))
    told[-1]["response"] = {
        **told[-1]["response"],
        "error": {"code": "server_error", "message": "x"},
        "status": "failed",
    }

    events = events_of(*told)

    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, InternalServerError)


def test_pieces_that_say_nothing_and_words_about_nothing_are_passed_over() -> None:
    told = streamed(answer(function_call()))
    at = next(n for n, event in enumerate(told) if event["type"].endswith("arguments.delta"))
    told.insert(at, {**told[at], "delta": ""})
    told.insert(1, {"type": "response.function_call_arguments.done", "output_index": 7, "arguments": "{}"})

    call = collect(events_of(*told))["choices"][0]["message"]["tool_calls"][0]

    assert call["function"]["arguments"] == '{"a":1}'


def test_annotations_and_parts_of_another_shape_are_not_shown() -> None:
    part = {"type": "output_text", "text": "so", "annotations": [5, None], "logprobs": []}
    whole = message("so", content=[part, {"type": "odd", "text": "x"}])

    for found in (read(answer(whole)), collect(events_of(*streamed(answer({**whole, "content": [part]}))))):
        shown = found["choices"][0]["message"]
        assert shown["content"] == "so"
        assert not shown.get("annotations")
