# Strict reading of clients' requests. Unknown fields pass; known ones must be what OpenAI's API says they are.

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from lingate._model import JsonDict
from lingate._wire import json
from lingate._wire.shapes import not_null
from lingate.errors import BadRequestError

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def decode_request(body: bytes, path_args: Mapping[str, str]) -> tuple[JsonDict, str]:
    # A request's fields without nulls and without `model`, and the model.
    # Raises BadRequestError: not a JSON object, or no model in it nor in the path.
    try:
        fields = json.decode(body)
    except ValueError as error:
        raise BadRequestError(f"The request body is {error}.") from None
    if not isinstance(fields, dict):
        raise BadRequestError(f"The request body must be a JSON object, not {kind_of(fields)}.")
    if None in fields.values():
        fields = not_null(fields)
    if fields.get("max_tokens") == -1:
        del fields["max_tokens"]  # no limit, in the words of llama.cpp's clients; OpenRouter takes it too (recorded)
    model = fields.pop("model", None) or path_args.get("model")
    if not isinstance(model, str) or not model:
        fail("model", "expected the name of a model" + ("" if model is None else f", got {kind_of(model)}"))
    return fields, model


def flag(fields: JsonDict, name: str) -> bool:
    # Take a boolean out of the fields; absent is false.
    value = fields.pop(name, False)
    if not isinstance(value, bool):
        fail(name, f"expected true or false, got {kind_of(value)}")
    return value


def fail(where: str, why: str) -> NoReturn:
    # Refuse the request, saying where.
    raise BadRequestError(f"{where}: {why}.")


def check_messages(messages: Any) -> None:
    # Check the messages of a chat request.
    # Raises BadRequestError: the first that is wrong, with its path.
    if not isinstance(messages, list):
        fail("messages", f"expected a list of messages, got {kind_of(messages)}")
    if not messages:
        fail("messages", "expected at least one message")
    for at, message in enumerate(messages):
        _check_message(message, f"messages[{at}]")


def check_parameters(fields: JsonDict) -> None:
    # Check the other fields of a chat request.
    # Raises BadRequestError: the first that is wrong, with its path.
    for name, value in fields.items():
        check = _FIELDS.get(name)
        if check is not None:
            check(value, name)
    for at, tool in enumerate(fields.get("tools", ())):
        _check_tool(tool, f"tools[{at}]")


def _check_message(message: Any, where: str) -> None:
    expect_object(message, where)
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        fail(f"{where}.role", f"expected one of {', '.join(sorted(_ROLES))}, got {_shown(role)}")
    content = message.get("content")
    if isinstance(content, list):
        for at, part in enumerate(content):
            _check_part(part, f"{where}.content[{at}]")
    elif content is None:
        if role not in {"assistant", "function"}:
            fail(f"{where}.content", "expected text or a list of parts, got null")
    elif not isinstance(content, str):
        fail(f"{where}.content", f"expected text or a list of parts, got {kind_of(content)}")
    if role == "tool":
        expect_text(message.get("tool_call_id"), f"{where}.tool_call_id")
    calls = message.get("tool_calls")
    if calls is not None:
        expect_list(calls, f"{where}.tool_calls")
        for at, call in enumerate(calls):
            _check_call(call, f"{where}.tool_calls[{at}]")


def _check_call(call: Any, where: str) -> None:
    expect_object(call, where)
    expect_text(call.get("id"), f"{where}.id")
    field = "custom" if call.get("type") == "custom" else "function"
    function = call.get(field)
    expect_object(function, f"{where}.{field}")
    expect_text(function.get("name"), f"{where}.{field}.name")
    arguments = function.get("input" if field == "custom" else "arguments")
    # An object is not OpenAI's form, but some clients send it and its meaning is plain.
    if arguments is not None and not isinstance(arguments, str | dict):
        fail(f"{where}.{field}.arguments", f"expected JSON text, got {kind_of(arguments)}")


def _check_part(part: Any, where: str) -> None:
    expect_object(part, where)
    kind = part.get("type")
    if not isinstance(kind, str):
        fail(f"{where}.type", f"expected the kind of part, got {kind_of(kind)}")
    check = _PARTS.get(kind)
    if check is not None:
        check(part.get(kind), f"{where}.{kind}")


def _check_media(value: Any, where: str, names: tuple[str, ...]) -> None:
    if isinstance(value, str):  # a URL in the old short form, which several servers still take; base64 alone, Mistral's
        expect_filled(value, where)
        return
    expect_object(value, where)
    for name in names:
        expect_text(value.get(name), f"{where}.{name}")


