"""Opening the gateway's database."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, make_url, select, text

from lingate.server.access.edits import Edits
from lingate.server.ledger.insert import COLUMNS
from lingate.server.store import Statement, Store, StoreError, StoreUnavailableError, open_store
from lingate.server.store.schema import journal_positions, ledger
from lingate.server.store.url import parse_url
from tests.services import free_port


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres"))
    return f"sqlite:///{tmp_path}/new/folder/gateway.db"


def _position(spool: str) -> dict[str, object]:
    return {"spool": spool, "segment": 1, "offset": 0, "at": 0.0}


async def test_a_new_database_has_all_tables_and_is_opened_again_as_it_is(url: str) -> None:
    store = await open_store(url)
    async with store.write() as connection:
        await connection.execute(insert(journal_positions).values(_position("a")))
    await store.close()

    again = await open_store(url)
    async with again.read() as connection:
        assert await connection.scalar(select(journal_positions.c.spool)) == "a"
    await again.close()


async def test_an_exception_undoes_what_was_written(url: str) -> None:
    store = await open_store(url)

    with pytest.raises(RuntimeError):
        async with store.write() as connection:
            await connection.execute(insert(journal_positions).values(_position("a")))
            raise RuntimeError

    async with store.read() as connection:
        assert await connection.scalar(select(journal_positions.c.spool)) is None
    await store.close()


_PUT = 'INSERT INTO journal_positions (spool, segment, "offset", at) VALUES (:spool, :segment, :offset, :at)'
_SPOOLS = Statement("SELECT spool FROM journal_positions WHERE segment >= :from ORDER BY spool", {"from": 1})


async def test_plain_statements_answer_with_rows_and_with_how_many_they_changed(url: str) -> None:
    store = Store(url)

    first, second, both = await store.change(Statement(_PUT, _position("a")), Statement(_PUT, _position("b")), _SPOOLS)
    (gone,) = await store.change(Statement("DELETE FROM journal_positions WHERE spool <> :spool", {"spool": "b"}))
    none, one = await store.ask(Statement("SELECT id FROM keys WHERE NOT deleted", {}), _SPOOLS)
    await store.close()

    assert [first.changed, second.changed, gone.changed] == [1, 1, 1]
    assert (both.rows, none.rows, one.rows) == ([("a",), ("b",)], [], [("b",)])


async def test_plain_statements_are_one_transaction(url: str) -> None:
    store = await open_store(url)

    with pytest.raises(StoreError, match="nowhere"):
        await store.change(Statement(_PUT, _position("a")), Statement("SELECT x FROM nowhere", {}))

    assert (await store.ask(_SPOOLS))[0].rows == []
    await store.close()


async def test_reading_from_a_file_waits_for_no_writer(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/x.db")
    begun, done = threading.Event(), threading.Event()

    def write(connection: sqlite3.Connection) -> None:
        connection.execute(_PUT, _position("a"))
        begun.set()
        done.wait(20)

    writing = asyncio.create_task(store.transact(write))
    await asyncio.to_thread(begun.wait, 20)
    async with asyncio.timeout(5):
        before = await asyncio.gather(*(store.ask(_SPOOLS) for _ in range(3)))
    done.set()
    await writing

    assert [answer.rows for (answer,) in before] == [[], [], []]
    assert (await store.ask(_SPOOLS))[0].rows == [("a",)]
    await store.close()


async def test_a_file_that_was_closed_while_it_was_written_is_let_go(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/x.db")
    begun, done = threading.Event(), threading.Event()

    def write(connection: sqlite3.Connection) -> sqlite3.Connection:
        begun.set()
        done.wait(20)
        return connection

    writing = asyncio.create_task(store.transact(write))
    await asyncio.to_thread(begun.wait, 20)
    await store.close()
    done.set()

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        (await writing).execute("SELECT 1")


async def test_a_cancelled_task_gives_its_connection_and_its_place_back(url: str) -> None:
    store = await open_store(url)
    inside = asyncio.Event()

    async def hold() -> None:
        async with store.write() as connection:
            await connection.execute(insert(journal_positions).values(_position("a")))
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(hold())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with asyncio.timeout(5), store.write() as connection:
        await connection.execute(insert(journal_positions).values(_position("a")))
    await store.close()


async def test_two_programs_that_start_at_once_make_one_database(url: str) -> None:
    stores = [Store(url) for _ in range(4)]

    await asyncio.gather(*(store.prepare() for store in stores))

    async with stores[0].read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM alembic_version"))).scalar_one() == 1
    for store in stores:
        await store.close()


async def test_writers_in_one_process_and_in_two_wait_for_each_other(url: str) -> None:
    stores = [await open_store(url) for _ in range(2)]

    async def write(store: Store, number: int) -> None:
        async with store.write() as connection:
            await connection.execute(select(journal_positions))
            await connection.execute(insert(journal_positions).values(_position(str(number))))

    await asyncio.gather(*(write(stores[number % 2], number) for number in range(40)))

    async with stores[0].read() as connection:
        assert len((await connection.execute(select(journal_positions))).all()) == 40
    for store in stores:
        await store.close()


async def test_a_database_of_a_newer_program_is_refused_with_advice(url: str) -> None:
    store = await open_store(url)
    async with store.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()

    with pytest.raises(StoreError, match=r"'9999'.*newer"):
        await open_store(url)


async def test_a_database_of_another_program_is_left_alone(url: str) -> None:
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True)
    store = Store(url)
    async with store.write() as connection:
        await connection.execute(text("CREATE TABLE ledger (mine INTEGER)"))

    with pytest.raises(StoreError, match="'ledger' that Lingate did not make"):
        await store.prepare()

    async with store.read() as connection:
        assert (await connection.execute(text("SELECT mine FROM ledger"))).all() == []
    await store.close()


async def test_sqlite_is_private_has_a_write_ahead_log_and_survives_power_cuts_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    store = await open_store(f"sqlite:///{path}")

    async with store.read() as connection:
        assert await connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert await connection.scalar(text("PRAGMA synchronous")) == 1
        assert await connection.scalar(text("PRAGMA foreign_keys")) == 1
    await store.harden()
    await store.close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_place_where_no_file_can_be_is_an_error_that_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"file/x\.db cannot be opened"):
        await open_store(f"sqlite:///{tmp_path}/file/x.db")


async def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("not a database, but long enough to look at" * 100)

    with pytest.raises(StoreError, match=r"cannot be used: .*not a database") as error:
        await open_store(f"sqlite:///{tmp_path}/x.db")

    assert not isinstance(error.value, StoreUnavailableError)


async def test_an_unreachable_postgres_is_an_error_without_the_password() -> None:
    with pytest.raises(StoreUnavailableError) as error:
        await open_store(f"postgres://me:hunter2@127.0.0.1:{free_port()}/gateway?connect_timeout=2")

    assert "postgresql://127.0.0.1" in str(error.value)
    assert "hunter2" not in f"{error.value} {error.value!r} {error.value.__cause__!r}"


async def test_a_database_that_does_not_exist_is_an_error_without_the_password(postgres: str) -> None:
    url = postgres.replace("lingate@", "lingate:hunter2@").replace("/postgres", "/missing")

    with pytest.raises(StoreError, match=r"cannot be used: .*does not exist") as error:
        await open_store(url)

    assert not isinstance(error.value, StoreUnavailableError)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "cannot be read"),
        ("gateway.db", "cannot be read"),
        ("postgres://u:hunter2@h:port/x", "cannot be read"),
        ("mysql://u:hunter2@h/x", "'mysql'"),
        ("sqlite://", "memory"),
        ("sqlite:///:memory:", "memory"),
        ("sqlite:///x.db?mode=ro", "'mode'"),
        ("postgresql://u:hunter2@h:5432", "no database"),
        ("postgresql://u:hunter2@h/x?sslmood=require", "'sslmood'"),
        ("postgresql://u:hunter2@h/x?sslmode=perhaps", "'sslmode'"),
        ("postgresql://u:hunter2@h/x?connection_limit=many", "'connection_limit'"),
    ],
)
def test_a_wrong_url_is_an_error_that_never_shows_the_password(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as error:
        parse_url(url)

    assert "hunter2" not in f"{error.value} {error.value!r} {error.value.__cause__!r}"


@given(name=st.text(st.characters(codec="utf-8", exclude_characters="?~\0"), min_size=1))
def test_the_url_of_a_file_is_read_as_sqlalchemy_reads_it(name: str) -> None:
    url = f"sqlite:///{name}"
    expected = make_url(url).database
    assert expected is not None

    if expected == ":memory:":
        return
    assert parse_url(url).path == Path(expected).expanduser().absolute()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_spelling_of_postgres_means_the_same(scheme: str) -> None:
    address = parse_url(f"{scheme}://u:p%40ss@db:5433/gw?sslmode=require&schema=llm&pgbouncer=true&connection_limit=3")

    assert address.url.drivername == "postgresql+asyncpg"
    assert (address.url.host, address.url.port, address.url.password) == ("db", 5433, "p@ss")
    assert address.shown == "postgresql://db:5433/gw"
    assert address.connect["ssl"] == "require"
    assert address.connect["server_settings"] == {"application_name": "lingate", "search_path": "llm"}
    assert address.connect["statement_cache_size"] == 0
    assert address.pool_size == 3


def test_the_ledger_has_a_column_for_each_field_of_a_row_in_its_order() -> None:
    assert [column.name for column in ledger.columns] == list(COLUMNS)


def test_opening_a_file_that_is_up_to_date_loads_no_part_that_is_not_needed(tmp_path: Path) -> None:
    parts = ("sqlalchemy", "alembic", "aiosqlite", "greenlet", "asyncpg")
    code = (
        "import asyncio, sys\n"
        "from lingate.server.ledger import Drainer, Journal\n"
        "from lingate.server.store import open_store\n"
        f"store = asyncio.run(open_store('sqlite:///{tmp_path}/x.db'))\n"
        f"print([name for name in {parts!r} if name in sys.modules])\n"
        "asyncio.run(store.close())\n"
    )

    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("code", ["57P03", "53300"], ids=["starting or stopping", "crowded"])
async def test_a_postgres_that_takes_no_connection_at_the_moment_is_away_and_not_useless(
    postgres: str, code: str
) -> None:
    there, lines, refusing = make_url(postgres), list[asyncio.StreamWriter](), False

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(writer)
        while piece := await reader.read(65536):
            writer.write(piece)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not refusing:
            to = await asyncio.open_connection(there.host, there.port)
            await asyncio.gather(pump(reader, to[1]), pump(to[0], writer), return_exceptions=True)
            return
        size = int.from_bytes(await reader.readexactly(4), "big")
        if (await reader.readexactly(size - 4))[:4] == (80877103).to_bytes(4, "big"):  # whether it speaks TLS
            writer.write(b"N")
            await reader.read(65536)
        told = f"SFATAL\0VFATAL\0C{code}\0Mnot now\0\0".encode()
        writer.write(b"E" + (len(told) + 4).to_bytes(4, "big") + told)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    store = Store(there.set(port=server.sockets[0].getsockname()[1]).render_as_string())
    try:
        await store.prepare()
        edits, refusing = Edits(store), True
        for line in lines:
            line.close()
        with pytest.raises(StoreUnavailableError):
            await edits.audit_log(limit=1, before=None)
        with pytest.raises(StoreUnavailableError):
            await store.ask(Statement("SELECT 1", {}))
    finally:
        await store.close()
        server.close()
