# As a face: a client's request as a canonical call.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._check import (
    Malformed,
    client_request,
    expect,
    expect_filled,
    expect_texts,
    model_and_stream,
    read_json,
)
from lingate._dialects._draft import keep
from lingate._dialects._reading import has_proof, spoken
from lingate._dialects._round_trip import opened, put_back
from lingate._dialects._tools import mark_failure
from lingate._dialects.anthropic.assistant import Reading, read_blocks
from lingate._dialects.anthropic.blocks import check_blocks
from lingate._dialects.anthropic.content import canonical_parts, is_plain
from lingate._dialects.anthropic.facts import NAME
from lingate._dialects.anthropic.tools import canonical_format
from lingate._dialects.anthropic.turns import is_plain_result, result_message
from lingate._model import Call, JsonDict
from lingate._wire.shapes import as_dicts, is_number, not_null, without

_TAKEN = frozenset(
    {
        "model",
        "messages",
        "system",
        "stream",
        "stop_sequences",
        "metadata",
        "tools",
        "tool_choice",
        "output_config",
        "output_format",
    }
)

PAGING = ("limit", "after_id", "before_id")
"""Query parameters of the list of models."""

_BILL = "x-anthropic-billing-header:"


@client_request
def parse_chat(body: bytes, path_args: Mapping[str, str]) -> Call:
    wire = read_json(body)
    if type(wire.get("max_tokens")) is not int or wire["max_tokens"] < 0:
        raise Malformed("max_tokens", "must be a whole number, 0 or more")
    return _call("chat", wire, path_args)


@client_request
def parse_count(body: bytes, path_args: Mapping[str, str]) -> Call:
    wire = read_json(body)
    return _call("count_tokens", wire, path_args)


