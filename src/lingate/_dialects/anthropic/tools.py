"""Tools, the choice among them, and structured answers: canonical -> wire."""

from __future__ import annotations

import re
from typing import Any

from lingate._dialects.anthropic.draft import Draft
from lingate._dialects.anthropic.facts import FIELD_BETAS, TOOL_BETAS
from lingate._dialects.anthropic.schema import closed, without_keys
from lingate._model import JsonDict
from lingate._wire.json import encode_str

_FUNCTION_KEYS = frozenset({"name", "description", "parameters", "strict"})
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OPEN_SCHEMA = {"type": "object", "properties": {}}
_FORCED = ("any", "tool")


def write_tools(draft: Draft, used: list[str]) -> None:
    """Write `tools` and `tool_choice`.

    Args:
        draft: The request.
        used: Names of tools that the conversation has called: the API wants them declared although none is offered.
    """
    tools = [tool for tool in _declared(draft) if tool is not None]
    choice = _choice(draft)
    if isinstance(choice, list):
        names, choice = choice[1], choice[0]
        tools = [tool for tool in tools if tool.get("name") in names]
    search = _web_search(draft)
    if search is not None:
        tools.append(search)
    if not tools and used:
        tools = [{"name": name, "description": "No longer available.", "input_schema": _OPEN_SCHEMA} for name in used]
        choice = {"type": "none"}
    if tools:
        draft.body["tools"] = tools
    parallel = draft.asked.get("parallel_tool_calls")
    if tools and isinstance(parallel, bool) and (choice is not None or not parallel):
        choice = choice or {"type": "auto"}
        if choice["type"] != "none":
            choice = {**choice, "disable_parallel_tool_use": not parallel}
    if choice is not None and (tools or choice["type"] in _FORCED):
        draft.body["tool_choice"] = choice


def is_forced(draft: Draft) -> bool:
    """Whether the model must call a tool."""
    choice = draft.body.get("tool_choice")
    return isinstance(choice, dict) and choice.get("type") in _FORCED


def write_format(draft: Draft, thinking: bool) -> None:
    """Write what `response_format` asks for, in the way this model knows."""
    wanted = draft.asked.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if wanted is None or kind == "text":
        return
    schema, name = format_schema(wanted)
    if kind not in ("json_schema", "json_object") or (kind == "json_schema" and schema is None):
        raise draft.broken("response_format", "must be text, json_object, or json_schema with a schema")
    way = draft.traits.get("structured")
    if way == "none":
        draft.refuse("response_format", "the model cannot be held to a format")
    elif way == "json_schema" and schema is not None:
        _write_native_format(draft, wanted, schema)
    elif way == "json_object":
        _instruct(draft, f"Answer with one JSON object and nothing else.{_told(schema)}")
    else:
        _write_answer_tool(draft, schema, name, thinking)


def format_schema(wanted: JsonDict) -> tuple[JsonDict | None, str]:
    """Schema and name inside a `response_format`."""
    inner = wanted.get("json_schema")
    inner = inner if isinstance(inner, dict) else {}
    schema = inner.get("schema", wanted.get("schema"))
    name = inner.get("name")
    return schema if isinstance(schema, dict) else None, name if isinstance(name, str) else ""


def canonical_format(native: Any) -> JsonDict | None:
    """This format's own `{type: json_schema, schema}` as a `response_format`."""
    schema = native.get("schema") if isinstance(native, dict) and native.get("type") == "json_schema" else None
    if not isinstance(schema, dict):
        return None
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _write_native_format(draft: Draft, wanted: JsonDict, schema: JsonDict) -> None:
    legacy, config = draft.native.get("output_format"), draft.native.get("output_config")
    given = config.get("format") if isinstance(config, dict) else None
    if given is not None and canonical_format(given) == wanted:
        draft.config()["format"] = given
    elif legacy is not None and canonical_format(legacy) == wanted:
        draft.body["output_format"] = legacy
        draft.need(FIELD_BETAS["output_format"])
    else:
        draft.config()["format"] = {"type": "json_schema", "schema": closed(schema)}


def _write_answer_tool(draft: Draft, schema: JsonDict | None, name: str, thinking: bool) -> None:
    """A tool whose input is the answer. Forced, except while thinking, when the API refuses to force one."""
    tools = draft.body.get("tools", [])
    taken = [tool.get("name") for tool in tools]
    name = name if _TOOL_NAME.fullmatch(name) and name not in taken else "structured_answer"
    while name in taken:
        name += "_"
    choice = draft.body.get("tool_choice", {"type": "auto"})
    offered = bool(tools) and choice["type"] != "none"
    if choice["type"] == "tool":
        return
    tool = {
        "name": name,
        "description": "Gives the final answer to the user. Its input is the whole answer.",
        "input_schema": _object_schema(schema or _OPEN_SCHEMA),
    }
    draft.body["tools"] = [*tools, tool]
    draft.answer_tool = name
    if thinking:
        draft.body["tool_choice"] = {"type": "auto"}
        _instruct(draft, f"Give your final answer by calling the tool {name} exactly once, never as text.")
    elif offered:
        draft.body["tool_choice"] = {**choice, "type": "any"}
    else:
        draft.body["tool_choice"] = {"type": "tool", "name": name, "disable_parallel_tool_use": True}


