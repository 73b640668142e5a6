# As a face: parts of canonical messages as output items, whole ones and those of a stream while they are being written.

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._dataurl import is_data_url, split_data_url
from lingate._dialects._reading import content_text
from lingate._dialects._tool_arguments import is_whole
from lingate._dialects.openai_responses.conversation import CARRIED, CARRIED_CALL, DETAILS
from lingate._dialects.openai_responses.facts import NAME
from lingate._dialects.openai_responses.items import own_item, secret_of
from lingate._model import JsonDict, Thinking
from lingate._wire.shapes import as_dict, as_dicts, as_list, as_str, dig, not_null, without

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")
_CALL_FIELDS = ("id", "type", "index", "function", "custom", "namespace")


def made_id(prefix: str, response_id: str, number: int) -> str:
    # An id for an item of an answer whose provider gives its parts none.
    return f"{prefix}_{_NOT_IN_IDS.sub('', response_id)}_{number}"


def output_items(message: JsonDict, logprobs: Any, response_id: str, status: str) -> list[JsonDict]:
    # A canonical message as output items, in the usual order.
    items = reasoning_items(message, response_id)
    text, refusal = content_text(message.get("content")), message.get("refusal")
    parts: list[JsonDict] = []
    if text:
        parts.append(text_part(text, message.get("annotations"), logprobs))
    if isinstance(refusal, str) and refusal:
        parts.append({"type": "refusal", "refusal": refusal})
    calls = message.get("tool_calls") or ()
    images = message.get("images") or ()
    if parts or not (items or calls or images or status == "in_progress"):
        items.append(message_item(made_id("msg", response_id, len(items)), parts, status))
    for call in calls:
        items.append(call_item(call, made_id("fc", response_id, len(items)), status))
    for image in images:
        items.append(image_item(image, made_id("ig", response_id, len(items))))
    return with_carried(items, carried_in(message))


def carried_in(message: JsonDict) -> JsonDict:
    # What other providers want back with a message.
    carried = without(as_dict(message.get("provider_specific_fields")), (NAME,))
    details = message.get(DETAILS)
    return {**carried, DETAILS: details} if isinstance(details, list) else carried


def with_carried(items: list[JsonDict], carried: JsonDict) -> list[JsonDict]:
    # The items with what other providers want back on the first of them.
    return [{**items[0], CARRIED: carried}, *items[1:]] if items and carried else items


def message_item(given: str, parts: list[JsonDict], status: str) -> JsonDict:
    return {"id": given, "type": "message", "status": status, "role": "assistant", "content": parts}


def text_part(text: str, annotations: Any = None, logprobs: Any = None) -> JsonDict:
    return {
        "type": "output_text",
        "annotations": native_annotations(annotations),
        "logprobs": native_logprobs(logprobs),
        "text": text,
    }


def native_annotations(annotations: Any) -> list[JsonDict]:
    # OpenAI's chat annotations in the flat form of this format.
    made: list[JsonDict] = []
    for annotation in as_dicts(annotations):
        page, file = annotation.get("url_citation"), annotation.get("file_citation")
        if isinstance(page, dict):
            required: JsonDict = {"start_index": 0, "end_index": 0, "title": "", "url": ""}
            made.append({"type": "url_citation", **required, **not_null(page)})
        elif isinstance(file, dict):
            required = {"file_id": "", "filename": "", "index": file.get("end_index") or 0}
            made.append({"type": "file_citation", **required, **not_null(file)})
        else:
            made.append(annotation)
    return made


def native_logprobs(logprobs: Any) -> list[JsonDict]:
    # OpenAI's chat `logprobs`.
    # Here each has bytes and alternatives, which may be missing there.
    items = as_dicts(dig(logprobs, "content"))
    return [
        {**_with_bytes(item), "top_logprobs": list(map(_with_bytes, as_dicts(item.get("top_logprobs"))))}
        for item in items
    ]


def _with_bytes(item: JsonDict) -> JsonDict:
    return {**item, "bytes": as_list(item.get("bytes"))}


def call_item(call: JsonDict, given: str, status: str, text: str | None = None) -> JsonDict:
    # A tool call; `text` replaces its arguments.
    kind = "custom" if call.get("type") == "custom" else "function"
    words = call.get(kind) or {}
    head: JsonDict = {
        "id": given,
        "status": status,
        "call_id": call.get("id") or given,
        "name": words.get("name") or "",
    }
    if call.get("namespace") is not None:
        head["namespace"] = call["namespace"]
    if kind == "custom":
        item = {"type": "custom_tool_call", **head, "input": words.get("input") or "" if text is None else text}
    else:
        item = {"type": "function_call", **head, "arguments": words.get("arguments") or "{}" if text is None else text}
    rest = not_null(call, _CALL_FIELDS)
    return {**item, CARRIED_CALL: rest} if rest else item