def _check_file(value: Any, where: str) -> None:
    expect_object(value, where)
    if not any(isinstance(value.get(name), str) for name in ("file_data", "file_id", "file_url")):
        fail(where, "expected file_data or file_id")


def _check_tool(tool: Any, where: str) -> None:
    expect_object(tool, where)
    kind = tool.get("type", "function")
    if not isinstance(kind, str):
        fail(f"{where}.type", f"expected text, got {kind_of(kind)}")
    if kind != "function":
        return  # tools of the provider's own: theirs to check
    function = tool.get("function")
    expect_object(function, f"{where}.function")
    expect_text(function.get("name"), f"{where}.function.name")
    if function.get("parameters") is not None:
        expect_object(function["parameters"], f"{where}.function.parameters")


def check_fields(fields: JsonDict, checks: Mapping[str, Callable[[Any, str], None]]) -> None:
    # Check those fields that a table knows; the first that is wrong is refused.
    for name, check in checks.items():
        if name in fields:
            check(fields[name], name)


def check_stop(value: Any, where: str) -> None:
    # Refuse what is neither text nor a list of texts.
    if isinstance(value, str):
        return
    expect_list(value, where)
    for at, item in enumerate(value):
        if not isinstance(item, str):
            fail(f"{where}[{at}]", f"expected text, got {kind_of(item)}")


def _check_choice(value: Any, where: str) -> None:
    if not isinstance(value, str):
        expect_object(value, where)
        kind = value.get("type", "function")  # some clients leave it out, and servers take that
        expect_text(kind, f"{where}.type")


def _check_format(value: Any, where: str) -> None:
    expect_object(value, where)
    kind = value.get("type")
    if kind not in ("text", "json_object", "json_schema"):
        fail(f"{where}.type", f"expected text, json_object or json_schema, got {_shown(kind)}")
    if kind == "json_schema":
        if "schema" not in value:  # Together and llama.cpp take it beside its type
            where, value = f"{where}.json_schema", value.get("json_schema")
            expect_object(value, where)
        if value.get("schema") is not None:
            expect_object(value["schema"], f"{where}.schema")


def _check_thinking(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        expect_object(value, where)


def _expecting(kind: type, what: str) -> Callable[[Any, str], None]:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, kind):
            fail(where, f"expected {what}, got {kind_of(value)}")

    return check


# These and the like are what tables of fields hold.
expect_object = _expecting(dict, "an object")
expect_list = _expecting(list, "a list")
expect_text = _expecting(str, "text")
expect_bool = _expecting(bool, "true or false")


def expect_filled(value: Any, where: str) -> None:
    # Refuse what is no text, or empty.
    expect_text(value, where)
    if not value:
        fail(where, "expected text that is not empty")


def number(low: float, high: float, kind: type[int | float] = float) -> Callable[[Any, str], None]:
    # A check that refuses what is no number in this range.
    def check(value: Any, where: str) -> None:
        whole = isinstance(value, float) and value.is_integer()
        if isinstance(value, bool) or not (isinstance(value, (kind, int)) or whole):
            fail(where, f"expected {'a whole number' if kind is int else 'a number'}, got {kind_of(value)}")
        if not low <= value <= high:
            fail(where, f"expected a number from {low:g} to {high:g}, got {value}")

    return check


def kind_of(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "nothing")


def _shown(value: Any) -> str:
    return repr(value[:40]) if isinstance(value, str) else kind_of(value)


_MANY = 1e9

_PARTS: dict[str, Callable[[Any, str], None]] = {
    "text": expect_text,
    "refusal": expect_text,
    "image_url": partial(_check_media, names=("url",)),
    "video_url": partial(_check_media, names=("url",)),
    "input_audio": partial(_check_media, names=("data", "format")),
    "file": _check_file,
}

_FIELDS = {
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "frequency_penalty": number(-2, 2),
    "presence_penalty": number(-2, 2),
    "n": number(1, 128, int),
    "max_tokens": number(1, _MANY, int),
    "max_completion_tokens": number(1, _MANY, int),
    "seed": number(-(2.0**63), 2.0**64, int),
    "top_logprobs": number(0, 20, int),
    "logprobs": expect_bool,
    "parallel_tool_calls": expect_bool,
    "logit_bias": expect_object,
    "metadata": expect_object,
    "stream_options": expect_object,
    "tools": expect_list,
    "functions": expect_list,
    "tool_choice": _check_choice,
    "stop": check_stop,
    "response_format": _check_format,
    "reasoning_effort": expect_text,
    "service_tier": expect_text,
    "thinking": _check_thinking,
    "user": expect_text,
}