def _instruct(draft: Draft, text: str) -> None:
    system = draft.body.get("system", [])
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    draft.body["system"] = [*blocks, {"type": "text", "text": text}]


def _told(schema: JsonDict | None) -> str:
    return f" It must match this JSON schema: {encode_str(schema)}" if schema else ""


def _declared(draft: Draft) -> list[JsonDict | None]:
    tools = draft.asked.get("tools") or []
    functions = draft.asked.get("functions") or []
    for field, value in (("tools", tools), ("functions", functions)):
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise draft.broken(field, "must be a list of objects")
    legacy = [{"type": "function", "function": function} for function in functions]
    return [_tool(tool, f"tools[{n}]", draft) for n, tool in enumerate([*tools, *legacy])]


def _tool(tool: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    kind = tool.get("type")
    if kind == "custom" and isinstance(tool.get("custom"), dict):
        draft.refuse(where, "tools with free text as input have no counterpart")
        return None
    function = tool.get("function")
    if kind != "function" and not (kind is None and isinstance(function, dict)):
        if isinstance(kind, str) and kind in TOOL_BETAS:
            draft.need(TOOL_BETAS[kind])
        return dict(tool)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise draft.broken(f"{where}.function", "must be an object with a name")
    made: JsonDict = {"name": function["name"]}
    if function.get("description") is not None:
        made["description"] = function["description"]
    made["input_schema"] = _object_schema(function.get("parameters") or _OPEN_SCHEMA)
    strict = function.get("strict", tool.get("strict"))
    if isinstance(strict, bool):
        _set_strict(made, strict, where, draft)
    extras = {key: value for key, value in function.items() if key not in _FUNCTION_KEYS}
    extras |= {key: value for key, value in tool.items() if key not in ("type", "function", "strict")}
    made |= {key: value for key, value in extras.items() if value is not None and key != "provider_specific_fields"}
    dropped = draft.traits.get("tool_schema_drop", ())
    cleaned: JsonDict = without_keys(made, dropped) if dropped else made
    return cleaned


def _set_strict(made: JsonDict, strict: bool, where: str, draft: Draft) -> None:
    if draft.traits.get("structured") == "json_schema":
        made["strict"] = strict
    elif strict:
        draft.note(f"{where}.strict")


def _object_schema(schema: Any) -> Any:
    """The API wants `type: object` at the top."""
    return schema if not isinstance(schema, dict) or "type" in schema else {"type": "object", **schema}


def _choice(draft: Draft) -> Any:
    """`tool_choice` on the wire; a list of it and the allowed names where only some tools may be used."""
    asked = draft.asked.get("tool_choice", draft.asked.get("function_call"))
    if asked is None:
        return None
    if isinstance(asked, str):
        return _choice_word(asked, draft)
    if not isinstance(asked, dict):
        raise draft.broken("tool_choice", "must be a word or an object")
    kind = asked.get("type")
    if kind == "allowed_tools":
        return _allowed(asked, draft)
    if kind in ("auto", "any", "tool", "none"):
        return dict(asked)
    function = asked.get("function", asked if kind in (None, "function") else None)
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        return {"type": "tool", "name": function["name"]}
    draft.refuse("tool_choice", "this kind of choice has no counterpart")
    return None


def _choice_word(word: str, draft: Draft) -> JsonDict | None:
    required = "any"
    if draft.traits.get("tool_choice_required") == "auto":
        required = "auto"
        if word in ("required", "any"):
            draft.note("tool_choice")
    words = {"auto": "auto", "none": "none", "required": required, "any": required}
    if word not in words:
        raise draft.broken("tool_choice", "must be auto, none, required or a function")
    return {"type": words[word]}


def _allowed(asked: JsonDict, draft: Draft) -> list[Any]:
    inner = asked.get("allowed_tools", asked)
    tools = inner.get("tools") if isinstance(inner, dict) else None
    if not isinstance(tools, list):
        raise draft.broken("tool_choice.allowed_tools.tools", "must be a list")
    functions = [tool.get("function", tool) for tool in tools if isinstance(tool, dict)]
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    word = "required" if inner.get("mode") == "required" else "auto"
    return [_choice_word(word, draft), names]


def _web_search(draft: Draft) -> JsonDict | None:
    """OpenAI's `web_search_options` as this format's web search tool."""
    options = draft.asked.get("web_search_options")
    if not isinstance(options, dict):
        return None
    tool: JsonDict = {"type": "web_search_20250305", "name": "web_search"}
    location = options.get("user_location")
    if isinstance(location, dict):
        place = location.get("approximate", location)
        place = place if isinstance(place, dict) else {}
        tool["user_location"] = {"type": "approximate", **{k: v for k, v in place.items() if k != "type"}}
    if options.get("search_context_size") not in (None, "medium"):
        draft.note("web_search_options.search_context_size")
    return tool
