"""Targets, calls and stream runs for the tests of this format."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from lingate._dialects.openai_chat import DIALECT
from lingate._model import (
    Call,
    Event,
    Failed,
    Head,
    HttpRequest,
    JsonDict,
    ProviderRow,
    Target,
    Text,
    Thinking,
    ToolArgs,
)
from tests.dialects import short

CHAT: Any = DIALECT.operations["chat"]
SSE = Head(200, {"content-type": "text/event-stream"})
JSON = Head(200, {"content-type": "application/json"})
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
HELLO = [{"role": "user", "content": "hello"}]


def target(model: str = "m-1", traits: Any = None, edits: Any = (), **row: Any) -> Target:
    return Target(
        row=ProviderRow(name="acme", **row),
        model=model,
        url="https://api.acme.test/v1",
        headers={"authorization": "Bearer sk-secret-0001", "content-type": "application/json"},
        secrets=("sk-secret-0001",),
        traits=traits or {},
        edits=edits,
    )


def call(stream: bool = False, drop_params: bool = False, **body: Any) -> Call:
    return Call("chat", "m-1", {"messages": HELLO, **body}, stream=stream, drop_params=drop_params)


def wire(made: Call, to: Target | None = None) -> JsonDict:
    """The body that is sent."""
    body: JsonDict = json.loads(CHAT.request(made, to or target()).body)
    return body


def dropped(made: Call, to: Target | None = None) -> list[str]:
    return list(CHAT.request(made, to or target()).dropped)


def sent(to: Target | None = None, answer_tool: str | None = None, stream: bool = True) -> HttpRequest:
    request: HttpRequest = CHAT.request(call(stream=stream), to or target())
    request.answer_tool = answer_tool
    return request


def read(body: Any, to: Target | None = None, answer_tool: str | None = None) -> JsonDict:
    """The canonical response of a body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    canonical: JsonDict
    canonical, raw = CHAT.response(sent(to, answer_tool, stream=False), JSON, data)
    assert raw == json.loads(data)
    return canonical


def answer(message: Any = None, finish_reason: Any = "stop", **fields: Any) -> JsonDict:
    """A body as providers send it."""
    message = {"role": "assistant", "content": "hi"} if message is None else message
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1-2026",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        **fields,
    }


def chunk(delta: Any = None, finish_reason: Any = None, index: int = 0, **fields: Any) -> JsonDict:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m-1-2026",
        "choices": [{"index": index, "delta": {} if delta is None else delta, "finish_reason": finish_reason}],
        **fields,
    }


def tool(name: str | None = None, arguments: Any = None, **fields: Any) -> JsonDict:
    """A delta with one piece of a tool call."""
    function = {"name": name, "arguments": arguments}
    return {
        "tool_calls": [{**fields, "function": {key: value for key, value in function.items() if value is not None}}]
    }


def sse(*chunks: Any, done: bool = True) -> bytes:
    lines = [part if isinstance(part, str) else f"data: {json.dumps(part)}\n\n" for part in chunks]
    return "".join([*lines, "data: [DONE]\n\n"] if done else lines).encode()


def decode(data: bytes, to: Target | None = None, pieces: Iterable[bytes] | None = None, **facts: Any) -> list[Event]:
    """The events of a stream, in the pieces given or whole."""
    return short.fed(CHAT.decoder(sent(to, **facts), SSE), [data] if pieces is None else pieces)


def events_of(data: bytes, to: Target | None = None, seed: int = 0, **facts: Any) -> list[Event]:
    """The events of a stream, which must be the same whole, byte by byte and cut at random."""
    whole = decode(data, to, **facts)
    for pieces in (short.single_bytes(data), short.cut_at_random(data, seed)):
        assert comparable(decode(data, to, pieces, **facts)) == comparable(whole)
    return whole


def comparable(events: list[Event]) -> list[Any]:
    """Events with made-up ids levelled and errors as text."""
    return [str(event.error) if isinstance(event, Failed) else _levelled(event) for event in events]


def _levelled(event: Any) -> Any:
    made = getattr(event, "id", "")
    prefix = next(
        (start for start in ("call_", "chatcmpl-") if made.startswith(start) and len(made) == len(start) + 24), ""
    )
    return (
        type(event).__name__,
        *(prefix if prefix and name == "id" else getattr(event, name) for name in event.__slots__),
    )


def text_of(events: list[Event], kind: Any = Text, choice: int = 0) -> str:
    return "".join(event.text for event in events if type(event) is kind and event.choice == choice)


def thinking_of(events: list[Event]) -> str:
    return text_of(events, Thinking)


def arguments_of(events: list[Event], number: int = 0) -> str:
    return "".join(event.text for event in events if type(event) is ToolArgs and event.tool == number)


def only(events: list[Event], kind: Any) -> list[Any]:
    return [event for event in events if type(event) is kind]
