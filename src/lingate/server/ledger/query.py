# Questions to the ledger: who used what and what it cost, call by call and in sums.

# The same on every database.
# Sums come from the hourly tables wherever those hold what is asked for, and from the calls themselves otherwise: by
# end user, by deployment, for the minutes before the first whole hour. Hours and days are UTC's.

from __future__ import annotations

import base64
import binascii
import csv
import io
import re
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from math import ceil, floor
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.exc import SQLAlchemyError

from lingate._wire.shapes import not_null
from lingate.server.ledger.drain import Drainer
from lingate.server.records import FRACTIONS, MEASURES
from lingate.server.store import Store, StoreError
from lingate.server.store.connection import AsyncConnection
from lingate.server.store.schema import ledger, tag_hours, usage_hours

# Which rows a question is about.


class QueryError(ValueError):
    # A question that cannot be asked: an unknown dimension, a cursor that is none. The text is for the one who asked.
    pass


class Filter(NamedTuple):
    # Rows to look at; what is None does not matter. Fields are compared for equality.

    since: float | None = None
    """Not before this moment, epoch seconds."""
    until: float | None = None
    """Before this moment."""
    key_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    end_user: str | None = None
    model: str | None = None
    provider: str | None = None
    deployment: str | None = None
    tag: str | None = None
    operation: str | None = None
    face: str | None = None
    status: int | None = None
    failed: bool | None = None
    """Only failures, or only successes."""

    def named(self) -> dict[str, Any]:
        # The conditions that there are, besides the time.
        return not_null(self._asdict(), ("since", "until"))

    def rows(self, dialect: str) -> list[ColumnElement[bool]]:
        # Conditions on `ledger`.
        found: list[ColumnElement[bool]] = [
            ledger.c[name] == value for name, value in self.named().items() if name in ledger.c
        ]
        if self.since is not None:
            found.append(ledger.c.at >= self.since)
        if self.until is not None:
            found.append(ledger.c.at < self.until)
        if self.failed is not None:
            found.append(ledger.c.error.is_not(None) if self.failed else ledger.c.error.is_(None))
        if self.tag is not None:
            label = labels(dialect)
            found.append(select(literal(1)).select_from(label).where(label.c.value == self.tag).exists())
        return found


def labels(dialect: str) -> FromClause:
    # The tags of a row of `ledger` as a table of its own, with one column `value`.
    if dialect == "postgresql":
        texts = func.jsonb_array_elements_text(func.coalesce(ledger.c.tags, func.jsonb_build_array()))
        return texts.table_valued("value", name="label", joins_implicitly=True).render_derived()
    tags = func.coalesce(type_coerce(ledger.c.tags, Text), "[]")
    return func.json_each(tags).table_valued("value", name="label", joins_implicitly=True)


# Hours and days as the ledger counts them: since 1970, UTC.

HOUR = 3600
_START = datetime(1970, 1, 1, tzinfo=UTC)


def day_text(day: int) -> str:
    # `2026-11-20` for a number of days since 1970.
    return (_START + timedelta(days=int(day))).date().isoformat()


def hour_text(hour: int) -> str:
    # `2026-11-20T13:00:00Z` for a number of hours since 1970.
    return f"{_START + timedelta(hours=int(hour)):%Y-%m-%dT%H:%M:%SZ}"


def moment_text(at: float) -> str:
    # `2026-11-20T13:05:01.123Z` for epoch seconds.
    return f"{(_START + timedelta(seconds=at)).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


DIMENSIONS = (
    *("day", "hour", "key_id", "team_id", "user_id", "end_user", "model", "provider", "provider_model", "deployment"),
    *("tag", "operation", "face", "status", "error", "cache"),
)
"""What sums can be taken by."""

# What each hourly table can be asked for.
_USAGE = frozenset({"day", "hour", "key_id", "team_id", "user_id", "model", "provider"})
_TAGS = frozenset({"day", "hour", "tag", "model"})
_COST = list(MEASURES).index("cost")
_MOST_ROWS = 1000
MOST_GROUPS = 10_000
"""Sums in one answer, at most."""


_Columns = dict[str, ColumnElement[Any]]


class Page(NamedTuple):
    # Some rows, newest first, and the cursor for those that come after them; None at the end.

    rows: list[dict[str, Any]]
    cursor: str | None


