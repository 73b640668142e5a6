"""Streams of InvokeModel: frames whose payload is a base64 copy of the event that the model's own API would send."""

from __future__ import annotations

import base64
from typing import Any

from lingate._dialects._counts import integer, usage_beside_caches
from lingate._dialects.anthropic.stream import MessageStream
from lingate._dialects.bedrock_converse.stream import ConverseStream
from lingate._dialects.bedrock_invoke.facts import METRICS
from lingate._dialects.openai_chat.stream import ChatDecoder
from lingate._model import Event, Failed, Head, HttpRequest, JsonDict, Usage
from lingate._wire.json import decode, encode
from lingate.errors import LingateError


def inner_event(payload: Any) -> JsonDict:
    """The event inside a chunk.

    Raises:
        ValueError: There is none.
    """
    data = payload.get("bytes") if isinstance(payload, dict) else None
    if not isinstance(data, str):
        raise ValueError("a chunk holds no bytes")
    event = decode(base64.b64decode(data, validate=True))
    if not isinstance(event, dict):
        raise ValueError("a chunk holds no object")
    return event


class AnthropicChunks:
    """Events of Anthropic's format in chunks."""

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        self._inner = MessageStream(sent, head)
        self.done = self.over = False

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        self._inner.read(inner_event(payload), out)
        self._note()

    def cut(self, out: list[Event]) -> None:
        self._inner.cut(out)
        self._note()

    def fail(self, error: LingateError, out: list[Event]) -> None:
        self._inner.fail(error, out)
        self._note()

    def _note(self) -> None:
        self.done, self.over = self._inner.done, self._inner.over


class NovaChunks(ConverseStream):
    """Events of Converse in chunks, each under its name."""

    __slots__ = ()

    def read(self, name: str, payload: Any, out: list[Event]) -> None:
        for event, inner in inner_event(payload).items():
            if event != METRICS and not self.over:
                super().read(event, inner, out)


class OpenAiChunks:
    """Chunks of OpenAI's format in chunks. What ends them is the field that Bedrock adds to the last."""

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        self._inner = ChatDecoder(sent, head)
        self._counted = False
        self.done = self.over = False

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
        self._note(out)

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
