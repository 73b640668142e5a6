# Open the database and lend connections to it.

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from lingate.server.errors import StoreError, StoreUnavailableError
from lingate.server.store.migrate import bring_up_to_date, is_up_to_date
from lingate.server.store.url import Address, parse_url

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lingate.server.store.connection import AsyncConnection

# SQLite with nothing in between: for the writer of thousands of rows a second, and for what every gateway asks.

# Through SQLAlchemy each statement goes to a thread and back several times; here a whole transaction goes once. And a
# gateway that serves calls need not load it: 13 MB and an eighth of a second at start.

_T = TypeVar("_T")

# What the gateway's connections to SQLite have in common.
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-4000")
BUSY_SECONDS = 5.0
_MOST_IDLE = 2


class DirectSqlite:
    # Connections for one transaction each, from any thread.

    # begin: How transactions begin. One that read first cannot become a writer once another has written: writers say
    # so.

    def __init__(self, path: Path, begin: Literal["BEGIN", "BEGIN IMMEDIATE"]) -> None:
        self._path = path
        self._begin = begin
        self._idle: list[sqlite3.Connection] = []
        self._turn = threading.Lock()
        self._closings = 0

    def transact(self, function: Callable[[sqlite3.Connection], _T]) -> _T:
        # Call `function` in a transaction that is committed at the end, or rolled back by an exception.
        with self._turn:
            closings = self._closings
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._open()
        try:
            connection.execute(self._begin)
            result = function(connection)
            connection.execute("COMMIT")
        except BaseException:
            # Rolls back. Whatever is wrong with the connection ends with it.
            connection.close()
            raise
        with self._turn:
            if closings == self._closings and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
                return result
        connection.close()
        return result

    def close(self) -> None:
        # Close the connections.
        # The next transaction opens another.
        with self._turn:
            self._closings += 1
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection


_CLOSE_SECONDS = 3.0


class Statement(NamedTuple):
    # SQL that every database here reads in the same way, with `:name` for a value.

    sql: str
    """Its text."""
    values: Mapping[str, Any]
    """By name."""


class Answer(NamedTuple):
    # What became of a statement.

    rows: list[tuple[Any, ...]]
    """Its rows, columns in their order; none where it has no result."""
    changed: int
    """How many rows it changed."""


async def open_store(url: str) -> Store:
    # Connect to the database at `url` and bring its tables up to date.
    # Raises StoreError: The URL is wrong, or the database was written by a newer program.
    store = Store(url)
    try:
        await store.prepare()
    except BaseException:
        await store.close()
        raise
    return store


