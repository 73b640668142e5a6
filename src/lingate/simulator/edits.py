# Faults as edits of the steps that send an answer: generators over the steps they are given, named in `faults.FAULTS`.

# Faults that count events see a body that is no stream as two events of half its size. Events on the wire are told apart, edited
# and broken here as no dialect's encoder would do it.

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from itertools import chain
from typing import Any

from lingate._model import Fixed, replaced
from lingate._wire import eventstream, json
from lingate.errors import BadRequestError, InternalServerError, LingateError, OverloadedError
from lingate.simulator.prompt import holds, without
from lingate.simulator.steps import Begin, Send, Step, Steps, Wait

Change = Callable[[Any], Any]
"""Takes an event's JSON and returns what it becomes; None removes the event."""


class Framing(Fixed, frozen=True):
    # How a stream's content type cuts bytes into events.

    split: Callable[[bytes], list[bytes]]
    """Bytes of whole events to events."""
    edit: Callable[[bytes, Change], bytes]
    """An event with its JSON changed; empty if it was removed."""
    broken: Callable[[bytes], bytes]
    """The event with its payload cut in the middle, still delimited as an event."""
    comment: bytes
    """Bytes that mean nothing between events."""
    lines: bool = True
    """Whether events are text in lines."""


def framing_of(content_type: str) -> Framing:
    # The framing of a stream; bytes of an unknown kind count as one event and are not edited.
    return _FRAMINGS.get(content_type.partition(";")[0].strip().lower(), _OPAQUE)


def _split(end: bytes) -> Callable[[bytes], list[bytes]]:
    return lambda data: [frame + end for frame in data.split(end) if frame.strip()]