def parse_models(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a request for the list of models, which has no body.
    paging = {name: path_args[name] for name in PAGING if name in path_args}
    return Call("models", "", paging)


def _call(operation: Any, wire: JsonDict, path_args: Mapping[str, str]) -> Call:
    model, stream = model_and_stream(wire, path_args)
    _check_fields(wire)
    # Claude Code's instructions begin with a line for Anthropic's bill, another one in each request: before other models
    # it kept all the rest from being found in their prompt caches (ggml-org/llama.cpp#20623).
    bill = [block for block in as_dicts(wire.get("system")) if str(block.get("text")).startswith(_BILL)]
    if bill:
        wire = {**wire, "system": [block for block in wire["system"] if block not in bill]}
    canonical: JsonDict = {"messages": _messages(wire)}
    canonical.update(not_null(wire, _TAKEN))
    for name in ("top_p", "top_k"):
        if canonical.get(name) == -1:  # LangChain's older clients' word for none
            del canonical[name]
    if wire.get("stop_sequences"):
        canonical["stop"] = wire["stop_sequences"]
    if wire.get("service_tier") == "standard_only":
        canonical["service_tier"] = "default"
    _read_metadata(wire.get("metadata"), canonical)
    _read_tools(wire, canonical)
    kept = _read_output(wire, canonical)
    if "tools" not in canonical and any("tool_calls" in message for message in canonical["messages"]):
        kept["tools"] = []
    keep(canonical, NAME, {**kept, "bill": bill} if bill else kept)
    return Call(operation, model, canonical, stream=stream)


def _check_fields(wire: JsonDict) -> None:
    for name, kind in (("thinking", dict), ("tool_choice", dict), ("output_config", dict), ("metadata", dict)):
        if wire.get(name) is not None:
            expect(wire[name], kind, name)
    for name in ("temperature", "top_p", "top_k"):
        if wire.get(name) is not None and not (type(wire[name]) is int if name == "top_k" else is_number(wire[name])):
            raise Malformed(name, "must be a number")
    if wire.get("stop_sequences") is not None:
        expect_texts(wire["stop_sequences"], "stop_sequences")


def _messages(wire: JsonDict) -> list[JsonDict]:
    given: Any = wire.get("messages")
    expect_filled(given, "messages")
    messages: list[JsonDict] = []
    system = wire.get("system")
    if system is not None and system not in ("", []):
        messages.append(_system(system, "system"))
    for n, message in enumerate(given):
        where = f"messages[{n}]"
        expect(message, dict, where)
        content = message.get("content")
        if message.get("role") == "system":
            messages.append(_late_system(message, where))
            continue
        if not isinstance(content, str):
            if content is None:
                raise Malformed(f"{where}.content", "must be a string or a list of content blocks")
            check_blocks(content, f"{where}.content")
        read = _READERS.get(message.get("role")) if isinstance(message.get("role"), str) else None
        if read is None:
            raise Malformed(f"{where}.role", "must be user, assistant or system")
        messages.extend(read(content))
    return messages


def _system(content: Any, where: str) -> JsonDict:
    if isinstance(content, str):
        return {"role": "system", "content": content}
    check_blocks(content, where)
    return _kept({"role": "system", "content": canonical_parts(content)}, content)


def _kept(message: JsonDict, blocks: list[JsonDict]) -> JsonDict:
    # The message with the blocks it was read from, if it says less than they do.
    if not all(map(is_plain, blocks)):
        message["provider_specific_fields"] = {NAME: {"content": blocks}}
    return message


def _late_system(message: JsonDict, where: str) -> JsonDict:
    # A system message among the others, which may have fields of its own, and then needs no content.
    fields = not_null(message, ("role", "content"))
    content = message.get("content")
    made = _system("" if content is None and fields else content, f"{where}.content")
    if fields:
        made.setdefault("provider_specific_fields", {}).setdefault(NAME, {})["fields"] = fields
    return made


def user_messages(content: Any) -> list[JsonDict]:
    # A user's checked content as messages: tool results become messages of their own, ahead of the rest.
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    messages = []
    for block in content:
        if block["type"] == "tool_result":
            message = result_message(block)
            if not is_plain_result(block):
                message["provider_specific_fields"] = {NAME: {"content": [block]}}
                mark_failure(message, block.get("is_error"))
            messages.append(message)
    rest = [block for block in content if block["type"] != "tool_result"]
    if rest:
        messages.append(_kept({"role": "user", "content": canonical_parts(rest)}, rest))
    return messages


def assistant_messages(content: Any) -> list[JsonDict]:
    if isinstance(content, str):
        return [{"role": "assistant", "content": content}]
    packed = next(filter(None, map(opened, content)), None)
    blocks = [_without_our_citations(block) for block in content if opened(block) is None]
    reading = read_blocks(blocks)
    exact = reading.exact and not any("caller" in block for block in blocks)
    message = spoken(
        _assistant_content(reading),
        reasoning_content=reading.reasoning,
        thinking_blocks=reading.thinking if has_proof(reading.thinking) else None,
        tool_calls=reading.calls,
        provider_specific_fields=None if exact else {NAME: {"content": blocks}},
    )
    if packed:
        put_back(message, packed)
    return [message]


def _assistant_content(reading: Reading) -> Any:
    if not reading.texts:
        return None
    if any("cache_control" in block for block in reading.texts):
        return canonical_parts([without(block, ("citations",)) for block in reading.texts])
    return reading.text


def _without_our_citations(block: JsonDict) -> JsonDict:
    # Citations that this face made of another provider's annotations have no index, and only it can read them.
    citations = block.get("citations")
    if not isinstance(citations, list):
        return block
    kept = [c for c in citations if not (isinstance(c, dict) and c.get("encrypted_index") == "")]
    if len(kept) == len(citations):
        return block
    return {**block, "citations": kept} if kept else without(block, ("citations",))


_READERS = {"user": user_messages, "assistant": assistant_messages}


def _read_metadata(metadata: Any, canonical: JsonDict) -> None:
    if not isinstance(metadata, dict):
        return
    if metadata.get("user_id") is not None:
        canonical["user"] = metadata["user_id"]
    others = without(metadata, ("user_id",))
    if others:
        canonical["metadata"] = others


def _read_tools(wire: JsonDict, canonical: JsonDict) -> None:
    tools = wire.get("tools")
    if tools is not None:
        expect(tools, list, "tools")
        made = [_tool(tool, f"tools[{n}]") for n, tool in enumerate(tools)]
        if made:
            canonical["tools"] = made
    choice = wire.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type")
    words = {"auto": "auto", "any": "required", "none": "none"}
    if kind == "tool":
        expect(choice.get("name"), str, "tool_choice.name")
        canonical["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    elif isinstance(kind, str) and kind in words:
        canonical["tool_choice"] = words[kind]
    else:
        raise Malformed("tool_choice.type", "must be auto, any, tool or none")
    if isinstance(choice.get("disable_parallel_tool_use"), bool):
        canonical["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]


def _tool(tool: Any, where: str) -> JsonDict:
    # A client's tool as a function; a tool of the provider's own stays as it is.
    expect(tool, dict, where)
    if tool.get("type") not in (None, "custom"):
        return dict(tool)
    expect(tool.get("name"), str, f"{where}.name")
    expect(tool.get("input_schema"), dict, f"{where}.input_schema")
    function = {"name": tool["name"], "parameters": tool["input_schema"]}
    function |= {key: tool[key] for key in ("description", "strict") if tool.get(key) is not None}
    taken = ("name", "input_schema", "description", "strict", "type")
    return {"type": "function", "function": function, **without(tool, taken)}


def _read_output(wire: JsonDict, canonical: JsonDict) -> JsonDict:
    # `output_config` and its older form: effort and format in OpenAI's words, and the objects themselves to be kept beside.
    config = wire.get("output_config") or {}
    wanted = config.get("format") or wire.get("output_format")
    if wanted is not None:
        canonical["response_format"] = canonical_format(wanted)
        if canonical["response_format"] is None:
            raise Malformed("output_config.format", "must be a json_schema with a schema")
    if config.get("effort") is not None:
        canonical["reasoning_effort"] = config["effort"]
    return {name: wire[name] for name in ("output_config", "output_format") if wire.get(name)}
