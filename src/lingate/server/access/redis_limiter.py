# Limits that several replicas share through Redis, cool-downs and news of changed keys with them.

# Every replica also counts for itself. While Redis answers it decides; when it does not, the replica's own counters do.

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from lingate.errors import LingateError
from lingate.server.access.limiter import LocalLimiter, Spending, end
from lingate.server.access.meters import WINDOW, Budget, nanos
from lingate.server.access.periods import FOREVER
from lingate.server.access.redis_link import PATIENCE, AwayError, RedisLink, Script
from lingate.server.access.reservations import (
    OF_REQUESTS,
    OF_TOKENS,
    Demand,
    LocalReservation,
    bound_of,
    crowded,
    spent_up,
    too_fast,
)
from lingate.server.access.scopes import Plan
from lingate.server.loop_timeout import LoopTimeout

_log = logging.getLogger("lingate.redis")

SILENCE = 15
"""Seconds after which a replica that is not heard of is taken for dead."""
KEEP = 30 * 86400
"""Seconds that is kept what has no end of its own."""
_KEEP_AFTER = 3600
_HEARTBEAT = SILENCE / 3
_SETTLED_BY = 1.0
"""Seconds after which settlements that were sent have arrived."""
_MOST_KEYS = 500


def _script(*names: str) -> Script:
    # What Redis does as one. How counters are kept there is said in `common.lua`.
    files = (Path(__file__).parent / "lua" / f"{name}.lua" for name in names)
    head = f"local WINDOW, SILENCE, KEEP = {WINDOW}, {SILENCE}, {KEEP}\n"
    return Script(head + "".join(file.read_text(encoding="utf-8") for file in files))


_ADMIT, _SETTLE = _script("common", "admit"), _script("common", "settle")
_SEED, _RAISE, _JOIN = _script("seed"), _script("raise"), _script("join")


