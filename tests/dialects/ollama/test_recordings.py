"""Every recorded exchange: answers say what the server said, streams do so however they are cut, requests survive."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from lingate._dialects._failure import failure
from lingate._dialects.ollama import DIALECT
from lingate._model import Event, Head, Start, replaced
from lingate.errors import StreamInterruptedError
from tests.dialects.ollama import oracle
from tests.dialects.ollama.support import (
    CHAT,
    EMBED,
    GENERATE,
    JSON_HEAD,
    decode,
    encode,
    line_dicts,
    operation_of,
    read,
    recorded,
    send,
    target,
)
from tests.dialects.short import body_of, collect, error_of, failed

pytestmark = pytest.mark.skipif(not recorded(), reason="no recordings: set LINGATE_RECORDINGS")

GOOD = [x for x in recorded() if x["response"]["status"] == 200]
TURNS = [x for x in GOOD if operation_of(x) != "embeddings"]
WHOLE = [x for x in TURNS if isinstance(x["response"]["body"], dict)]
STREAMS = [x for x in TURNS if isinstance(x["response"]["body"], str)]
EMBEDS = [x for x in GOOD if operation_of(x) == "embeddings"]
ERRORS = [x for x in recorded() if x["response"]["status"] >= 400]


def _id(exchange: dict[str, Any]) -> str:
    return exchange["id"]


def _each(exchanges: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("exchange", exchanges, ids=_id)


def _form(exchange: dict[str, Any]) -> Any:
    return DIALECT.operations[operation_of(exchange)]  # type: ignore[index]


def _together(exchange: dict[str, Any]) -> dict[str, Any]:
    """An answer in one piece and in the words of `/api/chat`, independently of the code under test."""
    items = line_dicts(body_of(exchange))
    last = items[-1]
    messages = [
        item.get("message") or {"content": item["response"], "thinking": item.get("thinking")} for item in items
    ]
    told = {name: "".join(one.get(name) or "" for one in messages) for name in ("content", "thinking")}
    calls = [one for message in messages for one in message.get("tool_calls") or ()]
    return {**last, "message": {**told, "tool_calls": calls}}


def _check(response: dict[str, Any], body: dict[str, Any]) -> None:
    choice, native = response["choices"][0], body["message"]
    message = choice["message"]
    assert response["model"] == body["model"]
    assert (message["content"] or "") == native["content"]
    assert message.get("reasoning_content", "") == native["thinking"]
    made = [
        (one["function"]["name"], json.loads(one["function"]["arguments"])) for one in message.get("tool_calls", ())
    ]
    assert made == [(one["function"]["name"], one["function"]["arguments"]) for one in native["tool_calls"]]
    assert all(
        a["id"] == b.get("id", a["id"])
        for a, b in zip(message.get("tool_calls", ()), native["tool_calls"], strict=True)
    )
    assert choice["finish_reason"] == ("tool_calls" if made else body.get("done_reason", "stop"))
    usage = response["usage"]
    assert usage.get("prompt_tokens") == body.get("prompt_eval_count")
    assert usage["completion_tokens"] == body["eval_count"]
    if "prompt_eval_count" in body:
        assert usage["total_tokens"] == body["prompt_eval_count"] + body["eval_count"]
    kept = response["provider_specific_fields"]["ollama"]
    for name in ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration", "context"):
        assert kept.get(name) == body.get(name)


@_each(WHOLE)
def test_a_recorded_answer_says_what_the_server_said(exchange: dict[str, Any]) -> None:
    response, raw = _form(exchange).response(send_any(), JSON_HEAD, body_of(exchange))

    assert raw == exchange["response"]["body"]
    _check(response, _together(exchange))


def send_any() -> Any:
    return CHAT.request(CHAT.parse_call(b'{"model":"m","messages":[{"role":"user","content":"x"}]}', {}), target())


@_each(TURNS)
def test_a_recorded_stream_says_what_the_server_said(exchange: dict[str, Any]) -> None:
    _check(collect(decode([body_of(exchange)])), _together(exchange))


@_each(TURNS)
def test_a_recorded_stream_gives_the_same_events_however_its_bytes_are_cut(exchange: dict[str, Any]) -> None:
    data = body_of(exchange)
    whole = _without_id(decode([data]))
    places = random.Random(exchange["id"])

    assert _without_id(decode([data[n : n + 1] for n in range(len(data))])) == whole
    for at in range(1, len(data)) if len(data) < 3000 else places.sample(range(1, len(data)), 200):
        assert _without_id(decode([data[:at], data[at:]])) == whole


def _without_id(events: list[Event]) -> list[Event]:
    """Events without the answer's id, which is made up where the time has no fraction of a second."""
    assert isinstance(events[0], Start)
    return [replaced(events[0], id=""), *events[1:]]


