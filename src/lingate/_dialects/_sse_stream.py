# Streamed answers: how they end when they do not end well, whatever their events look like.

# Those that arrive as server-sent events of JSON: bytes -> canonical events, for whichever format is inside.

from __future__ import annotations

from typing import Any, Protocol

from lingate._dialects._answers import garbage, interrupted
from lingate._dialects._base import Reader
from lingate._dialects._replay import replay
from lingate._model import Event, Failed, Head, HttpRequest, JsonDict, Text
from lingate._wire.json import decode
from lingate._wire.sse import SseDecoder, SseEvent
from lingate.errors import LingateError


class Speaker:
    # Whoever streams the text of an answer, which may be structured.

    # Text beside a structured answer is not part of it, but whether an answer comes is known only at the end.

    __slots__ = ("_answered", "_held")

    def __init__(self, answer_tool: str | None) -> None:
        self._held: list[str] | None = [] if answer_tool else None
        self._answered = False

    def _tell(self, said: Text, out: list[Event]) -> None:
        if self._held is None:
            out.append(said)
        else:
            self._held.append(said.text)

    def _tell_held(self, raw: JsonDict | None, out: list[Event], choice: int = 0) -> None:
        held = "".join(self._held or ())
        if held and not self._answered:
            out.append(Text(held, choice, raw))


class StreamedAnswer(Speaker):
    __slots__ = ("_sent", "done", "over")

    def __init__(self, sent: HttpRequest) -> None:
        super().__init__(sent.answer_tool)
        self._sent = sent
        self.done = False
        """The stream's own terminal event has been seen."""
        self.over = False
        """Nothing more will come: done, or failed."""

    def cut(self, out: list[Event]) -> None:
        # The bytes have ended, which is too early unless the answer is over.
        if not self.over:
            self.fail(interrupted(self._sent.target), out)

    def fail(self, error: LingateError, out: list[Event]) -> None:
        self.over = True
        out.append(Failed(error))

    def _broken(self, why: str, out: list[Event]) -> None:
        self.fail(garbage(self._sent.target, why), out)


_ERROR = "error"
_IGNORED = (b"[DONE]", b"")
"""Data of events that are of no such format, but that some hosts add: at the end, and while nothing comes."""


class SseStream(Protocol):
    # What is inside the events, one at a time.

    done: bool
    over: bool

    def read(self, raw: Any, out: list[Event]) -> None: ...

    def cut(self, out: list[Event]) -> None: ...

    def fail(self, error: LingateError, out: list[Event]) -> None: ...


class SseStreamDecoder:
    # Bytes of server-sent events -> canonical events.

    # A host that answers a request for a stream with one JSON body, an error or a whole message, is understood too.

    __slots__ = ("_begun", "_body", "_head", "_sent", "_sse", "_stream", "_whole", "done")

    def __init__(self, sent: HttpRequest, head: Head, stream: SseStream, whole: Reader) -> None:
        self._sent, self._head = sent, head
        self._stream = stream
        self._whole = whole
        self._sse = SseDecoder()
        self._begun: bytes | None = b""  # what has come before the first character that tells; None once it is there
        self._body: list[bytes] | None = None
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        out: list[Event] = []
        if self._stream.over:
            return out
        if self._begun is not None:
            data = self._sniff(self._begun + data)
        if self._body is not None:
            self._body.append(data)
            return out
        try:
            records = self._sse.feed(data)
        except ValueError as error:
            self._stream.fail(garbage(self._sent.target, str(error)), out)
            return out
        if records:
            self._read(records, out)
        return out

    def _sniff(self, data: bytes) -> bytes:
        # No line of events begins as JSON does, whatever the content type says.
        start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        self._begun = None if start else data
        if not start:
            return b""
        if start in b"{[":
            self._body = []
        return data

    def finish(self) -> list[Event]:
        out: list[Event] = []
        if self._stream.over:
            return out
        if self._body:
            self._read_whole(b"".join(self._body), out)
            return out
        self._read(self._sse.finish(), out, last=True)
        self._stream.cut(out)
        self.done = self._stream.done
        return out

    def _read(self, records: list[SseEvent], out: list[Event], last: bool = False) -> None:
        stream = self._stream
        for name, data in records:
            try:
                raw = decode(data)
            except ValueError as error:
                if data.strip() in _IGNORED:
                    continue
                if last:  # half an event: the stream was cut
                    return
                if name != _ERROR:
                    stream.fail(garbage(self._sent.target, f"a stream event is {error}"), out)
                    return
                raw = data.decode("utf-8", "replace")
            if isinstance(raw, list) and len(raw) == 1:
                raw = raw[0]  # as Google's servers wrap errors, which stand before other formats too
            if name == _ERROR and not (isinstance(raw, dict) and raw.get("type")):
                raw = {"type": _ERROR, "error": raw}  # proxies know the event's name, but not what is in it
            stream.read(raw, out)
            if stream.over:
                self.done = stream.done
                return

    def _read_whole(self, body: bytes, out: list[Event]) -> None:
        try:
            out += replay(*self._whole(self._sent, self._head, body))
        except LingateError as error:
            self._stream.fail(error, out)
            return
        self.done = self._stream.done = self._stream.over = True
