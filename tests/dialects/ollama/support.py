"""What the tests of this dialect share: targets, short forms of the operations, hand-made answers, the recordings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from lingate._call.collect import Collector
from lingate._dialects.ollama import DIALECT
from lingate._model import Call, Event, Failed, Head, HttpRequest, ProviderRow, Target, Traits
from tests.conftest import RECORDINGS

CHAT = DIALECT.operations["chat"]
GENERATE = DIALECT.operations["completions"]
EMBED = DIALECT.operations["embeddings"]
MODELS = DIALECT.operations["models"]

JSON_HEAD = Head(200, {"content-type": "application/json; charset=utf-8"})
LINES_HEAD = Head(200, {"content-type": "application/x-ndjson"})
AT = "2025-08-20T13:48:21.068526123Z"
CREATED = 1755697701

TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "finds",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
    },
}
PNG = "iVBORw0KGgo="
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
METRICS = {"total_duration": 9, "load_duration": 8, "prompt_eval_duration": 7, "eval_duration": 6}


def target(traits: Traits | None = None, **row: Any) -> Target:
    facts = {"name": "acme", "dialect": "ollama", **row}
    return Target(
        row=ProviderRow(**facts),
        model="llama-test",
        url="http://127.0.0.1:11434",
        headers={"authorization": "Bearer secret"},
        secrets=("secret",),
        traits=traits if traits is not None else {},
    )


def call(stream: bool = False, drop_params: bool = False, **body: Any) -> Call:
    return Call("chat", "llama-test", {"messages": [{"role": "user", "content": "hi"}], **body}, stream, drop_params)


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


def answer(content: str = "", done_reason: str | None = "stop", calls: Any = None, **message: Any) -> dict[str, Any]:
    """A whole answer as a server gives it."""
    told = {"role": "assistant", "content": content, **message, **({"tool_calls": calls} if calls else {})}
    counts = {"prompt_eval_count": 20, "eval_count": 5}
    reason = {} if done_reason is None else {"done_reason": done_reason}
    return {"model": "llama-1", "created_at": AT, "message": told, "done": True, **reason, **METRICS, **counts}


def tool_call(name: str = "find", arguments: Any = None, **fields: Any) -> dict[str, Any]:
    return {**fields, "function": {"name": name, "arguments": {"q": "x"} if arguments is None else arguments}}


def streamed(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines with which a server would stream an answer, in small pieces."""
    base = {"model": body["model"], "created_at": body["created_at"]}
    message = dict(body["message"])
    content, thinking, calls = message.pop("content"), message.pop("thinking", ""), message.pop("tool_calls", None)
    lines = [{"thinking": letter, "content": ""} for letter in thinking]
    lines += [{"content": letter} for letter in content]
    lines += [{"content": "", "tool_calls": [one]} for one in calls or ()]
    told = [{**base, "message": {"role": "assistant", **line}, "done": False} for line in lines]
    last = {name: value for name, value in body.items() if name not in ("model", "created_at", "message")}
    return [*told, {**base, "message": {**message, "content": ""}, **last}]


def lines(*items: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def decode(chunks: Iterable[bytes], sent: HttpRequest | None = None, head: Head = LINES_HEAD) -> list[Event]:
    decoder = CHAT.decoder(sent or send(call(stream=True))[1], head)
    events: list[Event] = []
    for chunk in chunks:
        events += decoder.feed(chunk)
    events += decoder.finish()
    assert decoder.feed(b"{}\n") == decoder.finish() == []
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


def encode(events: Iterable[Event], form: Any = CHAT) -> bytes:
    encoder = form.encoder(call(stream=True))
    return b"".join(encoder.event(event) for event in events) + encoder.end()


def line_dicts(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


@lru_cache
def recorded() -> list[dict[str, Any]]:
    """All recorded exchanges of this format; empty where the recordings are absent."""
    path = RECORDINGS / "ollama.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def operation_of(exchange: dict[str, Any]) -> str:
    paths = {"chat": "chat", "generate": "completions", "embed": "embeddings", "embeddings": "embeddings"}
    return paths[exchange["request"]["url"].rpartition("/")[2]]


def body_bytes(exchange: dict[str, Any]) -> bytes:
    body = exchange["response"]["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
