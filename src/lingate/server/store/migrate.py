# Bring a database to this program's revision, under a lock, so that replicas may start at once.

# A database that is up to date costs one query: alembic is imported only if there is something to do for it, and a new
# database is made from the catalogue of tables, which tests show to be the same as running every migration.

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from lingate.server.errors import StoreError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

# The newest revision in migrations/versions.
HEAD = "0001"

_REVISION = "SELECT version_num FROM alembic_version"

# Any number that other programs in the same Postgres are unlikely to lock: "lingate" in ASCII.
_LOCK = int.from_bytes(b"lingate", "big")


def is_up_to_date(connection: sqlite3.Connection) -> bool:
    # Whether a file of SQLite's has this program's tables already, as nearly every start finds it.
    return connection.execute(_REVISION).fetchall() == [(HEAD,)]


def bring_up_to_date(connection: Connection) -> None:
    # Make or migrate the tables, in the transaction that `connection` is in.
    # Raises StoreError: The database has a revision that this program does not know.
    from sqlalchemy import inspect

    # SQLite's write transaction is the lock there.
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        _make(connection, tables)
        return
    found = connection.exec_driver_sql(_REVISION).scalars().all()
    if found != [HEAD]:
        _upgrade(connection, list(found))


def _make(connection: Connection, tables: set[str]) -> None:
    from lingate.server.store.tables import metadata

    foreign = sorted(tables & set(metadata.tables))
    if foreign:
        raise StoreError(
            f"the database has a table {foreign[0]!r} that Lingate did not make", hint="give it a database of its own"
        )
    metadata.create_all(connection, checkfirst=False)
    # Alembic's own table, as alembic would have made it.
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.exec_driver_sql(f"INSERT INTO alembic_version (version_num) VALUES ('{HEAD}')")  # noqa: S608 - ours


def _upgrade(connection: Connection, found: list[str]) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    for revision in found:
        if revision not in known:
            raise StoreError(
                f"the database is at revision {revision!r}, which this program does not know",
                hint="a newer Lingate has used it: upgrade this one, or give it another database",
            )
    command.upgrade(config, "head")


def alembic_config(connection: Connection | None = None) -> Config:
    # Alembic's settings, for running its commands on `connection`.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
