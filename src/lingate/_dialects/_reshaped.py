# OpenAI's chat format where each answer has to be put into its shape first: an envelope taken off, a field renamed.

# What is handed on as `raw` is always what the upstream sent.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lingate._dialects._adapted import Move, Rehosted
from lingate._dialects._answers import malformed, read_object
from lingate._dialects._base import OperationFormat, StreamDecoder
from lingate._dialects.openai_chat.response import canonical_response
from lingate._model import Event, Failed, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import decode, encode
from lingate._wire.sse import SseDecoder, SseEvent

Rewrite = Callable[[JsonDict], JsonDict]
"""A body, or the data of a stream event, in OpenAI's shape. Its argument is not changed, and may hold anything."""


class Reshaped(Rehosted):
    # A chat operation whose answers are rewritten before the format inside reads them.

    def __init__(self, inside: OperationFormat, move: Move, rewrite: Rewrite) -> None:
        super().__init__(inside, move)

        def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
            raw = read_object(sent, head, body)
            return canonical_response(rewrite(raw), sent), raw

        self.response = response
        self.decoder = lambda sent, head: _Decoder(inside.decoder(sent, head), rewrite, sent.target)


class _Decoder:
    # Rewrites the events of a stream one by one for the decoder inside.

    def __init__(self, inside: StreamDecoder, rewrite: Rewrite, target: Target) -> None:
        self._inside = inside
        self._rewrite = rewrite
        self._target = target
        self._sse = SseDecoder()
        self._body: list[bytes] | None = []  # None once it is clear that this is a stream and not one JSON body
        self._over = False
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        if self._body is not None:
            if not self._body:
                data = data.lstrip(b"\xef\xbb\xbf \t\r\n")
                if not data:
                    return []
            if self._body or data[0] in b"{[":
                self._body.append(data)
                return []
            self._body = None
        try:
            events = self._read(self._sse.feed(data))
        except ValueError as error:
            self._over = True
            return [Failed(malformed(self._target, str(error)))]
        self.done = self._inside.done
        return events

    def finish(self) -> list[Event]:
        if self._over:
            return []
        self._over = True
        if self._body:
            events = self._whole(b"".join(self._body))
        else:
            events = self._read(self._sse.finish(), last=True) + self._inside.finish()
        self.done = self._inside.done
        return events

    def _whole(self, body: bytes) -> list[Event]:
        value = _decoded(body)
        if isinstance(value, dict):
            body = encode(self._rewrite(value))
        return _with_raw(self._inside.feed(body) + self._inside.finish(), value)

    def _read(self, frames: list[SseEvent], last: bool = False) -> list[Event]:
        events: list[Event] = []
        for name, data in frames:
            value = _decoded(data)
            if isinstance(value, dict):
                told = b"event: " + name.encode() + b"\n" if name else b""
                piece = told + b"data: " + encode(self._rewrite(value)) + b"\n\n"
                events += _with_raw(self._inside.feed(piece), value)
            elif not last or data.strip() == b"[DONE]":
                # Not an answer: the end, or rubbish. Half an event at the end of a stream that was cut does not count.
                events += self._inside.feed(b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n")
        return events


def _decoded(data: bytes) -> Any:
    try:
        return decode(data)
    except ValueError:
        return None


def _with_raw(events: list[Event], raw: Any) -> list[Event]:
    for event in events:
        if not isinstance(event, Failed) and event.raw is not None:
            event.raw = raw
    return events
