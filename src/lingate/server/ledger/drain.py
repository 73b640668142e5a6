# Copy journals into the database: one task, in batches, each exactly once.

# The position in a journal is committed together with the rows before it, and rows are ignored that the database already
# has: whatever dies when, nothing is missing and nothing is there twice. A file is deleted when the database has its rows
# where a power cut would not reach them. While the database is away rows pile up on disk, one warning says so, and one
# says when it is back.

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from lingate._model import Record
from lingate.server.ledger.insert import Inserter, SqliteInserter
from lingate.server.ledger.journal import Journal
from lingate.server.ledger.spool import Batch, Position, Reader, orphans
from lingate.server.store import Statement, Store, StoreError

_log = logging.getLogger("lingate.ledger")

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0
_BATCH_SECONDS = 60.0
_FORGET_SECONDS = 3650 * 86400.0  # a machine may be away for long, or a gateway idle

# Bytes of rows that are in the database within about half a second.
_SOON = 16 * 1024 * 1024

_POSITION = 'SELECT segment, "offset" FROM journal_positions WHERE spool = :spool'
_FORGET = "DELETE FROM journal_positions WHERE spool = :spool OR at < :old"

# What is wrong with a row itself, before any database has seen it.
_NO_ROW = (OverflowError, msgspec.MsgspecError)


class DrainState(Record):
    # How the copying goes, for metrics and health.

    drained_rows: int = 0
    """Rows copied since the start, with those of dead processes."""
    rejected_rows: int = 0
    """Rows that the database refused for what is in them, and that were set aside in a file."""
    away_since: float | None = None
    """When the database stopped answering, None while it does."""
    reason: str | None = None


