# Keys and principals in the database: reading what changed, and what the gateway settles at its start.

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from lingate.server.access.records import Principal, StoredKey, principal_from, stored_from
from lingate.server.store import Statement, Store

if TYPE_CHECKING:
    from lingate.server.access.edits import Edits

_log = logging.getLogger("lingate.access")
_Record = TypeVar("_Record")

_MOST_ROWS = 2000


class Changes(msgspec.Struct):
    # What changed since a version; None stands for a record that was deleted.

    version: int
    keys: dict[str, StoredKey | None] = {}
    principals: dict[tuple[str, str], Principal | None] = {}
    more: bool = False


class Database:
    # The tables of `lingate.server.store.schema`, as records.

    # Every method raises `StoreUnavailableError` when the database does not answer.

    def __init__(self, store: Store) -> None:
        self._store = store
        self._edits: Edits | None = None

    async def edits(self) -> Edits:
        # What changes records.
        # It takes a while to load, which is not the loop's to wait for.
        if self._edits is None:
            self._edits = await asyncio.to_thread(_make_edits, self._store)
        return self._edits

    async def changes(self, since: int) -> Changes:
        # What changed after version `since`, oldest first and not all at once: ask again while there is `more`.
        values = {"since": since, "most": _MOST_ROWS}
        found = [answer.rows for answer in await self._store.ask(*(Statement(sql, values) for sql in _CHANGES))]
        full = [rows[-1][0] for rows in found if len(rows) == _MOST_ROWS]
        # Both tables count versions together: beyond the end of one that was cut off, the other must be asked again.
        end = min(full, default=None)
        keys, principals = ([row for row in rows if end is None or row[0] <= end] for rows in found)
        changes = Changes(max((row[0] for row in (*keys, *principals)), default=since), more=bool(full))
        for _, deleted, id, data, digest, previous in keys:
            changes.keys[id] = None if deleted else _read(f"key {id}", stored_from, data, digest, previous)
        for _, deleted, id, data, kind in principals:
            principal = None if deleted else _read(f"{kind} {id}", principal_from, data) or _closed(id)
            changes.principals[kind, id] = principal
        return changes

    async def key_of(self, digest: str) -> StoredKey | None:
        # The key whose token has this digest (hex), now or until its overlap ends.
        (found,) = await self._store.ask(Statement(_KEY, {"digest": digest}))
        return _read("key", stored_from, *found.rows[0]) if found.rows else None

    async def setting(self, name: str) -> str | None:
        (found,) = await self._store.ask(Statement(_SETTING, {"name": name}))
        return cast(str, found.rows[0][0]) if found.rows else None

    async def settle_setting(self, name: str, value: str) -> str:
        # Set a setting that has no value yet.
        # What comes back is the value it has: another replica may have been first.
        _, found = await self._store.change(
            Statement(_SETTLE, {"name": name, "value": value}), Statement(_SETTING, {"name": name})
        )
        return cast(str, found.rows[0][0])


# What is in both comes first.
_CHANGES = (
    "SELECT version, deleted, id, data, digest, previous_digest FROM keys "
    "WHERE version > :since ORDER BY version LIMIT :most",
    "SELECT version, deleted, id, data, kind FROM principals WHERE version > :since ORDER BY version LIMIT :most",
)
_KEY = (
    "SELECT data, digest, previous_digest FROM keys "
    "WHERE (digest = :digest OR previous_digest = :digest) AND NOT deleted"
)
_SETTING = "SELECT value FROM settings WHERE name = :name"
_SETTLE = "INSERT INTO settings (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING"


def _read(what: str, make: Callable[..., _Record], *row: str) -> _Record | None:
    # A record; None for one that this version cannot read, which a newer one may have written.
    try:
        return make(*row)
    except msgspec.MsgspecError as error:
        _log.error("the record of %s cannot be read, and its calls are refused: %s", what, error)
        return None


def _closed(id_: str) -> Principal:
    # Stands for one that cannot be read: nobody knows what it allows.
    return Principal(id=id_, blocked=True, max_budget=0.0)


def _make_edits(store: Store) -> Edits:
    from lingate.server.access.edits import Edits

    return Edits(store)
