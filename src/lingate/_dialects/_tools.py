# Tools, the choice among them, and schemas, as several wire formats have them.

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from lingate._dialects._draft import Draft
from lingate._dialects._ignorable import ignorable_tool
from lingate._model import JsonDict
from lingate._wire.json import encode_str
from lingate._wire.shapes import as_dict, as_dicts, as_list, as_str, dig, not_null, without

T = TypeVar("T")

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CHOICES = {"auto": "auto", "none": "none", "required": "any", "any": "any"}
"""Words of `tool_choice` as Anthropic has them."""

FUNCTION_KEYS = frozenset({"name", "description", "parameters", "strict"})
NO_ARGUMENTS = {"type": "object", "properties": {}}
FORCED = ("any", "tool")
"""Kinds of Anthropic's choices that make the model call something."""

_NOT_SENT = frozenset({"strict", "cache_control", "provider_specific_fields"})
TOOL_FIELDS = _NOT_SENT | {"type", "function"}
"""Fields of a function among the tools that each format has its own way with; others are Anthropic's."""


def function_tool(tool: JsonDict, where: str, draft: Draft, defaults: JsonDict) -> JsonDict | None:
    # A tool in OpenAI's form for formats that have the same; None for one that is refused.
    # Tools of unknown kinds stay.
    # `defaults` are fields of a function that are put in where it has none.
    # Raises ConfigError: it is no tool.
    kind, function = tool.get("type", "function"), tool.get("function")
    strange = "custom" if kind == "custom" else ignorable_tool(tool)
    if strange:
        draft.refuse(where, f"there is no tool of type {strange}")
        return None
    if kind != "function":
        return dict(tool)
    function = draft.function(function, where)
    if tool.get("cache_control"):
        draft.note("cache_control")
    draft.note_others(tool, TOOL_FIELDS, where)
    made = not_null(function, _NOT_SENT)
    made = {**made, **without(defaults, made)}
    dropped = draft.traits.get("tool_schema_drop", ())
    return {"type": "function", "function": without_keys(made, dropped) if dropped else made}


def chosen(asked: str, words: Mapping[str, T], draft: Draft) -> T:
    # A word of `tool_choice` in a format's own: that for `auto` where the model cannot be made to call a tool.
    # Raises ConfigError: it is none.
    if asked not in words:
        raise draft.broken("tool_choice", "must be auto, none, required or a function")
    if asked in ("required", "any") and draft.traits.get("tool_choice_required") == "auto":
        draft.note("tool_choice")
        asked = "auto"
    return words[asked]


def choice_object(asked: Any, draft: Draft) -> JsonDict:
    # A `tool_choice` that is no word.
    # Raises ConfigError: it is no object either.
    if not isinstance(asked, dict):
        raise draft.broken("tool_choice", "must be a word or an object")
    return asked


def chosen_function(asked: JsonDict, draft: Draft) -> str | None:
    # The name of the function that a `tool_choice` is; None where it is something else, which is refused.
    function = asked.get("function", asked if asked.get("type") in (None, "function", "tool") else None)
    if isinstance(name := dig(function, "name"), str):
        return name
    draft.refuse("tool_choice", "this kind of choice has no counterpart")
    return None


def allowed_tools(choice: JsonDict, draft: Draft) -> tuple[str, list[Any]]:
    # What a choice of the type `allowed_tools` says: `required` or `auto`, and the names of the tools.
    # Raises ConfigError: it names no tools.
    inner = choice.get("allowed_tools", choice)
    tools = dig(inner, "tools")
    if not isinstance(tools, list):
        raise draft.broken("tool_choice.allowed_tools.tools", "must be a list")
    functions = as_dicts([tool.get("function", tool) for tool in as_dicts(tools)])
    return "required" if inner.get("mode") == "required" else "auto", [function.get("name") for function in functions]


def mark_failure(message: JsonDict, failed: Any) -> None:
    # Note on a tool message whether its client said that the tool failed: OpenAI has no word for it.
    if isinstance(failed, bool):
        message.setdefault("provider_specific_fields", {})["is_error"] = failed


def has_failed(message: JsonDict) -> bool | None:
    # Whether the tool failed whose result a message has; None where nobody said.
    found = message.get("is_error", dig(message, "provider_specific_fields", "is_error"))
    return found if isinstance(found, bool) else None


def asked_format(draft: Draft) -> tuple[JsonDict | None, str] | None:
    # Schema and name of the format that is asked for, both of which JSON may lack; None where text will do.
    # Raises ConfigError: it is no format.
    wanted = draft.asked.get("response_format")
    kind = dig(wanted, "type")
    if wanted is None or kind == "text":
        return None
    inner = as_dict(dig(wanted, "json_schema"))
    schema = inner.get("schema", dig(wanted, "schema"))
    if kind not in ("json_schema", "json_object") or (kind == "json_schema" and not isinstance(schema, dict)):
        raise draft.broken("response_format", "must be text, json_object, or json_schema with a schema")
    if not isinstance(schema, dict):
        return None, as_str(inner.get("name"))
    about = as_str(inner.get("description"))  # elsewhere a schema says itself what it is of
    return {"description": about, **schema} if about else schema, as_str(inner.get("name"))