class Store:
    # The gateway's database. Making one opens nothing: `prepare` (or `open_store`) does.

    # shown: Its URL without password and parameters, for messages.
    # ready: Its tables are known to be up to date.
    # What asks the database raises `StoreUnavailableError` if it does not answer, `StoreError` if it cannot be used.

    def __init__(self, url: str) -> None:
        self._address = parse_url(url)
        self.shown = self._address.shown
        self.ready = False
        self._engine: Engine | None = None
        path = self._address.path
        self._writer = None if path is None else DirectSqlite(path, "BEGIN IMMEDIATE")
        self._reader = None if path is None else DirectSqlite(path, "BEGIN")
        # SQLite has one writer at a time: queueing here is fair and costs nothing, its own waiting is neither.
        self._writing = asyncio.Lock()
        self._preparing = asyncio.Lock()
        self._making = asyncio.Lock()

    @property
    def is_sqlite(self) -> bool:
        # The database is a file of ours.
        return self._address.path is not None

    async def prepare(self) -> None:
        # Make sure that the database answers and that its tables are this program's.
        # Does nothing the second time.
        # Raises StoreError: A newer program has written it, it is no database, or it lets nobody of this name in.
        async with self._preparing:
            if self.ready:
                return
            if self._address.path is not None:
                _make_private(self._address)
            if not await self._is_up_to_date():
                await self._bring_up_to_date()
            self.ready = True

    async def _is_up_to_date(self) -> bool:
        # Whether there is nothing to do: asked of files only, without what it takes to do it.
        if self._reader is not None:
            # What is wrong with a file is said by whoever tries to write to it.
            with suppress(sqlite3.Error):
                return await asyncio.to_thread(self._reader.transact, is_up_to_date)
        return False

    async def _bring_up_to_date(self) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            async with asyncio.timeout(60), self.write() as connection:
                await connection.run_sync(bring_up_to_date)
        except StoreError:
            raise
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise (self._useless(error) if _is_refusal(error) else self.unavailable(error)) from None

    async def ask(self, *statements: Statement) -> list[Answer]:
        # Answers that are all of one state of the database.
        await self.prepare()
        return await self._told(statements, self._reader)

    async def change(self, *statements: Statement) -> list[Answer]:
        await self.prepare()
        if self._writer is None:
            return await self._told(statements, None)
        async with self._writing:
            return await self._told(statements, self._writer)

    async def _told(self, statements: tuple[Statement, ...], direct: DirectSqlite | None) -> list[Answer]:
        if direct is None:
            return await self._told_pooled(statements)
        try:
            return await asyncio.to_thread(direct.transact, lambda connection: _answers(connection, statements))
        except (sqlite3.Error, OSError) as error:
            raise self.failed(error) from None

    async def _told_pooled(self, statements: tuple[Statement, ...]) -> list[Answer]:
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        answers = []
        try:
            async with self.write() as connection:
                for statement in statements:
                    result = await connection.execute(text(statement.sql), dict(statement.values))
                    rows = list(map(tuple, result.all())) if result.returns_rows else []
                    answers.append(Answer(rows, result.rowcount))
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise self.failed(error) from None
        return answers

    async def _pool(self) -> Engine:
        # SQLAlchemy's engine, made at first use: loading it takes an eighth of a second, which is not the loop's to wait for.
        if self._engine is None:
            async with self._making:
                if self._engine is None:
                    self._engine = await asyncio.to_thread(_make_engine, self._address)
        return self._engine

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        # A connection in a transaction that sees one state of the database and changes nothing.
        async with _lent(await self._pool()) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        # A connection in a transaction that is committed at the end, or rolled back by an exception.
        pool = await self._pool()
        if not self.is_sqlite:
            async with _lent(pool) as connection:
                yield connection
            return
        async with self._writing, _lent(pool, lingate_write=True) as connection:
            yield connection

    async def transact(self, function: Callable[[sqlite3.Connection], _T]) -> _T:
        # Call `function` in a thread, in a transaction of SQLite's own.
        # For SQLite only.
        assert self._writer is not None
        async with self._writing:
            return await asyncio.to_thread(self._writer.transact, function)

    async def harden(self) -> None:
        # Return when everything committed before would survive a power cut.
        # Postgres promises that at each commit.
        path = self._address.path
        if path is not None:
            await asyncio.to_thread(_sync_files, str(path))

    async def close(self) -> None:
        # Give all connections back.
        # The store can be used again.
        for direct in (self._writer, self._reader):
            if direct is not None:
                await asyncio.to_thread(direct.close)
        engine, self._engine = self._engine, None
        if engine is None:
            return
        from sqlalchemy.util.concurrency import greenlet_spawn

        # A server that hangs does not say goodbye; the connections die with the process.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await greenlet_spawn(engine.dispose)

    def unavailable(self, error: BaseException) -> StoreUnavailableError:
        # `error` in words that hold no secret.
        return StoreUnavailableError(f"the database {self.shown} does not answer: {self._said(error)}")

    def _useless(self, error: BaseException) -> StoreError:
        return StoreError(f"the database {self.shown} cannot be used: {self._said(error)}")

    def failed(self, error: BaseException) -> StoreError:
        # The same for one that may come again, whenever the database is asked.
        return self.unavailable(error) if _is_outage(error) else self._useless(error)

    def _said(self, error: BaseException) -> str:
        cause = _cause(error)
        text = f"{type(cause).__name__}: {cause}".strip(": ").partition("\n")[0]
        password = None if self._address.url is None else self._address.url.password
        return text.replace(str(password), "***") if password else text


def _is_outage(error: BaseException) -> bool:
    # Whether `error` means that the database is away or busy, so that the same statement may succeed later.
    if isinstance(error, (OSError, TimeoutError, sqlite3.OperationalError, StoreUnavailableError)):
        return True
    if isinstance(error, sqlite3.Error):
        return False
    from lingate.server.store.connection import is_outage

    return is_outage(error)


def _cause(error: BaseException) -> BaseException:
    # What the driver said, where SQLAlchemy has packed it up.
    cause = getattr(error, "orig", None)
    return cause if isinstance(cause, BaseException) else error


def _is_refusal(error: BaseException) -> bool:
    # Whether waiting will not help: a file that is no database, a name or password that is wrong, no such database.
    cause = _cause(error)
    if isinstance(cause, sqlite3.DatabaseError):
        return not isinstance(cause, sqlite3.OperationalError)
    state = str(getattr(cause, "sqlstate", None) or "")
    return state.startswith("28") or state == "3D000"


def _answers(connection: sqlite3.Connection, statements: tuple[Statement, ...]) -> list[Answer]:
    answers = []
    for statement in statements:
        cursor = connection.execute(statement.sql, dict(statement.values))
        answers.append(Answer(cursor.fetchall(), cursor.rowcount))
    return answers


def _make_engine(address: Address) -> Engine:
    from lingate.server.store.connection import make_engine

    return make_engine(address)


def _lent(engine: Engine, **options: Any) -> AbstractAsyncContextManager[AsyncConnection]:
    from lingate.server.store.connection import lend

    return lend(engine, **options)


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
        with suppress(FileNotFoundError), open(name, "rb+", buffering=0) as file:
            os.fsync(file)
