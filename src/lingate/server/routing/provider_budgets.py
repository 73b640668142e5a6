# Budgets of providers and of deployments: whoever has spent theirs is asked no more until the next period.

# A call counts when it ends, so that calls under way may go over. Budgets of keys, which are reserved, are exact.

from __future__ import annotations

import time
from typing import NamedTuple

from lingate._providers.naming import row_of
from lingate.server.access.meters import Budget, Owner, nanos
from lingate.server.access.periods import FOREVER, Period
from lingate.server.config.settings import GatewayConfig
from lingate.server.records import Circumstances, LedgerRow
from lingate.server.routing.prices import Sheet

_DAY = 86400.0
_ORDINARY = Circumstances()


class SpendBudget(NamedTuple):
    # What one deployment's calls are paid from.

    budgets: tuple[Budget, ...]
    """Its own and its provider's."""
    sheet: Sheet | None
    """Must have a price; None where it need not."""

    def is_priced(self) -> bool:
        # Whether what is paid can be known.
        # The first to ask loads the catalogue of prices.
        return self.sheet is None or None not in self.sheet.highest(_ORDINARY)[:2]

    def empty(self) -> tuple[float, str]:
        # Seconds until there is something in it again, and why there is not now; 0 where there is.
        # A budget that never begins anew is worth another look in a day.
        if not self.is_priced():
            return _DAY, "has a budget and no known price"
        now, wait, why = time.time(), 0.0, ""
        for budget in self.budgets:
            if budget.remaining(now) <= 0:
                left = _DAY if budget.ends == FOREVER else budget.ends - now
                wait, why = max((wait, why), (left, f"has spent the budget of {budget.name}"))
        return wait, why


class SpendBudgets:
    # The budgets of one configuration.

    # previous: Those before a change: what was spent stays.

    def __init__(self, config: GatewayConfig, previous: SpendBudgets | None = None) -> None:
        self._budgets: dict[tuple[str, str], Budget] = {}
        self._allow_unpriced = config.own.unpriced == "allow"
        for name, found in config.routing.provider_budget_config.items():
            limit = found.max_budget if found.budget_limit is None else found.budget_limit
            # As deployments have it: the name of the row, which may have others, unless the owner describes it.
            row = None if name in config.own.providers else row_of(name)
            self._set("provider", name if row is None else row.name, limit, found.time_period or found.budget_duration)
        for entry in config.deployments:
            self._set("deployment", entry.id, entry.params.max_budget, entry.params.budget_duration)
        for owner, budget in self._budgets.items():
            before = None if previous is None else previous._budgets.get(owner)
            if before is not None and before.period == budget.period:
                budget.roll(time.time())
                before.roll(time.time())
                budget.spent, budget.known = before.spent, before.known

    def __bool__(self) -> bool:
        return bool(self._budgets)

    def of(self, provider: str, id: str, sheet: Sheet) -> SpendBudget | None:
        # What a deployment's calls are paid from; None where nothing limits that.
        found = (self._budgets.get(("provider", provider)), self._budgets.get(("deployment", id)))
        budgets = tuple(filter(None, found))
        return SpendBudget(budgets, None if self._allow_unpriced else sheet) if budgets else None

    def all(self) -> list[Budget]:
        return list(self._budgets.values())

    def paid(self, row: LedgerRow) -> None:
        if row.cost:
            for owner in (("provider", row.provider or ""), ("deployment", row.deployment or "")):
                budget = self._budgets.get(owner)
                if budget is not None:
                    budget.roll(time.time())
                    budget.spent += nanos(row.cost)

    def _set(self, kind: str, id: str, limit: float | None, span: str | None) -> None:
        if limit is None:
            return
        period = None if span is None else Period.parse(span)
        counter = f"{kind}:{id}:usd:{span or 'ever'}"
        self._budgets[kind, id] = Budget(counter, f"{kind} {id}", Owner(kind, id), nanos(limit), period, span)
