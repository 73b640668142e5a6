# A connection to await on.

# SQLAlchemy's own `ext.asyncio` is the same bridge, but importing it imports the mapper: 8 MB and 50 ms at start that
# this program has no other use for.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, CursorResult, Engine, Executable, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.util.concurrency import greenlet_spawn

from lingate.server.store.engine import BUSY_SECONDS, PRAGMAS
from lingate.server.store.url import Address

_T = TypeVar("_T")
_P = ParamSpec("_P")


class AsyncConnection:
    # A connection in a transaction. Results are whole: reading them waits for nothing.

    def __init__(self, sync: Connection) -> None:
        self._sync = sync
        self.dialect = sync.dialect.name

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        # Run a statement; a list of parameters runs it for each of them.
        return await greenlet_spawn(self._sync.execute, statement, parameters)

    async def scalar(self, statement: Executable, parameters: Any = None) -> Any:
        # The first column of the first row, None if there is none.
        return await greenlet_spawn(self._sync.scalar, statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> CursorResult[Any]:
        # Run a statement as it is, in the database's own dialect.
        return await greenlet_spawn(self._sync.exec_driver_sql, statement, parameters)

    async def run_sync(
        self, function: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        # Call `function` with SQLAlchemy's own connection; what it awaits inside suspends this task only.
        return await greenlet_spawn(partial(function, self._sync, *args, **kwargs))


@asynccontextmanager
async def lend(engine: Engine, **options: Any) -> AsyncIterator[AsyncConnection]:
    # A connection of `engine` in a transaction: committed at the end, rolled back by an exception.
    connection = await _connect(engine)
    try:
        if options:
            connection.execution_options(**options)
        transaction = await greenlet_spawn(connection.begin)
        yield AsyncConnection(connection)
        await greenlet_spawn(transaction.commit)
    except asyncio.CancelledError:
        # A server that hangs would not answer a rollback either: its connection is dropped.
        if connection.dialect.name == "postgresql":
            await _finish(greenlet_spawn(connection.invalidate))
        raise
    finally:
        # Also a cancelled task gives its connection back, rolled back, before it ends: the next one may be waiting for it.
        await _finish(greenlet_spawn(connection.close))


async def _connect(engine: Engine) -> Connection:
    # As `engine.connect`, and gone at once when cancelled: a server that hangs may hold up even that for half a minute.
    task = asyncio.ensure_future(greenlet_spawn(engine.connect))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        _stragglers.add(task)
        task.add_done_callback(_give_back)
        task.cancel()
        raise


_stragglers: set[asyncio.Future[Any]] = set()


def _give_back(task: asyncio.Future[Connection]) -> None:
    _stragglers.discard(task)
    if not task.cancelled() and task.exception() is None:
        closing = asyncio.ensure_future(greenlet_spawn(task.result().close))
        _stragglers.add(closing)
        closing.add_done_callback(_stragglers.discard)


async def _finish(closing: Any) -> None:
    task = asyncio.ensure_future(closing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


# SQLAlchemy's engines, for Postgres and for whatever is more than a few plain statements.

# Loaded when the first is needed.

_AWAY = ("57P", "533")
"""How states begin in which Postgres starts, stops, or is full: asyncpg has no OperationalError for what it says then."""


def make_engine(address: Address) -> Engine:
    return _postgres(address) if address.path is None else _sqlite(address)


def is_outage(error: BaseException) -> bool:
    # Whether an error of SQLAlchemy's means that the database is away or busy.
    if not isinstance(error, DBAPIError):
        return False
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)) or state[:3] in _AWAY


def _sqlite(address: Address) -> Engine:
    url = URL.create("sqlite+aiosqlite", database=str(address.path))
    engine = create_engine(url, pool_size=2, max_overflow=4, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver would begin transactions by itself, and only before some statements: `began` below does it.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def began(connection: Any) -> None:
        # A transaction that read first cannot become a writer once another one has written: writers say so at once.
        writes = connection.get_execution_options().get("lingate_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres(address: Address) -> Engine:
    assert address.url is not None
    return create_engine(
        address.url,
        pool_size=address.pool_size or 5,
        max_overflow=0 if address.pool_size else 5,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args=address.connect,
    )
