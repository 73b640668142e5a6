"""What the tests of this dialect share: targets, short forms of the operations, hand-made answers, the recordings."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from lingate._dialects.cohere import DIALECT
from lingate._model import Call, Event, Head, HttpRequest, ProviderRow, Target, Traits
from tests.dialects import short

CHAT = DIALECT.operations["chat"]
EMBED = DIALECT.operations["embeddings"]
RERANK = DIALECT.operations["rerank"]
MODELS = DIALECT.operations["models"]

JSON_HEAD = Head(200, {"content-type": "application/json", "date": "Tue, 14 Jul 2026 10:00:00 GMT"})
SSE_HEAD = Head(200, {"content-type": "text/event-stream", "date": "Tue, 14 Jul 2026 10:00:00 GMT"})
CREATED = 1784023200

TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "finds",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
    },
}
OTHER = {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}}


def target(traits: Traits | None = None, **row: Any) -> Target:
    facts = {"name": "acme", "dialect": "cohere", **row}
    return Target(
        row=ProviderRow(**facts),
        model="command-test",
        url="https://api.acme.test",
        headers={"authorization": "Bearer secret"},
        secrets=("secret",),
        traits=traits if traits is not None else {},
    )


_short = short.Short(CHAT, target, JSON_HEAD, SSE_HEAD)
call, send, wire, dropped = _short.call, _short.send, _short.wire, _short.dropped
read, decode = _short.read, _short.decode
sse = short.named_events
recorded = partial(short.recorded, "cohere-v2")


def message_of(body: Any, sent: HttpRequest | None = None) -> dict[str, Any]:
    made: dict[str, Any] = read(body, sent)["choices"][0]["message"]
    return made


def answer(*content: dict[str, Any], finish_reason: str = "COMPLETE", **fields: Any) -> dict[str, Any]:
    """A whole answer as the API gives it; `fields` are the message's."""
    message = {"role": "assistant", **({"content": list(content)} if content else {}), **fields}
    usage = {
        "billed_units": {"input_tokens": 4, "output_tokens": 3},
        "tokens": {"input_tokens": 70, "output_tokens": 5},
        "cached_tokens": 64,
    }
    return {"id": "id-1", "finish_reason": finish_reason, "message": message, "usage": usage}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def thought(value: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": value}


def tool_call(ident: str = "c1", name: str = "find", arguments: str = '{"q":"x"}') -> dict[str, Any]:
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}


def streamed(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The events with which the API would stream an answer, in small pieces."""
    message = body["message"]
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    events: list[dict[str, Any]] = [{"id": body["id"], "type": "message-start", "delta": {"message": empty}}]

    def told(kind: str, index: int | None = None, **inner: Any) -> None:
        place = {} if index is None else {"index": index}
        delta = {"delta": {"message": inner}} if inner else {}
        events.append({"type": kind, **place, **delta})

    for n, part in enumerate(message.get("content") or ()):
        kind = part["type"]
        told("content-start", n, content={"type": kind, kind: ""})
        for letter in part[kind]:
            told("content-delta", n, content={kind: letter})
        for m, citation in enumerate(message.get("citations") or ()):
            if citation.get("content_index", n) == n and (kind == "text" or citation["type"] != "TEXT_CONTENT"):
                told("citation-start", m, citations=citation)
                told("citation-end", m)
        told("content-end", n)
    for letter in message.get("tool_plan") or "":
        told("tool-plan-delta", tool_plan=letter)
    for n, made in enumerate(message.get("tool_calls") or ()):
        arguments = made["function"]["arguments"]
        told("tool-call-start", n, tool_calls={**made, "function": {**made["function"], "arguments": ""}})
        for at in range(0, len(arguments), 3):
            told("tool-call-delta", n, tool_calls={"function": {"arguments": arguments[at : at + 3]}})
        told("tool-call-end", n)
    events.append({"type": "message-end", "delta": {"finish_reason": body["finish_reason"], "usage": body["usage"]}})
    return events


def stream_bytes(body: dict[str, Any]) -> bytes:
    return sse(*streamed(body)) + b"data: [DONE]\n\n"


def encode(events: Iterable[Event], made: Call | None = None) -> bytes:
    encoder = CHAT.encoder(made or call(stream=True))
    return b"".join(encoder.event(event) for event in events) + encoder.end()


def operation_of(exchange: dict[str, Any]) -> str:
    paths = {"chat": "chat", "embed": "embeddings", "rerank": "rerank"}
    return paths[exchange["request"]["url"].rpartition("/")[2]]
