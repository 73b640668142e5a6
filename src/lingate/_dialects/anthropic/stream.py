# From the upstream: the events of a stream, and their bytes, as canonical events.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import interrupted, told_ids
from lingate._dialects._base import StreamDecoder
from lingate._dialects._check import whole_blocks
from lingate._dialects._failure import body_failure
from lingate._dialects._sse_stream import SseStreamDecoder, StreamedAnswer
from lingate._dialects._times import created_at
from lingate._dialects._vertex import region
from lingate._dialects.anthropic.assistant import read_blocks, url_citations
from lingate._dialects.anthropic.blocks import Block, check_blocks
from lingate._dialects.anthropic.facts import NAME
from lingate._dialects.anthropic.response import finish_reason, identity, read_message, refusal_text, unique_id
from lingate._dialects.anthropic.usage import canonical_usage, merged_usage
from lingate._model import (
    Annotations,
    Event,
    Extra,
    Finish,
    Head,
    HttpRequest,
    JsonDict,
    Opaque,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate._wire.shapes import as_str, dig, not_null

_MESSAGE_KEYS = frozenset({"id", "type", "role", "model", "content", "usage"})
_THINKING = ("thinking", "redacted_thinking")
_SAID = ("text", *_THINKING)


class MessageStream(StreamedAnswer):
    # One streamed answer. Hosts that wrap these events in other frames than SSE use it directly.

    # Beginnings and ends of text and thinking blocks become `Opaque` events: only a client of this very format can see
    # them, and it sees the same blocks as the provider sent.

    __slots__ = (
        "_blocks", "_calls", "_delta", "_extra", "_head", "_id", "_ids", "_length", "_reason", "_thoughts", "_usage",
    )  # fmt: skip

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(sent)
        self._head = head
        self._blocks: dict[int, Block] = {}
        self._calls = 0
        self._thoughts = 0
        self._length = 0
        self._usage: JsonDict = {}
        self._extra: JsonDict = {}
        self._delta: JsonDict | None = None
        self._reason: Any = None
        self._id = ""
        self._ids: set[str] = set()

    @property
    def finished(self) -> bool:
        # A stop reason has been seen, which is all that some hosts send at the end.
        return self._reason is not None

    def read(self, raw: Any, out: list[Event]) -> None:
        if isinstance(raw, dict):
            kind = raw.get("type")
            if kind == "content_block_delta":
                # The path of nearly every event, so it is walked without further calls.
                delta = raw.get("delta")
                if self._held is None and isinstance(delta, dict) and delta.get("type") == "text_delta":
                    text, index = delta.get("text"), raw.get("index")
                    block = self._blocks.get(index) if type(index) is int else None
                    if block is not None and type(text) is str:
                        block.pieces.append(text)
                        self._length += len(text)
                        out.append(Text(text, 0, raw))
                        return
                self._on_delta(raw, out)
                return
            handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
            (handler or MessageStream._on_other)(self, raw, out)
        else:
            self._broken("a stream event must be an object", out)

    def cut(self, out: list[Event]) -> None:
        # The bytes have ended without `message_stop`.
        if not self.over and self.finished and self._sent.target.traits.get("stream_end") == "finish":
            self._on_stop({}, out)
        else:
            super().cut(out)

    def _on_start(self, raw: JsonDict, out: list[Event]) -> None:
        message = raw.get("message")
        if not isinstance(message, dict):
            self._broken("message_start.message: must be an object", out)
            return
        model, given = message.get("model"), identity(message.get("id"), self._head)
        if self._blocks and given != self._id:
            # A host in between lost the provider, asked again and went on in the same stream (vercel/ai#18331).
            self.fail(interrupted(self._sent.target), out)
            return
        self._id = given
        self._extra.update(not_null(message, _MESSAGE_KEYS))
        name = model if isinstance(model, str) else self._sent.target.model
        out.append(Start(self._id, name, created_at(self._head), raw=raw))
        self._count(message.get("usage"), raw, out)

    def _on_block(self, raw: JsonDict, out: list[Event]) -> None:
        start = raw.get("content_block")
        if not isinstance(start, dict) or not isinstance(start.get("type"), str):
            self._broken("content_block_start.content_block: must be an object with a type", out)
            return
        kind = start["type"]
        block = self._blocks[self._place(raw, begins=True)] = Block(start, kind, position=self._length)
        if kind == "tool_use":
            self._begin_call(block, raw, out)
        elif kind == "text":
            self._mark(raw, out)
            text = start.get("text")
            if isinstance(text, str) and text:
                self._add_text(block, text, raw, out)
        elif kind in _THINKING:
            self._begin_thinking(block, raw, out)
        else:
            served = dig(start, "to", "model") if kind == "fallback" else None
            if isinstance(served, str):
                # The beginning named the model that declined (anthropic-sdk-python's accumulated message takes this one too).
                out.append(Extra({"model": served}, None, raw))
            out.append(Opaque(NAME, raw))

    def _begin_call(self, block: Block, raw: JsonDict, out: list[Event]) -> None:
        name, given = block.start.get("name"), block.start.get("id")
        if not isinstance(name, str):
            self._broken("content_block_start.content_block.name: must be a string", out)
            return
        if name == self._sent.answer_tool:
            block.answer = not self._answered
            self._answered = True
            return
        block.number = self._calls
        self._calls += 1
        self._ids = self._ids or told_ids(self._sent)
        made = unique_id(as_str(given) or f"{self._id or 'call'}_{block.number}", self._ids)
        out.append(ToolStart(block.number, made, name, raw=raw))

    def _begin_thinking(self, block: Block, raw: JsonDict, out: list[Event]) -> None:
        block.number = self._thoughts
        self._thoughts += 1
        if block.kind == "redacted_thinking":
            data = block.start.get("data")
            if isinstance(data, str):
                out.append(Thinking("", block=block.number, redacted=data, raw=raw))
            else:
                self._broken("content_block_start.content_block.data: must be a string", out)
            return
        self._mark(raw, out)
        text, signature = block.start.get("thinking"), block.start.get("signature")
        if isinstance(text, str) and text:
            block.pieces.append(text)
            out.append(Thinking(text, block=block.number, raw=raw))
        if isinstance(signature, str) and signature:
            out.append(Thinking("", block=block.number, signature=signature, raw=raw))

    def _on_delta(self, raw: JsonDict, out: list[Event]) -> None:
        delta = raw.get("delta")
        if not isinstance(delta, dict):
            self._broken("content_block_delta.delta: must be an object", out)
            return
        kind = delta.get("type")
        block = self._blocks.get(self._place(raw))
        if block is None or (kind == "thinking_delta" and block.kind == "text"):
            # A proxy puts both into the block that it opened for the text (BerriAI/litellm#32357).
            block = self._unannounced(raw, kind)
        if kind == "text_delta":
            text = delta.get("text")
            if isinstance(text, str):
                self._add_text(block, text, raw, out)
                return
        elif kind == "input_json_delta":
            text = delta.get("partial_json")
            if text == "" or (isinstance(text, str) and block.kind not in _SAID):
                self._add_json(block, text, raw, out)
                return
        elif kind == "thinking_delta":
            text = delta.get("thinking")
            if isinstance(text, str) and block.number >= 0:
                block.pieces.append(text)
                out.append(Thinking(text, 0, block.number, raw=raw))
                return
        else:
            self._on_other_delta(block, delta, raw, out)
            return
        self._broken(f"content_block_delta: a {kind} without its text or outside its block", out)

    def _on_other_delta(self, block: Block, delta: JsonDict, raw: JsonDict, out: list[Event]) -> None:
        kind = delta.get("type")
        if kind == "signature_delta" and isinstance(delta.get("signature"), str) and block.kind in _THINKING:
            block.fields["signature"] = delta["signature"]
            out.append(Thinking("", 0, block.number, signature=delta["signature"], raw=raw))
            return
        if kind == "citations_delta":
            block.add_citation(delta.get("citation"))
        else:
            for name, value in delta.items():
                if name != "type":
                    block.add_field(name, value)
        self._mark(raw, out)

    def _on_block_stop(self, raw: JsonDict, out: list[Event]) -> None:
        block = self._blocks.get(self._place(raw))
        if block is None:
            out.append(Opaque(NAME, raw))
        else:
            self._close(block, raw, out)

    def _close(self, block: Block, raw: JsonDict, out: list[Event]) -> None:
        if block.stopped:
            return
        block.stopped = True
        if block.kind == "tool_use":
            if not any(block.pieces):
                self._add_whole_input(block, raw, out)
            return
        if block.fields.get("citations") and self._held is None:
            items = url_citations(block.fields["citations"], block.position, self._length)
            if items:
                out.append(Annotations(items, raw=raw))
        if block.kind != "redacted_thinking":
            self._mark(raw, out)

    def _on_message_delta(self, raw: JsonDict, out: list[Event]) -> None:
        delta = raw.get("delta")
        if isinstance(delta, dict):
            if delta.get("stop_reason") is not None:
                self._reason = delta["stop_reason"]
                self._delta = raw
            self._extra.update(not_null(delta))
        others = ((key, value) for key, value in raw.items() if key not in ("type", "delta", "usage"))
        self._extra.update((key, value) for key, value in others if value is not None)
        self._count(raw.get("usage"), raw, out)

    def _on_stop(self, raw: JsonDict, out: list[Event]) -> None:
        for index, block in self._blocks.items():
            self._close(block, {"type": "content_block_stop", "index": index}, out)
        self._count(raw.get("usage"), raw, out)
        self._extra.update(not_null(raw, ("type", "usage")))
        raw = self._delta or raw
        self._tell_held(raw, out)
        refusal = refusal_text(self._extra.get("stop_details")) if self._reason == "refusal" else None
        self._tell_extras(raw, out)
        if refusal:
            out.append(Refusal(refusal, raw=raw))
        native = self._reason if isinstance(self._reason, str) else None
        out.append(Finish(finish_reason(native, self._calls > 0), 0, native, raw))
        self.done = self.over = True

    def _tell_extras(self, raw: JsonDict, out: list[Event]) -> None:
        if self._extra:
            out.append(Extra({"provider_specific_fields": {NAME: self._extra}}, None, raw))
        blocks = whole_blocks(self._blocks.values(), check_blocks) if not self._answered else None
        if blocks is not None and not read_blocks(blocks).exact:
            out.append(Extra({"provider_specific_fields": {NAME: {"content": blocks}}}, 0, raw))

    def _on_other(self, raw: JsonDict, out: list[Event]) -> None:
        error = body_failure(raw, self._sent.target, self._head.status, self._head.headers)
        if error is None:
            out.append(Opaque(NAME, raw))
        else:
            self.fail(error, out)

    def _count(self, usage: Any, raw: JsonDict, out: list[Event]) -> None:
        if isinstance(usage, dict) and usage:
            self._usage = merged_usage(self._usage, usage)
            out.append(Usage(canonical_usage(self._usage) | region(self._sent), raw))

    def _add_text(self, block: Block, text: str, raw: JsonDict, out: list[Event]) -> None:
        block.pieces.append(text)
        self._length += len(text)
        self._tell(Text(text, 0, raw), out)

    def _add_json(self, block: Block, text: str, raw: JsonDict, out: list[Event]) -> None:
        block.pieces.append(text)
        if block.kind != "tool_use":
            out.append(Opaque(NAME, raw))
        elif block.number >= 0:
            out.append(ToolArgs(block.number, text, 0, raw))
        elif block.answer and text:
            out.append(Text(text, 0, raw))

    def _add_whole_input(self, block: Block, raw: JsonDict, out: list[Event]) -> None:
        if block.number >= 0:
            out.append(ToolArgs(block.number, block.arguments(), 0, raw))
        elif block.answer:
            out.append(Text(block.arguments(), 0, raw))

    def _mark(self, raw: JsonDict, out: list[Event]) -> None:
        # Hand an event on to clients of this format, unless the answer is not shown as it came.
        if self._held is None:
            out.append(Opaque(NAME, raw))

    def _place(self, raw: JsonDict, begins: bool = False) -> int:
        # The index of an event's block. Where translators leave it out it is the last one's (decolua/9router#2218).
        index = raw.get("index")
        if type(index) is int:
            return index
        return len(self._blocks) if begins else next(reversed(self._blocks), -1)

    def _unannounced(self, raw: JsonDict, kind: Any) -> Block:
        # A block that began without a start event, as some hosts leave it out for text.
        made = "thinking" if kind in ("thinking_delta", "signature_delta") else "text"
        block = Block({"type": made}, made, position=self._length)
        if made == "thinking":
            block.number = self._thoughts
            self._thoughts += 1
        self._blocks[self._place(raw, begins=True)] = block
        return block


_HANDLERS = {
    "message_start": MessageStream._on_start,
    "content_block_start": MessageStream._on_block,
    "content_block_stop": MessageStream._on_block_stop,
    "message_delta": MessageStream._on_message_delta,
    "message_stop": MessageStream._on_stop,
}


def stream_decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    return SseStreamDecoder(sent, head, MessageStream(sent, head), read_message)
