# Chat: messages and parameters as users write them, into one canonical call.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from lingate._endpoints._arguments import Extras, list_stops, plain, text_mapping
from lingate._model import Call, JsonDict, replaced
from lingate._providers.settings import wrong_type
from lingate._wire.plain import is_plain_chat
from lingate.errors import ConfigError

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_NOT_CHANGED = frozenset(("model", "stream", "api_key", "api_base", "api_version", "timeout", "retries", "fallbacks"))
_LEAVES = frozenset({str, int, bool})


def prepare(
    model: str,
    messages: Any,
    params: Mapping[str, Any],
    *,
    stream: bool = False,
    drop_params: bool = False,
    extra_headers: Any = None,
    extra_body: Any = None,
) -> tuple[Call, type | None]:
    # Build the canonical call, and tell the class that `response_format` was, if it was one.
    # messages: A list of OpenAI message dicts (views and pydantic objects are taken too), or one string: a user's message.
    # params: OpenAI chat parameters; None means not set.
    # drop_params, extra_headers, extra_body: See `Extras`.
    written, plainly = _messages(messages)
    body: JsonDict = {"messages": written}
    format_class: type | None = None
    for name, value in params.items():
        if value is None:
            continue
        if name == "response_format":
            body[name], format_class = response_format(value)
        elif type(value) in _LEAVES:
            body[name] = value
        else:
            body[name] = plain(value, name)
    if params:
        _check(body)
    return (
        Call(
            "chat",
            model,
            body,
            stream,
            drop_params,
            None if extra_headers is None else text_mapping(extra_headers, "extra_headers"),
            None if extra_body is None else plain(_mapping(extra_body, "extra_body"), "extra_body"),
            written if plainly else None,
        ),
        format_class,
    )


