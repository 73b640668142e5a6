"""Open the database and lend connections to it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.util.concurrency import greenlet_spawn

from lingate.server.store.connection import AsyncConnection, lend
from lingate.server.store.direct import BUSY_SECONDS, PRAGMAS, DirectSqlite
from lingate.server.store.errors import StoreError, StoreUnavailableError
from lingate.server.store.migrate import bring_up_to_date
from lingate.server.store.url import Address, parse_url

_T = TypeVar("_T")

_CLOSE_SECONDS = 3.0


async def open_store(url: str) -> Store:
    """Connect to the database at `url` and bring its tables up to date.

    Raises:
        StoreError: The URL is wrong, or the database was written by a newer program.
        StoreUnavailableError: It does not answer.
    """
    store = Store(url)
    try:
        await store.prepare()
    except BaseException:
        await store.close()
        raise
    return store


class Store:
    """The gateway's database. Making one opens nothing: `prepare` (or `open_store`) does.

    Attributes:
        shown: Its URL without password and parameters, for messages.
        ready: Its tables are known to be up to date.
    """

    def __init__(self, url: str) -> None:
        self._address = parse_url(url)
        self.shown = self._address.shown
        self.ready = False
        self._engine: Engine | None = None
        self._direct = None if self._address.path is None else DirectSqlite(self._address.path)
        # SQLite has one writer at a time: queueing here is fair and costs nothing, its own waiting is neither.
        self._writing = asyncio.Lock()
        self._preparing = asyncio.Lock()

    @property
    def is_sqlite(self) -> bool:
        """The database is a file of ours."""
        return self._address.path is not None

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, made at first use."""
        if self._engine is None:
            self._engine = _sqlite(self._address) if self.is_sqlite else _postgres(self._address)
        return self._engine

    async def prepare(self) -> None:
        """Make sure that the database answers and that its tables are this program's. Does nothing the second time.

        Raises:
            StoreError: A newer program has written it, it is no database, or it lets nobody of this name in.
            StoreUnavailableError: It does not answer.
        """
        async with self._preparing:
            if self.ready:
                return
            if self._address.path is not None:
                _make_private(self._address)
            try:
                async with asyncio.timeout(60), self.write() as connection:
                    await connection.run_sync(bring_up_to_date)
            except StoreError:
                raise
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                if _is_refusal(error):
                    raise StoreError(f"the database {self.shown} cannot be used: {self._said(error)}") from None
                raise self.unavailable(error) from None
            self.ready = True

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that sees one state of the database and changes nothing."""
        async with lend(self.engine) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that is committed at the end, or rolled back by an exception."""
        if not self.is_sqlite:
            async with lend(self.engine) as connection:
                yield connection
            return
        async with self._writing, lend(self.engine, lingate_write=True) as connection:
            yield connection

    async def transact(self, function: Callable[[sqlite3.Connection], _T]) -> _T:
        """Call `function` in a thread, in a transaction of SQLite's own. For SQLite only."""
        assert self._direct is not None
        async with self._writing:
            return await asyncio.to_thread(self._direct.transact, function)

    async def harden(self) -> None:
        """Return when everything committed before would survive a power cut. Postgres promises that at each commit."""
        path = self._address.path
        if path is not None:
            await asyncio.to_thread(_sync_files, str(path))

    async def close(self) -> None:
        """Give all connections back. The store can be used again."""
        if self._direct is not None:
            await asyncio.to_thread(self._direct.close)
        engine, self._engine = self._engine, None
        if engine is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await greenlet_spawn(engine.dispose)
        except TimeoutError:
            # A server that hangs does not say goodbye; the connections die with the process.
            pass

    def unavailable(self, error: BaseException) -> StoreUnavailableError:
        """`error` in words that hold no secret."""
        return StoreUnavailableError(f"the database {self.shown} does not answer: {self._said(error)}")

    def _said(self, error: BaseException) -> str:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        text = f"{type(cause).__name__}: {cause}".strip(": ").partition("\n")[0]
        password = self._address.url.password
        return text.replace(str(password), "***") if password else text


def is_outage(error: BaseException) -> bool:
    """Whether `error` means that the database is away or busy, so that the same statement may succeed later."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
    return isinstance(error, (OSError, TimeoutError, sqlite3.OperationalError, StoreUnavailableError))


def _is_refusal(error: BaseException) -> bool:
    """Whether waiting will not help: a file that is no database, a name or password that is wrong, no such database."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.DatabaseError):
        return not isinstance(cause, sqlite3.OperationalError)
    state = str(getattr(cause, "sqlstate", None) or "")
    return state.startswith("28") or state == "3D000"


def _make_private(address: Address) -> None:
    # Hashes of keys and who called what are nobody else's business: the file is made readable for its owner only.
    path = address.path
    assert path is not None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"the database {address.shown} cannot be opened: {error.strerror}") from None


def _sync_files(path: str) -> None:
    for name in (path + "-wal", path):
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sqlite(address: Address) -> Engine:
    engine = create_engine(address.url, pool_size=2, max_overflow=4, connect_args={"timeout": BUSY_SECONDS})

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
    return create_engine(
        address.url,
        pool_size=address.pool_size or 5,
        max_overflow=0 if address.pool_size else 5,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args=address.connect,
    )
