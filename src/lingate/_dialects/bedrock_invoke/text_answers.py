"""Answers of models that give text: whole and streamed, as canonical ones."""

from __future__ import annotations

from typing import Any

from lingate._dialects._counts import integer
from lingate._dialects._dates import created_at
from lingate._dialects._failure import garbage
from lingate._dialects._streamed import StreamedAnswer
from lingate._dialects.bedrock_converse.response import identity, read_object
from lingate._dialects.bedrock_invoke.chunks import inner_event
from lingate._dialects.bedrock_invoke.facts import GUARDRAIL, METRICS, NAME
from lingate._dialects.bedrock_invoke.texts import Piece, TextFormat, finish_word
from lingate._model import Event, Extra, Finish, Head, HttpRequest, JsonDict, Start, Text, Usage

_COUNTS = ("x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count")
_CACHED = ("x-amzn-bedrock-cache-read-input-token-count", "x-amzn-bedrock-cache-write-input-token-count")


def read_text(sent: HttpRequest, head: Head, body: bytes, form: TextFormat) -> tuple[JsonDict, JsonDict]:
    """A whole answer as a canonical response, and as it came.

    Raises:
        UpstreamError: The body is an error although the status says success.
        ProtocolError: It is not an answer of this format.
    """
    raw = read_object(body, sent.target)
    try:
        piece = form.whole(raw)
    except ValueError as error:
        raise garbage(sent.target, str(error)) from None
    if piece == Piece(""):
        raise garbage(sent.target, "there is no answer in it")
    reason = "guardrail_intervened" if raw.get(GUARDRAIL) == "INTERVENED" else piece.reason
    choice: JsonDict = {
        "index": 0,
        "message": {"role": "assistant", "content": piece.text},
        "finish_reason": finish_word(reason),
    }
    if isinstance(reason, str):
        choice["native_finish_reason"] = reason
    response: JsonDict = {
        "id": identity(head),
        "object": "chat.completion",
        "created": created_at(head),
        "model": sent.target.model,
        "choices": [choice],
    }
    usage = counted(head, piece.read, piece.written)
    if usage:
        response["usage"] = usage
    return {**response, "provider_specific_fields": {NAME: raw}}, raw


def counted(head: Head, read: int | None = None, written: int | None = None) -> JsonDict:
    """Token counts as a body gives them, else as the headers do."""
    from_headers = [_number(head.headers.get(name)) for name in (*_COUNTS, *_CACHED)]
    read = from_headers[0] if read is None else read
    written = from_headers[1] if written is None else written
    usage: JsonDict = {}
    if read is not None:
        usage["prompt_tokens"] = read + (from_headers[2] or 0) + (from_headers[3] or 0)
    if written is not None:
        usage["completion_tokens"] = written
    if read is not None and written is not None:
        usage["total_tokens"] = usage["prompt_tokens"] + written
    return usage


class TextChunks(StreamedAnswer):
    """One streamed answer; see `FramedStream`. What ends it is the field that Bedrock adds to the last event.

    A guardrail that blocks an answer sends one event without that field.
    """

    def __init__(self, sent: HttpRequest, head: Head, form: TextFormat) -> None:
        super().__init__(sent)
        self._head = head
        self._read = form.piece or form.whole
        self._started = False
        self._reason: str | None = None
        self._counts: dict[str, int | None] = {}

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        """Take the next event and append what it means.

        Raises:
            ValueError: It is none of this format.
        """
        raw = inner_event(payload)
        if not self._started:
            self._started = True
            out.append(Start(identity(self._head), self._sent.target.model, created_at(self._head), raw=raw))
        piece = self._read(raw)
        if piece.text:
            out.append(Text(piece.text, 0, raw))
        self._reason = piece.reason or self._reason
        self._count(piece)
        metrics = raw.get(METRICS)
        blocked = raw.get(GUARDRAIL) == "INTERVENED"
        if blocked:
            self._reason = "guardrail_intervened"
        if isinstance(metrics, dict):
            for key, name in (("read", "inputTokenCount"), ("written", "outputTokenCount")):
                if self._counts.get(key) is None:
                    self._counts[key] = integer(metrics.get(name))
        if isinstance(metrics, dict) or blocked:
            self._end(raw, out)

    def cut(self, out: list[Event]) -> None:
        """The bytes have ended."""
        if not self.over and self._reason is not None and self._sent.target.traits.get("stream_end") == "finish":
            self._end({}, out)
        else:
            super().cut(out)

    def _count(self, piece: Piece) -> None:
        for name, value in (("read", piece.read), ("written", piece.written)):
            if value is not None:
                self._counts[name] = value

    def _end(self, raw: JsonDict, out: list[Event]) -> None:
        usage = counted(self._head, self._counts.get("read"), self._counts.get("written"))
        if usage:
            out.append(Usage(usage, raw))
        extra = {key: value for key, value in raw.items() if key.startswith("amazon-bedrock-")}
        if extra:
            out.append(Extra({"provider_specific_fields": {NAME: extra}}, None, raw))
        out.append(Finish(finish_word(self._reason), 0, self._reason, raw))
        self.done = self.over = True


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
