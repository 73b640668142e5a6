"""Records as administrators see them: with what was spent and how far each budget is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from lingate.server.access.limiter import LocalLimiter
from lingate.server.access.meters import NANO, Budget
from lingate.server.access.periods import FOREVER
from lingate.server.access.records import Key, Principal


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """A budget and how far it is.

    Attributes:
        models: Pattern of the models it counts; None for all.
        max_budget: US dollars a period.
        budget_duration: The period; None for a budget that never begins anew.
        spent: In this period.
        reserved: Held back for calls under way.
        resets_at: When the next period begins, epoch seconds.
    """

    models: str | None
    max_budget: float
    budget_duration: str | None
    spent: float
    reserved: float
    resets_at: float | None


class KeyView(Key, frozen=True, kw_only=True):
    """A key, and how far its budgets are.

    Attributes:
        budgets: Its budgets.
        spend: US dollars in all, as the ledger has it; None where the ledger does not answer.
    """

    budgets: tuple[BudgetView, ...] = ()
    spend: float | None = None


class PrincipalView(Principal, frozen=True, kw_only=True):
    """A team, user, customer, tag or budget, and how far its budgets are.

    Attributes:
        budgets: Its budgets.
        spend: US dollars in all, as the ledger has it; None where the ledger does not answer.
    """

    budgets: tuple[BudgetView, ...] = ()
    spend: float | None = None


class KeyMade(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was made or rotated.

    Attributes:
        token: The token, shown this once.
        key: The record.
    """

    token: str
    key: KeyView


class KeyPage(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a list of keys.

    Attributes:
        data: The part.
        total: How many there are in all.
        next_offset: Where the next part begins; None at the end.
    """

    data: tuple[KeyView, ...]
    total: int
    next_offset: int | None


class PrincipalPage(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a list.

    Attributes:
        data: The part.
        total: How many there are in all.
        next_offset: Where the next part begins; None at the end.
    """

    data: tuple[PrincipalView, ...]
    total: int
    next_offset: int | None


Limit = Annotated[int, Meta(ge=1, le=1000)]
Offset = Annotated[int, Meta(ge=0, le=10**9)]


def key_view(limiter: LocalLimiter, key: Key, spend: float | None = None) -> KeyView:
    """A key as administrators see it."""
    return KeyView(**_fields(key), budgets=budgets_of(limiter, "key", key.id), spend=spend)


def principal_view(limiter: LocalLimiter, kind: str, record: Principal, spend: float | None = None) -> PrincipalView:
    """A team, user, ... as administrators see it."""
    return PrincipalView(**_fields(record), budgets=budgets_of(limiter, kind, record.id), spend=spend)


_T = TypeVar("_T")


def page_of(found: Sequence[_T], offset: int, limit: int) -> tuple[Sequence[_T], int | None]:
    """Part of a list, and where the next part begins; None at the end."""
    page = found[offset : offset + limit]
    end = offset + len(page)
    return page, end if page and end < len(found) else None


def _fields(record: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def budgets_of(limiter: LocalLimiter, kind: str, id: str) -> tuple[BudgetView, ...]:
    """How far the budgets of one who is limited are."""
    scope = limiter.scope(kind, id)
    return () if scope is None else tuple(_view(budget, limiter.now()) for budget in scope.budgets)


def _view(budget: Budget, now: float) -> BudgetView:
    budget.remaining(now)
    return BudgetView(
        models=budget.owner.models,
        max_budget=budget.cap / NANO,
        budget_duration=budget.span,
        spent=budget.spent / NANO,
        reserved=budget.reserved / NANO,
        resets_at=None if budget.ends == FOREVER else budget.ends,
    )
