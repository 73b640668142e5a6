# What the encoders of faces have in common: who takes which event, and what waits for the end of the answer.

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from lingate._dialects._draft import native_fields
from lingate._dialects._round_trip import Packer
from lingate._dialects._tool_arguments import is_whole
from lingate._model import (
    Annotations,
    Call,
    Event,
    Extra,
    Finish,
    JsonDict,
    Media,
    Opaque,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)

TAKERS = {
    Start: "_begin",
    Text: "_on_text",
    Refusal: "_on_refusal",
    Thinking: "_on_thinking",
    ToolStart: "_on_tool",
    ToolArgs: "_on_args",
    Media: "_on_media",
    Annotations: "_on_annotations",
    Usage: "_on_usage",
    Extra: "_on_extra",
    Finish: "_on_finish",
    Opaque: "_on_opaque",
}
"""The method that takes an event of each kind, in encoders of formats that have a place for it."""


class FaceEncoder:
    # Canonical events -> the bytes of one format, of which `dialect` is the name.

    content_type = "text/event-stream"
    _dialect: str
    _takers: Mapping[type, Callable[[Any, Any], bytes]]
    _on_text: Callable[[Any], bytes]

    def __init_subclass__(cls, dialect: str = "") -> None:
        cls._dialect = dialect
        cls._takers = {kind: getattr(cls, name) for kind, name in TAKERS.items() if hasattr(cls, name)}

    def __init__(self, call: Call) -> None:
        self._model = call.model
        self._started = False
        self._native: JsonDict = {}
        self._finish: Finish | None = None
        self._usage: JsonDict | None = None

    def event(self, event: Event) -> bytes:
        # The bytes of one event.
        # What the format has no place for (further choices, for one) makes none.
        taker = self._takers.get(type(event))
        if taker is None or getattr(event, "choice", None):
            return b""
        begun = b"" if self._started or type(event) is Start else self._begin(Start("", "", 0))
        return begun + taker(self, event)

    def _begin(self, event: Start) -> bytes:
        self._started = True
        self._native.update(native_fields(event.extra, self._dialect))
        return b""

    def _on_refusal(self, event: Refusal) -> bytes:
        return self._on_text(Text(event.text))

    def _on_usage(self, event: Usage) -> bytes:
        self._usage = event.usage
        return b""

    def _on_extra(self, event: Extra) -> bytes:
        if event.choice is None:
            self._native.update(native_fields(event.fields, self._dialect))
        return b""

    def _on_finish(self, event: Finish) -> bytes:
        # Usage may still come; the end of the message waits for it.
        self._finish = event
        return b""


_CONTENT = frozenset({Text, Refusal, Thinking, ToolStart, ToolArgs, Media, Annotations})
"""Events that begin a block or are of one."""


class CallEncoder(FaceEncoder):
    # One tool call at a time, for clients that read its arguments as it ends; adding to it later would be lost on them.

    # Other providers tell several calls at once, or the rest of one after text: what is not of the call that is open
    # waits until that is whole. `_begin_call` opens one, and who tells its end takes it away.

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._asked: ToolStart | None = None
        self._given: list[str] = []
        self._held: deque[list[Event]] = deque()
        self._held_calls: dict[int, list[Event]] = {}

    def event(self, event: Event) -> bytes:
        return super().event(event) if self._asked is None else self._beside_call(event)

    def _beside_call(self, event: Event) -> bytes:
        taker = self._takers.get(type(event))
        if taker is None or getattr(event, "choice", None):
            return b""
        if type(event) is ToolArgs and self._asked is not None and event.tool == self._asked.tool:
            self._given.append(event.text)
        elif type(event) in _CONTENT and (self._held or not self._is_whole()):
            self._hold(event)
            return b""
        told = taker(self, event)
        return told + self._tell_held() if self._held else told

    def _hold(self, event: Event) -> None:
        if type(event) is ToolArgs and event.tool in self._held_calls:
            self._held_calls[event.tool].append(event)
            return
        self._held.append([event])
        if type(event) is ToolStart:
            self._held_calls[event.tool] = self._held[-1]

    def _tell_held(self, complete: bool = False) -> bytes:
        # What waits, as far as it need not wait any longer; all of it once the answer is complete.
        told = []
        while self._held and (complete or self._is_whole()):
            for event in self._held.popleft():
                if type(event) is ToolStart:
                    self._held_calls.pop(event.tool, None)
                elif type(event) is ToolArgs and self._asked is not None and event.tool == self._asked.tool:
                    self._given.append(event.text)
                told.append(self._takers[type(event)](self, event))
        return b"".join(told)

    def _is_whole(self) -> bool:
        # Whether nothing can follow in the call that is open.
        return self._asked is None or self._asked.kind == "custom" or is_whole(self._given)

    def _begin_call(self, event: ToolStart) -> None:
        self._asked, self._given = event, []


_LAST = -1
"""Number of a thinking block that no provider has numbered."""


class BlockEncoder(CallEncoder):
    # One content block at a time, and what other formats want back in the last of them.

    # Events of this very format come with their own (`Opaque`) ends of blocks, which are sent on with the indices
    # renumbered. Between other providers' events the blocks are opened and closed as the kind of content changes.

    _close: Callable[[], bytes]
    _on_thinking: Callable[[Any], bytes]

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._index = -1
        self._open: str | None = None
        self._block: int | None = None
        self._tools: dict[int, int] = {}
        self._cited = False
        self._packer = Packer(self._dialect)

    def _is_other_thought(self, event: Thinking) -> bool:
        # Whether a thought is not of the block that is open.
        return self._open != "thinking" or self._block not in (None, event.block)

    def _on_extra(self, event: Extra) -> bytes:
        self._packer.take(event)
        return super()._on_extra(event)

    def _on_finish(self, event: Finish) -> bytes:
        self._finish = event
        held = self._tell_held(complete=True)
        carried = self._packer.block()
        told = self._on_thinking(Thinking("", block=_LAST, signature=carried["signature"])) if carried else b""
        return held + told + self._close()
