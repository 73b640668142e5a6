# A whole canonical response as the events of the stream it could have been.

# For providers that ignore `stream`, for caches, for the simulator. Adding the events up gives an equal response.

from __future__ import annotations

import os
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
from lingate._wire.shapes import as_dict, not_null

_TOP = frozenset({"id", "object", "created", "model", "choices", "usage"})
_CHOICE = frozenset({"index", "message", "text", "finish_reason", "native_finish_reason", "logprobs"})
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
        "provider_specific_fields",
    }
)
_CALL = frozenset({"id", "type", "function", "custom", "index"})
_CALLED = ("function", "custom", "function_call")


def replay(response: JsonDict, raw: Any = None) -> list[Event]:
    # The events by which a stream would have told this response.
    # `response`: a canonical chat response, or a canonical completion, whose choices have a text instead of a message.
    raw = as_dict(raw) or None  # Google's may have come as a list
    start = Start(response.get("id") or "", response.get("model") or "", response.get("created") or 0)
    start.extra, start.raw = not_null(response, _TOP) or None, raw
    events: list[Event] = [start]
    for at, choice in enumerate(response.get("choices") or ()):
        index = choice.get("index")
        _tell(choice, at if index is None else index, raw, events)
    if response.get("usage"):
        events.append(Usage(response["usage"], raw))
    return events


def _tell(choice: JsonDict, at: int, raw: JsonDict | None, events: list[Event]) -> None:
    message = choice.get("message") or {"content": choice.get("text")}
    own = message.get("provider_specific_fields")
    if own is not None:
        # First of all: a provider's own blocks say the rest better, and behind it would come too late.
        events.append(Extra({"provider_specific_fields": own}, at, raw))
    _tell_reasoning(message, at, raw, events)
    logprobs = choice.get("logprobs")
    if message.get("content") or logprobs:
        events.append(Text(message.get("content") or "", at, raw, logprobs))
    if message.get("refusal"):
        events.append(Refusal(message["refusal"], at, raw))
    for tool, call in enumerate(message.get("tool_calls") or ()):
        _tell_call(call, tool, at, raw, events)
    if message.get("function_call"):
        _tell_call({"type": "function_call", "function_call": message["function_call"]}, 0, at, raw, events)
    if message.get("audio"):
        events.append(Media("audio", message["audio"], at, raw))
    events.extend(Media("image", image, at, raw) for image in message.get("images") or ())
    if message.get("annotations"):
        events.append(Annotations(message["annotations"], at, raw))
    for source, known, on_choice in ((message, _MESSAGE, False), (choice, _CHOICE, True)):
        if rest := not_null(source, known):
            events.append(Extra(rest, at, raw, on_choice))
    events.append(Finish(choice.get("finish_reason") or "stop", at, choice.get("native_finish_reason"), raw))


def _tell_reasoning(message: JsonDict, at: int, raw: JsonDict | None, events: list[Event]) -> None:
    # Blocks before bare text: a signature is only good with the very text it was made for.
    blocks = message.get("thinking_blocks") or []
    told = False
    for number, block in enumerate(blocks):
        text, signature, redacted = str(block.get("thinking") or ""), block.get("signature"), block.get("data")
        if text:
            events.append(Thinking(text, at, number, raw=raw))
            told = True
        if signature is not None or redacted is not None:
            events.append(Thinking("", at, number, signature, redacted, raw))
    if message.get("reasoning_content") and not told:
        events.append(Thinking(message["reasoning_content"], at, len(blocks), raw=raw))


def _tell_call(call: JsonDict, tool: int, at: int, raw: JsonDict | None, events: list[Event]) -> None:
    called: Any = next((call[name] for name in _CALLED if isinstance(call.get(name), dict)), {})
    kind = call.get("type") or "function"
    extra = None if kind == "function_call" else not_null(call, _CALL) or None
    ident = call.get("id") or "call_" + os.urandom(12).hex()
    events.append(ToolStart(tool, ident, called.get("name") or "", at, kind, extra, raw))
    text = called.get("arguments", called.get("input"))
    if text:
        events.append(ToolArgs(tool, text, at, raw))
