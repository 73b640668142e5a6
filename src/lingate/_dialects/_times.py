# Points in time as wire formats write them, and how long the provider asks to wait in every spelling: headers, body fields, words.

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lingate._dialects._counts import YEAR_10000
from lingate._dialects._redact import compiled
from lingate._model import Head

LONGEST = 86_400.0
"""Waits beyond a day are cut to this: they say "not soon", and more than that is a clock or a unit gone wrong."""

DAILY = 3_600.0
"""Least wait for a quota that is counted by the day. Google sends some seconds as retryDelay for those too."""

_EPOCH = 1_000_000_000.0  # numbers from here on are points in time, not durations (a wait of 31 years)
_EPOCH_MS = 100_000_000_000.0

_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"

_Clock = Callable[[], "float | None"]


def retry_after(
    headers: Mapping[str, str],
    waits: Iterable[float | str],
    message: str,
    now: float | None,
    *,
    limited: bool = True,
) -> float | None:
    # Seconds to wait before the next try, None if the provider did not say.
    # The more direct the statement, the more it counts: `retry-after-ms` and `retry-after`, then fields of the body,
    # then words of the message, then the time at which a limit that is used up is reset.
    # `now`: epoch seconds, for statements that name a point in time; None takes the answer's own `date` header.
    # `limited`: the error is about rates, so reset times count even where no counter is at zero.

    def clock() -> float | None:
        return http_date(headers.get("date", "")) if now is None else now

    millis = _number(headers.get("retry-after-ms") or headers.get("x-ms-retry-after-ms", ""))
    found = None if millis is None else _bounded(millis / 1000.0)
    if found is None:
        # The second is how LiteLLM's proxy relays it.
        given = headers.get("retry-after") or headers.get("llm_provider-retry-after", "")
        found = _moment(given, clock)
        if found is None:  # sent twice, it reaches us as one value with a comma
            found = max(_known(map(_seconds, given.split(","))), default=None)
    if found is None:
        found = max(_known(_moment(wait, clock) for wait in waits), default=None)
    if found is None:
        found = _spoken(message, clock)
    if found is None:
        found = _reset(headers, clock, limited=limited)
    return found


def _bounded(seconds: float) -> float | None:
    return min(max(seconds, 0.0), LONGEST) if math.isfinite(seconds) else None


def _known(waits: Iterable[float | None]) -> list[float]:
    return [wait for wait in waits if wait is not None]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _seconds(text: str) -> float | None:
    number = _number(text)
    return None if number is None else _bounded(number)


def _moment(value: float | str, clock: _Clock) -> float | None:
    # Seconds from now until `value`: a number of seconds, an epoch, a duration, an HTTP date or an RFC 3339 time.
    if isinstance(value, str):
        text = value.strip()[:64]
        number = _number(text)
        if number is None:
            duration = _sum(text) if compiled(_WHOLE_DURATION).fullmatch(text) else None
            if duration is not None:
                return _bounded(duration)
            return _until(http_date(text) or instant(text), clock)
        value = number
    if abs(value) < _EPOCH or not math.isfinite(value):
        return _bounded(value)
    return _until(value / 1000.0 if value >= _EPOCH_MS else value, clock)


def _until(point: float | None, clock: _Clock) -> float | None:
    now = None if point is None else clock()
    return None if point is None or now is None else _bounded(point - now)


