# Delete what is older than it may be: a few rows at a time, so that nobody waits for it.

from __future__ import annotations

import asyncio
import logging
import time

from lingate.server.store import Statement, Store, StoreError

_log = logging.getLogger("lingate.ledger")

_BATCH = 500
_PAUSE = 0.02
_ROWS = "DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE at < :before ORDER BY at LIMIT :most)"


async def delete_rows(store: Store, before: float) -> int:
    # Delete calls that arrived before a moment; their sums stay.
    # Returns how many there were.
    count = 0
    while True:
        (done,) = await store.change(Statement(_ROWS, {"before": before, "most": _BATCH}))
        count += done.changed
        if done.changed < _BATCH:
            return count
        await asyncio.sleep(_PAUSE)


async def keep_for(store: Store, seconds: float, every: float = 3600.0) -> None:
    # Delete calls that are older than so many seconds, each hour, until cancelled.
    while True:
        try:
            await store.prepare()
            await delete_rows(store, time.time() - seconds)
        except StoreError as error:
            _log.warning("old rows of the ledger were not deleted: %s", error)
        await asyncio.sleep(every)
