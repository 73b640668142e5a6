# As a face: a client's request as a canonical call.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._check import Malformed, client_request, expect, expect_filled, read_json
from lingate._dialects._draft import keep
from lingate._dialects._reading import canonical_message
from lingate._dialects._round_trip import opened, put_back
from lingate._dialects._tools import mark_failure
from lingate._dialects.bedrock_converse.assistant import call_of, only_calls, read_blocks
from lingate._dialects.bedrock_converse.checks import check_blocks
from lingate._dialects.bedrock_converse.content import cache_mark, canonical_parts, is_plain, text_alone
from lingate._dialects.bedrock_converse.facts import NAME, TIERS, TOP_FIELDS
from lingate._dialects.bedrock_converse.params import HINTS, NEUTRAL, REASONING_FIELDS, WRITTEN, effort_of
from lingate._dialects.bedrock_converse.tools import canonical_format
from lingate._dialects.bedrock_converse.turns import is_plain_result, result_message
from lingate._model import Call, JsonDict, Operation
from lingate._wire.shapes import dig, not_null, without
from lingate.errors import BadRequestError

STREAM_METHOD = "converse-stream"
"""The last part of the path of a call that is streamed; the `method` among the path's arguments."""

_TAKEN = frozenset(
    {
        "messages",
        "system",
        "inferenceConfig",
        "toolConfig",
        "additionalModelRequestFields",
        "outputConfig",
        "serviceTier",
        "requestMetadata",
    }
)
_LIMITS = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p", "stopSequences": "stop"}
_SPREAD = frozenset({"thinking", "top_k"})
# A model's own field of one of these names is not the canonical form's.
_OURS = (WRITTEN | NEUTRAL.keys() | set(HINTS) | TOP_FIELDS) - _SPREAD


def parse_chat(body: bytes, path_args: Mapping[str, str]) -> Call:
    return _call("chat", read_json(body), path_args)


def parse_count(body: bytes, path_args: Mapping[str, str]) -> Call:
    wire = read_json(body)
    inner = dig(wire, "input", "converse")
    if not isinstance(inner, dict):
        raise BadRequestError("input.converse: must be an object")
    return _call("count_tokens", inner, path_args)


@client_request
def _call(operation: Operation, wire: JsonDict, path_args: Mapping[str, str]) -> Call:
    canonical = _canonical(wire)
    return Call(operation, model_in(path_args), canonical, stream=path_args.get("method") == STREAM_METHOD)


def model_in(path_args: Mapping[str, str]) -> str:
    # The model that the path names.
    # Raises BadRequestError: it names none.
    model = path_args.get("model")
    if not model:
        raise BadRequestError("the path names no model")
    return model


def _canonical(wire: JsonDict) -> JsonDict:
    native: JsonDict = {}
    canonical: JsonDict = {"messages": _messages(wire)}
    _read_limits(wire, canonical)
    _read_tools(wire, canonical)
    _read_output(wire, canonical, native)
    _read_additional(wire, canonical, native)
    tier = wire.get("serviceTier")
    if tier is not None:
        expect(tier, dict, "serviceTier")
        if tier.get("type") not in (*TIERS,):
            raise Malformed("serviceTier.type", f"must be one of {', '.join(TIERS)}")
        canonical["service_tier"] = tier["type"]
    if wire.get("requestMetadata"):
        expect(wire["requestMetadata"], dict, "requestMetadata")
        canonical["metadata"] = wire["requestMetadata"]
    others = not_null(wire, _TAKEN)
    unknown = without(others, TOP_FIELDS)
    canonical.update(without(others, unknown))
    if unknown:
        native["fields"] = unknown
    return keep(canonical, NAME, native)


