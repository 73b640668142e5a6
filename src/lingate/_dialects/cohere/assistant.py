"""The assistant's messages: text, reasoning, plans, tool calls and citations, both ways.

Cohere has two places for reasoning: `thinking` parts of the content, and `tool_plan`, which older models write before they
call tools. Both are `reasoning_content`; on the way back it is the plan of a message with calls, else a thinking part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._arguments import arguments_text, called
from lingate._dialects._check import Malformed, expect
from lingate._dialects._draft import Draft, native_fields
from lingate._dialects.cohere.citations import annotations_of
from lingate._dialects.cohere.content import check_content, content_text, wire_content
from lingate._dialects.cohere.facts import NAME
from lingate._model import JsonDict

_KEPT = ("content", "tool_plan", "citations")
"""Fields of a message that are kept as they are where the canonical form says less."""

_SILENT = frozenset(
    {
        "role",
        "content",
        "tool_calls",
        "reasoning_content",
        "thinking_blocks",
        "reasoning",
        "reasoning_details",
        "refusal",
        "annotations",
        "provider_specific_fields",
    }
)


@dataclass(slots=True)
class Reading:
    """What a message of Cohere's says in canonical words.

    Attributes:
        text: All of its text.
        thoughts: Pieces of reasoning, in order.
        annotations: Cited documents.
        kept: Its own fields, if the canonical form alone would not give them back.
    """

    text: str = ""
    thoughts: list[str] = field(default_factory=list)
    annotations: list[JsonDict] = field(default_factory=list)
    kept: JsonDict | None = None

    @property
    def reasoning(self) -> str:
        return "".join(self.thoughts)


def check_message(message: Any, where: str) -> None:
    """Check what we read of an assistant's message.

    Raises:
        Malformed: It cannot be read.
    """
    expect(message, dict, where)
    if message.get("content") is not None:
        check_content(message["content"], f"{where}.content")
    if message.get("tool_plan") is not None:
        expect(message["tool_plan"], str, f"{where}.tool_plan")
    for name in ("tool_calls", "citations"):
        if message.get(name) is not None:
            expect(message[name], list, f"{where}.{name}")
    for n, call in enumerate(message.get("tool_calls") or ()):
        place = f"{where}.tool_calls[{n}]"
        expect(call, dict, place)
        expect(call.get("function"), dict, f"{place}.function")
        expect(call["function"].get("name"), str, f"{place}.function.name")


def read_message(message: Mapping[str, Any]) -> Reading:
    """Read a checked message, without its tool calls."""
    content = message.get("content") or []
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    reading, offsets = Reading(), {}
    for n, part in enumerate(parts):
        offsets[n] = len(reading.text)
        if part["type"] == "text":
            reading.text += part["text"]
        elif part["type"] == "thinking":
            reading.thoughts.append(part["thinking"])
    if message.get("tool_plan"):
        reading.thoughts.append(message["tool_plan"])
    reading.annotations = annotations_of(message.get("citations") or (), offsets)
    rebuilt = _rebuilt(reading.text, reading.reasoning, bool(message.get("tool_calls")))
    kept = {name: message[name] for name in _KEPT if message.get(name)}
    if _essence(rebuilt) != _essence(kept):
        reading.kept = kept
    return reading


def read_calls(message: Mapping[str, Any]) -> list[JsonDict]:
    """The tool calls of a checked message; ids are the provider's, empty where it gave none."""
    calls = []
    for call in message.get("tool_calls") or ():
        function = {"name": call["function"]["name"], "arguments": arguments_text(call["function"].get("arguments"))}
        given = call.get("id")
        calls.append({"id": given if isinstance(given, str) else "", "type": "function", "function": function})
    return calls


def wire_message(message: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    """A canonical message for the wire: its own fields if they still say the same, else made anew.

    None for a message that holds nothing, which the API refuses.
    """
    for name in message:
        if name not in _SILENT and message[name] is not None:
            draft.note(f"{where}.{name}")
    calls = _wire_calls(message, where, draft)
    kept = kept_fields(message)
    made = _anew(message, where, draft, bool(calls)) if kept is None else _without_history(kept, where, draft)
    if calls:
        made["tool_calls"] = calls
    elif not _has_text(made):
        return None
    return {"role": "assistant", **made}


def kept_fields(message: JsonDict) -> JsonDict | None:
    """Cohere's own fields beside a canonical message; None if there are none or the message was edited since."""
    if "provider_specific_fields" not in message:
        return None
    native = native_fields(message, NAME)
    kept = {name: native[name] for name in _KEPT if native.get(name)}
    if not kept:
        return None
    try:
        check_message(kept, NAME)
    except Malformed:
        return None
    reading = read_message(kept)
    reasoning = message.get("reasoning_content")
    same = content_text(message.get("content")) == reading.text and reasoning in (None, reading.reasoning)
    return kept if same else None


def _anew(message: JsonDict, where: str, draft: Draft, calls: bool) -> JsonDict:
    content = wire_content(message.get("content") or message.get("refusal"), f"{where}.content", draft)
    reasoning = _reasoning(message)
    if reasoning and draft.traits.get("reasoning_history") == "drop":
        draft.note(f"{where}.reasoning_content")
        reasoning = ""
    if message.get("annotations"):
        draft.note(f"{where}.annotations")
    return _rebuilt(content, reasoning, calls)


def _rebuilt(content: Any, reasoning: str, calls: bool) -> JsonDict:
    made: JsonDict = {"tool_plan": reasoning} if reasoning and calls else {}
    if reasoning and not calls:
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        content = [{"type": "thinking", "thinking": reasoning}, *(part for part in parts if part.get("text") != "")]
    if content:
        made["content"] = content
    return made


def _reasoning(message: JsonDict) -> str:
    text = message.get("reasoning_content")
    if isinstance(text, str) and text:
        return text
    blocks = message.get("thinking_blocks")
    texts = [block.get("thinking") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    return "".join(text for text in texts if isinstance(text, str))


def _without_history(kept: JsonDict, where: str, draft: Draft) -> JsonDict:
    if draft.traits.get("reasoning_history") != "drop":
        return dict(kept)
    content = kept.get("content")
    if isinstance(content, list):
        content = [part for part in content if part["type"] != "thinking"]
    draft.note(f"{where}.reasoning_content")
    left = {"content": content, "citations": kept.get("citations")}
    return {name: value for name, value in left.items() if value}


def _wire_calls(message: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise draft.broken(f"{where}.tool_calls", "must be a list")
    return [_wire_call(call, f"{where}.tool_calls[{n}]", draft) for n, call in enumerate(calls)]


def _wire_call(call: Any, where: str, draft: Draft) -> JsonDict:
    function = called(call)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise draft.broken(where, "must be a function call with a name")
    if not isinstance(call.get("id"), str) or not call["id"]:
        raise draft.broken(f"{where}.id", "must be a string that is not empty")
    given = {"name": function["name"], "arguments": arguments_text(function.get("arguments"))}
    return {"id": call["id"], "type": "function", "function": given}


def _has_text(made: JsonDict) -> bool:
    content = made.get("content")
    if isinstance(content, list):
        return any(part.get("type") != "text" or part.get("text") for part in content)
    return bool(content)


def _essence(fields: JsonDict) -> JsonDict:
    """A message's own fields in one of their equal forms."""
    content = fields.get("content") or []
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    content = [part for part in parts if part != {"type": "text", "text": ""}]
    return {**{name: value for name, value in fields.items() if value}, "content": content}
