# What budgets have spent: from the hourly sums, the calls of the hour in which a budget began, and the journal's newest rows.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain, islice
from math import ceil
from typing import TYPE_CHECKING, Any

import msgspec

from lingate.server.ledger.drain import Drainer
from lingate.server.patterns import matches
from lingate.server.store import Answer, Statement, Store, StoreError, StoreUnavailableError

if TYPE_CHECKING:
    from lingate.server.access.meters import Owner

_HOUR = 3600
# Ids in one statement.
_MOST_IDS = 500


class _Row(msgspec.Struct):
    # What matters of a row in the journal.

    at: float
    model: str = ""
    key_id: str = ""
    team_id: str | None = None
    user_id: str | None = None
    end_user: str | None = None
    provider: str | None = None
    deployment: str | None = None
    tags: tuple[str, ...] = ()
    cost: float | None = None


_NOBODY = "''"
_KINDS = {
    "key": ("key_id", "key_id"),
    "team": ("team_id", "team_id"),
    "user": ("user_id", "user_id"),
    "end_user": (None, "end_user"),
    "model": ("model", "model"),
    "provider": ("provider", "provider"),
    "deployment": (None, "deployment"),
    "tag": ("tag", None),
    "gateway": (_NOBODY, _NOBODY),
}
"""In which column of the hourly sums owners of a kind are found, and in which of a call; None where in neither."""
_TAGGED_CALLS = {
    True: "ledger, json_each(coalesce(ledger.tags, '[]')) AS label",
    False: "ledger, jsonb_array_elements_text(coalesce(ledger.tags, '[]'::jsonb)) AS label(value)",
}
"""Calls with each of their tags, on SQLite and on Postgres."""
# Dollars by owner and model.
_Spent = dict[str, dict[str, float]]
_decode = msgspec.json.Decoder(_Row).decode


class LedgerSpending:
    # Dollars that owners have spent since a moment, as far as this database and this process's journal know.

    # names: All names by which a model may be known, given the one that was asked for.

    def __init__(
        self, store: Store, drainer: Drainer, names: Callable[[str], Iterable[str]] = lambda model: (model,)
    ) -> None:
        self._store = store
        self._names = names
        self._drainer = drainer

    async def __call__(self, wanted: Sequence[tuple[Owner, float]]) -> list[float]:
        # For each owner and moment (epoch seconds), dollars spent from then on.
        # Raises StoreError: The database does not answer, or was away for so long that it has yet to get most of the
        # rows.
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
            async with self._drainer.paused() as waiting:
                on_sqlite = self._store.is_sqlite
                asked = {of: list(_statements(*of, sorted(ids), on_sqlite)) for of, ids in groups.items()}
                answers = iter(await self._store.ask(*chain.from_iterable(asked.values())))
                rows = list(_decoded(waiting))
            for group, statements in asked.items():
                spent[group] = _added(islice(answers, len(statements)))
                _add(spent[group], *group, rows)
        except StoreError:
            raise
        except self._drainer.outages as error:
            raise self._store.unavailable(error) from None
        return [self._sum(spent[owner.kind, since], owner) for owner, since in wanted]

    def _sum(self, spent: _Spent, owner: Owner) -> float:
        by_model, pattern = spent.get("" if owner.kind == "gateway" else owner.id, {}), owner.models
        return sum(
            cost
            for model, cost in by_model.items()
            if pattern is None or any(matches(pattern, name) for name in self._names(model))
        )


def _decoded(payloads: list[bytes]) -> Iterable[_Row]:
    for payload in payloads:
        # One that is no row is set aside when its turn comes, and counts for nothing.
        with suppress(msgspec.MsgspecError):
            yield _decode(payload)


def _added(answers: Iterable[Answer]) -> _Spent:
    found: _Spent = defaultdict(lambda: defaultdict(float))
    for answer in answers:
        for id, model, cost in answer.rows:
            found[id][model] += cost or 0.0
    return found


def _statements(kind: str, since: float, ids: list[str], on_sqlite: bool) -> Iterable[Statement]:
    # Questions for dollars by owner and model.
    (sums, calls), hour = _KINDS[kind], ceil(since / _HOUR)
    if sums is not None:
        table = "tag_hours" if kind == "tag" else "usage_hours"
        yield from _for_owners(sums, table, "hour >= :hour", {"hour": hour}, ids)
        if since == hour * _HOUR:
            return
    when, times = "at >= :since", {"since": since}
    if sums is not None:
        when, times = f"{when} AND at < :until", {**times, "until": float(hour * _HOUR)}
    source = "ledger" if calls is not None else _TAGGED_CALLS[on_sqlite]
    yield from _for_owners(calls or "label.value", source, when, times, ids)


def _for_owners(whose: str, source: str, when: str, times: dict[str, Any], ids: list[str]) -> Iterable[Statement]:
    head = f"SELECT {whose}, model, sum(cost) FROM {source} WHERE {when}"  # noqa: S608 - our own names
    if whose == _NOBODY:
        yield Statement(f"{head} GROUP BY model", times)
        return
    for at in range(0, len(ids), _MOST_IDS):
        named = {f"id{number}": id for number, id in enumerate(ids[at : at + _MOST_IDS])}
        yield Statement(f"{head} AND {whose} IN (:{', :'.join(named)}) GROUP BY {whose}, model", {**times, **named})


def _add(spent: _Spent, kind: str, since: float, rows: Iterable[_Row]) -> None:
    for row in rows:
        if row.cost and row.at >= since:
            owner = "" if kind == "gateway" else getattr(row, _KINDS[kind][1] or "tags")
            for id in owner if kind == "tag" else (owner,):
                if id is not None:
                    spent[id][row.model] += row.cost
