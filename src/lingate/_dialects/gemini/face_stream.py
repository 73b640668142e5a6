"""As a face: canonical events as the SSE of `streamGenerateContent`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lingate._dialects._draft import native_fields
from lingate._dialects._faults import google_error
from lingate._dialects._luggage import Packer
from lingate._dialects._signature import unseal
from lingate._dialects.gemini.face_response import (
    answer_fields,
    call_part,
    candidate_fields,
    finish_word,
    image_part,
    is_blocked,
)
from lingate._dialects.gemini.facts import NAME
from lingate._dialects.gemini.logprobs import native_logprobs
from lingate._dialects.gemini.passport import foreign_part
from lingate._dialects.gemini.sound import native_sound
from lingate._dialects.gemini.usage import native_usage
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
from lingate._wire.json import decode, encode
from lingate._wire.sse import encode as encode_event
from lingate.errors import LingateError


class _Tool:
    """A call whose arguments are on their way: this format has no pieces of them."""

    __slots__ = ("pieces", "start")

    def __init__(self, start: ToolStart) -> None:
        self.start = start
        self.pieces: list[str] = []

    def whole(self) -> bool:
        """Whether the arguments are a complete object; one that is cannot go on."""
        try:
            return isinstance(decode("".join(self.pieces) or "{}"), dict) and bool(self.pieces)
        except ValueError:
            return False

    def part(self) -> JsonDict:
        start = self.start
        function = {"name": start.name, "arguments": "".join(self.pieces)}
        return call_part({"id": start.id, "function": function, **(start.extra or {})}, {})


class _Candidate:
    """What is known of one choice until its end is told."""

    __slots__ = ("annotations", "extra", "finish", "packer", "refusal", "signed", "sound", "text", "thoughts", "tools")

    def __init__(self) -> None:
        self.packer = Packer(NAME)
        self.tools: dict[int, _Tool] = {}
        self.thoughts: dict[int, list[str]] = {}
        self.signed: dict[str, str] = {}
        self.text: list[str] = []
        self.sound = "pcm16"
        self.refusal = ""
        self.annotations: list[JsonDict] = []
        self.extra: JsonDict = {}
        self.finish: Finish | None = None


class Encoder:
    """Canonical events -> SSE. Each event is a whole answer with new parts only; the last ones say why it ended."""

    content_type = "text/event-stream"

    def __init__(self, call: Call) -> None:
        self._top: JsonDict = answer_fields("", call.model, 0)
        self._native: JsonDict = {}
        self._usage: JsonDict | None = None
        self._candidates: dict[int, _Candidate] = {}

    def event(self, event: Event) -> bytes:
        """The bytes of one event; none where it can be told only later."""
        if type(event) is Text and event.logprobs is None:
            return self._text(event)
        handler = _HANDLERS.get(type(event))
        return b"" if handler is None else handler(self, event)

    def end(self) -> bytes:
        """Tell why the answer ended and what it cost."""
        usage = {} if self._usage is None else {"usageMetadata": native_usage(self._usage)}
        said = [{"message": {"content": "".join(one.text)}} for one in self._candidates.values()]
        if is_blocked(self._native, said):
            return _sse({**usage, **self._top, **self._native})
        candidates = [self._ending(index, one) for index, one in sorted(self._candidates.items())]
        if not candidates:
            candidates = [{"content": {"parts": [], "role": "model"}, "finishReason": "STOP", "index": 0}]
        return _sse({"candidates": candidates, **usage, **self._top, **self._native})

    def error(self, error: LingateError) -> bytes:
        """An error in mid-stream."""
        return _sse(google_error(error)[1])

    def _ending(self, index: int, one: _Candidate) -> JsonDict:
        parts = [tool.part() for _, tool in sorted(one.tools.items())]
        reason = finish_word(one.finish.reason, one.finish.native) if one.finish else "STOP"
        message: JsonDict = {"content": "".join(one.text), "annotations": one.annotations, **one.extra}
        fields = candidate_fields(message)
        if one.refusal and reason == "STOP":
            parts = [{"text": one.refusal}, *parts]
        elif one.refusal:
            fields.setdefault("finishMessage", one.refusal)
        # Without any part the vendor's chats drop the whole turn from their history; its own streams end like this.
        parts = parts or [{"text": ""}]
        return {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": index, **fields}

    def _candidate(self, index: int) -> _Candidate:
        found = self._candidates.get(index)
        if found is None:
            found = self._candidates[index] = _Candidate()
        return found

    def _parts(self, index: int, parts: list[JsonDict], **fields: Any) -> bytes:
        """An event with new parts, behind those calls of the candidate that are complete."""
        tools = self._candidate(index).tools
        whole = [number for number, tool in sorted(tools.items()) if tool.whole()]
        parts = [*(tools.pop(number).part() for number in whole), *parts]
        candidate = {"content": {"parts": parts, "role": "model"}, "index": index, **fields}
        return _sse({"candidates": [candidate], **self._top})

    def _start(self, event: Start) -> bytes:
        self._top = answer_fields(event.id, event.model, event.created)
        self._native.update(native_fields(event.extra, NAME))
        return b""

    def _text(self, event: Text) -> bytes:
        self._candidate(event.choice).text.append(event.text)
        logprobs = native_logprobs(event.logprobs)
        fields = {"logprobsResult": logprobs} if logprobs else {}
        parts = [{"text": event.text}] if event.text else []
        return self._parts(event.choice, parts, **fields) if parts or fields else b""

    def _refusal(self, event: Refusal) -> bytes:
        self._candidate(event.choice).refusal += event.text
        return b""

    def _thinking(self, event: Thinking) -> bytes:
        one = self._candidate(event.choice)
        one.packer.take(event)
        told = one.thoughts.setdefault(event.block, [])
        parts: list[JsonDict] = []
        if event.text:
            told.append(event.text)
            parts.append({"text": event.text, "thought": True})
        if event.redacted is not None:
            parts.append(foreign_part({"type": "redacted_thinking", "data": event.redacted}))
        elif event.signature:
            own = unseal(event.signature, NAME)
            if own is None:
                thinking = {"type": "thinking", "thinking": "".join(told), "signature": event.signature}
                parts.append(foreign_part(thinking))
            else:
                owner, _, signature = own.rpartition("#")
                if owner:
                    one.signed[owner] = signature
                else:
                    parts.append({"text": "", "thoughtSignature": signature})
        return self._parts(event.choice, parts) if parts else b""

    def _tool_start(self, event: ToolStart) -> bytes:
        one = self._candidate(event.choice)
        one.packer.take(event)
        told = self._parts(event.choice, []) if any(tool.whole() for tool in one.tools.values()) else b""
        signature = one.signed.get(event.id)
        if signature and not event.extra:
            extra = {"extra_content": {"google": {"thought_signature": signature}}}
            event = ToolStart(event.tool, event.id, event.name, event.choice, event.kind, extra, event.raw)
        one.tools[event.tool] = _Tool(event)
        return told

    def _tool_args(self, event: ToolArgs) -> bytes:
        tool = self._candidate(event.choice).tools.get(event.tool)
        if tool is not None:
            tool.pieces.append(event.text)
        return b""

    def _media(self, event: Media) -> bytes:
        if event.kind == "image":
            made = image_part(event.data)
        else:
            one = self._candidate(event.choice)
            kind = event.data.get("format")
            one.sound = kind if isinstance(kind, str) else one.sound
            made = native_sound({**event.data, "format": one.sound})
        return self._parts(event.choice, [made]) if made else b""

    def _annotations(self, event: Annotations) -> bytes:
        self._candidate(event.choice).annotations += event.items
        return b""

    def _count(self, event: Usage) -> bytes:
        self._usage = event.usage
        return b""

    def _extra(self, event: Extra) -> bytes:
        if event.choice is None:
            self._native.update(native_fields(event.fields, NAME))
        else:
            one = self._candidate(event.choice)
            one.extra.update(event.fields)
            one.packer.take(event)
        return b""

    def _finish(self, event: Finish) -> bytes:
        # Usage may still come; the last event waits for it.
        one = self._candidate(event.choice)
        one.finish = event
        luggage = one.packer.block()
        return self._parts(event.choice, [foreign_part(luggage)]) if luggage else b""

    def _opaque(self, event: Opaque) -> bytes:
        part = event.raw.get("part") if event.dialect == NAME else None
        return self._parts(event.choice, [part]) if isinstance(part, dict) else b""


def _sse(value: JsonDict) -> bytes:
    return encode_event(encode(value))


_HANDLERS: dict[type, Callable[[Encoder, Any], bytes]] = {
    Start: Encoder._start,
    Text: Encoder._text,
    Refusal: Encoder._refusal,
    Thinking: Encoder._thinking,
    ToolStart: Encoder._tool_start,
    ToolArgs: Encoder._tool_args,
    Media: Encoder._media,
    Annotations: Encoder._annotations,
    Usage: Encoder._count,
    Extra: Encoder._extra,
    Finish: Encoder._finish,
    Opaque: Encoder._opaque,
}