@_each(STREAMS)
def test_a_recorded_stream_that_is_cut_short_never_looks_whole(exchange: dict[str, Any]) -> None:
    data = body_of(exchange)
    end = data.rstrip().rfind(b"\n")

    for cut in (0, 1, end // 3, end // 2, end, end + 30):
        assert isinstance(failed(decode([data[:cut]])), StreamInterruptedError)


@_each(TURNS)
def test_every_event_of_a_recorded_stream_carries_what_it_came_from(exchange: dict[str, Any]) -> None:
    on_the_wire = line_dicts(body_of(exchange))

    for event in decode([body_of(exchange)]):
        assert event.raw in on_the_wire  # type: ignore[union-attr]


@pytest.mark.parametrize("exchange", recorded(), ids=_id)
def test_a_recorded_request_survives_the_way_through_the_canonical_form(exchange: dict[str, Any]) -> None:
    given = exchange["request"]["body"]
    made = _form(exchange).parse_call(json.dumps(given).encode(), {})
    to = replaced(target(), model=made.model)

    sent = DIALECT.operations[made.operation].request(made, to)

    # A prompt goes on as a chat; what is empty says nothing; without a word about it the answer is streamed.
    expected = _telling(given)
    if "prompt" in expected:
        expected["messages"] = [{"role": "user", "content": expected.pop("prompt")}]
        expected.pop("raw", None)
    if made.operation == "chat":
        expected.setdefault("stream", True)
    assert _telling(json.loads(sent.body)) == expected
    assert sent.dropped == []
    assert made.stream is given.get("stream", made.operation == "chat")


def _telling(body: Any) -> Any:
    """A request without what is empty, and without the kind that every call is of."""
    if not isinstance(body, dict):
        return [_telling(one) for one in body] if isinstance(body, list) else body
    plain = {**body, "type": None} if "arguments" in (body.get("function") or ()) else {**body}
    if isinstance(plain.get("function"), dict) and "name" in plain:
        del plain["name"]  # which the function has
    told = {name: value if name == "arguments" else _telling(value) for name, value in plain.items()}
    return {name: value for name, value in told.items() if value not in ("", [], {}, None)}


@_each(EMBEDS)
def test_recorded_vectors_arrive_as_they_were(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    sent = EMBED.request(EMBED.parse_call(json.dumps(exchange["request"]["body"]).encode(), {}), target())

    response, raw = EMBED.response(sent, JSON_HEAD, body_of(exchange))

    assert raw == body
    assert [item["embedding"] for item in response["data"]] == body["embeddings"]
    assert response["usage"] == {"prompt_tokens": body["prompt_eval_count"], "total_tokens": body["prompt_eval_count"]}
    assert json.loads(EMBED.render(response)) == {**body, "embedding": body["embeddings"][0]}


@_each(ERRORS)
def test_a_recorded_error_is_the_error_it_names(exchange: dict[str, Any]) -> None:
    answer = exchange["response"]

    error = failure(Head(answer["status"], answer["headers"]), body_of(exchange), target())

    assert isinstance(error, error_of(answer))
    assert answer["body"]["error"] in (error.detail or "")


@_each(TURNS)
def test_the_answer_goes_back_into_the_history(exchange: dict[str, Any]) -> None:
    native = _together(exchange)["message"]
    message = collect(decode([body_of(exchange)]))["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "x"} for one in message.get("tool_calls", ())]

    made = CHAT.request(CHAT.parse_call(b'{"model":"m","messages":[{"role":"user","content":"x"}]}', {}), target()).call
    made.body["messages"] = [message, *results, {"role": "user", "content": "go on"}]
    sent_back = send(made)[0]["messages"]

    told = {name: value for name, value in sent_back[0].items() if value}
    calls = [
        {
            name: _plain(value) if name == "function" else value
            for name, value in one.items()
            if name in ("id", "function")
        }
        for one in native["tool_calls"]
    ]
    expected = {"role": "assistant", **native, "tool_calls": calls}
    assert told == {name: value for name, value in expected.items() if value}
    assert [one.get("tool_name") for one in sent_back[1:-1]] == [
        one["function"]["name"] for one in native["tool_calls"]
    ]


def _plain(function: dict[str, Any]) -> dict[str, Any]:
    return {name: function[name] for name in ("name", "arguments")}


@_each([x for x in WHOLE if operation_of(x) == "chat"])
def test_a_recorded_answer_that_we_render_again_is_the_same_to_the_official_package(exchange: dict[str, Any]) -> None:
    made = oracle.plain(oracle.parse_chat(CHAT.render(read(body_of(exchange)))))

    assert _judged([made]) == _judged([oracle.plain(oracle.parse_chat(body_of(exchange)))])


@_each([x for x in WHOLE if operation_of(x) == "completions"])
def test_a_recorded_answer_to_a_prompt_that_we_render_again_is_the_same_too(exchange: dict[str, Any]) -> None:
    made = oracle.plain(oracle.parse_generate(GENERATE.render(read(body_of(exchange)))))

    assert _judged([made]) == _judged([oracle.plain(oracle.parse_generate(body_of(exchange)))])


@_each(STREAMS)
def test_a_recorded_stream_that_we_write_again_is_the_same_to_the_official_package(exchange: dict[str, Any]) -> None:
    form = _form(exchange)
    parse = oracle.parse_stream if form is CHAT else oracle.parse_generate_stream

    again = oracle.plain(parse(encode(decode([body_of(exchange)]), form)))

    theirs = oracle.plain(parse(body_of(exchange)))
    assert _logprobs(again) == _logprobs(theirs)
    assert _judged(again) == _judged(theirs)


def _logprobs(items: list[dict[str, Any]]) -> list[Any]:
    """Of all lines: those of thinking stand in lines of their own."""
    return [one for item in items for one in item.pop("logprobs", None) or ()]


def _judged(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the time of each line, which canonical events do not have, and without lines that say nothing."""
    items = [item for item in items if item.get("done") or item.get("response") or _says(item.get("message") or {})]
    reasons: list[dict[str, Any]] = [
        {"done_reason": "stop"} if item.get("done") else {} for item in items
    ]  # old ones lack it
    plain = [{name: value for name, value in item.items() if name != "created_at"} for item in items]
    return [{**reason, **item} for reason, item in zip(reasons, plain, strict=True)]


def _says(message: dict[str, Any]) -> bool:
    return any(message.get(name) for name in ("content", "thinking", "tool_calls"))
