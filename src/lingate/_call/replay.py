"""A whole response as the stream it could have been: for providers that ignore `stream`, for caches, for the simulator."""

from __future__ import annotations

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

_MESSAGE_FIELDS = frozenset(
    {
        "role",
        "content",
        "refusal",
        "tool_calls",
        "reasoning_content",
        "thinking_blocks",
        "annotations",
        "audio",
        "images",
    }
)
_TOP_FIELDS = frozenset({"id", "object", "created", "model", "choices", "usage"})


def events_of(data: JsonDict, raw: JsonDict | None = None) -> list[Event]:
    """Take a canonical response apart into events; collecting them gives an equal response."""
    extra = {key: value for key, value in data.items() if key not in _TOP_FIELDS}
    events: list[Event] = [
        Start(data.get("id") or "", data.get("model") or "", data.get("created") or 0, extra or None, raw)
    ]
    for choice in data.get("choices") or ():
        events += _choice_events(choice)
    if data.get("usage"):
        events.append(Usage(data["usage"], raw))
    return events


def _choice_events(choice: JsonDict) -> list[Event]:
    index: int = choice.get("index") or 0
    message: JsonDict = choice.get("message") or {}
    events: list[Event] = _thinking_events(message, index)
    content = message.get("content")
    if content:
        events.append(Text(content, index, logprobs=choice.get("logprobs")))
    if message.get("refusal"):
        events.append(Refusal(message["refusal"], index))
    for position, tool in enumerate(message.get("tool_calls") or ()):
        events += _tool_events(tool, position, index)
    if message.get("annotations"):
        events.append(Annotations(message["annotations"], index))
    if message.get("audio"):
        events.append(Media("audio", message["audio"], index))
    events += [Media("image", image, index) for image in message.get("images") or ()]
    rest = {key: value for key, value in message.items() if key not in _MESSAGE_FIELDS}
    if rest:
        events.append(Extra(rest, index))
    events.append(Finish(choice.get("finish_reason") or "stop", index, choice.get("native_finish_reason")))
    return events


def _thinking_events(message: JsonDict, index: int) -> list[Event]:
    events: list[Event] = []
    blocks = message.get("thinking_blocks")
    if not blocks:
        return [Thinking(message["reasoning_content"], index)] if message.get("reasoning_content") else events
    for number, block in enumerate(blocks):
        if block.get("type") == "redacted_thinking":
            events.append(Thinking("", index, number, redacted=block.get("data")))
            continue
        events.append(Thinking(block.get("thinking") or "", index, number))
        if block.get("signature"):
            events.append(Thinking("", index, number, signature=block["signature"]))
    return events


def _tool_events(tool: JsonDict, position: int, index: int) -> list[Event]:
    kind = tool.get("type") or "function"
    body: Any = tool.get(kind) or {}
    arguments = body.get("arguments") if kind == "function" else body.get("input")
    extra = {key: value for key, value in tool.items() if key not in ("id", "type", "index", kind)}
    return [
        ToolStart(position, tool.get("id") or "", body.get("name") or "", index, kind, extra or None),
        ToolArgs(position, arguments or "", index),
    ]
