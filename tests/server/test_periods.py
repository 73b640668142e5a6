"""Durations and the windows of budgets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate.server.access.periods import Period, after, parse_span


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("span", "now", "start", "end"),
    [
        ("30s", "2026-11-20T13:05:44", "2026-11-20T13:05:30", "2026-11-20T13:06:00"),
        ("5m", "2026-11-20T13:07:44", "2026-11-20T13:05:00", "2026-11-20T13:10:00"),
        ("1h", "2026-11-20T13:07:44", "2026-11-20T13:00:00", "2026-11-20T14:00:00"),
        ("1d", "2026-11-20T13:07:44", "2026-11-20T00:00:00", "2026-11-21T00:00:00"),
        ("1w", "2026-11-20T13:07:44", "2026-11-16T00:00:00", "2026-11-23T00:00:00"),
        ("7d", "2026-11-20T13:07:44", "2026-11-16T00:00:00", "2026-11-23T00:00:00"),
        ("1mo", "2026-02-20T13:07:44", "2026-02-01T00:00:00", "2026-03-01T00:00:00"),
        ("1mo", "2026-12-31T23:59:59", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
    ],
)
def test_periods_begin_where_people_expect_them_to(span: str, now: str, start: str, end: str) -> None:
    assert Period.parse(span).window(at(now)) == (at(start), at(end))


def test_a_period_of_several_days_is_counted_from_the_day_the_budget_was_made() -> None:
    made = at("2026-11-03T17:30:00")

    assert Period.parse("30d", made).window(made) == (at("2026-11-03T00:00:00"), at("2026-12-03T00:00:00"))
    assert Period.parse("30d", made).window(at("2026-12-05T00:00:00")) == (
        at("2026-12-03T00:00:00"),
        at("2027-01-02T00:00:00"),
    )
    assert Period.parse("2w", made).window(made) == (at("2026-11-02T00:00:00"), at("2026-11-16T00:00:00"))


def test_a_period_of_several_months_is_counted_from_the_month_the_budget_was_made() -> None:
    made = at("2026-11-03T17:30:00")

    assert Period.parse("3mo", made).window(at("2027-01-31T00:00:00")) == (
        at("2026-11-01T00:00:00"),
        at("2027-02-01T00:00:00"),
    )
    assert Period.parse("1y", made).window(made) == (at("2026-11-01T00:00:00"), at("2027-11-01T00:00:00"))


SPANS = ["1s", "30s", "7s", "5m", "7m", "1h", "5h", "1d", "2d", "30d", "1w", "3w", "1mo", "5mo", "1y"]


@given(st.sampled_from(SPANS), st.floats(0, 4e9, allow_nan=False), st.floats(0, 4e9, allow_nan=False))
def test_every_moment_is_in_exactly_one_window_and_windows_meet(span: str, made: float, now: float) -> None:
    period = Period.parse(span, made)

    start, end = period.window(now)

    assert start <= now < end
    assert period.window(start) == (start, end)
    assert period.window(end)[0] == end
    assert start == int(start)


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "1.5h", "1 d", "1d\n", "1D", "101y", "9999999999s", "٣d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|century"):
        parse_span(text)


def test_a_month_after_the_last_of_january_is_the_last_of_february() -> None:
    assert after(at("2027-01-31T10:00:00"), "1mo") == at("2027-02-28T10:00:00")
    assert after(at("2026-11-20T10:00:00"), "1y") == at("2027-11-20T10:00:00")
    assert after(100.0, "90s") == 190.0
