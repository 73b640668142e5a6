# Tools, the choice among them, and structured output, as this provider takes them.

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from lingate._dialects._envelope import note, refuse
from lingate._dialects._ignorable import ANTHROPICS_TOOL_FIELDS, ignorable_tool
from lingate._dialects.openai_chat.messages import add_system_text
from lingate._model import HttpRequest, JsonDict
from lingate._wire import json
from lingate._wire.shapes import as_dict, as_list, dig, pointed

# Below these keys of a JSON schema the keys are names of the user's, not keywords.
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
# Below these they are data.
_DATA = frozenset({"enum", "const", "default", "examples", "required"})
_Change = Callable[[JsonDict], JsonDict]

_WITH_TOOLS = ("tools", "tool_choice", "parallel_tool_calls")


def write_tools(wire: JsonDict, sent: HttpRequest, keep: tuple[str, ...] = ()) -> None:
    # Write the tools; the same list stays if there is nothing to change.
    # `keep`: fields of tools that are not the chat format's, and stay.
    tools = wire.get("tools")
    if not isinstance(tools, list | tuple):
        return
    if any(map(ignorable_tool, tools)) and not sent.target.traits.get("cache_control"):
        tools = _without_ignorable(tools, sent)
        if not tools:
            for name in _WITH_TOOLS:
                wire.pop(name, None)
            return
        wire["tools"] = tools
    drop = frozenset(sent.target.traits.get("tool_schema_drop", ()))
    strict = _needs_parameters(sent)
    if drop or strict or any(type(tool) is not dict or len(tool) != 2 for tool in tools):
        wire["tools"] = [_tool(tool, drop, sent, keep) if isinstance(tool, dict) else tool for tool in tools]


def _without_ignorable(tools: Sequence[Any], sent: HttpRequest) -> list[Any]:
    # Refuse the tools of another provider by name: this one would not say which it does not know.
    kept = []
    for n, tool in enumerate(tools):
        if strange := ignorable_tool(tool):
            refuse(sent, f"tools[{n}]", f": {strange} is a tool of another provider's own")
        else:
            kept.append(tool)
    return kept


def _tool(tool: JsonDict, drop: frozenset[str], sent: HttpRequest, keep: tuple[str, ...]) -> JsonDict:
    tool = dict(tool)
    if "cache_control" in tool and not sent.target.traits.get("cache_control"):
        del tool["cache_control"]
        note(sent, "cache_control")
    if "provider_specific_fields" in tool and not sent.target.traits.get("canonical_history"):
        del tool["provider_specific_fields"]
    if not sent.target.traits.get("cache_control"):
        for name in ANTHROPICS_TOOL_FIELDS:
            if name in tool and tool.get("type") == "function" and name not in keep:
                del tool[name]
                note(sent, f"tools[].{name}")
    function = tool.get("function")
    if not isinstance(function, dict):
        return tool
    if "strict" in tool:
        # Some clients write it beside `function`; OpenAI reads it only inside.
        strict = tool.pop("strict")
        function = {"strict": strict, **function}
    if _needs_parameters(sent):
        function = {**function, "parameters": function.get("parameters") or {"type": "object", "properties": {}}}
    if drop:
        found: set[str] = set()
        function = {name: value for name, value in function.items() if not _dropped(name, drop, found)}
        if "parameters" in function:
            function["parameters"] = _schema(function["parameters"], drop, found)
        for name in sorted(found):
            note(sent, f"tools[].{name}")
    if sent.target.traits.get("regular_schema") and "parameters" in function:
        made = _regular(
            function["parameters"],
            lambda what: note(sent, f"tools[].{what}"),
            lambda *of: _schema(of[0], drop, set(), of[1]),
        )
        function = {**function, "parameters": made}
    if function is not tool["function"]:
        tool["function"] = function
    return tool


def _regular(root: Any, told: Callable[[str], None], written: Callable[[Any, _Change], Any]) -> Any:
    # A schema for hosts that check it by rules of their own, https://github.com/MoonshotAI/walle: references point into the
    # root's `$defs` (Softeria/ms-365-mcp-server#458), no type stands beside one or beside `anyOf` (lidge-jun/opencodex#2673),
    # and an enumeration is of its type (NousResearch/hermes-agent#18271). One tool that is not so fails every request of an
    # agent.
    # `written` is a schema with a change to each of its parts, `told` is told of what was left out.
    names: dict[str, str] = {}
    defs: JsonDict = {}

    def mended(part: JsonDict) -> JsonDict:
        out = {key: value for key, value in part.items() if key not in ("$defs", "definitions")}
        if isinstance(reference := out.pop("$ref", None), str):
            for key in sorted(out.keys() - {"description", "title", "default"}):
                told(f"{key} (beside $ref)")
                del out[key]
            return {**out, "anyOf": [{"$ref": reference}]} if out else {"$ref": named(reference)}
        if "type" in out and isinstance(branches := out.get("anyOf"), list):
            if all(dig(branch, "type") or dig(branch, "$ref") for branch in branches):
                del out["type"]
            else:
                del out["anyOf"]
                told("anyOf (beside type)")
        if isinstance(values := out.get("enum"), list) and isinstance(out.get("type"), str):
            out["enum"] = [value for value in values if value is not None]
        return out

    def named(reference: str) -> str:
        if reference == "#":
            return reference
        if reference not in names:
            name = re.sub(r"[^\w.-]", "_", reference.rpartition("/")[2])
            while name in defs:
                name += "_"
            names[reference], defs[name] = name, {}
            defs[name] = written(pointed(root, reference), mended) or {"type": "object"}
        return f"#/$defs/{names[reference]}"

    made = written(root, mended)
    return {**made, "$defs": defs} if defs else made


