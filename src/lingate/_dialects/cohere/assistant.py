# The assistant's messages: text, reasoning, plans, tool calls and citations, both ways.

# Cohere has two places for reasoning: `thinking` parts of the content, and `tool_plan`, which older models write before they
# call tools. Both are `reasoning_content`; on the way back it is the plan of a message with calls, else a thinking part.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._dialects._counts import integer
from lingate._dialects._draft import Draft, native_fields
from lingate._dialects._reading import SAID_FIELDS, content_text, reasoning_of
from lingate._dialects._tool_arguments import calls_of
from lingate._dialects.cohere.content import check_content, wire_content
from lingate._dialects.cohere.facts import NAME
from lingate._dialects.openai_chat.response import arguments_text
from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, as_list, as_str, dig

_ADDRESSES = ("url", "link", "href")
_TITLES = ("title", "name", "filename")
_IN_REASONING = ("PLAN", "THINKING_CONTENT")
"""Types of citations whose positions are not counted in the answer's text."""


def annotations_of(citations: Iterable[Any], offsets: Mapping[int, int]) -> list[JsonDict]:
    # OpenAI annotations for the documents that are cited: by their address if they have one, else as files.
    # Results of tools are no sources that a reader could open, so they make none; they stay in the citations
    # themselves.
    # `offsets`: where in the whole text the text of each content block begins.
    made = []
    for citation in citations:
        if not isinstance(citation, dict) or citation.get("type") in _IN_REASONING:
            continue
        shift = offsets.get(integer(citation.get("content_index")) or 0, 0)
        start, end = integer(citation.get("start")), integer(citation.get("end"))
        place = {"start_index": (start or 0) + shift, "end_index": (end or 0) + shift}
        for source in as_list(citation.get("sources")):
            if isinstance(source, dict) and source.get("type") == "document":
                made.append(_annotation(source, place))
    return made


def citations_of(annotations: Any, text: str) -> list[JsonDict]:
    made: list[JsonDict] = []
    for item in as_list(annotations):
        kind = dig(item, "type")
        cited = item.get(kind) if kind in ("url_citation", "file_citation") else None
        if not isinstance(cited, dict):
            continue
        start, end = integer(cited.get("start_index")) or 0, integer(cited.get("end_index")) or 0
        name = cited.get("url") or cited.get("file_id")
        document = {key: cited[key] for key in ("url", "title", "filename") if isinstance(cited.get(key), str)}
        source = {"type": "document", "id": name, "document": document}
        citation = {"start": start, "end": end, "text": text[start:end], "sources": [source], "type": "TEXT_CONTENT"}
        made.append(citation)
    return made


def _annotation(source: JsonDict, place: JsonDict) -> JsonDict:
    document = as_dict(source.get("document"))
    title = next((document[key] for key in _TITLES if isinstance(document.get(key), str)), None)
    url = next((document[key] for key in _ADDRESSES if isinstance(document.get(key), str)), None)
    if url is not None:
        return {"type": "url_citation", "url_citation": {**place, "url": url, "title": title or ""}}
    name = as_str(source.get("id"))
    return {"type": "file_citation", "file_citation": {**place, "file_id": name, "filename": title or name}}


_KEPT = ("content", "tool_plan", "citations")
"""Fields of a message that are kept as they are where the canonical form says less."""


@dataclass(slots=True)
class Reading:
    # What a message of Cohere's says in canonical words.

    text: str = ""
    """All of its text."""
    thoughts: list[str] = field(default_factory=list)
    """Pieces of reasoning, in order."""
    annotations: list[JsonDict] = field(default_factory=list)
    """Cited documents."""
    kept: JsonDict | None = None
    """Its own fields, if the canonical form alone would not give them back."""

    @property
    def reasoning(self) -> str:
        return "".join(self.thoughts)


def check_message(message: Any, where: str) -> None:
    # Check what we read of an assistant's message.
    # Raises Malformed: it cannot be read.
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
    # Read a checked message, without its tool calls.
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
    # The tool calls of a checked message; ids are the provider's, empty where it gave none.
    calls = []
    for call in message.get("tool_calls") or ():
        function = {"name": call["function"]["name"], "arguments": arguments_text(call["function"].get("arguments"))}
        calls.append({"id": as_str(call.get("id")), "type": "function", "function": function})
    return calls


def wire_message(message: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    # A canonical message for the wire: its own fields if they still say the same, else made anew.
    # None for a message that holds nothing, which the API refuses.
    draft.note_others(message, SAID_FIELDS, where)
    calls = [_wire_call(call, function) for call, function, _ in calls_of(message, where, draft)]
    kept = kept_fields(message)
    made = _anew(message, where, draft, bool(calls)) if kept is None else _without_history(kept, where, draft)
    if calls:
        made["tool_calls"] = calls
    elif not _has_text(made):
        return None
    return {"role": "assistant", **made}


def kept_fields(message: JsonDict) -> JsonDict | None:
    # Cohere's own fields beside a canonical message; None if there are none or the message was edited since.
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
    reasoning = reasoning_of(message, where, draft)
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


def _without_history(kept: JsonDict, where: str, draft: Draft) -> JsonDict:
    if draft.traits.get("reasoning_history") != "drop":
        return dict(kept)
    content = kept.get("content")
    if isinstance(content, list):
        content = [part for part in content if part["type"] != "thinking"]
    left = {name: value for name, value in (("content", content), ("citations", kept.get("citations"))) if value}
    if left != kept:
        draft.note(f"{where}.reasoning_content")
    return left


def _wire_call(call: JsonDict, function: JsonDict) -> JsonDict:
    given = {"name": function["name"], "arguments": arguments_text(function.get("arguments"))}
    return {"id": call["id"], "type": "function", "function": given}


def _has_text(made: JsonDict) -> bool:
    content = made.get("content")
    if isinstance(content, list):
        return any(part.get("type") != "text" or part.get("text") for part in content)
    return bool(content)


def _essence(fields: JsonDict) -> JsonDict:
    # A message's own fields in one of their equal forms.
    content = fields.get("content") or []
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    content = [part for part in parts if part != {"type": "text", "text": ""}]
    return {**{name: value for name, value in fields.items() if value}, "content": content}
