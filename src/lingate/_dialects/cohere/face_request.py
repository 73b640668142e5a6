# As a face: a client's request as a canonical call.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._check import Malformed, client_request, expect, expect_filled, expect_texts
from lingate._dialects._reading import spoken
from lingate._dialects.cohere.assistant import check_message, read_calls, read_message
from lingate._dialects.cohere.content import canonical_content, check_content
from lingate._dialects.cohere.facts import NAME
from lingate._dialects.openai_chat.validation import decode_request, fail
from lingate._model import Call, JsonDict
from lingate._wire.plain import plain_text
from lingate._wire.shapes import is_number

_RENAMED = {"p": "top_p", "k": "top_k", "stop_sequences": "stop"}
_NUMBERS = ("temperature", "p", "k", "seed", "frequency_penalty", "presence_penalty", "max_tokens")


@client_request
def parse_chat(body: bytes, path_args: Mapping[str, str]) -> Call:
    wire, model = decode_request(body, path_args)
    stream = wire.pop("stream", False)
    if not isinstance(stream, bool):
        fail("stream", "must be true or false")
    return Call("chat", model, _canonical(wire), stream=stream)


def _canonical(wire: JsonDict) -> JsonDict:
    for name in _NUMBERS:
        if name in wire and not is_number(wire[name]):
            raise Malformed(name, "must be a number")
    fields = dict(wire)
    canonical: JsonDict = {"messages": _messages(fields.pop("messages", None))}
    expect_texts(fields.get("stop_sequences", []), "stop_sequences")
    _read_tools(fields, canonical)
    _read_format(fields.pop("response_format", None), canonical)
    _read_thinking(fields.pop("thinking", None), canonical)
    for name, value in fields.items():
        canonical[_RENAMED.get(name, name)] = value
    return canonical


def _messages(given: Any) -> list[JsonDict]:
    expect_filled(given, "messages")
    return [_message(message, n) for n, message in enumerate(given)]


def _message(message: Any, at: int) -> JsonDict:
    if (text := plain_text(message)) is not None and message.get("role") in ("user", "assistant"):
        return {"role": message["role"], "content": text}
    where = f"messages[{at}]"
    expect(message, dict, where)
    role = message.get("role")
    if role == "assistant":
        return _assistant(message, where)
    if role not in ("user", "system", "tool"):
        raise Malformed(f"{where}.role", "must be user, assistant, system or tool")
    content = message.get("content")
    check_content(content, f"{where}.content")
    if role == "tool":
        expect(message.get("tool_call_id"), str, f"{where}.tool_call_id")
    made = {**message, "content": canonical_content(content)}
    if made["content"] != content:
        made["provider_specific_fields"] = {NAME: {"content": content}}
    return made


def _assistant(message: JsonDict, where: str) -> JsonDict:
    check_message(message, where)
    reading, calls = read_message(message), read_calls(message)
    for n, call in enumerate(calls):
        if not call["id"]:
            raise Malformed(f"{where}.tool_calls[{n}].id", "must be a string that is not empty")
    content = message.get("content")
    parts = [part for part in content if part["type"] != "thinking"] if isinstance(content, list) else content
    return spoken(
        parts or None,
        reasoning_content=reading.reasoning,
        tool_calls=calls,
        annotations=reading.annotations,
        provider_specific_fields=reading.kept and {NAME: reading.kept},
    )


def _read_tools(fields: JsonDict, canonical: JsonDict) -> None:
    tools = fields.pop("tools", None)
    if tools is not None:
        expect(tools, list, "tools")
        for n, tool in enumerate(tools):
            expect(tool, dict, f"tools[{n}]")
            if tool.get("type", "function") == "function":
                expect(tool.get("function"), dict, f"tools[{n}].function")
                expect(tool["function"].get("name"), str, f"tools[{n}].function.name")
        if tools:
            canonical["tools"] = tools
    choice = fields.pop("tool_choice", None)
    if choice is not None:
        if choice not in ("REQUIRED", "NONE", "required", "none"):
            raise Malformed("tool_choice", "must be REQUIRED or NONE")
        canonical["tool_choice"] = choice.lower()


def _read_format(wanted: Any, canonical: JsonDict) -> None:
    if wanted is None:
        return
    expect(wanted, dict, "response_format")
    kind, schema = wanted.get("type"), wanted.get("json_schema", wanted.get("schema"))
    if kind not in ("text", "json_object") and (kind != "json_schema" or schema is None):
        raise Malformed("response_format.type", "must be text or json_object")
    if schema is None:
        canonical["response_format"] = {"type": kind}
        return
    expect(schema, dict, "response_format.json_schema")
    canonical["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _read_thinking(thinking: Any, canonical: JsonDict) -> None:
    # A budget in Anthropic's words, which say it exactly; without one, an effort.
    if thinking is None:
        return
    expect(thinking, dict, "thinking")
    kind, budget = thinking.get("type"), thinking.get("token_budget")
    if kind not in ("enabled", "disabled"):
        raise Malformed("thinking.type", "must be enabled or disabled")
    if budget is not None and type(budget) is not int:
        raise Malformed("thinking.token_budget", "must be a whole number")
    if kind == "disabled":
        canonical["reasoning_effort"] = "none"
    elif budget is None:
        canonical["reasoning_effort"] = "high"
    else:
        canonical["thinking"] = {"type": "enabled", "budget_tokens": budget}
