"""Every recorded exchange: answers say what the provider said, streams do so however they are cut, requests survive."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from lingate._dialects._failure import failure
from lingate._dialects.cohere import DIALECT
from lingate._model import Failed, Head, Opaque, Start, replaced
from tests.dialects.cohere import oracle
from tests.dialects.cohere.support import (
    CHAT,
    EMBED,
    JSON_HEAD,
    RERANK,
    call,
    decode,
    encode,
    operation_of,
    recorded,
    send,
    target,
)
from tests.dialects.short import collect, error_of, without_nulls

pytestmark = pytest.mark.skipif(not recorded(), reason="no recordings: set LINGATE_RECORDINGS")

GOOD = [x for x in recorded() if x["response"]["status"] == 200]
CHATS = [x for x in GOOD if operation_of(x) == "chat" and isinstance(x["response"]["body"], dict)]
ALL_STREAMS = [x for x in GOOD if operation_of(x) == "chat" and isinstance(x["response"]["body"], str)]
BROKEN = [x for x in ALL_STREAMS if '"finish_reason":"ERROR"' in x["response"]["body"]]
STREAMS = [x for x in ALL_STREAMS if x not in BROKEN]
EMBEDS = [x for x in GOOD if operation_of(x) == "embeddings"]
RERANKS = [x for x in GOOD if operation_of(x) == "rerank"]
ERRORS = [x for x in recorded() if x["response"]["status"] >= 400]
FINISH = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


def _id(exchange: dict[str, Any]) -> str:
    return exchange["id"]


def _each(exchanges: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("exchange", exchanges, ids=_id)


def _whole(exchange: dict[str, Any]) -> dict[str, Any]:
    """A streamed answer put together, independently of the code under test."""
    body: dict[str, Any] = {"message": {"content": [], "tool_plan": "", "tool_calls": [], "citations": []}}
    message = body["message"]
    for line in exchange["response"]["body"].splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line[6:])
        inner = (event.get("delta") or {}).get("message") or {}
        match event["type"]:
            case "message-start":
                body["id"] = event["id"]
            case "content-start":
                message["content"].append(dict(inner["content"]))  # some count from 0 again after the thinking
            case "content-delta":
                for key, piece in inner["content"].items():
                    message["content"][-1][key] += piece
            case "tool-plan-delta":
                message["tool_plan"] += inner["tool_plan"]
            case "tool-call-start":
                message["tool_calls"].append(inner["tool_calls"])
            case "tool-call-delta":
                function = message["tool_calls"][event["index"]]["function"]
                function["arguments"] += inner["tool_calls"]["function"]["arguments"]
            case "citation-start":
                message["citations"].append(inner["citations"])
            case "message-end":
                body |= event["delta"]
    return body


def _check(response: dict[str, Any], body: dict[str, Any]) -> None:
    native, choice = body["message"], response["choices"][0]
    message = choice["message"]
    parts = native.get("content") or []
    assert response["id"] == body["id"]
    assert (message["content"] or "") == "".join(part.get("text", "") for part in parts)
    thoughts = "".join(part.get("thinking", "") for part in parts) + (native.get("tool_plan") or "")
    assert message.get("reasoning_content", "") == thoughts
    assert [
        (one["id"], one["function"]["name"], json.loads(one["function"]["arguments"])) for one in _calls(message)
    ] == [
        (one["id"], one["function"]["name"], json.loads(one["function"]["arguments"] or "{}") or {})
        for one in _calls(native)
    ]
    assert choice["finish_reason"] == FINISH[body["finish_reason"]]
    assert choice["native_finish_reason"] == body["finish_reason"]
    _check_citations(message, native)
    _check_usage(response["usage"], body["usage"])


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    return message.get("tool_calls") or []


def _check_citations(message: dict[str, Any], native: dict[str, Any]) -> None:
    citations = native.get("citations") or []
    assert message.get("provider_specific_fields", {}).get("cohere", {}).get("citations", []) == citations
    documents = [s for one in citations for s in one["sources"] if s["type"] == "document"]
    assert len(message.get("annotations", [])) == len(documents)
    for note, cited in zip(message.get("annotations", []), documents, strict=True):
        place = note["file_citation"]
        assert place["file_id"] == cited["id"]
        assert message["content"][place["start_index"] : place["end_index"]] in [one["text"] for one in citations]


def _check_usage(canonical: dict[str, Any], native: dict[str, Any]) -> None:
    tokens = native["tokens"]
    assert canonical["prompt_tokens"] == tokens["input_tokens"] + tokens.get("image_tokens", 0)
    assert canonical["completion_tokens"] == tokens["output_tokens"]
    assert canonical["total_tokens"] == canonical["prompt_tokens"] + canonical["completion_tokens"]
    details = canonical.get("prompt_tokens_details", {})
    assert details.get("cached_tokens") == native.get("cached_tokens")
    assert details.get("image_tokens") == tokens.get("image_tokens")
    assert canonical.get("completion_tokens_details", {}).get("reasoning_tokens") == tokens.get("reasoning_tokens")
    assert canonical.get("billed_units") == native.get("billed_units")
    for detail in (*details.values(), *canonical.get("completion_tokens_details", {}).values()):
        assert detail <= canonical["total_tokens"]


@_each(CHATS)
def test_a_recorded_answer_says_what_the_provider_said(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]

    response, raw = CHAT.response(send(call())[1], JSON_HEAD, json.dumps(body).encode())

    assert raw == body
    _check(response, body)


@_each(STREAMS)
def test_a_recorded_stream_says_what_the_provider_said(exchange: dict[str, Any]) -> None:
    _check(collect(decode([exchange["response"]["body"].encode()])), _whole(exchange))


@_each(BROKEN)
def test_a_recorded_stream_that_ends_with_an_error_fails(exchange: dict[str, Any]) -> None:
    assert isinstance(decode([exchange["response"]["body"].encode()])[-1], Failed)


@_each(STREAMS)
def test_a_recorded_stream_gives_the_same_events_however_its_bytes_are_cut(exchange: dict[str, Any]) -> None:
    data = exchange["response"]["body"].encode()
    whole = decode([data])
    places = random.Random(exchange["id"])

    assert decode([data[n : n + 1] for n in range(len(data))]) == whole
    for at in range(1, len(data)) if len(data) < 2000 else places.sample(range(1, len(data)), 200):
        assert decode([data[:at], data[at:]]) == whole


@_each(STREAMS)
def test_a_recorded_stream_that_is_cut_short_never_looks_whole(exchange: dict[str, Any]) -> None:
    data = exchange["response"]["body"].encode()
    end = data.index(b"message-end") - 20

    for cut in (1, end // 3, end // 2, end, end + 40):
        events = decode([data[:cut]])

        assert isinstance(events[-1], Failed)
        assert events[-1].error.kind == "stream_interrupted"


@_each(STREAMS)
def test_every_event_of_a_recorded_stream_carries_what_it_came_from(exchange: dict[str, Any]) -> None:
    lines = exchange["response"]["body"].splitlines()
    on_the_wire = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]

    for event in decode([exchange["response"]["body"].encode()]):
        assert event.raw in on_the_wire  # type: ignore[union-attr]


@pytest.mark.parametrize("exchange", recorded(), ids=_id)
def test_a_recorded_request_survives_the_way_through_the_canonical_form(exchange: dict[str, Any]) -> None:
    given = exchange["request"]["body"]
    form = DIALECT.operations[operation_of(exchange)]  # type: ignore[index]

    made = form.parse_call(json.dumps(given).encode(), {})
    to = replaced(target(), model=made.model)
    sent = form.request(made, to)

    wanted = _usual(given)
    for message in wanted.get("messages", ()):
        for name in [name for name, value in message.items() if value == []]:
            del message[name]  # which says nothing
    if wanted.get("tool_choice") == "NONE" and not wanted.get("tools"):
        del wanted["tool_choice"]
    assert json.loads(sent.body) == {**({"stream": False} if form is CHAT else {}), **wanted}
    assert sent.dropped == []


@pytest.mark.parametrize("exchange", [x for x in recorded() if operation_of(x) == "chat"], ids=_id)
def test_a_recorded_request_is_one_that_the_judge_lets_pass(exchange: dict[str, Any]) -> None:
    oracle.check(_usual(exchange["request"]["body"]))


def _usual(request: dict[str, Any]) -> dict[str, Any]:
    """In the documented words: the service takes others."""
    wanted = without_nulls(request)
    if isinstance(wanted.get("tool_choice"), str):
        wanted["tool_choice"] = wanted["tool_choice"].upper()
    if (form := wanted.get("response_format", {})).get("type") == "json_schema":
        form["type"] = "json_object"
    return wanted


@_each(EMBEDS)
def test_recorded_vectors_arrive_as_they_were(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    sent = EMBED.request(EMBED.parse_call(json.dumps(exchange["request"]["body"]).encode(), {}), target())

    response, raw = EMBED.response(sent, JSON_HEAD, json.dumps(body).encode())

    assert raw == body
    assert [item["embedding"] for item in response["data"]] == body["embeddings"]["float"]
    assert [item["index"] for item in response["data"]] == list(range(len(response["data"])))
    billed = body["meta"]["billed_units"]
    assert response["usage"]["prompt_tokens"] == response["usage"]["total_tokens"] == billed["input_tokens"]
    assert json.loads(EMBED.render(response)) == body


@_each(RERANKS)
def test_a_recorded_ranking_arrives_as_it_was(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    sent = RERANK.request(RERANK.parse_call(json.dumps(exchange["request"]["body"]).encode(), {}), target())

    response, raw = RERANK.response(sent, JSON_HEAD, json.dumps(body).encode())

    assert raw == body
    assert (response["id"], response["results"], response["meta"]) == (body["id"], body["results"], body["meta"])
    assert response["usage"] == {"billed_units": body["meta"]["billed_units"]}
    assert json.loads(RERANK.render(response)) == body


@_each(ERRORS)
def test_a_recorded_error_is_the_error_it_names(exchange: dict[str, Any]) -> None:
    answer = exchange["response"]

    error = failure(Head(answer["status"], answer["headers"]), json.dumps(answer["body"]).encode(), target())

    assert isinstance(error, error_of(answer))
    assert error.request_id == answer["body"].get("id")


@pytest.mark.parametrize("exchange", [*CHATS, *STREAMS], ids=_id)
def test_the_answer_goes_back_into_the_history_part_by_part(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    if isinstance(body, str):
        response, body = collect(decode([body.encode()])), _whole(exchange)
    else:
        response = CHAT.response(send(call())[1], JSON_HEAD, json.dumps(body).encode())[0]
    history = [{"role": "user", "content": "hi"}, response["choices"][0]["message"]]
    history += [{"role": "tool", "tool_call_id": one["id"], "content": "x"} for one in _calls(history[1])]

    sent_back = send(call(messages=[*history, {"role": "user", "content": "go on"}]))[0]["messages"][1]

    native = {key: value for key, value in body["message"].items() if value}
    content = sent_back.get("content", [])
    content = [{"type": "text", "text": content}] if isinstance(content, str) else content
    arguments = [{**one, "function": {**one["function"], "arguments": "?"}} for one in _calls(sent_back)]
    assert {**sent_back, "content": content, "tool_calls": arguments} == {
        **native,
        "role": "assistant",
        "content": native.get("content", []),
        "tool_calls": [{**one, "function": {**one["function"], "arguments": "?"}} for one in _calls(native)],
    }


@_each(CHATS)
def test_a_recorded_answer_that_we_render_again_is_the_same_to_the_official_package(exchange: dict[str, Any]) -> None:
    data = json.dumps(exchange["response"]["body"]).encode()
    response, _ = CHAT.response(send(call())[1], JSON_HEAD, data)

    made = json.loads(CHAT.render(response))
    if isinstance(parts := made["message"].get("content"), list) and len(parts) > 1 and parts[-1].get("text") == "":
        parts.pop()  # an answer of thinking alone has no text
    assert oracle.plain(oracle.parse_chat(json.dumps(made).encode())) == oracle.plain(oracle.parse_chat(data))


@_each(STREAMS)
def test_a_recorded_stream_that_we_write_again_is_the_same_to_the_official_package(exchange: dict[str, Any]) -> None:
    data = exchange["response"]["body"].encode()
    events = decode([data])
    assert isinstance(events[0], Start)

    again = oracle.plain(oracle.parse_stream(encode(events)))

    # A call without arguments is told with an empty object, which is what it means.
    judged = [event for event in again if event["type"] != "tool-call-delta" or "{}" not in json.dumps(event)]
    assert _without_places(judged) == _without_places(oracle.plain(oracle.parse_stream(data)))
    assert any(isinstance(event, Opaque) for event in events) == (b"citation-start" in data)


def _without_places(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some count the text from 0 again after the thinking."""
    return [{**event, "index": 0} if event["type"].startswith("content-") else event for event in events]
