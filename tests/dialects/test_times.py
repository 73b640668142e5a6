"""Waits are read in every spelling that providers use, and what makes no sense is not waited for."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._dialects._failure import failure
from lingate._dialects._times import LONGEST, retry_after
from lingate._model import Head, ProviderRow, Target
from tests.effort import least_cpu

NOW = 1_754_667_600.0  # Fri, 08 Aug 2025 15:40:00 GMT
TARGET = Target(row=ProviderRow(name="acme"), model="m", url="https://acme.test")


def wait(
    headers: dict[str, str] | None = None, message: str = "", waits: tuple[Any, ...] = (), now: float | None = NOW
) -> Any:
    found = retry_after(headers or {}, waits, message, now)
    return found if found is None else pytest.approx(found, abs=1e-6)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "494", "retry-after": "1"}, 0.494),
        ({"x-ms-retry-after-ms": "494", "retry-after": "1"}, 0.494),  # Azure's services
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": " 20 "}, 20.0),
        ({"retry-after": "20s"}, 20.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "Fri, 08 Aug 2025 15:40:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 08 Aug 2025 15:39:00 GMT"}, 0.0),
        ({"retry-after": "Friday, 08-Aug-25 15:40:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 08 Aug 2025 10:40:30 EST"}, 30.0),
        ({"retry-after": "Fri,  8 Aug 2025 15:40:30 GMT"}, 30.0),
        ({"retry-after": "2025-08-08T15:41:00Z"}, 60.0),
        ({"retry-after": str(int(NOW) + 15)}, 15.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "99999999"}, LONGEST),
        ({"retry-after-ms": "nan", "retry-after": "3"}, 3.0),
        ({"retry-after-ms": "x", "retry-after": "3"}, 3.0),
        ({"retry-after": "30, 20"}, 30.0),  # sent twice
        ({"llm_provider-retry-after": "12"}, 12.0),  # what LiteLLM's proxy relays
        ({"retry-after": "3", "llm_provider-retry-after": "12"}, 3.0),
        ({"retry-after": "soon, or later"}, None),
    ],
)
def test_the_direct_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert wait(headers) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "12"}, 12.0),
        # https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers, as of today and in its older form.
        ({"ratelimit": '"api";r=0;t=259', "ratelimit-policy": '"fixed window";"api";q=500;w=300'}, 259.0),
        ({"ratelimit": '"day";r=9;t=99999, "minute";r=0;t=41'}, 41.0),
        ({"ratelimit": "limit=100, remaining=0, reset=50"}, 50.0),
        ({"ratelimit": '"api";r=1;t=259'}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1.2s"}, 1.2),
        (
            {
                "x-ratelimit-remaining-requests": "9999",
                "x-ratelimit-reset-requests": "6ms",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "1m0.052s",
            },
            60.052,
        ),
        (
            {
                "x-ratelimit-remaining-requests-day": "900",
                "x-ratelimit-reset-requests-day": "33011.38",
                "x-ratelimit-remaining-tokens-minute": "0",
                "x-ratelimit-reset-tokens-minute": "11.38",
            },
            11.38,
        ),
        ({"x-ratelimit-reset-tokens": "2h"}, 7200.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1754667660000"}, 60.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1754667660"}, 60.0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "12"}, 12.0),
        (
            {
                "anthropic-ratelimit-requests-remaining": "10",
                "anthropic-ratelimit-requests-reset": "2025-08-08T15:40:01Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2025-08-08T15:40:45Z",
            },
            45.0,
        ),
        (
            {
                "x-ratelimit-remaining-tokens": "100",
                "x-ratelimit-reset-tokens": "50s",
                "x-ratelimit-remaining-days": "9",
            },
            50.0,
        ),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "whenever"}, None),
        ({"x-ratelimit-remaining-tokens": "0"}, None),
    ],
)
def test_reset_times_of_limits(headers: dict[str, str], seconds: float | None) -> None:
    assert wait(headers) == seconds


def test_reset_times_count_only_for_errors_about_rates() -> None:
    headers = {
        "x-ratelimit-remaining-tokens": "3999987",
        "x-ratelimit-reset-tokens": "0s",
        "x-ratelimit-reset-requests": "12ms",
    }

    for status in (400, 500):
        assert failure(Head(status, headers), b'{"error": {"message": "x"}}', TARGET).retry_after is None


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("retry_after: 15", 15.0),
        ("Please try again in 6m12.5s. Visit https://x.test", 372.5),
        ("Please try again in 350ms.", 0.35),
        ("Please try again in 2s.", 2.0),
        ("Please try again in 1h2m3s", 3723.0),
        ("Please try again in 9m38.016s. Need more tokens?", 578.016),
        ("Please retry after 20 seconds. Please go here", 20.0),
        ("please try again after 1 seconds", 1.0),
        ("Please retry in 34.07s.", 34.07),
        ("Please wait 3600 seconds before retrying.", 3600.0),
        ("Please wait 8 hours 24 minutes and try again", 30_240.0),
        ("Rate limit is exceeded. Try again in 11 seconds.", 11.0),
        ("Your rate limit resets in ~5s.", 5.0),
        ("retry after 30", 30.0),
        ("Please try again in 1 minute", 60.0),
        ("Please try again in 58 hours.", LONGEST),
        ("请求过于频繁，请在 60 秒后重试", 60.0),
        ("Please try again later.", None),
        ("Please wait before trying again.", None),
        ("limited to 40 API calls / minute", None),
        ("Limit 30000, Used 29000", None),
        ("Retry-After: 9", 9.0),
        ("Tokens available - 12000, requested 15000", None),
        ("", None),
    ],
)
def test_words_of_the_message(message: str, seconds: float | None) -> None:
    assert wait(message=message) == seconds


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (
            {"error": {"code": 429, "details": [{"@type": "google.rpc.RetryInfo", "retryDelay": "34.074824224s"}]}},
            34.074824224,
        ),
        ([{"error": {"code": 429, "details": [{"retryDelay": "7s"}]}}], 7.0),
        ({"detail": "throttled", "retry_after": 5}, 5.0),
        ({"error": {"message": "x", "retry_after_ms": 250}}, 0.25),
        ({"error": {"message": "x", "retry_after_seconds": "12"}}, 12.0),
        ({"error": {"message": "x", "metadata": {"headers": {"Retry-After": "9"}}}}, 9.0),
        ({"error": {"message": "x", "retry_after": -1}}, 0.0),
        ({"error": {"message": "x", "retry_after": 10**300}}, None),
        ({"error": {"message": "x", "retry_after": True}}, None),
        ({"error": {"message": "x", "retryDelay": ""}}, None),
    ],
)
def test_fields_of_the_body(body: Any, seconds: float | None) -> None:
    found = failure(Head(429, {}), json.dumps(body).encode(), TARGET).retry_after

    assert found == (None if seconds is None else pytest.approx(seconds))


def test_the_more_direct_statement_counts() -> None:
    reset = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "60s"}

    assert wait({"retry-after": "1", **reset}, "try again in 3s", (2.0,)) == 1.0
    assert wait(reset, "try again in 3s", (2.0,)) == 2.0
    assert wait(reset, "try again in 3s") == 3.0
    assert wait(reset) == 60.0


def test_points_in_time_are_told_by_the_clock_of_the_answer_itself() -> None:
    head = Head(429, {"retry-after": "Fri, 08 Aug 2025 15:40:30 GMT", "date": "Fri, 08 Aug 2025 15:40:10 GMT"})

    assert failure(head, b"", TARGET).retry_after == 20.0
    assert failure(head, b"", TARGET, now=NOW).retry_after == 30.0


def test_a_point_in_time_without_a_clock_is_not_guessed() -> None:
    assert wait({"retry-after": "Fri, 08 Aug 2025 15:40:30 GMT"}, now=None) is None


def test_an_error_that_waiting_does_not_mend_has_no_wait() -> None:
    assert failure(Head(400, {"retry-after": "5"}), b'{"error": {"message": "bad"}}', TARGET).retry_after is None


@pytest.mark.parametrize("text", ["1" * 6_000, f"wait {'1' * 5_000}:00:00"])
def test_a_number_without_an_end_is_no_wait_and_costs_little(text: str) -> None:
    body = json.dumps({"error": text}).encode()

    assert failure(Head(429, {}), body, TARGET).retry_after is None
    assert least_cpu(failure, Head(429, {}), body, TARGET) < 0.2


NUMBERS = st.one_of(st.floats().map(str), st.integers().map(str), st.text(max_size=12))


@given(
    headers=st.dictionaries(
        st.sampled_from(
            ["retry-after", "retry-after-ms", "x-ratelimit-reset", "anthropic-ratelimit-tokens-reset", "date"]
        ),
        NUMBERS,
    ),
    message=st.one_of(
        st.text(max_size=40), NUMBERS.map("try again in {}s".format), NUMBERS.map("retry after {}".format)
    ),
    waits=st.lists(st.one_of(st.floats(), st.text(max_size=8)), max_size=3),
    now=st.one_of(st.none(), st.just(NOW)),
)
def test_a_wait_is_none_or_between_nothing_and_a_day(
    headers: Any, message: str, waits: list[Any], now: float | None
) -> None:
    found = retry_after(headers, waits, message, now)

    assert found is None or (math.isfinite(found) and 0.0 <= found <= LONGEST)
