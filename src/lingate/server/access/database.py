"""Keys and principals in the database: reading what changed, changing one record at a time, the audit log beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

import msgspec
from sqlalchemy import CursorResult, Executable, Table, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from lingate.server.access.audit import Entry
from lingate.server.access.records import Key, Kind, Principal, StoredKey
from lingate.server.store import Store
from lingate.server.store.access import audit, keys, principals, settings
from lingate.server.store.connection import AsyncConnection
from lingate.server.store.engine import is_outage

_VERSION = "access_version"
_MOST_ROWS = 2000


@dataclass(slots=True)
class Changes:
    """What changed since a version; None stands for a record that was deleted."""

    version: int
    keys: dict[str, StoredKey | None] = field(default_factory=dict)
    principals: dict[tuple[str, str], Principal | None] = field(default_factory=dict)
    more: bool = False


class Database:
    """The tables of `lingate.server.store.access`, as records.

    Every method raises `StoreUnavailableError` when the database does not answer.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        # Each dialect costs 30 ms at start: only the one that is used is loaded.
        self._upsert: Any = import_module(f"sqlalchemy.dialects.{'sqlite' if store.is_sqlite else 'postgresql'}").insert

    @asynccontextmanager
    async def _connected(self, *, write: bool = False) -> AsyncIterator[AsyncConnection]:
        try:
            if not self._store.ready:
                await self._store.prepare()
            async with self._store.write() if write else self._store.read() as connection:
                yield connection
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            if is_outage(error):
                raise self._store.unavailable(error) from None
            raise

    async def _rows(self, statement: Executable) -> list[Any]:
        async with self._connected() as connection:
            return list((await connection.execute(statement)).all())

    async def changes(self, since: int) -> Changes:
        """What changed after version `since`, oldest first and not all at once: ask again while there is `more`."""
        version = since
        found: dict[str, list[Any]] = {}
        async with self._connected() as connection:
            for table in (keys, principals):
                query = select(table).where(table.c.version > since).order_by(table.c.version).limit(_MOST_ROWS)
                found[table.name] = list((await connection.execute(query)).all())
        full = [rows[-1].version for rows in found.values() if len(rows) == _MOST_ROWS]
        # Both tables count versions together: beyond the end of one that was cut off, the other must be asked again.
        end = min(full, default=None)
        changes = Changes(version, more=bool(full))
        for row in found["keys"]:
            if end is None or row.version <= end:
                changes.keys[row.id] = None if row.deleted else _stored(row)
                changes.version = max(changes.version, row.version)
        for row in found["principals"]:
            if end is None or row.version <= end:
                changes.principals[row.kind, row.id] = None if row.deleted else _principal(row)
                changes.version = max(changes.version, row.version)
        return changes

    async def key_of(self, digest: str) -> StoredKey | None:
        """The key whose token has this digest (hex), now or until its overlap ends."""
        query = select(keys).where(
            (keys.c.digest == digest) | (keys.c.previous_digest == digest), keys.c.deleted.is_(False)
        )
        rows = await self._rows(query)
        return _stored(rows[0]) if rows else None

    async def audit_log(
        self, *, limit: int, before: int | None = None, kind: str | None = None, subject: str | None = None
    ) -> list[Entry]:
        """What administrators did, newest first."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        for column, value in ((audit.c.kind, kind), (audit.c.subject, subject)):
            if value is not None:
                query = query.where(column == value)
        if before is not None:
            query = query.where(audit.c.id < before)
        return [
            Entry(
                id=row.id,
                at=row.at,
                actor=row.actor,
                address=row.address,
                action=row.action,
                kind=row.kind,
                subject=row.subject,
                changes=msgspec.json.decode(row.changes),
            )
            for row in await self._rows(query)
        ]

    async def setting(self, name: str) -> str | None:
        """A setting's value."""
        rows = await self._rows(select(settings.c.value).where(settings.c.name == name))
        return cast(str, rows[0].value) if rows else None

    async def settle_setting(self, name: str, value: str) -> str:
        """Set a setting that has no value yet. What comes back is the value it has: another replica may have been first."""
        async with self._connected(write=True) as connection:
            await connection.execute(
                self._upsert(settings).values(name=name, value=value).on_conflict_do_nothing(index_elements=["name"])
            )
            return cast(str, await connection.scalar(select(settings.c.value).where(settings.c.name == name)))

    async def note(self, entry: Entry) -> None:
        """Write down something that an administrator did and that changed no record."""
        async with self._connected(write=True) as connection:
            await _write_audit(connection, [entry])

    async def edit_key(
        self,
        key_id: str,
        change: Callable[[StoredKey | None], StoredKey | None],
        entry: Callable[[Key | None, Key | None], Entry],
    ) -> tuple[int, StoredKey | None]:
        """Replace a key by what `change` makes of it (None deletes it), as one step that no other replica comes between."""
        async with self._connected(write=True) as connection:
            version = await self._next_version(connection)
            row = (await connection.execute(select(keys).where(keys.c.id == key_id))).one_or_none()
            old = None if row is None or row.deleted else _stored(row)
            new = change(old)
            values = {
                "digest": new.digest if new else f"deleted:{key_id}",
                "previous_digest": new.previous_digest if new else None,
                "version": version,
                "deleted": new is None,
                "data": msgspec.json.encode(new.key).decode() if new else "",
            }
            await self._put(connection, keys, {"id": key_id}, values)
            await _write_audit(connection, [entry(old.key if old else None, new.key if new else None)])
        return version, new

    async def edit_principal(
        self,
        kind: Kind,
        id: str,
        change: Callable[[Principal | None], Principal | None],
        entry: Callable[[Principal | None, Principal | None], Entry],
    ) -> tuple[int, Principal | None]:
        """The same for a team, user, customer, tag or budget."""
        async with self._connected(write=True) as connection:
            version = await self._next_version(connection)
            where = (principals.c.kind == kind) & (principals.c.id == id)
            row = (await connection.execute(select(principals).where(where))).one_or_none()
            old = None if row is None or row.deleted else _principal(row)
            new = change(old)
            data = msgspec.json.encode(new).decode() if new else ""
            values = {"version": version, "deleted": new is None, "data": data}
            await self._put(connection, principals, {"kind": kind, "id": id}, values)
            await _write_audit(connection, [entry(old, new)])
        return version, new

    async def _put(
        self, connection: AsyncConnection, table: Table, identity: dict[str, str], values: dict[str, Any]
    ) -> None:
        statement = self._upsert(table).values(**identity, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=list(identity), set_=values))

    async def _next_version(self, connection: AsyncConnection) -> int:
        # The row stays locked until the transaction ends, so versions become visible in their order.
        await connection.execute(
            self._upsert(settings).values(name=_VERSION, value="0").on_conflict_do_nothing(index_elements=["name"])
        )
        query = select(settings.c.value).where(settings.c.name == _VERSION).with_for_update()
        version = int(await connection.scalar(query)) + 1
        await connection.execute(update(settings).where(settings.c.name == _VERSION).values(value=str(version)))
        return version


async def _write_audit(connection: AsyncConnection, entries: Iterable[Entry]) -> CursorResult[Any]:
    rows = [
        {
            "at": entry.at,
            "actor": entry.actor,
            "address": entry.address,
            "action": entry.action,
            "kind": entry.kind,
            "subject": entry.subject,
            "changes": msgspec.json.encode(entry.changes).decode(),
        }
        for entry in entries
    ]
    return await connection.execute(insert(audit), rows)


def _stored(row: Any) -> StoredKey:
    key = msgspec.json.decode(row.data, type=Key, strict=False)
    return StoredKey(key=key, digest=row.digest, previous_digest=row.previous_digest)


def _principal(row: Any) -> Principal:
    return msgspec.json.decode(row.data, type=Principal, strict=False)
