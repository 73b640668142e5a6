"""Delete what is older than it may be: a few rows at a time, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from typing import Final

from sqlalchemy import delete, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from lingate.server.ledger.times import HOUR
from lingate.server.store import Store, StoreError
from lingate.server.store.ledger import ledger, tag_hours, usage_hours

_log = logging.getLogger("lingate.ledger")

_BATCH: Final = 500
_PAUSE: Final = 0.02


async def delete_rows(store: Store, before: float) -> int:
    """Delete calls that arrived before a moment; their sums stay. Returns how many there were."""
    old = select(ledger.c.id).where(ledger.c.at < before).order_by(ledger.c.at).limit(_BATCH)
    count = 0
    while True:
        async with store.write() as connection:
            done = (await connection.execute(delete(ledger).where(ledger.c.id.in_(old.scalar_subquery())))).rowcount
        count += done
        if done < _BATCH:
            return count
        await asyncio.sleep(_PAUSE)


async def delete_sums(store: Store, before: float) -> int:
    """Delete the hourly sums of hours before a moment. Returns how many there were."""
    count = 0
    for table in (usage_hours, tag_hours):
        key = tuple_(*table.primary_key.columns)
        old = select(*table.primary_key.columns).where(table.c.hour < int(before // HOUR)).limit(_BATCH)
        while True:
            async with store.write() as connection:
                done = (await connection.execute(delete(table).where(key.in_(old)))).rowcount
            count += done
            if done < _BATCH:
                break
            await asyncio.sleep(_PAUSE)
    return count


async def keep_for(store: Store, *, rows: float | None, sums: float | None = None, every: float = 3600.0) -> None:
    """Delete calls and hourly sums that are older than so many seconds, each hour, until cancelled.

    None: they are never too old.
    """
    while True:
        try:
            await store.prepare()
            if rows is not None:
                await delete_rows(store, time.time() - rows)
            if sums is not None:
                await delete_sums(store, time.time() - sums)
        except StoreError as error:
            _log.warning("old rows of the ledger were not deleted: %s", error)
        except (SQLAlchemyError, sqlite3.Error, OSError, TimeoutError) as error:
            _log.warning("old rows of the ledger were not deleted: %s", store.unavailable(error))
        await asyncio.sleep(every)
