"""Every recorded exchange, by whose body it has."""

from __future__ import annotations

import base64
import json
import random
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.eventstream import EventStreamBuffer

from lingate._dialects._failure import failure
from lingate._dialects.bedrock_invoke.facts import format_of
from lingate._model import Call, Failed
from lingate._providers.lookup import resolve
from tests.dialects.bedrock_invoke.support import (
    CHAT,
    COUNT,
    EMBED,
    RERANK,
    at_bedrock,
    call,
    decode,
    exchanges,
    recorded_head,
    recorded_model,
)
from tests.dialects.short import body_of, collect, error_of, single_bytes

pytestmark = pytest.mark.skipif(not exchanges(), reason="no recordings: set LINGATE_RECORDINGS")


def _id(exchange: dict[str, Any]) -> str:
    return exchange["id"]


def _form(exchange: dict[str, Any]) -> str:
    return format_of(at_bedrock(recorded_model(exchange)[0]))


def _is(exchange: dict[str, Any], *kinds: str) -> bool:
    return any(kind in exchange["kind"] for kind in kinds)


REFUSED = [x for x in exchanges() if x["response"]["status"] >= 400]
EMBEDDINGS = [x for x in exchanges() if _is(x, "embeddings")]
CHATS = [x for x in exchanges() if not _is(x, "embeddings", "rerank", "count_tokens")]
ANSWERS = [x for x in CHATS if x not in REFUSED and not isinstance(x["response"]["body"], str)]
STREAMS = [x for x in CHATS if isinstance(x["response"]["body"], str)]
CLAUDES = [x for x in CHATS if _form(x) == "anthropic"]
NOVAS = [x for x in CHATS if _form(x) == "nova"]
TEXTS = [x for x in CHATS if x not in CLAUDES and x not in NOVAS]


def _events_on_the_wire(exchange: dict[str, Any]) -> list[dict[str, Any]]:
    """What is inside the frames, read by AWS's own code."""
    buffer = EventStreamBuffer()
    buffer.add_data(body_of(exchange))
    return [json.loads(base64.b64decode(json.loads(message.payload)["bytes"])) for message in buffer]


def _whole(exchange: dict[str, Any]) -> dict[str, Any]:
    model, _ = recorded_model(exchange)
    sent = CHAT.request(call(), at_bedrock(model))
    response, raw = CHAT.response(sent, recorded_head(exchange), body_of(exchange))
    assert raw == exchange["response"]["body"]
    return response


# Answers


