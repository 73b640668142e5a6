"""What the tests of this dialect share: targets, short forms of the operations, the recordings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import unquote

from lingate._dialects.bedrock_converse import DIALECT
from lingate._model import Event, Head, Opaque, ProviderRow, Target, Traits
from lingate._providers.lookup import resolve
from lingate._wire.eventstream import CONTENT_TYPE, encode
from tests.dialects import short

CHAT = DIALECT.operations["chat"]
COUNT = DIALECT.operations["count_tokens"]

JSON_HEAD = Head(200, {"content-type": "application/json", "date": short.DATE, "x-amzn-requestid": "req-1"})
STREAM_HEAD = Head(200, {"content-type": CONTENT_TYPE, "date": short.DATE, "x-amzn-requestid": "req-1"})

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OLD_CLAUDE = "anthropic.claude-3-7-sonnet-20250219-v1:0"
NEW_CLAUDE = "us.anthropic.claude-sonnet-5"
NOVA = "us.amazon.nova-2-lite-v1:0"
LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0"

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
MARK = {"type": "ephemeral"}
POINT = {"cachePoint": {"type": "default"}}


def target(model: str = "test.model", traits: Traits | None = None, **row: Any) -> Target:
    facts = {"name": "acme", "dialect": "bedrock_converse", **row}
    return Target(
        row=ProviderRow(**facts),
        model=model,
        url="https://bedrock.acme.test",
        headers={"authorization": "Bearer secret"},
        traits=traits if traits is not None else {},
    )


def at_bedrock(model: str, region: str = "us-east-1") -> Target:
    """The target that the table gives for a model."""
    return resolve(f"bedrock/{model}", env={"AWS_BEARER_TOKEN_BEDROCK": "k" * 20, "AWS_REGION": region})


_short = short.Short(CHAT, target, JSON_HEAD, STREAM_HEAD)
call, send, read, decode = _short.call, _short.send, _short.read, _short.decode
exchanges = partial(short.recorded, "bedrock-converse")


def wire(to: Target | None = None, drop_params: bool = False, **body: Any) -> dict[str, Any]:
    return send(call(drop_params=drop_params, **body), to)[0]


def dropped(to: Target | None = None, drop_params: bool = False, **body: Any) -> list[str]:
    return send(call(drop_params=drop_params, **body), to)[1].dropped


def message(*blocks: dict[str, Any], stop: str = "end_turn", **fields: Any) -> dict[str, Any]:
    """A whole answer as the API gives it."""
    return {
        "output": {"message": {"role": "assistant", "content": list(blocks)}},
        "stopReason": stop,
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
        "metrics": {"latencyMs": 1},
        **fields,
    }


def frame(name: str, payload: dict[str, Any]) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return encode(headers, json.dumps(payload).encode())


def exception(name: str, message: str) -> bytes:
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return encode(headers, json.dumps({"message": message}).encode())


def stream(*events: tuple[str, dict[str, Any]]) -> bytes:
    return b"".join(frame(name, payload) for name, payload in events)


def streamed(body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The events with which the API would stream this answer, in a few pieces."""
    events: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
    for n, block in enumerate(body["output"]["message"]["content"]):
        start, deltas = _pieces(block)
        if start is not None:
            events.append(("contentBlockStart", {"contentBlockIndex": n, "start": start}))
        events += [("contentBlockDelta", {"contentBlockIndex": n, "delta": delta}) for delta in deltas]
        events.append(("contentBlockStop", {"contentBlockIndex": n}))
    events.append(("messageStop", {"stopReason": body["stopReason"]}))
    rest = {key: value for key, value in body.items() if key not in ("output", "stopReason")}
    return [*events, ("metadata", rest)]


def _halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def _pieces(block: dict[str, Any]) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    kind = next(iter(block))
    inner = block[kind]
    if kind == "text":
        return None, [{"text": piece} for piece in _halves(inner)]
    if kind == "toolUse":
        start = {key: value for key, value in inner.items() if key != "input"}
        pieces = (
            [""]
            if inner["input"] == {}
            else ["", *_halves(json.dumps(inner["input"], separators=(",", ":"), ensure_ascii=False))]
        )
        return {"toolUse": start}, [{"toolUse": {"input": piece}} for piece in pieces]
    if kind == "toolResult":
        start = {key: value for key, value in inner.items() if key != "content"}
        return {"toolResult": start}, [{"toolResult": [item]} for item in inner["content"]]
    if kind == "citationsContent":
        texts = [{"text": item["text"]} for item in inner.get("content", ())]
        return None, [*texts, *({"citation": citation} for citation in inner["citations"])]
    assert kind == "reasoningContent"
    if "redactedContent" in inner:
        return None, [{"reasoningContent": inner}]
    told = inner["reasoningText"]
    deltas: list[dict[str, Any]] = [{"reasoningContent": {"text": piece}} for piece in _halves(told["text"])]
    if "signature" in told:
        deltas.append({"reasoningContent": {"signature": told["signature"]}})
    return None, deltas


def visible(events: Iterable[Event]) -> list[Event]:
    """What other formats see."""
    return [event for event in events if not isinstance(event, Opaque)]


def recorded_target(exchange: dict[str, Any]) -> tuple[Target, dict[str, str]]:
    """Where a recorded request went, and the arguments of its path."""
    host, _, path = exchange["request"]["url"].removeprefix("https://bedrock-runtime.").partition("/model/")
    model, _, method = path.rpartition("/")
    return at_bedrock(unquote(model), host.partition(".")[0]), {"model": unquote(model), "method": method}