class RedisLimiter(LocalLimiter):
    # A limiter whose counters are in Redis.

    # namespace: First part of all names; in braces, so that a cluster keeps them together.
    # on_news: Called when another replica has changed keys.
    # allow_unpriced: Let models without a price be called under a budget.

    def __init__(
        self,
        url: str,
        *,
        namespace: str = "{lingate}",
        on_news: Callable[[], Awaitable[None]] | None = None,
        spending: Spending | None = None,
        allow_unpriced: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(spending=spending, allow_unpriced=allow_unpriced, now=now)
        self.link = RedisLink(url, self._join)
        self.on_news = on_news
        self._namespace = namespace
        self._me = ""
        self.joins = 0
        self.untold: set[RedisReservation] = set()  # reservations that Redis has not been told of
        self._tasks: list[asyncio.Task[None]] = []
        self._saying: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        # Where Redis is away, limits are local until it is back.
        await self.link.start()
        self._tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._listen())]

    async def stop(self) -> None:
        # Settle what is settled, and leave.
        await end(self._tasks)
        await self.link.stop()

    async def _reserve(self, plan: Plan, wanted: Demand) -> LocalReservation:
        if self.link.up:
            with contextlib.suppress(AwayError):
                return await self._ask_redis(plan, wanted)
        return self._take(plan, wanted)

    def _take(self, plan: Plan, wanted: Demand) -> LocalReservation:
        local = super()._take(plan, wanted)
        reservation = RedisReservation(
            local, self, None, [self._budget_key(budget) for budget in plan.budgets], local.headers
        )
        self.untold.add(reservation)
        return reservation

    async def _ask_redis(self, plan: Plan, wanted: Demand) -> LocalReservation:
        for _ in range(3):
            now = self.now()
            for budget in plan.budgets:
                budget.remaining(now)
            starts = [budget.start for budget in plan.budgets]
            keys, arguments = self._question(plan, wanted, now)
            counters = keys[len(keys) - len(plan.budgets) :]

            def give_back(reply: list[Any], starts: list[float] = starts, counters: list[str] = counters) -> None:
                if reply[0] == 0:
                    self._granted(plan, wanted, starts, counters, reply).release()

            reply = await self.link.run(_ADMIT, keys, arguments, give_back)
            if reply[0] == 0:
                return self._granted(plan, wanted, starts, counters, reply)
            if reply[0] == 8:
                if arguments[0] == self._me:
                    self.link.forgotten()
                continue
            if reply[0] != 9:
                raise self._refusal(plan, wanted, reply)
            await self._tell([plan.budgets[index] for index in reply[1:]])
        raise AwayError

    def _question(self, plan: Plan, wanted: Demand, now: float) -> tuple[list[str], list[str]]:
        keys = [self._key("replicas")]
        most = -1 if wanted.most is None else wanted.most
        counts = map(len, (plan.parallel, plan.requests, plan.tokens, plan.budgets))
        price = (wanted.base, most, nanos(wanted.per_token), int(wanted.bounded))
        arguments = [self._me, *map(str, counts), *map(str, price)]
        for parallel in plan.parallel:
            keys.append(self._key("p", parallel.id))
            arguments.append(str(parallel.limit))
        for rate in plan.requests:
            keys.append(self._key("q", rate.id))
            arguments += [str(rate.limit), "1"]
        for rate in plan.tokens:
            if wanted.prompt > rate.limit:
                raise too_fast(rate, "tokens", wanted.prompt, 0)
            keys.append(self._key("q", rate.id))
            arguments += [str(rate.limit), str(min(wanted.tokens, rate.limit))]
        for budget in plan.budgets:
            keys.append(self._budget_key(budget))
            arguments += [str(budget.cap), _lasts(budget, now)]
        return keys, arguments

    def _granted(
        self, plan: Plan, wanted: Demand, starts: list[float], counters: list[str], reply: list[Any]
    ) -> LocalReservation:
        amount, second = int(reply[1]), int(reply[2])
        rates = len(plan.requests) + len(plan.tokens)
        for budget, start, spent in zip(plan.budgets, starts, reply[3 + 2 * rates :], strict=True):
            if budget.start == start:
                budget.spent = max(budget.spent, int(spent))
        reservation = self._commit(
            plan, wanted, int(self._clock()), amount, bound_of(wanted, amount) if plan.budgets else None
        )
        shown = _headers(plan, reply[3 : 3 + 2 * rates], second)
        return RedisReservation(reservation, self, second, counters, shown)

    def _refusal(self, plan: Plan, wanted: Demand, reply: list[Any]) -> LingateError:
        kind, index = int(reply[0]), int(reply[1])
        if kind == 1:
            return crowded(plan.parallel[index])
        if kind == 2:
            requests = index < len(plan.requests)
            rate = plan.requests[index] if requests else plan.tokens[index - len(plan.requests)]
            return too_fast(
                rate, "requests" if requests else "tokens", 1 if requests else wanted.prompt, max(1, int(reply[2]))
            )
        budget = plan.budgets[index]
        return spent_up(budget.name, budget.cap, int(reply[2]), int(reply[3]), wanted)

    async def _tell(self, budgets: Iterable[Budget]) -> None:
        # Tell Redis what the ledger knows of budgets that it does not know, or has lost.
        wanted = list(budgets)
        if self._spending is not None:
            await self._ask(wanted, self._spending)
        now = self.now()
        keys = [self._budget_key(budget) for budget in wanted]
        arguments = [self._me]
        for budget, key in zip(wanted, keys, strict=True):
            told = budget.reserved - sum(reservation.reserved_of(key) for reservation in self.untold)
            arguments += [str(budget.spent), _lasts(budget, now), str(max(0, told))]
        await self.link.run(_SEED, keys, arguments)

    async def reconcile(self) -> None:
        # Raise the budgets used since the last time to what the ledger has, here and in Redis.
        touched = list(self._touched)
        await super().reconcile()
        known = [(self._budget_key(budget), budget.spent) for budget in touched]
        await asyncio.sleep(_SETTLED_BY)
        if self.link.up:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._raise(known)

    async def _raise(self, known: list[tuple[str, int]]) -> None:
        for at in range(0, len(known), _MOST_KEYS):
            part = known[at : at + _MOST_KEYS]
            await self.link.call(
                _RAISE, [key for key, _ in part], [text for _, spent in part for text in (str(spent), "0")]
            )

    def settled(
        self, plan: Plan, budgets: list[str], second: int, deltas: list[int], reserved: int, spent: int
    ) -> None:
        # Send the end of a reservation; nobody waits for it.
        keys = [self._key("p", parallel.id) for parallel in plan.parallel]
        keys += [self._key("q", rate.id) for rate in plan.tokens]
        numbers = (len(plan.parallel), len(plan.tokens), len(budgets), second, reserved, spent, *deltas)
        self.link.send(_SETTLE, keys + budgets, [self._me, *map(str, numbers)])

    async def _join(self) -> None:
        # Tell Redis what is under way here, and what was spent while it was away.
        was, self._me = self._me, secrets.token_hex(6)
        self.joins += 1
        self.untold.clear()
        scopes = [*self._scopes.values(), *self._passing.values()]
        meters = [scope.parallel for scope in scopes if scope.parallel is not None and scope.parallel.running]
        budgets = [budget for scope in scopes for budget in scope.budgets]
        parallel = {self._key("p", meter.id): meter.running for meter in meters}
        reserved = {self._budget_key(budget): budget.reserved for budget in budgets if budget.reserved}
        spent = [(self._budget_key(budget), budget.spent) for budget in budgets if budget.spent]
        amounts = [*parallel.values(), *reserved.values()]
        keys = [self._key("replicas"), *parallel, *reserved]
        await self.link.call(_JOIN, keys, [self._me, was, str(len(parallel)), *map(str, amounts)])
        await self._raise(spent)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT)
            await self._show_up()

    async def _show_up(self) -> None:
        # One that does not know us was started anew, or emptied: it has to be told what is under way, others count on it.
        with contextlib.suppress(AwayError):
            if await self.link.run(_JOIN, [self._key("replicas")], [self._me, "", "0"]):
                self.link.forgotten()

    def cooled(self, deployment: str, seconds: float, kind: str) -> None:
        if self.link.up:
            self._say(f"cool {self._me} {seconds!r} {kind} {deployment}")

    async def first(self, name: str, seconds: float) -> bool:
        if self.link.up:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with LoopTimeout(PATIENCE):
                    until = max(1, int(seconds * 1000))
                    return bool(await self.link.redis.set(self._key("first", name), self._me, nx=True, px=until))
        return True

    async def changed(self) -> None:
        if self.link.up:
            self._say("keys")

    def _say(self, text: str) -> None:
        task = asyncio.create_task(self._publish(text))
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def _publish(self, text: str) -> None:
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with LoopTimeout(PATIENCE):
                await self.link.redis.publish(self._key("news"), text)

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (RedisError, OSError, TimeoutError):
                await self._show_up()
                await asyncio.sleep(2 * PATIENCE)

    async def _hear(self) -> None:
        async with self.link.redis.pubsub(ignore_subscribe_messages=True) as line:
            async with LoopTimeout(4 * PATIENCE):
                await line.subscribe(self._key("news"))
                await line.get_message(timeout=None)  # that it is so
            while True:
                began = time.monotonic()
                message = await line.get_message(timeout=SILENCE)
                if message is not None:
                    await self._heard(str(message["data"]))
                elif time.monotonic() < began + 1:
                    raise TimeoutError  # that the system gave the line up (ETIMEDOUT) is silence to redis-py, at once and for ever

    async def _heard(self, text: str) -> None:
        if text == "keys":
            if self.on_news is not None:
                await self.on_news()
            return
        word, _, rest = text.partition(" ")
        told = rest.split(" ", 3)
        if word == "cool" and len(told) == 4 and told[0] != self._me and self.on_cooled is not None:
            with contextlib.suppress(ValueError):
                self.on_cooled(told[3], float(told[1]), told[2])

    def _key(self, *parts: str) -> str:
        return ":".join((self._namespace, *parts))

    def _budget_key(self, budget: Budget) -> str:
        return f"{self._namespace}:b:{budget.id}:{budget.start:.0f}"


