"""Every recorded exchange: answers say what the provider said, streams do so however they are cut, requests survive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate import errors
from lingate._model import Failed, Text, ToolArgs, ToolStart, Usage
from tests.dialects.anthropic.oracle import parse_message, parse_stream
from tests.dialects.anthropic.support import CHAT, COUNT, JSON_HEAD, NEWEST, call, decode, normal, recorded, target
from tests.dialects.short import collect, expect_never_whole_when_cut, expect_same_however_cut, is_stream, without_nulls

pytestmark = pytest.mark.skipif(not recorded(), reason="no recordings: set LINGATE_RECORDINGS")

ANSWERS = [x for x in recorded() if isinstance(x["response"]["body"], dict) and "content" in x["response"]["body"]]
STREAMS = [x for x in recorded() if is_stream(x)]
REFUSED = [x for x in recorded() if x["response"]["status"] >= 400]
# What was refused as it was may be refused here.
CHATS = [x for x in recorded() if "count_tokens" not in x["request"]["url"] and x["response"]["status"] != 400]
COUNTS = [x for x in recorded() if "count_tokens" in x["request"]["url"]]


def _id(exchange: dict[str, Any]) -> str:
    return exchange["id"]


def _events_on_the_wire(exchange: dict[str, Any]) -> list[dict[str, Any]]:
    lines = exchange["response"]["body"].splitlines()
    told = [line[5:].strip() for line in lines if line.startswith("data:")]
    return [json.loads(data) for data in told if data != "[DONE]"]  # which a gateway of OpenAI's habits adds


def _blocks_of_stream(exchange: dict[str, Any]) -> list[dict[str, Any]]:
    """Put the blocks together independently of the code under test."""
    blocks: dict[int, dict[str, Any]] = {}
    pieces: dict[int, str] = {}
    for event in _events_on_the_wire(exchange):
        if event["type"] == "content_block_start":
            blocks[event["index"]] = dict(event["content_block"])
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            for key in ("text", "thinking", "signature"):
                if f"{key}_delta" == delta["type"]:
                    block[key] = block.get(key, "") + delta[key]
            if delta["type"] == "compaction_delta":
                block["content"] = delta["content"]
            if delta["type"] == "input_json_delta":
                pieces[event["index"]] = pieces.get(event["index"], "") + delta["partial_json"]
    for index, piece in pieces.items():
        blocks[index]["input"] = _read_input(piece)
    return list(blocks.values())


def _read_input(text: str) -> Any:
    """What a call is given; its text where that was cut short."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "stop",
    "refusal": "content_filter",
}


def _check(response: dict[str, Any], blocks: list[dict[str, Any]], stop_reason: str, usage: dict[str, Any]) -> None:
    message = response["choices"][0]["message"]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    thinking = [block for block in blocks if block["type"] in ("thinking", "redacted_thinking")]
    words = "".join(block["text"] for block in blocks if block["type"] == "text")
    assert (message["content"] or "") == words
    assert [(c["id"], c["function"]["name"]) for c in message.get("tool_calls", [])] == [
        (block["id"], block["name"]) for block in calls
    ]
    assert [_read_input(c["function"]["arguments"]) for c in message.get("tool_calls", [])] == [
        b["input"] for b in calls
    ]
    assert message.get("thinking_blocks", []) == [block for block in thinking if not _is_unsigned(block)]
    assert message.get("reasoning_content", "") == "".join(block.get("thinking", "") for block in thinking)
    assert response["choices"][0]["finish_reason"] == _REASONS[stop_reason]
    _check_usage(response["usage"], usage)


def _check_usage(canonical: dict[str, Any], native: dict[str, Any]) -> None:
    read, written = native.get("cache_read_input_tokens"), native.get("cache_creation_input_tokens")
    assert canonical["prompt_tokens"] == native["input_tokens"] + (read or 0) + (written or 0)
    assert canonical["completion_tokens"] == native["output_tokens"]
    assert canonical["total_tokens"] == canonical["prompt_tokens"] + canonical["completion_tokens"]
    details = canonical.get("prompt_tokens_details", {})
    assert (details.get("cached_tokens"), details.get("cache_write_tokens")) == (read, written)
    thinking = (native.get("output_tokens_details") or {}).get("thinking_tokens")
    assert canonical.get("completion_tokens_details", {}).get("reasoning_tokens") == thinking
    for name in ("server_tool_use", "service_tier", "inference_geo", "iterations"):
        assert canonical.get(name) == native.get(name)


