# Tools, the choice among them, and structured answers, both ways.

from __future__ import annotations

import re
from typing import Any

from lingate._dialects._check import expect, expect_texts
from lingate._dialects._draft import native_fields
from lingate._dialects._tools import (
    TOOL_FIELDS,
    allowed_tools,
    answer_name,
    asked_format,
    choice_object,
    chosen,
    chosen_function,
)
from lingate._dialects.gemini.casing import camelized
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.facts import CALLING_MODES, NAME, SERVER_TOOLS, TOOL_WORDS
from lingate._dialects.gemini.schema import canonical_schema, json_schema, openapi_schema
from lingate._model import HttpRequest, JsonDict
from lingate._wire.json import decode, encode_str
from lingate._wire.shapes import as_dicts, as_list, dig, not_null, without

_FUNCTION_KEYS = frozenset({"name", "description", "parameters", "strict", "provider_specific_fields"})
_DECLARED = frozenset({"response", "responseJsonSchema", "behavior"})
_WORDS = {"auto": "AUTO", "none": "NONE", "required": "ANY", "any": "ANY"}


def write_tools(draft: Draft) -> None:
    choice, config = _choice(draft), _original_config(draft)
    only = choice.pop("only", None) if config is None else None
    tools = _original_tools(draft) if only is None else None
    if tools is None:
        tools = _tools(draft, only)
    if tools:
        draft.body["tools"] = tools
    functions = any(tool.get("functionDeclarations") for tool in tools)
    if config is None:
        config = without(draft.native.get("toolConfig", {}), ("functionCallingConfig",))
        if choice and functions:
            config["functionCallingConfig"] = choice
    servers = any(not SERVER_TOOLS.isdisjoint(not_null(tool)) for tool in tools)
    if functions and draft.newest and servers and not draft.traits.get("google_cloud"):
        # What these models want to be told before they use both (recorded; older ones refuse the two together).
        config.setdefault("includeServerSideToolInvocations", True)
    if config:
        draft.body["toolConfig"] = config


def add_function(draft: Draft, declaration: JsonDict) -> None:
    # One more function, beside those that are there.
    tools = list(map(dict, draft.body.get("tools", ())))
    holder = next((tool for tool in tools if tool.get("functionDeclarations")), None)
    if holder is None:
        tools.append({"functionDeclarations": [declaration]})
    else:
        holder["functionDeclarations"] = [*holder["functionDeclarations"], declaration]
    draft.body["tools"] = tools


def function_names(tools: Any) -> list[str]:
    return [str(item.get("name")) for tool in as_dicts(tools) for item in as_dicts(tool.get("functionDeclarations"))]


def own_functions(sent: HttpRequest) -> list[str] | None:
    # Names of the caller's functions, where MCP servers that the provider asks have others; None: all are the caller's.
    asked = as_dicts(sent.call.body.get("tools"))
    servers = any("mcpServers" in tool or "mcp_servers" in tool for tool in asked)
    return function_names(decode(sent.body).get("tools")) if servers else None


def parameters(draft: Draft, schema: Any, where: str) -> JsonDict:
    # The field of a declaration that holds the parameters; none where a function takes no arguments.
    if not isinstance(schema, dict) or not schema:
        return {}
    made = _written_schema(draft, schema, f"{where}.parameters", draft.traits.get("tool_schema_drop", ()))
    if draft.traits.get("schema_language") != "openapi":
        return {"parametersJsonSchema": made}
    # "should be non-empty for OBJECT type" is a 400.
    return {"parameters": made} if made.get("properties") or made.get("type") != "OBJECT" else {}


def _written_schema(draft: Draft, schema: JsonDict, where: str, drop: tuple[str, ...] = ()) -> Any:
    # A schema in the language that the model knows.
    def told(keyword: str) -> None:
        draft.note(f"{where} ({keyword})")

    openapi = draft.traits.get("schema_language") == "openapi"
    return openapi_schema(schema, told) if openapi else json_schema(schema, told, drop)


