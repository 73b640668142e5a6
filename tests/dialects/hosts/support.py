"""Targets from the table itself, and short forms of what is done with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx2

from lingate._dialects._base import OperationFormat
from lingate._dialects._format_choice import form_of
from lingate._model import Call, Event, Failed, Finish, Head, HttpRequest, JsonDict, Target, Text, Usage
from lingate._providers.lookup import resolve
from tests.dialects import short

JSON = Head(200, {"content-type": "application/json"})
SSE = Head(200, {"content-type": "text/event-stream"})
HELLO = [{"role": "user", "content": "hello"}]
KEY = "sk-canary-4711"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def place(model: str, env: Mapping[str, str] | None = None, **given: Any) -> Target:
    """Where the table sends this model."""
    return resolve(model, env=env or {}, **given)


def form(to: Target, operation: Any = "chat") -> OperationFormat:
    return form_of(to, operation)


def call(to: Target, *, operation: Any = "chat", stream: bool = False, drop: bool = False, **body: Any) -> Call:
    asked = body if operation != "chat" else {"messages": HELLO, **body}
    return Call(operation, to.model, asked, stream=stream, drop_params=drop)


def ask(to: Target, *, operation: Any = "chat", **facts: Any) -> HttpRequest:
    return form(to, operation).request(call(to, operation=operation, **facts), to)


def wire(to: Target, **facts: Any) -> JsonDict:
    body: JsonDict = json.loads(ask(to, **facts).body)
    return body


def read(to: Target, body: Any, head: Head = JSON, **facts: Any) -> JsonDict:
    """The canonical response of a body, which comes back untouched beside it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response, raw = form(to).response(ask(to, **facts), head, data)
    if not isinstance(body, bytes):
        assert raw == body or [raw] == body
    return response


def decode(to: Target, pieces: Iterable[bytes], head: Head = SSE, **facts: Any) -> list[Event]:
    return short.fed(form(to).decoder(ask(to, stream=True, **facts), head), pieces)


def events_of(to: Target, data: bytes, head: Head = SSE, **facts: Any) -> list[Event]:
    """The events of a stream, the same whole, byte by byte and cut at random."""
    whole = decode(to, [data], head, **facts)
    for pieces in (short.single_bytes(data), short.cut_at_random(data, len(data), 9)):
        assert comparable(decode(to, pieces, head, **facts)) == comparable(whole)
    return whole


def comparable(events: list[Event]) -> list[Any]:
    """Events without made-up ids, and errors as text."""
    return [
        str(event.error)
        if isinstance(event, Failed)
        else (type(event).__name__, *(getattr(event, name) for name in event.__slots__ if name != "id"))
        for event in events
    ]


def said(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def counted(events: Iterable[Event]) -> JsonDict | None:
    return next((event.usage for event in events if isinstance(event, Usage)), None)


def ended(events: list[Event]) -> str:
    last = [event for event in events if isinstance(event, Finish)]
    assert len(last) == 1
    return last[0].reason


def sse(*data: Any, done: bool = True, names: tuple[str, ...] = ()) -> bytes:
    """A stream of events: JSON, unless it is text."""
    out = ""
    for at, item in enumerate(data):
        name = f"event: {names[at]}\n" if at < len(names) and names[at] else ""
        lines = item if isinstance(item, str) else json.dumps(item)
        out += name + "".join(f"data: {line}\n" for line in lines.split("\n")) + "\n"
    return (out + ("data: [DONE]\n\n" if done else "")).encode()


class Recorder(httpx2.BaseTransport):
    """What a vendor's own client sends, when it is told that its key is wrong."""

    request: httpx2.Request

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.request = request
        return httpx2.Response(401, json={"error": {"message": "no"}})

    @property
    def body(self) -> Any:
        return json.loads(self.request.content)


def chat_answer(message: Any = None, reason: Any = "stop", **fields: Any) -> JsonDict:
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1",
        "choices": [
            {"index": 0, "message": message or {"role": "assistant", "content": "hi"}, "finish_reason": reason}
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        **fields,
    }


def chunk(delta: Any = None, reason: Any = None, **fields: Any) -> JsonDict:
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m-1",
        "choices": [{"index": 0, "delta": delta or {}, "finish_reason": reason}],
        **fields,
    }
