# Read a journal in order, from where the database says it has it.

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from lingate.server.ledger.spool import Spool, scan

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
