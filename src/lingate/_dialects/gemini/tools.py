"""Tools and the choice among them: canonical -> wire."""

from __future__ import annotations

from typing import Any

from lingate._dialects.gemini.casing import camelized
from lingate._dialects.gemini.checks import objects
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.face_tools import canonical_choice, canonical_tools
from lingate._dialects.gemini.facts import SERVER_TOOLS, TOOL_WORDS
from lingate._dialects.gemini.schema import json_schema, openapi_schema
from lingate._model import JsonDict

_FUNCTION_KEYS = frozenset({"name", "description", "parameters", "strict", "provider_specific_fields"})
_DECLARED = frozenset({"response", "responseJsonSchema", "behavior"})
_WORDS = {"auto": "AUTO", "none": "NONE", "required": "ANY", "any": "ANY"}


def write_tools(draft: Draft) -> None:
    """Write `tools` and `toolConfig`.

    Raises:
        ConfigError: What should be tools is not.
        UnsupportedError: A tool or a choice has no counterpart here and `drop_params` is off.
    """
    choice, config = _choice(draft), _original_config(draft)
    only = choice.pop("only", None) if config is None else None
    tools = _original_tools(draft) if only is None else None
    if tools is None:
        tools = _tools(draft, only)
    if tools:
        draft.body["tools"] = tools
    functions = any(tool.get("functionDeclarations") for tool in tools)
    if config is None:
        kept = draft.native.get("toolConfig", {})
        config = {name: value for name, value in kept.items() if name != "functionCallingConfig"}
        if choice and functions:
            config["functionCallingConfig"] = choice
    if functions and draft.newest and _servers(tools) and not draft.traits.get("google_cloud"):
        # What these models want to be told before they use both (recorded; older ones refuse the two together).
        config.setdefault("includeServerSideToolInvocations", True)
    if config:
        draft.body["toolConfig"] = config


def add_function(draft: Draft, declaration: JsonDict) -> None:
    """One more function, beside those that are there."""
    tools = [dict(tool) for tool in draft.body.get("tools", ())]
    holder = next((tool for tool in tools if tool.get("functionDeclarations")), None)
    if holder is None:
        tools.append({"functionDeclarations": [declaration]})
    else:
        holder["functionDeclarations"] = [*holder["functionDeclarations"], declaration]
    draft.body["tools"] = tools


def function_names(draft: Draft) -> list[str]:
    """Names of the functions that are offered."""
    tools = draft.body.get("tools", ())
    return [str(item.get("name")) for tool in tools for item in objects(tool.get("functionDeclarations"))]


def parameters(draft: Draft, schema: Any, where: str) -> JsonDict:
    """The field of a declaration that holds the parameters; none where a function takes no arguments."""
    if not isinstance(schema, dict) or not schema:
        return {}

    def told(keyword: str) -> None:
        draft.note(f"{where}.parameters ({keyword})")

    if draft.traits.get("schema_language") == "openapi":
        made = openapi_schema(schema, told)
        # "should be non-empty for OBJECT type" is a 400.
        return {"parameters": made} if made.get("properties") or made.get("type") != "OBJECT" else {}
    return {"parametersJsonSchema": json_schema(schema, told, draft.traits.get("tool_schema_drop", ()))}


def _original_tools(draft: Draft) -> list[JsonDict] | None:
    """The tools as a client of this format sent them, if they are still what is asked for."""
    kept = draft.native.get("tools")
    if not isinstance(kept, list) or not all(isinstance(tool, dict) for tool in kept):
        return None
    read = canonical_tools(kept)
    same = all(read.get(name) == draft.asked.get(name) for name in ("tools", "web_search_options"))
    return kept if same else None


def _original_config(draft: Draft) -> JsonDict | None:
    kept = draft.native.get("toolConfig")
    if not isinstance(kept, dict) or canonical_choice(kept) != draft.asked.get("tool_choice"):
        return None
    return dict(kept)


