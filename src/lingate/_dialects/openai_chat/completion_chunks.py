# Canonical events as OpenAI's completion chunks: what streams of the SDK hold and the face sends.

from __future__ import annotations

from typing import Any

from lingate._dialects._face_errors import openai_error
from lingate._model import Call, Event, Extra, Finish, JsonDict, Refusal, Start, Text, Thinking, Usage
from lingate._wire import json
from lingate._wire.shapes import without
from lingate.errors import LingateError


class CompletionChunkBuilder:
    # Turns events into chunks, one event at a time.

    # `include_usage`: whether usage is told: in a chunk without choices, after the last finish reason.

    __slots__ = ("_base", "_include_usage", "_pending", "_usage")

    def __init__(self, include_usage: bool = True) -> None:
        self._include_usage = include_usage
        self._base: JsonDict = {"id": "", "object": "text_completion", "created": 0, "model": ""}
        self._pending: JsonDict = {}
        self._usage: JsonDict | None = None

    def chunk(self, event: Event) -> JsonDict | None:
        # The chunk for an event; None if it has none.
        match event:
            case Text(text, choice, _, logprobs):
                return self._chunk(choice, text, logprobs)
            case Refusal(text, choice):
                return self._chunk(choice, text)
            case Thinking(text, choice) if text:
                # The format has no place for it; this is the name that chats have for it.
                return self._chunk(choice, "", fields={"reasoning_content": text})
            case Finish(reason, choice, native):
                fields = {"native_finish_reason": native} if native and native != reason else {}
                return self._chunk(choice, "", reason=reason, fields=fields)
            case Start():
                self._base.update(id=event.id, created=event.created, model=event.model)
                self._pending = dict(event.extra or {})
            case Extra(fields, None):
                self._pending.update(fields)
            case Extra(fields, choice):
                return self._chunk(choice or 0, "", fields=fields)
            case Usage(usage):
                self._usage = usage
        return None

    def end(self) -> JsonDict | None:
        # What came after the answer and is not on any chunk yet; None if there is nothing.
        counts = {"usage": self._usage} if self._include_usage and self._usage is not None else {}
        if not counts and not self._pending:
            return None
        chunk: JsonDict = {**self._base, "choices": [], **self._pending, **counts}
        self._pending, self._usage = {}, None
        return chunk

    def _chunk(
        self,
        choice: int,
        text: str,
        logprobs: JsonDict | None = None,
        reason: str | None = None,
        fields: JsonDict | None = None,
    ) -> JsonDict:
        made = {"text": text, "index": choice, "logprobs": logprobs, "finish_reason": reason, **(fields or {})}
        chunk: JsonDict = {**self._base, "choices": [made]}
        if self._pending:
            chunk.update(self._pending)
            self._pending = {}
        return chunk


class CompletionEncoder:
    # `call`: the client's call; usage is sent only if its `stream_options` ask for it.

    content_type = "text/event-stream"

    __slots__ = ("_builder",)

    def __init__(self, call: Call) -> None:
        options: Any = call.body.get("stream_options")
        asked = isinstance(options, dict) and options.get("include_usage") is True
        self._builder = CompletionChunkBuilder(include_usage=asked)

    def event(self, event: Event) -> bytes:
        return _frame(self._builder.chunk(event))

    def end(self) -> bytes:
        return _frame(self._builder.end()) + b"data: [DONE]\n\n"

    def error(self, error: LingateError) -> bytes:
        return b"data: " + json.encode(openai_error(error)[1]) + b"\n\n"


def _frame(chunk: JsonDict | None) -> bytes:
    return b"" if chunk is None else b"data: " + json.encode(chunk) + b"\n\n"


def completion_of(chat: JsonDict) -> JsonDict:
    # A canonical completion from the chat response that a completion's events add up to.
    choices = []
    for choice in chat.get("choices") or ():
        message = without(choice["message"], ("role", "content"))
        rest = without(choice, ("message", "index"))
        if rest.get("native_finish_reason") == rest.get("finish_reason"):
            rest.pop("native_finish_reason", None)
        text = choice["message"].get("content") or ""
        choices.append({"text": text, "index": choice["index"], "logprobs": None, **rest, **message})
    return {**chat, "object": "text_completion", "choices": choices}
