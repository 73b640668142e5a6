"""What the ledger does while its database is away, locked, hanging or in the way: traffic goes on, and no row is lost."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import statistics
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from lingate.server.ledger import Drainer
from lingate.server.ledger.drain import keep_for
from lingate.server.records import LedgerRow
from lingate.server.store import Store, StoreError, open_store
from lingate.server.store.schema import ledger, usage_hours
from tests.server.asking import ask
from tests.server.gateway_kit import running_gateway
from tests.server.ledger_kit import Gateway, Starter, start_fixture, stored_ids, until, url_fixture
from tests.server.raw_upstream import CHAT, chat, config, whole
from tests.server.rows import make_row
from tests.servers import RawServer
from tests.services import PostgresServer

__all__ = ["start_fixture", "url_fixture"]


async def test_a_broken_schema_is_an_outage_and_costs_no_row(start: Starter) -> None:
    gateway = await start()
    await gateway.drainer.flush()
    async with gateway.store.write() as connection:
        await connection.execute(text("ALTER TABLE ledger RENAME TO elsewhere"))
    gateway.run()
    rows = [make_row() for _ in range(30)]
    for row in rows:
        gateway.journal.write(row)
    await until(lambda: gateway.drainer.state.away_since is not None)

    async with gateway.store.write() as connection:
        await connection.execute(text("ALTER TABLE elsewhere RENAME TO ledger"))
    await until(lambda: gateway.drainer.state.drained_rows == 30)

    assert await stored_ids(gateway.store) == [row.id for row in rows]
    assert gateway.drainer.state.rejected_rows == 0


async def test_a_locked_sqlite_holds_up_no_traffic_and_loses_nothing(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "journal", await open_store(f"sqlite:///{tmp_path}/l.db"))
    gateway.run()
    before, _ = await _write_for(gateway, 0.2)
    other = sqlite3.connect(tmp_path / "l.db", isolation_level=None, check_same_thread=False)
    await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")
    during, usual = await _write_for(gateway, 1.0)
    drained = gateway.drainer.state.drained_rows
    other.execute("ROLLBACK")
    other.close()
    after, _ = await _write_for(gateway, 0.1)

    assert await gateway.stop()

    assert usual < 0.05
    assert drained <= len(before)
    assert await stored_ids(gateway.store) == [row.id for row in (*before, *during, *after)]
    await gateway.store.close()


async def test_a_postgres_that_is_stopped_under_traffic_costs_nothing_but_one_warning(
    postgres_server: PostgresServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lingate.ledger")
    url = postgres_server.database().replace("lingate@", "lingate:hunter2@")
    gateway = Gateway(tmp_path / "journal", await open_store(url))
    gateway.run()
    before, _ = await _write_for(gateway, 0.2)
    await asyncio.to_thread(postgres_server.stop)
    try:
        during, usual = await _write_for(gateway, 2.0)
        assert gateway.drainer.state.away_since is not None
        assert gateway.journal.state.pending_bytes > 0
        with pytest.raises(StoreError):
            await Drainer(gateway.journal, Store(url)).flush()
    finally:
        await asyncio.to_thread(postgres_server.start)
    after, _ = await _write_for(gateway, 0.2)
    await until(lambda: gateway.drainer.state.away_since is None)

    assert await gateway.stop()

    assert usual < 0.05
    assert await stored_ids(gateway.store) == [row.id for row in (*before, *during, *after)]
    await gateway.store.close()
    messages = [record.message for record in caplog.records]
    assert sum("is away" in message for message in messages) == 1
    assert sum("is back" in message for message in messages) == 1
    assert "hunter2" not in " ".join(messages)


async def test_a_postgres_that_hangs_is_given_up_in_time_and_loses_nothing(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.database() + "&socket_timeout=0.5&connect_timeout=0.5"
    gateway = Gateway(tmp_path / "journal", await open_store(url))
    gateway.run()
    before, _ = await _write_for(gateway, 0.1)
    postgres_server.freeze()
    try:
        during, usual = await _write_for(gateway, 1.5)
        await until(lambda: gateway.drainer.state.away_since is not None)
    finally:
        postgres_server.resume()
    await until(lambda: gateway.drainer.state.away_since is None)

    assert await gateway.stop()

    assert usual < 0.05
    assert await stored_ids(gateway.store) == [row.id for row in (*before, *during)]
    await gateway.store.close()


async def test_a_gateway_that_starts_while_its_database_is_away_catches_up(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.database()
    await asyncio.to_thread(postgres_server.stop)
    try:
        gateway = Gateway(tmp_path / "journal", Store(url))
        gateway.run()
        rows, _ = await _write_for(gateway, 0.5)
        assert gateway.drainer.state.away_since is not None
    finally:
        await asyncio.to_thread(postgres_server.start)
    await until(lambda: gateway.drainer.state.drained_rows == len(rows))

    assert await gateway.stop()
    assert await stored_ids(gateway.store) == [row.id for row in rows]
    await gateway.store.close()


async def test_an_end_while_the_database_is_away_keeps_its_deadline_and_its_rows(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.database()
    gateway = Gateway(tmp_path / "journal", await open_store(url))
    gateway.run()
    rows = [make_row() for _ in range(20)]
    await asyncio.to_thread(postgres_server.stop)
    try:
        for row in rows:
            gateway.journal.write(row)
        started = time.monotonic()
        assert not await gateway.stop(1.0)
        assert time.monotonic() - started < 20
    finally:
        await asyncio.to_thread(postgres_server.start)

    following = Gateway(tmp_path / "journal", Store(url))
    await following.drainer.flush()
    assert await stored_ids(following.store) == [row.id for row in rows]
    assert await following.stop()


async def test_an_end_while_the_database_hangs_keeps_its_deadline_and_its_rows(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.database()
    gateway = Gateway(tmp_path / "journal", await open_store(url))
    gateway.run()
    rows, _ = await _write_for(gateway, 0.1)
    postgres_server.freeze()
    try:
        during, _ = await _write_for(gateway, 0.3)
        started = time.monotonic()
        assert not await gateway.stop(0.5)
        assert time.monotonic() - started < 20
    finally:
        postgres_server.resume()

    following = Gateway(tmp_path / "journal", Store(url))
    await following.drainer.flush()
    assert await stored_ids(following.store) == [row.id for row in (*rows, *during)]
    assert await following.stop()


async def _someone_waits(store: Store) -> bool:
    async with store.read() as connection:
        return bool(await connection.scalar(text("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")))


async def test_a_deadlock_with_another_replica_is_tried_again_and_is_no_outage(
    postgres: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway(tmp_path / "journal", await open_store(postgres))
    for key in ("a", "b"):
        gateway.journal.write(make_row(key_id=key))
    await gateway.drainer.flush()
    add = "UPDATE usage_hours SET errors = errors + 1 WHERE key_id = "

    async with gateway.store.write() as other:
        await other.execute(text("SET LOCAL deadlock_timeout = '20s'"))  # it is the drainer that has to give way
        await other.execute(text(f"{add} 'b'"))
        for key in ("a", "b"):
            gateway.journal.write(make_row(key_id=key))
        gateway.run()
        async with asyncio.timeout(10):
            while not await _someone_waits(gateway.store):  # noqa: ASYNC110 - the database has no event for this
                await asyncio.sleep(0.005)
        # The drainer has "a" and waits for "b"; now the other one waits for "a".
        await other.execute(text(f"{add} 'a'"))
    await until(lambda: gateway.drainer.state.drained_rows == 4)

    assert len(await stored_ids(gateway.store)) == 4
    assert "is away" not in caplog.text
    assert await gateway.stop()


async def test_old_rows_go_by_themselves_and_an_outage_does_not_end_that(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await start()
    for at in (time.time(), time.time() - 100):
        gateway.journal.write(make_row(at=at))
    await gateway.drainer.flush()
    async with gateway.store.write() as connection:
        await connection.execute(text("ALTER TABLE ledger RENAME TO elsewhere"))
    task = asyncio.create_task(keep_for(gateway.store, 50, every=0.05))
    await until(lambda: "were not deleted" in caplog.text)

    async with gateway.store.write() as connection:
        await connection.execute(text("ALTER TABLE elsewhere RENAME TO ledger"))
    async with asyncio.timeout(10):
        while await _count(gateway.store) != 1:  # noqa: ASYNC110 - the database has no event for this
            await asyncio.sleep(0.02)

    task.cancel()
    await asyncio.wait([task])
    async with gateway.store.read() as connection:
        assert await connection.scalar(select(func.sum(usage_hours.c.calls))) == 2


async def _count(store: Store) -> int:
    async with store.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(ledger)))


async def _write_for(gateway: Gateway, seconds: float) -> tuple[list[LedgerRow], float]:
    """Write rows as traffic does; returns them and the time that half of all `write` took at most.

    One that waited for the database would be all, or nearly, that the time had room for.
    """
    rows, took, end = [], [], time.monotonic() + seconds
    while time.monotonic() < end:
        row = make_row()
        started = time.monotonic()
        gateway.journal.write(row)
        took.append(time.monotonic() - started)
        rows.append(row)
        await asyncio.sleep(0.001)
    return rows, statistics.median(took)


def test_a_gateway_whose_journal_is_full_takes_no_calls_and_says_why(tmp_path: Path) -> None:
    away = "postgresql://nobody:nothing@127.0.0.1:9/none"
    with RawServer(whole({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})) as upstream:
        text = config(upstream.url, ledger={"journal_max_bytes": 2000})
        with running_gateway(text, tmp_path, database=away) as gateway:
            found = [ask(gateway, CHAT, chat("openai-x")) for _ in range(20)]
        served = len(upstream.requests)
    told = [answer.status_code for answer in found]
    assert told == [200] * served + [503] * (20 - served)
    assert 1 < served < 20
    assert (found[-1].headers["retry-after"], "ledger is full" in found[-1].text) == ("10", True)
