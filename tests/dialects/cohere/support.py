"""What the tests of this dialect share: targets, short forms of the operations, hand-made answers, the recordings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from lingate._call.collect import Collector
from lingate._dialects.cohere import DIALECT
from lingate._model import Call, Event, Failed, Head, HttpRequest, ProviderRow, Target, Traits
from tests.conftest import RECORDINGS

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


def call(stream: bool = False, drop_params: bool = False, **body: Any) -> Call:
    return Call("chat", "command-test", {"messages": [{"role": "user", "content": "hi"}], **body}, stream, drop_params)


def send(made: Call, to: Target | None = None) -> tuple[dict[str, Any], HttpRequest]:
    """The wire body of a call, decoded, and the request it is in."""
    sent = CHAT.request(made, to or target())
    return json.loads(sent.body), sent


def wire(traits: Traits | None = None, drop_params: bool = False, **body: Any) -> dict[str, Any]:
    return send(call(drop_params=drop_params, **body), target(traits))[0]


def dropped(traits: Traits | None = None, drop_params: bool = False, **body: Any) -> list[str]:
    return send(call(drop_params=drop_params, **body), target(traits))[1].dropped


def read(body: Any, sent: HttpRequest | None = None) -> dict[str, Any]:
    """A whole answer in canonical form."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CHAT.response(sent or send(call())[1], JSON_HEAD, data)[0]


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


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def stream_bytes(body: dict[str, Any]) -> bytes:
    return sse(*streamed(body)) + b"data: [DONE]\n\n"


def decode(chunks: Iterable[bytes], sent: HttpRequest | None = None, head: Head = SSE_HEAD) -> list[Event]:
    decoder = CHAT.decoder(sent or send(call(stream=True))[1], head)
    events: list[Event] = []
    for chunk in chunks:
        events += decoder.feed(chunk)
    events += decoder.finish()
    assert decoder.feed(b"data: x\n\n") == decoder.finish() == []
    return events


def collect(events: Iterable[Event]) -> dict[str, Any]:
    collector = Collector()
    for event in events:
        assert not isinstance(event, Failed), event
        collector.add(event)
    return collector.response()


def failed(events: list[Event]) -> Any:
    """The error that a stream ended with."""
    last = events[-1]
    assert isinstance(last, Failed), last
    assert not any(isinstance(event, Failed) for event in events[:-1])
    return last.error


def encode(events: Iterable[Event], made: Call | None = None) -> bytes:
    encoder = CHAT.encoder(made or call(stream=True))
    return b"".join(encoder.event(event) for event in events) + encoder.end()


@lru_cache
def recorded() -> list[dict[str, Any]]:
    """All recorded exchanges of this format; empty where the recordings are absent."""
    path = RECORDINGS / "cohere-v2.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def operation_of(exchange: dict[str, Any]) -> str:
    paths = {"chat": "chat", "embed": "embeddings", "rerank": "rerank"}
    return paths[exchange["request"]["url"].rpartition("/")[2]]


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value
