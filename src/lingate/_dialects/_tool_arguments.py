# Arguments of tool calls: JSON text in the canonical form, objects on several wires.

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lingate._dialects._draft import Draft
from lingate._model import JsonDict
from lingate._wire.json import decode
from lingate._wire.shapes import as_str

TEXT = "input"
"""The one argument of a function that stands for a tool for free text."""


def called(call: Any) -> Any:
    # The function of a call in a request, if it is one.
    # What a tool for free text was given is shown as its one argument, so that a conversation in which another model
    # had such a tool can be gone on with.
    if not isinstance(call, dict):
        return None
    custom = call.get("custom")
    if call.get("type") == "custom" and isinstance(custom, dict):
        return {"name": custom.get("name"), "arguments": {TEXT: custom.get("input") or ""}}
    return call.get("function")


def calls_of(
    message: JsonDict, where: str, draft: Draft, read: Callable[[Any], Any] = called, need_id: bool = True
) -> Iterator[tuple[JsonDict, JsonDict, str]]:
    # The tool calls of a message in a request: each with what it calls, and where it stands.
    # Raises ConfigError: they are none.
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise draft.broken(f"{where}.tool_calls", "must be a list")
    for n, call in enumerate(calls):
        place, function = f"{where}.tool_calls[{n}]", read(call)
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise draft.broken(place, "must be a function call with a name")
        if need_id and not as_str(call.get("id")):
            raise draft.broken(f"{place}.id", "must be a string that is not empty")
        yield call, function, place


def arguments_object(arguments: Any, where: str, draft: Draft) -> JsonDict:
    # Arguments of a call in a request as an object; empty ones mean `{}`, and `null` and PHP's and R's `[]` too.
    # What a model wrote that is none, as when it was cut off, stays in a conversation and is shown like in an answer:
    # refused, it would end every later turn too (openai/openai-agents-python#2061).
    # Raises ConfigError: they are neither text nor an object.
    found = arguments or {}
    if isinstance(found, str):
        found = _said(found)
        found = {} if found in (None, "", []) else found
        if not isinstance(found, dict):
            draft.note(f"{where} (no JSON object: its text was put into one)")
            found = {"arguments": found}
    if not isinstance(found, dict):
        raise draft.broken(where, "must be a JSON object in a string")
    return found


def shown_arguments(arguments: Any) -> JsonDict:
    # Arguments of a call in an answer as an object.
    # Text that is no object is shown under a name, since a client that runs the tool must see what the model wrote.
    if isinstance(arguments, dict):
        return arguments
    found = _said(arguments) if isinstance(arguments, str) else {}
    return found if isinstance(found, dict) else {} if found is None else {"arguments": found}


def is_whole(pieces: Iterable[str]) -> bool:
    # Whether arguments that come in pieces are an object, to which nothing can be added.
    text = "".join(pieces)
    try:
        return text.rstrip().endswith("}") and isinstance(decode(text), dict)
    except ValueError:
        return False


def _said(text: str) -> Any:
    # What a text of arguments says: nothing means `{}`, what is no JSON is itself, an object written twice is one.
    try:
        found = decode(text) if text.strip() else {}
    except ValueError:
        return text
    within = _said(found) if isinstance(found, str) and found.startswith("{") else None
    return within if isinstance(within, dict) else found


def shown_call(call: JsonDict) -> tuple[str, Any]:
    # Name and arguments of a canonical tool call in an answer, a tool for free text among them.
    function = call.get("function") or call.get("custom") or {}
    return function.get("name") or "", function.get("arguments", function.get("input"))
