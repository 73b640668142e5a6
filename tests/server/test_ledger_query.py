"""What can be asked of the ledger, on SQLite and on Postgres."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingate.server.ledger import Drainer, Journal
from lingate.server.ledger.drain import delete_rows
from lingate.server.ledger.query import DIMENSIONS, Filter, QueryError, Usage, rows_csv, usage_csv
from lingate.server.ledger.spending import LedgerSpending
from lingate.server.records import COUNTS, LedgerRow
from lingate.server.store import Store, StoreUnavailableError, open_store
from tests.server.rows import NOON, make_row
from tests.services import free_port

HOUR, DAY = 3600.0, 86400.0


class Ledger(NamedTuple):
    store: Store
    journal: Journal
    drainer: Drainer
    usage: Usage


class Owner(NamedTuple):
    kind: str
    id: str
    models: str | None = None


@pytest.fixture(params=["sqlite", "postgres"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    url = request.getfixturevalue("postgres") if request.param == "postgres" else f"sqlite:///{tmp_path}/l.db"
    store = await open_store(url)
    journal = Journal(tmp_path / "journal")
    drainer = Drainer(journal, store)
    yield Ledger(store, journal, drainer, Usage(store, drainer))
    journal.close()
    await store.close()


async def test_a_row_comes_back_as_it_was_written(ledger: Ledger) -> None:
    written = make_row(
        key_alias="prod",
        team_id="t",
        user_id="u",
        end_user="e",
        tags=("a", "ü"),
        stream=True,
        fallbacks=2,
        cached_tokens=3,
        cache_write_tokens=0,
        reasoning_tokens=4,
        audio_tokens=1,
        estimated=True,
        ttft=0.125,
        status=499,
        error="cancelled",
        cache="miss",
        request_id="r",
        body={"request": {"messages": ["hi"]}},
    )
    ledger.journal.write(written)

    found = await ledger.usage.row(written.id)

    assert found is not None
    assert found.pop("tags") == ["a", "ü"]
    assert found == {name: getattr(written, name) for name in written.__struct_fields__ if name != "tags"}


async def test_a_count_that_no_database_can_add_up_is_absent(ledger: Ledger) -> None:
    for name in COUNTS:
        for count in (2**40, 2**63, -1):
            ledger.journal.write(make_row(**{name: count}))
    await ledger.drainer.flush()

    found = (await ledger.usage.rows()).rows
    assert len(found) == 3 * len(COUNTS)
    assert all(0 <= (row[name] or 0) < 2**40 for row in found for name in COUNTS)


async def test_what_a_row_does_not_say_is_absent_or_its_default(ledger: Ledger) -> None:
    ledger.journal.write(LedgerRow(id="bare", at=NOON))

    found = await ledger.usage.row("bare")

    assert found is not None
    assert found.pop("tags") is None
    bare = LedgerRow(id="bare", at=NOON)
    assert found == {name: getattr(bare, name) for name in bare.__struct_fields__ if name != "tags"}
    assert await ledger.usage.row("another") is None


async def test_usage_is_summed_by_day_and_key(ledger: Ledger) -> None:
    for day, key in [(0, "a"), (0, "a"), (0, "b"), (1, "a")]:
        ledger.journal.write(make_row(at=NOON + day * DAY, key_id=key))

    found = await ledger.usage.by(("day", "key_id"))

    assert [(group["day"], group["key_id"], group["calls"], group["cost"]) for group in found] == [
        ("2026-11-20", "a", 2, pytest.approx(0.02)),
        ("2026-11-20", "b", 1, pytest.approx(0.01)),
        ("2026-11-21", "a", 1, pytest.approx(0.01)),
    ]
    assert found[0]["prompt_tokens"] == 20
    assert found[0]["completion_tokens"] == 10
    assert found[0]["seconds"] == pytest.approx(1.0)


async def test_sums_count_failures_cache_hits_and_calls_without_a_price(ledger: Ledger) -> None:
    ledger.journal.write(make_row(error="rate_limit", status=429, cost=0.0))
    ledger.journal.write(make_row(cache="hit", cost=0.0))
    ledger.journal.write(make_row(cache="shared", cost=0.0))
    ledger.journal.write(make_row(cost=None, price="unknown model"))

    totals = await ledger.usage.totals()

    assert (totals["calls"], totals["errors"], totals["cache_hits"], totals["unpriced"]) == (4, 1, 2, 1)


async def test_totals_of_nothing_are_zero(ledger: Ledger) -> None:
    assert set((await ledger.usage.totals()).values()) == {0}


@pytest.mark.parametrize("name", DIMENSIONS)
async def test_sums_can_be_taken_by_every_dimension_and_always_add_up(ledger: Ledger, name: str) -> None:
    for number in range(6):
        ledger.journal.write(
            make_row(
                at=NOON + number * HOUR * 7,
                key_id=f"k{number % 3}",
                team_id=[None, "t"][number % 2],
                user_id="u",
                end_user=["e", None][number % 2],
                model=f"m{number % 2}",
                tags=("x",) if number % 2 else (),
                error=[None, "rate_limit"][number % 2],
            )
        )

    hourly = await ledger.usage.by((name,))
    # No hourly sums know the face: the same question, to the calls themselves.
    calls = await ledger.usage.by((name,), Filter(face="openai_chat"))
    # From the calls of half an hour, the sums of some hours, and the calls of another half.
    mixed = await ledger.usage.by((name,), Filter(since=NOON - 1800, until=NOON + 35 * HOUR + 1800))
    finer = await ledger.usage.by((name, "model"))

    assert sorted(map(str, hourly)) == sorted(map(str, calls)) == sorted(map(str, mixed))
    assert sum(group["calls"] for group in hourly) == (3 if name == "tag" else 6)
    assert sum(group["calls"] for group in finer) == sum(group["calls"] for group in hourly)


@given(
    moments=st.lists(st.integers(0, 6 * 3600), max_size=12),
    since=st.none() | st.integers(-100, 6 * 3600 + 100),
    until=st.none() | st.integers(-100, 6 * 3600 + 100),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_span_of_time_has_exactly_the_calls_in_it(
    tmp_path: Path, moments: list[int], since: int | None, until: int | None
) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/{uuid4().hex}.db")
    journal = Journal(tmp_path / "journal")
    drainer = Drainer(journal, store)
    for moment in moments:
        journal.write(make_row(at=NOON + moment, tags=("x",), key_id=f"k{moment % 2}"))
    span = Filter(since=None if since is None else NOON + since, until=None if until is None else NOON + until)
    inside = [moment for moment in moments if (since is None or since <= moment) and (until is None or moment < until)]
    usage = Usage(store, drainer)

    by_key = {group["key_id"]: group["calls"] for group in await usage.by(("key_id",), span)}
    by_tag = await usage.by(("tag",), span)
    total = await usage.totals(span)
    assert await drainer.stop()
    journal.close()
    await store.close()

    assert by_key == Counter(f"k{moment % 2}" for moment in inside)
    assert [group["calls"] for group in by_tag] == ([len(inside)] if inside else [])
    assert total["calls"] == len(inside)


async def test_a_call_with_two_tags_counts_for_both(ledger: Ledger) -> None:
    ledger.journal.write(make_row(tags=("red", "blue")))
    ledger.journal.write(make_row(tags=("red",)))
    ledger.journal.write(make_row())

    found = {group["tag"]: group["calls"] for group in await ledger.usage.by(("tag",))}
    by_face = {(g["tag"], g["face"]): g["calls"] for g in await ledger.usage.by(("tag", "face"))}

    assert found == {"red": 2, "blue": 1}
    assert by_face == {("red", "openai_chat"): 2, ("blue", "openai_chat"): 1}
    assert (await ledger.usage.totals(Filter(tag="blue")))["calls"] == 1
    assert (await ledger.usage.totals(Filter(tag="blue", face="openai_chat")))["calls"] == 1


async def test_filters_narrow_sums_and_rows_alike(ledger: Ledger) -> None:
    mine = make_row(key_id="a", model="big", tags=("x",), at=NOON + 60)
    for row in (mine, make_row(key_id="b", model="big"), make_row(key_id="a", error="timeout", status=408)):
        ledger.journal.write(row)

    for filter in (
        Filter(key_id="a", model="big"),
        Filter(tag="x"),
        Filter(key_id="a", failed=False),
        Filter(since=NOON + 30),
        Filter(since=NOON + 30, until=NOON + 90, provider="examplegw", status=200),
    ):
        assert [row["id"] for row in (await ledger.usage.rows(filter)).rows] == [mine.id]
        assert (await ledger.usage.totals(filter))["calls"] == 1


async def test_pages_of_rows_follow_each_other_without_gap_or_repetition(ledger: Ledger) -> None:
    written = [make_row(at=NOON + number // 4) for number in range(23)]
    for row in written:
        ledger.journal.write(row)

    seen, cursor = [], None
    while True:
        page = await ledger.usage.rows(cursor=cursor, limit=5)
        seen += [row["id"] for row in page.rows]
        ledger.journal.write(make_row(at=NOON + 1000))  # a newer call does not shift the pages that follow
        cursor = page.cursor
        if cursor is None:
            break

    assert seen == [row.id for row in sorted(written, key=lambda row: (row.at, row.id), reverse=True)]


@pytest.mark.parametrize("cursor", ["", "garbage", "e30", "WyJhIiwxXQ", "ä", "WzEuMCwiYVx1MDAwMCJd"])
async def test_a_cursor_that_is_none_is_refused(ledger: Ledger, cursor: str) -> None:
    with pytest.raises(QueryError, match="cursor"):
        await ledger.usage.rows(cursor=cursor)


async def test_an_unknown_dimension_is_refused_with_the_known_ones(ledger: Ledger) -> None:
    with pytest.raises(QueryError, match=r"'id; DROP TABLE ledger'.*key_id"):
        await ledger.usage.by(("id; DROP TABLE ledger",))


async def test_csv_has_every_row_and_no_formula(ledger: Ledger) -> None:
    ledger.journal.write(
        make_row(end_user="=HYPERLINK('x')", tags=("@a", "b", "-c"), key_alias="-1", cost=-0.5, stream=True)
    )
    for _ in range(3):
        ledger.journal.write(make_row())

    text = b"".join([part async for part in rows_csv(ledger.usage)]).decode()
    rows = list(csv.DictReader(io.StringIO(text)))

    assert len(rows) == 4
    first = next(row for row in rows if row["stream"] == "true")
    assert (first["end_user"], first["tags"], first["key_alias"]) == ("'=HYPERLINK('x')", "'@a;b;'-c", "'-1")
    assert first["cost"] == "-0.5"
    assert first["at"] == "2026-11-20T12:00:00.000Z"
    assert "body" not in first


async def test_csv_of_more_rows_than_are_read_at_once_has_each_of_them_once(ledger: Ledger) -> None:
    written = [make_row(at=NOON + number // 700) for number in range(2500)]
    for row in written:
        ledger.journal.write(row)

    parts = [part async for part in rows_csv(ledger.usage)]
    found = [row["id"] for row in csv.DictReader(io.StringIO(b"".join(parts).decode()))]

    assert len(parts) > 3
    assert sorted(found) == [row.id for row in written]


async def test_csv_of_sums_has_the_dimensions_first(ledger: Ledger) -> None:
    ledger.journal.write(make_row())

    text = b"".join([part async for part in usage_csv(ledger.usage, ("day", "model"))]).decode()

    assert text.splitlines()[0].startswith("day,model,calls,errors")
    assert text.splitlines()[1].startswith("2026-11-20,small,1,0")


async def test_old_rows_are_deleted_and_their_sums_stay(ledger: Ledger) -> None:
    for day in range(3):
        for _ in range(4):
            ledger.journal.write(make_row(at=NOON + day * DAY, tags=("x",)))
    await ledger.drainer.flush()

    deleted = await delete_rows(ledger.store, NOON + 2 * DAY)

    assert deleted == 8
    assert len((await ledger.usage.rows()).rows) == 4
    assert (await ledger.usage.totals())["calls"] == 12


async def test_more_rows_than_one_batch_are_deleted_too(ledger: Ledger) -> None:
    for _ in range(1203):
        ledger.journal.write(make_row())
    await ledger.drainer.flush()

    assert await delete_rows(ledger.store, NOON + 1) == 1203
    assert (await ledger.usage.rows()).rows == []


async def test_spending_is_known_by_key_team_user_customer_tag_and_for_all(ledger: Ledger) -> None:
    spending = LedgerSpending(ledger.store, ledger.drainer)
    ledger.journal.write(make_row(key_id="k", team_id="t", user_id="u", end_user="e", tags=("x", "y"), cost=1.0))
    ledger.journal.write(make_row(key_id="k", model="big", cost=2.0, at=NOON + 1800))
    ledger.journal.write(make_row(key_id="k", team_id="t", tags=("y",), cost=4.0, at=NOON + 2 * HOUR))
    ledger.journal.write(make_row(key_id="other", cost=8.0, at=NOON - DAY))
    owners = [
        Owner("key", "k"),
        Owner("team", "t"),
        Owner("user", "u"),
        Owner("end_user", "e"),
        Owner("tag", "y"),
        Owner("gateway", ""),
        Owner("model", "big"),
        Owner("key", "k", "bi*"),
        Owner("key", "nobody"),
    ]

    assert await spending([(owner, 0.0) for owner in owners]) == [7.0, 5.0, 1.0, 1.0, 5.0, 15.0, 2.0, 2.0, 0.0]
    assert await spending([(owner, NOON) for owner in owners]) == [7.0, 5.0, 1.0, 1.0, 5.0, 7.0, 2.0, 2.0, 0.0]
    assert await spending([(owner, NOON + 60) for owner in owners]) == [6.0, 4.0, 0.0, 0.0, 4.0, 6.0, 2.0, 2.0, 0.0]


async def test_spending_counts_rows_that_are_only_in_the_journal(ledger: Ledger) -> None:
    spending = LedgerSpending(ledger.store, ledger.drainer)
    ledger.journal.write(make_row(key_id="k", cost=1.0, tags=("x",)))
    await ledger.drainer.flush()

    async with ledger.drainer.paused() as waiting:
        assert waiting == []
    ledger.journal.write(make_row(key_id="k", cost=2.0, tags=("x",)))
    async with ledger.drainer.paused() as waiting:
        assert len(waiting) == 1

    owners = [Owner("key", "k"), Owner("tag", "x"), Owner("gateway", ""), Owner("team", "t"), Owner("key", "k", "bi*")]
    asked = [*((owner, 0.0) for owner in owners), (Owner("key", "k"), NOON + 60)]
    answer = asyncio.create_task(spending(asked))
    await asyncio.sleep(0)  # what was written is on its way into the database: what comes now is not
    ledger.journal.write(make_row(key_id="k", cost=4.0, tags=("x", "y")))
    ledger.journal.write(make_row(key_id="k", team_id="t", model="big", cost=8.0, at=NOON + 60))

    assert await answer == [15.0, 7.0, 15.0, 8.0, 8.0, 8.0]


async def test_a_question_to_a_database_that_is_away_says_so_without_its_password(tmp_path: Path) -> None:
    store = Store(f"postgresql://me:hunter2@127.0.0.1:{free_port()}/x")
    usage = Usage(store)

    with pytest.raises(StoreUnavailableError) as error:
        await usage.totals()

    assert "does not answer" in str(error.value)
    assert "hunter2" not in str(error.value) + repr(error.value)
    await store.close()
