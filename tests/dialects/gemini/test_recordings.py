"""Every recorded exchange: answers say what the provider said, streams do so however they are cut, requests survive."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from lingate._dialects._failure import failure
from lingate._dialects.gemini.casing import camelized
from lingate._model import Head, Text, ToolArgs, ToolStart, Traits, Usage
from lingate._providers.lookup import resolve
from lingate.errors import BadRequestError, InternalServerError
from tests.dialects.gemini.support import (
    CHAT,
    COUNT,
    EMBED,
    JSON_HEAD,
    broke_off,
    call,
    chunks_of,
    decode,
    method_of,
    normal,
    place_of,
    read,
    recorded,
    stream_bytes,
    target,
)
from tests.dialects.short import collect, error_of

pytestmark = pytest.mark.skipif(not recorded(), reason="no recordings: set LINGATE_RECORDINGS")

GOOD = [x for x in recorded() if x["response"]["status"] == 200 and not broke_off(x)]
BROKEN_OFF = [x for x in recorded() if x["response"]["status"] == 200 and broke_off(x)]
WHOLE = [x for x in GOOD if method_of(x) == "generateContent"]
STREAMS = [x for x in GOOD if method_of(x) == "streamGenerateContent"]
CHATS = [x for x in recorded() if method_of(x) in ("generateContent", "streamGenerateContent")]
COUNTS = [x for x in recorded() if method_of(x) == "countTokens"]
EMBEDS = [x for x in GOOD if method_of(x) in ("batchEmbedContents", "embedContent", "predict")]
REFUSED = [x for x in recorded() if x["response"]["status"] >= 400]

FINISH = {"STOP": "stop", 1: "stop", "MAX_TOKENS": "length", 2: "length"}
COUNTED = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount")


def _id(exchange: dict[str, Any]) -> str:
    return exchange["id"]


def test_every_recorded_exchange_is_in_one_of_the_tests_below() -> None:
    counts = [x for x in COUNTS if x["response"]["status"] == 200]
    assert len(recorded()) == sum(map(len, (WHOLE, STREAMS, BROKEN_OFF, EMBEDS, REFUSED, counts)))


@pytest.mark.parametrize("exchange", BROKEN_OFF, ids=_id)
def test_an_answer_that_the_model_broke_off_is_an_error_that_may_be_tried_again(exchange: dict[str, Any]) -> None:
    error = decode([stream_bytes(exchange)])[-1].error  # type: ignore[union-attr]

    assert isinstance(error, InternalServerError)
    assert error.retryable


def _check(response: dict[str, Any], chunks: list[dict[str, Any]]) -> None:
    candidates = [candidate for chunk in chunks for candidate in chunk.get("candidates") or ()]
    for choice in response["choices"]:
        _check_choice(choice, [one for one in candidates if one.get("index", 0) == choice["index"]])
    assert len(response["choices"]) == (len({one.get("index", 0) for one in candidates}) or 1)
    assert response["model"] == chunks[-1].get("modelVersion", response["model"])
    assert response["id"] == chunks[-1].get("responseId", response["id"])
    _check_usage(response.get("usage"), chunks[-1].get("usageMetadata", {}))


def _check_choice(choice: dict[str, Any], candidates: list[dict[str, Any]]) -> None:
    parts = [part for candidate in candidates for part in (candidate.get("content") or {}).get("parts") or ()]
    message = choice["message"]
    texts = [part for part in parts if "text" in part]
    asked = {part["functionResponse"]["name"] for part in parts if "functionResponse" in part}  # of MCP servers
    calls = [part for part in parts if "functionCall" in part and part["functionCall"].get("name") not in asked]
    assert (message["content"] or "") == "".join(part["text"] for part in texts if not part.get("thought"))
    assert message.get("reasoning_content", "") == "".join(part["text"] for part in texts if part.get("thought"))
    made = message.get("tool_calls", [])
    assert [c["function"]["name"] for c in made] == [part["functionCall"]["name"] for part in calls]
    assert [json.loads(c["function"]["arguments"]) for c in made] == [
        part["functionCall"].get("args") or {} for part in calls
    ]
    for c, part in zip(made, calls, strict=True):
        assert c["id"] == part["functionCall"].get("id", c["id"])
        signature = c.get("extra_content", {}).get("google", {}).get("thought_signature")
        assert signature == part.get("thoughtSignature")
    pictures = [
        part["inlineData"] for part in parts if part.get("inlineData", {}).get("mimeType", "").startswith("image")
    ]
    assert [image["image_url"]["url"].partition(",")[2] for image in message.get("images", [])] == [
        picture["data"] for picture in pictures
    ]
    finish = [candidate["finishReason"] for candidate in candidates if candidate.get("finishReason")]
    expected = FINISH.get(finish[-1], "content_filter") if finish else "content_filter"
    assert choice["finish_reason"] == ("tool_calls" if calls and expected != "content_filter" else expected)


def _check_usage(usage: dict[str, Any] | None, native: dict[str, Any]) -> None:
    if not any(name in native for name in COUNTED):
        assert usage is None
        return
    assert usage is not None
    prompt, thoughts = native.get("promptTokenCount"), native.get("thoughtsTokenCount")
    tools = native.get("toolUsePromptTokenCount", 0)
    if prompt is None and "totalTokenCount" in native:  # not counted, but in the sum
        prompt = native["totalTokenCount"] - native.get("candidatesTokenCount", 0) - (thoughts or 0) - tools
    assert usage.get("prompt_tokens") == (None if prompt is None else prompt + tools)
    assert usage["completion_tokens"] == native.get("candidatesTokenCount", 0) + (thoughts or 0)
    assert native.get("totalTokenCount") in (None, usage.get("total_tokens"))
    details, spent = usage.get("prompt_tokens_details", {}), usage.get("completion_tokens_details", {})
    assert spent.get("reasoning_tokens") == thoughts
    assert details.get("cached_tokens") == native.get("cachedContentTokenCount")
    for name in ("serviceTier", "trafficType", "toolUsePromptTokenCount", "toolUsePromptTokensDetails"):
        assert usage.get(name) == native.get(name)
    _check_modalities(details, [*native.get("promptTokensDetails", []), *native.get("toolUsePromptTokensDetails", [])])
    _check_modalities(spent, native.get("candidatesTokensDetails", []))
    _check_modalities(details.get("cached_tokens_details", {}), native.get("cacheTokensDetails", []))


def _check_modalities(details: dict[str, Any], native: list[dict[str, Any]]) -> None:
    kinds = {1: "text", 2: "image", 3: "video", 4: "audio", 5: "document"}
    expected: dict[str, int] = {}
    for item in native:
        kind = kinds.get(item["modality"]) or item["modality"].lower()
        expected[f"{kind}_tokens"] = expected.get(f"{kind}_tokens", 0) + item.get("tokenCount", 0)
    found = {name: count for name, count in details.items() if name.removesuffix("_tokens") in kinds.values()}
    assert found == expected


@pytest.mark.parametrize("exchange", WHOLE, ids=_id)
def test_a_recorded_answer_says_what_the_provider_said(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    sent = CHAT.request(call(), target())

    response, raw = CHAT.response(sent, JSON_HEAD, json.dumps(body).encode())

    assert raw == body
    _check(response, [body])


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_says_what_the_provider_said(exchange: dict[str, Any]) -> None:
    servers = [tool for tool in exchange["request"]["body"].get("tools", []) if "mcpServers" in tool]
    sent = CHAT.request(call(tools=servers), target()) if servers else None

    _check(collect(decode([stream_bytes(exchange)], sent)), chunks_of(exchange))


@pytest.mark.parametrize("exchange", [x for x in STREAMS if isinstance(x["response"]["body"], list)], ids=_id)
def test_a_stream_that_came_as_one_json_array_is_read_as_a_whole_answer_too(exchange: dict[str, Any]) -> None:
    response, raw = CHAT.response(CHAT.request(call(), target()), JSON_HEAD, stream_bytes(exchange))

    assert raw == exchange["response"]["body"]
    _check(response, chunks_of(exchange))
    streamed = collect(decode([stream_bytes(exchange)]))
    assert response == {key: value for key, value in streamed.items() if value is not None}


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_gives_the_same_events_however_it_is_cut(exchange: dict[str, Any]) -> None:
    data = stream_bytes(exchange)
    whole = decode([data])

    if len(data) < 20_000:
        assert decode([data[at : at + 1] for at in range(len(data))]) == whole
    places = range(1, len(data)) if len(data) < 1_500 else random.Random(exchange["id"]).sample(range(1, len(data)), 60)
    for at in places:
        assert decode([data[:at], data[at:]]) == whole


@pytest.mark.parametrize("exchange", [x for x in STREAMS if b'"finishReason"' in stream_bytes(x)], ids=_id)
def test_a_recorded_stream_that_is_cut_off_before_its_finish_reason_never_looks_whole(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    data = stream_bytes(exchange)
    end = data.rindex(b'"finishReason"')

    for at in {0, end // 3, end // 2, end - 1, end}:
        events = decode([data[:at]])
        assert events[-1].error.kind in ("stream_interrupted", "protocol")  # type: ignore[union-attr]
        assert isinstance(body, list) or events[-1].error.kind == "stream_interrupted"  # type: ignore[union-attr]


def _traits(exchange: dict[str, Any]) -> Traits:
    url, _ = place_of(exchange)
    return {"google_cloud": True} if "/publishers/" in url else {}


@pytest.mark.parametrize("exchange", CHATS, ids=_id)
def test_a_recorded_request_survives_the_way_through_the_canonical_form(exchange: dict[str, Any]) -> None:
    body = exchange["request"]["body"]
    url, model = place_of(exchange)
    data = json.dumps(body).encode()
    if exchange["response"]["status"] == 400 and "role" in str(exchange["response"]["body"]):
        with pytest.raises(BadRequestError, match="role"):
            CHAT.parse_call(data, {"model": model, "method": method_of(exchange)})
        return

    parsed = CHAT.parse_call(data, {"model": model, "method": method_of(exchange)})
    sent = CHAT.request(parsed, target(url=url, model=model))

    assert _level(json.loads(sent.body)) == _level(body)
    assert sent.url.removesuffix("?alt=sse") == exchange["request"]["url"].removesuffix("?alt=sse")
    assert parsed.stream == sent.url.endswith("?alt=sse")
    assert [what for what in sent.dropped if not what.startswith("temperature (clamped")] == []


@pytest.mark.parametrize("exchange", CHATS, ids=_id)
def test_a_recorded_request_survives_with_what_the_table_knows_about_its_model(exchange: dict[str, Any]) -> None:
    body = exchange["request"]["body"]
    url, model = place_of(exchange)
    row = "vertex_ai" if "/publishers/" in url else "gemini"
    if "invalid_role" in json.dumps(body):
        pytest.skip("not a valid request")
    parsed = CHAT.parse_call(json.dumps(body).encode(), {"model": model, "method": method_of(exchange)})

    sent = CHAT.request(parsed, resolve(f"{row}/{model}", env={}, api_key="k" * 20, api_base=url))

    assert sent.url.removesuffix("?alt=sse") == exchange["request"]["url"].removesuffix("?alt=sse")
    assert _level(json.loads(sent.body)) == _level(body)


@pytest.mark.parametrize("exchange", CHATS, ids=_id)
def test_a_recorded_request_keeps_its_meaning_without_the_fields_only_this_format_has(exchange: dict[str, Any]) -> None:
    """What a client of another format could have sent: the same turns, calls, results and names."""
    body = exchange["request"]["body"]
    url, model = place_of(exchange)
    if "invalid_role" in json.dumps(body):
        pytest.skip("not a valid request")
    parsed = CHAT.parse_call(json.dumps(body).encode(), {"model": model, "method": method_of(exchange)})
    parsed.drop_params = True

    made = _level(json.loads(CHAT.request(_stripped(parsed), target(url=url, model=model)).body))

    wanted = _level(body)
    assert [c["role"] for c in _merged(made)] == [c["role"] for c in _merged(wanted)]
    assert _calls(made) == _calls(wanted)
    assert _results(made) == _results(wanted)


def _level(body: dict[str, Any]) -> dict[str, Any]:
    """A request's body with turns as the API takes them all the same: whose they are, and results in one turn and order."""
    out = normal(body)
    turns: list[dict[str, Any]] = []
    for turn in out["contents"]:
        turn["role"] = "model" if turn.get("role") == "model" else "user"
        for part in turn["parts"]:
            if part.get("inlineData", {}).get("mimeType") == "audio/x-wav":
                part["inlineData"]["mimeType"] = "audio/wav"
        if turns and _is_results(turn) and _is_results(turns[-1]):
            turns[-1]["parts"] += turn["parts"]
        else:
            turns.append(turn)
    for turn in filter(_is_results, turns):
        turn["parts"].sort(key=lambda part: part["functionResponse"]["name"])
    if not any(out.get("generationConfig", {}).values()):
        out.pop("generationConfig", None)
    return {**out, "contents": turns}


