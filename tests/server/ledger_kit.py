"""A gateway's journal, drainer and database without the gateway, for tests of the ledger."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from lingate.server.ledger import Drainer, Journal
from lingate.server.store import Store
from lingate.server.store.schema import ledger, usage_hours

Starter = Callable[..., Awaitable["Gateway"]]


class Gateway:
    """One process's share: journal, drainer, database."""

    def __init__(self, root: Path, store: Store, **options: Any) -> None:
        self.store = store
        self.journal = Journal(root, segment_bytes=8192, **options)
        self.drainer = Drainer(self.journal, store, interval=0.01, sync_interval=0.05, adopt_interval=0.05)
        self.task: asyncio.Task[None] | None = None
        self.ended = False

    def run(self) -> None:
        """Start the drainer."""
        self.task = asyncio.create_task(self.drainer.run())

    async def stop(self, deadline: float = 5.0) -> bool:
        """End as a gateway does; returns whether everything is in the database."""
        self.ended = True
        done = await self.drainer.stop(deadline)
        if self.task is not None:
            await asyncio.wait_for(self.task, 5)
        self.journal.close()
        await self.store.close()
        return done

    def die(self) -> None:
        """Leave everything as a killed process does: files as they are, the lock free."""
        self.ended = True
        for file in (self.journal._file, *self.journal._retired):
            os.close(file)
        self.journal.spool.release()


async def stored_ids(store: Store) -> list[str]:
    """Ids of the rows in the database, whose sums are theirs."""
    async with store.read() as connection:
        ids = list((await connection.execute(select(ledger.c.id).order_by(ledger.c.id))).scalars())
        assert (await connection.scalar(select(func.coalesce(func.sum(usage_hours.c.calls), 0)))) == len(ids)
    return ids


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process or deep inside
            await asyncio.sleep(0.01)


@pytest.fixture(name="url", params=["sqlite", "postgres"])
def url_fixture(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("postgres")) if request.param == "postgres" else f"sqlite:///{tmp_path}/l.db"


@pytest.fixture(name="start")
async def start_fixture(url: str, tmp_path: Path) -> AsyncIterator[Starter]:
    started: list[Gateway] = []

    async def starter(**options: Any) -> Gateway:
        gateway = Gateway(tmp_path / "journal", Store(url), **options)
        started.append(gateway)
        return gateway

    yield starter
    for gateway in started:
        if not gateway.ended:
            await gateway.stop(0.2)
        await gateway.store.close()
