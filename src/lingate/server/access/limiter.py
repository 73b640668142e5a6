# The limits of one process: everything in memory, decided without waiting.

# `redis_limiter.py` puts Redis before it.

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence

from lingate.errors import LingateError, PermissionDeniedError
from lingate.server.access.meters import Budget, Owner, nanos
from lingate.server.access.records import Limits, Principal, unlimited
from lingate.server.access.reservations import Demand, LocalReservation, demand, headers, take
from lingate.server.access.scopes import LEDGERS_WORDS, CallerLimits, Names, Plan, Scope
from lingate.server.loop_timeout import LoopTimeout
from lingate.server.records import Caller, Estimate

_log = logging.getLogger("lingate.access")
_MOST_CUSTOMERS = 50_000
_LEDGER_DEADLINE = 1.0
_LEDGER_PATIENCE = 30.0
"""Seconds where no call waits: a month of a busy gateway's sums is some million rows."""
_LEDGER_PAUSE = 5.0
"""Seconds without questions to the ledger after one was not answered: calls must not queue behind a dead database."""


Spending = Callable[[Sequence[tuple[Owner, float]]], Awaitable[Sequence[float]]]
"""What the ledger knows: dollars spent by each owner since a moment (epoch seconds)."""


class LocalLimiter:
    # Rates, parallel calls and budgets, counted in this process.

    # spending: Asked once for each budget before its first use, so that a restart keeps what was spent.
    # allow_unpriced: Let models without a price be called under a budget, for nothing.
    # clock: Seconds for rates; never goes back.
    # on_cooled: Told by other replicas that a deployment rests: its id, for how many seconds, and why.

    def __init__(
        self,
        *,
        spending: Spending | None = None,
        allow_unpriced: bool = False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._spending = spending
        self.allow_unpriced = allow_unpriced
        self._clock = clock
        self.now = now
        self.on_cooled: Callable[[str, float, str], None] | None = None
        self._scopes: dict[tuple[str, str], Scope] = {}
        self._tags: dict[str, Scope] = {}
        self._customers: dict[str, Scope] = {}
        self._default_customer: Limits | None = None
        self._passing: OrderedDict[str, Scope] = OrderedDict()
        self._touched: set[Budget] = set()
        self._asking = asyncio.Lock()
        self._ask_again = 0.0

    async def start(self) -> None:
        # Nothing to connect to.
        ...

    async def stop(self) -> None:
        # Nothing to leave.
        ...

    async def changed(self) -> None:
        # Tell other replicas that keys have changed: there is no line to them.
        ...

    def cooled(self, deployment: str, seconds: float, kind: str) -> None:
        # Tell other replicas that a deployment rests: there is no line to them.
        ...

    async def first(self, name: str, seconds: float) -> bool:
        # Whether no other replica has asked this of the same name in the last seconds: there is none.
        return True

    def limit(
        self,
        kind: str,
        id: str,
        limits: Limits,
        *,
        name: str | None = None,
        made_at: float = 0.0,
        blocked: bool = False,
    ) -> Scope | None:
        # Set the limits of a key, team, user, customer, tag, or of the gateway.
        # None where nothing is limited.
        # Raises ValueError: A period is not one.
        if unlimited(limits) and not blocked:
            self.forget(kind, id)
            return None
        scope = self._scopes.get((kind, id))
        if scope is None:
            scope = (self._passing.pop(id, None) if kind == "customer" else None) or Scope(kind, id)
        scope.configure(limits, name=name, made_at=made_at, blocked=blocked)
        self._scopes[kind, id] = scope
        if kind == "tag":
            self._tags[id] = scope
        elif kind == "customer":
            self._customers[id] = scope
        return scope

    def forget(self, kind: str, id: str) -> None:
        self._scopes.pop((kind, id), None)
        if kind == "tag":
            self._tags.pop(id, None)
        elif kind == "customer":
            self._customers.pop(id, None)

    def limit_customers(self, limits: Limits | None) -> None:
        # Set the limits of each end user that has none of its own.
        self._default_customer = None if limits is None or unlimited(limits) else limits
        if self._default_customer is None:
            self._passing.clear()
        for scope in self._passing.values():
            scope.configure(limits or Limits())

    def scope(self, kind: str, id: str) -> Scope | None:
        # Who this is for the limiter, None if nothing limits it.
        found = self._scopes.get((kind, id))
        return found or (self._passing.get(id) if kind == "customer" else None)

    def limits_for(self, scopes: Iterable[Scope | None]) -> CallerLimits | None:
        # What goes into `Caller.limits`; None where none of its scopes limits anything.
        present = [scope for scope in scopes if scope is not None]
        return CallerLimits(present) if present else None

    async def admit(
        self, caller: Caller, estimate: Estimate, end_user: str | None, tags: tuple[str, ...]
    ) -> LocalReservation | None:
        # Reserve for one call.
        # None where nothing limits this caller: the hot path for most.
        # Raises RateLimitError: Too many requests or tokens a minute; `retry_after` is set.
        # Raises ConcurrencyLimitError: Too many calls at once.
        # Raises BudgetExceededError: The call might go over a budget, or its price is unknown and a budget applies.
        model = (estimate.model, *estimate.aka) if estimate.aka else estimate.model
        plan = self._plan(caller, model, end_user, tags)
        if not plan:
            return None
        if plan.budgets:
            await self._learn(plan.budgets)
        return await self._reserve(plan, demand(plan, estimate, allow_unpriced=self.allow_unpriced))

    async def extend(self, reservation: LocalReservation, estimate: Estimate, spent: float | None) -> int | None:
        # Reserve for one more part of a call that was admitted.
        # Only money is: it is the same call.
        # reservation: The call's. What is reserved here is held by it, and given back with it.
        # spent: What the parts before cost in dollars, None where nobody knows.
        # Returns: Output tokens that the budgets have room for; None: no bound of ours.
        # Raises BudgetExceededError: There is no room for the part.
        plan = Plan(budgets=reservation.plan.budgets)
        if not plan:
            return None
        spare = 0 if spent is None else reservation.reserved - nanos(spent)
        wanted = demand(plan, estimate, allow_unpriced=self.allow_unpriced).beyond(spare)
        if wanted.most is not None and wanted.most <= 0:
            return None
        more = await self._reserve(plan, wanted)
        reservation.add(more)
        return more.max_output

    async def _reserve(self, plan: Plan, wanted: Demand) -> LocalReservation:
        return self._take(plan, wanted)

    def _take(self, plan: Plan, wanted: Demand) -> LocalReservation:
        second = int(self._clock())
        amount, max_output = take(plan, wanted, second, self.now())
        return self._commit(plan, wanted, second, amount, max_output)

    def _commit(self, plan: Plan, wanted: Demand, second: int, amount: int, max_output: int | None) -> LocalReservation:
        for running in plan.parallel:
            running.running += 1
        for rate in plan.requests:
            rate.add(second, 1)
        slots = [rate.add(second, min(wanted.tokens, rate.limit)) for rate in plan.tokens] if plan.tokens else None
        starts = None
        if plan.budgets:
            starts = [budget.start for budget in plan.budgets]
            for budget in plan.budgets:
                budget.reserved += amount
            self._touched.update(plan.budgets)
        return LocalReservation(
            plan, self._clock, wanted.tokens, slots, amount, starts, max_output, headers(plan, second)
        )

    def _plan(self, caller: Caller, model: Names, end_user: str | None, tags: tuple[str, ...]) -> Plan | None:
        limits: CallerLimits | None = caller.limits
        plan = limits.plan(model) if limits is not None else None
        more: list[Scope] = []
        if end_user is not None and (self._customers or self._default_customer is not None):
            customer = self._customer(end_user)
            if customer is not None:
                more.append(customer)
        if self._tags and (tags or caller.tags):
            more.extend(self._tags[tag] for tag in dict.fromkeys((*caller.tags, *tags)) if tag in self._tags)
        if not more:
            return plan
        for scope in more:
            if scope.blocked:
                raise PermissionDeniedError(f"the {scope.name} is blocked", status=403, code="blocked")
        parts = [scope.plan(model) for scope in more]
        return Plan.joined([plan, *parts] if plan is not None else parts)

    def _customer(self, end_user: str) -> Scope | None:
        scope = self._customers.get(end_user)
        if scope is not None or self._default_customer is None:
            return scope
        scope = self._passing.get(end_user)
        if scope is not None:
            self._passing.move_to_end(end_user)
            return scope
        scope = self._passing[end_user] = Scope("customer", end_user)
        scope.configure(self._default_customer)
        if len(self._passing) > _MOST_CUSTOMERS:
            # What it has spent is in the ledger and is learnt anew; what is reserved for it is nowhere else.
            for name in [name for name, old in self._passing.items() if old.idle and old is not scope][:100]:
                del self._passing[name]
        return scope

    async def _learn(self, budgets: Sequence[Budget]) -> None:
        now = self.now()
        for budget in budgets:
            budget.roll(now)
            if not budget.known:
                break
        else:
            return
        if self._spending is None:
            for budget in budgets:
                budget.known = True
            return
        async with self._asking:
            await self._ask([budget for budget in budgets if not budget.known], self._spending)

    async def _ask(
        self, unknown: Sequence[Budget], spending: Spending, patience: float | None = None, *totals: tuple[Owner, float]
    ) -> Sequence[float]:
        # patience: Seconds, None while a call waits: then it is not asked again soon after it has not answered.
        # totals: What else is asked, by nobody's call; these are the answers.
        if not (unknown or totals) or (patience is None and self._clock() < self._ask_again):
            return ()
        for budget in unknown:
            budget.remaining(self.now())
        wanted = [(budget.owner, budget.start) for budget in unknown]
        try:
            async with LoopTimeout(_LEDGER_DEADLINE if patience is None else patience):
                spent = await spending([*wanted, *totals])
        except (TimeoutError, OSError, LingateError) as error:
            if totals:
                return ()
            self._ask_again = self._clock() + _LEDGER_PAUSE
            _log.warning(
                "budgets count from what this process saw: the ledger did not answer (%s)", type(error).__name__
            )
            return ()
        for budget, (_, start), dollars in zip(unknown, wanted, spent, strict=False):
            budget.raise_to(start, nanos(dollars))
        return spent[len(wanted) :]

    async def learn(self, kind: str, records: Sequence[Principal]) -> Sequence[float | None]:
        # Have the budgets of those who are limited include what the ledger knows now: other replicas spend, too.
        # Returns: Dollars that each has spent in all, as the ledger has it; None where it does not answer.
        scopes = [scope for record in records if (scope := self.scope(kind, record.id)) is not None]
        budgets = [budget for scope in scopes for budget in scope.budgets]
        totals = [(Owner(LEDGERS_WORDS.get(kind, kind), record.id), 0.0) for record in records]
        found = () if self._spending is None else await self._ask(budgets, self._spending, None, *totals)
        return found or [None] * len(records)

    async def reread(self, budgets: Sequence[Budget], patience: float = _LEDGER_PATIENCE) -> None:
        # Raise budgets that no call reserves from to what the ledger has.
        if self._spending is not None:
            await self._ask(budgets, self._spending, patience)

    async def reconcile(self) -> None:
        # Raise the budgets used since the last time to what the ledger has: other replicas spend from them too.
        if self._spending is None or not self._touched:
            return
        touched, self._touched = self._touched, set()
        await self._ask(list(touched), self._spending, _LEDGER_PATIENCE)


async def end(tasks: list[asyncio.Task[None]]) -> None:
    # Cancel tasks, and return when all have ended; the list is empty then.
    ending, tasks[:] = tasks[:], []
    for task in ending:
        task.cancel()
    for task in ending:
        with contextlib.suppress(asyncio.CancelledError):
            await task