def _messages(wire: JsonDict) -> list[JsonDict]:
    given: Any = wire.get("messages")
    expect_filled(given, "messages")
    messages: list[JsonDict] = []
    system = wire.get("system")
    if system:
        check_blocks(system, "system")
        messages.append(_with_parts("system", system))
    for n, message in enumerate(given):
        if not isinstance(message, dict):  # paths are put into words only where they are told
            expect(message, dict, f"messages[{n}]")
        # What long conversations are made of needs none of the questions that the others are asked.
        if (text := text_alone(message.get("content"))) is not None and message.get("role") in ("user", "assistant"):
            messages.append({"role": message["role"], "content": text})
            continue
        if message.get("role") == "assistant" and only_calls(message.get("content")):
            calls = [call_of(block["toolUse"]) for block in message["content"]]
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            continue
        where = f"messages[{n}]"
        check_blocks(message.get("content"), f"{where}.content")
        read = _READERS.get(message.get("role")) if isinstance(message.get("role"), str) else None
        if read is None:
            raise Malformed(f"{where}.role", "must be user, assistant or system")
        messages.extend(read(message["content"]))
    return messages


def _with_parts(role: str, blocks: list[JsonDict]) -> JsonDict:
    # A message with the blocks it was read from, if it says less than they do.
    parts = canonical_parts(blocks)
    plain = is_plain(blocks)
    only_text = plain and len(parts) == 1 and set(parts[0]) == {"type", "text"}
    message: JsonDict = {"role": role, "content": parts[0]["text"] if only_text else parts}
    if not plain:
        message["provider_specific_fields"] = {NAME: {"content": blocks}}
    return message


def _late_system(blocks: list[JsonDict]) -> list[JsonDict]:
    message = _with_parts("system", blocks)
    message.setdefault("provider_specific_fields", {}).setdefault(NAME, {})["in_place"] = True
    return [message]


def _user(blocks: list[JsonDict]) -> list[JsonDict]:
    # Tool results become messages of their own, ahead of the rest.
    messages: list[JsonDict] = []
    rest: list[JsonDict] = []
    marked = False
    for n, block in enumerate(blocks):
        following = blocks[n + 1] if n + 1 < len(blocks) else {}
        if "toolResult" in block:
            marked = "cachePoint" in following
            mark = cache_mark(following) if marked else None
            message = result_message(block, mark)
            if not is_plain_result(block):
                kept = [block, following] if marked else [block]
                message["provider_specific_fields"] = {NAME: {"content": kept}}
                status = block["toolResult"].get("status")
                mark_failure(message, None if status is None else status == "error")
            messages.append(message)
        elif marked:
            marked = False
        else:
            rest.append(block)
    if rest:
        messages.append(_with_parts("user", rest))
    return messages


def _assistant(given: list[JsonDict]) -> list[JsonDict]:
    packed, blocks = None, given
    if any("reasoningContent" in block for block in given):
        packed = next(filter(None, map(_opened, given)), None)
        blocks = [block for block in given if _opened(block) is None]
    reading = read_blocks(blocks)
    message = canonical_message(reading, None)
    message["content"] = reading.text if reading.texts else None
    message.pop("annotations", None)  # the blocks say them
    if reading.cache_control is not None:
        message["cache_control"] = reading.cache_control
    if not reading.exact:
        message["provider_specific_fields"] = {NAME: {"content": blocks}}
    if packed:
        put_back(message, packed)
    return [message]


def _opened(block: JsonDict) -> JsonDict | None:
    inner = block.get("reasoningContent")
    return opened(inner.get("reasoningText")) if isinstance(inner, dict) else None


_READERS = {"user": _user, "assistant": _assistant, "system": _late_system}


def _read_limits(wire: JsonDict, canonical: JsonDict) -> None:
    config = wire.get("inferenceConfig")
    if config is None:
        return
    expect(config, dict, "inferenceConfig")
    for name, ours in _LIMITS.items():
        value = config.get(name)
        if value is None:
            continue
        where = f"inferenceConfig.{name}"
        if name == "stopSequences":
            expect(value, list, where)
            for n, text in enumerate(value):
                expect(text, str, f"{where}[{n}]")
        elif isinstance(value, bool) or not isinstance(value, int if name == "maxTokens" else (int, float)):
            raise Malformed(where, "must be a number")
        if value != []:
            canonical[ours] = value


