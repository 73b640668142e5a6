# Tools, the choice among them, and structured answers: canonical -> wire.

from __future__ import annotations

from typing import Any

from lingate._dialects._ignorable import ignorable_tool
from lingate._dialects._tools import (
    CHOICES,
    FORCED,
    FUNCTION_KEYS,
    NO_ARGUMENTS,
    TOOL_FIELDS,
    allowed_tools,
    answer_name,
    asked_for_json,
    asked_format,
    asked_to_call,
    choice_object,
    chosen,
    chosen_function,
    closed,
    object_schema,
    without_keys,
)
from lingate._dialects.anthropic.facts import TOOL_BETAS
from lingate._dialects.bedrock_converse.content import cache_point
from lingate._dialects.bedrock_converse.draft import Draft
from lingate._model import JsonDict
from lingate._wire.json import decode, encode_str
from lingate._wire.shapes import as_str, dig, without


def write_tools(draft: Draft, used: list[str]) -> None:
    # `used`: names of tools that the conversation has called: the API wants them declared although none is offered.
    tools = _declared(draft)
    choice, names = _choice(draft)
    if names is not None:
        tools = [tool for tool in tools if _name(tool) in names]
    if choice == {"none": {}}:
        choice = None
        tools = _withheld(draft, tools, used)
    elif not tools and used:
        tools = list(map(_stub, used))
        draft.instruct("The tools that were used before are no longer available. Do not call them.")
    if not tools:
        return
    config: JsonDict = {"tools": tools}
    choice = _possible(draft, choice)
    if choice is not None:
        config["toolChoice"] = choice
    draft.body["toolConfig"] = config
    _write_parallel(draft, choice)


def is_forced(draft: Draft) -> bool:
    choice = draft.body.get("toolConfig", {}).get("toolChoice") or {}
    return any(word in choice for word in FORCED)


def write_format(draft: Draft, thinking: bool) -> None:
    # Write what `response_format` asks for, in the way this model knows.
    asked = asked_format(draft)
    if asked is None:
        return
    schema, name = asked
    about = dig(draft.asked["response_format"], "json_schema", "description")
    way = draft.traits.get("structured")
    if way == "none":
        draft.refuse("response_format", "the model cannot be held to a format")
    elif schema is None or way == "json_object":
        # Without a schema a forced tool would be called with nothing in it.
        draft.instruct(asked_for_json(schema))
    elif way == "json_schema":
        _write_native_format(draft, schema, name, as_str(about))
    else:
        _write_answer_tool(draft, schema, name, about, thinking)


def canonical_format(native: Any) -> JsonDict | None:
    # This format's own `textFormat` as a `response_format`.
    inner = dig(native, "structure", "jsonSchema") if dig(native, "type") == "json_schema" else None
    text = dig(inner, "schema")
    try:
        schema = decode(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if not isinstance(schema, dict) or not isinstance(inner, dict):
        return None
    told = {key: inner[key] for key in ("name", "description") if isinstance(inner.get(key), str)}
    return {"type": "json_schema", "json_schema": {"name": "answer", **told, "schema": schema}}


def _write_native_format(draft: Draft, schema: JsonDict, name: str, about: str) -> None:
    given = draft.native.get("textFormat")
    if given is not None and canonical_format(given) == draft.asked["response_format"]:
        draft.output()["textFormat"] = given
        return
    told = {"schema": encode_str(closed(schema)), "name": name, "description": about}
    told = {field: word for field, word in told.items() if word}
    draft.output()["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": told}}


def _write_answer_tool(draft: Draft, schema: JsonDict, name: str, about: Any, thinking: bool) -> None:
    # A tool whose input is the answer. Forced, except while thinking and by models that cannot be.
    config: JsonDict = draft.body.get("toolConfig", {})
    tools = config.get("tools", [])
    choice = config.get("toolChoice") or {}
    if "tool" in choice:
        return  # a certain tool must be called now, so this turn is not the answer
    draft.answer_tool = name = answer_name(name, list(map(_name, tools)))
    spec = {
        "name": name,
        "description": about or "Gives the final answer to the user. Its input is the whole answer.",
        "inputSchema": {"json": object_schema(schema)},
    }
    config = {"tools": [*tools, {"toolSpec": spec}]}
    if thinking or draft.traits.get("tool_choice_required") == "auto":
        draft.instruct(asked_to_call(name))
    else:
        offered = tools and draft.asked.get("tool_choice") != "none"
        config["toolChoice"] = {"any": {}} if offered else {"tool": {"name": name}}
    draft.body["toolConfig"] = config


def _declared(draft: Draft) -> list[JsonDict]:
    made: list[JsonDict] = []
    for n, tool in enumerate(draft.objects("tools")):
        written = _tool(tool, f"tools[{n}]", draft)
        if written is not None:
            made.append(written)
            made += _tool_mark(tool, f"tools[{n}]", draft)
    return made


