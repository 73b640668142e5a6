# From the upstream: whole answers, the events of a stream, and their bytes, in canonical form.

# Beginnings and ends of citations become `Opaque` events besides what others see of them, so that a client of this very
# format gets them where the provider put them.

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._answers import (
    ERROR,
    canonical_reason,
    decode_object,
    garbage,
    malformed,
    new_id,
    provider_failed,
    settle,
)
from lingate._dialects._base import StreamDecoder
from lingate._dialects._check import Malformed
from lingate._dialects._draft import keep
from lingate._dialects._failure import body_failure
from lingate._dialects._reading import spoken
from lingate._dialects._sse_stream import SseStreamDecoder, StreamedAnswer
from lingate._dialects._times import created_at
from lingate._dialects.cohere.assistant import annotations_of, check_message, read_calls, read_message
from lingate._dialects.cohere.facts import NAME
from lingate._dialects.cohere.usage import canonical_logprobs, canonical_usage
from lingate._model import (
    Annotations,
    Event,
    Extra,
    Finish,
    Head,
    HttpRequest,
    JsonDict,
    Opaque,
    Start,
    Target,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate._wire.json import is_json
from lingate._wire.shapes import as_dict, as_str, dig, not_null
from lingate.errors import BadRequestError, LingateError

_TOP = frozenset({"id", "message", "finish_reason", "usage", "logprobs"})


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = decode_object(body, sent.target)
    message = raw.get("message")
    if not isinstance(message, dict):
        raise stated_error(raw, sent.target) or malformed(sent.target, "the answer has no message")
    native = raw.get("finish_reason")
    reason = canonical_reason(native)
    if reason == ERROR:
        raise provider_failed(sent.target, f"finish_reason {native}")
    choice: JsonDict = {"index": 0, "message": {}, "finish_reason": reason}
    choice["message"], choice["finish_reason"] = canonical_message(message, reason, sent)
    if isinstance(native, str):
        choice["native_finish_reason"] = native
    logprobs = canonical_logprobs(raw.get("logprobs"))
    if logprobs is not None:
        choice["logprobs"] = logprobs
    response: JsonDict = {
        "id": identity(raw.get("id")),
        "object": "chat.completion",
        "created": created_at(head),
        "model": sent.target.model,
        "choices": [choice],
        "usage": canonical_usage(raw.get("usage")),
    }
    return keep(response, NAME, not_null(raw, _TOP)), raw


def canonical_message(native: Any, reason: str | None, sent: HttpRequest) -> tuple[JsonDict, str]:
    # An assistant's message in canonical form, and why it ended.
    # Raises ProtocolError: it is no message.
    try:
        check_message(native, "message")
    except Malformed as flaw:
        raise garbage(sent.target, str(flaw)) from None
    reading, calls = read_message(native), read_calls(native)
    answers = [call for call in calls if call["function"]["name"] == sent.answer_tool]
    if answers:
        calls = [call for call in calls if call["function"]["name"] != sent.answer_tool]
        reading.text, reading.kept, reading.annotations = answers[0]["function"]["arguments"], None, []
    for call in calls:
        call["id"] = call["id"] or new_id("call_")
    whole = all(is_json(call["function"]["arguments"]) for call in calls)
    message = spoken(
        reading.text or (None if calls else ""),
        reasoning_content=reading.reasoning,
        tool_calls=calls,
        annotations=reading.annotations,
        provider_specific_fields=reading.kept and {NAME: reading.kept},
    )
    return message, settle(reason, calls=bool(calls), whole=whole)


def identity(given: Any) -> str:
    # The answer's id, or one of ours.
    return as_str(given) or new_id("chatcmpl-")


def stated_error(value: JsonDict, target: Target) -> LingateError | None:
    # The error in a body or event that has a message in words where an answer should be; None if it has none.
    found, text = body_failure(value, target), value.get("message")
    if isinstance(text, str) and text:
        found = found or body_failure({"error": {"message": text}}, target)
        if type(found) is BadRequestError:
            # A request that was wrong would have been told so by its status.
            return provider_failed(target, text)
    return found


_PLAN = -1
"""Stands for the plan among the indices of content blocks."""


@dataclass(slots=True)
class _Block:
    # One content block, or the plan.

    kind: str
    number: int = 0
    pieces: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Call:
    # One tool call; `answer` if its arguments are the structured answer, `number` is -1 then.

    number: int
    answer: bool
    pieces: list[str] = field(default_factory=list)


class MessageStream(StreamedAnswer):
    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(sent)
        self._head = head
        self._blocks: list[_Block] = []
        self._open: dict[int, _Block] = {}  # by index, which some count from 0 again after the thinking
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._thoughts = 0
        self._citations: list[JsonDict] = []
        self._started = False

    def read(self, raw: Any, out: list[Event]) -> None:
        if not isinstance(raw, dict):
            self._broken("a stream event must be an object", out)
            return
        kind = raw.get("type")
        if kind == "content-delta":
            try:
                # The path of nearly every event, so it is walked without further calls.
                content = raw["delta"]["message"]["content"]
                text, block = content["text"], self._open[raw["index"]]
                if type(text) is str and text and block.kind == "text" and self._held is None and len(raw) == 3:
                    block.pieces.append(text)
                    out.append(Text(text, 0, raw))
                    return
            except (KeyError, TypeError):
                pass
            self._on_content_delta(raw, out)
            return
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        error = stated_error(raw, self._sent.target) if handler is None else None
        if error is not None:
            self.fail(error, out)
        elif handler is not None:
            handler(self, raw, out)
        else:
            out.append(Opaque(NAME, raw))

    def _start(self, raw: JsonDict, out: list[Event], given: Any = None) -> None:
        if not self._started:
            self._started = True
            out.append(Start(identity(given), self._sent.target.model, created_at(self._head), raw=raw))

    def _on_start(self, raw: JsonDict, out: list[Event]) -> None:
        self._start(raw, out, raw.get("id"))

    def _on_content_start(self, raw: JsonDict, out: list[Event]) -> None:
        self._start(raw, out)
        content = _inside(raw, "content")
        kind = content.get("type")
        if not isinstance(kind, str):
            kind = "thinking" if content.get("thinking") else "text"
        block = self._open[_index(raw)] = _Block(kind)
        self._blocks.append(block)
        if kind == "thinking":
            block.number = self._thoughts
            self._thoughts += 1
        self._add_content(block, content, raw, out)

    def _on_content_delta(self, raw: JsonDict, out: list[Event]) -> None:
        self._start(raw, out)
        content = _inside(raw, "content")
        block = self._open.get(_index(raw))
        if block is None:
            self._on_content_start(raw, out)
        else:
            self._add_content(block, content, raw, out)

    def _add_content(self, block: _Block, content: JsonDict, raw: JsonDict, out: list[Event]) -> None:
        piece = content.get(block.kind)
        logprobs = canonical_logprobs(raw["logprobs"]) if "logprobs" in raw else None
        if piece is None:
            return
        if not isinstance(piece, str):
            self._broken(f"{block.kind}: must be a string", out)
        elif block.kind == "text":
            if piece or logprobs:
                block.pieces.append(piece)
                self._tell(Text(piece, 0, raw, logprobs), out)
        elif piece:
            block.pieces.append(piece)
            if block.kind == "thinking":
                out.append(Thinking(piece, 0, block.number, raw=raw))

    def _on_plan(self, raw: JsonDict, out: list[Event]) -> None:
        self._start(raw, out)
        message = _message(raw)
        piece = message.get("tool_plan")
        if piece is not None and not isinstance(piece, str):
            self._broken("tool_plan: must be a string", out)
        elif piece:
            block = self._open.get(_PLAN)
            if block is None:
                block = self._open[_PLAN] = _Block("tool_plan", self._thoughts)
                self._thoughts += 1
            block.pieces.append(piece)
            out.append(Thinking(piece, 0, block.number, raw=raw))

    def _on_call_start(self, raw: JsonDict, out: list[Event]) -> None:
        self._start(raw, out)
        call = _inside(raw, "tool_calls")
        function = call.get("function")
        name = dig(function, "name")
        if not isinstance(function, dict) or not isinstance(name, str) or not name:
            self._broken("tool_calls.function.name: must be a string that is not empty", out)
            return
        answer = name == self._sent.answer_tool
        made = _Call(-1 if answer else sum(not known.answer for known in self._calls), answer)
        self._by_index[_index(raw, len(self._calls))] = made
        self._calls.append(made)
        if not answer:
            given = as_str(call.get("id")) or new_id("call_")
            out.append(ToolStart(made.number, given, name, raw=raw))
        self._add_arguments(made, function, raw, out)

    def _on_call_delta(self, raw: JsonDict, out: list[Event]) -> None:
        call = self._by_index.get(_index(raw, len(self._calls) - 1))
        function = _inside(raw, "tool_calls").get("function")
        if call is None:
            self._broken("a piece of a tool call before its beginning", out)
        elif isinstance(function, dict):
            self._add_arguments(call, function, raw, out)

    def _add_arguments(self, call: _Call, function: JsonDict, raw: JsonDict, out: list[Event]) -> None:
        piece = function.get("arguments")
        if piece is not None and not isinstance(piece, str):
            self._broken("tool_calls.function.arguments: must be a string", out)
        elif piece and (call.pieces or piece != "null"):  # where there are none, Cohere may say so
            call.pieces.append(piece)
            if not call.answer:
                out.append(ToolArgs(call.number, piece, 0, raw))
            elif not self._answered:
                out.append(Text(piece, 0, raw))

    def _on_call_end(self, raw: JsonDict, out: list[Event]) -> None:
        call = self._by_index.get(_index(raw, len(self._calls) - 1))
        if call is not None:
            self._close(call, raw, out)

    def _close(self, call: _Call, raw: JsonDict, out: list[Event]) -> None:
        if not call.pieces:
            self._add_arguments(call, {"arguments": "{}"}, raw, out)
        self._answered = self._answered or call.answer

    def _on_citation(self, raw: JsonDict, out: list[Event]) -> None:
        found = _message(raw).get("citations")
        items = [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]
        self._citations += items
        if self._held is None:
            out.append(Opaque(NAME, raw))
            notes = annotations_of(items, self._offsets())
            if notes:
                out.append(Annotations(notes, raw=raw))

    def _on_mark(self, raw: JsonDict, out: list[Event]) -> None:
        if self._held is None and raw.get("type") == "citation-end":
            out.append(Opaque(NAME, raw))

    def _on_end(self, raw: JsonDict, out: list[Event]) -> None:
        delta = as_dict(raw.get("delta"))
        native = delta.get("finish_reason")
        reason = canonical_reason(native)
        said = delta.get("error")
        if said or reason == ERROR:
            target = self._sent.target
            words = stated_error({"message": said}, target) if isinstance(said, str) else None
            self.fail(words or provider_failed(target, f"finish_reason {native}"), out)
            return
        self._start(raw, out, raw.get("id"))
        for call in self._calls:
            self._close(call, raw, out)
        self._tell_held(raw, out)
        usage = canonical_usage(delta.get("usage"))
        if usage is not None:
            out.append(Usage(usage, raw))
        self._tell_kept(raw, out)
        calls = [call for call in self._calls if not call.answer]
        whole = all(is_json("".join(call.pieces)) for call in calls)
        word = settle(reason, calls=bool(calls), whole=whole)
        out.append(Finish(word, 0, native if isinstance(native, str) else None, raw))
        self.done = self.over = True

    def _tell_kept(self, raw: JsonDict, out: list[Event]) -> None:
        # What the canonical form does not give back: several texts, reasoning in unusual places, citations.
        if self._answered:
            return
        message: JsonDict = {"content": self._content(), "citations": self._citations}
        plan = self._open.get(_PLAN)
        if plan is not None:
            message["tool_plan"] = "".join(plan.pieces)
        try:
            check_message(message, "message")
        except Malformed:
            return
        if self._calls:
            message["tool_calls"] = [{}]
        kept = read_message(message).kept
        if kept:
            out.append(Extra({"provider_specific_fields": {NAME: kept}}, 0, raw))

    def _content(self) -> list[JsonDict]:
        return [{"type": block.kind, block.kind: "".join(block.pieces)} for block in self._blocks if block.pieces]

    def _offsets(self) -> dict[int, int]:
        # Where in the whole text each content block begins.
        offsets, length = {}, 0
        for n, block in enumerate(self._blocks):
            offsets[n] = length
            if block.kind == "text":
                length += sum(map(len, block.pieces))
        return offsets


def _message(raw: JsonDict) -> JsonDict:
    return as_dict(dig(raw, "delta", "message"))


def _inside(raw: JsonDict, name: str) -> JsonDict:
    return as_dict(_message(raw).get(name))


def _index(raw: JsonDict, default: int = 0) -> int:
    index = raw.get("index")
    return index if type(index) is int and index >= 0 else default


_HANDLERS = {
    "message-start": MessageStream._on_start,
    "content-start": MessageStream._on_content_start,
    "content-end": MessageStream._on_mark,
    "tool-plan-delta": MessageStream._on_plan,
    "tool-call-start": MessageStream._on_call_start,
    "tool-call-delta": MessageStream._on_call_delta,
    "tool-call-end": MessageStream._on_call_end,
    "citation-start": MessageStream._on_citation,
    "citation-end": MessageStream._on_mark,
    "message-end": MessageStream._on_end,
}


def stream_decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    return SseStreamDecoder(sent, head, MessageStream(sent, head), read_chat)
