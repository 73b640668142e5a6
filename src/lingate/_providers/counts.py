# What an answer used, by kinds that have prices of their own: tokens, and tools of the provider's beside them.

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lingate._model import JsonDict
from lingate._providers.families import family_traits
from lingate._wire.shapes import as_dict, as_dicts, as_list, dig

_INPUT = {"family": "tokens", "direction": "input"}
_OUTPUT = {"family": "tokens", "direction": "output"}
_WRITTEN = {**_INPUT, "token_type": "cache_write"}
_MEDIA = ("audio", "image", "video")

KINDS = {
    "input": _INPUT,
    "cached_input": {**_INPUT, "token_type": "cache_read"},
    "cache_write": {**_WRITTEN, "cache_ttl": "5m"},
    "cache_write_1h": {**_WRITTEN, "cache_ttl": "1h"},
    **{f"input_{media}": {**_INPUT, "modality": media} for media in _MEDIA},
    **{f"cached_{media}": {**_INPUT, "modality": media, "token_type": "cache_read"} for media in _MEDIA},
    "output": _OUTPUT,
    "reasoning": {**_OUTPUT, "token_type": "reasoning"},
    **{f"output_{media}": {**_OUTPUT, "modality": media} for media in _MEDIA},
    "audio_seconds": {"family": "durations", "modality": "audio"},
    "web_search": {"family": "tool_calls", "tool_type": "web_search"},
    "file_search": {"family": "tool_calls", "tool_type": "storage_search"},
    "request": {"family": "requests"},
}
"""Every kind that may have a price, with its place in the price catalogue's system of units."""


def is_of_tokens(kind: str) -> bool:
    # Whether a kind is one of tokens, and no fee.
    return "direction" in KINDS.get(kind, ())


_FREE_TOOLS = frozenset(
    {
        *("function", "custom_tool", "apply_patch", "computer", "local_shell"),  # which the caller runs
        *("mcp", "tool_search", "web_fetch"),
        "code_execution",  # at Anthropic it costs time, of which an account has 1,550 hours a month
    }
)
"""Tools whose calls cost their tokens alone."""


def counts_of(usage: JsonDict) -> dict[str, int] | str:
    # How many tokens and paid calls of tools there are of each kind, or why that cannot be said.
    #
    # Besides `request`, no count is 0. That another model had a part, which has other prices, is a kind of its own.
    found = requests_of(usage)
    if isinstance(found, str):
        return found
    own = [counts for model, counts in found if model == found[0][0]]
    sums = {kind: sum(counts.get(kind, 0) for counts in own) for counts in own for kind in counts}
    return sums | {f"what {model} did": 1 for model, _ in found if model}


def requests_of(usage: JsonDict) -> list[tuple[str, dict[str, int]]] | str:
    # The counts of an answer, and of what else was asked for its sake, which is paid for too.
    #
    # Each is beside the model that it is priced by, empty where that is the one that the answer names.
    counts = _counts(usage)
    if isinstance(counts, str):
        return counts
    found = [("", counts)]
    # Anthropic's: the sums are those of the model that answered in the end, which comes last. A compaction, the adviser
    # that a tool asks, and a model that had begun to answer before it handed over are not in them.
    for asked in reversed(as_dicts(usage.get("iterations"))):
        kind, model, served = asked.get("type"), str(asked.get("model") or ""), found[0][0]
        if kind == "fallback_message":
            found[0] = model, counts
        elif kind == "compaction":
            found.append((served, _asked(asked)))
        elif kind == "advisor_message" or (
            kind == "message" and served and model != served and asked.get("output_tokens")
        ):
            found.append((model, _asked(asked)))
    return found


def _asked(asked: Mapping[str, Any]) -> dict[str, int]:
    # The counts of one request behind an answer.
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    fresh, read, written = (_count(asked.get(name)) or 0 for name in names)
    counts = _counts(
        {
            "prompt_tokens": fresh + read + written,
            "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
            "completion_tokens": asked.get("output_tokens"),
            "cache_creation": asked.get("cache_creation"),
        }
    )
    return {} if isinstance(counts, str) else {kind: count for kind, count in counts.items() if kind != "request"}


def _counts(usage: JsonDict) -> dict[str, int] | str:
    billed, others = usage.get("billed_units"), {}
    if isinstance(billed, Mapping):
        others = {name: count for name in _BILLED if (count := _count(billed.get(name)))}
        # What is paid for, where a provider does not bill what it adds to the prompt itself.
        usage = {"prompt_tokens": billed.get("input_tokens"), "completion_tokens": billed.get("output_tokens")}
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    seconds: Any = usage.get("seconds" if usage.get("type") == "duration" else "prompt_audio_seconds")
    heard = {"audio_seconds": math.ceil(seconds)} if type(seconds) in (int, float) and 0 < seconds < _LONG else {}
    if prompt is None and heard:
        return {**heard, "request": 1}
    if prompt is None:
        return "the provider did not count the input"
    if completion is None:
        # Where there is no output to count (embeddings), the total is the input, or is missing too.
        if _count(usage.get("total_tokens")) not in (None, prompt):
            return "the provider did not count the output"
        completion = 0
    counts = {**_input(usage, prompt), **_output(usage, completion), **_own_tools(usage), **heard, **others}
    if min(counts.values()) < 0:
        return "the provider's token counts contradict each other"
    return {**{kind: count for kind, count in counts.items() if count}, "request": 1}


