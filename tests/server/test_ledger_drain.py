"""Rows get from the journal into the database by themselves, each exactly once."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from lingate.server.access.meters import Owner
from lingate.server.ledger import Drainer, Journal
from lingate.server.ledger.spending import LedgerSpending
from lingate.server.store import Statement, Store, StoreUnavailableError
from lingate.server.store.connection import AsyncConnection
from lingate.server.store.schema import journal_positions, tag_hours, usage_hours
from tests.server.ledger_kit import Gateway, Starter, start_fixture, stored_ids, until, url_fixture
from tests.server.rows import make_row

__all__ = ["start_fixture", "url_fixture"]


async def test_rows_arrive_by_themselves_and_their_files_go(start: Starter) -> None:
    gateway = await start()
    gateway.run()
    rows = [make_row() for _ in range(500)]
    for row in rows:
        gateway.journal.write(row)

    await until(lambda: gateway.drainer.state.drained_rows == 500)
    await until(lambda: len(gateway.journal.spool.segments()) == 1)

    assert await stored_ids(gateway.store) == [row.id for row in rows]
    assert gateway.journal.state.pending_bytes == 0


async def test_what_is_left_at_the_end_is_copied_within_the_deadline(start: Starter, tmp_path: Path) -> None:
    gateway = await start()
    gateway.run()
    for _ in range(3000):
        gateway.journal.write(make_row())

    assert await gateway.stop()

    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["claim"]
    async with gateway.store.read() as connection:
        assert (await connection.execute(select(journal_positions))).all() == []
    assert len(await stored_ids(gateway.store)) == 3000


async def test_rows_of_a_dead_process_are_adopted_by_one_that_runs(start: Starter, tmp_path: Path) -> None:
    dead, alive = await start(), await start()
    rows = [make_row() for _ in range(100)]
    for row in rows[:50]:
        dead.journal.write(row)
    await dead.drainer.flush()
    for row in rows[50:]:
        dead.journal.write(row)
    alive.run()
    await asyncio.sleep(0.2)
    assert alive.drainer.state.drained_rows == 0

    dead.die()
    await until(lambda: alive.drainer.state.drained_rows == 50)
    await until(lambda: len(list((tmp_path / "journal").iterdir())) == 2)

    assert await stored_ids(alive.store) == [row.id for row in rows]
    assert alive.journal.state.pending_bytes == 0


async def test_rows_that_the_database_has_are_not_added_again(start: Starter, tmp_path: Path) -> None:
    gateway = await start()
    rows = [make_row(tags=("x",), end_user="e") for _ in range(40)]
    for row in rows:
        gateway.journal.write(row)
    # A copy that was made before the database had them, as a restored backup would be.
    shutil.copytree(gateway.journal.spool.directory, tmp_path / "journal" / "00112233445566aa")
    await gateway.drainer.flush()

    other = await start()
    other.journal.write(rows[3])
    await other.drainer.flush()

    assert await stored_ids(gateway.store) == [row.id for row in rows]
    async with gateway.store.read() as connection:
        assert await connection.scalar(select(func.sum(tag_hours.c.calls))) == 40


async def test_a_journal_that_comes_back_after_months_is_not_added_again(start: Starter, tmp_path: Path) -> None:
    # Its rows are older than rows are kept; only the sums still have them.
    gone, other = await start(), await start()
    for _ in range(10):
        gone.journal.write(make_row())
    await gone.drainer.flush()
    gone.die()
    away = shutil.move(gone.journal.spool.directory, tmp_path / gone.journal.spool.name)
    then = {"at": time.time() - 100 * 86400}
    await other.store.change(
        Statement("UPDATE journal_positions SET at = :at", then), Statement("DELETE FROM ledger", {})
    )
    assert await other.stop()
    shutil.move(away, gone.journal.spool.directory)

    back = await start()
    await back.drainer.flush()

    assert not gone.journal.spool.directory.exists()
    async with back.store.read() as connection:
        assert await connection.scalar(select(func.sum(usage_hours.c.calls))) == 10


async def test_a_commit_whose_answer_was_lost_is_not_repeated(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = await start()
    rows = [make_row() for _ in range(10)]
    for row in rows:
        gateway.journal.write(row)
    reader = gateway.drainer._own
    advance = reader.advance

    def lose(_position: object) -> None:
        raise OSError("connection reset")

    monkeypatch.setattr(reader, "advance", lose)
    with pytest.raises(OSError, match="reset"):
        await gateway.drainer.flush()
    monkeypatch.setattr(reader, "advance", advance)
    await gateway.drainer.flush()

    assert await stored_ids(gateway.store) == [row.id for row in rows]


async def test_two_gateways_on_one_database_and_one_directory_do_not_mix(start: Starter) -> None:
    gateways = [await start() for _ in range(3)]
    for gateway in gateways:
        gateway.run()
    rows = [make_row(key_id=f"k{number % 5}", tags=("x", "y")) for number in range(900)]
    for number, row in enumerate(rows):
        gateways[number % 3].journal.write(row)
        if number % 50 == 0:
            await asyncio.sleep(0.01)

    await until(lambda: sum(gateway.drainer.state.drained_rows for gateway in gateways) == 900)

    assert await stored_ids(gateways[0].store) == [row.id for row in rows]


async def test_a_row_that_the_database_refuses_is_set_aside_and_holds_nothing_up(
    start: Starter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await start()
    rows = [make_row() for _ in range(50)]
    # One that no column takes: on Postgres for its status, on SQLite for its kind.
    bad = make_row(status=99_999, model=5 if gateway.store.is_sqlite else "m")
    for row in (*rows[:20], bad, *rows[20:]):
        gateway.journal.write(row)

    await gateway.drainer.flush()

    assert await stored_ids(gateway.store) == [row.id for row in rows]
    assert gateway.drainer.state.rejected_rows == 1
    assert gateway.journal.state.pending_bytes == 0
    (line,) = (tmp_path / "journal" / "rejected.jsonl").read_text().splitlines()
    assert bad.id in line
    assert sum("refuses a row" in record.message for record in caplog.records) == 1


async def test_a_row_that_is_set_aside_is_whole_though_the_disk_was_full_in_the_very_write(
    start: Starter, tmp_path: Path
) -> None:
    gateway = await start()
    file, whole = tmp_path / "journal" / "rejected.jsonl", b'{"id": "%s"}' % (b"x" * 4_000_000)
    file.write_bytes(whole + b'\n{"id": "to')  # a process that was killed
    bad = make_row(status=99_999, model=5 if gateway.store.is_sqlite else "m")
    gateway.journal.write(bad)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 50, before[1]))
    try:
        gateway.run()
        await until(lambda: gateway.drainer.state.away_since is not None)
        assert file.read_bytes() == whole + b"\n"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    await until(lambda: gateway.journal.state.pending_bytes == 0)
    assert gateway.drainer.state.rejected_rows == 1
    first, second = file.read_bytes().splitlines()
    assert (first, json.loads(second)["id"]) == (whole, bad.id)


class _Watched(Store):
    """Notes which files of the journal there were each time when the database was made safe."""

    def __init__(self, url: str, root: Path) -> None:
        super().__init__(url)
        self.root = root
        self.seen: list[int] = []

    async def harden(self) -> None:
        await super().harden()
        self.seen.append(len(list(self.root.glob("*/*.log"))))


async def test_no_file_is_deleted_before_its_rows_are_safe_from_a_power_cut(url: str, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "journal", _Watched(url, tmp_path / "journal"))
    for _ in range(300):
        gateway.journal.write(make_row())
    files = len(gateway.journal.spool.segments())

    await gateway.drainer.flush()

    assert isinstance(gateway.store, _Watched)
    assert files > 5
    assert gateway.store.seen == [files]
    assert len(gateway.journal.spool.segments()) == 1
    assert await gateway.stop()


async def test_no_file_of_a_dead_process_is_deleted_before_that_either(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "journal"
    dead, alive = Gateway(root, Store(url)), Gateway(root, _Watched(url, root))
    for _ in range(300):
        dead.journal.write(make_row())
    files = len(dead.journal.spool.segments())

    async def fails() -> None:
        raise OSError("it cannot be synced")

    monkeypatch.setattr(dead.store, "harden", fails)
    with pytest.raises(OSError, match="synced"):
        await dead.drainer.flush()
    dead.die()
    await alive.drainer.flush()

    assert isinstance(alive.store, _Watched)
    assert files > 5
    assert alive.store.seen[0] == files + 1
    assert alive.journal.state.pending_bytes == 0
    assert len(list(root.iterdir())) == 2
    assert await alive.stop()
    await dead.store.close()


class _Counting(Store):
    """Counts transactions that write."""

    count = 0

    async def transact(self, function: Callable[[sqlite3.Connection], Any]) -> Any:
        self.count += 1
        return await super().transact(function)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        self.count += 1
        async with super().write() as connection:
            yield connection


async def test_rows_that_keep_coming_are_copied_in_batches_and_not_one_by_one(url: str, tmp_path: Path) -> None:
    store = _Counting(url)
    await store.prepare()
    journal = Journal(tmp_path / "journal")
    drainer = Drainer(journal, store, interval=0.1)
    task = asyncio.create_task(drainer.run())
    store.count, began = 0, time.monotonic()
    while drainer.state.drained_rows <= 500:
        assert time.monotonic() < began + 60
        journal.write(make_row())
        await asyncio.sleep(0.0005)

    # One every tenth of a second, and a few more for more rows than fit into one.
    assert store.count <= 4 + 10 * (time.monotonic() - began) + drainer.state.drained_rows // 400
    assert await drainer.stop()
    await task
    journal.close()
    await store.close()


async def test_garbage_in_a_dead_processs_journal_is_skipped_counted_and_gone(start: Starter, tmp_path: Path) -> None:
    dead, alive = await start(), await start()
    rows = [make_row() for _ in range(20)]
    for row in rows[:10]:
        dead.journal.write(row)
    before = dead.journal.spool.path(dead.journal.segment).read_bytes()
    for row in rows[10:]:
        dead.journal.write(row)
    path = dead.journal.spool.path(dead.journal.segment)
    after = path.read_bytes().removeprefix(before)
    garbage = b"\xa5garbage" * 250_000  # more than is read at once
    path.write_bytes(before + garbage + after + garbage)
    dead.die()

    alive.run()
    await until(lambda: len(list((tmp_path / "journal").iterdir())) == 2)

    assert await stored_ids(alive.store) == [row.id for row in rows]
    assert alive.journal.state.damaged_bytes == 2 * len(garbage)
    assert alive.journal.state.pending_bytes == 0


async def test_what_was_spent_is_not_told_while_many_rows_are_missing(start: Starter) -> None:
    gateway = await start()
    spent = LedgerSpending(gateway.store, gateway.drainer)
    wanted = [(Owner("key", "key-1"), 0.0), (Owner("tag", "red"), 0.0)]
    for _ in range(3):
        gateway.journal.write(make_row(tags=("red",), body={"text": "x" * 7_000_000}))

    with pytest.raises(StoreUnavailableError, match="has yet to get the rows"):
        await spent(wanted)

    await gateway.drainer.flush()
    assert await spent(wanted) == pytest.approx([0.03, 0.03])
