"""Streams: AWS frames (`PayloadPart`) around whatever the container writes, cut anywhere."""

from __future__ import annotations

from typing import Any

from lingate._dialects._dates import created_at
from lingate._dialects._failure import body_failure, garbage
from lingate._dialects._faults import aws_error
from lingate._dialects._frames import exception_frame
from lingate._dialects._streamed import StreamedAnswer
from lingate._dialects.bedrock_converse.response import identity
from lingate._dialects.openai_chat.face import ChunkEncoder
from lingate._dialects.openai_chat.stream import ChatDecoder
from lingate._dialects.sagemaker.tgi import NAME, counted, finish_word
from lingate._model import Call, Event, Extra, Failed, Finish, Head, HttpRequest, JsonDict, Start, Text, Usage
from lingate._wire import eventstream
from lingate._wire.json import decode
from lingate._wire.ndjson import NdjsonDecoder
from lingate.errors import LingateError

PART = "PayloadPart"


class OpenAiParts:
    """A container that streams in OpenAI's format."""

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        self._inner = ChatDecoder(sent, head)
        self.done = self.over = False

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        if name == PART:
            out += self._inner.feed(payload)
            self._note(out)

    def cut(self, out: list[Event]) -> None:
        out += self._inner.finish()
        self._note(out)

    def fail(self, error: LingateError, out: list[Event]) -> None:
        out.append(Failed(error))
        self._note(out)

    def _note(self, out: list[Event]) -> None:
        self.done = self._inner.done
        self.over = self.done or (bool(out) and isinstance(out[-1], Failed))


class TgiParts(StreamedAnswer):
    """A text-generation container: server-sent events or lines of JSON, a token each; the last holds the whole text."""

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(sent)
        self._head = head
        self._lines = NdjsonDecoder()
        self._started = False

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        """Take the next bytes and append what they mean.

        Raises:
            ValueError: They are no events.
        """
        if name == PART:
            self._take(self._lines.feed(payload), out)

    def cut(self, out: list[Event]) -> None:
        """The bytes have ended."""
        try:
            self._take(self._lines.finish(), out)
        except ValueError:
            pass  # half a line: the stream was cut
        super().cut(out)

    def _take(self, lines: list[bytes], out: list[Event]) -> None:
        for line in lines:
            data = line.removeprefix(b"data:").strip()
            if self.over or data == b"[DONE]" or line.startswith((b":", b"event:", b"id:", b"retry:")):
                continue
            self._event(decode(data), out)

    def _event(self, raw: Any, out: list[Event]) -> None:
        target = self._sent.target
        if not isinstance(raw, dict):
            raise ValueError("an event must be an object")
        if raw.get("error"):
            self.fail(body_failure(raw, target) or garbage(target, "an error without words"), out)
            return
        if not self._started:
            self._started = True
            out.append(Start(identity(self._head), target.model, created_at(self._head), raw=raw))
        token = raw.get("token")
        if (
            isinstance(token, dict)
            and not token.get("special")
            and isinstance(token.get("text"), str)
            and token["text"]
        ):
            out.append(Text(token["text"], 0, raw))
        if raw.get("generated_text") is not None:
            self._end(raw, out)

    def _end(self, raw: JsonDict, out: list[Event]) -> None:
        details = raw.get("details")
        details = details if isinstance(details, dict) else {}
        usage = counted(details)
        if usage:
            out.append(Usage(usage, raw))
        if details:
            out.append(Extra({"provider_specific_fields": {NAME: {"details": details}}}, None, raw))
        reason = details.get("finish_reason")
        out.append(Finish(finish_word(reason), 0, reason if isinstance(reason, str) else None, raw))
        self.done = self.over = True


class Encoder:
    """Canonical events -> frames with OpenAI's chunks in them."""

    content_type = eventstream.CONTENT_TYPE

    def __init__(self, call: Call) -> None:
        self._inner = ChunkEncoder(call)

    def event(self, event: Event) -> bytes:
        return _part(self._inner.event(event))

    def end(self) -> bytes:
        return _part(self._inner.end())

    def error(self, error: LingateError) -> bytes:
        return eventstream.encode(*exception_frame("InternalStreamFailure", aws_error(error)[2]))


def _part(data: bytes) -> bytes:
    if not data:
        return b""
    headers = {":event-type": PART, ":content-type": "application/octet-stream", ":message-type": "event"}
    return eventstream.encode(headers, data)