@pytest.mark.parametrize("exchange", ANSWERS, ids=_id)
def test_a_recorded_answer_says_what_the_provider_said(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    sent = CHAT.request(call(), target())

    response, raw = CHAT.response(sent, JSON_HEAD, json.dumps(body).encode())

    assert raw == body
    assert response["id"] == body["id"]
    assert response["model"] == body["model"]
    _check(response, body["content"], body["stop_reason"], body["usage"])


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_says_what_the_provider_said(exchange: dict[str, Any]) -> None:
    on_the_wire = _events_on_the_wire(exchange)
    usage = dict(on_the_wire[0]["message"]["usage"])
    last = next(event for event in on_the_wire if event["type"] == "message_delta")
    usage |= last["usage"]

    response = collect(decode([exchange["response"]["body"].encode()]))

    _check(response, _blocks_of_stream(exchange), last["delta"]["stop_reason"], usage)


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_gives_the_same_events_however_its_bytes_are_cut(exchange: dict[str, Any]) -> None:
    expect_same_however_cut(decode, exchange["response"]["body"].encode(), exchange["id"])


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_that_is_cut_short_never_looks_whole(exchange: dict[str, Any]) -> None:
    expect_never_whole_when_cut(decode, exchange["response"]["body"].encode())


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_every_event_of_a_recorded_stream_carries_what_it_came_from(exchange: dict[str, Any]) -> None:
    on_the_wire = _events_on_the_wire(exchange)

    for event in decode([exchange["response"]["body"].encode()]):
        assert event.raw in on_the_wire  # type: ignore[union-attr]


@pytest.mark.parametrize("exchange", CHATS, ids=_id)
def test_a_recorded_request_survives_the_way_through_the_canonical_form(exchange: dict[str, Any]) -> None:
    given = {"model": "claude-test", **exchange["request"]["body"]}

    made = CHAT.parse_call(json.dumps(given).encode(), {})
    made.model = given["model"]
    to = target(NEWEST)
    again = json.loads(CHAT.request(made, to).body)

    assert normal({**again, "model": given["model"]}) == normal(given)


@pytest.mark.parametrize("exchange", CHATS, ids=_id)
def test_nothing_of_a_recorded_request_is_reported_as_dropped(exchange: dict[str, Any]) -> None:
    given = {"model": "claude-test", **exchange["request"]["body"]}

    sent = CHAT.request(CHAT.parse_call(json.dumps(given).encode(), {}), target(NEWEST))

    assert sent.dropped == []


@pytest.mark.parametrize("exchange", COUNTS, ids=_id)
def test_a_recorded_token_count_survives_both_ways(exchange: dict[str, Any]) -> None:
    given, answer = exchange["request"]["body"], exchange["response"]
    made = COUNT.parse_call(json.dumps(given).encode(), {})
    sent = COUNT.request(made, target(NEWEST))

    assert sent.url.endswith("/v1/messages/count_tokens")
    assert normal({**json.loads(sent.body), "model": given["model"]}) == normal(given)
    if answer["status"] == 200:
        data = json.dumps(answer["body"]).encode()
        response, _ = COUNT.response(sent, JSON_HEAD, data)
        assert response == answer["body"]
        assert json.loads(COUNT.render(response)) == answer["body"]


_ERROR_KEYS = {"type", "error"}  # a cloud in front of the API has others
_ERRORS = {
    "invalid_request_error": errors.BadRequestError,
    "authentication_error": errors.AuthenticationError,
    "permission_error": errors.PermissionDeniedError,
    "not_found_error": errors.NotFoundError,
    "rate_limit_error": errors.RateLimitError,
    "overloaded_error": errors.OverloadedError,
    "api_error": errors.InternalServerError,
    "billing_error": errors.QuotaExceededError,
    "request_too_large": errors.PayloadTooLargeError,
}


@pytest.mark.parametrize("exchange", [x for x in REFUSED if set(x["response"]["body"]) >= _ERROR_KEYS], ids=_id)
def test_a_recorded_error_in_a_stream_is_the_error_it_names(exchange: dict[str, Any]) -> None:
    data = f"event: error\ndata: {json.dumps(exchange['response']['body'])}\n\n".encode()

    (event,) = decode([data])

    assert isinstance(event, Failed)
    assert isinstance(event.error, _ERRORS[exchange["response"]["body"]["error"]["type"]])


@pytest.mark.parametrize("exchange", [*ANSWERS, *STREAMS], ids=_id)
def test_the_answer_goes_back_into_the_history_block_by_block(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    if isinstance(body, str):
        blocks = _blocks_of_stream(exchange)
        response = collect(decode([body.encode()]))
    else:
        blocks = body["content"]
        response = CHAT.response(CHAT.request(call(), target()), JSON_HEAD, json.dumps(body).encode())[0]
    history = [
        {"role": "user", "content": "hi"},
        response["choices"][0]["message"],
        {"role": "user", "content": "go on"},
    ]

    made = json.loads(CHAT.request(call(messages=history), target()).body)

    sent_back = next((turn["content"] for turn in made["messages"] if turn["role"] == "assistant"), [])
    sent_back = [{"type": "text", "text": sent_back}] if isinstance(sent_back, str) else sent_back
    if refusal := response["choices"][0]["message"].get("refusal"):
        blocks = blocks or [{"type": "text", "text": refusal}]  # the API takes no empty turn
    if any(isinstance(block.get("input"), str) for block in blocks):  # cut short, so it goes back as something else
        blocks, sent_back = ([{**block, "input": None} for block in turn] for turn in (blocks, sent_back))
    assert [_essence(block) for block in sent_back] == [
        _essence(block) for block in blocks if not (_is_blank(block) or _is_unsigned(block))
    ]


@pytest.mark.parametrize("exchange", ANSWERS, ids=_id)
def test_a_recorded_answer_that_we_render_again_is_the_same_to_the_official_package(exchange: dict[str, Any]) -> None:
    data = json.dumps(exchange["response"]["body"]).encode()
    response, _ = CHAT.response(CHAT.request(call(), target()), JSON_HEAD, data)

    assert _judged(parse_message(CHAT.render(response), beta=True)) == _judged(parse_message(data, beta=True))


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_that_we_write_again_is_the_same_to_the_official_package(exchange: dict[str, Any]) -> None:
    data = exchange["response"]["body"].encode()
    encoder = CHAT.encoder(call())

    again = b"".join(encoder.event(event) for event in decode([data])) + encoder.end()

    data = data.replace(b"data: [DONE]", b"")  # at which the package fails
    assert _judged(parse_stream(again, beta=True)) == _judged(parse_stream(data, beta=True))


def _judged(message: dict[str, Any]) -> Any:
    """What the package read, without what says nothing: nulls, no citations or signature, a tool's ordinary caller."""
    message = without_nulls(message)
    for block in message["content"]:
        for key, empty in (("citations", []), ("signature", ""), ("caller", {"type": "direct"})):
            if block.get(key) == empty:
                del block[key]
    return message


@pytest.mark.parametrize(("word", "kinds"), [("text_delta", {Text, Usage}), ('"tool_use"', {ToolStart, ToolArgs})])
def test_the_streams_of_the_recordings_hold_the_kinds_of_event_that_they_name(word: str, kinds: Any) -> None:
    data = [x["response"]["body"].encode() for x in STREAMS if word in x["response"]["body"]]
    events = [event for body in data for event in decode([body])]

    assert not data or {type(event) for event in events} >= kinds


def _is_blank(block: dict[str, Any]) -> bool:
    return block["type"] == "text" and not block["text"].strip()


def _is_unsigned(block: dict[str, Any]) -> bool:
    """Reasoning that nobody else proves is not shown to Claude again."""
    return block["type"] == "thinking" and not block.get("signature")


def _essence(block: dict[str, Any]) -> dict[str, Any]:
    """A block without fields that say what holds anyway."""
    ignored = ("caller", "citations") if block.get("caller") in (None, {"type": "direct"}) else ("citations",)
    return {key: value for key, value in block.items() if key not in ignored and value is not None}
