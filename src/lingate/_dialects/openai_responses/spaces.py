# Functions in namespaces, and those that items bring, for providers that have one list of names.

# Codex groups the tools of each of its servers so, and sends some of them among the items. Sources: the `namespace` tool and
# the `additional_tools` item of https://developers.openai.com/api/reference/resources/responses.

from __future__ import annotations

from typing import Any

from lingate._dialects._adapted import with_calls
from lingate._dialects.openai_responses.conversation import kept_items
from lingate._dialects.openai_responses.items import call_id, kind_of
from lingate._dialects.openai_responses.tools import canonical_tools
from lingate._model import Event, JsonDict, ToolStart, replaced
from lingate._wire.shapes import as_dicts, as_list, as_str, dig

Names = dict[str, tuple[str, str]]
"""What a function is called in the one list -> its namespace and its name there."""

BRINGING = "additional_tools"
"""The item that brings tools."""


def flat_name(space: str, name: str) -> str:
    # What a function of a namespace is called where there are none.
    return space + ("" if space.endswith("__") else "__") + name


def all_tools(body: JsonDict) -> list[JsonDict]:
    # The tools of a canonical request, those that its items bring too.
    # Raises Malformed: they are not tools.
    found = as_dicts(body.get("tools"))
    for message in as_dicts(body.get("messages")):
        for item in kept_items(message) or ():
            if kind_of(item) == BRINGING:
                found += canonical_tools(as_list(item.get("tools")))
    return found


def spread(tools: list[JsonDict]) -> tuple[list[JsonDict], Names]:
    # The tools without namespaces, each once, and who is who among them.
    # Raises Malformed: what a namespace holds are not tools.
    flat: list[JsonDict] = []
    names: Names = {}
    for tool in tools:
        if tool.get("type") != "namespace":
            flat.append(tool)
            continue
        space = as_str(tool.get("name"))
        for inner in canonical_tools(as_list(tool.get("tools"))):
            kind = inner["type"]
            if isinstance(known := dig(inner, kind, "name"), str):
                name = flat_name(space, known)
                names[name] = space, known
                inner = {**inner, kind: {**inner[kind], "name": name}}
            flat.append(inner)
    once: dict[str | int, JsonDict] = {}
    for n, tool in enumerate(flat):
        once.setdefault(as_str(dig(tool, as_str(tool.get("type")), "name")) or n, tool)
    return list(once.values()), names


def with_flat_choice(choice: Any, tools: list[JsonDict], names: Names) -> Any:
    # A choice whose functions are called as `spread` calls them: here it knows a function of a namespace by its name there.
    if isinstance(inner := dig(choice, "allowed_tools"), dict):
        chosen = [with_flat_choice(one, tools, names) for one in as_list(inner.get("tools"))]
        return {**choice, "allowed_tools": {**inner, "tools": chosen}}
    kind = as_str(dig(choice, "type"))
    name = dig(choice, kind, "name")
    if name is None or any(dig(tool, kind, "name") == name for tool in tools):
        return choice
    return _renamed(choice, next((flat for flat, (_, known) in names.items() if known == name), None))


def with_flat_names(message: JsonDict) -> JsonDict:
    # A message whose calls of functions in namespaces are called as `spread` calls the functions.
    items = as_dicts(kept_items(message))
    names = {
        call_id(item): flat_name(item["namespace"], as_str(item.get("name")))
        for item in items
        if isinstance(item.get("namespace"), str)
    }
    calls = message.get("tool_calls")
    if not names or not calls:
        return message
    return {**message, "tool_calls": [_renamed(call, names.get(call["id"])) for call in calls]}


def _renamed(call: JsonDict, name: str | None) -> JsonDict:
    return call if name is None else {**call, call["type"]: {**call[call["type"]], "name": name}}


def with_spaces(response: JsonDict, names: Names) -> JsonDict:
    # A canonical response whose calls have their namespaces again.
    return with_calls(response, lambda call: _call(call, names))


def _call(call: JsonDict, names: Names) -> JsonDict:
    kind = "custom" if call.get("type") == "custom" else "function"
    known = names.get(call[kind]["name"])
    if known is None:
        return call
    return {**call, kind: {**call[kind], "name": known[1]}, "namespace": known[0]}


def spaced(events: list[Event], names: Names) -> list[Event]:
    # The events of a stream whose calls have their namespaces again.
    return [_spaced(event, names) if type(event) is ToolStart else event for event in events]


def _spaced(event: ToolStart, names: Names) -> ToolStart:
    known = names.get(event.name)
    if known is None:
        return event
    return replaced(event, name=known[1], extra={**(event.extra or {}), "namespace": known[0]})