_BILLED = ("image_tokens", "images", "search_units")
"""What Cohere bills besides text, at prices that the catalogue does not have."""
_LONG = 10**9
"""Seconds. Mistral tells those of sound beside its tokens, OpenAI in their place: not every model has a price for them."""


def _input(usage: JsonDict, prompt: int) -> dict[str, int]:
    details = as_dict(usage.get("prompt_tokens_details"))
    cached = _count(details.get("cached_tokens")) or 0
    written = _count(details.get("cache_write_tokens")) or 0
    counts: dict[str, int] = {}
    # Tokens of media may have come from the cache too. Only some say how many; what cannot be fresh must have.
    cached_media = details.get("cached_tokens_details")
    room = max(prompt - written - cached, 0)
    for media in _MEDIA:
        given = _count(details.get(f"{media}_tokens")) or 0
        told = _count(cached_media.get(f"{media}_tokens")) if isinstance(cached_media, Mapping) else None
        from_cache = max(given - room, 0) if told is None else told
        counts[f"cached_{media}"] = from_cache
        counts[f"input_{media}"] = given - from_cache
        cached -= from_cache
        room -= given - from_cache
    lifetimes = usage.get("cache_creation")
    lasting = _count(lifetimes.get("ephemeral_1h_input_tokens")) if isinstance(lifetimes, Mapping) else None
    counts["cache_write_1h"] = min(lasting or 0, written)
    counts["cache_write"] = written - counts["cache_write_1h"]
    counts["cached_input"] = cached
    counts["input"] = prompt - sum(counts.values())
    return counts


def _output(usage: JsonDict, completion: int) -> dict[str, int]:
    details = as_dict(usage.get("completion_tokens_details"))
    counts = {f"output_{media}": _count(details.get(f"{media}_tokens")) or 0 for media in _MEDIA}
    counts["reasoning"] = _count(details.get("reasoning_tokens")) or 0
    counts["output"] = completion - sum(counts.values())
    return counts


def _own_tools(usage: JsonDict) -> dict[str, int]:
    # How often the provider's own tools ran, but for those that cost nothing themselves.
    counts = {}
    for name, count in as_dict(usage.get("server_tool_use") or usage.get("server_tool_use_details")).items():
        tool, is_counted, _ = name.partition("_requests")
        if is_counted and tool not in _FREE_TOOLS:
            counts[tool] = _count(count) or 0
    return counts


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def with_own_tools(answer: JsonDict) -> Any:
    # The counts of an answer, with those of the provider's own tools as `server_tool_use`, where the answer tells of any.
    # answer: In canonical form, or in the shape of the Responses API with canonical counts.
    usage = answer.get("usage")
    ran: dict[str, int] = {}
    if "output" in answer or "web_search" in answer:
        _read(answer, ran)
    for choice in answer.get("choices") or ():
        message = choice.get("message") or {}
        own = message.get("provider_specific_fields")
        if own:
            for told in as_dict(own).values():
                _read(as_dict(told), ran)
        elif message.get("annotations") or "executed_tools" in message:
            _read(message, ran)
    if not ran or not isinstance(usage, dict) or "server_tool_use" in usage or "server_tool_use_details" in usage:
        return usage
    if "web_search" in ran:
        for told in (answer, *as_dict(answer.get("provider_specific_fields")).values()):
            billed = dig(told, "tool_usage", "web_search", "num_requests")
            if billed is not None:
                ran["web_search"] = billed
        if family_traits(str(answer.get("model"))).get("searched_once"):
            ran["web_search"] = 1
    return {**usage, "server_tool_use": {f"{name}_requests": count for name, count in ran.items()}}


def _read(told: JsonDict, ran: dict[str, int]) -> None:
    # Count the tools that a part of an answer tells of.
    for item in as_dicts(told.get("output") or told.get("items") or told.get("content")):
        name, call, rest = str(item.get("type")).partition("_call")
        # Only a shell of the provider's has its output in an answer. Of what is done in the web, searches are paid for.
        if call and name not in _FREE_TOOLS and bool(rest) == (name == "shell") and item.get("status") != "failed":
            if dig(item, "action", "type") in (None, "search"):
                ran[name] = ran.get(name, 0) + 1
        elif "toolUse" in item and dig(item, "toolUse", "type") == "server_tool_use":
            ran[str(item["toolUse"].get("name"))] = 1
    searches = 1 if told.get("web_search") else 0
    if "groundingMetadata" in told:
        grounding = as_dict(told["groundingMetadata"])
        asked = as_list(grounding.get("webSearchQueries")) + as_list(grounding.get("imageSearchQueries"))
        searches = len({*map(str, asked)} - {""})  # the same words again, and none at all, are not paid for
        if any("maps" in chunk for chunk in as_dicts(grounding.get("groundingChunks"))):
            ran["maps_search"] = 1
    elif any(note.get("type") == "url_citation" for note in as_dicts(told.get("annotations"))):
        searches = 1  # who cites pages has searched for them; nobody says how often
    if searches:
        ran["web_search"] = ran.get("web_search", 0) + searches
    if told.get("executed_tools"):
        ran["executed_tools"] = len(as_list(told["executed_tools"])) or 1
