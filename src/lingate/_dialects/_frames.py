# Answers of AWS services that arrive as event streams: frames -> events and errors, for whichever format is inside.

from __future__ import annotations

from typing import Any, Protocol

from lingate._dialects._answers import garbage
from lingate._dialects._base import Reader
from lingate._dialects._failure import body_failure
from lingate._dialects._replay import replay
from lingate._model import Event, Extra, Head, HttpRequest, JsonDict, Start, Target
from lingate._wire.eventstream import EventStreamDecoder, Frame
from lingate._wire.json import decode, encode
from lingate._wire.shapes import as_dict
from lingate.errors import LingateError, ProtocolError

TIER = "x-amzn-bedrock-service-tier"
"""Where InvokeModel tells which tier it answered on."""


class FramedStream(Protocol):
    # What is inside the frames, one event at a time.

    done: bool
    over: bool

    def read(self, name: str, payload: Any, out: list[Event]) -> None: ...

    def cut(self, out: list[Event]) -> None: ...

    def fail(self, error: LingateError, out: list[Event]) -> None: ...


class FrameDecoder:
    # Bytes of an event stream -> canonical events.

    # A host that answers a request for a stream with one JSON body is understood too.
    # `in_json`: whether payloads are JSON, else they are handed on as bytes.

    def __init__(
        self, sent: HttpRequest, head: Head, stream: FramedStream, whole: Reader, in_json: bool = True
    ) -> None:
        self._in_json = in_json
        self._sent, self._head = sent, head
        self._stream = stream
        self._whole = whole
        self._frames = EventStreamDecoder()
        self.done = False
        self._tier = head.headers.get(TIER)
        self._body: list[bytes] | None = [] if "json" in head.headers.get("content-type", "") else None

    def feed(self, data: bytes) -> list[Event]:
        out: list[Event] = []
        if self._stream.over:
            return out
        if self._body is not None:
            self._body.append(data)
            return out
        try:
            for frame in self._frames.feed(data):
                if not self._read(frame, out):
                    break
        except ValueError as error:
            self._stream.fail(garbage(self._sent.target, str(error)), out)
        if self._tier and out and isinstance(out[0], Start):
            out.insert(1, Extra({"service_tier": self._tier}))
            self._tier = None
        self.done = self._stream.done
        return out

    def finish(self) -> list[Event]:
        out: list[Event] = []
        if self._stream.over:
            return out
        try:
            if self._body:
                out += replay(*self._whole(self._sent, self._head, b"".join(self._body)))
                self._stream.done = self._stream.over = True
            else:
                self._frames.finish()
                self._stream.cut(out)
        except ValueError as error:
            self._stream.fail(garbage(self._sent.target, str(error)), out)
        except LingateError as error:
            self._stream.fail(error, out)
        self.done = self._stream.done
        return out

    def _read(self, frame: Frame, out: list[Event]) -> bool:
        # Take one frame, and say whether there is use for more.
        target = self._sent.target
        try:
            error = frame_error(frame, target)
            if error is None:
                payload = frame.payload
                if self._in_json:
                    payload = decode(payload) if payload else {}
                self._stream.read(frame.text(":event-type"), payload, out)
                return not self._stream.over
        except ValueError as flaw:
            error = garbage(target, str(flaw))
        self._stream.fail(error, out)
        return False


def frame_error(frame: Frame, target: Target) -> LingateError | None:
    # The error that a frame reports, None if it is an ordinary event.
    # Raises ValueError: it reports one in words that are not JSON.
    kind = frame.text(":message-type")
    if kind == "exception":
        told = decode(frame.payload) if frame.payload else {}
        value = {**as_dict(told), "__type": frame.text(":exception-type")}
    elif kind == "error":
        value = {"__type": frame.text(":error-code"), "message": frame.text(":error-message")}
    else:
        return None
    return body_failure(value, target) or ProtocolError(
        f"{target.provider}: an error without words", provider=target.provider, model=target.model
    )


def event_frame(name: str, payload: JsonDict) -> tuple[dict[str, str], bytes]:
    # Headers and payload of an event, as AWS writes them.
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return headers, encode(payload)


def exception_frame(name: str, message: str) -> tuple[dict[str, str], bytes]:
    # Headers and payload of an error in mid-stream, as AWS writes them.
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return headers, encode({"message": message})
