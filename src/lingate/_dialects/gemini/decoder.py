"""From the upstream: the bytes of a stream as canonical events."""

from __future__ import annotations

from lingate._dialects._failure import garbage
from lingate._dialects.gemini.stream import AnswerStream
from lingate._model import Event, Head, HttpRequest
from lingate._wire.json import decode
from lingate._wire.jsonarray import JsonArrayDecoder
from lingate._wire.sse import SseDecoder


class Decoder:
    """SSE of `streamGenerateContent` -> canonical events.

    Without `alt=sse` the stream is one JSON array, and some hosts answer with one object: the first character tells.
    """

    __slots__ = ("_array", "_head", "_sent", "_sse", "_stream", "_unknown", "done")

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        self.done = False
        self._sent = sent
        self._head = head
        self._stream = AnswerStream(sent, head)
        self._sse = SseDecoder()
        self._array: JsonArrayDecoder | None = None
        self._unknown: bytes | None = b""  # what has come before the first character that tells; None once it is there

    def feed(self, data: bytes) -> list[Event]:
        out: list[Event] = []
        if not self._stream.over:
            if self._unknown is not None:
                data = self._sniff(data)
            try:
                self._read(self._frames(data), out)
            except ValueError as error:
                self._stream.fail(garbage(self._sent.target, str(error)), out)
        return out

    def finish(self) -> list[Event]:
        out: list[Event] = []
        if self._stream.over:
            return out
        if self._array is None:
            # An event cut in the middle does not count; whether the answer is whole is decided by what came before.
            for _, data in self._sse.finish():
                if _is_json(data):
                    self._read([data], out)
        self._stream.cut(out)
        self.done = self._stream.done
        return out

    def _sniff(self, data: bytes) -> bytes:
        data = (self._unknown or b"") + data
        start = data.lstrip(b"\xef\xbb\xbf \t\r\n")
        if not start:
            self._unknown = data
            return b""
        self._unknown = None
        if start[:1] in b"{[":
            self._array = JsonArrayDecoder()
        return data

    def _frames(self, data: bytes) -> list[bytes]:
        if self._array is not None:
            return self._array.feed(data)
        return [frame[1] for frame in self._sse.feed(data)] if data else []

    def _read(self, frames: list[bytes], out: list[Event]) -> None:
        stream = self._stream
        for data in frames:
            try:
                raw = decode(data)
            except ValueError as error:
                if data.strip() in (b"", b"[DONE]"):
                    continue  # not of this format, but some hosts add it
                stream.fail(garbage(self._sent.target, str(error)), out)
                return
            stream.read(raw, out)
            if stream.over:
                return


def _is_json(data: bytes) -> bool:
    try:
        decode(data)
    except ValueError:
        return False
    return True
