"""Cohere's chat, version 2: a plan, content by index, calls by index, citations, and the end with the counts."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fidelity.providers._pieces import SSE, halves, sse
from tests.fidelity.talk import JsonDict


def stream(body: JsonDict) -> tuple[bytes, str]:
    last = {"finish_reason": body["finish_reason"], "usage": body["usage"]}
    begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    return sse(
        {"type": "message-start", "id": body["id"], "delta": {"message": begun}},
        *_events(body["message"]),
        {"type": "message-end", "delta": last},
        named=True,
    ), SSE


def _events(message: JsonDict) -> Iterator[JsonDict]:
    for piece in halves(message.get("tool_plan") or ""):
        yield _event("tool-plan-delta", {"tool_plan": piece})
    content = message.get("content") or ()
    for index, part in enumerate(content):
        kind = part["type"]
        yield _event("content-start", {"content": {"type": kind, kind: ""}}, index)
        for piece in halves(part[kind]):
            yield _event("content-delta", {"content": {kind: piece}}, index)
        yield {"type": "content-end", "index": index}
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        yield _event("tool-call-start", {"tool_calls": {**call, "function": {**function, "arguments": ""}}}, index)
        for piece in halves(function["arguments"]):
            yield _event("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}}, index)
        yield {"type": "tool-call-end", "index": index}
    for index, citation in enumerate(message.get("citations") or ()):
        yield _event("citation-start", {"citations": citation}, index)
        yield {"type": "citation-end", "index": index}


def _event(kind: str, message: JsonDict, index: int | None = None) -> JsonDict:
    event: JsonDict = {"type": kind, "delta": {"message": message}}
    return event if index is None else {**event, "index": index}
