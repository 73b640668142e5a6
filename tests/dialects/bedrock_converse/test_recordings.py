"""Every recorded exchange: answers say what the provider said, streams do so however they are cut, requests survive."""

from __future__ import annotations

import base64
import json
import random
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.eventstream import EventStreamBuffer

from lingate._dialects._failure import failure
from lingate._model import Failed, Head
from tests.dialects.bedrock_converse.oracle import check_params, parse_count, parse_message, parse_stream
from tests.dialects.bedrock_converse.support import (
    CHAT,
    COUNT,
    JSON_HEAD,
    call,
    decode,
    exchanges,
    recorded_target,
    target,
)
from tests.dialects.short import body_of, collect, error_of, single_bytes

pytestmark = pytest.mark.skipif(not exchanges(), reason="no recordings: set LINGATE_RECORDINGS")

COUNTS = [x for x in exchanges() if x["request"]["url"].endswith("count-tokens")]
CHATS = [x for x in exchanges() if x not in COUNTS]
REFUSED = [x for x in exchanges() if x["response"]["status"] >= 400]
STREAMS = [x for x in CHATS if isinstance(x["response"]["body"], str)]
ANSWERS = [x for x in CHATS if x not in REFUSED and x not in STREAMS]


def _id(exchange: dict[str, Any]) -> str:
    return exchange["id"]