def _original_tools(draft: Draft) -> list[JsonDict] | None:
    # The tools as a client of this format sent them, if they are still what is asked for.
    kept = draft.native.get("tools")
    if not isinstance(kept, list) or as_dicts(kept) != kept:
        return None
    read = canonical_tools(kept)
    same = all(read.get(name) == draft.asked.get(name) for name in ("tools", "web_search_options"))
    return kept if same else None


def _original_config(draft: Draft) -> JsonDict | None:
    kept = draft.native.get("toolConfig")
    if not isinstance(kept, dict) or canonical_choice(kept) != draft.asked.get("tool_choice"):
        return None
    return dict(kept)


def _tools(draft: Draft, only: list[Any] | None) -> list[JsonDict]:
    declarations: list[JsonDict] = []
    servers: list[JsonDict] = []
    for n, tool in enumerate(draft.objects("tools")):
        _add(tool, f"tools[{n}]", declarations, servers, draft)
    search = draft.asked.get("web_search_options")
    if isinstance(search, dict) and not any("googleSearch" in tool for tool in servers):
        servers.append({"googleSearch": {}})
        draft.note_others(search, (), "web_search_options")
    if only is not None:
        declarations = [declaration for declaration in declarations if declaration.get("name") in only]
    if declarations and draft.call.drop_params and draft.traits.get("thinking") in ("budget", "none"):
        # Before Gemini 3 the two are refused together, and Codex asks for both in every request.
        for server in servers:
            draft.note(f"tools ({next(iter(server))}, which this model refuses beside functions)")
        servers = []
    return [*([{"functionDeclarations": declarations}] if declarations else []), *servers]


def _add(tool: JsonDict, where: str, declarations: list[JsonDict], servers: list[JsonDict], draft: Draft) -> None:
    function, kind = tool.get("function"), tool.get("type")
    if kind == "function" or (kind is None and isinstance(function, dict)):
        own = {name: value for name, value in native_fields(tool, NAME).items() if name in _DECLARED}
        declarations.append({**_declaration(function, where, draft), **own})
        draft.note_others(tool, TOOL_FIELDS, where)
        if tool.get("cache_control"):
            draft.note("cache_control")
        if dig(function, "strict") or tool.get("strict"):
            draft.note(f"{where}.strict")
        return
    if kind is None:
        native = camelized(tool)
        if isinstance(native.get("functionDeclarations"), list):
            declarations.extend(as_dicts(native.pop("functionDeclarations")))
        if native:
            servers.append(native)
        return
    word = next((name for begin, name in TOOL_WORDS if isinstance(kind, str) and kind.startswith(begin)), None)
    if word is None:
        draft.refuse(where, f"a tool of type {kind!r:.60} has no counterpart")
        return
    for name in tool:
        if name not in ("type", "name", "cache_control"):
            draft.note(f"{where}.{name}")
    servers.append({word: {}})


def _declaration(function: Any, where: str, draft: Draft) -> JsonDict:
    function = draft.function(function, where)
    made: JsonDict = {"name": function["name"]}
    if function.get("description") is not None:
        made["description"] = function["description"]
    made |= parameters(draft, function.get("parameters"), where)
    for name, value in function.items():
        if name not in _FUNCTION_KEYS and value is not None:
            if name in _DECLARED:
                made[name] = value
            else:
                draft.note(f"{where}.function.{name}")
    return made


def _choice(draft: Draft) -> JsonDict:
    # `functionCallingConfig`; `only` holds the names where just some tools may be offered.
    asked = draft.asked.get("tool_choice")
    if asked is None:
        return {}
    if isinstance(asked, str):
        return {"mode": chosen(asked, _WORDS, draft)}
    kind = choice_object(asked, draft).get("type")
    if kind == "allowed_tools":
        return _allowed(asked, draft)
    if isinstance(kind, str) and kind in _WORDS:
        return {"mode": chosen(kind, _WORDS, draft)}
    name = chosen_function(asked, draft)
    return {} if name is None else {"mode": "ANY", "allowedFunctionNames": [name]}