class Usage:
    # Asks the ledger.

    # Every method raises `StoreError` when the database does not answer.
    # drainer: Of this process: its newest rows are brought into the database before a question is answered.

    def __init__(self, store: Store, drainer: Drainer | None = None) -> None:
        self._store = store
        self._drainer = drainer

    async def by(
        self, dimensions: Sequence[str], filter: Filter | None = None, *, limit: int = MOST_GROUPS
    ) -> list[dict[str, Any]]:
        # Sums for each combination of `dimensions`, oldest first where they have a time, else most expensive first.
        # By tag, a call with several counts for each of them, and one without for none. What else a call does not have
        # is None.
        # Raises QueryError: Sums cannot be taken by one of the dimensions.
        keys = list(dict.fromkeys(dimensions))
        for name in keys:
            if name not in DIMENSIONS:
                raise QueryError(f"usage is not kept by {name!r}; by {', '.join(DIMENSIONS)} it is")
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        async with self._reading() as connection:
            for part, hourly in _parts(keys, filter or Filter()):
                rows = await connection.execute(_grouped(keys, part, hourly, connection.dialect))
                for row in rows:
                    _add(found, row, len(keys))
        if not keys and not found:
            _add(found, (0,) * len(MEASURES), 0)
        times = [place for place, name in enumerate(keys) if name in {"day", "hour"}]
        ordered = sorted(found.items(), key=lambda item: (*(item[0][place] for place in times), -item[1]["cost"]))
        most = slice(-limit, None) if times else slice(limit)  # the latest, or the most expensive
        return [_shown(keys, values, sums) for values, sums in ordered[most]]

    async def totals(self, filter: Filter | None = None) -> dict[str, Any]:
        return (await self.by((), filter))[0]

    async def rows(self, filter: Filter | None = None, *, cursor: str | None = None, limit: int = 100) -> Page:
        # Calls, newest first; without the bodies.
        # Raises QueryError: `cursor` is not one that a page came with.
        filter, limit = filter or Filter(), max(1, min(limit, _MOST_ROWS))
        columns = [column for column in ledger.columns if column.name != "body"]
        async with self._reading() as connection:
            statement = select(*columns).where(*filter.rows(connection.dialect))
            if cursor is not None:
                at, id = _read_cursor(cursor)
                statement = statement.where(ledger.c.at <= at, or_(ledger.c.at < at, ledger.c.id < id))
            statement = statement.order_by(ledger.c.at.desc(), ledger.c.id.desc()).limit(limit + 1)
            found = [dict(row._mapping) for row in await connection.execute(statement)]
        more = len(found) > limit
        return Page(found[:limit], _write_cursor(found[limit - 1]) if more else None)

    async def row(self, id: str) -> dict[str, Any] | None:
        # One call, with its body if that was stored; None if there is none of this id.
        async with self._reading() as connection:
            found = (await connection.execute(select(ledger).where(ledger.c.id == id))).first()
        return dict(found._mapping) if found else None

    async def every_row(self, filter: Filter | None = None) -> AsyncIterator[list[dict[str, Any]]]:
        # All calls in pages, newest first, without keeping a transaction open between them.
        cursor: str | None = None
        while True:
            page = await self.rows(filter, cursor=cursor, limit=_MOST_ROWS)
            yield page.rows
            cursor = page.cursor
            if cursor is None:
                return

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        try:
            await self._store.prepare()
            if self._drainer is not None:
                await self._drainer.catch_up()
            async with self._store.read() as connection:
                yield connection
        except StoreError:
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError, TimeoutError) as error:
            raise self._store.unavailable(error) from None


def _parts(keys: list[str], filter: Filter) -> list[tuple[Filter, Table | None]]:
    # The question in parts, each for one table: whole hours for their sums, what is before and after for the calls.
    asked = {*keys, *filter.named()}
    table = usage_hours if asked <= _USAGE else tag_hours if "tag" in asked and asked <= _TAGS else None
    if table is None:
        return [(filter, None)]
    since, until = filter.since, filter.until
    first = None if since is None else ceil(since / HOUR) * HOUR
    end = None if until is None else floor(until / HOUR) * HOUR
    if first is not None and end is not None and first >= end:
        return [(filter, None)]
    parts: list[tuple[Filter, Table | None]] = [(filter._replace(since=first, until=end), table)]
    if since is not None and since != first:
        parts.append((filter._replace(until=first), None))
    if until is not None and until != end:
        parts.append((filter._replace(since=end), None))
    return parts


