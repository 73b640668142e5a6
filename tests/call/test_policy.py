"""When a try is made again, how long is waited, and when a fallback is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._call.policy import RetryPolicy, Timeout, covers
from lingate.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    ConnectError,
    ContentFilterError,
    ContextLengthError,
    InternalServerError,
    LingateError,
    NotFoundError,
    OverloadedError,
    QuotaExceededError,
    RateLimitError,
    StreamInterruptedError,
)


def half() -> float:
    return 0.5


@pytest.mark.parametrize(
    "error", [BadRequestError, AuthenticationError, NotFoundError, QuotaExceededError, ContextLengthError]
)
def test_what_would_fail_again_is_not_tried_again(error: type[LingateError]) -> None:
    assert RetryPolicy().wait(error("no"), 0, half) is None


@pytest.mark.parametrize(
    "error", [RateLimitError, OverloadedError, InternalServerError, ConnectError, StreamInterruptedError]
)
def test_what_may_pass_is_tried_again_until_the_retries_are_used_up(error: type[LingateError]) -> None:
    policy = RetryPolicy(retries=2)

    assert policy.wait(error("later"), 0, half) is not None
    assert policy.wait(error("later"), 1, half) is not None
    assert policy.wait(error("later"), 2, half) is None


@given(st.integers(0, 100), st.floats(0, 1))
def test_waits_are_spread_between_nothing_and_a_bound_that_grows_to_the_cap(turn: int, chance: float) -> None:
    policy = RetryPolicy(retries=1000, base=0.5, cap=8)

    wait = policy.wait(InternalServerError("x"), turn, lambda: chance)

    assert wait is not None
    assert 0 <= wait <= min(8, 0.5 * 2**turn)


@given(st.floats(0, 60), st.floats(0, 1), st.integers(0, 5))
def test_a_providers_own_wait_is_never_cut_short_and_hardly_exceeded(hint: float, chance: float, turn: int) -> None:
    wait = RetryPolicy(retries=9).wait(RateLimitError("x", retry_after=hint), turn, lambda: chance)

    assert wait is not None
    assert hint <= wait <= hint * 1.1 + 0.06


def test_a_wait_longer_than_the_policy_allows_gives_the_deployment_up() -> None:
    assert RetryPolicy(longest_hint=60).wait(RateLimitError("x", retry_after=61), 0, half) is None


@pytest.mark.parametrize(
    ("error", "falls_back"),
    [
        (RateLimitError("x"), True),
        (QuotaExceededError("x"), True),
        (AuthenticationError("x"), True),
        (NotFoundError("x"), True),
        (ContextLengthError("x"), True),
        (OverloadedError("x"), True),
        (InternalServerError("x"), True),
        (ConnectError("x"), True),
        (BadRequestError("x"), False),
        (BadRequestError("x", kind="output_limit"), False),
        (ContentFilterError("x"), False),
    ],
)
def test_a_fallback_is_due_when_another_model_could_answer(error: LingateError, falls_back: bool) -> None:
    assert covers(error, None) is falls_back


def test_a_fallback_for_named_kinds_is_due_for_these_alone() -> None:
    only = frozenset({"context_window", "content_filter"})

    assert covers(ContextLengthError("x"), only)
    assert covers(ContentFilterError("x"), only)
    assert not covers(RateLimitError("x"), only)


def test_a_timeout_in_seconds_bounds_every_phase() -> None:
    timeout = Timeout.of(5, Timeout())

    assert (timeout.total, timeout.connect, timeout.read) == (5, 5, 5)


def test_what_a_timeout_does_not_say_is_no_longer_than_its_total() -> None:
    short, long = Timeout(total=2), Timeout(total=900)

    assert (short.connect, short.read) == (2, 2)
    assert (long.connect, long.read) == (10, 600)
    assert Timeout(total=2, read=60).read == 60
    assert Timeout(read=30).total == 600


@pytest.mark.parametrize("bad", [0, -1, "5", True, float("nan"), [5]])
def test_a_timeout_that_is_no_positive_number_is_refused(bad: object) -> None:
    with pytest.raises(ConfigError, match="timeout must be a positive number"):
        Timeout.of(bad, Timeout())