_split_sse = _split(b"\n\n")


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
    # The JSON in AWS's frame: its payload, bytes in base64 inside of that, or events of a container's own stream.
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
    split=_split(b"\n"), edit=_edit_line, broken=lambda frame: frame[: max(1, len(frame) // 2)] + b"\n", comment=b"\n"
)

_FRAMINGS = {
    "text/event-stream": Framing(_split_sse, _edit_sse, _broken_sse, comment=b": keep-alive\n\n"),
    "application/x-ndjson": _LINES,
    "application/stream+json": _LINES,
    eventstream.CONTENT_TYPE: Framing(_split_frames, _edit_frame, _broken_frame, comment=b"", lines=False),
}


_FINISH_KEYS = frozenset({"finish_reason", "stop_reason", "finishReason", "stopReason", "done_reason"})
_USAGE_KEYS = frozenset({"usage", "usageMetadata", "prompt_eval_count", "eval_count", "prompt_eval_cached_count"})


class Scene(Fixed, frozen=True):
    # What a fault may look at: the model as the client wrote it, and the credential it sent.
    #
    # `failure` writes an error as the dialect does inside a success: a stream event, or a body.

    model: str
    key: str
    stream: bool
    framing: Framing
    failure: Callable[[LingateError], bytes]


EditSteps = Callable[[Steps, Scene, float], Steps]
"""Steps, the scene, the fault's argument; gives the steps that are performed instead."""


def instead(step: Step) -> EditSteps:
    return lambda steps, scene, arg: iter([step])


def slow_head(steps: Steps, scene: Scene, arg: float) -> Steps:
    return chain([Wait(arg / 1000)], steps)


def slow_first(steps: Steps, scene: Scene, arg: float) -> Steps:
    for step in steps:
        yield step
        if isinstance(step, Begin):
            yield Wait(arg / 1000)


def empty_body(steps: Steps, scene: Scene, arg: float) -> Steps:
    return _body(steps, b"")


def html(steps: Steps, scene: Scene, arg: float) -> Steps:
    if not 200 <= arg < 600:
        raise BadRequestError(f"html needs a status from 200 to 599, got {arg:g}")
    page = f"<!DOCTYPE html><html><head><title>{arg:.0f}</title></head><body><h1>Error {arg:.0f}</h1></body></html>"
    begin = Begin(int(arg), [("content-type", "text/html; charset=utf-8")], len(page))
    return iter([begin, Send(page.encode(), event=False, billed=False)])


def error_in_200(steps: Steps, scene: Scene, arg: float) -> Steps:
    return _body(steps, scene.failure(InternalServerError("The model failed to answer")))


def _body(steps: Steps, body: bytes) -> Steps:
    # The same head over another body.
    for step in steps:
        if isinstance(step, Begin):
            yield replaced(step, length=len(body))
            if body:
                yield Send(body, billed=False)
            return
        yield step


def ending(*tail: Step) -> EditSteps:
    # After N events, what is in `tail` instead of the rest.
    # A body that is no stream counts as two events.

    def edit(steps: Steps, scene: Scene, arg: float) -> Steps:
        yield from _first_events(steps, scene, int(arg))
        yield from tail

    return edit


def eof(steps: Steps, scene: Scene, arg: float) -> Steps:
    # Without a length the body may end anywhere, and HTTP has nothing to say against it.
    for step in _first_events(steps, scene, int(arg)):
        yield replaced(step, length=None) if isinstance(step, Begin) else step


def error_event(steps: Steps, scene: Scene, arg: float) -> Steps:
    failure = scene.failure(OverloadedError("Overloaded"))
    if not scene.stream:
        return _body(steps, failure)
    return chain(_first_events(steps, scene, int(arg)), [Send(failure, billed=False)])


def _first_events(steps: Steps, scene: Scene, count: int) -> Steps:
    sent = 0
    count = count if scene.stream else min(count, 1)
    for step in steps if scene.stream else _halved(steps):
        if isinstance(step, Send) and sent >= count:
            return
        yield step
        if isinstance(step, Send) and step.event:
            sent += 1
        if isinstance(step, Begin) and not count:
            return


def _halved(steps: Steps) -> Steps:
    for step in steps:
        if isinstance(step, Send):
            middle = len(step.data) // 2
            yield Send(step.data[:middle])
            yield replaced(step, data=step.data[middle:])
        else:
            yield step


def malformed(steps: Steps, scene: Scene, arg: float) -> Steps:
    seen = 0
    for step in steps:
        if isinstance(step, Begin) and step.length is not None and not scene.stream:
            step = replaced(step, length=step.length // 2)
        elif isinstance(step, Send) and not scene.stream:
            step = replaced(step, data=step.data[: len(step.data) // 2], tokens=0)
        elif isinstance(step, Send) and step.event:
            if seen == int(arg):
                step = replaced(step, data=scene.framing.broken(step.data))
            seen += 1
        yield step


def _edited(change: Change) -> EditSteps:
    # Each event's JSON, or the body's, changed; None removes the event.
    def edit(steps: Steps, scene: Scene, arg: float) -> Steps:
        for step in steps if scene.stream else _measured(steps, change):
            if scene.stream and isinstance(step, Send):
                step = replaced(step, data=scene.framing.edit(step.data, change))
            if not isinstance(step, Send) or step.data:
                yield step

    return edit


def _measured(steps: Steps, change: Change) -> Steps:
    # A whole body changed, with its length.
    held = list(steps)
    for step in held:
        if isinstance(step, Send):
            step.data = _edit_json(step.data, change) or b""
    size = sum(len(step.data) for step in held if isinstance(step, Send))
    for step in held:
        yield replaced(step, length=size) if isinstance(step, Begin) else step


def _without_usage(value: Any) -> Any:
    # The same without token counts, at any depth; None for an event that held nothing else.
    emptied = isinstance(value, dict) and value.get("choices") == [] and "usage" in value
    return None if emptied else without(value, _USAGE_KEYS)


def _without_tool_index(value: Any) -> Any:
    for choice in value.get("choices") or () if isinstance(value, dict) else ():
        for call in (choice.get("delta") or {}).get("tool_calls") or ():
            call.pop("index", None)
    return value


def no_terminal(steps: Steps, scene: Scene, arg: float) -> Steps:
    return (step for step in steps if not (isinstance(step, Send) and step.terminal))


def _repeated_finish(piece: Send, framing: Framing) -> list[Send]:
    finishes: list[bool] = []

    def look(value: Any) -> Any:
        finishes.append(holds(value, _FINISH_KEYS))
        return value

    framing.edit(piece.data, look)
    return [piece, replaced(piece, tokens=0)] if any(finishes) else [piece]


def empty_choices(steps: Steps, scene: Scene, arg: float) -> Steps:
    # Before the first event and before the terminal one, one whose list of choices is empty.

    def emptied(value: Any) -> Any:
        return {**value, "choices": []} if isinstance(value, dict) and "choices" in value else None

    previous: bytes | None = None
    for step in steps:
        if isinstance(step, Send) and scene.stream:
            if previous is None or step.terminal:
                data = scene.framing.edit(previous or step.data, emptied)
                if data:
                    yield Send(data)
            previous = step.data
        yield step


def _in_streams(change: Callable[[Send, Framing], list[Send]]) -> EditSteps:
    # What is sent in the place of each piece of a stream.
    def edit(steps: Steps, scene: Scene, arg: float) -> Steps:
        for step in steps:
            yield from change(step, scene.framing) if scene.stream and isinstance(step, Send) else [step]

    return edit


def drip(steps: Steps, scene: Scene, arg: float) -> Steps:
    for step in steps:
        if isinstance(step, Send):
            for byte in step.data[:-1]:
                yield Send(bytes([byte]), event=False)
            step = replaced(step, data=step.data[-1:])
        yield step


no_usage = _edited(_without_usage)
no_finish = _edited(lambda value: without(value, _FINISH_KEYS, nulled=True))
no_tool_index = _edited(_without_tool_index)
comments = _in_streams(
    lambda piece, framing: [Send(framing.comment, event=False, billed=False), piece] if framing.comment else [piece]
)
crlf = _in_streams(
    lambda piece, framing: [replaced(piece, data=piece.data.replace(b"\n", b"\r\n")) if framing.lines else piece]
)
duplicate_finish = _in_streams(_repeated_finish)
