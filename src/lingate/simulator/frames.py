"""Events as bytes on the wire: told apart, edited and broken, for faults that no dialect's encoder would produce."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from lingate._wire import eventstream, json

Change: TypeAlias = Callable[[Any], Any]
"""Takes an event's JSON and returns what it becomes; None removes the event."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How a stream's content type cuts bytes into events.

    Attributes:
        split: Bytes of whole events to events.
        edit: An event with its JSON changed; empty if it was removed.
        broken: The event with its payload cut in the middle, still delimited as an event.
        comment: Bytes that mean nothing between events.
        lines: Whether events are text in lines.
    """

    split: Callable[[bytes], list[bytes]]
    edit: Callable[[bytes, Change], bytes]
    broken: Callable[[bytes], bytes]
    comment: bytes
    lines: bool = True


def framing_of(content_type: str) -> Framing:
    """The framing of a stream; bytes of an unknown kind count as one event and are not edited."""
    return _FRAMINGS.get(content_type.partition(";")[0].strip().lower(), _OPAQUE)


def _split_sse(data: bytes) -> list[bytes]:
    return [frame + b"\n\n" for frame in data.split(b"\n\n") if frame.strip()]


def _edit_sse(frame: bytes, change: Change) -> bytes:
    lines = frame.split(b"\n")
    for at, line in enumerate(lines):
        if line.startswith(b"data:"):
            changed = _edit_json(line[5:].strip(), change)
            if changed is None:
                return b""
            lines[at] = b"data: " + changed
    return b"\n".join(lines)


def _broken_sse(frame: bytes) -> bytes:
    lines = frame.rstrip(b"\n").split(b"\n")
    return b"\n".join(line[: max(6, len(line) // 2)] if line.startswith(b"data:") else line for line in lines) + b"\n\n"


def _split_lines(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in data.split(b"\n") if line.strip()]


def _edit_line(frame: bytes, change: Change) -> bytes:
    changed = _edit_json(frame.strip(), change)
    return b"" if changed is None else changed + b"\n"


def _edit_json(data: bytes, change: Change) -> bytes | None:
    try:
        value = json.decode(data)
    except ValueError:
        return data  # such as [DONE]
    changed = change(value)
    return None if changed is None else json.encode(changed)


def _split_frames(data: bytes) -> list[bytes]:
    frames = []
    while data:
        size = int.from_bytes(data[:4], "big")
        frames.append(data[:size])
        data = data[size:]
    return frames


def _edit_frame(frame: bytes, change: Change) -> bytes:
    """The JSON in AWS's frame: its payload, bytes in base64 inside of that, or events of a container's own stream."""
    (read,) = eventstream.EventStreamDecoder().feed(frame)
    if read.payload.startswith(b"data:"):
        payload: bytes | None = b"".join(_edit_sse(event, change) for event in _split_sse(read.payload))
    else:
        payload = _edit_json(read.payload, lambda value: _edit_chunk(value, change))
    return eventstream.encode(read.headers, payload) if payload else b""


def _edit_chunk(value: Any, change: Change) -> Any:
    if not isinstance(value, dict) or "bytes" not in value:
        return change(value)
    inner = _edit_json(b64decode(value["bytes"]), change)
    return None if inner is None else {**value, "bytes": b64encode(inner).decode()}


def _broken_frame(frame: bytes) -> bytes:
    (read,) = eventstream.EventStreamDecoder().feed(frame)
    return eventstream.encode(read.headers, read.payload[: len(read.payload) // 2])


_OPAQUE = Framing(
    split=lambda data: [data] if data else [],
    edit=lambda frame, change: frame,
    broken=lambda frame: frame[: len(frame) // 2],
    comment=b"",
)

_LINES = Framing(
    split=_split_lines, edit=_edit_line, broken=lambda frame: frame[: max(1, len(frame) // 2)] + b"\n", comment=b"\n"
)

_FRAMINGS = {
    "text/event-stream": Framing(split=_split_sse, edit=_edit_sse, broken=_broken_sse, comment=b": keep-alive\n\n"),
    "application/x-ndjson": _LINES,
    "application/stream+json": _LINES,
    eventstream.CONTENT_TYPE: Framing(_split_frames, _edit_frame, _broken_frame, comment=b"", lines=False),
}
