# SQLite with nothing in between: for the writer of thousands of rows a second, and for what every gateway asks.

# Through SQLAlchemy each statement goes to a thread and back several times; here a whole transaction goes once. And a
# gateway that serves calls need not load it: 13 MB and an eighth of a second at start.

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

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
