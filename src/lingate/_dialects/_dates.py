# Points in time as wire formats write them.

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lingate._dialects._counts import YEAR_10000
from lingate._dialects._retry_after import http_date, instant
from lingate._model import Head


def created_at(head: Head) -> int:
    # When an answer was made, for formats that do not say it: the `Date` header's Unix seconds, 0 without one.
    return int(http_date(head.headers.get("date", "")) or 0)


def epoch(text: Any) -> int:
    # Unix seconds of an RFC 3339 time; 0 for anything else.
    return int(instant(text) or 0) if isinstance(text, str) else 0


def rfc3339(seconds: Any) -> str:
    at = seconds if isinstance(seconds, int) and 0 <= seconds < YEAR_10000 else 0
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
