"""What the tests of this dialect share: targets, short forms of the operations, hand-made answers, the recordings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

from lingate._dialects.ollama import DIALECT
from lingate._model import Event, Head, ProviderRow, Target, Traits
from tests.dialects import short

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


_short = short.Short(CHAT, target, JSON_HEAD, LINES_HEAD)
call, send, wire, dropped = _short.call, _short.send, _short.wire, _short.dropped
read, decode = _short.read, _short.decode
recorded = partial(short.recorded, "ollama")


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


def encode(events: Iterable[Event], form: Any = CHAT) -> bytes:
    encoder = form.encoder(call(stream=True))
    return b"".join(encoder.event(event) for event in events) + encoder.end()


def line_dicts(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def operation_of(exchange: dict[str, Any]) -> str:
    paths = {"chat": "chat", "generate": "completions", "embed": "embeddings", "embeddings": "embeddings"}
    return paths[exchange["request"]["url"].rpartition("/")[2]]
