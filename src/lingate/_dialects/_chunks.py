# Canonical events as OpenAI chat completion chunks: what streams of the SDK hold and the face sends.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lingate._model import (
    Annotations,
    Event,
    Extra,
    Finish,
    JsonDict,
    Media,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate._wire.shapes import without

_NO_FIELDS: JsonDict = {}


class ChunkBuilder:
    # Turns events into chunks, one event at a time.

    # Usage makes a last chunk of its own, without choices, as in OpenAI's own streams, whenever the provider reports
    # it.
    # `model`: name of the model on the chunks; by default the one the provider gave.
    # `include_usage`: whether usage is on the chunks at all.

    __slots__ = (
        "_base",
        "_counts",
        "_custom",
        "_include_usage",
        "_legacy",
        "_model",
        "_pending",
        "_roles",
        "_thoughts",
        "_usage",
    )

    def __init__(self, model: str | None = None, include_usage: bool = True) -> None:
        self._model = model
        self._include_usage = include_usage
        self._base: JsonDict = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": model or ""}
        self._roles: set[int] = set()
        self._custom: set[tuple[int, int]] = set()
        self._legacy: set[tuple[int, int]] = set()
        self._thoughts: dict[tuple[int, int], list[str]] = {}
        self._pending: JsonDict | None = None
        self._usage: JsonDict | None = None
        self._counts: dict[tuple[str, int], int] = {}

    def chunk(self, event: Event) -> JsonDict | None:
        # The chunk for an event; None if it has none.
        if type(event) is Text and event.logprobs is None and self._pending is None and event.choice in self._roles:
            return {  # as `of_text`, without another call for each token
                **self._base,
                "choices": [{"index": event.choice, "delta": {"content": event.text}, "finish_reason": None}],
            }
        write = _WRITERS.get(type(event))
        return None if write is None else write(self, event)

    def of_text(self, text: str, choice: int) -> JsonDict:
        return {**self._base, "choices": [{"index": choice, "delta": {"content": text}, "finish_reason": None}]}

    def end(self) -> JsonDict | None:
        # What came after the answer and is not on any chunk yet; None if there is nothing.
        if self._usage is None and self._pending is None:
            return None
        return self.closing()

    def closing(self) -> JsonDict:
        # A chunk without choices, with everything that is not on any chunk yet.
        chunk: JsonDict = {**self._base, "choices": [], **(self._pending or {})}
        if self._usage is not None:
            chunk["usage"] = self._usage
        self._pending = self._usage = None
        return chunk

    def _chunk(self, index: int, delta: JsonDict, reason: str | None = None, fields: JsonDict = _NO_FIELDS) -> JsonDict:
        if index not in self._roles:
            self._roles.add(index)
            delta = {"role": "assistant", **delta}
        chunk: JsonDict = {
            **self._base,
            "choices": [{"index": index, "delta": delta, "finish_reason": reason, **fields}],
        }
        if self._pending is not None:
            chunk.update(self._pending)
            self._pending = None
        return chunk

    def _start(self, event: Start) -> JsonDict:
        self._base = {
            "id": event.id,
            "object": "chat.completion.chunk",
            "created": event.created,
            "model": self._model or event.model,
        }
        for name in ("system_fingerprint", "service_tier"):
            if event.extra and name in event.extra:
                self._base[name] = event.extra[name]
        self._pending = without(event.extra or {}, self._base) or None
        return self._chunk(0, {"content": ""})

    def _text(self, event: Text) -> JsonDict:
        fields = _NO_FIELDS if event.logprobs is None else {"logprobs": event.logprobs}
        return self._chunk(event.choice, {"content": event.text}, None, fields)

    def _refusal(self, event: Refusal) -> JsonDict:
        return self._chunk(event.choice, {"refusal": event.text})

    def _thinking(self, event: Thinking) -> JsonDict:
        # A signature completes a block: the chunk then has the whole block, ready to be sent back with the next turn.
        told = self._thoughts.setdefault((event.choice, event.block), [])
        delta: JsonDict = {}
        if event.text:
            told.append(event.text)
            delta["reasoning_content"] = event.text
        if event.redacted is not None:
            delta["thinking_blocks"] = self._numbered(
                "thinking_blocks", event.choice, [{"type": "redacted_thinking", "data": event.redacted}]
            )
        elif event.signature is not None:
            block = {"type": "thinking", "thinking": "".join(told), "signature": event.signature}
            delta["thinking_blocks"] = self._numbered("thinking_blocks", event.choice, [block])
            told.clear()
        return self._chunk(event.choice, delta)

    def _tool_start(self, event: ToolStart) -> JsonDict:
        key = (event.choice, event.tool)
        if event.kind == "function_call":
            self._legacy.add(key)
            return self._chunk(event.choice, {"function_call": {"name": event.name, "arguments": ""}})
        call: JsonDict = {"index": event.tool, "id": event.id, "type": event.kind, **(event.extra or {})}
        if event.kind == "custom":
            self._custom.add(key)
            call["custom"] = {"name": event.name, "input": ""}
        else:
            call["function"] = {"name": event.name, "arguments": ""}
        return self._chunk(event.choice, {"tool_calls": [call]})

    def _tool_args(self, event: ToolArgs) -> JsonDict:
        key = (event.choice, event.tool)
        if key in self._legacy:
            return self._chunk(event.choice, {"function_call": {"arguments": event.text}})
        piece = {"custom": {"input": event.text}} if key in self._custom else {"function": {"arguments": event.text}}
        return self._chunk(event.choice, {"tool_calls": [{"index": event.tool, **piece}]})

    def _media(self, event: Media) -> JsonDict:
        if event.kind == "audio":
            return self._chunk(event.choice, {"audio": event.data})
        return self._chunk(event.choice, {"images": self._numbered("images", event.choice, [event.data])})

    def _annotations(self, event: Annotations) -> JsonDict:
        return self._chunk(event.choice, {"annotations": self._numbered("annotations", event.choice, event.items)})

    def _numbered(self, name: str, choice: int, items: list[JsonDict]) -> list[JsonDict]:
        # The items with their places in the whole list, without which the openai package refuses to add deltas up.
        first = self._counts.get((name, choice), 0)
        self._counts[name, choice] = first + len(items)
        return [{**item, "index": first + at} if item.get("index") is None else item for at, item in enumerate(items)]

    def _finish(self, event: Finish) -> JsonDict:
        told = event.native and event.native != event.reason
        fields = {"native_finish_reason": event.native} if told else _NO_FIELDS
        return self._chunk(event.choice, {}, event.reason, fields)

    def _extra(self, event: Extra) -> JsonDict | None:
        if event.choice is None:
            self._pending = {**(self._pending or {}), **without(event.fields, ("model",))} or None
            return None
        if event.on_choice:
            return self._chunk(event.choice, {}, None, event.fields)
        details = event.fields.get("reasoning_details")
        fields = (
            {**event.fields, "reasoning_details": _distinct(details)} if isinstance(details, list) else event.fields
        )
        return self._chunk(event.choice, fields)

    def _count(self, event: Usage) -> None:
        if self._include_usage:
            self._usage = event.usage


def _distinct(details: list[Any]) -> list[Any]:
    # Whole details with a number each of their own: the openai package would make one of two that share theirs.
    numbers = {detail["index"] for detail in details if isinstance(detail, dict) and type(detail.get("index")) is int}
    if len(numbers) == len(details):
        return details
    return [{**detail, "index": at} if isinstance(detail, dict) else detail for at, detail in enumerate(details)]


_WRITERS: dict[type[Any], Callable[[ChunkBuilder, Any], JsonDict | None]] = {
    Start: ChunkBuilder._start,
    Text: ChunkBuilder._text,
    Refusal: ChunkBuilder._refusal,
    Thinking: ChunkBuilder._thinking,
    ToolStart: ChunkBuilder._tool_start,
    ToolArgs: ChunkBuilder._tool_args,
    Media: ChunkBuilder._media,
    Annotations: ChunkBuilder._annotations,
    Finish: ChunkBuilder._finish,
    Extra: ChunkBuilder._extra,
    Usage: ChunkBuilder._count,
}
