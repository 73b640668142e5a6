"""Delete what is older than it may be: a few rows at a time, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from lingate.server.ledger.times import HOUR
from lingate.server.store import Statement, Store, StoreError

_log = logging.getLogger("lingate.ledger")

_BATCH: Final = 500
_PAUSE: Final = 0.02


_ROWS: Final = "DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE at < :before ORDER BY at LIMIT :most)"
_SUMS: Final = {
    "usage_hours": "hour, key_id, team_id, user_id, model, provider",
    "tag_hours": "tag, hour, model",
}
"""Tables of sums, and their keys."""


async def delete_rows(store: Store, before: float) -> int:
    """Delete calls that arrived before a moment; their sums stay. Returns how many there were."""
    return await _delete(store, _ROWS, before)


async def delete_sums(store: Store, before: float) -> int:
    """Delete the hourly sums of hours before a moment. Returns how many there were."""
    count = 0
    for table, key in _SUMS.items():
        old = f"SELECT {key} FROM {table} WHERE hour < :before LIMIT :most"  # noqa: S608 - our own names
        count += await _delete(store, f"DELETE FROM {table} WHERE ({key}) IN ({old})", int(before // HOUR))  # noqa: S608
    return count


async def _delete(store: Store, sql: str, before: float) -> int:
    count = 0
    while True:
        (done,) = await store.change(Statement(sql, {"before": before, "most": _BATCH}))
        count += done.changed
        if done.changed < _BATCH:
            return count
        await asyncio.sleep(_PAUSE)


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
        await asyncio.sleep(every)
