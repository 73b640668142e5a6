"""What the tests of this dialect share: targets, short forms of the operations, the recordings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

from lingate._dialects.anthropic import DIALECT
from lingate._model import Event, Head, Opaque, ProviderRow, Target, Traits
from tests.dialects import short

CHAT = DIALECT.operations["chat"]
COUNT = DIALECT.operations["count_tokens"]
MODELS = DIALECT.operations["models"]

JSON_HEAD = Head(200, {"content-type": "application/json", "date": "Tue, 14 Jul 2026 10:00:00 GMT"})
SSE_HEAD = Head(200, {"content-type": "text/event-stream; charset=utf-8", "date": "Tue, 14 Jul 2026 10:00:00 GMT"})

NEWEST: Traits = {"structured": "json_schema", "thinking": "adaptive", "late_system": "keep"}


def target(traits: Traits | None = None, **row: Any) -> Target:
    facts = {"name": "acme", "dialect": "anthropic", **row}
    return Target(
        row=ProviderRow(**facts),
        model="claude-test",
        url="https://api.acme.test",
        headers={"x-api-key": "secret"},
        traits=traits if traits is not None else {},
    )


_short = short.Short(CHAT, target, JSON_HEAD, SSE_HEAD)
call, send, wire, dropped = _short.call, _short.send, _short.wire, _short.dropped
read, decode = _short.read, _short.decode
sse = short.named_events
recorded = partial(short.recorded, "anthropic-messages", "vertex-anthropic")


def visible(events: Iterable[Event]) -> list[Event]:
    """What other formats see."""
    return [event for event in events if not isinstance(event, Opaque)]


def message(*blocks: dict[str, Any], stop_reason: str | None = "end_turn", **fields: Any) -> dict[str, Any]:
    """A whole answer as the API gives it."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test-1",
        "content": list(blocks),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
        **fields,
    }


def text(value: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **fields}


def streamed(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The events with which the API would stream this answer, one piece a delta."""
    begun = {**body, "content": [], "stop_reason": None, "usage": {**body["usage"], "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    for n, block in enumerate(body["content"]):
        start, deltas = _pieces(block)
        events.append({"type": "content_block_start", "index": n, "content_block": start})
        events += [{"type": "content_block_delta", "index": n, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": n})
    delta = {"stop_reason": body["stop_reason"], "stop_sequence": body["stop_sequence"]}
    if "stop_details" in body:
        delta["stop_details"] = body["stop_details"]
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": body["usage"]["output_tokens"]}})
    return [*events, {"type": "message_stop"}]


def _pieces(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    kind = block["type"]
    if kind == "text":
        cited = [{"type": "citations_delta", "citation": citation} for citation in block.get("citations") or ()]
        said = [{"type": "text_delta", "text": letter} for letter in block["text"]]
        return {**block, "text": "", **({"citations": []} if cited else {})}, [*cited, *said]
    if kind == "thinking":
        said = [{"type": "thinking_delta", "thinking": letter} for letter in block["thinking"]]
        signed = [{"type": "signature_delta", "signature": block["signature"]}] if block.get("signature") else []
        return {"type": "thinking", "thinking": "", "signature": ""}, [*said, *signed]
    if kind in ("tool_use", "server_tool_use"):
        whole = json.dumps(block["input"]) if block["input"] else ""
        cut = [whole[n : n + 3] for n in range(0, len(whole), 3)]
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *cut]]
    return block, []


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """A request body in one of its equal forms: turns merged, texts as blocks, values that hold anyway left out."""
    body = {key: value for key, value in body.items() if value is not None and (key, value) != ("stream", False)}
    messages: list[dict[str, Any]] = []
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
        if messages and messages[-1]["role"] == message["role"]:
            messages[-1]["content"] += blocks
        else:
            messages.append({"role": message["role"], "content": blocks})
    body["messages"] = messages
    if isinstance(
        body.get("system"), list
    ):  # Claude Code's note to Anthropic about itself, which only that address gets
        notes = [block for block in body["system"] if block.get("text", "").startswith("x-anthropic-billing-header")]
        body["system"] = [block for block in body["system"] if block not in notes]
    body["tools"] = [
        {key: value for key, value in tool.items() if (key, value) != ("type", "custom")}
        for tool in body.get("tools") or ()
    ]
    for name, unsaid in (("tools", []), ("system", []), ("system", ""), ("top_p", -1), ("top_k", -1)):
        if body.get(name) == unsaid:
            del body[name]
    return short.without_nulls(body)
