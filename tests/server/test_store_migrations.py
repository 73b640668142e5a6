"""Migrations lead from every older revision to the tables that the program has."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from lingate.server.store import Store
from lingate.server.store.migrate import HEAD, alembic_config, bring_up_to_date
from lingate.server.store.tables import metadata

REVISIONS = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("postgres")) if request.param == "postgres" else f"sqlite:///{tmp_path}/x.db"


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


def test_the_program_knows_its_newest_revision() -> None:
    assert REVISIONS[-1] == HEAD


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_database_at_an_older_revision_is_brought_up_to_date(url: str, revision: str) -> None:
    def age(connection: Connection) -> None:
        command.upgrade(alembic_config(connection), revision)

    def check(connection: Connection) -> None:
        bring_up_to_date(connection)
        assert _differences(connection) == []
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == HEAD

    store = Store(url)
    async with store.write() as connection:
        await connection.run_sync(age)
    async with store.write() as connection:
        await connection.run_sync(check)
    await store.close()


async def test_a_new_database_is_what_all_migrations_together_make(url: str) -> None:
    store = Store(url)

    await store.prepare()

    async with store.read() as connection:
        assert await connection.run_sync(_differences) == []
    await store.close()


async def test_migrations_can_be_undone(url: str) -> None:
    def there_and_back(connection: Connection) -> None:
        command.upgrade(alembic_config(connection), "head")
        command.downgrade(alembic_config(connection), "base")
        bring_up_to_date_again = connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one()
        assert bring_up_to_date_again == 0

    store = Store(url)
    async with store.write() as connection:
        await connection.run_sync(there_and_back)
    await store.close()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(url: str) -> None:
    store = Store(url)
    async with store.write() as connection:
        await connection.execute(text("CREATE TABLE audit (mine INTEGER)"))
        await connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))

    with pytest.raises(Exception, match="already exists"):
        await store.prepare()

    async with store.read() as connection:
        assert (await connection.execute(text("SELECT mine FROM audit"))).all() == []
    await store.close()