class RedisReservation(LocalReservation):
    # A reservation in this process, and in Redis if that was told of it: when it was made, or when Redis came back.

    # second: When Redis granted it, by its clock; None if it was not asked.

    __slots__ = ("_budget_keys", "_joins", "_limiter", "_second")

    def __init__(
        self,
        local: LocalReservation,
        limiter: RedisLimiter,
        second: int | None,
        budget_keys: list[str],
        shown: tuple[tuple[str, str], ...],
    ) -> None:
        super().__init__(
            local.plan,
            local._clock,
            local._tokens,
            local._slots,
            local._amount,
            local._starts,
            local.max_output,
            shown,
        )
        self._limiter = limiter
        self._joins = limiter.joins
        self._second = second
        self._budget_keys = budget_keys

    def reserved_of(self, budget_key: str) -> int:
        return self._amount if budget_key in self._budget_keys else 0

    def _end(self, tokens: int | None, spent: int) -> None:
        if not self._open:
            return
        super()._end(tokens, spent)
        limiter, plan = self._limiter, self.plan
        limiter.untold.discard(self)
        if self._second is None and self._joins == limiter.joins:
            limiter.settled(Plan(), self._budget_keys, 0, [], 0, spent)
            return
        deltas = [0] * len(plan.tokens)
        if self._second is not None and tokens is not None:
            deltas = [tokens - min(self._tokens, rate.limit) for rate in plan.tokens]
        limiter.settled(plan, self._budget_keys, self._second or 0, deltas, self._amount, spent)


def _lasts(budget: Budget, now: float) -> str:
    return str(KEEP if budget.ends == FOREVER else int(max(0.0, budget.ends - now)) + _KEEP_AFTER)


def _headers(plan: Plan, counted: list[Any], second: int) -> tuple[tuple[str, str], ...]:
    # `x-ratelimit-*` of the tightest limits, as all replicas together have used them.
    shown: list[tuple[str, str]] = []
    pairs = [(int(counted[i]), int(counted[i + 1])) for i in range(0, len(counted), 2)]
    for names, rates, found in (
        (OF_REQUESTS, plan.requests, pairs[: len(plan.requests)]),
        (OF_TOKENS, plan.tokens, pairs[len(plan.requests) :]),
    ):
        if rates:
            left, limit, oldest = min(
                (rate.limit - used, rate.limit, first) for rate, (used, first) in zip(rates, found, strict=True)
            )
            shown += zip(names, (str(limit), str(max(0, left)), f"{oldest + WINDOW - second}s"), strict=True)
    return tuple(shown)
