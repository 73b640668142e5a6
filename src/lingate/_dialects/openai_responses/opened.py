"""As a face: the output items of a stream while they are being written, and the events that tell about them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from lingate._dialects.openai_responses.conversation import CARRIED
from lingate._dialects.openai_responses.face_items import (
    call_item,
    message_item,
    native_annotations,
    reasoning_item,
    text_part,
)
from lingate._model import JsonDict, Thinking


@dataclass(slots=True)
class Opened(ABC):
    """One output item.

    Attributes:
        id: Its id.
        index: Its place in the output.
        carried: What other providers want back with the message.
        status: How it ended, None while it is open.
    """

    id: str
    index: int = 0
    carried: JsonDict = field(default_factory=dict)
    status: str | None = None

    def begin(self) -> list[JsonDict]:
        """The event by which it is announced."""
        return [{"type": "response.output_item.added", "output_index": self.index, "item": self.announced()}]

    def end(self, status: str) -> list[JsonDict]:
        """The events by which it ends."""
        told = self.closing()
        self.status = status
        done = {"type": "response.output_item.done", "output_index": self.index, "item": self.final(status)}
        return [*told, done]

    def final(self, status: str) -> JsonDict:
        """The item as it is in the end."""
        item = self.item(self.status or status)
        return {**item, CARRIED: self.carried} if self.carried else item

    def announced(self) -> JsonDict:
        """The item before anything of it is known."""
        return self.item("in_progress")

    def closing(self) -> list[JsonDict]:
        """The events before the last one."""
        return []

    @abstractmethod
    def item(self, status: str) -> JsonDict:
        """The item as far as it has been written."""

    def _event(self, kind: str, **fields: Any) -> JsonDict:
        return {"type": kind, "item_id": self.id, "output_index": self.index, **fields}


@dataclass(slots=True)
class Whole(Opened):
    """An item that came in one piece."""

    given: JsonDict = field(default_factory=dict)

    def item(self, status: str) -> JsonDict:
        return self.given


@dataclass(slots=True)
class Reasoning(Opened):
    """A block of reasoning."""

    block: int = 0
    pieces: list[str] = field(default_factory=list)
    signature: str = ""
    redacted: str | None = None

    def think(self, event: Thinking) -> list[JsonDict]:
        """Take a piece."""
        self.prove(event)
        if not event.text:
            return []
        told: list[JsonDict] = []
        if not self.pieces:
            empty = {"type": "summary_text", "text": ""}
            told.append(self._event("response.reasoning_summary_part.added", summary_index=0, part=empty))
        self.pieces.append(event.text)
        told.append(self._event("response.reasoning_summary_text.delta", summary_index=0, delta=event.text))
        return told

    def prove(self, event: Thinking) -> None:
        """Take a proof."""
        self.signature += event.signature if isinstance(event.signature, str) else ""
        if event.redacted is not None:
            self.redacted = event.redacted

    def closing(self) -> list[JsonDict]:
        if not self.pieces:
            return []
        text = "".join(self.pieces)
        part = {"type": "summary_text", "text": text}
        return [
            self._event("response.reasoning_summary_text.done", summary_index=0, text=text),
            self._event("response.reasoning_summary_part.done", summary_index=0, part=part),
        ]

    def announced(self) -> JsonDict:
        return {"id": self.id, "type": "reasoning", "summary": []}

    def item(self, status: str) -> JsonDict:
        if self.redacted is not None:
            return reasoning_item({"type": "redacted_thinking", "data": self.redacted}, self.id)
        block = {"type": "thinking", "thinking": "".join(self.pieces), "signature": self.signature}
        item = reasoning_item(block, self.id)
        if item["id"] == self.id:
            return item
        # The id that was announced stays. That of the proof stays with the proof.
        return {**item, "id": self.id, "encrypted_content": self.signature}


@dataclass(slots=True)
class _Part:
    """A part of a message: text or a refusal."""

    kind: str
    pieces: list[str] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)
    annotations: list[JsonDict] = field(default_factory=list)

    def whole(self) -> JsonDict:
        text = "".join(self.pieces)
        if self.kind == "refusal":
            return {"type": "refusal", "refusal": text}
        return {**text_part(text, None, {"content": self.logprobs}), "annotations": self.annotations}


@dataclass(slots=True)
class Message(Opened):
    """A message, of which the last part is open."""

    parts: list[_Part] = field(default_factory=list)

    def say(self, text: str, logprobs: JsonDict | None) -> list[JsonDict]:
        """Take a piece of text."""
        told = self._part("output_text")
        found = logprobs.get("content") if logprobs else None
        found = found if isinstance(found, list) else []
        self.parts[-1].pieces.append(text)
        self.parts[-1].logprobs += found
        at = len(self.parts) - 1
        told.append(self._event("response.output_text.delta", content_index=at, delta=text, logprobs=found))
        return told

    def decline(self, text: str) -> list[JsonDict]:
        """Take a piece of a refusal."""
        told = self._part("refusal")
        self.parts[-1].pieces.append(text)
        told.append(self._event("response.refusal.delta", content_index=len(self.parts) - 1, delta=text))
        return told

    def cite(self, annotations: list[JsonDict]) -> list[JsonDict]:
        """Take citations of the text, which may come after its end."""
        told: list[JsonDict] = []
        at = next((n for n, part in enumerate(self.parts) if part.kind == "output_text"), None)
        if at is None:
            told = self._part("output_text")
            at = len(self.parts) - 1
        known = self.parts[at].annotations
        for annotation in native_annotations(annotations):
            place = {"content_index": at, "annotation_index": len(known)}
            told.append(self._event("response.output_text.annotation.added", **place, annotation=annotation))
            known.append(annotation)
        return told

    def closing(self) -> list[JsonDict]:
        told = [] if self.parts else self._part("output_text")
        return [*told, *self._close_part()]

    def item(self, status: str) -> JsonDict:
        return message_item(self.id, [part.whole() for part in self.parts], status)

    def _part(self, kind: str) -> list[JsonDict]:
        """Make sure that a part of this kind is open."""
        if self.parts and self.parts[-1].kind == kind:
            return []
        told = self._close_part()
        self.parts.append(_Part(kind))
        at = len(self.parts) - 1
        told.append(self._event("response.content_part.added", content_index=at, part=self.parts[-1].whole()))
        return told

    def _close_part(self) -> list[JsonDict]:
        if not self.parts:
            return []
        part, at = self.parts[-1], len(self.parts) - 1
        text = "".join(part.pieces)
        if part.kind == "refusal":
            done = self._event("response.refusal.done", content_index=at, refusal=text)
        else:
            done = self._event("response.output_text.done", content_index=at, text=text, logprobs=part.logprobs)
        return [done, self._event("response.content_part.done", content_index=at, part=part.whole())]


@dataclass(slots=True)
class Call(Opened):
    """A tool call."""

    call: JsonDict = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)

    @property
    def _custom(self) -> bool:
        return bool(self.call["type"] == "custom")

    def write(self, text: str) -> list[JsonDict]:
        """Take a piece of the arguments."""
        self.pieces.append(text)
        kind = "response.custom_tool_call_input.delta" if self._custom else "response.function_call_arguments.delta"
        return [self._event(kind, delta=text)]

    def announced(self) -> JsonDict:
        return call_item(self.call, self.id, "in_progress", "")

    def closing(self) -> list[JsonDict]:
        text = "".join(self.pieces)
        if self._custom:
            return [self._event("response.custom_tool_call_input.done", input=text)]
        name = self.call["function"]["name"]
        return [self._event("response.function_call_arguments.done", name=name, arguments=text or "{}")]

    def item(self, status: str) -> JsonDict:
        text = "".join(self.pieces)
        return call_item(self.call, self.id, status, text if self._custom else text or "{}")