def answer_name(name: str, taken: list[Any]) -> str:
    # What a tool is called whose input is the answer: by its schema's name if it may be.
    name = name if _NAME.fullmatch(name) and name not in taken else "structured_answer"
    while name in taken:
        name += "_"
    return name


def asked_to_call(name: str) -> str:
    # What a model is told that is not made to call the tool whose input is the answer.
    return f"Give your final answer by calling the tool {name} exactly once, never as text."


def asked_for_json(schema: JsonDict | None) -> str:
    # What a model is told that no field of a request holds to a schema, or to JSON.
    told = f" It must match this JSON schema: {encode_str(schema)}" if schema else ""
    return f"Answer with one JSON object and nothing else.{told}"


def search_place(options: JsonDict) -> JsonDict:
    # Where a search is to be made, of OpenAI's `web_search_options`, as tools say it; nothing where it is not given.
    location = options.get("user_location")
    if not isinstance(location, dict):
        return {}
    place = as_dict(location.get("approximate", location))
    return {"user_location": {"type": "approximate", **without(place, ("type",))}}


_REFUSED = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "contains",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
    }
)
"""Keywords that the API answers with a 400: https://docs.claude.com/en/docs/build-with-claude/structured-outputs"""

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_MAPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")


def closed(schema: Any, shut: bool = True) -> Any:
    # A copy whose objects allow no other properties, as the API demands.
    # Constraints it does not take are told to the model in the description, as the official package does.
    # `shut`: false for the arguments of a `strict` tool, whose author has said it where it is to be.
    if not isinstance(schema, dict):
        return schema
    copy: JsonDict = {}
    hints: JsonDict = {}
    for key, value in schema.items():
        if _is_refused(key, value):
            hints[key] = value
        elif key in _MAPS and isinstance(value, dict):
            copy[key] = {name: closed(inner, shut) for name, inner in value.items()}
        elif key in _LISTS and isinstance(value, list):
            copy["anyOf" if key == "oneOf" else key] = [closed(inner, shut) for inner in value]
        else:
            copy[key] = closed(value, shut) if key == "items" else value
    if shut and _is_object(copy):
        if copy.get("additionalProperties"):
            hints["additionalProperties"] = copy["additionalProperties"]
        copy["additionalProperties"] = False
    if hints:
        told = "{" + ", ".join(f"{key}: {value}" for key, value in hints.items()) + "}"
        copy["description"] = f"{copy['description']}\n\n{told}" if copy.get("description") else told
    return copy


def object_schema(schema: Any) -> Any:
    # Arguments with `type: object` at the top, where some APIs want it, and no branches there: 400 "input_schema does not support
    # oneOf, allOf, or anyOf at the top level" (Kilo-Org/kilocode#12246). What they name is named, and told in the description.
    if not isinstance(schema, dict):
        return schema
    schema = schema if "type" in schema else {"type": "object", **schema}
    branches = {key: as_dicts(schema[key]) for key in ("anyOf", "oneOf", "allOf") if isinstance(schema.get(key), list)}
    if not branches:
        return schema
    properties: JsonDict = {**as_dict(schema.get("properties"))}
    for branch in (branch for found in branches.values() for branch in found):
        named = as_dict(dig(schema, *as_str(branch.get("$ref")).removeprefix("#/").split("/")))
        for name, inner in as_dict({**named, **branch}.get("properties")).items():
            known = properties.setdefault(name, inner)
            if known != inner:
                properties[name] = {"anyOf": [*(as_list(dig(known, "anyOf")) or [known]), inner]}
    told = "\n\n".join(
        filter(None, (as_str(schema.get("description")), f"It must match this too: {encode_str(branches)}"))
    )
    return {**without(schema, (*branches,)), "properties": properties, "description": told}


def without_keys(value: Any, keys: tuple[str, ...]) -> Any:
    # A copy without some keywords, at every depth; properties that happen to have such a name stay.
    if isinstance(value, list):
        return [without_keys(inner, keys) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: without_keys(item, keys) for name, item in inner.items()}
        if key in _MAPS and isinstance(inner, dict)
        else without_keys(inner, keys)
        for key, inner in value.items()
        if key not in keys
    }


def _is_refused(key: str, value: Any) -> bool:
    if key == "minItems":
        return value not in (0, 1)
    if key == "format":
        return value not in _FORMATS
    return key in _REFUSED


def _is_object(schema: JsonDict) -> bool:
    kind = schema.get("type", "object" if "properties" in schema else None)
    return kind == "object" or (isinstance(kind, list) and "object" in kind)