def reasoning_items(message: JsonDict, response_id: str) -> list[JsonDict]:
    # The reasoning of a message: an item for each block, with its proof where it has one.
    blocks = as_dicts(message.get("thinking_blocks"))
    text = message.get("reasoning_content")
    if not blocks and isinstance(text, str) and text:
        blocks = [{"type": "thinking", "thinking": text}]
    return [reasoning_item(block, made_id("rs", response_id, n)) for n, block in enumerate(blocks)]


def reasoning_item(block: JsonDict, given: str) -> JsonDict:
    own = own_item(block)
    if own is not None:
        return {"id": given, **own}
    text, secret = block.get("thinking"), secret_of(block)
    summary = [{"type": "summary_text", "text": text}] if isinstance(text, str) and text else []
    item: JsonDict = {"id": given, "type": "reasoning", "summary": summary}
    return item if secret is None else {**item, "encrypted_content": secret}


def image_item(image: Any, given: str) -> JsonDict:
    # A generated image, as the work of the built-in tool that makes them here.
    holder = dig(image, "image_url")
    url = holder.get("url") if isinstance(holder, dict) else holder
    item: JsonDict = {"id": given, "type": "image_generation_call", "status": "completed", "result": url}
    if not is_data_url(url):
        return item
    try:
        media_type, data = split_data_url(str(url))
    except ValueError:
        return item
    return {**item, "result": data, "output_format": media_type.partition("/")[2] or "png"}


@dataclass(slots=True)
class Opened(ABC):
    # One output item.

    id: str
    """Its id."""
    index: int = 0
    """Its place in the output."""
    carried: JsonDict = field(default_factory=dict)
    """What other providers want back with the message."""
    status: str | None = None
    """How it ended, None while it is open."""

    def begin(self) -> list[JsonDict]:
        # The event by which it is announced.
        return [{"type": "response.output_item.added", "output_index": self.index, "item": self.announced()}]

    def end(self, status: str) -> list[JsonDict]:
        # The events by which it ends.
        told = self.closing()
        self.status = status
        done = {"type": "response.output_item.done", "output_index": self.index, "item": self.final(status)}
        return [*told, done]

    def final(self, status: str) -> JsonDict:
        # The item as it is in the end.
        item = self.item(self.status or status)
        return {**item, CARRIED: self.carried} if self.carried else item

    def announced(self) -> JsonDict:
        # The item before anything of it is known.
        return self.item("in_progress")

    def closing(self) -> list[JsonDict]:
        # The events before the last one.
        return []

    @abstractmethod
    def item(self, status: str) -> JsonDict:
        """The item as far as it has been written."""

    def _event(self, kind: str, **fields: Any) -> JsonDict:
        return {"type": kind, "item_id": self.id, "output_index": self.index, **fields}


@dataclass(slots=True)
class Whole(Opened):
    # An item that came in one piece.

    given: JsonDict = field(default_factory=dict)

    def item(self, status: str) -> JsonDict:
        return self.given


@dataclass(slots=True)
class Reasoning(Opened):
    block: int = 0
    pieces: list[str] = field(default_factory=list)
    signature: str = ""
    redacted: str | None = None

    def think(self, event: Thinking) -> list[JsonDict]:
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
        self.signature += as_str(event.signature)
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
    # A part of a message: text or a refusal.

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
    # A message, of which the last part is open.

    parts: list[_Part] = field(default_factory=list)

    def say(self, text: str, logprobs: JsonDict | None) -> list[JsonDict]:
        told = self._part("output_text")
        found = native_logprobs(logprobs)
        self.parts[-1].pieces.append(text)
        self.parts[-1].logprobs += found
        at = len(self.parts) - 1
        told.append(self._event("response.output_text.delta", content_index=at, delta=text, logprobs=found))
        return told

    def decline(self, text: str) -> list[JsonDict]:
        told = self._part("refusal")
        self.parts[-1].pieces.append(text)
        told.append(self._event("response.refusal.delta", content_index=len(self.parts) - 1, delta=text))
        return told

    def cite(self, annotations: list[JsonDict]) -> list[JsonDict]:
        # Take citations of the text, which may come after its end.
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
        # Make sure that a part of this kind is open.
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
    call: JsonDict = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)

    @property
    def _custom(self) -> bool:
        return bool(self.call["type"] == "custom")

    def is_whole(self) -> bool:
        # Whether nothing can follow: a provider may add to a call after the next one has begun.
        return not self._custom and is_whole(self.pieces)

    def write(self, text: str) -> list[JsonDict]:
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