def _allowed(asked: JsonDict, draft: Draft) -> JsonDict:
    # Some of the tools. Names go with the mode ANY only; while the model may also not call, the others are left out.
    mode, names = allowed_tools(asked, draft)
    names = [name for name in names if name is not None]
    if mode == "required":
        return {"mode": "ANY", "allowedFunctionNames": names}
    return {"mode": "AUTO", "only": names}


def check_tools(tools: Any) -> None:
    # Check what `canonical_tools` relies on.
    # Raises Malformed: a tool cannot be read.
    expect(tools, list, "tools")
    for n, tool in enumerate(tools):
        expect(tool, dict, f"tools[{n}]")
        declarations = tool.get("functionDeclarations")
        if declarations is None:
            continue
        expect(declarations, list, f"tools[{n}].functionDeclarations")
        for m, declaration in enumerate(declarations):
            where = f"tools[{n}].functionDeclarations[{m}]"
            expect(declaration, dict, where)
            expect(declaration.get("name"), str, f"{where}.name")


def canonical_tools(tools: list[Any]) -> JsonDict:
    # Checked tools as `tools` and `web_search_options`; a tool of the provider's own stays as it is.
    made: list[JsonDict] = []
    out: JsonDict = {}
    for tool in as_dicts(tools):
        made += map(_function, as_dicts(tool.get("functionDeclarations")))
        rest = not_null(tool, ("functionDeclarations",))
        if rest == {"googleSearch": {}}:
            out["web_search_options"] = {}
        elif rest:
            made.append(rest)
    if made:
        out["tools"] = made
    return out


def canonical_choice(config: JsonDict) -> Any:
    # A `toolConfig` as `tool_choice`; None where it leaves the choice to the model.
    calling = config.get("functionCallingConfig")
    if not isinstance(calling, dict):
        return None
    mode, names = calling.get("mode"), calling.get("allowedFunctionNames")
    if isinstance(mode, int) and not isinstance(mode, bool) and 0 <= mode < len(CALLING_MODES):
        mode = CALLING_MODES[mode]
    mode = mode.upper() if isinstance(mode, str) else mode
    names = as_list(names)
    if mode == "ANY" and len(names) == 1:
        return {"type": "function", "function": {"name": names[0]}}
    if mode in ("ANY", "VALIDATED") and names:
        word = "required" if mode == "ANY" else "auto"
        tools = [{"type": "function", "function": {"name": name}} for name in names]
        return {"type": "allowed_tools", "allowed_tools": {"mode": word, "tools": tools}}
    return {"ANY": "required", "NONE": "none", "AUTO": "auto", "VALIDATED": "auto"}.get(str(mode))


def check_choice(config: Any) -> None:
    # Check a `toolConfig`.
    # Raises Malformed: it cannot be read.
    expect(config, dict, "toolConfig")
    calling = config.get("functionCallingConfig")
    if calling is None:
        return
    expect(calling, dict, "toolConfig.functionCallingConfig")
    names = calling.get("allowedFunctionNames")
    if names is not None:
        expect_texts(names, "toolConfig.functionCallingConfig.allowedFunctionNames")


def _function(declaration: JsonDict) -> JsonDict:
    function: JsonDict = {"name": declaration.get("name")}
    if declaration.get("description") is not None:
        function["description"] = declaration["description"]
    given = declaration.get("parametersJsonSchema")
    if given is None and declaration.get("parameters") is not None:
        given = canonical_schema(declaration["parameters"])
    if given is not None:
        function["parameters"] = given
    known = ("name", "description", "parameters", "parametersJsonSchema", *_DECLARED)
    function.update(not_null(declaration, known))
    made: JsonDict = {"type": "function", "function": function}
    own = {name: declaration[name] for name in declaration if name in _DECLARED}
    return {**made, "provider_specific_fields": {NAME: own}} if own else made