def _needs_parameters(sent: HttpRequest) -> bool:
    return bool(sent.target.traits.get("strict_schema") or sent.target.traits.get("needs_parameters"))


def _dropped(name: str, drop: frozenset[str], found: set[str]) -> bool:
    if name in drop:
        found.add(name)
        return True
    return False


def _schema(schema: Any, drop: frozenset[str], found: set[str], change: _Change | None = None) -> Any:
    if isinstance(schema, list):
        return [_schema(item, drop, found, change) for item in schema]
    if not isinstance(schema, dict):
        return schema
    written: JsonDict = {}
    schema = change(schema) if change else schema
    for name, value in schema.items():
        if _dropped(name, drop, found):
            continue
        if name in _NAMED and isinstance(value, dict):
            written[name] = {own: _schema(inner, drop, found, change) for own, inner in value.items()}
        else:
            written[name] = value if name in _DATA else _schema(value, drop, found, change)
    return written


def offer_allowed(wire: JsonDict, sent: HttpRequest) -> None:
    # Offer no tools but the allowed ones, where a list of them is not known: it is OpenAI's own.
    choice: Any = wire.get("tool_choice")
    if dig(choice, "type") != "allowed_tools" or sent.target.traits.get("custom_tools"):
        return
    inner = choice.get("allowed_tools", choice)
    names = [dig(tool, "function", "name") for tool in as_list(dig(inner, "tools"))]
    wire["tools"] = [tool for tool in as_list(wire.get("tools")) if dig(tool, "function", "name") in names]
    wire["tool_choice"] = "required" if dig(inner, "mode") == "required" else "auto"
    if not wire["tools"]:
        for name in _WITH_TOOLS:
            wire.pop(name, None)


def write_tool_choice(wire: JsonDict, sent: HttpRequest) -> None:
    # Say "must call a tool" in this provider's word.
    # Where it has none, `auto` is what is left, and is noted.
    # Those with a switch for thinking refuse to force a tool because they think, so they are asked while it is off.
    word = sent.target.traits.get("tool_choice_required", "required")
    choice = wire.get("tool_choice")
    if word == "required" or choice is None or (word == "auto" and dig(wire, "thinking", "type") == "disabled"):
        return
    if choice == "required":
        wire["tool_choice"] = word
        if word == "auto":
            note(sent, "tool_choice=required")
    elif word == "auto" and isinstance(choice, dict):
        wire["tool_choice"] = word
        note(sent, "tool_choice")


_JSON_ONLY = "Answer with one JSON object and nothing else: no code fence, no explanation."
_BY_SCHEMA = (
    "Answer with one JSON value that is valid under this JSON schema, and nothing else: no code fence, no explanation."
)
_TOOL_NAME = "answer"


def write_response_format(wire: JsonDict, sent: HttpRequest) -> None:
    # Translate `response_format` for targets without native JSON schemas.
    # With a forced tool, the tool's name goes to `sent.answer_tool`: its arguments are the content of the answer.
    form = wire.get("response_format")
    way = sent.target.traits.get("structured", "json_schema")
    if not isinstance(form, dict) or way == "json_schema":
        return
    kind = form.get("type")
    if kind not in ("json_schema", "json_object"):
        if kind == "text":
            del wire["response_format"]
        return
    if way == "none":
        refuse(sent, "response_format")
        del wire["response_format"]
    elif way == "tool":
        _by_tool(wire, sent, form)
    elif kind == "json_schema":
        wire["response_format"] = {"type": "json_object"}
        wire["messages"] = add_system_text(wire.get("messages"), _instruction(form))


def _by_tool(wire: JsonDict, sent: HttpRequest, form: JsonDict) -> None:
    del wire["response_format"]
    schema, name, description = _parts(form)
    if schema is None:
        # Without a schema a forced tool would be called with nothing in it.
        wire["messages"] = add_system_text(wire.get("messages"), _JSON_ONLY)
        return
    tools = list(wire.get("tools") or ())
    taken = [dig(tool, "function", "name") for tool in tools]
    while name in taken:
        name += "_"
    function = {"name": name, "description": description, "parameters": schema}
    # With tools of the caller's own the model must be able to call them first; it still may not answer in prose.
    wire["tool_choice"] = "required" if tools else {"type": "function", "function": {"name": name}}
    if sent.target.traits.get("reasoning_param") == "thinking" and _thinks(wire):
        # Claude is not made to call a tool while it thinks: its API answers that with a 400.
        from lingate._dialects._tools import asked_to_call  # few ask for both

        wire["tool_choice"] = "auto"
        wire["messages"] = add_system_text(wire.get("messages"), asked_to_call(name))
    wire["tools"] = [*tools, {"type": "function", "function": function}]
    sent.answer_tool = name


def _thinks(wire: JsonDict) -> bool:
    thinking = wire.get("thinking")
    return dig(thinking, "type") != "disabled" if thinking else wire.get("reasoning_effort") not in (None, "none")


def _parts(form: JsonDict) -> tuple[Any, str, str]:
    # Schema (None where there is none), name and description.
    given = as_dict(form.get("json_schema", form))
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", str(given.get("name") or _TOOL_NAME))[:60]
    description = given.get("description") or "Give the final answer by calling this tool."
    return given.get("schema"), name, str(description)


def _instruction(form: JsonDict) -> str:
    schema, _, _ = _parts(form)
    return _JSON_ONLY if schema is None else f"{_BY_SCHEMA}\n{json.encode_str(schema)}"
