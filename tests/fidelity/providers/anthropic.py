"""Anthropic's Messages: one content block after the other, each begun, told in deltas, and ended."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.fidelity.providers._pieces import SSE, halves, sse
from tests.fidelity.talk import JsonDict


def stream(body: JsonDict) -> tuple[bytes, str]:
    usage = body["usage"]
    begun = {**body, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    ended = {name: body[name] for name in ("stop_reason", "stop_sequence")}
    events: list[JsonDict] = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(body["content"]):
        start, *deltas = _pieces(block)
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": ended, "usage": usage})
    return sse(*events, {"type": "message_stop"}, named=True), SSE


def _pieces(block: JsonDict) -> Iterator[JsonDict]:
    kind = block["type"]
    if kind == "thinking":
        yield {**block, "thinking": "", "signature": ""}
        yield from ({"type": "thinking_delta", "thinking": piece} for piece in halves(block["thinking"]))
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif kind == "text":
        cited = block.get("citations")
        yield {**block, "text": "", **({"citations": []} if cited else {})}
        yield from ({"type": "citations_delta", "citation": citation} for citation in cited or ())
        yield from ({"type": "text_delta", "text": piece} for piece in halves(block["text"]))
    elif kind in ("tool_use", "server_tool_use"):
        yield {**block, "input": {}}
        told = json.dumps(block["input"])
        yield from ({"type": "input_json_delta", "partial_json": piece} for piece in ("", *halves(told)))
    else:
        yield block