def _servers(tools: list[JsonDict]) -> set[str]:
    return {name for tool in tools for name in tool if name in SERVER_TOOLS}


def _tools(draft: Draft, only: list[Any] | None) -> list[JsonDict]:
    tools = draft.asked.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(item, dict) for item in tools):
        raise draft.broken("tools", "must be a list of objects")
    declarations: list[JsonDict] = []
    servers: list[JsonDict] = []
    for n, tool in enumerate(tools):
        _add(tool, f"tools[{n}]", declarations, servers, draft)
    search = draft.asked.get("web_search_options")
    if isinstance(search, dict) and not any("googleSearch" in tool for tool in servers):
        servers.append({"googleSearch": {}})
        for name in search:
            if search[name] is not None:
                draft.note(f"web_search_options.{name}")
    if only is not None:
        declarations = [declaration for declaration in declarations if declaration.get("name") in only]
    return [*([{"functionDeclarations": declarations}] if declarations else []), *servers]


def _add(tool: JsonDict, where: str, declarations: list[JsonDict], servers: list[JsonDict], draft: Draft) -> None:
    function, kind = tool.get("function"), tool.get("type")
    if kind == "function" or (kind is None and isinstance(function, dict)):
        declarations.append(_declaration(function, where, draft))
        return
    if kind is None:
        native = camelized(tool)
        if isinstance(native.get("functionDeclarations"), list):
            declarations.extend(item for item in native.pop("functionDeclarations") if isinstance(item, dict))
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
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise draft.broken(f"{where}.function", "must be an object with a name")
    made: JsonDict = {"name": function["name"]}
    if function.get("description") is not None:
        made["description"] = function["description"]
    made |= parameters(draft, function.get("parameters"), where)
    for name, value in function.items():
        if name not in _FUNCTION_KEYS and value is not None:
            if name in _DECLARED:
                made[name] = value
            else:
                draft.note(f"{where}.{name}")
    return made


def _choice(draft: Draft) -> JsonDict:
    """`functionCallingConfig`; `only` holds the names where just some tools may be offered."""
    asked = draft.asked.get("tool_choice")
    if asked is None:
        return {}
    if isinstance(asked, str):
        return _word(asked, draft)
    if not isinstance(asked, dict):
        raise draft.broken("tool_choice", "must be a word or an object")
    kind = asked.get("type")
    if kind == "allowed_tools":
        return _allowed(asked, draft)
    if isinstance(kind, str) and kind in _WORDS:
        return _word(kind, draft)
    function = asked.get("function", asked if kind in (None, "function", "tool") else None)
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        return {"mode": "ANY", "allowedFunctionNames": [function["name"]]}
    draft.refuse("tool_choice", "this kind of choice has no counterpart")
    return {}


def _word(word: str, draft: Draft) -> JsonDict:
    if word not in _WORDS:
        raise draft.broken("tool_choice", "must be auto, none, required or a function")
    if _WORDS[word] == "ANY" and draft.traits.get("tool_choice_required") == "auto":
        draft.note("tool_choice")
        return {"mode": "AUTO"}
    return {"mode": _WORDS[word]}


def _allowed(asked: JsonDict, draft: Draft) -> JsonDict:
    """Some of the tools. Names go with the mode ANY only; while the model may also not call, the others are left out."""
    inner = asked.get("allowed_tools", asked)
    tools = inner.get("tools") if isinstance(inner, dict) else None
    if not isinstance(tools, list):
        raise draft.broken("tool_choice.allowed_tools.tools", "must be a list")
    functions = [tool.get("function", tool) for tool in tools if isinstance(tool, dict)]
    names = [function["name"] for function in functions if isinstance(function, dict) and "name" in function]
    if inner.get("mode") == "required":
        return {"mode": "ANY", "allowedFunctionNames": names}
    return {"mode": "AUTO", "only": names}
