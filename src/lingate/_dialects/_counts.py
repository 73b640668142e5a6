# Token counts and times as numbers, and the sums that several formats leave to their readers.

from __future__ import annotations

from typing import Any

from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, not_null

COUNTS = frozenset(
    {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"}
)
"""Fields of a canonical usage, which formats with other names for them write anew."""

YEAR_10000 = 253_402_300_800
"""Unix seconds."""


def integer(value: Any) -> int | None:
    # A count as an int, be it written as text; None for everything that is not one.
    if type(value) is int:
        return value
    if isinstance(value, str):  # as Protobuf's JSON has numbers of 64 bits
        return int(value) if value.isdecimal() and value.isascii() and len(value) < 19 else None
    return int(value) if isinstance(value, float) and value.is_integer() else None


def unix(told: Any) -> int:
    # Unix seconds of a host that may tell milliseconds, which clients cannot read (Rfym21/Qwen2API#93), or a fraction; 0
    # for anything else.
    at = int(told) if isinstance(told, float) and 0 <= told < 1e15 else integer(told) or 0
    at = at // 1000 if at >= YEAR_10000 else at
    return at if 0 <= at < YEAR_10000 else 0


def usage_beside_caches(fresh: int | None, written: int | None, cached: int | None, stored: int | None) -> JsonDict:
    # Counts in OpenAI's convention, of a provider whose input tokens leave out what goes through its cache.
    # `fresh`: input tokens that were neither read from the cache nor written to it.
    # `written`: output tokens.
    # `cached`: input tokens read from the cache.
    # `stored`: input tokens written to it.
    usage: JsonDict = {}
    if fresh is not None:
        usage["prompt_tokens"] = fresh + (cached or 0) + (stored or 0)
    if written is not None:
        usage["completion_tokens"] = written
    if fresh is not None and written is not None:
        usage["total_tokens"] = usage["prompt_tokens"] + written
    details = not_null({"cached_tokens": cached, "cache_write_tokens": stored})
    if details:
        usage["prompt_tokens_details"] = details
    return usage


def beside_caches(usage: JsonDict) -> tuple[int, int | None, int | None]:
    # The other way round: input tokens that no cache had to do with, 0 where nobody said, those read from one, and those
    # written to it.
    details = as_dict(usage.get("prompt_tokens_details"))
    cached, stored = integer(details.get("cached_tokens")), integer(details.get("cache_write_tokens"))
    return max((integer(usage.get("prompt_tokens")) or 0) - (cached or 0) - (stored or 0), 0), cached, stored
