# The journal's directories: one to a process, never shared, taken over by another when its process is dead.

#     <journal>/claim          locked while a directory is being made or taken over
#     <journal>/<name>/lock    locked as long as the owner lives; the kernel frees it however the owner died
#     <journal>/<name>/<n>.log segments, in order
#     <journal>/rejected.jsonl rows that the database refused, see `drain.py`
#
# A name is used once, and so the positions that the database remembers can never belong to other bytes.

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from lingate._model import Record

# How rows lie in a journal's file: a marker, the length, a checksum, the row as JSON.

# The file of a process that died may end in the middle of a frame, and one on a machine that lost its power may hold
# anything after the last sync: what is whole is found again behind what is damaged.

HEAD = Struct("<HII")
_MARK = 0x474C
_HEAD_SIZE = HEAD.size
_unpack = HEAD.unpack_from
_MARK_BYTES = _MARK.to_bytes(2, "little")

# A length above this is damage. Bodies are cut long before, see `journal.py`.
MAX_PAYLOAD = 32 * 1024 * 1024


def frame(payload: bytes) -> bytes:
    # `payload` as it is written.
    # The length is the checksum's seed, so that zeros are not a frame.
    size = len(payload)
    return HEAD.pack(_MARK, size, crc32(payload, size)) + payload


class Found(Record):
    # What `scan` has found.

    payloads: list[bytes] = []
    ends: list[int] = []
    """Where each of them ends, counted from the first byte of what was scanned."""
    consumed: int = 0
    """Bytes that need not be scanned again."""
    damaged: int = 0
    """Bytes among them that belong to no row."""


def scan(data: bytes, *, last: bool, limit: int) -> Found:
    # Find up to `limit` rows.
    # data: A part of a file that begins where a frame should.
    # last: Nothing follows and nothing will: a frame that is cut off is damage, not a reason to wait.
    found = Found()
    payloads, ends = found.payloads, found.ends
    view, total, position = memoryview(data), len(data), 0
    while position < total and len(ends) < limit:
        start = position + _HEAD_SIZE
        mark, size, checksum = _unpack(data, position) if start <= total else (_MARK, total, 0)
        end = start + size
        if mark == _MARK and 0 < size <= MAX_PAYLOAD:
            if end <= total:
                payload = view[start:end]
                if crc32(payload, size) == checksum:
                    payloads.append(bytes(payload))
                    ends.append(end)
                    position = end
                    continue
            elif not last:
                break
        following = data.find(_MARK_BYTES, position + 1)
        following = total if following < 0 else following
        found.damaged += following - position
        position = following
    found.consumed = position
    return found


_NAME = re.compile(r"[0-9a-f]{16}")
_SEGMENT = re.compile(r"(\d{8})\.log")


class Spool:
    # A directory of segments that this process owns.

    def __init__(self, directory: Path, lock: int) -> None:
        self.directory = directory
        self.name = directory.name
        self._lock = lock

    def path(self, segment: int) -> Path:
        return self.directory / f"{segment:08}.log"

    def segments(self) -> list[int]:
        # Numbers of the segments there are, oldest first.
        found = map(_SEGMENT.fullmatch, os.listdir(self.directory))
        return sorted(int(match[1]) for match in found if match)

    def size(self, segment: int) -> int:
        try:
            return self.path(segment).stat().st_size
        except FileNotFoundError:
            return 0

    def total(self) -> int:
        return sum(map(self.size, self.segments()))

    def release(self) -> None:
        # Let another process take it over.
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def remove(self) -> None:
        with _claiming(self.directory.parent):
            shutil.rmtree(self.directory)
            self.release()


def make(root: Path) -> Spool:
    # A new directory below `root`, owned by this process.
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _claiming(root):
        directory = root / secrets.token_hex(8)
        directory.mkdir(mode=0o700)
        lock = _locked(directory)
    assert lock is not None
    return Spool(directory, lock)


def orphans(root: Path) -> list[Spool]:
    # The directories below `root` whose owners are dead; from now on they are this process's.
    with _claiming(root):
        return [
            Spool(directory, lock)
            for directory in sorted(root.iterdir())
            if _NAME.fullmatch(directory.name) and directory.is_dir() and (lock := _locked(directory)) is not None
        ]


