"""Requests and tokens a minute, and calls at once, in one process."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate.errors import ConcurrencyLimitError, PermissionDeniedError, RateLimitError
from lingate.server.access import Limits, LocalLimiter
from lingate.server.access.meters import Rate
from lingate.server.records import Caller
from tests.server.access_kit import COST, Clock, caller_of, estimate, outcome

EVENTS = st.lists(st.tuples(st.floats(0, 40), st.integers(1, 30)), max_size=60)


@given(EVENTS, st.integers(1, 60))
def test_a_rate_is_never_over_in_any_60_seconds(events: list[tuple[float, int]], limit: int) -> None:
    rate, now, granted = Rate("r", "r", limit), 0.0, []
    for pause, amount in events:
        now += pause
        if rate.room(int(now)) >= amount:
            rate.add(int(now), amount)
            granted.append((now, amount))

    for start, _ in granted:
        assert sum(amount for at, amount in granted if start <= at < start + 60) <= limit


@given(EVENTS, st.integers(1, 60))
def test_after_the_wait_that_it_names_there_is_room(events: list[tuple[float, int]], limit: int) -> None:
    rate, now = Rate("r", "r", limit), 0
    for pause, amount in events:
        now += int(pause)
        amount = min(amount, limit)
        wait = rate.wait(now, amount)
        if wait:
            assert rate.room(now + wait - 1) < amount
            now += wait
        assert rate.room(now) >= amount
        rate.add(now, amount)


@given(EVENTS)
def test_what_is_given_back_is_free_again_and_nothing_else_is(events: list[tuple[float, int]]) -> None:
    rate, now = Rate("r", "r", 10**6), 0
    slots = []
    for pause, amount in events:
        now += int(pause)
        rate.room(now)
        slots.append((rate.add(now, amount), amount))
    for slot, amount in slots:
        rate.room(now)
        rate.correct(slot, now, -amount)

    assert rate.room(now) == 10**6
    assert rate.room(now + 1000) == 10**6
    assert rate.used == 0


async def test_nothing_limits_a_caller_without_limits() -> None:
    limiter = LocalLimiter()

    assert await limiter.admit(Caller(key_id="k"), estimate(), "bob", ("a",)) is None
    assert await limiter.admit(caller_of(limiter, Limits()), estimate(), None, ()) is None


async def test_requests_beyond_the_limit_are_told_when_to_come_back() -> None:
    clock = Clock()
    limiter = LocalLimiter(clock=clock, now=clock)
    caller = caller_of(limiter, Limits(rpm_limit=3))

    assert [await outcome(limiter, caller) for _ in range(4)] == ["ok", "ok", "ok", "rate_limit"]
    with pytest.raises(RateLimitError, match=r"key k may use 3 requests a minute; try again in 61 s") as caught:
        await limiter.admit(caller, estimate(), None, ())
    assert (caught.value.status, caught.value.retry_after, caught.value.code) == (429, 61.0, "requests_per_minute")

    clock.sleep(61)
    assert await outcome(limiter, caller) == "ok"


async def test_headers_say_what_is_left() -> None:
    clock = Clock()
    limiter = LocalLimiter(clock=clock, now=clock)
    caller = caller_of(limiter, Limits(rpm_limit=3, tpm_limit=1000, model_rpm_limit={"gpt*": 10}))

    reservation = await limiter.admit(caller, estimate(), None, ())

    assert reservation is not None
    assert dict(reservation.headers) == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "61s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "850",
        "x-ratelimit-reset-tokens": "61s",
    }
    reservation.release()


async def test_tokens_are_counted_as_used_once_that_is_known() -> None:
    clock = Clock()
    limiter = LocalLimiter(clock=clock, now=clock)
    caller = caller_of(limiter, Limits(tpm_limit=1000))

    first = await limiter.admit(caller, estimate(500, 500), None, ())
    with pytest.raises(RateLimitError):
        await limiter.admit(caller, estimate(10, 10), None, ())
    assert first is not None
    first.settle(520, None)

    assert await outcome(limiter, caller, estimate(400, 80)) == "ok"


async def test_a_call_that_used_more_than_it_said_holds_back_the_next_ones() -> None:
    clock = Clock()
    limiter = LocalLimiter(clock=clock, now=clock)
    caller = caller_of(limiter, Limits(tpm_limit=1000))

    reservation = await limiter.admit(caller, estimate(100, None), None, ())
    assert reservation is not None
    reservation.settle(5000, None)

    assert await outcome(limiter, caller, estimate(1, None)) == "rate_limit"
    clock.sleep(61)
    assert await outcome(limiter, caller, estimate(1, None)) == "ok"


async def test_a_prompt_beyond_the_limit_is_refused_for_good_and_a_long_answer_is_not() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(tpm_limit=1000))

    with pytest.raises(RateLimitError, match="this call alone needs 1001") as caught:
        await limiter.admit(caller, estimate(1001, 1), None, ())
    assert (caught.value.retryable, caught.value.retry_after) == (False, None)

    assert await outcome(limiter, caller, estimate(10, 64_000)) == "ok"


async def test_released_calls_give_tokens_back_but_count_as_requests() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(rpm_limit=2, tpm_limit=200))

    for _ in range(2):
        reservation = await limiter.admit(caller, estimate(), None, ())
        assert reservation is not None
        reservation.release()

    assert await outcome(limiter, caller) == "rate_limit"


async def test_calls_at_once_are_limited_and_ends_are_counted_once() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_parallel_requests=2))

    first, second = [await limiter.admit(caller, estimate(), None, ()) for _ in range(2)]
    with pytest.raises(ConcurrencyLimitError) as caught:
        await limiter.admit(caller, estimate(), None, ())
    assert (caught.value.status, caught.value.retry_after) == (429, 1.0)
    assert first is not None
    assert second is not None
    first.settle(1, 0.0)
    first.release()
    first.settle(None, None)

    third = await limiter.admit(caller, estimate(), None, ())
    assert third is not None
    with pytest.raises(ConcurrencyLimitError):
        await limiter.admit(caller, estimate(), None, ())
    second.release()
    third.release()
    assert limiter.scope("key", "k").parallel.running == 0  # type: ignore[union-attr]


async def test_a_refused_call_counts_nowhere() -> None:
    limiter = LocalLimiter()
    key = limiter.limit("key", "k", Limits(rpm_limit=10, max_parallel_requests=10))
    team = limiter.limit("team", "t", Limits(rpm_limit=1))
    caller = Caller(key_id="k", limits=limiter.limits_for([key, team]))

    assert [await outcome(limiter, caller) for _ in range(5)] == ["ok", *["rate_limit"] * 4]

    assert key is not None
    assert key.plan("gpt").requests[0].used == 1


async def test_limits_by_model_count_the_models_they_name() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(model_rpm_limit={"gpt-4*": 1, "claude": 0}))

    assert await outcome(limiter, caller, estimate(model="gpt-4o")) == "ok"
    assert await outcome(limiter, caller, estimate(model="gpt-4.1")) == "rate_limit"
    assert await outcome(limiter, caller, estimate(model="claude")) == "rate_limit"
    assert await outcome(limiter, caller, estimate(model="claude-opus")) == "ok"


async def test_end_users_have_the_default_limits_each_for_itself() -> None:
    limiter = LocalLimiter()
    limiter.limit_customers(Limits(rpm_limit=1))
    limiter.limit("customer", "vip", Limits(rpm_limit=2))
    caller = Caller(key_id="k")

    async def call(end_user: str | None) -> bool:
        try:
            return await limiter.admit(caller, estimate(), end_user, ()) is not None
        except RateLimitError:
            return False

    assert [await call("ann"), await call("bob"), await call("ann")] == [True, True, False]
    assert [await call("vip"), await call("vip"), await call("vip")] == [True, True, False]
    assert await limiter.admit(caller, estimate(), None, ()) is None


async def test_a_blocked_end_user_is_refused() -> None:
    limiter = LocalLimiter()
    limiter.limit("customer", "mallory", Limits(), blocked=True)

    with pytest.raises(PermissionDeniedError, match="customer mallory is blocked"):
        await limiter.admit(Caller(key_id="k"), estimate(), "mallory", ())


async def test_a_tag_is_limited_once_whoever_puts_it_on() -> None:
    limiter = LocalLimiter()
    limiter.limit("tag", "batch", Limits(rpm_limit=2))
    tagged = Caller(key_id="k", tags=("batch",))

    assert await limiter.admit(tagged, estimate(), None, ("batch",)) is not None
    assert await limiter.admit(Caller(key_id="other"), estimate(), None, ("batch", "x")) is not None
    with pytest.raises(RateLimitError, match="tag batch"):
        await limiter.admit(tagged, estimate(), None, ())

    assert limiter.limit("tag", "batch", Limits()) is None
    assert await limiter.admit(tagged, estimate(), None, ()) is None


async def test_changing_a_limit_keeps_what_was_counted() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(rpm_limit=5))
    assert [await outcome(limiter, caller) for _ in range(3)] == ["ok"] * 3

    caller = caller_of(limiter, Limits(rpm_limit=4))

    assert [await outcome(limiter, caller) for _ in range(2)] == ["ok", "rate_limit"]


async def test_a_budget_that_is_raised_keeps_what_was_spent() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=2 * COST, budget_duration="1d"))
    assert [await outcome(limiter, caller) for _ in range(3)] == ["ok", "ok", "budget"]

    caller = caller_of(limiter, Limits(max_budget=3 * COST, budget_duration="1d"))

    assert [await outcome(limiter, caller) for _ in range(2)] == ["ok", "budget"]


async def test_many_end_users_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lingate.server.access.limiter._MOST_CUSTOMERS", 100)
    limiter = LocalLimiter()
    limiter.limit_customers(Limits(max_parallel_requests=1))
    busy = await limiter.admit(Caller(key_id="k"), estimate(), "busy", ())

    for number in range(1000):
        reservation = await limiter.admit(Caller(key_id="k"), estimate(), f"user {number}", ())
        assert reservation is not None
        reservation.release()

    assert len(limiter._passing) <= 101
    with pytest.raises(ConcurrencyLimitError):
        await limiter.admit(Caller(key_id="k"), estimate(), "busy", ())
    assert busy is not None
    busy.release()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["start", "settle", "release", "wait"]), max_size=80), st.integers(1, 5))
def test_whatever_happens_nothing_is_left_counted_as_under_way(steps: list[str], limit: int) -> None:
    async def run() -> None:
        clock = Clock()
        limiter = LocalLimiter(clock=clock, now=clock)
        caller = caller_of(limiter, Limits(max_parallel_requests=limit, tpm_limit=100_000, max_budget=100.0))
        under_way = []
        for step in steps:
            if step == "start" and len(under_way) < limit:
                under_way.append(await limiter.admit(caller, estimate(), None, ()))
            elif step == "wait":
                clock.sleep(7)
            elif under_way and step != "start":
                reservation = under_way.pop(0)
                assert reservation is not None
                reservation.release() if step == "release" else reservation.settle(120, 0.0001)
            scope = limiter.scope("key", "k")
            assert scope is not None
            assert scope.parallel is not None
            assert scope.parallel.running == len(under_way)
        for reservation in under_way:
            assert reservation is not None
            reservation.settle(None, None)
        scope = limiter.scope("key", "k")
        assert scope is not None
        assert scope.idle
        assert scope.budgets[0].reserved == 0

    asyncio.run(run())


async def test_limits_of_all_customers_that_change_hold_for_those_who_have_called() -> None:
    limiter = LocalLimiter(clock=Clock())
    limiter.limit_customers(Limits(rpm_limit=5))
    caller = Caller(key_id="k")

    async def calls(count: int) -> list[str]:
        return [await outcome(limiter, caller, end_user="ann") for _ in range(count)]

    assert await calls(1) == ["ok"]
    limiter.limit_customers(Limits(rpm_limit=2))
    assert await calls(2) == ["ok", "rate_limit"]
    limiter.limit_customers(None)
    assert await calls(5) == ["ok"] * 5
