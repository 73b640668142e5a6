"""A whole canonical response as the events of a stream."""

from __future__ import annotations

from lingate._dialects.openai_chat.reading import new_id
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

_TOP = frozenset({"id", "object", "created", "model", "choices", "usage"})
_CHOICE = frozenset({"index", "message", "finish_reason", "native_finish_reason", "logprobs"})
_MESSAGE = frozenset(
    {
        "role",
        "content",
        "refusal",
        "reasoning_content",
        "thinking_blocks",
        "tool_calls",
        "function_call",
        "audio",
        "images",
        "annotations",
    }
)

_CALL = frozenset({"id", "type", "function", "custom", "index"})


def replay(response: JsonDict, raw: JsonDict | None = None) -> list[Event]:
    """The events by which a stream would have told this response.

    Args:
        response: A canonical response.
        raw: The body it was read from.
    """
    events: list[Event] = [
        Start(response["id"], response["model"], response["created"], _rest(response, _TOP) or None, raw)
    ]
    for choice in response["choices"]:
        _tell(choice, choice["index"], raw, events)
    if response.get("usage") is not None:
        events.append(Usage(response["usage"], raw))
    return events


def _tell(choice: JsonDict, at: int, raw: JsonDict | None, events: list[Event]) -> None:
    message = choice["message"]
    _tell_reasoning(message, at, raw, events)
    logprobs = choice.get("logprobs")
    if message.get("content") or logprobs:
        events.append(Text(message.get("content") or "", at, raw, logprobs))
    if message.get("refusal"):
        events.append(Refusal(message["refusal"], at, raw))
    for tool, call in enumerate(message.get("tool_calls") or ()):
        _tell_call(call, tool, at, raw, events)
    if message.get("function_call"):
        _tell_call({"id": "", "type": "function_call", **message}, 0, at, raw, events)
    if message.get("audio"):
        events.append(Media("audio", message["audio"], at, raw))
    events.extend(Media("image", image, at, raw) for image in message.get("images") or ())
    if message.get("annotations"):
        events.append(Annotations(message["annotations"], at, raw))
    for source, known, on_choice in ((message, _MESSAGE, False), (choice, _CHOICE, True)):
        if rest := _rest(source, known):
            events.append(Extra(rest, at, raw, on_choice))
    events.append(Finish(choice["finish_reason"], at, choice.get("native_finish_reason"), raw))


def _tell_reasoning(message: JsonDict, at: int, raw: JsonDict | None, events: list[Event]) -> None:
    """Blocks before bare text: a signature is only good with the very text it was made for."""
    blocks = message.get("thinking_blocks") or []
    texts = [str(block.get("thinking") or "") for block in blocks]
    for number, (block, text) in enumerate(zip(blocks, texts, strict=True)):
        events.append(Thinking(text, at, number, block.get("signature"), block.get("data"), raw))
    if message.get("reasoning_content") and not any(texts):
        events.append(Thinking(message["reasoning_content"], at, len(blocks), raw=raw))


def _tell_call(call: JsonDict, tool: int, at: int, raw: JsonDict | None, events: list[Event]) -> None:
    kind = call["type"]
    field = next(name for name in ("function", "custom", "function_call") if isinstance(call.get(name), dict))
    function = call[field]
    extra = _rest(call, _CALL) if kind != "function_call" else None
    events.append(ToolStart(tool, call["id"] or new_id("call_"), function["name"], at, kind, extra or None, raw))
    text = function.get("arguments", function.get("input"))
    if text:
        events.append(ToolArgs(tool, text, at, raw))


def _rest(source: JsonDict, known: frozenset[str]) -> JsonDict:
    return {name: value for name, value in source.items() if name not in known and value is not None}
