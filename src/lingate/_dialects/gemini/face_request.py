# As a face: a client's request as a canonical call.

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lingate._dialects._check import Malformed, are_texts, client_request, expect, expect_texts, read_json
from lingate._dialects._draft import keep
from lingate._dialects._ignorable import KEPT_ELSEWHERE
from lingate._dialects._reading import canonical_message
from lingate._dialects._round_trip import opened, put_back
from lingate._dialects._tools import mark_failure
from lingate._dialects.gemini.casing import camelized, is_camelized
from lingate._dialects.gemini.checks import checked_parts
from lingate._dialects.gemini.content import canonical_content, is_plain, is_plain_result, result_content, text_alone
from lingate._dialects.gemini.facts import NAME, STREAM
from lingate._dialects.gemini.joined import whole_calls
from lingate._dialects.gemini.params import canonical_effort, canonical_voice
from lingate._dialects.gemini.parts import (
    MADE_ID,
    call_of,
    foreign_blocks,
    made_id,
    only_calls,
    read_parts,
    without_foreign,
)
from lingate._dialects.gemini.tools import (
    canonical_choice,
    canonical_format,
    canonical_tools,
    check_choice,
    check_tools,
)
from lingate._model import Call, JsonDict
from lingate._wire.shapes import as_dict, is_number, not_null

_NUMBERS = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "candidateCount": "n",
    "seed": "seed",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "logprobs": "top_logprobs",
    "maxOutputTokens": "max_tokens",
}
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?")
_TAKEN = frozenset(
    {"model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier", "store"}
)
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}


