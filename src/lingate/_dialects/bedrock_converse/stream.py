# From the upstream: the bytes of a stream as canonical events.

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._base import StreamDecoder
from lingate._dialects._check import whole_blocks
from lingate._dialects._dataurl import decoded
from lingate._dialects._frames import FrameDecoder
from lingate._dialects._sse_stream import StreamedAnswer
from lingate._dialects._times import created_at
from lingate._dialects.bedrock_converse.assistant import read_blocks, reasoning_block, redacted_data, url_citations
from lingate._dialects.bedrock_converse.checks import check_blocks
from lingate._dialects.bedrock_converse.facts import NAME
from lingate._dialects.bedrock_converse.media import media_part
from lingate._dialects.bedrock_converse.response import finish_reason, identity, read_message, service_tier
from lingate._dialects.bedrock_converse.usage import canonical_usage
from lingate._model import (
    Annotations,
    Event,
    Extra,
    Finish,
    Head,
    HttpRequest,
    JsonDict,
    Media,
    Opaque,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate._wire.json import decode, encode_str
from lingate._wire.shapes import as_dict, not_null, without

_SERVED = ("server_tool_use",)


class HeadedAnswer(StreamedAnswer):
    # One streamed answer, of which only the head says when and as what it was made.

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(sent)
        self._head = head
        self._started = False

    def _begin(self, raw: JsonDict, out: list[Event]) -> None:
        # The answer begins, unless it has begun.
        if not self._started:
            self._started = True
            out.append(Start(identity(self._head), self._sent.target.model, created_at(self._head), raw=raw))

    def _may_end(self) -> bool:
        # Whether a reason to end is enough, where nothing comes after it.
        return not self.over and self._sent.target.traits.get("stream_end") == "finish"


class ConverseStream(HeadedAnswer):
    # One streamed answer. Hosts that wrap these events in other frames use it directly.

    # The finish reason is told with the metadata that follows it: until then the stream may still be cut. Ends of
    # blocks, and whatever belongs to the provider's own tools, become `Opaque` events: only a client of this very
    # format can see them.

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(sent, head)
        self._blocks: dict[int, Block] = {}
        self._calls = self._thoughts = self._images = 0
        self._length = 0
        self._span = (0, 0)
        self._extra: JsonDict = {}
        self._stop: JsonDict | None = None
        self._metered = False
        self._raw: JsonDict = {}

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        if not isinstance(payload, dict):
            self._broken(f"{name}: must be an object", out)
            return
        self._raw = {name: payload}
        handler = _HANDLERS.get(name)
        if handler is None:
            out.append(Opaque(NAME, self._raw))
            return
        if name != "metadata":
            self._begin(self._raw, out)
        handler(self, payload, out)

    def cut(self, out: list[Event]) -> None:
        if self._stop is not None and self._may_end():
            self._end(out)
        else:
            super().cut(out)

    def _on_start(self, payload: JsonDict, out: list[Event]) -> None:
        return  # the first event of any kind begins the answer

    def _on_block(self, payload: JsonDict, out: list[Event]) -> None:
        start = payload.get("start")
        if not isinstance(start, dict) or not isinstance(payload.get("contentBlockIndex"), int):
            self._broken("contentBlockStart: must hold a start and an index", out)
            return
        kind = next(iter(start), "")
        inner = start.get(kind)
        block = Block(kind, as_dict(inner), position=self._length)
        self._blocks[payload["contentBlockIndex"]] = block
        if kind == "toolUse" and block.start.get("type") not in _SERVED:
            self._begin_call(block, out)
        elif kind != "image":
            out.append(Opaque(NAME, self._raw))
        else:
            self._mark(out)

    def _begin_call(self, block: Block, out: list[Event]) -> None:
        name, given = block.start.get("name"), block.start.get("toolUseId")
        if not isinstance(name, str) or not isinstance(given, str) or not given:
            self._broken("contentBlockStart.start.toolUse: must have a name and a toolUseId", out)
            return
        if name == self._sent.answer_tool:
            block.answer = not self._answered
            self._answered = True
            return
        block.number = self._calls
        self._calls += 1
        out.append(ToolStart(block.number, given, name, raw=self._raw))

    def _on_delta(self, payload: JsonDict, out: list[Event]) -> None:
        delta, index = payload.get("delta"), payload.get("contentBlockIndex")
        if not isinstance(delta, dict) or not isinstance(index, int):
            self._broken("contentBlockDelta: must hold a delta and an index", out)
            return
        text = delta.get("text")
        block = self._blocks.get(index)
        if block is None:
            block = self._blocks[index] = Block("", position=self._length)
        if not block.kind:
            block.kind = "reasoningContent" if "reasoningContent" in delta else "text"
        if isinstance(text, str):
            if text:
                block.pieces.append(text)
                self._length += len(text)
                self._tell(Text(text, 0, self._raw), out)
            return
        kind = next((kind for kind in _DELTAS if kind in delta), None)
        if kind is None:
            block.odd = True
            out.append(Opaque(NAME, self._raw))
            return
        try:
            _DELTAS[kind](self, block, delta[kind], out)
        except (ValueError, TypeError, AttributeError):
            self._broken(f"contentBlockDelta.delta.{kind}: is not what it must be", out)

    def _add_input(self, block: Block, delta: Any, out: list[Event]) -> None:
        if block.kind != "toolUse":
            raise ValueError("input without a call")
        text = delta["input"] if isinstance(delta.get("input"), str) else encode_str(delta.get("input"))
        block.pieces.append(text)
        if block.number >= 0:
            if text:
                out.append(ToolArgs(block.number, text, 0, self._raw))
        elif not block.answer:
            out.append(Opaque(NAME, self._raw))
        elif text:
            out.append(Text(text, 0, self._raw))

    def _add_thought(self, block: Block, delta: Any, out: list[Event]) -> None:
        if block.number < 0:
            block.number = self._thoughts
            self._thoughts += 1
        text, signature, redacted = delta.get("text"), delta.get("signature"), delta.get("redactedContent")
        if isinstance(text, str) and text:
            block.pieces.append(text)
            out.append(Thinking(text, 0, block.number, raw=self._raw))
        elif isinstance(signature, str) and signature:
            block.signature += signature
            out.append(Thinking("", 0, block.number, signature=signature, raw=self._raw))
        elif redacted is not None:
            block.redacted.append(decoded(redacted))

    def _add_citation(self, block: Block, delta: Any, out: list[Event]) -> None:
        block.items.append(dict(delta.items()))
        self._mark(out)

    def _add_results(self, block: Block, delta: Any, out: list[Event]) -> None:
        block.items.extend(dict(item.items()) for item in delta)
        self._mark(out)

    def _add_image(self, block: Block, delta: Any, out: list[Event]) -> None:
        source = delta.get("source") or {}
        if "bytes" in source:
            block.image.append(decoded(source["bytes"]))
        place = source.get("s3Location")
        if place is not None:
            if not isinstance(place.get("uri"), str):
                raise ValueError("a place without an address")
            block.source["s3Location"] = place
        block.fields.update(without(delta, ("source",)))
        self._mark(out)

    def _on_block_stop(self, payload: JsonDict, out: list[Event]) -> None:
        index = payload.get("contentBlockIndex")
        block = self._blocks.get(index) if isinstance(index, int) else None
        if block is None:
            out.append(Opaque(NAME, self._raw))
        else:
            self._close(block, out)

    def _close(self, block: Block, out: list[Event]) -> None:
        if block.stopped:
            return
        block.stopped = True
        if block.kind == "toolUse" and (block.number >= 0 or block.answer):
            if not any(block.pieces):
                out.append(Text("{}", 0, self._raw) if block.answer else ToolArgs(block.number, "{}", 0, self._raw))
        elif block.redacted:
            data = redacted_data(block.redacted_content())
            out.append(Thinking("", 0, block.number, redacted=data, raw=self._raw))
        elif block.kind == "image" and (part := media_part(_image(block), "image")):
            out.append(Media("image", {**part, "index": self._images}, raw=self._raw))
            self._images += 1
        elif block.kind == "text":
            self._cite(block, out)
        self._mark(out)

    def _cite(self, block: Block, out: list[Event]) -> None:
        if block.pieces:
            self._span = (block.position, self._length)
        items = url_citations(block.items, *self._span) if self._held is None else []
        if items:
            out.append(Annotations(items, raw=self._raw))

    def _on_stop(self, payload: JsonDict, out: list[Event]) -> None:
        for block in self._blocks.values():
            self._close(block, out)
        self._tell_held(self._raw, out)
        given = (self._blocks[index] for index in sorted(self._blocks))
        blocks = whole_blocks(given, check_blocks) if not self._answered else None
        if blocks is not None and not read_blocks(blocks).exact:
            out.append(Extra({"provider_specific_fields": {NAME: {"content": blocks}}}, 0, self._raw))
        self._extra.update(without(payload, ("stopReason", "p")))
        self._stop = self._raw
        if self._metered:
            self._end(out)

    def _on_metadata(self, payload: JsonDict, out: list[Event]) -> None:
        usage = payload.get("usage")
        if isinstance(usage, dict) and usage:
            out.append(Usage(canonical_usage(usage), self._raw))
        self._extra.update(without(payload, ("usage", "p")))
        self._metered = True
        if self._stop is not None:
            self._end(out)

    def _end(self, out: list[Event]) -> None:
        extra = not_null(self._extra)
        if extra:
            out.append(Extra({"provider_specific_fields": {NAME: extra}, **service_tier(extra)}, None, self._raw))
        stop = self._stop or {}
        reason = stop.get("messageStop", {}).get("stopReason")
        native = reason if isinstance(reason, str) else None
        out.append(Finish(finish_reason(native, self._calls > 0), 0, native, stop))
        self.done = self.over = True

    def _mark(self, out: list[Event]) -> None:
        # Hand an event on to clients of this format, unless the answer is not shown as it came.
        if self._held is None:
            out.append(Opaque(NAME, self._raw))


_DELTAS = {
    "toolUse": ConverseStream._add_input,
    "reasoningContent": ConverseStream._add_thought,
    "citation": ConverseStream._add_citation,
    "toolResult": ConverseStream._add_results,
    "image": ConverseStream._add_image,
}

_HANDLERS = {
    "messageStart": ConverseStream._on_start,
    "contentBlockStart": ConverseStream._on_block,
    "contentBlockDelta": ConverseStream._on_delta,
    "contentBlockStop": ConverseStream._on_block_stop,
    "messageStop": ConverseStream._on_stop,
    "metadata": ConverseStream._on_metadata,
}


@dataclass(slots=True)
class Block:
    # One content block as far as it has arrived.

    kind: str
    """The member of the union that it is; empty until that is known."""
    start: JsonDict = field(default_factory=dict)
    """What its start event says about it."""
    number: int = -1
    """Place among the tool calls or the thinking blocks; -1 where it is neither."""
    position: int = 0
    """Characters of answer text before it."""
    answer: bool = False
    """It is the tool whose input is the structured answer."""
    pieces: list[str] = field(default_factory=list)
    """Text or JSON that has arrived."""
    signature: str = ""
    """Of thinking."""
    redacted: list[bytes] = field(default_factory=list)
    """Pieces of redacted thinking, as bytes."""
    items: list[Any] = field(default_factory=list)
    """Citations, or what a tool of the provider's own gave."""
    image: list[bytes] = field(default_factory=list)
    """Pieces of an image, as bytes."""
    source: JsonDict = field(default_factory=dict)
    """Where an image lies instead."""
    fields: JsonDict = field(default_factory=dict)
    """Other fields that deltas have added."""
    stopped: bool = False
    """Its end has been seen."""
    odd: bool = False
    """It holds something that cannot be put together again."""

    def text(self) -> str:
        return "".join(self.pieces)

    def redacted_content(self) -> str:
        return base64.b64encode(b"".join(self.redacted)).decode()

    def whole(self) -> JsonDict:
        # The block as a whole answer would have it.
        # Raises ValueError: it cannot be put together: it was cut short, or is of a kind we do not know.
        make = _MAKERS.get(self.kind)
        if make is None or self.odd:
            raise ValueError("no block that we know")
        return make(self)


def _text(block: Block) -> JsonDict:
    if not block.items:
        return {"text": block.text()}
    cited: JsonDict = {"citations": block.items}
    if block.text():
        cited["content"] = [{"text": block.text()}]
    return {"citationsContent": cited}


def _reasoning(block: Block) -> JsonDict:
    if block.redacted:
        return {"reasoningContent": {"redactedContent": block.redacted_content()}}
    return reasoning_block({"thinking": block.text(), "signature": block.signature})


def _call(block: Block) -> JsonDict:
    text = block.text()
    return {"toolUse": {**block.start, "input": decode(text) if text.strip() else {}}}


def _result(block: Block) -> JsonDict:
    return {"toolResult": {**block.start, "content": block.items}}


def _image(block: Block) -> JsonDict:
    data = {"bytes": base64.b64encode(b"".join(block.image)).decode()} if block.image else {}
    return {"image": {**block.start, "source": {**block.source, **data}, **block.fields}}


_MAKERS = {"text": _text, "reasoningContent": _reasoning, "toolUse": _call, "toolResult": _result, "image": _image}


def stream_decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    return FrameDecoder(sent, head, ConverseStream(sent, head), read_message)
