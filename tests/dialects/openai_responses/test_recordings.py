"""Every recorded exchange: answers say what the provider said, streams do so however they are cut, requests survive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._failure import failure
from lingate._dialects.openai_responses.face_response import response_object
from lingate._model import Failed, Head, Opaque, Text, Thinking, ToolArgs, ToolStart, Usage
from lingate.errors import AuthenticationError, NotFoundError
from tests.dialects.openai_responses.oracle import parse_response, parse_stream
from tests.dialects.openai_responses.support import (
    CHAT,
    COUNT,
    JSON_HEAD,
    NATIVE,
    decode,
    decoded,
    encoded,
    parse,
    recorded,
    sent,
    target,
    wire,
)
from tests.dialects.short import (
    collect,
    error_of,
    expect_never_whole_when_cut,
    expect_same_however_cut,
    is_stream,
    without_nulls,
)

pytestmark = pytest.mark.skipif(not recorded(), reason="no recordings: set LINGATE_RECORDINGS")


def _path(exchange: dict[str, Any]) -> str:
    return str(exchange["request"]["url"].partition("?")[0].rsplit("/responses", 1)[-1])


CREATED = [x for x in recorded() if _path(x) == ""]
COUNTED = [x for x in recorded() if _path(x) == "/input_tokens"]
COMPACTED = [x for x in recorded() if _path(x) == "/compact"]
STREAMS = [x for x in CREATED if is_stream(x)]
ANSWERS = [x for x in CREATED if x["response"]["status"] == 200 and not is_stream(x)]
REFUSED = [x for x in CREATED if x["response"]["status"] >= 400]
BOTH = [CHAT, NATIVE]


def _id(exchange: Any) -> str:
    return str(exchange["id"]) if isinstance(exchange, dict) else "chat" if exchange is CHAT else "responses"


def test_nothing_recorded_is_left_out() -> None:
    assert sum(map(len, (STREAMS, ANSWERS, REFUSED, COUNTED, COMPACTED))) == len(recorded())


def _events(exchange: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a stream, in whose last the items stand that ended before it, where the provider leaves them out."""
    events = decoded(exchange["response"]["body"].encode())
    items = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    if events[-1].get("response", {}).get("output") == [] and items:
        events[-1]["response"]["output"] = items
    return events


def _final(exchange: dict[str, Any]) -> dict[str, Any]:
    """The response, as the last event of a stream has it."""
    body = exchange["response"]["body"]
    return body if isinstance(body, dict) else _events(exchange)[-1]["response"]


def _told(events: list[dict[str, Any]]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def _check(response: dict[str, Any], raw: dict[str, Any]) -> None:
    """Compare with the provider's own words, read independently of the code under test."""
    message = response["choices"][0]["message"]
    output = raw["output"]
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    calls = [item for item in output if item["type"] in _CALLS]
    assert (message["content"] or "") == "".join(part["text"] for part in parts if part["type"] == "output_text")
    made = [(c["id"], *(c.get("function") or c["custom"]).values()) for c in message.get("tool_calls", [])]
    given = [(item["call_id"], item["name"], item[_CALLS[item["type"]]]) for item in calls]
    assert [(*of, _read_json(text)) for *of, text in made] == [(*of, _read_json(text)) for *of, text in given]
    thoughts = [
        "\n\n".join(part["text"] for part in [*item.get("summary", ()), *(item.get("content") or ())])
        for item in output
        if item["type"] == "reasoning"
    ]
    beside = raw["reasoning"] if isinstance(raw.get("reasoning"), str) else ""  # mistral.rs
    assert message.get("reasoning_content", "") == ("".join(thoughts) or beside)
    proofs = [item for item in output if item.get("type") == "reasoning" and item.get("encrypted_content")]
    blocks = [block for block in message.get("thinking_blocks", []) if "signature" in block]
    assert len(blocks) == len(proofs)
    assert all(item["id"] in block["signature"] for item, block in zip(proofs, blocks, strict=True))
    annotations = [a for part in parts for a in part.get("annotations", ())]
    assert len(message.get("annotations", [])) == len(annotations)
    for made, given in zip(message.get("annotations", []), annotations, strict=True):
        assert made.get("url_citation", {}).get("url") == given.get("url")
    images = [item for item in output if item["type"] == "image_generation_call" and item["result"]]
    assert len(message.get("images", [])) == len(images)
    assert response["choices"][0]["finish_reason"] == _finish(raw, bool(calls))
    _check_usage(response["usage"], raw["usage"])


_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}


