# Changing keys and principals: one record at a time, as one step, and an entry of the audit log beside it.

# This is what administrators do. It is loaded for the first of them: to serve calls, keys are read only.

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import msgspec
from sqlalchemy import Table, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from lingate.server.access.records import Entry, Key, Kind, Principal, StoredKey, principal_from, stored_from
from lingate.server.access.service import RefusedError
from lingate.server.store import Store
from lingate.server.store.connection import AsyncConnection
from lingate.server.store.schema import audit, keys, principals, settings

_VERSION = "access_version"


class Edits:
    # Changes of the tables of `lingate.server.store.schema`, and what was written down about them.

    # Every method raises `StoreUnavailableError` when the database does not answer, `StoreError` when it cannot be
    # used.

    def __init__(self, store: Store) -> None:
        self._store = store
        # Each dialect costs 30 ms: only the one that is used is loaded.
        self._upsert: Any = import_module(f"sqlalchemy.dialects.{'sqlite' if store.is_sqlite else 'postgresql'}").insert

    @asynccontextmanager
    async def _connected(self, *, write: bool = False) -> AsyncIterator[AsyncConnection]:
        try:
            await self._store.prepare()
            async with self._store.write() if write else self._store.read() as connection:
                yield connection
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise self._store.failed(error) from None

    async def audit_log(
        self, *, limit: int, before: int | None = None, kind: str | None = None, subject: str | None = None
    ) -> list[Entry]:
        # What administrators did, newest first.
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        for column, value in ((audit.c.kind, kind), (audit.c.subject, subject)):
            if value is not None:
                query = query.where(column == value)
        if before is not None:
            query = query.where(audit.c.id < before)
        async with self._connected() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Entry(**{**row, "changes": msgspec.json.decode(row["changes"])}) for row in rows]

    async def note(self, entry: Entry) -> None:
        # Write down something that an administrator did and that changed no record.
        async with self._connected(write=True) as connection:
            await _write_audit(connection, entry)

    async def edit_key(
        self,
        key_id: str,
        change: Callable[[StoredKey | None], StoredKey | None],
        entry: Callable[[Key | None, Key | None], Entry],
    ) -> StoredKey | None:
        # Replace a key by what `change` makes of it (None deletes it), as one step that no other replica comes between.
        async with self._connected(write=True) as connection:
            version = await self._next_version(connection)
            row = (await connection.execute(select(keys).where(keys.c.id == key_id))).one_or_none()
            old = None if row is None or row.deleted else stored_from(row.data, row.digest, row.previous_digest)
            new = change(old)
            values = {
                "digest": new.digest if new else f"deleted:{key_id}",
                "previous_digest": new.previous_digest if new else None,
                "version": version,
                "deleted": new is None,
                "data": msgspec.json.encode(new.key).decode() if new else "",
            }
            try:
                await self._put(connection, keys, {"id": key_id}, values)
            except IntegrityError:  # another change came between the look for the token and this one
                raise RefusedError("this token is in use already", status=409, param="key") from None
            await _write_audit(connection, entry(old.key if old else None, new.key if new else None))
        return new

    async def edit_principal(
        self,
        kind: Kind,
        id: str,
        change: Callable[[Principal | None], Principal | None],
        entry: Callable[[Principal | None, Principal | None], Entry],
    ) -> Principal | None:
        # The same for a team, user, customer, tag or budget.
        async with self._connected(write=True) as connection:
            version = await self._next_version(connection)
            where = (principals.c.kind == kind) & (principals.c.id == id)
            row = (await connection.execute(select(principals).where(where))).one_or_none()
            old = None if row is None or row.deleted else principal_from(row.data)
            new = change(old)
            data = msgspec.json.encode(new).decode() if new else ""
            values = {"version": version, "deleted": new is None, "data": data}
            await self._put(connection, principals, {"kind": kind, "id": id}, values)
            await _write_audit(connection, entry(old, new))
        return new

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


async def _write_audit(connection: AsyncConnection, entry: Entry) -> None:
    row = msgspec.structs.asdict(entry)
    del row["id"]
    await connection.execute(insert(audit), {**row, "changes": msgspec.json.encode(entry.changes).decode()})
