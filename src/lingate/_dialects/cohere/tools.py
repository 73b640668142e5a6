# Tools, the choice among them, and structured answers: canonical -> wire.

from __future__ import annotations

from typing import Any

from lingate._dialects._draft import Draft
from lingate._dialects._tools import (
    allowed_tools,
    answer_name,
    asked_format,
    asked_to_call,
    choice_object,
    chosen,
    function_tool,
)
from lingate._model import JsonDict
from lingate._wire.json import encode_str
from lingate._wire.shapes import dig

_NO_ARGUMENTS = {"type": "object", "properties": {}}
_WORDS = {"auto": None, "none": "NONE", "required": "REQUIRED", "any": "REQUIRED"}


def write_tools(draft: Draft) -> None:
    # Write `tools`, `tool_choice` and `strict_tools`.
    # The format cannot name the tool to call: then only that one is offered, and one must be called.
    tools = draft.objects("tools")
    choice, names = _choice(draft)
    wire, strict = [], []
    for n, tool in enumerate(tools):
        made = function_tool(tool, f"tools[{n}]", draft, {"parameters": _NO_ARGUMENTS})
        if made is None or (names is not None and name_of(made) not in names):
            continue
        wire.append(made)
        strict.append(_is_strict(tool))
    if not wire:
        return
    draft.body["tools"] = wire
    if choice is not None:
        draft.body["tool_choice"] = choice
    _write_strict(draft, wire, strict)


def write_format(draft: Draft) -> None:
    # Write what `response_format` asks for.
    # Call after the tools are written.
    asked = asked_format(draft)
    if asked is None:
        return
    schema, name = asked
    way, tools = draft.traits.get("structured"), draft.body.get("tools", [])
    if way == "none":
        draft.refuse("response_format", "the model cannot be held to a format")
    elif way == "tool" or (way == "json_schema_alone" and tools):
        _write_answer_tool(draft, schema, name, tools)
    else:
        draft.body["response_format"] = {"type": "json_object"}
        if schema is not None and way == "json_object":
            _instruct(draft, f"Answer with JSON that matches this JSON schema and nothing else: {encode_str(schema)}")
        elif schema is not None:
            draft.body["response_format"]["json_schema"] = schema


def name_of(tool: JsonDict) -> Any:
    # Name of a tool's function; None where it is none.
    return dig(tool, "function", "name")


def takes_strict(tool: JsonDict) -> bool:
    # Whether a tool can be made strict: "Tools with only optional parameters are not supported in this mode".
    parameters = (tool.get("function") or {}).get("parameters")
    return isinstance(parameters, dict) and bool(parameters.get("required"))


def _is_strict(tool: JsonDict) -> bool:
    inner = dig(tool, "function", "strict")
    return bool(tool.get("strict") if inner is None else inner)


def _write_strict(draft: Draft, wire: list[JsonDict], strict: list[bool]) -> None:
    # `strict_tools` holds for all tools or none, so it is set only where all ask for it and can have it.
    if "strict_tools" in draft.asked or not any(strict):
        return
    if all(strict) and all(map(takes_strict, wire)):
        draft.body["strict_tools"] = True
    else:
        draft.note("tools[].strict")


def _choice(draft: Draft) -> tuple[str | None, list[Any] | None]:
    # The word for the wire, and the names of the tools that are left; None for all.
    asked = draft.asked.get("tool_choice")
    if asked is None:
        return None, None
    if isinstance(asked, str):
        return _word(asked, draft), None
    if choice_object(asked, draft).get("type") == "allowed_tools":
        word, names = allowed_tools(asked, draft)
        return _word(word, draft), names
    name = name_of(asked) or asked.get("name")
    if not isinstance(name, str):
        draft.refuse("tool_choice", "this kind of choice has no counterpart")
        return None, None
    return _word("required", draft), [name]


def _word(asked: str, draft: Draft) -> str | None:
    return chosen(asked.lower(), _WORDS, draft)


def _write_answer_tool(draft: Draft, schema: JsonDict | None, name: str, tools: list[JsonDict]) -> None:
    # A tool whose arguments are the answer, and the duty to call one.
    if schema is None:
        _instruct(draft, "Answer with one JSON object and nothing else: no code fence, no explanation.")
        return
    choice = draft.asked.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") != "allowed_tools" and tools:
        return  # a certain tool must be called now, so this turn is not the answer
    name = answer_name(name, list(map(name_of, tools)))
    text = "Gives the final answer to the user. Its arguments are the whole answer."
    offered = [] if draft.body.get("tool_choice") == "NONE" else tools
    tool = {"type": "function", "function": {"name": name, "description": text, "parameters": schema}}
    draft.body["tools"] = [*offered, tool]
    draft.answer_tool = name
    if draft.traits.get("tool_choice_required") == "auto":
        draft.body.pop("tool_choice", None)
        _instruct(draft, asked_to_call(name))
    else:
        draft.body["tool_choice"] = "REQUIRED"


def _instruct(draft: Draft, text: str) -> None:
    draft.body["messages"] = [{"role": "system", "content": text}, *draft.body["messages"]]
