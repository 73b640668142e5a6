"""As a face: a stream as one JSON list, which is what `streamGenerateContent` answers without `alt=sse`."""

from __future__ import annotations

from lingate._dialects._base import StreamEncoder
from lingate._model import Event
from lingate.errors import LingateError

_DATA = b"data: "


class ListEncoder:
    """Writes the answers that another encoder puts into events as the items of a list, each as it comes.

    Args:
        inside: The encoder of events.
    """

    content_type = "application/json"

    def __init__(self, inside: StreamEncoder) -> None:
        self._inside = inside
        self._begun = False

    def event(self, event: Event) -> bytes:
        return self._items(self._inside.event(event))

    def end(self) -> bytes:
        return self._items(self._inside.end()) + b"]"

    def error(self, error: LingateError) -> bytes:
        return self._items(self._inside.error(error)) + b"]"

    def _items(self, events: bytes) -> bytes:
        items = [event.removeprefix(_DATA) for event in events.split(b"\n\n") if event]
        if not items:
            return b""
        before = b",\r\n" if self._begun else b"["
        self._begun = True
        return before + b",\r\n".join(items)
