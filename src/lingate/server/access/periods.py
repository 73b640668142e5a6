# Spans of time as keys and budgets write them (`30s`, `5m`, `1h`, `1d`, `30d`, `1mo`), and the windows they cut time into.

from __future__ import annotations

import calendar
import re
import time
from datetime import UTC, datetime
from typing import NamedTuple

_FORM = re.compile(r"([1-9][0-9]{0,8})(s|m|h|d|w|mo|y)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DAY = 86400
_WEEK = 7 * _DAY
_FIRST_MONDAY = 4 * _DAY  # 1970-01-05
_LONGEST = 100 * 366 * _DAY
FOREVER = float("inf")


def parse_span(text: str) -> tuple[int, int]:
    # A span as (seconds, months); one of the two is zero.
    # Raises ValueError: It is not a number and a unit, or longer than a century.
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a duration: write a number and s, m, h, d, w, mo or y, for example 30d")
    count, unit = int(match[1]), match[2]
    seconds, months = (0, count * (12 if unit == "y" else 1)) if unit in {"mo", "y"} else (count * _SECONDS[unit], 0)
    if seconds > _LONGEST or months > 1200:
        raise ValueError(f"{text!r} is longer than a century")
    return seconds, months


def after(start: float, text: str) -> float:
    # The moment a span after `start`.
    # Months are calendar months; the day is the month's last where it has no such day.
    seconds, months = parse_span(text)
    if seconds:
        return start + seconds
    moment = datetime.fromtimestamp(start, UTC)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day).timestamp()


class Period(NamedTuple):
    # How often a budget begins anew.

    # Days begin at midnight UTC, weeks on Monday, months on the first. Seconds, minutes and hours are cut from the
    # epoch. Periods of several days are counted from midnight of the day the budget was made, so that the first one is
    # whole.

    seconds: int
    """Length, 0 for periods of months."""
    months: int = 0
    """Length in calendar months, 0 for the others."""
    anchor: float = 0.0
    """Where the windows are counted from."""

    @classmethod
    def parse(cls, text: str, made_at: float = 0.0) -> Period:
        # The period that `budget_duration` names, for a budget made at `made_at`.
        # Raises ValueError: It is not a duration.
        seconds, months = parse_span(text)
        if months:
            moment = time.gmtime(made_at)
            return cls(0, months, float(moment.tm_year * 12 + moment.tm_mon - 1) if months > 1 else 0.0)
        if seconds % _WEEK == 0:
            monday = made_at - (made_at - _FIRST_MONDAY) % _WEEK
            return cls(seconds, anchor=_FIRST_MONDAY if seconds == _WEEK else monday)
        if seconds > _DAY:
            return cls(seconds, anchor=made_at - made_at % _DAY)
        return cls(seconds)

    def window(self, now: float) -> tuple[float, float]:
        # Beginning and end of the window that `now` is in.
        if self.months:
            moment = time.gmtime(now)
            month = moment.tm_year * 12 + moment.tm_mon - 1
            first = month - (month - int(self.anchor)) % self.months
            return _month_start(first), _month_start(first + self.months)
        start = now - (now - self.anchor) % self.seconds
        # A float's remainder may be off by a hair; a window's beginning is a whole second and names it.
        start = float(round(start))
        return start, start + self.seconds


def _month_start(month: int) -> float:
    year, index = divmod(month, 12)
    return float(calendar.timegm((year, index + 1, 1, 0, 0, 0)))
