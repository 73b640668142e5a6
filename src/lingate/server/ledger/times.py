# Hours and days as the ledger counts them: since 1970, UTC.

from __future__ import annotations

from datetime import UTC, datetime, timedelta

HOUR = 3600
_START = datetime(1970, 1, 1, tzinfo=UTC)


def day_text(day: int) -> str:
    # `2026-11-20` for a number of days since 1970.
    return (_START + timedelta(days=int(day))).date().isoformat()


def hour_text(hour: int) -> str:
    # `2026-11-20T13:00:00Z` for a number of hours since 1970.
    return f"{_START + timedelta(hours=int(hour)):%Y-%m-%dT%H:%M:%SZ}"


def moment_text(at: float) -> str:
    # `2026-11-20T13:05:01.123Z` for epoch seconds.
    return f"{(_START + timedelta(seconds=at)).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