@client_request
def parse_chat(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a request for content.
    # The path says the model, and by its method whether the answer is a stream.
    wire = _camelized(read_json(body))
    canonical = canonical_request(wire)
    model = read_model(wire, path_args)
    return Call("chat", model, canonical, stream=path_args.get("method") == STREAM)


@client_request
def parse_count(body: bytes, path_args: Mapping[str, str]) -> Call:
    wire = _camelized(read_json(body))
    inner = wire.get("generateContentRequest")
    if inner is not None:
        expect(inner, dict, "generateContentRequest")
        wire = {**wire, **inner}
        del wire["generateContentRequest"]
    return Call("count_tokens", read_model(wire, path_args), canonical_request(wire))


def _camelized(wire: JsonDict) -> JsonDict:
    # A request with its names in camelCase, but for `contents`: that is most of it, and read item by item.
    contents = wire.pop("contents", None)
    return {**camelized(wire), "contents": contents}


def read_model(wire: JsonDict, path_args: Mapping[str, str]) -> str:
    # The model, without `models/` before it.
    # Raises Malformed: neither path nor body names one.
    model = path_args.get("model") or wire.get("model")
    if not isinstance(model, str) or not model:
        raise Malformed("model", "must be a string that is not empty")
    return model.removeprefix("models/")


def canonical_request(wire: JsonDict) -> JsonDict:
    # The body of a request as the canonical one.
    # Raises Malformed: it is not valid.
    config = wire.get("generationConfig") or {}
    expect(config, dict, "generationConfig")
    system = wire.get("systemInstruction")
    messages = [*([] if system is None else read_system(system)), *read_contents(wire.get("contents"))]
    canonical: JsonDict = {"messages": messages}
    native = not_null(wire, _TAKEN)
    kept = _read_config(config, canonical)
    if kept:
        native["generationConfig"] = kept
    _read_tools(wire, canonical, native)
    tier = wire.get("serviceTier")
    if isinstance(tier, str) and tier.lower() in _TIERS:
        canonical["service_tier"] = _TIERS[tier.lower()]
    elif tier is not None:
        native["serviceTier"] = tier
    if wire.get("store") is not None:
        canonical["store"] = wire["store"]
    for name in KEPT_ELSEWHERE:
        if native.get(name):
            canonical[name] = native.pop(name)  # part of the prompt, not to be left out elsewhere
    return keep(canonical, NAME, native)


def _read_config(config: JsonDict, canonical: JsonDict) -> JsonDict:
    # Read `generationConfig`; what the canonical form does not say alone is returned.
    kept: JsonDict = {}
    for name, value in config.items():
        if value is None:
            continue
        if name in _NUMBERS:
            if isinstance(value, str) and _NUMBER.fullmatch(value):
                value = float(value) if "." in value else int(value)  # as protocol buffers have it in JSON
            if not is_number(value):
                raise Malformed(f"generationConfig.{name}", "must be a number")
            canonical[_NUMBERS[name]] = (
                int(value) if name != "temperature" and (isinstance(value, int) or value.is_integer()) else value
            )
        elif name == "stopSequences":
            expect_texts(value, "generationConfig.stopSequences")
            canonical["stop"] = value
        elif name == "responseLogprobs" and isinstance(value, bool):
            canonical["logprobs"] = value
        elif name == "responseModalities" and are_texts(value):
            canonical["modalities"] = [item.lower() for item in value]
        else:
            kept[name] = value
    if isinstance(kept.get("thinkingConfig"), dict):
        effort = canonical_effort(kept["thinkingConfig"])
        if effort is not None:
            canonical["reasoning_effort"] = effort
    wanted = canonical_format(kept)
    if wanted is not None:
        canonical["response_format"] = wanted
    voice = canonical_voice(kept["speechConfig"]) if isinstance(kept.get("speechConfig"), dict) else None
    if voice is not None:
        canonical["audio"] = voice
    return kept


def _read_tools(wire: JsonDict, canonical: JsonDict, native: JsonDict) -> None:
    tools, config = wire.get("tools"), wire.get("toolConfig")
    if tools is not None:
        check_tools(tools)
        canonical.update(canonical_tools(tools))
        if tools:
            native["tools"] = tools
    if config is not None:
        check_choice(config)
        choice = canonical_choice(config)
        if choice is not None:
            canonical["tool_choice"] = choice
        if config:
            native["toolConfig"] = config


_USER_ROLES = (None, "", "user", "function", "tool")


def read_system(system: Any) -> list[JsonDict]:
    # `systemInstruction` as a message.
    # Raises Malformed: it cannot be read.
    parts = [{"text": system}] if isinstance(system, str) else checked_parts(system, "systemInstruction")
    if not parts:
        return []
    return [_kept({"role": "system", "content": canonical_content(parts)}, parts)]


def read_contents(contents: Any) -> list[JsonDict]:
    # `contents` as messages; their names may be in snake_case.
    # Raises Malformed: they cannot be read.
    if isinstance(contents, dict) and contents:
        contents = [contents]
    expect(contents, list, "contents")
    if not contents:
        raise Malformed("contents", "must not be empty")
    messages: list[JsonDict] = []
    waiting: list[tuple[str, str]] = []  # id and name of calls that no answer has come for
    spoken: list[JsonDict] | None = None  # parts of the model's turn that may go on
    for n, content in enumerate(contents):
        if not isinstance(content, dict):
            expect(content, dict, f"contents[{n}]")
        role, text = content.get("role"), text_alone(content.get("parts"))
        # What long conversations are made of needs none of the questions that the others are asked.
        if role == "user" and text is not None:
            spoken = None
            messages.append({"role": "user", "content": text})
            continue
        if role == "model" and text is not None and spoken is None:
            spoken, waiting = content["parts"], []
            messages.append({"role": "assistant", "content": text})
            continue
        if role == "model" and spoken is None and only_calls(content.get("parts")):
            spoken = content["parts"]
            calls = [call_of(part, at, f"h{len(messages)}") for at, part in enumerate(spoken)]
            waiting = _named(calls)
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            continue
        role = role.lower() if isinstance(role, str) else role  # USER in examples of the vendor's
        parts = checked_parts(content if is_camelized(content) else camelized(content), f"contents[{n}]")
        if role == "model":
            if spoken is not None:
                # The vendor's chats keep each event of a stream as a turn of its own.
                messages.pop()
                parts = [*spoken, *parts]
            spoken = parts
            message = _assistant(parts, f"h{len(messages)}")
            waiting = _named(message.get("tool_calls", ()))
            messages.append(message)
        elif role in _USER_ROLES:
            spoken = None
            messages += _user(parts, waiting)
        else:
            raise Malformed(f"contents[{n}].role", "must be user or model")
    return messages


def _named(calls: Iterable[JsonDict]) -> list[tuple[str, str]]:
    return [(call["id"], call["function"]["name"]) for call in calls]


def _user(parts: list[JsonDict], waiting: list[tuple[str, str]]) -> list[JsonDict]:
    # Tool results become messages of their own, ahead of the rest.
    messages: list[JsonDict] = []
    rest: list[JsonDict] = []
    for part in parts:
        if part.get("functionResponse") is not None:
            messages.append(_result(part["functionResponse"], waiting))
        else:
            rest.append(part)
    if rest:
        message = _kept({"role": "user", "content": canonical_content(rest)}, rest)
        if messages:
            message.setdefault("provider_specific_fields", {}).setdefault(NAME, {})["with_results"] = True
        messages.append(message)
    return messages


def _result(response: JsonDict, waiting: list[tuple[str, str]]) -> JsonDict:
    # A function response; one without an id answers the first open call of that name, else the first one, and one with an id
    # that no call has the first of that name without one.
    name, given = response["name"], response.get("id")
    named = [known for known, called in waiting if called == name]
    if not given:
        given = named[0] if named else waiting[0][0] if waiting else made_id(0, name)
    elif given not in named:
        given = next(filter(MADE_ID.fullmatch, named), given)
    waiting[:] = [item for item in waiting if item[0] != given]
    said = result_content(response)
    message: JsonDict = {"role": "tool", "tool_call_id": given, "name": name, "content": said}
    if not is_plain_result(response, said):
        message["provider_specific_fields"] = {NAME: {"parts": [{"functionResponse": response}]}}
    # Where the details of an error belong: https://ai.google.dev/api/caching#FunctionResponse
    if as_dict(response.get("response")).keys() == {"error"}:
        mark_failure(message, True)
    return message


def _assistant(parts: list[JsonDict], origin: str) -> JsonDict:
    packed, foreign = None, []
    parts = whole_calls(parts)
    if any("thoughtSignature" in part for part in parts):
        travelled = foreign_blocks(parts)
        packed = next(filter(None, map(opened, travelled)), None)
        foreign = [block for block in travelled if opened(block) is None]
        parts = without_foreign(parts)
    reading = read_parts(parts, origin)
    if foreign:
        reading.thinking = [*foreign, *(block for block in reading.thinking if "signature" in block)]
    message = {**canonical_message(reading, None), **reading.media()}
    if not reading.exact:
        message["provider_specific_fields"] = {NAME: {"parts": parts}}
    if packed:
        put_back(message, packed)
    return message


def _kept(message: JsonDict, parts: list[JsonDict]) -> JsonDict:
    # The message with the parts it was read from, if it says less than they do.
    if not all(map(is_plain, parts)):
        message["provider_specific_fields"] = {NAME: {"parts": parts}}
    return message
