"""As a face: a client's request as a canonical call.

What the canonical form says less well stays beside it in `provider_specific_fields`, so that a request that goes on to
this format again is the same request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._dialects.gemini.casing import camelized
from lingate._dialects.gemini.face_contents import read_contents, read_system
from lingate._dialects.gemini.face_tools import canonical_choice, canonical_tools, check_choice, check_tools
from lingate._dialects.gemini.facts import NAME, STREAM
from lingate._dialects.gemini.formats import canonical_format
from lingate._dialects.gemini.params import canonical_voice
from lingate._dialects.gemini.thinking import canonical_effort
from lingate._model import Call, JsonDict
from lingate._wire.json import decode
from lingate.errors import BadRequestError

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
_TAKEN = frozenset({"model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier"})
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}


def parse_chat(body: bytes, path_args: Mapping[str, str]) -> Call:
    """Read a request for content. The path says the model, and by its method whether the answer is a stream.

    Raises:
        BadRequestError: The body is not valid; the message says where and why.
    """
    wire = _camelized(read_json(body))
    try:
        canonical = canonical_request(wire)
        model = read_model(wire, path_args)
    except Malformed as flaw:
        raise BadRequestError(str(flaw)) from None
    return Call("chat", model, canonical, stream=path_args.get("method") == STREAM)


def parse_count(body: bytes, path_args: Mapping[str, str]) -> Call:
    """Read a request for a token count.

    Raises:
        BadRequestError: The body is not valid; the message says where and why.
    """
    wire = _camelized(read_json(body))
    try:
        inner = wire.get("generateContentRequest")
        if inner is not None:
            expect(inner, dict, "generateContentRequest")
            wire = {**wire, **inner}
            del wire["generateContentRequest"]
        return Call("count_tokens", read_model(wire, path_args), canonical_request(wire))
    except Malformed as flaw:
        raise BadRequestError(str(flaw)) from None


def _camelized(wire: JsonDict) -> JsonDict:
    """A request with its names in camelCase, but for `contents`: that is most of it, and read item by item."""
    contents = wire.pop("contents", None)
    return {**camelized(wire), "contents": contents}


def read_json(body: bytes) -> JsonDict:
    """Decode a request body.

    Raises:
        BadRequestError: It is not a JSON object.
    """
    try:
        wire = decode(body)
    except ValueError as error:
        raise BadRequestError(f"the body is {error}") from None
    if not isinstance(wire, dict):
        raise BadRequestError("the body must be a JSON object")
    return wire


def read_model(wire: JsonDict, path_args: Mapping[str, str]) -> str:
    """The model, without `models/` before it.

    Raises:
        Malformed: Neither path nor body names one.
    """
    model = path_args.get("model") or wire.get("model")
    if not isinstance(model, str) or not model:
        raise Malformed("model", "must be a string that is not empty")
    return model.removeprefix("models/")


def canonical_request(wire: JsonDict) -> JsonDict:
    """The body of a request as the canonical one.

    Raises:
        Malformed: It is not valid.
    """
    config = wire.get("generationConfig") or {}
    expect(config, dict, "generationConfig")
    system = wire.get("systemInstruction")
    messages = [*([] if system is None else read_system(system)), *read_contents(wire.get("contents"))]
    canonical: JsonDict = {"messages": messages}
    native = {name: value for name, value in wire.items() if name not in _TAKEN and value is not None}
    kept = _read_config(config, canonical)
    if kept:
        native["generationConfig"] = kept
    _read_tools(wire, canonical, native)
    tier = wire.get("serviceTier")
    if isinstance(tier, str) and tier.lower() in _TIERS:
        canonical["service_tier"] = _TIERS[tier.lower()]
    elif tier is not None:
        native["serviceTier"] = tier
    if native:
        canonical["provider_specific_fields"] = {NAME: native}
    return canonical


def _read_config(config: JsonDict, canonical: JsonDict) -> JsonDict:
    """Read `generationConfig`; what the canonical form does not say alone is returned."""
    kept: JsonDict = {}
    for name, value in config.items():
        if value is None:
            continue
        if name in _NUMBERS:
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise Malformed(f"generationConfig.{name}", "must be a number")
            canonical[_NUMBERS[name]] = int(value) if _is_whole(value) and name != "temperature" else value
        elif name == "stopSequences":
            if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
                raise Malformed("generationConfig.stopSequences", "must be a list of strings")
            canonical["stop"] = value
        elif name == "responseLogprobs" and isinstance(value, bool):
            canonical["logprobs"] = value
        elif name == "responseModalities" and isinstance(value, list) and all(isinstance(m, str) for m in value):
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


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or value.is_integer()
