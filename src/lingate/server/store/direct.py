"""SQLite without anything in between, for the one writer that has thousands of rows a second.

Through SQLAlchemy each statement goes to a thread and back several times; here a whole transaction goes once.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")

# What the gateway's connections to SQLite have in common.
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-4000")
BUSY_SECONDS = 5.0


class DirectSqlite:
    """A connection for one transaction after another, from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._turn = threading.Lock()

    def transact(self, function: Callable[[sqlite3.Connection], _T]) -> _T:
        """Call `function` in a transaction that is committed at the end, or rolled back by an exception."""
        with self._turn:
            connection = self._connection or self._open()
            try:
                connection.execute("BEGIN IMMEDIATE")
                result = function(connection)
                connection.execute("COMMIT")
            except BaseException:
                # Rolls back. Whatever is wrong with the connection ends with it.
                self._connection = None
                connection.close()
                raise
            return result

    def close(self) -> None:
        """Close the connection. The next transaction opens another."""
        with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection
