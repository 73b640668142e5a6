# Server-sent events, incrementally: https://html.spec.whatwg.org/multipage/server-sent-events.html.

# Bytes are scanned once. Comments, `id` and `retry` are skipped; an event without `data` is skipped too, as the
# standard says.

from __future__ import annotations

from typing import Any

from lingate._wire.json import encode as encode_json
from lingate._wire.json import is_json

MAX_EVENT_BYTES = 64 * 1024 * 1024
"""One event may hold an image; more than this is not an event but a fault (or an attack on memory)."""

_BOM = b"\xef\xbb\xbf"
# As numbers: for bytes in bytes Python tries a number first, which takes ten times as long.
_LF, _CR = b"\n\r"


SseEvent = tuple[str, bytes]
"""One event: its name, empty where the stream gave none, and its data, with the lines joined by a newline."""


class SseDecoder:
    # Cuts a byte stream into events, whatever the chunking.

    # Lines may end in LF, CRLF or CR. `feed` returns the events that are complete; `finish` returns what stands
    # unfinished at the end, which the standard says to discard but some servers rely on (no blank line after the last
    # event).

    __slots__ = ("_after_cr", "_head", "_tail", "_tail_size", "limit")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self.limit = limit
        self._tail: list[bytes] = []  # pieces of an unfinished event; joined once, when it ends
        self._tail_size = 0
        self._after_cr = False
        self._head: bytes | None = b""  # the first bytes, until they may be a byte-order mark; then None

    def feed(self, data: bytes) -> list[SseEvent]:
        # Take the next bytes.
        # Raises ValueError: One event is larger than the limit.
        if self._head is not None:
            data = self._head + data
            if len(data) < len(_BOM):
                self._head = data
                return []
            self._head = None
            data = data.removeprefix(_BOM)
        if self._after_cr or _CR in data:
            data = self._line_feeds(data)
        tail = self._tail
        if not tail and data[-2:] == b"\n\n":  # whole events, as most servers send them
            return _events(data)
        if not data:
            return []
        # The blank line that ends an event may lie across two pieces.
        straddles = 1 if tail and data[0] == tail[-1][-1] == _LF else 0
        end = data.rfind(b"\n\n") + 2
        if end < 2:
            end = straddles
        if not end:
            tail.append(data)
            self._tail_size += len(data)
            if self._tail_size > self.limit:
                raise ValueError(f"an SSE event is larger than {self.limit} bytes")
            return []
        block = data[:end]
        if tail:
            tail.append(block)
            block = b"".join(tail)
            tail.clear()
        if end < len(data):
            tail.append(data[end:])
        self._tail_size = len(data) - end
        return _events(block)

    def finish(self) -> list[SseEvent]:
        # The bytes have ended: the event that has no blank line after it, if there is one.
        rest = (self._head or b"") + b"".join(self._tail)
        self._tail.clear()
        self._tail_size = 0
        return _events(rest)

    def _line_feeds(self, data: bytes) -> bytes:
        # CRLF and CR as LF. A CR that ends a piece is taken at once, so an event never waits for the next piece.
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if _CR in data:
            self._after_cr = data[-1:] == b"\r"
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data


def _events(block: bytes) -> list[SseEvent]:
    # One event of one line, as live streams bring them.
    if block[:6] == b"data: " and block.find(b"\n") == len(block) - 2:
        return [("", block[6:-2])]
    events: list[SseEvent] = []
    add = events.append
    for piece in block.split(b"\n\n"):
        if piece[:6] == b"data: " and _LF not in piece:  # nearly every event of nearly every provider
            add(("", piece[6:]))
        elif piece:
            event = _parse(piece)
            if event is not None:
                if _LF in event[1]:
                    events += _apart(event)
                else:
                    add(event)
    return events


def _apart(event: SseEvent) -> list[SseEvent]:
    # The event, or those that some servers forget the blank lines between. An object cannot follow another in JSON.
    lines = event[1].split(b"\n")
    if all((line[:1] == b"{" and line[-1:] == b"}") or line == b"[DONE]" for line in lines):
        return [(event[0], line) for line in lines]
    return [event]


def _parse(piece: bytes) -> SseEvent | None:
    name = ""
    data: list[bytes] = []
    for line in piece.split(b"\n"):
        field, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
        elif field == b"error":  # no field of the standard's; llama.cpp has had errors in it
            name = "error"
            data.append(value)
    if data:
        return name, b"\n".join(data)
    # Google's streams that fail end with the error as bare JSON. A line of nothing but JSON means nothing else here.
    return (name, piece) if piece.lstrip()[:1] in (b"{", b"[") and is_json(piece) else None


def encode(data: bytes, name: str = "") -> bytes:
    # Write one event; `data` must not hold a newline (JSON on the wire never does).
    if name:
        return b"event: " + name.encode(errors="replace") + b"\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"


def encode_typed(value: dict[str, Any]) -> bytes:
    # Write a JSON object as an event of the name that its `type` gives.
    return encode(encode_json(value), str(value.get("type", "")))
