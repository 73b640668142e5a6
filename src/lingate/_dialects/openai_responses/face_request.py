# As a face: a client's request as a canonical call.

# What the canonical form says less well stays beside it in `provider_specific_fields`, so that a request that goes on to
# this format again is the same request. Fields that only this format knows keep their names; `bridge.py` says what
# becomes of them elsewhere.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._check import Malformed, client_request, expect, model_and_stream, read_json
from lingate._dialects._draft import keep
from lingate._dialects.openai_responses.conversation import read_input
from lingate._dialects.openai_responses.facts import LOGPROBS, NAME, WITHOUT_INPUT
from lingate._dialects.openai_responses.request import canonical_text
from lingate._dialects.openai_responses.tools import canonical_choice, canonical_tools
from lingate._model import Call, JsonDict, Operation
from lingate._wire.shapes import not_null, without

_KEPT = ("input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "stream_options")
"""Fields of which the canonical form says less, kept as they are."""

_TAKEN = frozenset({*_KEPT, "model", "stream", "max_output_tokens"})

_TYPES = (
    ("instructions", str),
    ("tools", list),
    ("text", dict),
    ("reasoning", dict),
    ("include", list),
    ("stream_options", dict),
    ("metadata", dict),
    ("parallel_tool_calls", bool),
    ("store", bool),
    ("background", bool),
    ("previous_response_id", str),
)
_NUMBERS = (("temperature", False), ("top_p", False), ("max_output_tokens", True), ("top_logprobs", True))


@client_request
def parse_call(body: bytes, path_args: Mapping[str, str], operation: Operation) -> Call:
    wire = read_json(body)
    model, stream = model_and_stream(wire, path_args)
    return Call(operation, model, canonical_body(wire), stream=stream)


def canonical_body(wire: JsonDict) -> JsonDict:
    # The fields of a request as a canonical body.
    # A null means the field was not given.
    # Raises Malformed: a field cannot be read.
    wire = not_null(wire)
    _check_fields(wire)
    canonical: JsonDict = {"messages": _messages(wire)}
    canonical.update(without(wire, _TAKEN))
    if "max_output_tokens" in wire:
        canonical["max_completion_tokens"] = wire["max_output_tokens"]
    if "tools" in wire:
        canonical["tools"] = canonical_tools(wire["tools"])
    if "tool_choice" in wire:
        canonical["tool_choice"] = canonical_choice(wire["tool_choice"])
    canonical.update(canonical_text(wire.get("text", {})))
    effort = wire.get("reasoning", {}).get("effort")
    if effort is not None:
        canonical["reasoning_effort"] = effort
    if LOGPROBS in wire.get("include", ()):
        canonical["logprobs"] = True
    kept = {name: wire[name] for name in _KEPT if name in wire and (name != "input" or isinstance(wire[name], str))}
    return keep(canonical, NAME, kept)


def _check_fields(wire: JsonDict) -> None:
    if "messages" in wire:  # they would stand in place of it for whoever is asked for a chat, and for nobody else
        raise Malformed("messages", "is `input` in this format")
    for name, kind in _TYPES:
        if name in wire:
            expect(wire[name], kind, name)
    for name, whole in _NUMBERS:
        value = wire.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise Malformed(name, "must be a whole number" if whole else "must be a number")
    effort = wire.get("reasoning", {}).get("effort")
    if effort is not None:
        expect(effort, str, "reasoning.effort")


def _messages(wire: JsonDict) -> list[JsonDict]:
    messages: list[JsonDict] = []
    if wire.get("instructions"):
        messages.append({"role": "system", "content": wire["instructions"]})
    given: Any = wire.get("input")
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    if given is None:
        if not any(name in wire for name in WITHOUT_INPUT):
            raise Malformed("input", "must be a string or a list of items")
        return messages
    if not isinstance(given, list):
        raise Malformed("input", "must be a string or a list of items")
    if not given and not messages and not any(name in wire for name in WITHOUT_INPUT):
        raise Malformed("input", "must not be empty")
    return [*messages, *read_input(given)]
