# SQLAlchemy's engines, for Postgres and for whatever is more than a few plain statements.

# Loaded when the first is needed.

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from lingate.server.store.direct import BUSY_SECONDS, PRAGMAS
from lingate.server.store.url import Address

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