def _read_json(text: str) -> Any:
    """What a call is given; its text where that was cut short, or never was JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _finish(raw: dict[str, Any], has_calls: bool) -> str | None:
    if raw.get("status") == "queued":
        return None
    if raw.get("status") == "incomplete":
        return {"max_output_tokens": "length", "content_filter": "content_filter"}[raw["incomplete_details"]["reason"]]
    return "tool_calls" if has_calls else "stop"


def _check_usage(canonical: Any, native: Any) -> None:
    if native is None:
        assert canonical is None
        return
    assert canonical["prompt_tokens"] == native["input_tokens"]
    assert canonical["completion_tokens"] == native["output_tokens"]
    assert canonical["total_tokens"] == native["total_tokens"]
    assert canonical.get("prompt_tokens_details") == native.get("input_tokens_details")
    assert canonical.get("completion_tokens_details") == native.get("output_tokens_details")
    known = ("input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details")
    for name in native:
        if name not in known:
            assert canonical[name] == native[name]


@pytest.mark.parametrize("operation", BOTH, ids=_id)
@pytest.mark.parametrize("exchange", ANSWERS, ids=_id)
def test_a_recorded_answer_says_what_the_provider_said(exchange: dict[str, Any], operation: Any) -> None:
    body = exchange["response"]["body"]

    response, raw = operation.response(sent(operation), JSON_HEAD, json.dumps(body).encode())

    assert raw == body
    assert (response["id"], response["model"], response["created"]) == (body["id"], body["model"], body["created_at"])
    _check(response, body)


@pytest.mark.parametrize("exchange", ANSWERS, ids=_id)
def test_a_recorded_answer_comes_back_from_its_own_operation_as_it_was(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]

    response, _ = NATIVE.response(sent(NATIVE), JSON_HEAD, json.dumps(body).encode())

    assert response_object(response) == {"status": "completed", **body}  # OpenRouter may leave it out


@pytest.mark.parametrize("operation", BOTH, ids=_id)
@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_says_what_the_provider_said(exchange: dict[str, Any], operation: Any) -> None:
    response = collect(decode([exchange["response"]["body"].encode()], sent(operation)))

    _skip_what_contradicts_itself(exchange)
    _check(response, _final(exchange))


def _skip_what_contradicts_itself(exchange: dict[str, Any]) -> None:
    """Pieces that are not those of the whole: OpenAI took a summary back that was begun; others have been edited."""
    for kind, field in (("reasoning_summary_text", "text"), ("function_call_arguments", "arguments")):
        told: dict[Any, str] = {}
        for event in _events(exchange):
            place = (event.get("item_id"), event.get("summary_index"))
            if event["type"] == f"response.{kind}.delta":
                told[place] = told.get(place, "") + event["delta"]
            if event["type"] == f"response.{kind}.done" and told.get(place, event[field]) != event[field]:
                pytest.skip("the stream contradicts itself")


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_adds_up_to_the_response_at_its_end(exchange: dict[str, Any]) -> None:
    final = _final(exchange)
    _skip_what_contradicts_itself(exchange)

    response = collect(decode([exchange["response"]["body"].encode()], sent(NATIVE)))

    assert response_object(response) == final


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_gives_the_same_events_however_its_bytes_are_cut(exchange: dict[str, Any]) -> None:
    expect_same_however_cut(decode, exchange["response"]["body"].encode(), exchange["id"])


@pytest.mark.parametrize("exchange", sorted(STREAMS, key=lambda x: len(x["response"]["body"]))[:2], ids=_id)
def test_a_short_recorded_stream_is_the_same_at_every_split_point(exchange: dict[str, Any]) -> None:
    data = exchange["response"]["body"].encode()
    whole = decode([data])

    for n in range(0, len(data), 7):
        assert decode([data[:n], data[n:]]) == whole


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_that_is_cut_short_never_looks_whole(exchange: dict[str, Any]) -> None:
    expect_never_whole_when_cut(decode, exchange["response"]["body"].encode())


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_every_event_of_a_recorded_stream_is_handed_on(exchange: dict[str, Any]) -> None:
    on_the_wire = decoded(exchange["response"]["body"].encode())
    events = decode([exchange["response"]["body"].encode()], sent(NATIVE))

    carried = [event.raw for event in events if not isinstance(event, Failed)]

    assert all(raw in carried for raw in on_the_wire)
    assert all(raw in on_the_wire for raw in carried)


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_client_of_this_format_gets_a_recorded_stream_event_by_event(exchange: dict[str, Any]) -> None:
    data = exchange["response"]["body"].encode()

    made = encoded(decode([data], sent(NATIVE)))

    assert decoded(made) == _events(exchange)


@pytest.mark.parametrize("exchange", CREATED, ids=_id)
def test_a_recorded_request_survives_the_way_through_the_canonical_form(exchange: dict[str, Any]) -> None:
    given = {"model": "m-1", **exchange["request"]["body"]}

    request = NATIVE.request(parse(given), target(model=given["model"]))

    made = {"stream": False, **json.loads(request.body)}
    assert without_nulls(made) == {"stream": False, **without_nulls(given)}
    assert request.dropped == []
    assert request.url == "https://api.acme.test/v1/responses"


@pytest.mark.parametrize("exchange", COUNTED, ids=_id)
def test_a_recorded_token_count_survives_both_ways(exchange: dict[str, Any]) -> None:
    given, body = exchange["request"]["body"], exchange["response"]["body"]
    made = parse(given, COUNT)

    request = COUNT.request(made, target(model=given["model"]))
    response, raw = COUNT.response(request, JSON_HEAD, json.dumps(body).encode())

    assert request.url.endswith("/v1/responses/input_tokens")
    assert json.loads(request.body)["input"] == given["input"]
    assert (response, raw) == (body, body)
    assert json.loads(COUNT.render(response)) == body


@pytest.mark.parametrize("exchange", COMPACTED, ids=_id)
def test_what_compacting_a_recorded_conversation_gave_can_be_sent_back(exchange: dict[str, Any]) -> None:
    output = exchange["response"]["body"]["output"]
    given = {"input": [*output, {"role": "user", "content": "go on"}]}

    made = json.loads(NATIVE.request(parse(given), target()).body)

    assert made["input"] == given["input"]


@pytest.mark.parametrize("exchange", REFUSED, ids=_id)
def test_a_recorded_error_is_what_it_says_by_status_and_in_a_stream(exchange: dict[str, Any]) -> None:
    body, status = exchange["response"]["body"], exchange["response"]["status"]
    text = json.dumps(body)
    wanted = error_of(exchange["response"])
    if "Incorrect API key" in text:
        wanted = AuthenticationError
    elif "model_not_found" in text or "Model not found" in text:
        wanted = NotFoundError

    assert isinstance(failure(Head(status, {}), text.encode(), target()), wanted)
    if "error" in body:  # anything else is none without its status
        (in_stream,) = decode([b"event: error\ndata: " + text.encode() + b"\n\n"])
        assert isinstance(in_stream, Failed)
        assert isinstance(in_stream.error, wanted)


@pytest.mark.parametrize("operation", BOTH, ids=_id)
@pytest.mark.parametrize("exchange", [*ANSWERS, *STREAMS], ids=_id)
def test_the_answer_goes_back_into_the_history_item_by_item(exchange: dict[str, Any], operation: Any) -> None:
    body = exchange["response"]["body"]
    raw = _final(exchange)
    if isinstance(body, str):
        _skip_what_contradicts_itself(exchange)
        response = collect(decode([body.encode()], sent(operation)))
    else:
        response = operation.response(sent(operation), JSON_HEAD, json.dumps(body).encode())[0]
    said = response["choices"][0]["message"]
    history = [{"role": "user", "content": "hi"}, said, {"role": "user", "content": "go on"}]

    made = wire(messages=history, store=True)["input"][1:-1]

    assert [_essence(item) for item in made] == [_essence(item) for item in raw["output"]]


def _essence(item: dict[str, Any]) -> dict[str, Any]:
    """What an item means to the provider: text and calls by what they say, all else as it is."""
    if item.get("type", "message") == "message":
        content = item["content"]
        text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
        return {"type": "message", "text": text, "phase": item.get("phase")}
    if item["type"] in _CALLS:
        return {key: item[key] for key in ("type", "call_id", "name", _CALLS[item["type"]])}
    if item["type"] == "reasoning":
        # Each answer of the API encrypts anew, so the one in the last event differs from the one before it.
        summary = "\n\n".join(part["text"] for part in item["summary"])
        return {"id": item["id"], "summary": summary, "secret": bool(item.get("encrypted_content"))}
    return item


@pytest.mark.parametrize("exchange", ANSWERS, ids=_id)
def test_a_recorded_answer_that_we_render_again_is_the_same_to_the_official_package(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    data = json.dumps(body).encode()
    if isinstance(body.get("reasoning"), str):
        pytest.skip("reasoning beside the output, which becomes an item of it")
    response, _ = CHAT.response(sent(), JSON_HEAD, data)

    ours, theirs = _read(parse_response, CHAT.render(response)), _read(parse_response, data)

    assert ours == theirs


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_that_we_write_again_is_the_same_to_the_official_package(exchange: dict[str, Any]) -> None:
    data = exchange["response"]["body"].encode()

    again = encoded(decode([data], sent(NATIVE)))

    assert parse_stream(again) == parse_stream(_told(_events(exchange)))


def _read(parser: Any, data: bytes) -> Any:
    """What makes up an answer, as the package reads it."""
    found = parser(data)
    items = [_essence(item) for item in found["output"]]
    usage = found["usage"]
    if usage is not None:
        # The format requires them, older answers lack them.
        for name in ("cached_tokens", "cache_write_tokens"):
            usage.setdefault("input_tokens_details", {}).setdefault(name, 0)
        usage.setdefault("output_tokens_details", {}).setdefault("reasoning_tokens", 0)
    return (
        found["output_text"],
        items,
        usage,
        found.get("status", "completed"),
        found.get("incomplete_details"),
        found["model"],
    )


_KINDS = {
    "response.output_text.delta": {Text, Usage},
    "response.reasoning_summary_text.delta": {Thinking},
    "response.function_call_arguments.delta": {ToolStart, ToolArgs},
    "response.web_search_call.searching": {Opaque},
}


@pytest.mark.parametrize("name", _KINDS)
def test_the_streams_of_the_recordings_hold_the_kinds_of_event_that_they_name(name: str) -> None:
    data = [x["response"]["body"].encode() for x in STREAMS if f'"{name}"' in x["response"]["body"]]
    events = [event for body in data for event in decode([body])]

    assert not data or {type(event) for event in events} >= _KINDS[name]