def _locked(directory: Path) -> int | None:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def _claiming(root: Path) -> Iterator[None]:
    descriptor = os.open(root / "claim", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


# Read a journal in order, from where the database says it has it.

_CHUNK = 640 * 1024


class Position(NamedTuple):
    # A place in a journal; all rows before it are in the database.

    segment: int
    offset: int


class Batch(NamedTuple):
    # Rows that follow each other in one segment.

    spool: str
    segment: int
    payloads: list[bytes]
    ends: list[int]
    """Where each of them ends in the segment."""

    @property
    def end(self) -> Position:
        # The position when all of it is in the database.
        return Position(self.segment, self.ends[-1])

    def halves(self) -> tuple[Batch, Batch]:
        middle = len(self.ends) // 2
        return (
            Batch(self.spool, self.segment, self.payloads[:middle], self.ends[:middle]),
            Batch(self.spool, self.segment, self.payloads[middle:], self.ends[middle:]),
        )


class Reader:
    # live: Segment being written and its size, where this process is the writer.
    # passed: Told how many bytes need not be read again.
    # damaged: Told how many bytes were no row.

    def __init__(
        self,
        spool: Spool,
        *,
        live: Callable[[], Position] | None = None,
        passed: Callable[[int], None],
        damaged: Callable[[int], None],
    ) -> None:
        self.spool = spool
        self.position: Position | None = None
        self._live = live
        self._passed = passed
        self._damaged = damaged
        self._damage = 0

    def start(self, position: Position | None) -> None:
        # Begin at the database's position, or with the first row if it has none.
        self.position = position or Position(0, 0)
        segment, offset = self.position
        before = sum(self.spool.size(other) for other in self.spool.segments() if other < segment)
        self._passed(before + min(offset, self.spool.size(segment)))

    def batch(self, limit: int) -> Batch | None:
        # The rows that come next, up to `limit` of them; None if there are none yet.
        assert self.position is not None
        chunk = _CHUNK
        while True:
            segment, offset = self.position
            size, last = self._extent(segment)
            if offset >= size:
                if not self._next_segment():
                    return None
                continue
            data = self._read(segment, offset, min(chunk, size - offset))
            found = scan(data, last=last and offset + len(data) >= size, limit=limit)
            self._damage = found.damaged
            if found.payloads:
                # What is damaged behind the last row is passed together with it.
                found.ends[-1] = found.consumed
                return Batch(self.spool.name, segment, found.payloads, [offset + end for end in found.ends])
            if found.consumed:
                self.advance(Position(segment, offset + found.consumed))
            elif offset + len(data) >= size:
                return None
            else:
                chunk *= 4

    def pending(self, limit: int = 256) -> list[bytes]:
        # All rows that come next, without moving on.
        start, passed, damaged = self.position, self._passed, self._damaged
        self._passed = self._damaged = lambda _size: None
        rows: list[bytes] = []
        try:
            while (batch := self.batch(limit)) is not None:
                rows += batch.payloads
                self.advance(batch.end)
        finally:
            self.position, self._passed, self._damaged, self._damage = start, passed, damaged, 0
        return rows

    def advance(self, position: Position) -> None:
        # Everything before `position` needs no reading any more.
        assert self.position is not None
        self._passed(position.offset - self.position.offset)
        self.position = position
        if self._damage:
            self._damaged(self._damage)
            self._damage = 0

    def delete_read(self) -> None:
        # Delete the segments before the position, when the database has their rows safely on disk.
        assert self.position is not None
        for segment in self.spool.segments():
            if segment < self.position.segment:
                self.spool.path(segment).unlink(missing_ok=True)

    def has_read_segments(self) -> bool:
        return self.position is not None and any(segment < self.position.segment for segment in self.spool.segments())

    def _extent(self, segment: int) -> tuple[int, bool]:
        # Bytes in a segment, and whether it is complete.
        if self._live is not None:
            live = self._live()
            if live.segment == segment:
                return live.offset, False
        return self.spool.size(segment), True

    def _next_segment(self) -> bool:
        assert self.position is not None
        following = [segment for segment in self.spool.segments() if segment > self.position.segment]
        if following:
            self.position = Position(following[0], 0)
        return bool(following)

    def _read(self, segment: int, offset: int, size: int) -> bytes:
        file = os.open(self.spool.path(segment), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(file, size, offset)
        finally:
            os.close(file)