class Drainer:
    # The one writer of a journal's rows.

    # journal: Of this process. Journals of dead processes beside it are taken over.
    # store: Where rows go. It need not answer yet.
    # interval: Seconds between looks for new rows.
    # sync_interval: Seconds between syncs of the journal: what a power cut may cost.
    # adopt_interval: Seconds between looks for journals of processes that have died.
    # outages: What says that the database is away, full or not fit for use, and that the rows themselves are innocent.

    def __init__(
        self,
        journal: Journal,
        store: Store,
        *,
        interval: float = 0.5,
        sync_interval: float = 1.0,
        adopt_interval: float = 30.0,
    ) -> None:
        self._journal = journal
        self._store = store
        self._interval = interval
        self._sync_interval = sync_interval
        self._adopt_interval = adopt_interval
        self._inserter = _inserter(store)
        self._refusals: tuple[type[Exception], ...] = (*self._inserter.errors, *_NO_ROW)
        self.outages: tuple[type[Exception], ...] = (*self._inserter.errors, OSError, TimeoutError, StoreError)
        self._own = Reader(
            journal.spool,
            live=lambda: Position(journal.segment, journal.size),
            passed=journal.drained,
            damaged=self._found_damage,
        )
        self._adopted: list[Reader] = []
        self._adopt_at = 0.0
        self._turn = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.state = DrainState()

    async def run(self) -> None:
        # Copy rows until `stop`, whatever the database does.
        async with asyncio.TaskGroup() as group:
            self._tasks = [group.create_task(self._keep_synced()), group.create_task(self._keep_draining())]

    async def stop(self, deadline: float = 5.0) -> bool:
        # Copy what is left, for at most `deadline` seconds, and end `run`.
        # Returns whether nothing is left; what is left is copied by the next process.
        self._stopping.set()
        try:
            async with asyncio.timeout(deadline):
                await self.flush()
                if self._pending() == 0:
                    await self._forget_position(self._own)
        except self.outages as error:
            if left := self._pending():
                _log.warning("%d bytes of the journal are left for the next start: %s", left, self._said(error))
        for task in self._tasks:
            task.cancel()
        return self._pending() == 0

    async def flush(self) -> None:
        # Return when all rows written before are in the database.
        # Raises Exception: One of `outages`.
        if self.state.away_since is None and not self._pending() and time.monotonic() < self._adopt_at:
            return
        async with self._turn:
            await self._begin()
            for reader in list(self._adopted):
                await self._copy(reader)
                await self._delete_read(reader)
                await self._forget(reader)
            await self._copy(self._own)
            await self._delete_read(self._own)
        self._came_back()

    async def catch_up(self) -> bool:
        # As `flush`, unless so much is waiting that it would take long; returns whether it was done.
        soon = self._pending() <= _SOON
        if soon:
            await self.flush()
        return soon

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[list[bytes]]:
        # No row moves meanwhile; yields those, as JSON, that are not in the database.
        async with self._turn:
            await self._begin()
            yield [payload for reader in (*self._adopted, self._own) for payload in reader.pending()]

    async def _keep_synced(self) -> None:
        synced, refused = -1, False
        while not self._stopping.is_set():
            await self._sleep(self._sync_interval)
            self._journal.retry()
            written = self._journal.written_rows
            if written == synced:
                continue
            try:
                await asyncio.to_thread(self._journal.sync)
                synced, refused = written, False
            except OSError as error:
                if not refused:
                    _log.error("the journal cannot be synced: %s", error.strerror)
                refused = True

    async def _keep_draining(self) -> None:
        wait = _FIRST_WAIT
        while not self._stopping.is_set():
            try:
                await self.flush()
            except self.outages as error:
                self._went_away(error)
                await self._sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - spreads replicas, hides nothing
                wait = min(wait * 2, _LONGEST_WAIT)
                continue
            wait = _FIRST_WAIT
            await self._sleep(self._interval)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _begin(self) -> None:
        # Find the positions of this process's journal and of dead ones.
        await self._store.prepare()
        if self._own.position is None:
            self._own.start(None)
        if time.monotonic() >= self._adopt_at:
            for spool in await asyncio.to_thread(orphans, self._journal.root):
                self._journal.found(spool.total())
                self._adopted.append(
                    Reader(spool, passed=lambda size: self._journal.found(-size), damaged=self._found_damage)
                )
            self._adopt_at = time.monotonic() + self._adopt_interval
        for reader in self._adopted:
            if reader.position is None:
                reader.start(await self._position(reader.spool.name))

    async def _position(self, spool: str) -> Position | None:
        (found,) = await self._store.ask(Statement(_POSITION, {"spool": spool}))
        return Position(*found.rows[0]) if found.rows else None

    async def _copy(self, reader: Reader) -> None:
        # Rows that come meanwhile wait for the next time: under load there would always be one more, in a transaction of its own.
        goal = Position(self._journal.segment, self._journal.size)
        while (batch := reader.batch(self._inserter.rows)) is not None:
            await self._commit(batch)
            reader.advance(batch.end)
            self._came_back()
            if reader is self._own and batch.end >= goal:
                return

    async def _commit(self, batch: Batch) -> None:
        try:
            async with asyncio.timeout(_BATCH_SECONDS):
                await self._inserter.commit(batch.payloads, batch.spool, batch.end)
        except self._refusals as error:
            if not isinstance(error, _NO_ROW) and not self._inserter.blames_a_row(error):
                raise
            await self._commit_without(batch, error)
            return
        self.state.drained_rows += len(batch.payloads)

    async def _commit_without(self, batch: Batch, error: Exception) -> None:
        # Some row of `batch` cannot be stored: find it and set it aside, so that it does not hold up the others.
        if len(batch.payloads) > 1:
            for half in batch.halves():
                await self._commit(half)
            return
        await asyncio.to_thread(_set_aside, self._journal.root, batch.payloads[0], self._said(error))
        self.state.rejected_rows += 1
        await self._inserter.commit([], batch.spool, batch.end)

    async def _delete_read(self, reader: Reader) -> None:
        if reader.has_read_segments():
            await self._store.harden()
            reader.delete_read()

    async def _forget(self, reader: Reader) -> None:
        # All of a dead process's rows are in the database.
        await self._store.harden()
        reader.spool.remove()
        self._adopted.remove(reader)
        await self._forget_position(reader)

    async def _forget_position(self, reader: Reader) -> None:
        # Old ones too: a process that died between deleting a journal and this left its position behind.
        old = time.time() - _FORGET_SECONDS
        await self._store.change(Statement(_FORGET, {"spool": reader.spool.name, "old": old}))

    def _pending(self) -> int:
        return self._journal.state.pending_bytes

    def _found_damage(self, size: int) -> None:
        self._journal.damaged_bytes += size
        _log.warning("%d bytes of a journal were no row and are skipped", size)

    def _went_away(self, error: BaseException) -> None:
        self.state.reason = self._said(error)
        if self.state.away_since is None:
            self.state.away_since = time.time()
            _log.warning("the ledger's database is away, rows wait in the journal: %s", self.state.reason)

    def _came_back(self) -> None:
        if self.state.away_since is not None:
            _log.warning("the ledger's database is back after %.0f seconds", time.time() - self.state.away_since)
            self.state.away_since = self.state.reason = None

    def _said(self, error: BaseException) -> str:
        return str(error) if isinstance(error, StoreError) else self._store.unavailable(error).message


def _inserter(store: Store) -> Inserter:
    if store.is_sqlite:
        return SqliteInserter(store)
    from lingate.server.ledger.insert_postgres import PostgresInserter

    return PostgresInserter(store)


def _set_aside(root: Path, payload: bytes, reason: str) -> None:
    # Append a row to `rejected.jsonl` in the journals' directory, which several processes may share, and say so.
    path, line = root / "rejected.jsonl", payload + b"\n"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        # A row of which the disk took a part, or whose writer was killed, is still in its journal.
        while size and os.pread(file, 1, size - 1) != b"\n":
            size -= 1
        os.ftruncate(file, size)
        if os.write(file, line) < len(line):
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file)
    finally:
        os.close(file)
    _log.error("the ledger's database refuses a row, which is now in %s: %s", path, reason)


# Delete what is older than it may be: a few rows at a time, so that nobody waits for it.

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
