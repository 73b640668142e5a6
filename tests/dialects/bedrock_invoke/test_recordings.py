"""Every recorded exchange, by whose body it has."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

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

    assert (response["id"], response["model"]) == (body["id"], body["model"])
    assert (message["content"] or "") == "".join(b["text"] for b in body["content"] if b["type"] == "text")
    assert [
        (c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message.get("tool_calls", [])
    ] == [(b["id"], b["name"], b["input"]) for b in body["content"] if b["type"] == "tool_use"]
    usage = body["usage"]
    cached = (usage.get("cache_read_input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
    assert response["usage"]["prompt_tokens"] == usage["input_tokens"] + cached
    assert response["usage"]["completion_tokens"] == usage["output_tokens"]
    assert json.loads(CHAT.render(response))["content"] == body["content"]


@pytest.mark.parametrize("exchange", [x for x in ANSWERS if x in NOVAS], ids=_id)
def test_a_recorded_answer_of_nova_says_what_it_said(exchange: dict[str, Any]) -> None:
    body = exchange["response"]["body"]
    response = _whole(exchange)
    message = response["choices"][0]["message"]
    blocks = body["output"]["message"]["content"]

    assert message["content"] == "".join(block.get("text", "") for block in blocks)
    assert [json.loads(c["function"]["arguments"]) for c in message.get("tool_calls", [])] == [
        block["toolUse"]["input"] for block in blocks if "toolUse" in block
    ]
    assert response["usage"]["prompt_tokens"] == body["usage"]["inputTokens"]
    assert response["usage"]["total_tokens"] == body["usage"]["totalTokens"]
    assert response["usage"]["prompt_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
    expected = {"max_tokens": "length", "tool_use": "tool_calls"}
    assert response["choices"][0]["finish_reason"] == expected[body["stopReason"]]


_SAID: dict[str, Any] = {
    "titan": lambda body: (body["results"][0]["outputText"], body["results"][0]["completionReason"]),
    "llama": lambda body: (body["generation"], body["stop_reason"]),
    "mistral_text": lambda body: (body["outputs"][0]["text"], body["outputs"][0]["stop_reason"]),
    "cohere": lambda body: (body["generations"][0]["text"], body["generations"][0]["finish_reason"]),
    "command_r": lambda body: (body["text"], body["finish_reason"]),
    "jurassic": lambda body: (body["completions"][0]["data"]["text"], body["completions"][0]["finishReason"]["reason"]),
}
_WORDS = {
    "LENGTH": "length",
    "length": "length",
    "MAX_TOKENS": "length",
    "FINISH": "stop",
    "STOP_SEQUENCE": "stop",
    "stop": "stop",
    "endoftext": "stop",
}


@pytest.mark.parametrize("exchange", [x for x in ANSWERS if x in TEXTS], ids=_id)
def test_a_recorded_answer_in_text_says_what_it_said(exchange: dict[str, Any]) -> None:
    text, reason = _SAID[_form(exchange)](exchange["response"]["body"])
    headers = exchange["response"]["headers"]

    response = _whole(exchange)

    choice = response["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": text}
    if exchange["response"]["body"].get("amazon-bedrock-guardrailAction") == "INTERVENED":
        assert choice["finish_reason"] == "content_filter"
    else:
        assert (choice["native_finish_reason"], choice["finish_reason"]) == (reason, _WORDS[reason])
    assert response["usage"]["prompt_tokens"] == int(headers["x-amzn-bedrock-input-token-count"])
    assert response["usage"]["completion_tokens"] == int(headers["x-amzn-bedrock-output-token-count"])
    assert response["provider_specific_fields"]["bedrock_invoke"] == exchange["response"]["body"]


# Streams


@pytest.mark.parametrize("exchange", STREAMS, ids=_id)
def test_a_recorded_stream_says_what_the_provider_said(exchange: dict[str, Any]) -> None:
    model, _ = recorded_model(exchange)
    on_the_wire = _events_on_the_wire(exchange)

    response = collect(decode([body_of(exchange)], model))

    message, usage = response["choices"][0]["message"], response["usage"]
    texts = [
        *(event["delta"].get("text", "") for event in on_the_wire if event.get("type") == "content_block_delta"),
        *(event["contentBlockDelta"]["delta"]["text"] for event in on_the_wire if "contentBlockDelta" in event),
        *(event.get("outputText", "") for event in on_the_wire),
    ]
    assert (message["content"] or "") == "".join(texts)
    calls = [e["content_block"] for e in on_the_wire if e.get("content_block", {}).get("type") == "tool_use"]
    assert [c["id"] for c in message.get("tool_calls", [])] == [block["id"] for block in calls]
    pieces = "".join(
        event["delta"].get("partial_json", "") for event in on_the_wire if event.get("type") == "content_block_delta"
    )
    assert pieces == "".join(c["function"]["arguments"] for c in message.get("tool_calls", []))
    counted = on_the_wire[-1].get("amazon-bedrock-invocationMetrics", {"inputTokenCount": 6, "outputTokenCount": 3})
    assert usage["prompt_tokens"] == counted["inputTokenCount"]
    if not calls:  # for calls Anthropic counts more than Bedrock does
        assert abs(usage["completion_tokens"] - counted["outputTokenCount"]) <= 1
    reasons = json.dumps(on_the_wire)
    wanted = "tool_calls" if calls else "length" if "max_tokens" in reasons or '"LENGTH"' in reasons else "stop"
    blocked = '"INTERVENED"' in reasons
    assert response["choices"][0]["finish_reason"] == ("content_filter" if blocked else wanted)


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


@pytest.mark.parametrize("exchange", CLAUDES, ids=_id)
def test_a_recorded_request_to_claude_survives_the_way_through_the_canonical_form(exchange: dict[str, Any]) -> None:
    given = exchange["request"]["body"]
    model, method = recorded_model(exchange)

    made = CHAT.parse_call(json.dumps(given).encode(), {"model": model, "method": method})
    sent = CHAT.request(made, at_bedrock(model))

    assert made.stream == (method == "invoke-with-response-stream")
    assert sent.url.replace("%3A", ":").rpartition("/model/")[2] == f"{model}/{method}"
    assert _normal(json.loads(sent.body)) == _normal(given)
    assert sent.dropped == []


def _normal(body: dict[str, Any]) -> dict[str, Any]:
    """A request with content as lists of blocks, one turn of a role in a row, and without what says nothing."""
    body = {name: value for name, value in body.items() if value is not None}
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
    if form == "nova":
        config = body["inferenceConfig"]
        turns = [
            *({"role": "system", "content": block["text"]} for block in body.get("system", ())),
            *({"role": turn["role"], "content": turn["content"][0]["text"]} for turn in body["messages"]),
        ]
        made = {"messages": turns, "max_tokens": config.get("maxTokens", config.get("max_new_tokens"))}
        tools = body.get("toolConfig", {}).get("tools", [])
        made["tools"] = [_as_tool(tool["toolSpec"]) for tool in tools] or None
        names = {"temperature": "temperature", "topP": "top_p", "stopSequences": "stop"}
        return made | {ours: config[name] for name, ours in names.items() if name in config}
    prompt = body.get("inputText") or body.get("prompt") or body["message"]
    flat = {**body, **body.get("textGenerationConfig", {})}
    names = {
        "max_tokens": ("maxTokenCount", "max_gen_len", "max_tokens", "maxTokens"),
        "temperature": ("temperature",),
        "top_p": ("topP", "top_p", "p"),
        "stop": ("stopSequences", "stop", "stop_sequences"),
    }
    found = {ours: next((flat[n] for n in theirs if n in flat), None) for ours, theirs in names.items()}
    return {"messages": [{"role": "user", "content": prompt}], **found}


def _as_tool(spec: dict[str, Any]) -> dict[str, Any]:
    function = {"name": spec["name"], "description": spec["description"], "parameters": spec["inputSchema"]["json"]}
    return {"type": "function", "function": function}


@pytest.mark.parametrize("exchange", [*NOVAS, *TEXTS], ids=_id)
def test_a_recorded_request_in_another_makers_format_is_what_we_write_for_it(exchange: dict[str, Any]) -> None:
    given = json.loads(json.dumps(exchange["request"]["body"]))
    model, method = recorded_model(exchange)
    form = _form(exchange)
    made = Call("chat", model, _as_canonical(given, form), stream=method.endswith("stream"))

    sent = CHAT.request(made, at_bedrock(model))

    written = json.loads(sent.body)
    if form == "nova":
        config = given["inferenceConfig"]
        config["maxTokens"] = config.pop("max_new_tokens", None) or config["maxTokens"]
        given.setdefault("schemaVersion", "messages-v1")
    if form in ("llama", "mistral_text"):
        # Whoever recorded these sent the question without the tags that the models are trained on.
        assert given["prompt"] in written.pop("prompt")
        del given["prompt"]
    config = given.get("textGenerationConfig", {})
    if config.get("stopSequences") == []:
        del config["stopSequences"]
    assert written == given
    assert sent.url.replace("%3A", ":").rpartition("/model/")[2] == f"{model}/{method}"


@pytest.mark.parametrize("exchange", [x for x in exchanges() if _is(x, "count_tokens")], ids=_id)
def test_a_recorded_token_count_survives_both_ways(exchange: dict[str, Any]) -> None:
    given = exchange["request"]["body"]
    model, method = recorded_model(exchange)

    made = COUNT.parse_call(json.dumps(given).encode(), {"model": model, "method": method})
    sent = COUNT.request(made, at_bedrock(model))

    assert sent.url.replace("%3A", ":") == exchange["request"]["url"]
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
    counted = int(exchange["response"]["headers"]["x-amzn-bedrock-input-token-count"])
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