@pytest.mark.parametrize("exchange", [x for x in ANSWERS if x in CLAUDES], ids=_id)
def test_a_recorded_answer_of_claude_says_what_it_said(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    response = _whole(exchange)
    message = response["choices"][0]["message"]
    blocks = body["content"] if "content" in body else [{"type": "text", "text": body["completion"]}]

    assert "id" not in body or response["id"] == body["id"]
    assert "model" not in body or response["model"] == body["model"]
    assert (message["content"] or "") == "".join(b["text"] for b in blocks if b["type"] == "text")
    assert [
        (c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message.get("tool_calls", [])
    ] == [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"]
    assert response["choices"][0]["finish_reason"] == _word(body["stop_reason"], bool(message.get("tool_calls")))
    if "usage" in body:
        usage = body["usage"]
        cached = (usage.get("cache_read_input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
        assert response["usage"]["prompt_tokens"] == usage["input_tokens"] + cached
        assert response["usage"]["completion_tokens"] == usage["output_tokens"]
    assert json.loads(CHAT.render(response))["content"] == blocks


@pytest.mark.parametrize("exchange", [x for x in ANSWERS if x in NOVAS], ids=_id)
def test_a_recorded_answer_of_nova_says_what_it_said(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    response = _whole(exchange)
    message = response["choices"][0]["message"]
    blocks = body["output"]["message"]["content"]
    counted = body["usage"]
    cached = {
        name: counted[native]
        for name, native in (
            ("cached_tokens", "cacheReadInputTokenCount"),
            ("cache_write_tokens", "cacheWriteInputTokenCount"),
        )
        if native in counted
    }

    assert (message["content"] or "") == "".join(block.get("text", "") for block in blocks)
    assert [
        (c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message.get("tool_calls", [])
    ] == [(b["toolUse"]["toolUseId"], b["toolUse"]["name"], b["toolUse"]["input"]) for b in blocks if "toolUse" in b]
    assert response["usage"]["prompt_tokens"] == counted["inputTokens"] + sum(cached.values())
    assert response["usage"]["completion_tokens"] == counted["outputTokens"]
    assert response["usage"]["total_tokens"] == response["usage"]["prompt_tokens"] + counted["outputTokens"]
    assert response["usage"].get("prompt_tokens_details", {}) == cached
    assert response["choices"][0]["finish_reason"] == _word(body["stopReason"], bool(message.get("tool_calls")))


_SAID: dict[str, Any] = {
    "titan": lambda body: (body["results"][0]["outputText"], body["results"][0]["completionReason"]),
    "llama": lambda body: (body["generation"], body["stop_reason"]),
    "mistral_text": lambda body: (body["outputs"][0]["text"], body["outputs"][0]["stop_reason"]),
    "cohere": lambda body: (body["generations"][0]["text"], body["generations"][0]["finish_reason"]),
    "command_r": lambda body: (body["text"], body["finish_reason"]),
    "jurassic": lambda body: (body["completions"][0]["data"]["text"], body["completions"][0]["finishReason"]["reason"]),
    "openai_chat": lambda body: (body["choices"][0]["message"]["content"], body["choices"][0]["finish_reason"]),
}
_CUT = ("length", "max_tokens")
_FILTERED = ("content_filtered", "content_filter", "guardrail_intervened", "error_toxic", "refusal")


def _word(native: str, has_calls: bool) -> str:
    """OpenAI's word for one of any maker's: what is none of the others ended on its own."""
    if native.lower() in _CUT:
        return "length"
    if native.lower() in _FILTERED:
        return "content_filter"
    return "tool_calls" if has_calls else "stop"


def _counted(exchange: dict[str, Any]) -> tuple[int, int] | None:
    """What the headers say was read and written, else the body; the recording may have neither."""
    headers, body = exchange["response"]["headers"], exchange["response"]["body"]
    if "x-amzn-bedrock-input-token-count" in headers:
        names = ("x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count")
        return int(headers[names[0]]), int(headers[names[1]])
    for read, written in (("prompt_token_count", "generation_token_count"), ("prompt_tokens", "completion_tokens")):
        if read in (counts := body.get("usage", body)):
            return counts[read], counts[written]
    return (body["inputTextTokenCount"], body["results"][0]["tokenCount"]) if "inputTextTokenCount" in body else None


@pytest.mark.parametrize("exchange", [x for x in ANSWERS if x in TEXTS], ids=_id)
def test_a_recorded_answer_in_text_says_what_it_said(exchange: dict[str, Any]) -> None:
    text, reason = _SAID[_form(exchange)](exchange["response"]["body"])

    response = _whole(exchange)

    choice = response["choices"][0]
    assert {name: value for name, value in choice["message"].items() if value is not None} == {
        "role": "assistant",
        "content": text,
    }
    if exchange["response"]["body"].get("amazon-bedrock-guardrailAction") == "INTERVENED":
        assert choice["finish_reason"] == "content_filter"
    else:
        assert (choice.get("native_finish_reason", reason), choice["finish_reason"]) == (reason, _word(reason, False))
    usage = response.get("usage") or {}
    assert (usage.get("prompt_tokens"), usage.get("completion_tokens")) == (_counted(exchange) or (None, None))
    if _form(exchange) != "openai_chat":  # which is canonical as it is
        assert response["provider_specific_fields"]["bedrock_invoke"] == exchange["response"]["body"]


# Streams


def _first(event: dict[str, Any], name: str) -> dict[str, Any]:
    return event[name][0] if event.get(name) else {}


def _told(event: dict[str, Any]) -> list[Any]:
    """Where an event of any maker's may have a piece of text."""
    openai, nova = _first(event, "choices").get("delta", {}), event.get("contentBlockDelta", {}).get("delta", {})
    claude = event.get("delta", {}) if event.get("type") == "content_block_delta" else {}
    top = event.get("text") if event.get("event_type") in (None, "text-generation") else ""
    listed = [_first(event, name).get("text") for name in ("outputs", "generations")]
    named = [event.get(name) for name in ("outputText", "generation", "completion")]
    return [openai.get("content"), nova.get("text"), claude.get("text"), top, *listed, *named]


def _call(event: dict[str, Any]) -> dict[str, Any] | None:
    """The call that begins with an event."""
    block, start = event.get("content_block", {}), event.get("contentBlockStart", {}).get("start", {})
    if block.get("type") == "tool_use":
        return {"id": block["id"], "name": block["name"], "arguments": ""}
    if "toolUse" in start:
        return {"id": start["toolUse"]["toolUseId"], "name": start["toolUse"]["name"], "arguments": ""}
    return None


def _calls(on_the_wire: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls of a stream, put together independently of the code under test."""
    calls: list[dict[str, Any]] = []
    for event in on_the_wire:
        if begun := _call(event):
            calls.append(begun)
        piece = (event.get("delta") or {}).get("partial_json") if event.get("type") == "content_block_delta" else None
        nova = event.get("contentBlockDelta", {}).get("delta", {}).get("toolUse", {}).get("input")
        if calls:
            calls[-1]["arguments"] += piece or nova or ""
    return calls


def _reason(on_the_wire: list[dict[str, Any]]) -> str:
    """The last word for why it ended."""
    found: list[str] = []
    for event in on_the_wire:
        places = [event, _first(event, "choices"), _first(event, "outputs"), _first(event, "generations")]
        places += [event.get(name) or {} for name in ("delta", "messageStop", "response")]
        found += [one[name] for one in places for name in ("stop_reason", "stopReason", "completionReason", "finish_reason")
                  if isinstance(one.get(name), str)]  # fmt: skip
    return found[-1] if found else "stop"


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_says_what_the_provider_said(exchange: dict[str, Any]) -> None:
    model, _ = recorded_model(exchange)
    on_the_wire = _events_on_the_wire(exchange)

    response = collect(decode([body_of(exchange)], model))

    message, usage = response["choices"][0]["message"], response["usage"]
    assert (message["content"] or "") == "".join(piece for event in on_the_wire for piece in _told(event) if piece)
    calls = _calls(on_the_wire)
    assert [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls", [])] == [
        (call["id"], call["name"], call["arguments"] or "{}") for call in calls
    ]
    counted = on_the_wire[-1].get("amazon-bedrock-invocationMetrics", {"inputTokenCount": 6, "outputTokenCount": 3})
    cached = sum(counted.get(name, 0) for name in ("cacheReadInputTokenCount", "cacheWriteInputTokenCount"))
    assert usage["prompt_tokens"] == counted["inputTokenCount"] + cached
    # Anthropic counts calls and thoughts that Bedrock does not.
    written = [event["usage"]["output_tokens"] for event in on_the_wire if event.get("type") == "message_delta"]
    assert usage["completion_tokens"] == (written or [counted["outputTokenCount"]])[-1]
    blocked = any(event.get("amazon-bedrock-guardrailAction") == "INTERVENED" for event in on_the_wire)
    wanted = "content_filter" if blocked else _word(_reason(on_the_wire), bool(calls))
    assert response["choices"][0]["finish_reason"] == wanted


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_gives_the_same_events_however_its_bytes_are_cut(exchange: dict[str, Any]) -> None:
    model, _ = recorded_model(exchange)
    data = body_of(exchange)
    whole = decode([data], model)
    places = random.Random(exchange["id"])

    assert decode(single_bytes(data), model) == whole
    for _ in range(3):
        cuts = sorted(places.sample(range(len(data)), k=20))
        assert decode([data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)], model) == whole


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_that_is_cut_short_never_looks_whole(exchange: dict[str, Any]) -> None:
    model, _ = recorded_model(exchange)
    data = body_of(exchange)

    for part in (1, 2, 3):
        events = decode([data[: len(data) * part // 4]], model)

        assert isinstance(events[-1], Failed)
        assert events[-1].error.kind == "stream_interrupted"


@pytest.mark.parametrize("exchange", [x for x in STREAMS if x in CLAUDES], ids=_id)
def test_a_recorded_stream_of_claude_that_we_write_again_says_the_same(exchange: dict[str, Any]) -> None:
    model, _ = recorded_model(exchange)
    encoder = CHAT.encoder(call())
    events = decode([body_of(exchange)], model)

    again = b"".join(encoder.event(event) for event in events) + encoder.end()

    assert collect(decode([again], model)) == collect(events)


# Requests


@pytest.mark.parametrize("exchange", [x for x in CLAUDES if "messages" in x["request"]["body"]], ids=_id)
def test_a_recorded_request_to_claude_survives_the_way_through_the_canonical_form(exchange: dict[str, Any]) -> None:
    given = exchange["request"]["body"]
    model, method = recorded_model(exchange)

    made = CHAT.parse_call(json.dumps(given).encode(), {"model": model, "method": method})
    sent = CHAT.request(made, at_bedrock(model))

    assert made.stream == (method == "invoke-with-response-stream")
    assert unquote(sent.url).rpartition("/model/")[2] == f"{model}/{method}"
    assert _normal(json.loads(sent.body)) == _normal(given)
    assert sent.dropped == []


def _normal(body: dict[str, Any]) -> dict[str, Any]:
    """A request with content as lists of blocks, one turn of a role in a row, and without what says nothing."""
    body = {name: value for name, value in body.items() if value is not None and (name, value) != ("tools", [])}
    turns: list[dict[str, Any]] = []
    for turn in body["messages"]:
        if turns and turns[-1]["role"] == turn["role"]:
            turns[-1]["content"] += _blocks(turn["content"])
        else:
            turns.append({**turn, "content": list(_blocks(turn["content"]))})
    if "system" in body:
        body["system"] = _blocks(body["system"])
    for tool in body.get("tools", []):
        tool.get("input_schema", {}).setdefault("type", "object")
    return {**body, "messages": turns}


def _blocks(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _as_canonical(body: dict[str, Any], form: str) -> dict[str, Any]:
    """What an SDK's user would have written to get this body."""
    flat = {**body, **body.get("textGenerationConfig", {}), **body.get("inferenceConfig", {})}
    found = {ours: next((flat[n] for n in theirs if n in flat), None) for ours, theirs in _NAMES.items()}
    if form in ("nova", "openai_chat"):
        turns = [
            *({"role": "system", "content": block["text"]} for block in body.get("system", ())),
            *({**turn, "content": _text(turn["content"])} for turn in body["messages"]),
        ]
        tools = body.get("toolConfig", {}).get("tools", [])
        return {"messages": turns, **found, "tools": [_as_tool(tool["toolSpec"]) for tool in tools] or None}
    prompt = body.get("inputText") or body.get("prompt") or body["message"]
    return {"messages": [{"role": "user", "content": prompt}], **found}


def _text(content: Any) -> str:
    return content if isinstance(content, str) else content[0]["text"]


_NAMES = {
    "max_tokens": ("maxTokenCount", "max_gen_len", "max_tokens", "maxTokens", "max_new_tokens"),
    "temperature": ("temperature",),
    "top_p": ("topP", "top_p", "p"),
    "stop": ("stopSequences", "stop", "stop_sequences"),
}


def _without_own(body: dict[str, Any]) -> dict[str, Any]:
    """A body without settings that only its maker knows, for which users have no words but the maker's."""
    known = {name for names in _NAMES.values() for name in names}
    kept = {*known, "messages", "system", "toolConfig", "prompt", "message", "inputText", "schemaVersion"}
    body = {name: value for name, value in body.items() if name in {*kept, "textGenerationConfig", "inferenceConfig"}}
    for name in ("textGenerationConfig", "inferenceConfig"):
        if name in body:
            body[name] = {key: value for key, value in body[name].items() if key in known and value != []}
    return body


def _is_plain(exchange: dict[str, Any]) -> bool:
    """Whether each turn of a request is one text."""
    turns = exchange["request"]["body"].get("messages", ())
    return all(isinstance(t["content"], str) or [list(block) for block in t["content"]] == [["text"]] for t in turns)


def _as_tool(spec: dict[str, Any]) -> dict[str, Any]:
    told = {name: spec[name] for name in ("name", "description") if name in spec}
    return {"type": "function", "function": {**told, "parameters": spec["inputSchema"]["json"]}}


@pytest.mark.parametrize("exchange", [x for x in (*NOVAS, *TEXTS) if _is_plain(x)], ids=_id)
def test_a_recorded_request_in_another_makers_format_is_what_we_write_for_it(exchange: dict[str, Any]) -> None:
    given = json.loads(json.dumps(exchange["request"]["body"]))
    model, method = recorded_model(exchange)
    form = _form(exchange)
    made = Call("chat", model, _as_canonical(given, form), stream=method.endswith("stream"))

    sent = CHAT.request(made, at_bedrock(model))

    written = json.loads(sent.body)
    if form == "nova":
        config = given.get("inferenceConfig", {})
        for old, new in (("max_new_tokens", "maxTokens"), ("top_p", "topP")):
            if old in config:
                config[new] = config.pop(old)
        given.setdefault("schemaVersion", "messages-v1")
    if form in ("llama", "mistral_text"):
        # Whoever recorded these sent the question without the tags that the models are trained on.
        assert given["prompt"] in written.pop("prompt")
        del given["prompt"]
    assert _without_own(written) == _without_own(given)
    assert unquote(sent.url).rpartition("/model/")[2] == f"{model}/{method}"


@pytest.mark.parametrize("exchange", [x for x in exchanges() if _is(x, "count_tokens")], ids=_id)
def test_a_recorded_token_count_survives_both_ways(exchange: dict[str, Any]) -> None:
    given = exchange["request"]["body"]
    model, method = recorded_model(exchange)

    made = COUNT.parse_call(json.dumps(given).encode(), {"model": model, "method": method})
    sent = COUNT.request(made, at_bedrock(model))

    assert unquote(sent.url) == unquote(exchange["request"]["url"])
    inner, wanted = (
        json.loads(base64.b64decode(body["input"]["invokeModel"]["body"])) for body in (json.loads(sent.body), given)
    )
    assert _normal(inner) == _normal(wanted)
    response, _ = COUNT.response(sent, recorded_head(exchange), body_of(exchange))
    assert response == {"input_tokens": exchange["response"]["body"]["inputTokens"]}


# The rest


@pytest.mark.parametrize("exchange", REFUSED, ids=_id)
def test_a_recorded_error_is_the_error_it_names(exchange: dict[str, Any]) -> None:
    model, _ = recorded_model(exchange)

    error = failure(recorded_head(exchange), body_of(exchange), at_bedrock(model))

    assert isinstance(error, error_of(exchange["response"]))
    named = exchange["response"]["headers"].get("x-amzn-errortype")
    assert named is None or error.code == named.partition(":")[0]


@pytest.mark.parametrize("exchange", EMBEDDINGS, ids=_id)
def test_a_recorded_embedding_survives_both_ways(exchange: dict[str, Any]) -> None:
    given, body = exchange["request"]["body"], exchange["response"]["body"]
    model, _ = recorded_model(exchange)
    to = resolve(f"bedrock/{model}", env={"AWS_BEARER_TOKEN_BEDROCK": "k" * 20, "AWS_REGION": "us-east-1"})
    params = given.get("singleEmbeddingParams", {})
    asked = {
        "input": given.get("texts") or given.get("inputText") or params["text"]["value"],
        "dimensions": given.get("dimensions", given.get("output_dimension", params.get("embeddingDimension"))),
        **{name: given[name] for name in ("normalize", "input_type", "truncate") if name in given},
    }
    if params:
        asked |= {"embeddingPurpose": params["embeddingPurpose"], "truncationMode": params["text"]["truncationMode"]}

    sent = EMBED.request(Call("embeddings", model, asked), to if "arn" not in model else at_bedrock(f"titan/{model}"))
    response, raw = EMBED.response(sent, recorded_head(exchange), body_of(exchange))

    assert json.loads(sent.body) == given
    assert raw == body
    vectors = body.get("embedding") or body["embeddings"]
    vectors = vectors["float"] if isinstance(vectors, dict) else vectors
    vectors = (
        [vectors] if isinstance(vectors[0], float) else [v["embedding"] if isinstance(v, dict) else v for v in vectors]
    )
    assert [item["embedding"] for item in response["data"]] == vectors
    assert [item["index"] for item in response["data"]] == [*range(len(vectors))]
    header = exchange["response"]["headers"].get("x-amzn-bedrock-input-token-count")
    counted = int(header or body["inputTextTokenCount"])
    assert response["usage"] == {"prompt_tokens": counted, "total_tokens": counted}


@pytest.mark.parametrize("exchange", [x for x in exchanges() if _is(x, "rerank")], ids=_id)
def test_a_recorded_ranking_survives_both_ways(exchange: dict[str, Any]) -> None:
    given, body = exchange["request"]["body"], exchange["response"]["body"]
    model, _ = recorded_model(exchange)
    asked = {name: given[name] for name in ("query", "documents", "top_n")}

    sent = RERANK.request(Call("rerank", model, asked), at_bedrock(model))
    response, raw = RERANK.response(sent, recorded_head(exchange), body_of(exchange))

    assert json.loads(sent.body) == given
    assert raw == body
    assert response["results"] == body["results"]
