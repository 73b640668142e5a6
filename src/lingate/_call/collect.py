# Stream events added up to one response. Pieces are appended to lists and joined once, at the end.

from __future__ import annotations

from contextlib import suppress
from typing import Any

from lingate._model import (
    Annotations,
    Call,
    Event,
    Extra,
    Failed,
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

LEGACY = "function_call"
"""Kind of the one call that answers the `functions` parameter; it is no member of `tool_calls`."""


def _joined(pieces: list[str]) -> str:
    # The pieces as one text; halves of an emoji that was cut in two between them make it whole again.
    text = "".join(pieces)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text


class _Tool:
    __slots__ = ("arguments", "extra", "id", "kind", "name")

    def __init__(self, start: ToolStart) -> None:
        self.id = start.id
        self.name = start.name
        self.kind = start.kind
        self.extra = start.extra
        self.arguments: list[str] = []

    def to_dict(self) -> JsonDict:
        text = _joined(self.arguments)
        if self.kind == LEGACY:
            return {"name": self.name, "arguments": text or "{}"}
        call: JsonDict = {"id": self.id, "type": self.kind}
        if self.kind == "function":
            call["function"] = {"name": self.name, "arguments": text or "{}"}
        else:
            call[self.kind] = {"name": self.name, "input": text}
        return {**call, **self.extra} if self.extra else call


class _Block:
    __slots__ = ("redacted", "signature", "text")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.signature: str | None = None
        self.redacted: str | None = None

    def to_dict(self) -> JsonDict:
        if self.redacted is not None:
            return {"type": "redacted_thinking", "data": self.redacted}
        block: JsonDict = {"type": "thinking", "thinking": _joined(self.text)}
        if self.signature is not None:
            block["signature"] = self.signature
        return block


class _Choice:
    __slots__ = (
        "annotations",
        "audio",
        "beside",
        "blocks",
        "extra",
        "finish",
        "images",
        "logprobs",
        "native",
        "refusal",
        "text",
        "tools",
    )

    def __init__(self) -> None:
        self.text: list[str] = []
        self.refusal: list[str] = []
        self.blocks: dict[int, _Block] = {}
        self.tools: dict[int, _Tool] = {}
        self.annotations: list[JsonDict] = []
        self.images: list[JsonDict] = []
        self.audio: JsonDict | None = None
        self.extra: JsonDict = {}
        self.beside: JsonDict = {}  # fields of the choice itself
        self.logprobs: JsonDict | None = None
        self.finish: str | None = None
        self.native: str | None = None

    def to_dict(self, index: int) -> JsonDict:
        choice: JsonDict = {"index": index, "message": self.message(), "finish_reason": self.finish}
        if self.logprobs is not None:
            choice["logprobs"] = self.logprobs
        if self.native is not None:
            choice["native_finish_reason"] = self.native
        for name, value in self.beside.items():
            choice.setdefault(name, value)
        return choice

    def message(self) -> JsonDict:
        text = _joined(self.text)
        message: JsonDict = {"role": "assistant", "content": text if text or not self.tools else None}
        if self.refusal:
            message["refusal"] = _joined(self.refusal)
        self._add_reasoning(message)
        self._add_calls(message)
        for name, value in (("annotations", self.annotations), ("images", self.images), ("audio", self.audio)):
            if value:
                message[name] = value
        message.update(self.extra)
        return message

    def _add_calls(self, message: JsonDict) -> None:
        tools = [self.tools[key] for key in sorted(self.tools)]
        calls = [tool.to_dict() for tool in tools if tool.kind != LEGACY]
        if calls:
            message["tool_calls"] = calls
        for tool in tools:
            if tool.kind == LEGACY:
                message[LEGACY] = tool.to_dict()

    def _add_reasoning(self, message: JsonDict) -> None:
        blocks = [self.blocks[key].to_dict() for key in sorted(self.blocks)]
        reasoning = "".join(block.get("thinking", "") for block in blocks)
        if reasoning:
            message["reasoning_content"] = reasoning
        if any("signature" in block or "data" in block for block in blocks):
            message["thinking_blocks"] = blocks


class Collector:
    # Takes events as they come and gives the response they add up to, at any time.

    __slots__ = ("_choices", "_created", "_extra", "_id", "_model", "usage")

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._id = ""
        self._model = ""
        self._created = 0
        self._extra: JsonDict = {}
        self.usage: JsonDict | None = None

    def add(self, event: Event) -> None:
        if type(event) is Text:  # the path of nearly every event
            choice = self._choices.get(event.choice)
            if choice is None:
                choice = self._choice(event.choice)
            choice.text.append(event.text)
            if event.logprobs is not None:
                _add_logprobs(choice, event.logprobs)
            return
        _ADD[type(event)](self, event)

    def response(self) -> JsonDict:
        # The canonical response so far; `finish_reason` is None for a choice that is not complete.
        data: JsonDict = {
            "id": self._id,
            "object": "chat.completion",
            "created": self._created,
            "model": self._model,
            "choices": [self._choices[index].to_dict(index) for index in sorted(self._choices)],
            "usage": self.usage,
        }
        for key, value in self._extra.items():
            data.setdefault(key, value)
        return data

    def texts(self, choice: int) -> list[str]:
        # The pieces of a choice's text; what is added to them is collected.
        return self._choice(choice).text

    def text_so_far(self) -> str:
        # Text of the first choice.
        choice = self._choices.get(0)
        return "".join(choice.text) if choice else ""

    def _choice(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice

    def _start(self, event: Start) -> None:
        self._id, self._model, self._created = event.id, event.model, event.created
        self._extra.update(event.extra or {})

    def _refusal(self, event: Refusal) -> None:
        self._choice(event.choice).refusal.append(event.text)

    def _thinking(self, event: Thinking) -> None:
        blocks = self._choice(event.choice).blocks
        block = blocks.get(event.block)
        if block is None:
            block = blocks[event.block] = _Block()
        block.text.append(event.text)
        if event.signature is not None:
            block.signature = (block.signature or "") + event.signature
        if event.redacted is not None:
            block.redacted = event.redacted

    def _tool_start(self, event: ToolStart) -> None:
        self._choice(event.choice).tools[event.tool] = _Tool(event)

    def _tool_args(self, event: ToolArgs) -> None:
        tool = self._choice(event.choice).tools.get(event.tool)
        if tool is not None:
            tool.arguments.append(event.text)

    def _media(self, event: Media) -> None:
        choice = self._choice(event.choice)
        if event.kind == "image":
            choice.images.append(event.data)
        elif choice.audio is None:
            choice.audio = dict(event.data)
        else:
            for key, value in event.data.items():
                # base64 data and transcript come in pieces, ids and times once
                grows = key in ("data", "transcript") and isinstance(choice.audio.get(key), str)
                choice.audio[key] = choice.audio[key] + value if grows else value

    def _annotations(self, event: Annotations) -> None:
        self._choice(event.choice).annotations.extend(event.items)

    def _usage(self, event: Usage) -> None:
        self.usage = event.usage

    def _finish(self, event: Finish) -> None:
        choice = self._choice(event.choice)
        choice.finish = event.reason
        choice.native = event.native

    def _add_extra(self, event: Extra) -> None:
        if event.choice is None:
            self._model = event.fields.get("model", self._model)
            self._extra.update(event.fields)
        else:
            choice = self._choice(event.choice)
            kept = choice.beside if event.on_choice else choice.extra
            for name, value in event.fields.items():
                with suppress(KeyError, TypeError):  # Groq's `executed_tools` come one by one
                    value = [*{item["index"]: item for item in kept[name] + value}.values()]
                kept[name] = value

    def _ignore(self, event: Event) -> None:
        return None


def answer_to(call: Call, collector: Collector) -> JsonDict:
    # What a call's events add up to: its response, where a completion's is made of a chat's.
    data = collector.response()
    if call.operation != "completions":
        return data
    from lingate._dialects.openai_chat.completion_chunks import completion_of  # few ask for them

    return completion_of(data)


def _add_logprobs(choice: _Choice, logprobs: JsonDict) -> None:
    if choice.logprobs is None:
        choice.logprobs = {key: list(value) if isinstance(value, list) else value for key, value in logprobs.items()}
        return
    for key, value in logprobs.items():
        have = choice.logprobs.get(key)
        if isinstance(have, list) and isinstance(value, list):
            have.extend(value)
        elif have is None:
            choice.logprobs[key] = list(value) if isinstance(value, list) else value


_ADD: dict[type, Any] = {
    Start: Collector._start,
    Refusal: Collector._refusal,
    Thinking: Collector._thinking,
    ToolStart: Collector._tool_start,
    ToolArgs: Collector._tool_args,
    Media: Collector._media,
    Annotations: Collector._annotations,
    Usage: Collector._usage,
    Finish: Collector._finish,
    Extra: Collector._add_extra,
    Opaque: Collector._ignore,
    Failed: Collector._ignore,
}


def add_cost(response: JsonDict, told: str | None) -> None:
    # Put what a gateway says in a header that an answer cost among its counts; 0 is what one says that does not know.
    usage = response.get("usage")
    with suppress(ValueError):
        if isinstance(usage, dict) and 0 < (cost := float(told or 0)) < 1e6:
            response["usage"] = {"cost": cost, **usage}
