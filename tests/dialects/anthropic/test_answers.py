"""Whole answers and streams: the same meaning either way, and garbage is a protocol error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import (
    Failed,
    Finish,
    Head,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate.errors import (
    ProtocolError,
    StreamInterruptedError,
)
from tests.dialects.anthropic.samples import (
    ANSWERS,
    EMPTY_USE,
    FOUND,
    SEARCH,
    THOUGHT,
    USE,
)
from tests.dialects.anthropic.support import (
    CHAT,
    COUNT,
    JSON_HEAD,
    MODELS,
    call,
    decode,
    message,
    read,
    sse,
    streamed,
    target,
    text,
    visible,
)
from tests.dialects.short import collect


@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_adds_up_to_the_whole_answer(name: str) -> None:
    body = ANSWERS[name]

    whole = read(body)
    added_up = collect(decode([sse(*streamed(body))]))

    # A whole answer writes the arguments anew, a stream gives them as they came.
    for response in (whole, added_up):
        for made in response["choices"][0]["message"].get("tool_calls", ()):
            made["function"]["arguments"] = json.loads(made["function"]["arguments"])
    assert added_up == whole


@pytest.mark.parametrize("name", ANSWERS)
def test_any_cut_of_the_bytes_gives_the_same_events(name: str) -> None:
    data = sse(*streamed(ANSWERS[name]))
    whole = decode([data])

    assert decode([data[n : n + 1] for n in range(len(data))]) == whole
    for cut in range(0, len(data), 7):
        assert decode([data[:cut], data[cut:]]) == whole


@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_cut_anywhere_is_interrupted_and_never_whole(name: str) -> None:
    data = sse(*streamed(ANSWERS[name]))
    end = data.index(b'{"type": "message_stop"}') + len(b'{"type": "message_stop"}')

    for cut in range(0, end, 11):
        events = decode([data[:cut]])
        assert isinstance(events[-1], Failed)
        assert isinstance(events[-1].error, StreamInterruptedError)
        assert not any(isinstance(event, Finish) for event in events)


def test_the_events_of_a_stream_in_full() -> None:
    body = message(THOUGHT, text("Hi"), EMPTY_USE, stop_reason="tool_use")
    events = visible(decode([sse(*streamed(body))]))

    kinds = [type(event).__name__ for event in events]
    assert kinds == [
        "Start",
        "Usage",
        *["Thinking"] * 7,
        "Text",
        "Text",
        "ToolStart",
        "ToolArgs",
        "ToolArgs",
        "Usage",
        "Extra",
        "Finish",
    ]
    start = events[0]
    assert isinstance(start, Start)
    assert (start.id, start.model, start.created) == ("msg_1", "claude-test-1", 1784023200)
    assert [event.text for event in events if isinstance(event, ToolArgs)] == ["", "{}"]
    last = events[-1]
    assert isinstance(last, Finish)
    assert (last.reason, last.native) == ("tool_calls", "tool_use")


def test_the_index_of_a_tool_counts_tools_and_not_blocks() -> None:
    body = message(text("a"), SEARCH, FOUND, USE, text("b"), EMPTY_USE, stop_reason="tool_use")

    events = decode([sse(*streamed(body))])

    assert [(event.tool, event.name) for event in events if isinstance(event, ToolStart)] == [(0, "look"), (1, "now")]


def test_the_providers_own_tools_are_no_tool_calls_and_their_blocks_are_kept() -> None:
    body = ANSWERS["search"]

    response = read(body)

    made = response["choices"][0]["message"]
    assert "tool_calls" not in made
    assert response["choices"][0]["finish_reason"] == "stop"
    assert made["provider_specific_fields"] == {"anthropic": {"content": body["content"]}}


def test_citations_are_annotations_with_their_place_in_the_text() -> None:
    made = read(ANSWERS["search"])["choices"][0]["message"]

    (found,) = made["annotations"]
    place = found["url_citation"]
    assert found["type"] == "url_citation"
    assert (place["url"], place["title"]) == ("https://x.test/", "X")
    assert made["content"][place["start_index"] : place["end_index"]] == "it is"


def test_citations_of_documents_stay_with_their_blocks() -> None:
    cited = text("it", citations=[{"type": "page_location", "document_index": 0, "cited_text": "it"}])

    made = read(message(cited))["choices"][0]["message"]

    assert "annotations" not in made
    assert made["provider_specific_fields"]["anthropic"]["content"] == [cited]


@pytest.mark.parametrize(
    ("native", "canonical"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("compaction", "length"),
        ("refusal", "content_filter"),
        ("never_seen", "stop"),
        ("length", "length"),  # words of servers of other models
        ("sensitive", "content_filter"),
        (None, "stop"),
    ],
)
def test_every_stop_reason_has_its_finish_reason(native: str | None, canonical: str) -> None:
    choice = read(message(text("x"), stop_reason=native))["choices"][0]

    assert choice["finish_reason"] == canonical
    assert choice.get("native_finish_reason") == native


@pytest.mark.parametrize("native", ["end_turn", "stop_sequence", "tool_use", None])
def test_an_answer_with_tool_calls_ends_with_tool_calls_whatever_the_provider_says(native: str | None) -> None:
    assert read(message(USE, stop_reason=native))["choices"][0]["finish_reason"] == "tool_calls"


def test_a_tool_call_that_was_cut_short_ends_with_length() -> None:
    assert read(message(USE, stop_reason="max_tokens"))["choices"][0]["finish_reason"] == "length"


def test_what_else_the_answer_says_is_kept() -> None:
    body = message(
        text("x"), stop_reason="stop_sequence", stop_sequence="END", container={"id": "c"}, context_management={"a": 1}
    )

    kept = read(body)["provider_specific_fields"]["anthropic"]

    assert kept == {
        "stop_reason": "stop_sequence",
        "stop_sequence": "END",
        "container": {"id": "c"},
        "context_management": {"a": 1},
    }


def test_a_refusal_is_told_in_the_providers_words() -> None:
    made = read(ANSWERS["refused"])["choices"][0]

    assert made["message"]["refusal"] == "No."
    assert made["finish_reason"] == "content_filter"
    unexplained = read(message(stop_reason="refusal", stop_details=None))["choices"][0]["message"]
    assert "refusal" not in unexplained


def test_content_is_null_only_beside_tool_calls() -> None:
    assert read(message(USE))["choices"][0]["message"]["content"] is None
    assert read(message())["choices"][0]["message"]["content"] == ""


def test_usage_includes_caches_and_keeps_what_else_was_counted() -> None:
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 500,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "standard",
    }

    assert read(message(text("x"), usage=usage))["usage"] == {
        "prompt_tokens": 540,
        "completion_tokens": 7,
        "total_tokens": 547,
        "prompt_tokens_details": {"cached_tokens": 500, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 3},
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "standard",
    }


@pytest.mark.parametrize(
    ("native", "canonical"),
    [
        ({}, {}),
        ({"input_tokens": 3}, {"prompt_tokens": 3}),
        ({"output_tokens": 3}, {"completion_tokens": 3}),
        ({"input_tokens": None, "output_tokens": "x"}, {}),
        ({"input_tokens": 3.0, "output_tokens": True}, {"prompt_tokens": 3}),
    ],
)
def test_counts_that_were_not_said_stay_absent(native: dict[str, Any], canonical: dict[str, Any]) -> None:
    assert read(message(text("x"), usage=native))["usage"] == canonical


def test_an_answer_without_usage_has_none() -> None:
    assert "usage" not in read(message(text("x"), usage=None))


def test_later_counts_of_a_stream_replace_the_earlier_ones() -> None:
    first = {"input_tokens": 100, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 9, "output_tokens": 1}
    first["cache_creation"] = {"ephemeral_5m_input_tokens": 9}  # type: ignore[assignment]
    last = {"input_tokens": 180, "cache_read_input_tokens": None, "cache_creation_input_tokens": 0, "output_tokens": 8}
    begin = {"type": "message_start", "message": {**message(), "usage": first}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last}

    counts = [event.usage for event in decode([sse(begin, end, {"type": "message_stop"})]) if isinstance(event, Usage)]

    assert counts[0]["prompt_tokens"] == 159
    assert counts[-1] == {
        "prompt_tokens": 230,
        "completion_tokens": 8,
        "total_tokens": 238,
        "prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 0},
    }


@pytest.mark.parametrize(("short", "split"), [(0, {"ephemeral_1h_input_tokens": 30}), (4, None)])
def test_caches_that_grow_while_a_stream_flows_last_as_long_as_those_before(short: int, split: Any) -> None:
    lasting = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": 9 - short}
    first = {"input_tokens": 100, "cache_creation_input_tokens": 9, "cache_creation": lasting, "output_tokens": 1}
    begin = {"type": "message_start", "message": {**message(), "usage": first}}
    last = {"input_tokens": 100, "cache_creation_input_tokens": 30, "output_tokens": 8}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last}

    usage = collect(decode([sse(begin, end, {"type": "message_stop"})]))["usage"]

    assert (usage["prompt_tokens"], usage.get("cache_creation")) == (130, split)


def test_counts_on_the_last_event_of_a_stream_count_too() -> None:
    begin = {"type": "message_start", "message": {**message(), "usage": {"input_tokens": 100, "output_tokens": 1}}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 8}}
    stop = {"type": "message_stop", "usage": {"input_tokens": 100, "cache_read_input_tokens": 50, "output_tokens": 8}}

    usage = collect(decode([sse(begin, end, stop)]))["usage"]

    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (150, 8)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 50}


def test_zeros_at_the_end_of_a_stream_do_not_take_back_what_its_start_has_counted() -> None:
    first = {"input_tokens": 100, "cache_read_input_tokens": 50, "output_tokens": 1}
    last = {"input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 8}
    begin = {"type": "message_start", "message": {**message(), "usage": first}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last}

    counts = [event.usage for event in decode([sse(begin, end, {"type": "message_stop"})]) if isinstance(event, Usage)]

    assert counts[-1] == {
        "prompt_tokens": 150,
        "completion_tokens": 8,
        "total_tokens": 158,
        "prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 0},
    }


def test_the_host_may_leave_out_id_and_model() -> None:
    body = message(text("x"))
    del body["id"], body["model"]
    head = Head(200, {"content-type": "application/json", "request-id": "req_1"})

    response, _ = CHAT.response(CHAT.request(call(), target()), head, json.dumps(body).encode())

    assert (response["id"], response["model"], response["created"]) == ("req_1", "claude-test", 0)
    nameless = [
        CHAT.response(CHAT.request(call(), target()), Head(200, {}), json.dumps(body).encode())[0] for _ in range(2)
    ]
    assert nameless[0]["id"] != nameless[1]["id"]


def test_a_page_of_models_is_an_openai_list_that_says_where_the_next_begins() -> None:
    page = {
        "data": [
            {
                "type": "model",
                "id": "claude-x",
                "display_name": "X",
                "created_at": "2026-01-02T00:00:00Z",
                "max_tokens": 5,
            }
        ],
        "has_more": True,
        "first_id": "claude-x",
        "last_id": "claude-x",
    }

    response, raw = MODELS.response(MODELS.request(call(), target()), JSON_HEAD, json.dumps(page).encode())

    assert raw == page
    assert response["object"] == "list"
    assert (response["has_more"], response["last_id"]) == (True, "claude-x")
    (model,) = response["data"]
    assert (model["id"], model["object"], model["created"], model["owned_by"]) == (
        "claude-x",
        "model",
        1767312000,
        "acme",
    )
    assert (model["display_name"], model["max_tokens"]) == ("X", 5)


def test_a_clones_openai_shaped_model_list_is_read_as_well() -> None:
    page = {"object": "list", "data": [{"id": "a", "object": "model", "created": 7, "owned_by": "b"}, {"id": "c"}]}

    response, _ = MODELS.response(MODELS.request(call(), target()), JSON_HEAD, json.dumps(page).encode())

    assert [(m["id"], m["created"], m["owned_by"]) for m in response["data"]] == [("a", 7, "b"), ("c", 0, "acme")]


@pytest.mark.parametrize("body", [b"{}", b'{"data": 5}', b'{"data": [{}]}', b"nope"])
def test_a_model_list_that_makes_no_sense_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        MODELS.response(MODELS.request(call(), target()), JSON_HEAD, body)


def test_a_token_count_without_its_number_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError):
        COUNT.response(COUNT.request(call(), target()), JSON_HEAD, b'{"tokens": 5}')


def test_text_and_thinking_keep_their_kind() -> None:
    events = decode([sse(*streamed(ANSWERS["interleaved"]))])

    assert {event.block for event in events if isinstance(event, Thinking)} == {0, 1}
    assert "".join(event.text for event in events if isinstance(event, Text)) == "and"


def test_a_call_whose_input_is_null_has_no_arguments() -> None:
    use = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": None}

    (made,) = read(message(use, stop_reason="tool_use"))["choices"][0]["message"]["tool_calls"]

    assert made["function"] == {"name": "now", "arguments": "{}"}


def test_a_finished_answer_whose_content_is_null_is_empty() -> None:
    choice = read({**message(), "content": None, "stop_reason": "end_turn"})["choices"][0]

    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "stop")
