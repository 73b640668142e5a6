"""Points in time as wire formats write them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lingate._dialects._counts import integer
from lingate._dialects._waits import instant
from lingate._model import Head

_YEAR_10000 = 253_402_300_800


def created_at(head: Head) -> int:
    # When an answer was made, for formats that do not say it: the `Date` header's Unix seconds, 0 without one.
    try:
        return int(parsedate_to_datetime(head.headers.get("date", "")).timestamp())
    except (ValueError, OverflowError):
        return 0


def epoch(text: Any) -> int:
    # Unix seconds of an RFC 3339 time; 0 for anything else.
    return int(instant(text) or 0) if isinstance(text, str) else 0


def unix(told: Any) -> int:
    # Unix seconds of a host that may tell milliseconds, which clients cannot read (Rfym21/Qwen2API#93), or a fraction; 0
    # for anything else.
    at = int(told) if isinstance(told, float) and 0 <= told < 1e15 else integer(told) or 0
    at = at // 1000 if at >= _YEAR_10000 else at
    return at if 0 <= at < _YEAR_10000 else 0


def rfc3339(seconds: Any) -> str:
    at = seconds if isinstance(seconds, int) and 0 <= seconds < _YEAR_10000 else 0
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