def _is_results(turn: dict[str, Any]) -> bool:
    return bool(turn["parts"]) and all("functionResponse" in part for part in turn["parts"])


def _stripped(parsed: Any) -> Any:
    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if key != "provider_specific_fields"}
        return [strip(item) for item in value] if isinstance(value, list) else value

    parsed.body = strip(parsed.body)
    return parsed


def _merged(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Contents with neighbours of one role as one."""
    merged: list[dict[str, Any]] = []
    for content in body["contents"]:
        if merged and merged[-1]["role"] == content["role"]:
            continue
        if content["parts"]:
            merged.append(content)
    return merged


def _parts(body: dict[str, Any], kind: str) -> list[Any]:
    return [part[kind] for content in body["contents"] for part in content["parts"] if kind in part]


def _calls(body: dict[str, Any]) -> list[Any]:
    return [(found["name"], found.get("args") or {}, found.get("id")) for found in _parts(body, "functionCall")]


def _results(body: dict[str, Any]) -> list[Any]:
    return [(found["name"], found.get("response") or {}, found.get("id")) for found in _parts(body, "functionResponse")]


@pytest.mark.parametrize("exchange", [x for x in COUNTS if x["response"]["status"] == 200], ids=_id)
def test_a_recorded_count_is_asked_for_and_read(exchange: dict[str, Any]) -> None:
    body, answered = exchange["request"]["body"], exchange["response"]["body"]
    url, model = place_of(exchange)

    parsed = COUNT.parse_call(json.dumps(body).encode(), {"model": model, "method": "countTokens"})
    sent = COUNT.request(parsed, target(_traits(exchange), url=url, model=model))
    counted, raw = COUNT.response(sent, JSON_HEAD, json.dumps(answered).encode())

    inner = body.get("generateContentRequest", body)
    made = json.loads(sent.body)
    made, wanted = (normal(one) for one in (made.get("generateContentRequest", made), inner))
    assert {**made, "generationConfig": 0} == {**wanted, "generationConfig": 0}  # of which nothing is counted
    assert counted["input_tokens"] == answered["totalTokens"]
    assert raw == answered
    assert json.loads(COUNT.render(counted)) == answered


@pytest.mark.parametrize("exchange", EMBEDS, ids=_id)
def test_recorded_embeddings_are_asked_for_and_read(exchange: dict[str, Any]) -> None:
    body, answered = exchange["request"]["body"], exchange["response"]["body"]
    url, model = place_of(exchange)
    method: Any = method_of(exchange)

    parsed = EMBED.parse_call(json.dumps(body).encode(), {"model": model, "method": method})
    sent = EMBED.request(parsed, target({"embed_method": method}, url=url, model=model))
    response, raw = EMBED.response(sent, JSON_HEAD, json.dumps(answered).encode())

    assert _without_roles(json.loads(sent.body)) == _without_roles(body)
    assert sent.url == exchange["request"]["url"]
    assert raw == answered
    vectors = (
        answered.get("embeddings")
        or [p["embeddings"] for p in answered.get("predictions", ())]
        or [answered["embedding"]]
    )
    assert [item["embedding"] for item in response["data"]] == [vector["values"] for vector in vectors]
    usage = answered.get("usageMetadata", {})
    expected = usage.get("promptTokenCount") or sum(v.get("statistics", {}).get("token_count", 0) for v in vectors)
    assert response.get("usage", {}).get("prompt_tokens", 0) == expected


def _without_roles(body: dict[str, Any]) -> dict[str, Any]:
    """A request for vectors without whose the texts are."""
    body = camelized(body)
    for one in body.get("requests", [body]):
        one.get("content", {}).pop("role", None)
    return body


@pytest.mark.parametrize("exchange", REFUSED, ids=_id)
def test_a_recorded_refusal_is_the_error_it_is(exchange: dict[str, Any]) -> None:
    status, body = exchange["response"]["status"], exchange["response"]["body"]
    head = Head(status, {"content-type": "application/json"})

    error = failure(head, json.dumps(body).encode(), target())

    assert isinstance(error, error_of(exchange["response"]))
    assert type(failure(head, json.dumps([body]).encode(), target())) is type(error)
    assert error.detail
    assert body["error"]["message"][:60] in error.detail
    assert type(decode([json.dumps(body).encode()])[-1].error) is type(error)  # type: ignore[union-attr]


def _calls_the_caller(exchange: dict[str, Any]) -> bool:
    said = json.dumps(exchange["response"]["body"])
    return "functionCall" in said and "functionResponse" not in said


@pytest.mark.parametrize("exchange", list(filter(_calls_the_caller, WHOLE)), ids=_id)
def test_a_recorded_tool_turn_goes_back_with_its_signatures_where_they_were(exchange: dict[str, Any]) -> None:
    message = read(exchange["response"]["body"])["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": c["id"], "content": "ok"} for c in message["tool_calls"]]

    made = json.loads(CHAT.request(call(messages=[{"role": "user", "content": "x"}, message, *results]), target()).body)

    parts = exchange["response"]["body"]["candidates"][0]["content"]["parts"]
    assert made["contents"][1] == {"role": "model", "parts": parts}
    ids = [part["functionCall"].get("id") for part in parts if "functionCall" in part]
    assert [part["functionResponse"].get("id") for part in made["contents"][2]["parts"]] == ids


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_events_of_recorded_streams_are_in_order(exchange: dict[str, Any]) -> None:
    events = decode([stream_bytes(exchange)])
    kinds = [type(event).__name__ for event in events]

    assert kinds[0] == "Start"
    assert kinds[-1] == "Finish"
    assert kinds.count("Start") == kinds.count("Finish") == 1
    assert "Usage" in kinds
    started = {event.tool for event in events if isinstance(event, ToolStart)}
    assert {event.tool for event in events if isinstance(event, ToolArgs)} == started
    assert all(event.text for event in events if isinstance(event, Text))
    assert len([event for event in events if isinstance(event, Usage)]) <= len(chunks_of(exchange))
