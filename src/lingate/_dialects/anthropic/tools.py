# Tools, the choice among them, and structured answers: canonical -> wire.

from __future__ import annotations

from typing import Any

from lingate._dialects._tools import (
    CHOICES,
    FORCED,
    FUNCTION_KEYS,
    NO_ARGUMENTS,
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
    search_place,
    without_keys,
)
from lingate._dialects.anthropic.draft import Draft
from lingate._dialects.anthropic.facts import FIELD_BETAS, NAME, TOOL_BETAS
from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, dig, not_null, without

_DOMAINS = ("allowed_domains", "blocked_domains")


def write_tools(draft: Draft, used: list[str]) -> None:
    # Write `tools` and `tool_choice`.
    # `used`: names of tools that the conversation has called: the API wants them declared although none is offered.
    made = (_tool(tool, f"tools[{n}]", draft) for n, tool in enumerate(draft.objects("tools")))
    tools = [tool for tool in made if tool is not None]
    choice, names = _choice(draft)
    if names is not None:
        tools = [tool for tool in tools if tool.get("name") in names]
    search = _web_search(draft)
    if search is not None:
        tools.append(search)
    # Its own clients say themselves what there is: the API itself answers without (recorded), and stubs cost cached text.
    own = draft.target.row.dialect == NAME and "tools" in draft.native
    if not tools and used and not own:
        tools = [{"name": name, "description": "No longer available.", "input_schema": NO_ARGUMENTS} for name in used]
        choice = {"type": "none"}
    if tools:
        draft.body["tools"] = tools
    parallel = draft.asked.get("parallel_tool_calls")
    if tools and isinstance(parallel, bool) and (choice is not None or not parallel):
        choice = choice or {"type": "auto"}
        if choice["type"] != "none":
            choice = {**choice, "disable_parallel_tool_use": not parallel}
    if choice is not None and choice["type"] in FORCED and _never_forced(draft):
        draft.note("tool_choice")
        choice = {**without(choice, ("name",)), "type": "auto"}
    if choice is not None and (tools or choice["type"] in FORCED):
        draft.body["tool_choice"] = choice


def is_forced(draft: Draft) -> bool:
    choice = draft.body.get("tool_choice")
    return isinstance(choice, dict) and choice.get("type") in FORCED


def _never_forced(draft: Draft) -> bool:
    return draft.traits.get("tool_choice_required") == "auto"


def write_format(draft: Draft, thinking: bool) -> None:
    # Write what `response_format` asks for, in the way this model knows.
    asked = asked_format(draft)
    if asked is None:
        return
    schema, name = asked
    way = draft.traits.get("structured")
    if way == "none":
        draft.refuse("response_format", "the model cannot be held to a format")
    elif way == "json_schema" and schema is not None:
        _write_native_format(draft, draft.asked["response_format"], schema)
    elif way == "json_object":
        _instruct(draft, asked_for_json(schema))
    else:
        _write_answer_tool(draft, schema, name, thinking)


def canonical_format(native: Any) -> JsonDict | None:
    # This format's own `{type: json_schema, schema}` as a `response_format`.
    schema = native.get("schema") if isinstance(native, dict) and native.get("type") == "json_schema" else None
    if not isinstance(schema, dict):
        return None
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _write_native_format(draft: Draft, wanted: JsonDict, schema: JsonDict) -> None:
    legacy, config = draft.native.get("output_format"), draft.native.get("output_config")
    given = dig(config, "format")
    if given is not None and canonical_format(given) == wanted:
        draft.config()["format"] = given
    elif legacy is not None and canonical_format(legacy) == wanted:
        draft.body["output_format"] = legacy
        draft.need(FIELD_BETAS["output_format"])
    else:
        draft.config()["format"] = {"type": "json_schema", "schema": closed(schema)}


