"""The journal: what was written is found again, whatever happened to the file."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate.errors import ConfigError
from lingate.server.ledger.journal import Journal, JournalFullError
from lingate.server.ledger.spool import HEAD, Reader, Spool, frame, orphans, scan
from lingate.server.records import LedgerRow
from tests.server.rows import make_row

_decode = msgspec.json.Decoder(LedgerRow).decode


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal", segment_bytes=4096)
    yield journal
    journal.close()


def _reader(spool: Spool, damage: list[int] | None = None) -> Reader:
    reader = Reader(spool, passed=lambda _size: None, damaged=(damage if damage is not None else []).append)
    reader.start(None)
    return reader


def _read(spool: Spool) -> list[LedgerRow]:
    return [_decode(payload) for payload in _reader(spool).pending()]


def test_rows_are_read_in_the_order_they_were_written_across_segments(journal: Journal) -> None:
    rows = [make_row() for _ in range(100)]
    for row in rows:
        journal.write(row)

    assert len(journal.spool.segments()) > 5
    assert _read(journal.spool) == rows
    assert journal.state.written_rows == 100
    assert journal.state.pending_bytes == journal.spool.total()


def test_a_row_is_on_disk_when_write_returns(journal: Journal) -> None:
    row = make_row()

    journal.write(row)

    # Read as another process would: nothing is buffered in this one.
    with open(journal.spool.path(1), "rb") as file:
        assert _decode(scan(file.read(), last=True, limit=10).payloads[0]) == row


def test_one_row_is_one_system_call(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    write = os.write

    def counted(file: int, data: bytes) -> int:
        calls.append(len(data))
        return write(file, data)

    monkeypatch.setattr(os, "write", counted)
    journal.write(make_row())

    assert len(calls) == 1


PAYLOADS = [b"{}", b'{"id":"GLGLGL"}', b"x" * 300, b"GL", b'{"a":1}']
FILE = b"".join(map(frame, PAYLOADS))
ENDS = [sum(HEAD.size + len(payload) for payload in PAYLOADS[: count + 1]) for count in range(len(PAYLOADS))]


def test_a_file_cut_anywhere_gives_all_rows_before_the_cut() -> None:
    for cut in range(len(FILE) + 1):
        whole = sum(end <= cut for end in ENDS)

        found = scan(FILE[:cut], last=True, limit=100)

        assert found.payloads == PAYLOADS[:whole]
        assert found.damaged == cut - ([0, *ENDS][whole])
        assert found.consumed == cut


def test_a_file_that_is_still_growing_is_read_up_to_its_last_whole_row() -> None:
    for cut in range(len(FILE) + 1):
        found = scan(FILE[:cut], last=False, limit=100)
        again = scan(FILE[found.consumed :], last=True, limit=100)

        assert found.payloads + again.payloads == PAYLOADS
        assert found.damaged == again.damaged == 0


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_a_damaged_byte_costs_one_row(place: int, change: int) -> None:
    broken = bytearray(FILE)
    broken[place] ^= change
    hit = sum(end <= place for end in ENDS)

    found = scan(bytes(broken), last=True, limit=100)

    assert found.payloads == PAYLOADS[:hit] + PAYLOADS[hit + 1 :]
    assert found.damaged == HEAD.size + len(PAYLOADS[hit])


@given(st.binary(max_size=2000), st.lists(st.binary(min_size=1, max_size=50), max_size=5))
def test_rows_behind_garbage_are_found(garbage: bytes, payloads: list[bytes]) -> None:
    found = scan(garbage + b"".join(map(frame, payloads)), last=True, limit=10_000)

    assert found.payloads[len(found.payloads) - len(payloads) :] == payloads


def test_zeros_are_no_rows() -> None:
    assert scan(bytes(4096), last=True, limit=10).payloads == []


def test_rows_behind_a_torn_one_are_read(journal: Journal) -> None:
    first, second = make_row(), make_row()
    journal.write(first)
    with open(journal.spool.path(1), "ab") as file:
        file.write(frame(b"x" * 100)[:40])
    damage: list[int] = []
    while journal.segment == 1:
        journal.write(second)

    rows = [_decode(payload) for payload in _reader(journal.spool, damage).pending()]

    assert rows == [first] + [second] * (journal.written_rows - 1)


def test_the_reader_reports_damage_once(journal: Journal) -> None:
    journal.write(make_row())
    with open(journal.spool.path(1), "ab") as file:
        file.write(b"\0" * 77)
    damage: list[int] = []
    reader = _reader(journal.spool, damage)

    while (batch := reader.batch(10)) is not None:
        reader.advance(batch.end)

    assert sum(damage) == 77


def test_a_row_larger_than_what_is_read_at_once_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    rows = [make_row(body={"text": "x" * size}) for size in (3_000_000, 10, 9_000_000, 10)]
    for row in rows:
        journal.write(row)

    assert _read(journal.spool) == rows
    journal.close()


def test_a_body_beyond_any_measure_is_left_out_and_the_row_says_so(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.write(make_row(body={"text": "x" * 17_000_000}))

    assert [row.body for row in _read(journal.spool)] == [{"omitted": "too large"}]
    journal.close()


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"model": "a\x00b"}, {"model": "ab"}),
        ({"model": "a\\u0000b"}, {"model": "a\\u0000b"}),
        ({"end_user": "half \ud83d"}, {"end_user": "half ?"}),
        ({"prompt_tokens": 2**80, "audio_tokens": 3}, {"prompt_tokens": None, "audio_tokens": 3}),
        ({"completion_tokens": -1, "prompt_tokens": 2}, {"completion_tokens": None, "prompt_tokens": 2}),
        ({"cached_tokens": 1.5}, {"cached_tokens": None}),
        ({"body": {"x": 2**70}}, {"body": {"x": 2**70}}),
        ({"cost": float("nan")}, {"cost": None}),
        ({"body": {"x": object(), "\x00": [b"\xff", 1]}}, {"body": {"x": "object", "": ["bytes", 1]}}),
    ],
)
def test_what_json_or_a_database_cannot_hold_never_costs_the_row(
    journal: Journal, given: dict[str, object], stored: dict[str, object]
) -> None:
    journal.write(make_row(**given))

    (row,) = _read(journal.spool)

    assert {name: getattr(row, name) for name in stored} == stored


def test_calls_are_refused_while_there_is_no_room_and_those_under_way_still_fit(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", max_bytes=1000)
    assert journal.has_room()
    journal.write(make_row(body={"text": "x" * 1000}))

    assert not journal.has_room()
    journal.write(make_row())
    assert journal.state.dropped_rows == 0

    journal.drained(journal.state.pending_bytes)
    assert journal.has_room()
    journal.close()


def test_beyond_the_reserve_a_row_is_refused_counted_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(tmp_path / "journal", max_bytes=1000)
    large = make_row(body={"text": "x" * 8_000_000})
    journal.write(large)

    for _ in range(3):
        journal.write(make_row()) if journal.state.pending_bytes < 8_000_000 else None
    journal.write(make_row(body={"text": "x" * 7_900_000}))
    with pytest.raises(JournalFullError):
        for _ in range(10_000):
            journal.write(large)
    with pytest.raises(JournalFullError):
        journal.write(large)

    assert journal.state.dropped_rows == 2
    assert [record.message for record in caplog.records if "rows are being lost" in record.message].__len__() == 1
    assert len(_read(journal.spool)) == journal.written_rows
    journal.close()


def test_a_full_disk_refuses_new_calls_and_loses_no_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(tmp_path / "journal")
    rows = [make_row() for _ in range(50)]
    for row in rows[:10]:
        journal.write(row)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A file may grow by half a row: the next one is torn, the ones after it are refused.
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.size + 100, before[1]))
    try:
        for row in rows[10:40]:
            journal.write(row)
        journal.retry()
        assert not journal.has_room()
        assert journal.state.held_rows == 30
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    journal.retry()
    for row in rows[40:]:
        journal.write(row)

    assert journal.has_room()
    assert _read(journal.spool) == rows
    assert journal.state.pending_bytes == journal.spool.total()
    assert sum("cannot be written" in record.message for record in caplog.records) == 1
    journal.close()


def test_each_journal_has_a_directory_of_its_own_and_the_living_are_not_adopted(tmp_path: Path) -> None:
    one, two = Journal(tmp_path / "journal"), Journal(tmp_path / "journal")
    one.write(make_row())

    assert one.spool.name != two.spool.name
    assert orphans(tmp_path / "journal") == []

    one.close()
    (orphan,) = orphans(tmp_path / "journal")
    assert orphan.name == one.spool.name
    assert orphans(tmp_path / "journal") == []
    assert len(_read(orphan)) == 1
    orphan.release()
    two.close()


def test_a_journal_that_is_closed_with_nothing_in_it_leaves_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.close()
    journal.close()

    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["claim"]


def test_files_are_for_their_owner_only(journal: Journal) -> None:
    journal.write(make_row())

    assert journal.root.stat().st_mode & 0o077 == 0
    assert journal.spool.directory.stat().st_mode & 0o077 == 0
    assert journal.spool.path(1).stat().st_mode & 0o077 == 0


def test_a_place_where_no_journal_can_be_is_an_error_that_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="file/journal cannot be made"):
        Journal(tmp_path / "file" / "journal")


def test_sync_reaches_the_files_that_were_finished_and_closes_them(journal: Journal) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))

    before = open_files()
    while journal.segment < 4:
        journal.write(make_row())
    assert open_files() == before + 3

    journal.sync()
    journal.sync()

    assert open_files() == before


def test_a_disk_that_refuses_a_sync_has_no_file_closed_twice(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    while journal.segment < 4:
        journal.write(make_row())
    sync, synced = os.fdatasync, []

    def full_at_the_second(file: int) -> None:
        synced.append(file)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, "no space left on device")
        sync(file)

    monkeypatch.setattr(os, "fdatasync", full_at_the_second)
    with pytest.raises(OSError, match="no space"):
        journal.sync()
    somebodys = os.open(journal.spool.path(1), os.O_RDONLY)
    journal.sync()

    assert somebodys == synced[0]
    assert synced[2] == synced[1]
    os.close(somebodys)


def test_what_dead_processes_have_left_takes_room_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_bytes=1000)
    journal.found(1000)
    assert not journal.has_room()
    assert journal.state.pending_bytes == 1000
    journal.found(-400)
    assert journal.has_room()
    journal.close()


def test_rows_that_neither_the_disk_nor_the_memory_has_room_for_are_lost_loudly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "journal")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # not a byte more: what is written is refused whole
    try:
        journal.write(make_row())
        assert journal.state.held_rows == 1
        with pytest.raises(JournalFullError):
            for _ in range(20):
                journal.write(make_row(body={"text": "x" * 7_000_000}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    kept = journal.state

    assert kept.dropped_rows == 1
    assert kept.held_rows == kept.written_rows
    assert any("rows are being lost" in record.message for record in caplog.records)
    journal.retry()
    assert len(_read(journal.spool)) == kept.written_rows
    journal.close()


def test_rows_that_the_disk_never_took_are_missed_aloud_at_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "journal")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        for _ in range(3):
            journal.write(make_row())
        journal.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert journal.state.dropped_rows == 3
    assert [record.message for record in caplog.records if "3 rows" in record.message].__len__() == 1


def test_where_no_new_file_can_be_begun_the_old_one_goes_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", segment_bytes=1)
    rows = [make_row() for _ in range(4)]
    journal.write(rows[0])
    in_the_way = journal.spool.path(journal.segment + 1)
    in_the_way.mkdir()

    journal.write(rows[1])
    assert not journal.has_room()
    journal.write(rows[2])
    in_the_way.rmdir()
    journal.retry()
    assert journal.has_room()
    journal.write(rows[3])

    assert _read(journal.spool) == rows
    assert journal.state.pending_bytes == journal.spool.total()
    journal.close()