def _on_the_wire(exchange: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A stream's events, read by AWS's own code."""
    buffer = EventStreamBuffer()
    buffer.add_data(body_of(exchange))
    return [(message.headers[":event-type"], json.loads(message.payload)) for message in buffer]


def _answer_of(exchange: dict[str, Any]) -> dict[str, Any]:
    """A stream put together as a whole answer, independently of the code under test."""
    blocks: dict[int, dict[str, Any]] = {}
    answer: dict[str, Any] = {}
    for name, event in _on_the_wire(exchange):
        event.pop("p", None)
        index = event.get("contentBlockIndex")
        if name == "contentBlockStart":
            ((kind, start),) = event["start"].items()
            blocks[index] = {kind: dict(start)}
        elif name == "contentBlockDelta":
            _add(blocks.setdefault(index, {}), event["delta"])
        elif name == "messageStop" or name == "metadata":
            answer.update(event)
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"].get("input") or "{}")
        if "citationsContent" in block and "text" in block:
            block["citationsContent"]["content"] = [{"text": block.pop("text")}]
    return {**answer, "output": {"message": {"role": "assistant", "content": [blocks[n] for n in sorted(blocks)]}}}


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    ((kind, piece),) = delta.items()
    if kind == "text":
        block["text"] = block.get("text", "") + piece
    elif kind == "toolUse":
        block["toolUse"]["input"] = block["toolUse"].get("input", "") + piece["input"]
    elif kind == "toolResult":
        block["toolResult"].setdefault("content", []).extend(piece)
    elif kind == "citation":
        block.setdefault("citationsContent", {}).setdefault("citations", []).append(piece)
    elif "redactedContent" in piece:
        block["reasoningContent"] = dict(piece)
    else:
        told = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {})
        for key, text in piece.items():
            told[key] = told.get(key, "") + text


def _check(response: dict[str, Any], native: dict[str, Any]) -> None:
    message = response["choices"][0]["message"]
    blocks = native["output"]["message"]["content"]
    calls = [b["toolUse"] for b in blocks if "toolUse" in b and b["toolUse"].get("type") != "server_tool_use"]
    words = "".join(
        b.get("text", "") + "".join(c["text"] for c in b.get("citationsContent", {}).get("content", ())) for b in blocks
    )
    assert (message["content"] or "") == words
    assert [(c["id"], c["function"]["name"]) for c in message.get("tool_calls", [])] == [
        (c["toolUseId"], c["name"]) for c in calls
    ]
    assert [json.loads(c["function"]["arguments"]) for c in message.get("tool_calls", [])] == [
        c["input"] for c in calls
    ]
    _check_thinking(message, [b["reasoningContent"] for b in blocks if "reasoningContent" in b])
    urls = [
        c["location"]["web"]["url"]
        for b in blocks
        for c in b.get("citationsContent", {}).get("citations", ())
        if "web" in c["location"]
    ]
    assert [a["url_citation"]["url"] for a in message.get("annotations", [])] == urls
    expected = {
        "end_turn": "stop",
        "max_tokens": "length",
        "tool_use": "tool_calls",
        "stop_sequence": "stop",
        "model_context_window_exceeded": "length",
        "guardrail_intervened": "content_filter",
        "content_filtered": "content_filter",
    }
    assert response["choices"][0]["finish_reason"] == expected[native["stopReason"]]
    assert response["choices"][0]["native_finish_reason"] == native["stopReason"]
    _check_usage(response["usage"], native["usage"])
    kept = {key: value for key, value in native.items() if key not in ("output", "stopReason", "usage")}
    assert response.get("provider_specific_fields", {}).get("bedrock_converse", {}) == kept


def _check_thinking(message: dict[str, Any], thoughts: list[dict[str, Any]]) -> None:
    told = [t["reasoningText"] for t in thoughts if "reasoningText" in t]
    assert message.get("reasoning_content", "") == "".join(t["text"] for t in told)
    redacted = [base64.b64decode(t["redactedContent"]).decode() for t in thoughts if "redactedContent" in t]
    signatures = [t["signature"] for t in told if "signature" in t]
    blocks = message.get("thinking_blocks", [])
    assert [b["signature"] for b in blocks if b["type"] == "thinking"] == signatures
    assert [b["data"] for b in blocks if b["type"] == "redacted_thinking"] == redacted


def _check_usage(canonical: dict[str, Any], native: dict[str, Any]) -> None:
    read, written = native.get("cacheReadInputTokens"), native.get("cacheWriteInputTokens")
    assert canonical["prompt_tokens"] == native["inputTokens"] + (read or 0) + (written or 0)
    assert canonical["completion_tokens"] == native["outputTokens"]
    assert canonical["total_tokens"] == native["totalTokens"]
    details = canonical.get("prompt_tokens_details", {})
    assert (details.get("cached_tokens"), details.get("cache_write_tokens")) == (read, written)
    assert canonical.get("serverToolUsage") == native.get("serverToolUsage")


def _normal(body: dict[str, Any]) -> dict[str, Any]:
    """A request without what says nothing, and with turns of one role in a row as one turn."""
    body = json.loads(json.dumps(body))
    config = body.get("inferenceConfig", {})
    for holder, key in ((config, "stopSequences"), (body, "system"), (body, "inferenceConfig")):
        if key in holder and not holder[key]:
            del holder[key]
    turns: list[dict[str, Any]] = []
    for turn in body["messages"]:
        if turns and turns[-1]["role"] == turn["role"]:
            turns[-1]["content"] += turn["content"]
        else:
            turns.append(turn)
    return {**body, "messages": turns}


@pytest.mark.parametrize("exchange", ANSWERS, ids=_id)
def test_a_recorded_answer_says_what_the_provider_said(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]

    response, raw = CHAT.response(CHAT.request(call(), target()), JSON_HEAD, body_of(exchange))

    assert raw == body
    assert (response["id"], response["model"], response["created"]) == ("req-1", "test.model", 1784023200)
    _check(response, body)


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_says_what_the_provider_said(exchange: dict[str, Any]) -> None:
    response = collect(decode([body_of(exchange)]))

    assert (response["id"], response["model"], response["created"]) == ("req-1", "test.model", 1784023200)
    _check(response, _answer_of(exchange))


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_gives_the_same_events_however_its_bytes_are_cut(exchange: dict[str, Any]) -> None:
    data = body_of(exchange)
    whole = decode([data])
    places = random.Random(exchange["id"])

    assert decode(single_bytes(data)) == whole
    for _ in range(3):
        cuts = sorted(places.sample(range(len(data)), k=20))
        assert decode([data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]) == whole


def test_a_short_recorded_stream_gives_the_same_events_at_every_split_point() -> None:
    data = min((body_of(exchange) for exchange in STREAMS), key=len)
    whole = decode([data])

    for at in range(len(data)):
        assert decode([data[:at], data[at:]]) == whole


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_that_is_cut_short_never_looks_whole(exchange: dict[str, Any]) -> None:
    data = body_of(exchange)

    for part in (1, 2, 3):
        events = decode([data[: len(data) * part // 4]])

        assert isinstance(events[-1], Failed)
        assert events[-1].error.kind == "stream_interrupted"


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_every_event_of_a_recorded_stream_carries_what_it_came_from(exchange: dict[str, Any]) -> None:
    on_the_wire = [{name: payload} for name, payload in _on_the_wire(exchange)]

    for event in decode([body_of(exchange)]):
        assert event.raw in on_the_wire  # type: ignore[union-attr]


@pytest.mark.parametrize("exchange", CHATS, ids=_id)
def test_a_recorded_request_survives_the_way_through_the_canonical_form(exchange: dict[str, Any]) -> None:
    given = exchange["request"]["body"]
    to, path = recorded_target(exchange)

    made = CHAT.parse_call(json.dumps(given).encode(), path)
    sent = CHAT.request(made, to)

    assert made.model == to.model
    assert _normal(json.loads(sent.body)) == _normal(given)
    assert unquote(sent.url) == unquote(exchange["request"]["url"])
    assert sent.dropped == []


# Bedrock takes `video/mp4` where its own model says `mp4`.
@pytest.mark.parametrize("exchange", [x for x in CHATS if '"format": "video/' not in json.dumps(x["request"])], ids=_id)
def test_a_recorded_request_that_we_write_again_is_valid_to_the_official_package(exchange: dict[str, Any]) -> None:
    to, path = recorded_target(exchange)

    check_params(
        json.loads(CHAT.request(CHAT.parse_call(json.dumps(exchange["request"]["body"]).encode(), path), to).body)
    )


@pytest.mark.parametrize("exchange", COUNTS, ids=_id)
def test_a_recorded_token_count_survives_both_ways(exchange: dict[str, Any]) -> None:
    given, answer = exchange["request"]["body"], exchange["response"]
    to, path = recorded_target(exchange)
    made = COUNT.parse_call(json.dumps(given).encode(), path)
    sent = COUNT.request(made, to)

    assert unquote(sent.url) == unquote(exchange["request"]["url"])
    assert _normal(json.loads(sent.body)["input"]["converse"]) == _normal(given["input"]["converse"])
    check_params(json.loads(sent.body), "CountTokens")
    if answer["status"] == 200:
        response, raw = COUNT.response(sent, JSON_HEAD, body_of(exchange))
        assert raw == answer["body"]
        assert response == {"input_tokens": answer["body"]["inputTokens"]}
        assert parse_count(COUNT.render(response)) == answer["body"]["inputTokens"]


@pytest.mark.parametrize("exchange", REFUSED, ids=_id)
def test_a_recorded_error_is_the_error_it_names(exchange: dict[str, Any]) -> None:
    answer = exchange["response"]
    to, _ = recorded_target(exchange)

    error = failure(Head(answer["status"], answer["headers"]), body_of(exchange), to)

    assert isinstance(error, error_of(answer))
    assert error.status == answer["status"]
    assert answer["body"]["message"] in error.message
    named = answer["headers"].get("x-amzn-errortype")
    assert named is None or error.code == named.partition(":")[0]


@pytest.mark.parametrize("exchange", [*ANSWERS, *STREAMS], ids=_id)
def test_the_answer_goes_back_into_the_history_block_by_block(exchange: dict[str, Any]) -> None:
    native = exchange["response"]["body"] if exchange in ANSWERS else _answer_of(exchange)
    if exchange in STREAMS:
        response = collect(decode([body_of(exchange)]))
    else:
        response = CHAT.response(CHAT.request(call(), target()), JSON_HEAD, body_of(exchange))[0]
    message = response["choices"][0]["message"]
    history = [{"role": "user", "content": "hi"}, message, {"role": "user", "content": "go on"}]

    turns = json.loads(CHAT.request(call(messages=history), target()).body)["messages"]

    wanted = [b for b in map(_acceptable, native["output"]["message"]["content"]) if b is not None]
    assert [turn["content"] for turn in turns if turn["role"] == "assistant"] == ([wanted] if wanted else [])


def _acceptable(block: dict[str, Any]) -> dict[str, Any] | None:
    """What goes back of a block: not blank text or unsigned thinking, nor the type of a call, which requests do not know."""
    if "text" in block and not block["text"].strip():
        return None
    if (
        "reasoningText" in block.get("reasoningContent", {})
        and "signature" not in block["reasoningContent"]["reasoningText"]
    ):
        return None
    if block.get("toolUse", {}).get("type") == "tool_use":
        return {"toolUse": {key: value for key, value in block["toolUse"].items() if key != "type"}}
    return block


@pytest.mark.parametrize("exchange", ANSWERS, ids=_id)
def test_a_recorded_answer_that_we_render_again_is_the_same_to_the_official_package(exchange: dict[str, Any]) -> None:
    data = body_of(exchange)
    response, _ = CHAT.response(CHAT.request(call(), target()), JSON_HEAD, data)

    assert _judged(parse_message(CHAT.render(response))) == _judged(parse_message(data))


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_that_we_write_again_is_the_same_to_the_official_package(exchange: dict[str, Any]) -> None:
    data = body_of(exchange)
    encoder = CHAT.encoder(call())

    again = b"".join(encoder.event(event) for event in decode([data])) + encoder.end()

    assert _telling(parse_stream(again)) == _telling(parse_stream(data))


def _judged(answer: dict[str, Any]) -> dict[str, Any]:
    """What the package read, without the type of ordinary calls, which its model does not know."""
    for block in answer["output"]["message"]["content"]:
        if block.get("toolUse", {}).get("type") == "tool_use":
            del block["toolUse"]["type"]
    return answer


def _telling(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the package read, without pieces that are empty."""
    told = []
    for event in events:
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        if delta not in ({"text": ""}, {"toolUse": {"input": ""}}):
            told.append(event)
    return told
