"""Limits that replicas share through a real Redis, and what they do when it is away."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from lingate.errors import BudgetExceededError, ConcurrencyLimitError, RateLimitError
from lingate.server.access import AccessSettings, Limits, redis_limiter
from lingate.server.access.inputs import NewKey
from lingate.server.access.meters import nanos
from lingate.server.access.redis_limiter import SILENCE, RedisLimiter
from lingate.server.access.redis_link import PATIENCE
from lingate.server.ledger import Drainer, Journal
from lingate.server.ledger.spending import LedgerSpending
from lingate.server.records import Caller, LedgerRow
from lingate.server.store import Store
from tests.server.access_kit import COST, MASTER, ROOT, Books, access, caller_of, estimate, outcome
from tests.services import Service

LIMITS = Limits(max_budget=50 * COST)


@contextlib.asynccontextmanager
async def replicas(url: str, count: int = 3, **options: object) -> AsyncIterator[list[RedisLimiter]]:
    limiters = [RedisLimiter(url, **options) for _ in range(count)]  # type: ignore[arg-type]
    for limiter in limiters:
        await limiter.start()
    try:
        yield limiters
    finally:
        for limiter in limiters:
            await limiter.stop()


async def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


async def told(*limiters: RedisLimiter) -> None:
    """Wait until Redis has heard what these have to say: settling a call waits for nobody."""
    await asyncio.sleep(0.02)
    await until(lambda: not any(limiter.link._waiting or limiter.link._batches for limiter in limiters))


async def everywhere(
    limiters: list[RedisLimiter], callers: list[Caller], count: int, hold: float = 0.01
) -> Counter[str]:
    """So many calls at once, dealt out to the replicas."""
    calls = [outcome(limiters[i % len(limiters)], callers[i % len(limiters)], hold=hold) for i in range(count)]
    return Counter(await asyncio.gather(*calls))


async def test_three_replicas_spend_the_budget_for_50_calls_and_not_more(redis: str) -> None:
    async with replicas(redis) as limiters:
        callers = [caller_of(limiter, LIMITS) for limiter in limiters]

        assert await everywhere(limiters, callers, 200) == {"ok": 50, "budget": 150}
        await told(*limiters)
        assert await everywhere(limiters, callers, 30) == {"budget": 30}
        assert await limiters[0].link.redis.hgetall("{lingate}:b:key:k:usd:ever:0") == {"s": str(nanos(50 * COST))}


@pytest.mark.parametrize("steps", [3, 4, 5])
async def test_a_process_that_stood_still_does_not_take_redis_for_away(
    steps: int, redis: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with replicas(redis) as limiters:
        callers = [caller_of(limiter, LIMITS) for limiter in limiters]
        calls = [asyncio.create_task(outcome(limiters[0], callers[0])) for _ in range(100)]
        for _ in range(steps):  # until they have been sent, or nearly
            await asyncio.sleep(0)

        time.sleep(1.2 * PATIENCE)  # noqa: ASYNC251 - a machine that was paused, a body of millions of small parts

        assert Counter(await asyncio.gather(*calls)) == {"ok": 50, "budget": 50}
        assert await everywhere(limiters, callers, 30) == {"budget": 30}
    assert "Redis does not answer" not in caplog.text


async def test_three_replicas_on_postgres_and_redis_spend_the_budget_and_not_more(
    redis: str, postgres: str, tmp_path: Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        found = []
        for number in range(3):
            store, journal = Store(postgres), Journal(tmp_path / f"journal{number}")
            stack.push_async_callback(store.close)
            stack.callback(journal.close)
            drainer = Drainer(journal, store)
            task = asyncio.create_task(drainer.run())
            stack.push_async_callback(lambda drainer=drainer, task=task: _stopped(drainer, task))
            settings = AccessSettings(master_key=MASTER, redis_url=redis)
            spending = LedgerSpending(store, drainer)
            one = await stack.enter_async_context(access(tmp_path, settings, url=postgres, spending=spending))
            found.append((one, journal))
        _, token = await found[0][0].service.create_key(ROOT, NewKey(max_budget=50 * COST))

        async def call(number: int) -> str:
            replica, journal = found[number % 3]
            caller = replica.known(token) or await replica.find(token)
            assert caller is not None
            try:
                reservation = await replica.limiter.admit(caller, estimate(), None, ())
            except BudgetExceededError:
                return "budget"
            assert reservation is not None
            await asyncio.sleep(0.01)
            reservation.settle(150, COST)
            journal.write(LedgerRow(id=f"call-{number}", at=time.time(), key_id=caller.key_id, model="gpt", cost=COST))
            return "ok"

        assert Counter(await asyncio.gather(*map(call, range(200)))) == {"ok": 50, "budget": 150}
        await found[0][0].limiter.reconcile()
        assert Counter(await asyncio.gather(*map(call, range(200, 230)))) == {"budget": 30}


async def _stopped(drainer: Drainer, task: asyncio.Task[None]) -> None:
    await drainer.stop(deadline=5.0)
    await task


async def test_rates_and_calls_at_once_are_shared(redis: str) -> None:
    limits = Limits(rpm_limit=50, tpm_limit=100_000, max_parallel_requests=40)
    async with replicas(redis) as limiters:
        callers = [caller_of(limiter, limits) for limiter in limiters]

        assert await everywhere(limiters, callers, 120, hold=0.3) == {"ok": 40, "concurrency": 80}
        await told(*limiters)
        assert await everywhere(limiters, callers, 60) == {"ok": 10, "rate_limit": 50}
        with pytest.raises(RateLimitError, match="key k may use 50 requests a minute") as caught:
            await limiters[2].admit(callers[2], estimate(), None, ())
        assert 1 <= (caught.value.retry_after or 0) <= 61


async def test_headers_are_of_the_tightest_limit(redis: str) -> None:
    async with replicas(redis, 1) as (limiter,):
        scopes = [limiter.limit("key", "k", Limits(rpm_limit=50)), limiter.limit("team", "t", Limits(rpm_limit=5))]
        reservation = await limiter.admit(Caller(key_id="k", limits=limiter.limits_for(scopes)), estimate(), None, ())

        assert reservation is not None
        assert ("x-ratelimit-limit-requests", "5") in reservation.headers


async def test_tokens_are_given_back_to_everybody(redis: str) -> None:
    async with replicas(redis, 2) as (here, there):
        callers = [caller_of(limiter, Limits(tpm_limit=1000)) for limiter in (here, there)]
        reservation = await here.admit(callers[0], estimate(500, 500), None, ())
        assert reservation is not None
        assert ("x-ratelimit-remaining-tokens", "0") in reservation.headers
        with pytest.raises(RateLimitError):
            await there.admit(callers[1], estimate(10, 10), None, ())

        reservation.settle(100, None)
        await told(here)

        assert await outcome(there, callers[1], estimate(500, 250)) == "ok"


async def test_a_call_without_a_bound_gets_what_remains_of_the_shared_budget(redis: str) -> None:
    async with replicas(redis, 2) as (here, there):
        callers = [caller_of(limiter, Limits(max_budget=0.003)) for limiter in (here, there)]
        first = await here.admit(callers[0], estimate(500, 250), None, ())

        second = await there.admit(callers[1], estimate(1000, None), None, ())

        assert first is not None
        assert second is not None
        assert second.max_output == 500
        with pytest.raises(BudgetExceededError) as caught:
            await here.admit(callers[0], estimate(10, 10), None, ())
        assert (caught.value.status, caught.value.retry_after) == (429, 1.0)
        first.release()
        second.release()


async def test_redis_learns_from_the_ledger_what_was_spent_before(redis: str) -> None:
    books = Books({("key", "k"): 40 * COST})
    async with replicas(redis, spending=books) as limiters:
        callers = [caller_of(limiter, LIMITS) for limiter in limiters]

        assert await everywhere(limiters, callers, 60) == {"ok": 10, "budget": 50}


async def test_calls_go_on_without_redis_with_one_warning_and_its_return_is_noticed(
    redis: str, redis_server: Service, caplog: pytest.LogCaptureFixture
) -> None:
    async with replicas(redis, 1) as (limiter,):
        caller = caller_of(limiter, Limits(max_budget=60 * COST, max_parallel_requests=1000))
        assert await everywhere([limiter], [caller], 10) == {"ok": 10}
        held = await limiter.admit(caller, estimate(), None, ())

        redis_server.stop(signal.SIGKILL)
        with caplog.at_level(logging.WARNING):
            assert await everywhere([limiter], [caller], 30) == {"ok": 30}
            assert not limiter.link.up
            assert await everywhere([limiter], [caller], 30) == {"ok": 19, "budget": 11}, "its own limits hold"
            assert [record.name for record in caplog.records] == ["lingate.redis"]

            redis_server.start()
            await until(lambda: limiter.link.up)
            assert len(caplog.records) == 2
        assert held is not None
        assert await limiter.link.redis.hgetall("{lingate}:p:key:k:parallel") != {}
        held.settle(150, COST)
        await told(limiter)
        assert await limiter.link.redis.hgetall("{lingate}:p:key:k:parallel") == {}
        assert await everywhere([limiter], [caller], 5) == {"budget": 5}, "what was spent meanwhile is not forgotten"


@pytest.mark.parametrize("closed", ["by a restart", "because it was idle"])
async def test_several_lines_that_redis_has_closed_are_one_absence(
    redis: str, redis_server: Service, caplog: pytest.LogCaptureFixture, closed: str
) -> None:
    async with replicas(redis, 1) as (limiter,):
        caller = caller_of(limiter, LIMITS)

        async def on_several_lines() -> Counter[str]:
            redis_server.freeze()  # while it takes its time, batches do not wait for each other
            calls = []
            for _ in range(4):
                calls.append(asyncio.create_task(outcome(limiter, caller)))
                await asyncio.sleep(0.05)
            redis_server.resume()
            return Counter(await asyncio.gather(*calls))

        assert await on_several_lines() == {"ok": 4}
        if closed == "by a restart":
            redis_server.stop(signal.SIGKILL)
            redis_server.start()
        else:
            await limiter.link.redis.client_kill_filter(_type="normal", skipme=True)
        with caplog.at_level(logging.WARNING):
            assert await outcome(limiter, caller) == "ok"
            assert not limiter.link.up
            await until(lambda: limiter.link.up)
            assert await on_several_lines() == {"ok": 4}
        assert [record.message.partition(" (")[0] for record in caplog.records] == [
            "Redis does not answer",
            "Redis answers again: limits are shared",
        ]


async def test_what_the_others_spent_is_not_forgotten_when_redis_goes_away(redis: str, redis_server: Service) -> None:
    async with replicas(redis, 2) as limiters:
        here, there = (caller_of(limiter, Limits(max_budget=10 * COST)) for limiter in limiters)
        assert await everywhere(limiters[:1], [here], 8) == {"ok": 8}
        await told(*limiters)
        assert await outcome(limiters[1], there) == "ok"

        redis_server.stop(signal.SIGKILL)
        assert await everywhere(limiters[1:], [there], 5, hold=0) == {"ok": 1, "budget": 4}


async def test_what_one_reads_in_the_ledger_all_others_know(redis: str) -> None:
    books = Books()
    async with replicas(redis, 1, spending=books) as (reader,), replicas(redis, 1) as (other,):
        callers = [caller_of(limiter, LIMITS) for limiter in (reader, other)]
        assert [await outcome(reader, callers[0]), await outcome(other, callers[1])] == ["ok", "ok"]

        books.spent["key", "k"] = 50 * COST  # of a replica to which Redis is away
        await reader.reconcile()

        assert await outcome(other, callers[1]) == "budget"


async def test_redis_killed_in_the_middle_of_200_calls_lets_nothing_fail(redis: str, redis_server: Service) -> None:
    async with replicas(redis) as limiters:
        callers = [caller_of(limiter, Limits(max_budget=1000.0, max_parallel_requests=300)) for limiter in limiters]
        calls = [
            asyncio.create_task(outcome(limiters[number % 3], callers[number % 3], hold=number / 1000))
            for number in range(200)
        ]
        await asyncio.sleep(0.05)
        redis_server.stop(signal.SIGKILL)

        assert Counter(await asyncio.gather(*calls)) == {"ok": 200}
        assert all(limiter.scope("key", "k").idle for limiter in limiters)  # type: ignore[union-attr]


async def test_a_redis_that_hangs_is_waited_for_once(
    redis: str, redis_server: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replicas(redis, 1) as (limiter,):
        caller = caller_of(limiter, Limits(rpm_limit=1000))
        assert await outcome(limiter, caller) == "ok"

        redis_server.freeze()
        try:
            assert await everywhere([limiter], [caller], 50) == {"ok": 50}
            with monkeypatch.context() as patched:
                patched.setattr(limiter.link, "_put", None)  # nobody asks it again
                assert await everywhere([limiter], [caller], 50) == {"ok": 50}
        finally:
            redis_server.resume()
        await until(lambda: limiter.link.up)


async def test_a_redis_that_hangs_does_not_hold_up_a_start(redis: str, redis_server: Service) -> None:
    redis_server.freeze()
    try:
        start = time.monotonic()
        async with replicas(redis, 1) as (limiter,):
            assert time.monotonic() - start < 3  # a second for its first word; with all that follows there are four
            assert await outcome(limiter, caller_of(limiter, LIMITS)) == "ok"
    finally:
        redis_server.resume()


async def test_what_was_spent_while_redis_was_not_heard_of_is_told_to_it(redis: str, redis_server: Service) -> None:
    async with replicas(redis, 2) as (here, there):
        callers = [caller_of(limiter, LIMITS) for limiter in (here, there)]
        assert await outcome(here, callers[0]) == "ok"
        redis_server.freeze()
        try:
            assert await everywhere([here], [callers[0]], 49) == {"ok": 49}
        finally:
            redis_server.resume()

        await until(lambda: here.link.up)

        assert await outcome(there, callers[1]) == "budget"


async def test_a_gateway_starts_without_redis(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = AccessSettings(master_key=MASTER, redis_url="redis://127.0.0.1:1/0")

    async with access(tmp_path, settings) as found:
        caller = caller_of(found.limiter, Limits(rpm_limit=1))
        assert [await outcome(found.limiter, caller) for _ in range(2)] == ["ok", "rate_limit"]

    assert sum("Redis does not answer" in record.message for record in caplog.records) == 1


async def test_what_a_dead_replica_had_under_way_does_not_count_for_ever(redis: str) -> None:
    async with replicas(redis, 2) as (dead, alive):
        limits = Limits(max_budget=COST, max_parallel_requests=1)
        callers = [caller_of(limiter, limits) for limiter in (dead, alive)]
        assert await dead.admit(callers[0], estimate(), None, ()) is not None
        with pytest.raises(ConcurrencyLimitError):
            await alive.admit(callers[1], estimate(), None, ())

        # As if it had not been heard of for a while.
        await alive.link.redis.zadd("{lingate}:replicas", {dead._me: time.time() - SILENCE - 1})

        assert await outcome(alive, callers[1]) == "ok"


async def test_a_key_changed_on_one_replica_is_known_on_the_others_at_once(redis: str, tmp_path: Path) -> None:
    settings = AccessSettings(master_key=MASTER, redis_url=redis)
    async with access(tmp_path, settings) as here, access(tmp_path, settings) as there:
        await asyncio.sleep(0.2)
        key, token = await here.service.create_key(ROOT, NewKey())
        await until(lambda: there.known(token) is not None, 1.5)

        await here.service.block_key(ROOT, key.id, True)

        await until(lambda: there.known(token) is None, 1.5)


async def test_cool_downs_are_told_to_the_other_replicas(redis: str) -> None:
    async with replicas(redis) as limiters:
        heard: list[tuple[int, str, float, str]] = []
        for number, limiter in enumerate(limiters):
            limiter.on_cooled = lambda *told, number=number: heard.append((number, *told))
        await asyncio.sleep(0.2)

        limiters[0].cooled("some deployment", 2.5, "rate_limit")

        await until(lambda: len(heard) == 2, 1.0)
        await asyncio.sleep(0.1)
        assert sorted(heard) == [(1, "some deployment", 2.5, "rate_limit"), (2, "some deployment", 2.5, "rate_limit")]


async def test_a_line_for_news_that_the_system_gives_up_is_opened_again_and_holds_nobody_up(redis: str) -> None:
    async with replicas(redis, 2) as limiters:
        heard: list[str] = []
        limiters[1].on_cooled = lambda deployment, *_: heard.append(deployment)
        lines = []
        pubsub = limiters[1].link.redis.pubsub
        limiters[1].link.redis.pubsub = lambda **how: lines.append(pubsub(**how)) or lines[-1]  # type: ignore
        await asyncio.sleep(0.2)

        # What the kernel says of a host that has fallen silent; loopback loses no packet.
        lines[0].connection._reader.set_exception(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))

        await until(lambda: len(lines) == 2)
        await asyncio.sleep(0.2)
        limiters[0].cooled("some deployment", 2.5, "rate_limit")
        await until(lambda: heard == ["some deployment"])


async def test_a_call_that_is_given_up_while_redis_is_asked_gives_its_place_back(redis: str) -> None:
    async with replicas(redis, 2) as limiters:
        callers = [caller_of(limiter, Limits(max_parallel_requests=3, max_budget=1000.0)) for limiter in limiters]
        assert await everywhere(limiters, callers, 1) == {"ok": 1}
        asking = [asyncio.create_task(limiters[0].admit(callers[0], estimate(), None, ())) for _ in range(3)]
        await asyncio.sleep(0)  # they have asked, and have no answer
        for task in asking:
            task.cancel()
        assert all(
            isinstance(item, asyncio.CancelledError) for item in await asyncio.gather(*asking, return_exceptions=True)
        )
        await told(*limiters)

        assert await everywhere(limiters, callers, 3, hold=0.2) == {"ok": 3}


async def _kept(limiter: RedisLimiter) -> tuple[dict[str, str], dict[str, str]]:
    """What Redis has of calls at once, and of the budget."""
    await told(limiter)
    redis = limiter.link.redis
    return await redis.hgetall("{lingate}:p:key:k:parallel"), await redis.hgetall("{lingate}:b:key:k:usd:ever:0")


async def test_a_call_that_began_while_redis_was_away_is_told_when_it_ends(redis: str, redis_server: Service) -> None:
    async with replicas(redis, 1) as (limiter,):
        caller = caller_of(limiter, Limits(max_budget=10 * COST, max_parallel_requests=2))
        assert await outcome(limiter, caller) == "ok"
        redis_server.stop(signal.SIGKILL)
        held = await limiter.admit(caller, estimate(), None, ())
        redis_server.start()
        await until(lambda: limiter.link.up)
        assert held is not None
        held.settle(150, COST)

        assert await outcome(limiter, caller) == "ok"
        assert await _kept(limiter) == ({}, {"s": str(nanos(3 * COST))})


async def test_a_reservation_does_not_outlive_its_call_in_a_redis_that_has_lost_everything(
    redis: str, redis_server: Service
) -> None:
    async with replicas(redis, 1) as (limiter,):
        caller = caller_of(limiter, Limits(max_budget=10 * COST, max_parallel_requests=2))
        held = await limiter.admit(caller, estimate(), None, ())
        joins = limiter.joins
        redis_server.stop(signal.SIGKILL)
        redis_server.start()
        await until(lambda: limiter.joins > joins and limiter.link.up)
        assert held is not None
        held.settle(150, COST)

        assert await outcome(limiter, caller) == "ok"
        assert await _kept(limiter) == ({}, {"s": str(nanos(2 * COST))})


async def test_a_redis_that_was_emptied_under_calls_lets_nobody_have_more_than_the_limits(redis: str) -> None:
    async with replicas(redis, 1) as (limiter,):
        caller = caller_of(limiter, Limits(max_budget=4 * COST, max_parallel_requests=3))
        before = [await limiter.admit(caller, estimate(), None, ()) for _ in range(2)]
        await limiter.link.redis.flushall()
        after = await limiter.admit(caller, estimate(), None, ())
        for reservation in (*before, after):
            assert reservation is not None
            reservation.settle(150, COST)

        assert await everywhere([limiter], [caller], 5, hold=0.1) == {"ok": 1, "budget": 4}
        await until(lambda: limiter.link.up)
        assert await outcome(limiter, caller) == "budget"
        assert await _kept(limiter) == ({}, {"s": str(nanos(4 * COST))})


@pytest.mark.parametrize("what", ["started anew", "emptied", "emptied, and asked for another key"])
async def test_what_a_replica_has_under_way_counts_in_a_redis_that_has_lost_it(
    redis: str, redis_server: Service, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(redis_limiter, "_HEARTBEAT", 0.1 if what == "emptied" else 3600.0)
    async with replicas(redis, 2) as (limiter, other):
        limits = Limits(max_budget=10 * COST, max_parallel_requests=2)
        caller, others = caller_of(limiter, limits), caller_of(other, limits)
        held = [await other.admit(others, estimate(), None, ()) for _ in range(2)]
        while await limiter.link.redis.publish("{lingate}:news", "") < 2:  # noqa: ASYNC110 - until both listen
            await asyncio.sleep(0.02)
        if what == "started anew":
            redis_server.stop(signal.SIGKILL)
            redis_server.start()
        else:
            await limiter.link.redis.flushall()
        if what.endswith("another key"):
            for one in (limiter, other):
                assert await outcome(one, caller_of(one, limits, "l")) == "ok"

        await until(lambda: all(one.joins == 2 and one.link.up for one in (limiter, other)))
        assert await outcome(limiter, caller) == "concurrency"
        for reservation in held:
            assert reservation is not None
            reservation.settle(150, COST)
        await told(limiter, other)
        assert await everywhere([limiter, other], [caller, others], 2) == {"ok": 2}


async def test_calls_that_end_while_redis_comes_back_are_told_once(redis: str, redis_server: Service) -> None:
    async with replicas(redis, 1) as (limiter,):
        caller = caller_of(limiter, Limits(max_budget=1000 * COST, max_parallel_requests=200))
        redis_server.stop(signal.SIGKILL)
        calls = [asyncio.create_task(outcome(limiter, caller, hold=number / 100)) for number in range(150)]
        await asyncio.sleep(0.3)
        redis_server.start()

        assert Counter(await asyncio.gather(*calls)) == {"ok": 150}
        await until(lambda: limiter.link.up)
        assert await outcome(limiter, caller) == "ok"
        assert await _kept(limiter) == ({}, {"s": str(nanos(151 * COST))})


@pytest.mark.parametrize("lost", [False, True], ids=["there", "back again"])
async def test_further_parts_of_a_call_are_reserved_and_settled_for_everybody(
    redis: str, redis_server: Service, lost: bool
) -> None:
    async with replicas(redis, 2) as (here, there):
        callers = [caller_of(limiter, Limits(max_budget=3 * COST)) for limiter in (here, there)]
        reservation = await here.admit(callers[0], estimate(), None, ())
        assert reservation is not None
        assert await here.extend(reservation, estimate(), None) is None
        assert await outcome(there, callers[1]) == "ok"
        assert await outcome(there, callers[1], cost=0.0) == "budget"
        if lost:
            joins = here.joins
            redis_server.stop(signal.SIGKILL)
            redis_server.start()
            await until(lambda: here.joins > joins and here.link.up and there.link.up)
        reservation.settle(150, COST)

        await told(here, there)
        assert await outcome(there, callers[1]) == "ok"
        assert (await _kept(here))[1] == {"s": str(nanos((2 if lost else 3) * COST))}


async def test_a_prompt_beyond_the_whole_limit_is_refused_for_good_and_costs_nothing(redis: str) -> None:
    async with replicas(redis, 1) as (limiter,):
        caller = caller_of(limiter, Limits(tpm_limit=80))
        with pytest.raises(RateLimitError) as refused:
            await limiter.admit(caller, estimate(100, 1), None, ())
        assert (refused.value.retryable, refused.value.retry_after) == (False, None)
        reservation = await limiter.admit(caller, estimate(70, 10), None, ())
        assert reservation is not None
        reservation.settle(80, None)


async def test_a_script_that_redis_refuses_leaves_the_limits_of_this_process(
    redis: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with replicas(redis, 1) as (limiter,):
        caller = caller_of(limiter, Limits(rpm_limit=3))
        assert await outcome(limiter, caller) == "ok"
        for name in await limiter.link.redis.keys("{lingate}:q:*"):
            await limiter.link.redis.set(name, "what somebody else keeps there")
        assert [await outcome(limiter, caller) for _ in range(3)] == ["ok", "ok", "rate_limit"]
    assert "Redis refused a script" in caplog.text
