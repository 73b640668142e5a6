# Put rows of a journal into Postgres.

from __future__ import annotations

import time

import msgspec
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from lingate.server.ledger.insert import COLUMNS, save_position, tag_sums, usage_sums
from lingate.server.ledger.spool import Position
from lingate.server.records import LedgerRow
from lingate.server.store import Store
from lingate.server.store.schema import ledger

# Tries of a transaction that others undo, before it is an outage.
_CONFLICTS = 4


class PostgresInserter:
    # Sends the JSON, one statement for everything.

    rows = 512
    errors: tuple[type[Exception], ...] = (SQLAlchemyError,)

    def __init__(self, store: Store) -> None:
        self._store = store
        chosen = []
        for column, field in zip(ledger.columns, msgspec.structs.fields(LedgerRow), strict=True):
            if column.nullable or field.default is msgspec.NODEFAULT:
                chosen.append(f"r.{column.name}")
            else:
                # Texts, numbers and booleans: Python writes them as SQL does.
                chosen.append(f"coalesce(r.{column.name}, {field.default!r})")
        names = ", ".join(COLUMNS)
        hour = "floor(at / 3600)::bigint"
        fresh = (
            f"WITH fresh AS (INSERT INTO ledger ({names}) SELECT {', '.join(chosen)} "  # noqa: S608
            "FROM json_populate_recordset(NULL::ledger, $1::text::json) AS r ON CONFLICT (id) DO NOTHING RETURNING *)"
        )
        tagged = tag_sums("fresh, jsonb_array_elements_text(fresh.tags) AS label(value)", hour)
        usage = usage_sums("fresh", hour)
        self._plain = f"{fresh} {usage}"
        self._with_tags = f"{fresh}, tagged AS ({tagged}) {usage}"
        self._position = save_position(("$1", "$2", "$3", "$4"))

    async def commit(self, payloads: list[bytes], spool: str, position: Position) -> None:
        for _ in range(_CONFLICTS):
            try:
                await self._commit(payloads, spool, position)
            except DBAPIError as error:
                # Class 40: another replica's transaction was in the way, and this one was undone.
                if _sqlstate(error)[:2] != "40":
                    raise
            else:
                return
        await self._commit(payloads, spool, position)

    def blames_a_row(self, error: Exception) -> bool:
        if isinstance(error, (DataError, IntegrityError)):
            return True
        # Class 22 is for data, 23 for constraints, 54 for what is too long for an index.
        return isinstance(error, DBAPIError) and _sqlstate(error)[:2] in {"22", "23", "54"}

    async def _commit(self, payloads: list[bytes], spool: str, position: Position) -> None:
        async with self._store.write() as connection:
            if payloads:
                text = b"[" + b",".join(payloads) + b"]"
                statement = self._with_tags if b'"tags":' in text else self._plain
                await connection.exec_driver_sql(statement, (text.decode(),))
            await connection.exec_driver_sql(self._position, (spool, position.segment, position.offset, time.time()))


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")
