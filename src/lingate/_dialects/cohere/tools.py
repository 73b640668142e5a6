"""Tools, the choice among them, and structured answers: canonical -> wire."""

from __future__ import annotations

import re
from typing import Any

from lingate._dialects._draft import Draft
from lingate._dialects.anthropic.schema import without_keys
from lingate._model import JsonDict
from lingate._wire.json import encode_str

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NO_ARGUMENTS = {"type": "object", "properties": {}}
_FUNCTION_KEYS = frozenset({"strict", "cache_control", "provider_specific_fields"})
_WORDS = {"auto": None, "none": "NONE", "required": "REQUIRED", "any": "REQUIRED"}


def write_tools(draft: Draft) -> None:
    """Write `tools`, `tool_choice` and `strict_tools`.

    The format cannot name the tool to call: then only that one is offered, and one must be called.

    Raises:
        ConfigError: What should be tools is not.
        UnsupportedError: A tool or a choice has no counterpart here and `drop_params` is off.
    """
    tools = draft.asked.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise draft.broken("tools", "must be a list of objects")
    choice, names = _choice(draft)
    wire, strict = [], []
    for n, tool in enumerate(tools):
        made = _tool(tool, f"tools[{n}]", draft)
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
    """Write what `response_format` asks for. Call after the tools are written.

    Raises:
        ConfigError: It is no format.
        UnsupportedError: The model cannot be held to a format and `drop_params` is off.
    """
    wanted = draft.asked.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if wanted is None or kind == "text":
        return
    schema, name = _schema_of(wanted)
    if kind not in ("json_schema", "json_object") or (kind == "json_schema" and schema is None):
        raise draft.broken("response_format", "must be text, json_object, or json_schema with a schema")
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
    """Name of a tool's function; None where it is none."""
    function = tool.get("function")
    return function.get("name") if isinstance(function, dict) else None


def takes_strict(tool: JsonDict) -> bool:
    """Whether a tool can be made strict: "Tools with only optional parameters are not supported in this mode"."""
    parameters = (tool.get("function") or {}).get("parameters")
    return isinstance(parameters, dict) and bool(parameters.get("required"))


def _tool(tool: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    kind, function = tool.get("type", "function"), tool.get("function")
    if kind == "custom":
        draft.refuse(where, "tools with free text as input have no counterpart")
        return None
    if kind != "function":
        return dict(tool)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise draft.broken(f"{where}.function", "must be an object with a name")
    if tool.get("cache_control"):
        draft.note("cache_control")
    made = {key: value for key, value in function.items() if key not in _FUNCTION_KEYS and value is not None}
    made.setdefault("parameters", _NO_ARGUMENTS)
    dropped = draft.traits.get("tool_schema_drop", ())
    return {"type": "function", "function": without_keys(made, dropped) if dropped else made}


def _is_strict(tool: JsonDict) -> bool:
    function = tool.get("function")
    inner = function.get("strict") if isinstance(function, dict) else None
    return bool(tool.get("strict") if inner is None else inner)


def _write_strict(draft: Draft, wire: list[JsonDict], strict: list[bool]) -> None:
    """`strict_tools` holds for all tools or none, so it is set only where all ask for it and can have it."""
    if "strict_tools" in draft.asked or not any(strict):
        return
    if all(strict) and all(map(takes_strict, wire)):
        draft.body["strict_tools"] = True
    else:
        draft.note("tools[].strict")


def _choice(draft: Draft) -> tuple[str | None, list[Any] | None]:
    """The word for the wire, and the names of the tools that are left; None for all."""
    asked = draft.asked.get("tool_choice")
    if asked is None:
        return None, None
    if isinstance(asked, str):
        return _word(asked, draft), None
    if not isinstance(asked, dict):
        raise draft.broken("tool_choice", "must be a word or an object")
    if asked.get("type") == "allowed_tools":
        inner = asked.get("allowed_tools", asked)
        tools = inner.get("tools") if isinstance(inner, dict) else None
        if not isinstance(tools, list):
            raise draft.broken("tool_choice.allowed_tools.tools", "must be a list")
        names = [name_of(tool) or tool.get("name") for tool in tools if isinstance(tool, dict)]
        return _word("required" if inner.get("mode") == "required" else "auto", draft), names
    name = name_of(asked) or asked.get("name")
    if not isinstance(name, str):
        draft.refuse("tool_choice", "this kind of choice has no counterpart")
        return None, None
    return _word("required", draft), [name]


def _word(asked: str, draft: Draft) -> str | None:
    word = asked.lower()
    if word not in _WORDS:
        raise draft.broken("tool_choice", "must be auto, none, required or a function")
    if word in ("required", "any") and draft.traits.get("tool_choice_required") == "auto":
        draft.note("tool_choice")
        return None
    return _WORDS[word]


def _schema_of(wanted: JsonDict) -> tuple[JsonDict | None, str]:
    inner = wanted.get("json_schema")
    inner = inner if isinstance(inner, dict) else {}
    schema, name = inner.get("schema", wanted.get("schema")), inner.get("name")
    return schema if isinstance(schema, dict) else None, name if isinstance(name, str) else ""


def _write_answer_tool(draft: Draft, schema: JsonDict | None, name: str, tools: list[JsonDict]) -> None:
    """A tool whose arguments are the answer, and the duty to call one."""
    if schema is None:
        _instruct(draft, "Answer with one JSON object and nothing else: no code fence, no explanation.")
        return
    choice = draft.asked.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") != "allowed_tools" and tools:
        return  # a certain tool must be called now, so this turn is not the answer
    taken = [name_of(tool) for tool in tools]
    name = name if _NAME.fullmatch(name) and name not in taken else "structured_answer"
    while name in taken:
        name += "_"
    text = "Gives the final answer to the user. Its arguments are the whole answer."
    offered = [] if draft.body.get("tool_choice") == "NONE" else tools
    tool = {"type": "function", "function": {"name": name, "description": text, "parameters": schema}}
    draft.body["tools"] = [*offered, tool]
    draft.answer_tool = name
    if draft.traits.get("tool_choice_required") == "auto":
        draft.body.pop("tool_choice", None)
        _instruct(draft, f"Give your final answer by calling the tool {name} exactly once, never as text.")
    else:
        draft.body["tool_choice"] = "REQUIRED"


def _instruct(draft: Draft, text: str) -> None:
    draft.body["messages"] = [{"role": "system", "content": text}, *draft.body["messages"]]
