# Who is limited, and by which meters: a scope for each key, team, user and tag, a plan for each caller and model.

# Scopes live as long as the process and are changed in place, so that what was counted survives a change of limits.

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from lingate.server.access.meters import Budget, Owner, Parallel, Rate, nanos
from lingate.server.access.periods import Period
from lingate.server.access.records import Limits
from lingate.server.patterns import matches

_MOST_PLANS = 1024
Names = str | tuple[str, ...]
"""A model, or all names that limits may know it by."""

LEDGERS_WORDS = {"customer": "end_user"}


class Plan:
    # The meters that one call has to pass.

    __slots__ = ("budgets", "parallel", "requests", "tokens")

    def __init__(
        self,
        requests: Sequence[Rate] = (),
        tokens: Sequence[Rate] = (),
        parallel: Sequence[Parallel] = (),
        budgets: Sequence[Budget] = (),
    ) -> None:
        self.requests = tuple(requests)
        self.tokens = tuple(tokens)
        self.parallel = tuple(parallel)
        self.budgets = tuple(budgets)

    def __bool__(self) -> bool:
        return bool(self.requests or self.tokens or self.parallel or self.budgets)

    @classmethod
    def joined(cls, plans: Iterable[Plan]) -> Plan:
        parts = list(plans)
        return cls(
            [meter for part in parts for meter in part.requests],
            [meter for part in parts for meter in part.tokens],
            [meter for part in parts for meter in part.parallel],
            [meter for part in parts for meter in part.budgets],
        )


class Scope(msgspec.Struct, eq=False):
    # One who is limited.

    kind: str
    """`key`, `team`, `user`, `customer`, `tag` or `gateway`."""
    id: str
    """Which one."""
    name: str = ""
    """For messages."""
    blocked: bool = False
    """Calls are refused."""
    limits: Limits = Limits()
    """As configured."""
    parallel: Parallel | None = None
    """Its calls under way, None where their number is not limited."""
    soft: Budget | None = None
    """What is told of when it is spent; no call's plan has it, so that only the ledger knows what was spent."""
    _made_at: float = 0.0
    _requests: dict[str | None, Rate] = {}
    _tokens: dict[str | None, Rate] = {}
    _budgets: dict[str | None, Budget] = {}
    _plans: dict[Names, Plan] = {}

    def __post_init__(self) -> None:
        self.name = f"{self.kind} {self.id}".rstrip()

    def configure(
        self, limits: Limits, *, name: str | None = None, made_at: float = 0.0, blocked: bool = False
    ) -> None:
        # Take over new limits; what has been counted stays.
        # Raises ValueError: A period is not one.
        self.blocked = blocked
        shown = f"{self.kind} {name}" if name else self.name
        if (limits, shown, made_at) == (self.limits, self.name, self._made_at):
            return
        self.name = shown
        self.limits = limits
        self._made_at = made_at
        self._requests = self._rates("rpm", self._requests, limits.rpm_limit, limits.model_rpm_limit)
        self._tokens = self._rates("tpm", self._tokens, limits.tpm_limit, limits.model_tpm_limit)
        self._set_parallel(limits.max_parallel_requests)
        self._set_budgets(limits)
        self._plans = {}

    def plan(self, model: Names) -> Plan:
        plan = self._plans.get(model)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[model] = Plan(
                [rate for pattern, rate in self._requests.items() if _means(pattern, model)],
                [rate for pattern, rate in self._tokens.items() if _means(pattern, model)],
                [self.parallel] if self.parallel is not None else [],
                [money for pattern, money in self._budgets.items() if _means(pattern, model)],
            )
        return plan

    @property
    def budgets(self) -> tuple[Budget, ...]:
        return tuple(self._budgets.values())

    @property
    def idle(self) -> bool:
        return not any(money.reserved for money in self.budgets) and not (self.parallel and self.parallel.running)

    def _id(self, what: str, pattern: str | None) -> str:
        return f"{self.kind}:{self.id}:{what}" + (f":{pattern}" if pattern is not None else "")

    def _name(self, pattern: str | None) -> str:
        return self.name + (f" on {pattern}" if pattern is not None else "")

    def _rates(
        self, what: str, old: dict[str | None, Rate], limit: int | None, by_model: dict[str, int]
    ) -> dict[str | None, Rate]:
        wanted: dict[str | None, int] = dict(by_model.items())
        if limit is not None:
            wanted[None] = limit
        rates = {}
        for pattern, most in wanted.items():
            rate = rates[pattern] = old.get(pattern) or Rate(self._id(what, pattern), "", most)
            rate.limit, rate.name = most, self._name(pattern)
        return rates

    def _set_parallel(self, limit: int | None) -> None:
        if limit is None:
            self.parallel = None
            return
        if self.parallel is None:
            self.parallel = Parallel(self._id("parallel", None), "", limit)
        self.parallel.limit, self.parallel.name = limit, self.name

    def _set_budgets(self, limits: Limits) -> None:
        wanted: dict[str | None, tuple[float, str | None]] = {
            pattern: (money.max_budget, money.budget_duration) for pattern, money in limits.model_max_budget.items()
        }
        if limits.max_budget is not None:
            wanted[None] = (limits.max_budget, limits.budget_duration)
        old, self._budgets = self._budgets, {}
        for pattern, (dollars, span) in wanted.items():
            fresh = self._budget("usd", pattern, span)
            money = old.get(pattern)
            if money is None or money.period != fresh.period:
                before, money = money, fresh
                if before is not None:
                    money.succeed(before)
            money.cap, money.name = nanos(dollars), self._name(pattern)
            self._budgets[pattern] = money
        self.soft = None
        if limits.soft_budget is not None:
            self.soft = self._budget("soft", None, limits.budget_duration)
            self.soft.cap, self.soft.name = nanos(limits.soft_budget), self.name

    def _budget(self, what: str, pattern: str | None, span: str | None) -> Budget:
        period = None if span is None else Period.parse(span, self._made_at)
        owner = Owner(LEDGERS_WORDS.get(self.kind, self.kind), self.id, pattern)
        return Budget(self._id(f"{what}:{span or 'ever'}", pattern), "", owner, 0, period, span)


def _means(pattern: str | None, model: Names) -> bool:
    if pattern is None:
        return True
    return matches(pattern, model) if isinstance(model, str) else any(matches(pattern, name) for name in model)


class CallerLimits:
    # What the limiter knows a caller by: the scopes its calls belong to, with a plan for each model.

    __slots__ = ("_plans", "scopes")

    def __init__(self, scopes: Iterable[Scope]) -> None:
        self.scopes = tuple(scopes)
        self._plans: dict[Names, Plan] = {}

    def plan(self, model: Names) -> Plan:
        plan = self._plans.get(model)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[model] = Plan.joined(scope.plan(model) for scope in self.scopes)
        return plan
