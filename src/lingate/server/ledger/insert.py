# Put rows of a journal into the database, the fastest way each has: the SQL that they share, and SQLite's.

# SQLite gets many rows a statement, in a thread; Postgres (`insert_postgres.py`) gets the JSON as it is in the journal
# and takes it apart itself. Both ignore rows that they have.

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from itertools import chain
from typing import Any, Protocol

import msgspec

from lingate.server.ledger.spool import Position
from lingate.server.records import MEASURES, LedgerRow
from lingate.server.store import Store

# Rows a statement, decoded in one piece: the thread lets go of the interpreter's lock after each.
_WIDE = 32

# The table has a column for each field, in its order.
COLUMNS = LedgerRow.__struct_fields__


class Inserter(Protocol):
    # One database's way.

    rows: int
    """The most to give it at once."""
    errors: tuple[type[Exception], ...]
    """What it raises."""

    def blames_a_row(self, error: Exception) -> bool: ...

    async def commit(self, payloads: list[bytes], spool: str, position: Position) -> None:
        # Insert rows, add them to the hourly sums, and remember how far the journal has been copied: all or nothing.
        ...


def save_position(marks: Sequence[str]) -> str:
    return (
        f'INSERT INTO journal_positions (spool, segment, "offset", at) VALUES ({", ".join(marks)}) '  # noqa: S608
        'ON CONFLICT (spool) DO UPDATE SET segment = excluded.segment, "offset" = excluded."offset", at = excluded.at'
    )


def _sums(table: str, keys: dict[str, str], source: str) -> str:
    # Add the rows of `source` to sums. Ordered, so that replicas that do it at once wait for each other and do not deadlock.
    columns = keys | MEASURES
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in MEASURES)
    places = ", ".join(map(str, range(1, len(keys) + 1)))
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {source} "  # noqa: S608
        f"GROUP BY {places} ORDER BY {places} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}"
    )


def usage_sums(source: str, hour: str) -> str:
    keys = {
        "hour": hour,
        "key_id": "key_id",
        "team_id": "coalesce(team_id, '')",
        "user_id": "coalesce(user_id, '')",
        "model": "model",
        "provider": "coalesce(provider, '')",
    }
    return _sums("usage_hours", keys, source)


def tag_sums(source: str, hour: str) -> str:
    return _sums("tag_hours", {"tag": "label.value", "hour": hour, "model": "model"}, source)


class SqliteInserter:
    # Decodes rows here and binds 32 of them to a statement, all in one go in a thread.

    rows = 1024
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, store: Store) -> None:
        self._store = store
        # As `LedgerRow`, but what is stored as JSON is None where it is absent, which is nearly always.
        required: list[Any] = []
        optional: list[Any] = []
        for field in msgspec.structs.fields(LedgerRow):
            if field.name in {"tags", "body"}:
                optional.append((field.name, Any, None))
            elif field.default is msgspec.NODEFAULT:
                required.append((field.name, field.type))
            else:
                optional.append((field.name, field.type, field.default))
        self._decode = msgspec.json.Decoder(list[msgspec.defstruct("Stored", required + optional)]).decode  # type: ignore[misc]
        head = f"INSERT INTO ledger ({', '.join(COLUMNS)}) VALUES "  # noqa: S608 - our own columns
        one = f"({', '.join('?' * len(COLUMNS))})"
        # Not OR IGNORE, which would ignore more than rows that are there already.
        tail = " ON CONFLICT (id) DO NOTHING"
        self._one = head + one + tail
        self._many = head + ", ".join([one] * _WIDE) + tail
        hour = "CAST(at / 3600 AS INTEGER)"
        self._usage = usage_sums("ledger WHERE ledger.rowid > ?", hour)
        self._tagged = tag_sums("ledger, json_each(ledger.tags) AS label WHERE ledger.rowid > ?", hour)
        self._position = save_position("????")

    async def commit(self, payloads: list[bytes], spool: str, position: Position) -> None:
        def write(connection: sqlite3.Connection) -> None:
            if payloads:
                self._insert(connection, payloads)
            connection.execute(self._position, (spool, position.segment, position.offset, time.time()))

        await self._store.transact(write)

    def blames_a_row(self, error: Exception) -> bool:
        return isinstance(error, (sqlite3.DataError, sqlite3.IntegrityError))

    def _insert(self, connection: sqlite3.Connection, payloads: list[bytes]) -> None:
        (before,) = connection.execute("SELECT coalesce(max(rowid), 0) FROM ledger").fetchone()
        tagged = False
        for at in range(0, len(payloads), _WIDE):
            text = b"[" + b",".join(payloads[at : at + _WIDE]) + b"]"
            tagged = tagged or b'"tags":' in text
            values = self._values(text)
            if len(values) == _WIDE:
                connection.execute(self._many, tuple(chain.from_iterable(values)))
            else:
                connection.executemany(self._one, values)
        connection.execute(self._usage, (before,))
        if tagged:
            connection.execute(self._tagged, (before,))

    def _values(self, text: bytes) -> list[tuple[Any, ...]]:
        rows = self._decode(text)
        if b'"tags":' in text or b'"body":' in text:
            for row in rows:
                if row.tags is not None:
                    row.tags = msgspec.json.encode(row.tags).decode()
                if row.body is not None:
                    row.body = msgspec.json.encode(row.body).decode()
        return list(map(msgspec.structs.astuple, rows))