def _grouped(keys: list[str], filter: Filter, hourly: Table | None, dialect: str) -> Select[Any]:
    # Sums over one table; each row has the keys, then the measures.
    source, names, measures, conditions = _calls(keys, filter, dialect) if hourly is None else _hours(hourly, filter)
    statement = select(*(names[name].label(name) for name in keys), *measures).select_from(source).where(*conditions)
    if not keys:
        # Without groups there is always a row, also for nothing.
        return statement.having(func.count() > 0)
    places: list[Any] = list(map(literal_column, map(str, range(1, len(keys) + 1))))
    return statement.group_by(*places).order_by(literal_column(f"{len(keys) + _COST + 1} DESC")).limit(MOST_GROUPS)


def _calls(
    keys: list[str], filter: Filter, dialect: str
) -> tuple[FromClause, _Columns, list[ColumnElement[Any]], list[ColumnElement[bool]]]:
    hours = ledger.c.at / HOUR
    hour = cast(func.floor(hours) if dialect == "postgresql" else hours, BigInteger)
    names: _Columns = {**ledger.columns, "hour": hour, "day": _day(hour)}
    source: FromClause = ledger
    if "tag" in keys:
        label = labels(dialect)
        source, names["tag"] = ledger.join(label, true()), label.c.value
    return source, names, list(map(literal_column, MEASURES.values())), filter.rows(dialect)


def _hours(
    table: Table, filter: Filter
) -> tuple[FromClause, _Columns, list[ColumnElement[Any]], list[ColumnElement[bool]]]:
    names: _Columns = {**table.columns, "day": _day(table.c.hour)}
    conditions = [names[name] == value for name, value in filter.named().items()]
    if filter.since is not None:
        conditions.append(table.c.hour >= int(filter.since // HOUR))
    if filter.until is not None:
        conditions.append(table.c.hour < int(filter.until // HOUR))
    return table, names, [func.sum(table.c[name]) for name in MEASURES], conditions


def _day(hour: ColumnElement[Any]) -> ColumnElement[Any]:
    # Whole numbers on both sides: both databases cut the fraction off.
    return hour.op("/")(literal_column("24"))


def _add(found: dict[tuple[Any, ...], dict[str, Any]], row: Any, keys: int) -> None:
    # What a call does not have is an empty text in the hourly sums.
    values = tuple(None if value == "" else value for value in row[:keys])
    sums = found.setdefault(values, dict.fromkeys(MEASURES, 0))
    for name, amount in zip(MEASURES, row[keys:], strict=True):
        sums[name] += float(amount or 0) if name in FRACTIONS else int(amount or 0)


def _shown(keys: list[str], values: tuple[Any, ...], sums: dict[str, Any]) -> dict[str, Any]:
    shown = dict(zip(keys, values, strict=True))
    for name, text in (("day", day_text), ("hour", hour_text)):
        if name in shown:
            shown[name] = text(shown[name])
    return shown | sums


def _write_cursor(row: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((row["at"], row["id"]))).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[float, str]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        at, id = msgspec.json.decode(text, type=tuple[float, str])
        if "\0" not in id:  # which Postgres cannot be asked about
            return at, id
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        pass
    raise QueryError("the cursor is not one that this gateway gave out")


# The ledger as CSV, in pieces as they are read, safe to open in a spreadsheet.

_INCOMPLETE = "INCOMPLETE: the database did not answer, rows are missing"
_COLUMNS = tuple(column.name for column in ledger.columns if column.name != "body")

# A cell that begins with one of these is a formula to spreadsheets, and its text comes from whoever made the call. Where
# commas are in numbers, a cell ends at a semicolon, and quotes in mid-line mean nothing.
_FORMULA = re.compile(r"(\A|[;\t\r\n])(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")


async def rows_csv(usage: Usage, filter: Filter | None = None) -> AsyncIterator[bytes]:
    # All calls that `filter` leaves, newest first, with a line of names before them; without the bodies.
    yield _lines([_COLUMNS])
    try:
        async for rows in usage.every_row(filter):
            yield _lines([row[name] if name != "at" else moment_text(row[name]) for name in _COLUMNS] for row in rows)
    except StoreError:
        # The head of the answer is out, and without a word this would look like all there is.
        yield _lines([[_INCOMPLETE]])
        raise


async def usage_csv(
    usage: Usage, dimensions: Sequence[str], filter: Filter | None = None, limit: int = MOST_GROUPS
) -> AsyncIterator[bytes]:
    # Sums for each combination of `dimensions`, with a line of names before them.
    names = (*dimensions, *MEASURES)
    groups = await usage.by(dimensions, filter, limit=limit)
    yield _lines([names])
    yield _lines([group[name] for name in names] for group in groups)


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(map(_cell, row) for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        value = ";".join(map(str, value))
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