def prepare_count(model: str, messages: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # How much its messages and tools would cost to read; parameters that do not count are left out on the wire.
    call, _ = prepare(model, messages, params, **extras)
    return replaced(call, operation="count_tokens")


def changed(call: Call, params: Any, where: str) -> Call:
    # The call with other parameters, for another model; None unsets one.
    body = dict(call.body)
    for name, value in _mapping(params, where).items():
        if name in _NOT_CHANGED:
            raise ConfigError(f"{where} has {name!r}, which is no parameter of the request")
        if value is None:
            body.pop(name, None)
        elif call.operation == "chat" and name == "messages":
            body[name], _ = _messages(value)
        elif call.operation == "chat" and name == "response_format":
            body[name], _ = response_format(value)
        else:
            body[name] = plain(value, f"{where}.{name}")
    if call.operation == "chat":
        _check(body)
    return replaced(call, body=body, texts=None)


def _messages(messages: Any) -> tuple[list[JsonDict], bool]:
    # The messages as plain dicts, and whether each is a role and a text, as most are.
    if isinstance(messages, str):
        return [{"role": "user", "content": plain(messages, "messages")}], bool(messages)
    if type(messages) is not list and (not isinstance(messages, Sequence) or isinstance(messages, (bytes, bytearray))):
        raise wrong_type("messages", "a list of message dicts or a string", messages)
    if not messages:
        raise ConfigError("messages is empty: a chat needs at least one message")
    if is_plain_chat(messages) and _are_texts(messages):
        return list(map(dict, messages)), True
    out: list[JsonDict] = []
    for message in messages:
        index = len(out)
        item = plain(message, f"messages[{index}]")
        if not isinstance(item, dict):
            raise wrong_type(f"messages[{index}]", "a dict with a role", message)
        role = item.get("role")
        if not isinstance(role, str) or role not in ROLES:
            known = ", ".join(sorted(ROLES))
            raise ConfigError(f"messages[{index}].role is {role!r:.60}: it must be one of {known}")
        _check_calls(item, f"messages[{index}]")
        out.append(item)
    return out, False


def _are_texts(messages: Sequence[JsonDict]) -> bool:
    # Whether no role or content is an enum, or another class of text, which is to be made plain, and no message another
    # class of mapping, as those of answers are: msgspec does not look for further fields in them.
    for message in messages:
        if type(message) is not dict or type(message["role"]) is not str or type(message["content"]) is not str:
            return False
    return True


def _check_calls(message: JsonDict, where: str) -> None:
    calls = message.get("tool_calls")
    if calls is not None and not (
        isinstance(calls, list)
        and all(isinstance(call, dict) and isinstance(call.get("function", {}), dict) for call in calls)
    ):
        raise ConfigError(f"{where}.tool_calls must be a list of calls, each a dict")
    for given in (message.get("tool_call_id"), *(call.get("id") for call in calls or ())):
        if given is not None and not isinstance(given, str):
            raise ConfigError(f"{where}: the id of a tool call is {given!r:.60}: it must be a string")


def _check(body: JsonDict) -> None:
    for name in ("service_tier", "reasoning_effort"):
        if not isinstance(body.get(name, ""), str):
            raise wrong_type(name, "a string", body[name])
    tools = body.get("tools")
    if tools is not None:
        if not isinstance(tools, list):
            raise wrong_type("tools", "a list", tools)
        for index, tool in enumerate(tools):
            if not isinstance(tool, dict) or not isinstance(tool.get("type"), str | None):
                raise ConfigError(f"tools[{index}] must be a dict of some type, not {tool!r:.60}")
        if not tools:
            # An empty list means no tools; several providers refuse to be told so.
            del body["tools"]
            body.pop("tool_choice", None)
    list_stops(body)


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong_type(name, "a mapping", value)
    return value


def response_format(value: Any) -> tuple[JsonDict, type | None]:
    # Read a `response_format`: OpenAI's dict, a bare JSON schema, or a class with `model_json_schema()`.
    if isinstance(value, type):
        schema_of = getattr(value, "model_json_schema", None)
        if schema_of is None:
            raise ConfigError(
                f"response_format is the class {value.__name__}, which has no model_json_schema(); give a JSON schema instead"
            )
        return _wrapped(value.__name__, schema_of()), value
    if isinstance(value, str) and value in ("json", "json_object", "text"):
        return {"type": "text" if value == "text" else "json_object"}, None
    if not isinstance(value, Mapping):
        raise wrong_type("response_format", "a class, a JSON schema or OpenAI's dict", value)
    given = plain(value, "response_format")
    if given.get("type") in ("text", "json_object", "json_schema", "grammar", "regex"):
        if given["type"] == "json_schema" and not isinstance(given.get("json_schema", given.get("schema")), dict):
            raise ConfigError("response_format.json_schema must be a dict with a name and a schema")
        return given, None
    if "type" in given or "$ref" in given or "anyOf" in given or "properties" in given:
        name = given.get("title")
        return _wrapped(name if isinstance(name, str) else "answer", given), None
    raise ConfigError(
        "response_format must be a class, a JSON schema, or {'type': 'json_schema' | 'json_object' | 'text'}"
    )


def _wrapped(name: str, schema: JsonDict) -> JsonDict:
    closed = _closed(schema)
    cleaned = "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in name)[:64]
    return {
        "type": "json_schema",
        "json_schema": {"name": cleaned or "answer", "schema": closed, "strict": _is_strict(closed)},
    }


_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose names are a schema's author's own: `properties` may be one of them."""
_VALUES = frozenset({"const", "default", "enum", "examples"})
"""Keywords that hold values, not schemas."""


def _closed(schema: Any) -> Any:
    # A copy in which every object with properties is closed: what strict modes ask for, and what a class means anyway.
    if isinstance(schema, list):
        return list(map(_closed, schema))
    if not isinstance(schema, dict):
        return schema
    out: JsonDict = {}
    for key, item in schema.items():
        if key in _NAMED and isinstance(item, dict):
            item = {name: _closed(inner) for name, inner in item.items()}
        elif key not in _VALUES:
            item = _closed(item)
        out[key] = item
    if isinstance(out.get("properties"), dict) and out.get("type", "object") == "object":
        out.setdefault("additionalProperties", False)
    return out


def _is_strict(schema: Any) -> bool:
    # Whether the schema keeps OpenAI's rules for strict mode: closed objects, and every property required.
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict) and schema.get("type", "object") == "object":
        if schema.get("additionalProperties") is not False or set(schema.get("required") or ()) != set(properties):
            return False
        if any(isinstance(item, dict) and "default" in item for item in properties.values()):
            return False
    elif schema.get("type") == "object":
        return False
    parts = [
        inner
        for key, item in schema.items()
        if key not in _VALUES
        for inner in (item.values() if key in _NAMED and isinstance(item, dict) else (item,))
    ]
    return all(map(_is_strict, parts))
