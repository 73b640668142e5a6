# Answers of InvokeModel: those of models that give text, and all streams.

# A frame's payload is a base64 copy of the event that the model's own API would send.

from __future__ import annotations

import base64
from typing import Any

from lingate._dialects._answers import garbage
from lingate._dialects._counts import integer, usage_beside_caches
from lingate._dialects.anthropic.stream import MessageStream
from lingate._dialects.bedrock_converse.response import identity, read_object, whole_answer
from lingate._dialects.bedrock_converse.stream import ConverseStream, HeadedAnswer
from lingate._dialects.bedrock_invoke.facts import GUARDRAIL, METRICS, NAME, OWN
from lingate._dialects.bedrock_invoke.texts import Piece, TextFormat, finish_word
from lingate._dialects.openai_chat.stream import ChatDecoder
from lingate._model import Event, Extra, Failed, Finish, Head, HttpRequest, JsonDict, Text, Usage
from lingate._wire.json import decode, encode
from lingate._wire.shapes import as_dict, dig, not_null, without
from lingate.errors import LingateError


def inner_event(payload: Any) -> JsonDict:
    # The event inside a chunk.
    # Raises ValueError: there is none.
    data = dig(payload, "bytes")
    if not isinstance(data, str):
        raise ValueError("a chunk holds no bytes")
    event = decode(base64.b64decode(data, validate=True))
    if not isinstance(event, dict):
        raise ValueError("a chunk holds no object")
    return event


class Guarded:
    # A stream in which a guardrail may have put its own words in the place of the model's, whose reason is as ever.

    _blocked = False

    def _judge(self, event: JsonDict, out: list[Event]) -> None:
        self._blocked = self._blocked or event.get(GUARDRAIL) == "INTERVENED"
        for told in out if self._blocked else ():
            if isinstance(told, Finish):
                told.reason, told.native = "content_filter", "guardrail_intervened"


class AnthropicChunks(Guarded):
    def __init__(self, sent: HttpRequest, head: Head) -> None:
        self._inner = MessageStream(sent, head)
        self._begin: list[JsonDict] = [{"type": "message_start", "message": {"id": identity(head)}}]
        self.done = self.over = False

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        event = inner_event(payload)
        if "completion" in event:
            self._read_first_format(event, out)
        else:
            self._inner.read(event, out)
        self._judge(event, out)
        self._note()

    def _read_first_format(self, raw: JsonDict, out: list[Event]) -> None:
        # Anthropic's first format, as events of its second.
        delta = {"type": "text_delta", "text": raw["completion"]}
        events = [*self._begin, {"type": "content_block_delta", "index": 0, "delta": delta}]
        self._begin = []
        if raw.get("stop_reason"):
            counts = as_dict(raw.get(METRICS))
            usage = {"input_tokens": counts.get("inputTokenCount"), "output_tokens": counts.get("outputTokenCount")}
            events += [{"type": "message_delta", "delta": {"stop_reason": raw["stop_reason"]}, "usage": usage}]
            events += [{"type": "message_stop"}]
        for event in events:
            if not self._inner.over:
                self._inner.read(event, out)

    def cut(self, out: list[Event]) -> None:
        self._inner.cut(out)
        self._note()

    def fail(self, error: LingateError, out: list[Event]) -> None:
        self._inner.fail(error, out)
        self._note()

    def _note(self) -> None:
        self.done, self.over = self._inner.done, self._inner.over


class NovaChunks(ConverseStream, Guarded):
    # Events of Converse in chunks, each under its name.

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        told = inner_event(payload)
        own = {name: value for name, value in told.items() if name.startswith(OWN)}
        self._extra.update(without(own, (METRICS,)))
        for event, inner in told.items():
            if event not in own and not self.over:
                super().read(event, inner, out)
        self._judge(told, out)


class OpenAiEvents:
    def __init__(self, sent: HttpRequest, head: Head) -> None:
        self._inner = ChatDecoder(sent, head)
        self.done = self.over = False

    def cut(self, out: list[Event]) -> None:
        out += self._inner.finish()
        self._note(out)

    def fail(self, error: LingateError, out: list[Event]) -> None:
        out.append(Failed(error))
        self._note(out)

    def _note(self, out: list[Event]) -> None:
        self.done = self._inner.done
        self.over = self.done or self._failed(out)

    def _failed(self, out: list[Event]) -> bool:
        return bool(out) and isinstance(out[-1], Failed)