def _tool(tool: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    kind = tool.get("type")
    if isinstance(tool.get("systemTool"), dict):
        return {"systemTool": tool["systemTool"]}
    if isinstance(tool.get("toolSpec"), dict):
        return {"toolSpec": tool["toolSpec"]}
    function = tool.get("function")
    if kind != "function" and not (kind is None and isinstance(function, dict)):
        _pass_on(tool, where, draft)
        return None
    function = draft.function(function, where)
    spec: JsonDict = {"name": function["name"]}
    if function.get("description"):
        spec["description"] = function["description"]
    schema = object_schema(function.get("parameters") or NO_ARGUMENTS)
    strict = function.get("strict", tool.get("strict"))
    dropped = draft.traits.get("tool_schema_drop", ())
    spec["inputSchema"] = {"json": without_keys(schema, dropped) if dropped else schema}
    if isinstance(strict, bool):
        if draft.traits.get("structured") == "json_schema" and "strict" not in dropped:
            spec["strict"] = strict
            if strict:  # held to the same rules as an answer's schema: BerriAI/litellm#39115
                spec["inputSchema"]["json"] = closed(spec["inputSchema"]["json"], shut=False)
        elif strict:
            draft.note(f"{where}.strict")
    draft.note_others(function, FUNCTION_KEYS, f"{where}.function")
    draft.note_others(tool, TOOL_FIELDS, where)
    return {"toolSpec": spec}


def _pass_on(tool: JsonDict, where: str, draft: Draft) -> None:
    # Claude's own tools (computer use and the like) go past Converse, in the words of Claude's own API.
    kind = tool.get("type")
    # Its search for tools is none of them (agentgateway/agentgateway#3240): all tools are told here.
    if draft.family != "claude" or not isinstance(kind, str) or kind == "custom" or kind.startswith("tool_search"):
        draft.refuse(where, f"there is no tool of type {ignorable_tool(tool) or kind}")
        return
    more = draft.additional()
    more["tools"] = [*more.get("tools", ()), without(tool, ("cache_control",))]
    if kind in TOOL_BETAS:
        more["anthropic_beta"] = list(dict.fromkeys([*more.get("anthropic_beta", ()), TOOL_BETAS[kind]]))


def _tool_mark(tool: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    function = tool.get("function")
    holder = tool if tool.get("cache_control") or not isinstance(function, dict) else function
    if draft.family == "nova" and holder.get("cache_control"):
        # Nova caches system and messages only.
        draft.note(f"cache_control of {where}")
        return []
    return cache_point(holder, where, draft)


def _name(tool: JsonDict) -> str | None:
    return as_str(dig(tool.get("toolSpec") or tool.get("systemTool"), "name")) or None


def _stub(name: str) -> JsonDict:
    return {"toolSpec": {"name": name, "description": "No longer available.", "inputSchema": {"json": NO_ARGUMENTS}}}


def _withheld(draft: Draft, tools: list[JsonDict], used: list[str]) -> list[JsonDict]:
    # No tool may be called, for which there is no word: without tools none can be. But a conversation that has called
    # some must declare them.
    if not used:
        return []
    draft.instruct("Do not call any tool now. Answer with text.")
    if tools:
        draft.note("tool_choice=none (asked for in words)")
    return tools or list(map(_stub, used))


def _choice(draft: Draft) -> tuple[JsonDict | None, list[Any] | None]:
    # `toolChoice` on the wire, and the names of the tools that are left; None for all.
    asked = draft.asked.get("tool_choice")
    if asked is None:
        return None, None
    if isinstance(asked, str):
        word = chosen(asked, CHOICES, draft)
        return {word: {}} if word == CHOICES[asked] else None, None
    if choice_object(asked, draft).get("type") == "allowed_tools":
        mode, names = allowed_tools(asked, draft)
        return {CHOICES[mode]: {}}, names
    if asked.get("type") in ("auto", "any", "none"):
        return {asked["type"]: {}}, None
    name = chosen_function(asked, draft)
    return None if name is None else {"tool": {"name": name}}, None


def _possible(draft: Draft, choice: JsonDict | None) -> JsonDict | None:
    # The choice, as far as the model can be made to make one.
    if choice is None or "auto" in choice or draft.traits.get("tool_choice_required") != "auto":
        return choice
    draft.note("tool_choice")
    return None


def _write_parallel(draft: Draft, choice: JsonDict | None) -> None:
    # One call at a time is Claude's own field: Converse has none.
    parallel = draft.asked.get("parallel_tool_calls")
    if parallel is None or parallel is True:
        return
    if draft.family != "claude":
        draft.has_none("parallel_tool_calls")
        return
    made: JsonDict = {"type": "auto", "disable_parallel_tool_use": True}
    for word, inner in (choice or {}).items():
        made |= {"type": word, **inner}
    draft.additional()["tool_choice"] = made
