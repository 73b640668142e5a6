# The most that a request can use and have made, for reserving money: an estimate would let budgets be overspent.

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from lingate._model import Call, replaced
from lingate._wire.shapes import as_dicts, as_str
from lingate.server.records import Circumstances

# No tokenizer makes more tokens than there are bytes, and what providers put around messages is less than the JSON there.
_AROUND = 4
_NUMBER = 24
_TOOLS = 1024
"""What providers write before a list of tools; the longest that is documented has 700 tokens."""
_IMAGE = 16_384
"""More than any provider counts for one picture, however it is sent."""
_FILE = 131_072
"""For what is named and not sent, or has pages: nobody knows how long it is."""
_SOUND = 64
"""Bytes of a recording for a token, at least: speech in the fewest bytes has 750 a second, and no more than ten tokens."""
_PICTURE = 16_384
_SPEECH = 1024
_SPOKEN = 8
"""Tokens of sound for a token of text, at most."""
_FILES = frozenset({"file_id", "file_url", "file_data", "file_uri", "fileUri"})
_REMEMBERED = ("previous_response_id", "conversation")
_RUN_HERE = ("function", "custom", "bash", "text_editor", "computer", "memory", "shell", "local_shell", "apply_patch")
"""Tools that the caller runs, by how their types begin: what they find is in a request before it is paid for."""
_TEXT_ONLY: tuple[Any, ...] = (None, [], ["text"])


def circumstances_of(body: dict[str, Any]) -> Circumstances:
    # What decides what a request (in the canonical form) may cost.
    size, seen = _beyond(body), set()
    pending: list[Any] = [body]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is str:
            size += _AROUND + (len(item) if item.isascii() else len(item.encode("utf-8", "surrogatepass")))
        elif kind is dict:
            for key, value in item.items():
                size += _AROUND + len(key)
                if not value:
                    pending.append(value)
                elif key == "image_url":
                    seen.add("media")
                    size += _IMAGE
                elif key in _FILES:
                    seen.add("media")
                    size += _FILE
                else:
                    if key == "input_audio":
                        seen.add("media")
                    elif key in ("cache_control", "cachePoint"):
                        seen.add("lasting")
                    pending.append(value)
        elif kind is list:
            size += _AROUND
            pending += item
        else:  # a number or the like, or a file that was uploaded
            size += _NUMBER + len(getattr(item, "data", b"")) // _SOUND
    return Circumstances(
        tokens=size,
        lasting="lasting" in seen,
        media="media" in seen,
        sound=body.get("modalities") not in _TEXT_ONLY or bool(body.get("audio")),
        tier=_text(body.get("service_tier")),
        speed=_text(body.get("speed")),
        effort=_text(body.get("reasoning_effort")),
    )


def _text(value: Any) -> str | None:
    return as_str(value) or None


def _beyond(body: dict[str, Any]) -> int:
    # Tokens of input that are not in the request: what a provider writes around it, remembers, or finds out by itself.
    tools = body.get("tools")
    size = _TOOLS if tools or body.get("functions") else 0
    for tool in tools if isinstance(tools, list) else ():
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and not kind.startswith(_RUN_HERE):
            size += _FILE
    size += _FILE * sum(1 for name in _REMEMBERED if body.get(name))
    return size + (_FILE if isinstance(body.get("prompt"), dict) else 0)


LONGEST = 2**18
"""Tokens of the longest answer of a model that nobody knows: more than any has given yet. Without it such a call would hold
all that a budget has, and ask for an answer of that length, which no provider takes.
"""

_LIMITS = frozenset(
    {
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens", "max_new_tokens"),
        *("num_predict", "max_gen_len", "max_tokens_to_sample", "maxTokenCount", "max_length"),
    }
)
"""What vendors call the longest answer. Providers get fields of their own formats as they are, whatever stands beside them."""