class OpenAiChunks(OpenAiEvents, Guarded):
    # Chunks of OpenAI's format in chunks. What ends them is the field that Bedrock adds to the last.

    _counted = False

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        event = inner_event(payload)
        out += self._inner.feed(b"data: " + encode(event) + b"\n\n")
        self._counted = self._counted or bool(event.get("usage"))
        metrics = event.get(METRICS)
        if METRICS in event and not self._failed(out):
            if not self._counted and isinstance(metrics, dict):
                read, written = integer(metrics.get("inputTokenCount")), integer(metrics.get("outputTokenCount"))
                if usage := usage_beside_caches(read, written, None, None):
                    out.append(Usage(usage, event))
            out += self._inner.feed(b"data: [DONE]\n\n")
        self._judge(event, out)
        self._note(out)


_COUNTS = ("x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count")
_CACHED = ("x-amzn-bedrock-cache-read-input-token-count", "x-amzn-bedrock-cache-write-input-token-count")


def read_text(sent: HttpRequest, head: Head, body: bytes, form: TextFormat) -> tuple[JsonDict, JsonDict]:
    raw = read_object(body, sent.target)
    try:
        piece = form.whole(raw)
    except ValueError as error:
        raise garbage(sent.target, str(error)) from None
    if piece == Piece(""):
        raise garbage(sent.target, "there is no answer in it")
    reason = "guardrail_intervened" if raw.get(GUARDRAIL) == "INTERVENED" else piece.reason
    message, usage = {"role": "assistant", "content": piece.text}, counted(head, piece.read, piece.written) or None
    response = whole_answer(sent, head, message, finish_word(reason), reason, usage)
    return {**response, "provider_specific_fields": {NAME: raw}}, raw


def counted(head: Head, read: int | None = None, written: int | None = None) -> JsonDict:
    # Token counts as a body gives them, else as the headers do.
    from_headers = [integer(head.headers.get(name)) for name in (*_COUNTS, *_CACHED)]
    read = from_headers[0] if read is None else read
    written = from_headers[1] if written is None else written
    return usage_beside_caches(read, written, from_headers[2] or None, from_headers[3] or None)


class TextChunks(HeadedAnswer):
    # One streamed answer; see `FramedStream`. What ends it is the field that Bedrock adds to the last event.

    # A guardrail that blocks an answer sends one event without that field.

    def __init__(self, sent: HttpRequest, head: Head, form: TextFormat) -> None:
        super().__init__(sent, head)
        self._read = form.piece or form.whole
        self._reason: str | None = None
        self._counts: JsonDict = {}

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        # Raises ValueError: it is none of this format.
        raw = inner_event(payload)
        self._begin(raw, out)
        piece = self._read(raw)
        if piece.text:
            out.append(Text(piece.text, 0, raw))
        self._reason = piece.reason or self._reason
        self._counts.update(not_null({"read": piece.read, "written": piece.written}))
        metrics = raw.get(METRICS)
        blocked = raw.get(GUARDRAIL) == "INTERVENED"
        if blocked:
            self._reason = "guardrail_intervened"
        if isinstance(metrics, dict):
            told = {"read": metrics.get("inputTokenCount"), "written": metrics.get("outputTokenCount")}
            self._counts = {**{name: integer(count) for name, count in told.items()}, **self._counts}
        if isinstance(metrics, dict) or blocked:
            self._end(raw, out)

    def cut(self, out: list[Event]) -> None:
        if self._reason is not None and self._may_end():
            self._end({}, out)
        else:
            super().cut(out)

    def _end(self, raw: JsonDict, out: list[Event]) -> None:
        usage = counted(self._head, **self._counts)
        if usage:
            out.append(Usage(usage, raw))
        extra = {key: value for key, value in raw.items() if key.startswith(OWN)}
        if extra:
            out.append(Extra({"provider_specific_fields": {NAME: extra}}, None, raw))
        out.append(Finish(finish_word(self._reason), 0, self._reason, raw))
        self.done = self.over = True