def _read_tools(wire: JsonDict, canonical: JsonDict) -> None:
    config = wire.get("toolConfig")
    if config is None:
        return
    expect(config, dict, "toolConfig")
    expect(config.get("tools"), list, "toolConfig.tools")
    made: list[JsonDict] = []
    for n, tool in enumerate(config["tools"]):
        where = f"toolConfig.tools[{n}]"
        expect(tool, dict, where)
        if "cachePoint" in tool:
            expect(tool["cachePoint"], dict, f"{where}.cachePoint")
            if made:
                made[-1]["cache_control"] = cache_mark(tool)
        else:
            made.append(_tool(tool, where))
    if made:
        canonical["tools"] = made
    choice = config.get("toolChoice")
    if choice is None:
        return
    expect(choice, dict, "toolConfig.toolChoice")
    if "tool" in choice:
        expect(choice["tool"], dict, "toolConfig.toolChoice.tool")
        expect(choice["tool"].get("name"), str, "toolConfig.toolChoice.tool.name")
        canonical["tool_choice"] = {"type": "function", "function": {"name": choice["tool"]["name"]}}
    elif "any" in choice or "auto" in choice:
        canonical["tool_choice"] = "required" if "any" in choice else "auto"
    else:
        raise Malformed("toolConfig.toolChoice", "must be auto, any or tool")


def _tool(tool: JsonDict, where: str) -> JsonDict:
    # A client's tool as a function; a tool of the provider's own stays as it is.
    spec = tool.get("toolSpec")
    if spec is None:
        kind = next(iter(tool), "")
        expect(tool.get(kind), dict, f"{where}.{kind}")
        return {"type": kind, **tool}
    expect(spec, dict, f"{where}.toolSpec")
    expect(spec.get("name"), str, f"{where}.toolSpec.name")
    schema = spec.get("inputSchema")
    expect(schema, dict, f"{where}.toolSpec.inputSchema")
    assert isinstance(schema, dict)
    function: JsonDict = {"name": spec["name"], "parameters": schema.get("json") or {}}
    function |= {key: spec[key] for key in ("description", "strict") if spec.get(key) is not None}
    return {"type": "function", "function": function}


def _read_output(wire: JsonDict, canonical: JsonDict, native: JsonDict) -> None:
    config = wire.get("outputConfig")
    if config is None:
        return
    expect(config, dict, "outputConfig")
    wanted = config.get("textFormat")
    if wanted is not None:
        canonical["response_format"] = canonical_format(wanted)
        if canonical["response_format"] is None:
            raise Malformed("outputConfig.textFormat", "must be a json_schema with a schema in JSON text")
        native["textFormat"] = wanted
    if config.get("effort") is not None:
        canonical["reasoning_effort"] = config["effort"]
        native["effort"] = {"effort": config["effort"]}


def _read_additional(wire: JsonDict, canonical: JsonDict, native: JsonDict) -> None:
    # The model's own fields stand beside the canonical ones, unless their names have a meaning there.
    more = wire.get("additionalModelRequestFields")
    if more is None:
        return
    expect(more, dict, "additionalModelRequestFields")
    told = {name: more[name] for name in (*REASONING_FIELDS, "reasoning_effort") if more.get(name) is not None}
    effort = effort_of(told)
    if effort is not None and "effort" not in native:
        canonical["reasoning_effort"] = effort
        native["effort"] = told
    else:
        told = {}
    kept = {}
    for name, value in more.items():
        if name in told:
            continue
        if name in _OURS or name in canonical:
            kept[name] = value
        else:
            canonical[name] = value
    if kept:
        canonical["additionalModelRequestFields"] = kept