_JSON = "application/json"
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,63}")
FORMAT_FIELDS = frozenset({"responseFormat", "responseMimeType", "responseSchema", "responseJsonSchema"})
"""Fields of `generationConfig` that say what form the answer has."""


def write_format(draft: Draft) -> None:
    # Write what `response_format` asks for, in the way this model knows.
    # Call after the tools are written.
    wanted = draft.asked.get("response_format")
    kept = {name: value for name, value in draft.native.get("generationConfig", {}).items() if name in FORMAT_FIELDS}
    if kept and canonical_format(kept) == wanted:
        draft.config().update(kept)
        return
    asked = asked_format(draft)
    if asked is None:
        return
    schema, name = asked
    way = draft.traits.get("structured")
    tools = function_names(draft.body.get("tools"))
    if way == "none":
        draft.refuse("response_format", "the model cannot be held to a format")
    elif (by_function := way == "tool" or (way == "json_schema_alone" and tools)) and schema is not None:
        _write_function(draft, schema, name, tools)
    elif way == "json_object" and schema is not None:
        draft.config()["responseMimeType"] = _JSON
        _instruct(draft, f"Answer with JSON that matches this JSON schema and nothing else: {encode_str(schema)}")
    elif by_function:
        _instruct(draft, "Answer with one JSON object and nothing else: no code fence, no explanation.")
    else:
        _write_native(draft, schema)


def canonical_format(config: JsonDict) -> JsonDict | None:
    # What a `generationConfig` says about the form of the answer, as `response_format`; None if nothing.
    kind, schema = text_form(config)
    if kind != _JSON:
        return None
    if schema is None and isinstance(config.get("responseSchema"), dict):
        schema = canonical_schema(config["responseSchema"])
    if not isinstance(schema, dict):
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def text_form(config: JsonDict) -> tuple[Any, Any]:
    # Media type and JSON schema that a `generationConfig` asks of the answer's text, in the newer way or the older.
    newer = config.get("responseFormat")  # one for developers, a list in the cloud
    texts = [form.get("text") for form in as_dicts(newer if isinstance(newer, list) else [newer])]
    text = next(filter(None, texts), None)
    kind = dig(text, "mimeType") or config.get("responseMimeType")
    return _JSON if kind == "APPLICATION_JSON" else kind, dig(text, "schema") or config.get("responseJsonSchema")


def _write_native(draft: Draft, schema: JsonDict | None) -> None:
    draft.config()["responseMimeType"] = _JSON
    if schema is not None:
        openapi = draft.traits.get("schema_language") == "openapi"
        field = "responseSchema" if openapi else "responseJsonSchema"
        draft.config()[field] = _written_schema(draft, schema, "response_format")


def _write_function(draft: Draft, schema: JsonDict, name: str, taken: list[str]) -> None:
    # A function whose arguments are the answer: the only way for models that take no schema, or none beside tools.
    config: JsonDict = draft.body.get("toolConfig", {})
    calling: Any = config.get("functionCallingConfig") or {}
    if calling.get("allowedFunctionNames"):
        return  # a function must be called now, so this turn is not the answer
    name = answer_name(name if _NAME.fullmatch(name) else "", taken)
    text = "Gives the final answer to the user. Its arguments are the whole answer."
    add_function(draft, {"name": name, "description": text, **parameters(draft, schema, "response_format")})
    calling = {"mode": "ANY"}
    if not taken or draft.asked.get("tool_choice") == "none":
        calling["allowedFunctionNames"] = [name]
    draft.body["toolConfig"] = {**config, "functionCallingConfig": calling}
    draft.answer_tool = name


def _instruct(draft: Draft, text: str) -> None:
    system = draft.body.get("systemInstruction") or {"parts": []}
    draft.body["systemInstruction"] = {**system, "parts": [*system["parts"], {"text": text}]}