_COUNTS = frozenset({"n", "best_of", "candidateCount", "candidate_count", "num_generations", "num_return_sequences"})
_PAYLOAD = frozenset(
    {
        *("messages", "input", "prompt", "tools", "functions", "tool_choice", "response_format", "documents", "query"),
        *("metadata", "thinking", "reasoning", "schema", "json_schema", "responseSchema", "response_schema"),
    }
)
_DEEPEST = 4
_MOST = 2**40
"""More than anybody gets, and few enough to be multiplied by a price."""


def asked_output(body: dict[str, Any]) -> int | None:
    # Tokens of output that a request allows by what all providers know, for counting tokens a minute; None if it does not say.
    most = max(_number(body.get("max_completion_tokens")), _number(body.get("max_tokens")))
    return most * (_number(body.get("n")) or 1) if most else None


def all_output(longest: int, thinking: int, answers: int) -> int:
    # Tokens of all answers together.
    # Thinking comes on top of a bound that has no room for it.
    return (longest if longest > thinking else longest + thinking) * answers


def longest_answer(body: dict[str, Any]) -> int | None:
    # Tokens that an answer may have by the caller's word, None where it does not say.
    # Which of several bounds counts is the provider's choice. One that only some providers know bounds nothing.
    if not any(_number(body.get(name)) for name in ("max_completion_tokens", "max_tokens")):
        return None
    return max(_number(holder[name]) for holder, name in _named(body, _LIMITS))


def other_output(operation: str, about: Circumstances) -> int:
    # Tokens of output that a call has at most which generates no text of a length that its caller bounds.
    if operation == "images":
        return _PICTURE
    if operation == "speech":
        return _SPEECH + _SPOKEN * about.tokens
    return _SPEECH + about.tokens if operation == "transcription" else 0


def answers_of(body: dict[str, Any]) -> int:
    # How many answers are made, and paid for: of some only the best is given.
    prompts = body.get("prompt")
    many = len(prompts) if isinstance(prompts, list) and prompts and type(prompts[0]) in (str, list) else 1
    return many * max([_number(holder[name]) for holder, name in _named(body, _COUNTS)], default=1) or many


def other_models(body: dict[str, Any]) -> Iterator[str]:
    # Models that a request names besides its own: those a router may ask instead, and those that tools ask.
    for holder, name in _named(body, frozenset({"models"})):
        value = holder[name]
        yield from map(str, value if isinstance(value, list) else (value,))
    yield from (str(tool["model"]) for tool in as_dicts(body.get("tools")) if tool.get("model") is not None)


def shorten(body: dict[str, Any], most: int) -> None:
    # Let an answer have so many tokens at most, whatever its caller says.
    _lift_limits(body)
    body["max_tokens"] = most


def shortened(call: Call, most: int) -> Call:
    # The same of a call that may hold parts of the configuration, which stay as they are.
    body, own = _copied(call.body), _copied(call.extra_body or {})
    shorten(body, most)
    _lift_limits(own)
    return replaced(call, body=body, extra_body=own or None)


def _copied(body: dict[str, Any]) -> dict[str, Any]:
    # A copy whose parameters may be changed. The conversation is as it was: it may be long, and no limit is in there.
    return {key: value if key in _PAYLOAD else deepcopy(value) for key, value in body.items()}


def _lift_limits(body: dict[str, Any]) -> None:
    for holder, name in list(_named(body, _LIMITS)):
        del holder[name]


def _named(body: dict[str, Any], names: frozenset[str], depth: int = 0) -> Iterator[tuple[dict[str, Any], str]]:
    # Where fields of these names are among the parameters of a request.
    for key, value in body.items():
        if key in names:
            yield body, key
        elif type(value) is dict and key not in _PAYLOAD and depth < _DEEPEST:
            yield from _named(value, names, depth + 1)


def _number(value: Any) -> int:
    if value is None:
        return 0
    # Google's format has numbers as texts too, and there are providers that take 8.0 for 8.
    if type(value) is str and value.isdecimal() and len(value) < 20:
        value = int(value)
    return int(min(value, _MOST)) if type(value) in (int, float) and value > 0 else 0
