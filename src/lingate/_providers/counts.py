"""Token counts taken apart: from the canonical usage, whose counts contain one another, to kinds that no two share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._model import JsonDict

_INPUT = {"family": "tokens", "direction": "input"}
_OUTPUT = {"family": "tokens", "direction": "output"}
_WRITTEN = {**_INPUT, "token_type": "cache_write"}
_MEDIA = ("audio", "image", "video")

KINDS: Mapping[str, Mapping[str, str]] = {
    "input": _INPUT,
    "cached_input": {**_INPUT, "token_type": "cache_read"},
    "cache_write": {**_WRITTEN, "cache_ttl": "5m"},
    "cache_write_1h": {**_WRITTEN, "cache_ttl": "1h"},
    **{f"input_{media}": {**_INPUT, "modality": media} for media in _MEDIA},
    **{f"cached_{media}": {**_INPUT, "modality": media, "token_type": "cache_read"} for media in _MEDIA},
    "output": _OUTPUT,
    "reasoning": {**_OUTPUT, "token_type": "reasoning"},
    **{f"output_{media}": {**_OUTPUT, "modality": media} for media in _MEDIA},
    "web_search": {"family": "tool_calls", "tool_type": "web_search"},
    "request": {"family": "requests"},
}
"""Every kind, with its place in the price catalogue's system of units."""


def counts_of(usage: JsonDict) -> dict[str, int] | str:
    """How many tokens there are of each kind, or why that cannot be said. Besides `request`, no count is 0."""
    billed = usage.get("billed_units")
    if isinstance(billed, Mapping):
        # What is paid for, where a provider does not bill what it adds to the prompt itself.
        usage = {"prompt_tokens": billed.get("input_tokens"), "completion_tokens": billed.get("output_tokens")}
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if prompt is None:
        return "the provider did not count the input"
    if completion is None:
        # Where there is no output to count (embeddings), the total is the input, or is missing too.
        if _count(usage.get("total_tokens")) not in (None, prompt):
            return "the provider did not count the output"
        completion = 0
    counts = {**_input(usage, prompt), **_output(usage, completion), "web_search": _searches(usage)}
    if min(counts.values()) < 0:
        return "the provider's token counts contradict each other"
    return {**{kind: count for kind, count in counts.items() if count}, "request": 1}


def _input(usage: JsonDict, prompt: int) -> dict[str, int]:
    details = _details(usage, "prompt_tokens_details")
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
    details = _details(usage, "completion_tokens_details")
    counts = {f"output_{media}": _count(details.get(f"{media}_tokens")) or 0 for media in _MEDIA}
    counts["reasoning"] = _count(details.get("reasoning_tokens")) or 0
    counts["output"] = completion - sum(counts.values())
    return counts


def _searches(usage: JsonDict) -> int:
    return _count(_details(usage, "server_tool_use").get("web_search_requests")) or 0


def _details(usage: JsonDict, name: str) -> Mapping[str, Any]:
    found = usage.get(name)
    return found if isinstance(found, Mapping) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