def _write_answer_tool(draft: Draft, schema: JsonDict | None, name: str, thinking: bool) -> None:
    # A tool whose input is the answer. Forced, except while thinking, when the API refuses to force one, and on models
    # that it forces none on.
    tools = draft.body.get("tools", [])
    name = answer_name(name, [tool.get("name") for tool in tools])
    choice = draft.body.get("tool_choice", {"type": "auto"})
    offered = bool(tools) and choice["type"] != "none"
    if choice["type"] == "tool":
        return  # a certain tool must be called now, so this turn is not the answer
    tool = {
        "name": name,
        "description": "Gives the final answer to the user. Its input is the whole answer.",
        "input_schema": object_schema(schema or NO_ARGUMENTS),
    }
    draft.body["tools"] = [*tools, tool]
    draft.answer_tool = name
    if thinking or _never_forced(draft):
        draft.body["tool_choice"] = {"type": "auto"}
        _instruct(draft, asked_to_call(name))
    elif offered:
        draft.body["tool_choice"] = {**choice, "type": "any"}
    else:
        draft.body["tool_choice"] = {"type": "tool", "name": name, "disable_parallel_tool_use": True}


def _instruct(draft: Draft, text: str) -> None:
    system = draft.body.get("system", [])
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    draft.body["system"] = [*blocks, {"type": "text", "text": text}]


def _tool(tool: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    kind = tool.get("type")
    function = tool.get("function")
    if kind != "function" and not (kind is None and isinstance(function, dict)):
        if isinstance(kind, str) and kind in TOOL_BETAS:
            draft.need(TOOL_BETAS[kind])
        if kind is None and "name" not in tool:
            draft.refuse(where, f"{next(iter(tool), 'it')} is a tool of another provider's own")
            return None
        return dict(tool)
    function = draft.function(function, where)
    made: JsonDict = {"name": function["name"]}
    if function.get("description") is not None:
        made["description"] = function["description"]
    made["input_schema"] = object_schema(function.get("parameters") or NO_ARGUMENTS)
    strict = function.get("strict", tool.get("strict"))
    if isinstance(strict, bool):
        _set_strict(made, strict, where, draft)
    extras = without(function, FUNCTION_KEYS) | without(tool, ("type", "function", "strict"))
    made |= not_null(extras, ("provider_specific_fields",))
    dropped = draft.traits.get("tool_schema_drop", ())
    return without_keys(made, dropped) if dropped else made


def _set_strict(made: JsonDict, strict: bool, where: str, draft: Draft) -> None:
    if draft.traits.get("structured") == "json_schema":
        made["strict"] = strict
        if strict:  # what is enforced is held to the same rules as an answer's schema
            made["input_schema"] = closed(made["input_schema"], shut=False)
    elif strict:
        draft.note(f"{where}.strict")


def _choice(draft: Draft) -> tuple[JsonDict | None, list[Any] | None]:
    # `tool_choice` on the wire, and the names of the tools that are left; None for all.
    asked = draft.asked.get("tool_choice")
    if asked is None:
        return None, None
    if isinstance(asked, str):
        return {"type": chosen(asked, CHOICES, draft)}, None
    kind = choice_object(asked, draft).get("type")
    if kind == "allowed_tools":
        word, names = allowed_tools(asked, draft)
        return {"type": chosen(word, CHOICES, draft)}, names
    if kind in ("auto", "any", "tool", "none"):
        return dict(asked), None
    name = chosen_function(asked, draft)
    return None if name is None else {"type": "tool", "name": name}, None


def _web_search(draft: Draft) -> JsonDict | None:
    # OpenAI's `web_search_options` as this format's web search tool.
    options = draft.asked.get("web_search_options")
    if not isinstance(options, dict):
        return None
    if options.get("search_context_size") not in (None, "medium"):
        draft.note("web_search_options.search_context_size")
    draft.note_others(options, ("search_context_size", "user_location", "filters"), "web_search_options")
    filters = as_dict(options.get("filters"))
    draft.note_others(filters, _DOMAINS, "web_search_options.filters")
    only = {name: filters[name] for name in _DOMAINS if filters.get(name)}
    return {"type": "web_search_20250305", "name": "web_search", **search_place(options), **only}
