"""What budgets have spent: from the hourly sums, the calls of the hour in which a budget began, and the journal's newest rows."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy import ColumnElement, FromClause, Select, func, literal_column, select
from sqlalchemy.exc import SQLAlchemyError

from lingate.server.ledger.drain import Drainer
from lingate.server.ledger.filters import labels
from lingate.server.ledger.times import HOUR
from lingate.server.patterns import matches
from lingate.server.store import Store, StoreError, StoreUnavailableError
from lingate.server.store.connection import AsyncConnection
from lingate.server.store.ledger import ledger, tag_hours, usage_hours

# Ids in one statement.
_MOST_IDS: Final = 500


class Owner(Protocol):
    """Whose money is meant; the budgets' own `Owner` is one.

    Attributes:
        kind: `key`, `team`, `user`, `end_user`, `model`, `tag`, or `gateway` for everybody's.
        id: Which one.
        models: Pattern of the models that count; None for all.
    """

    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def models(self) -> str | None: ...


class _Row(msgspec.Struct):
    """What matters of a row in the journal."""

    at: float
    model: str = ""
    key_id: str = ""
    team_id: str | None = None
    user_id: str | None = None
    end_user: str | None = None
    tags: tuple[str, ...] = ()
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where one kind of owner is found: in which column of the hourly sums, and in which of a call; None where in neither."""

    sums: ColumnElement[str] | None
    calls: ColumnElement[str] | None


_NOBODY: Final[ColumnElement[str]] = literal_column("''")
_KINDS: Final = {
    "key": _Kind(usage_hours.c.key_id, ledger.c.key_id),
    "team": _Kind(usage_hours.c.team_id, ledger.c.team_id),
    "user": _Kind(usage_hours.c.user_id, ledger.c.user_id),
    "end_user": _Kind(None, ledger.c.end_user),
    "model": _Kind(usage_hours.c.model, ledger.c.model),
    "tag": _Kind(tag_hours.c.tag, None),
    "gateway": _Kind(_NOBODY, _NOBODY),
}
# Dollars by owner and model.
_Spent = dict[str, dict[str, float]]
_decode: Final = msgspec.json.Decoder(_Row).decode


class LedgerSpending:
    """Dollars that owners have spent since a moment, as far as this database and this process's journal know.

    Args:
        store: The database.
        drainer: Of this process.
    """

    def __init__(self, store: Store, drainer: Drainer) -> None:
        self._store = store
        self._drainer = drainer

    async def __call__(self, wanted: Sequence[tuple[Owner, float]]) -> list[float]:
        """For each owner and moment (epoch seconds), dollars spent from then on.

        Raises:
            StoreError: The database does not answer, or was away for so long that it has yet to get most of the rows.
        """
        groups: dict[tuple[str, float], set[str]] = defaultdict(set)
        for owner, since in wanted:
            groups[owner.kind, since].add(owner.id)
        spent: dict[tuple[str, float], _Spent] = {}
        try:
            await self._store.prepare()
            if not await self._drainer.catch_up():
                raise StoreUnavailableError(
                    "the ledger's database has yet to get the rows of the time when it was away"
                )
            # No row moves meanwhile: each is either in the database or among `waiting`.
            async with self._drainer.paused() as waiting, self._store.read() as connection:
                rows = list(_decoded(waiting))
                for (kind, since), ids in groups.items():
                    spent[kind, since] = await _stored(connection, kind, since, sorted(ids))
                    _add(spent[kind, since], kind, since, rows)
        except StoreError:
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError, TimeoutError) as error:
            raise self._store.unavailable(error) from None
        return [_sum(spent[owner.kind, since], owner) for owner, since in wanted]


def _sum(spent: _Spent, owner: Owner) -> float:
    by_model = spent.get("" if owner.kind == "gateway" else owner.id, {})
    return sum(cost for model, cost in by_model.items() if owner.models is None or matches(owner.models, model))


def _decoded(payloads: list[bytes]) -> Iterable[_Row]:
    for payload in payloads:
        # One that is no row is set aside when its turn comes, and counts for nothing.
        with suppress(msgspec.MsgspecError):
            yield _decode(payload)


async def _stored(connection: AsyncConnection, kind: str, since: float, ids: list[str]) -> _Spent:
    found: _Spent = defaultdict(lambda: defaultdict(float))
    for at in range(0, len(ids), _MOST_IDS):
        for statement in _statements(kind, since, ids[at : at + _MOST_IDS], connection.dialect):
            rows: list[Any] = list(await connection.execute(statement))
            for id, model, cost in rows:
                found[id][model] += cost or 0.0
    return found


def _statements(kind: str, since: float, ids: list[str], dialect: str) -> Iterable[Select[Any]]:
    place, hour = _KINDS[kind], ceil(since / HOUR)
    if place.sums is not None:
        table = tag_hours if kind == "tag" else usage_hours
        hourly = select(place.sums, table.c.model, func.sum(table.c.cost)).where(table.c.hour >= hour)
        yield _for_owners(hourly, kind, place.sums, table.c.model, ids)
        if since == hour * HOUR:
            return
    source: FromClause = ledger
    whose = place.calls
    if whose is None:
        label = labels(dialect)
        source, whose = ledger.join(label, literal_column("true")), label.c.value
    calls = select(whose, ledger.c.model, func.sum(ledger.c.cost)).select_from(source).where(ledger.c.at >= since)
    if place.sums is not None:
        calls = calls.where(ledger.c.at < hour * HOUR)
    yield _for_owners(calls, kind, whose, ledger.c.model, ids)


def _for_owners(
    statement: Select[Any], kind: str, whose: ColumnElement[str], model: ColumnElement[str], ids: list[str]
) -> Select[Any]:
    if kind == "gateway":
        return statement.group_by(model)
    return statement.where(whose.in_(ids)).group_by(whose, model)


def _add(spent: _Spent, kind: str, since: float, rows: Iterable[_Row]) -> None:
    for row in rows:
        if row.cost and row.at >= since:
            for id in _owners(row, kind):
                if id is not None:
                    spent[id][row.model] += row.cost


def _owners(row: _Row, kind: str) -> Iterable[str | None]:
    if kind == "tag":
        return row.tags
    one = {
        "key": row.key_id,
        "team": row.team_id,
        "user": row.user_id,
        "end_user": row.end_user,
        "model": row.model,
        "gateway": "",
    }
    return (one[kind],)