def http_date(text: str) -> float | None:
    # Unix seconds of a date as HTTP has it; None for others.
    if "," not in text and "GMT" not in text:
        return None
    try:
        if len(text) == 29 and text[5:7].isdigit() and text.endswith("GMT"):  # Sun, 06 Nov 1994 08:49:37 GMT
            iso = f"{text[12:16]}-{_MONTHS.index(text[8:11]) // 3 + 1:02}-{text[5:7]}T{text[17:25]}+00:00"
            return datetime.fromisoformat(iso).timestamp()
        from email.utils import parsedate_to_datetime  # 6 ms, for what hardly anybody writes

        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def instant(text: str) -> float | None:
    # Unix seconds of an RFC 3339 time, which may have nanoseconds, and is UTC's where it has no zone; None for others.
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_UNITS = {**_SECONDS, "秒": 1.0, "分": 60.0}
_PART = r"\d+(?:\.\d+)?\s*(?:milliseconds?|ms|µs|us|ns|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)\b"
_GLUED = r"(?:\d+(?:\.\d+)?(?:ms|µs|us|ns|[dhms]))+"  # 6m12.5s
_JOINT = r"[\s,]{0,3}(?:and )?"
_DURATIONS = r"(?i)(\d+(?:\.\d+)?)\s*(ms|milli|µs|us|ns|d|h|m|s|秒|分)"
_WHOLE_DURATION = rf"(?i)(?:{_GLUED}|{_PART}(?:{_JOINT}{_PART})*)"
_PHRASES = (
    r"(?i)(?:try again|retry(?:ing)?(?: your request)?|wait(?: for)?|resets?|replenished|available(?: again)?"
    r"|been timed out)(?:\s+|-(?=after))(?:in |after:? |for )?(?:about |approximately |at least |~)?"
    rf"({_PART}(?:{_JOINT}{_PART})*|{_GLUED}\b|\d+:\d\d:\d\d|\d+(?:\.\d+)?(?=\s*(?:$|[.,;)])))|((?<!\d)\d+ ?(?:秒|分)钟?[后後])"
    # As Google's packages for Python show it, and Python itself.
    r"|retry_?(?:delay|after)\W{1,6}(?:seconds: )?(\d+(?:\.\d+)?s?)\b"
)


_POINTS = (
    r"(?i)(?:(?:again|access|retry|resets?|available) (?:at|on|after)|until):? (\d{4}-\d\d-\d\d)(?:[t ]| at )"
    r"(\d\d:\d\d(?::\d\d)?)(?:\.\d+)? ?(?:(?:z|utc|gmt)\b|([+-]\d\d:?\d\d))"
)
"""`Your limit will reset at 2026-01-30 18:21:20 +0800`; without a zone it could be any time of that day."""


def _sum(text: str) -> float:
    if ":" in text:  # 01:30:00
        hours, minutes, seconds = map(float, text.split(":"))
        return hours * 3_600 + minutes * 60 + seconds
    total = 0.0
    for number, unit in compiled(_DURATIONS).findall(text):
        name = unit.lower()
        total += float(number) * _UNITS["ms" if name == "milli" else name]
    return total


def _spoken(message: str, clock: _Clock) -> float | None:
    # `Please try again in 6m12.5s`, `retry after 20 seconds`, `Please wait 3600 seconds before retrying`.
    found = compiled(_PHRASES).search(message[:6_000])
    if found is None:
        found = compiled(_POINTS).search(message[:6_000])
        return found and _until(instant(f"{found[1]}T{found[2]}{found[3] or 'Z'}"), clock)
    text = found[1] or found[2] or found[3]
    number = _number(text)
    return _bounded(number if number is not None else _sum(text))


_DRAFT_RESETS = r"\b(?:r|remaining)=0\b[^,]{0,40}[;,] ?(?:t|reset)=(\d{1,9})"
"""`"api";r=0;t=30` and, in older drafts of the IETF, `limit=9, remaining=0, reset=30`; only counters at zero."""


def _reset(headers: Mapping[str, str], clock: _Clock, *, limited: bool) -> float | None:
    # When the limit is free again: `x-ratelimit-reset-tokens`, `anthropic-ratelimit-...-reset` and the like.
    spent: list[float] = []
    unknown: list[float] = []
    left: list[float] = []
    for name, value in headers.items():
        if name == "ratelimit":
            spent += list(map(float, compiled(_DRAFT_RESETS).findall(value)))
            continue
        if "reset" not in name or "ratelimit" not in name.replace("rate-", "rate"):
            continue
        wait = _moment(value, clock)
        if wait is None:
            continue
        remaining = _number(headers.get(name.replace("reset", "remaining"), ""))
        (unknown if remaining is None else spent if remaining <= 0 else left).append(wait)
    if spent:
        return max(spent)
    if not limited:
        return None
    # Without a counter at zero the request was larger than what was left of one of them, hardly of the longest.
    return max(unknown) if unknown else min(left, default=None)


def created_at(head: Head) -> int:
    # When an answer was made, for formats that do not say it: the `Date` header's Unix seconds, 0 without one.
    return int(http_date(head.headers.get("date", "")) or 0)


def epoch(text: Any) -> int:
    # Unix seconds of an RFC 3339 time; 0 for anything else.
    return int(instant(text) or 0) if isinstance(text, str) else 0


def rfc3339(seconds: Any) -> str:
    at = seconds if isinstance(seconds, int) and 0 <= seconds < YEAR_10000 else 0
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
