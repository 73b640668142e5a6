# The journal: rows on disk before the answer's last byte goes out, in the database whenever that is ready for them.

# `write` appends a row with one system call and waits for nothing. The row is then in the kernel's hands and outlives
# this process however it ends; what outlives the machine losing its power is what `sync` had reached, at most a second
# before.

from __future__ import annotations

import errno
import logging
import os
import threading
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from lingate._model import Fixed
from lingate.errors import ConfigError, LimitError
from lingate.server.ledger.spool import Spool, frame, make
from lingate.server.records import COUNTS, LedgerRow

_log = logging.getLogger("lingate.ledger")

# Room beyond `max_bytes` for calls that were admitted before it was reached: about 30,000 rows.
_RESERVE = 16 * 1024 * 1024

# Bodies are cut above this, far below what the reader takes for damage.
_MAX_ROW = 16 * 1024 * 1024

MOST_TOKENS = 2**40 - 1
"""More than any call can use. A sum of larger numbers would not fit into a database's integers, and stop the ledger."""


class JournalFullError(LimitError):
    # The ledger cannot take another row: its database has been away for long, or the disk is full.

    kind = "ledger_full"
    retryable = True


class JournalState(Fixed, frozen=True):
    # What the journal holds, for metrics and health.

    pending_bytes: int
    """Written here or found from dead processes, and not in the database."""
    max_bytes: int
    """The bound of `pending_bytes`."""
    written_rows: int
    """Rows taken since this process started."""
    dropped_rows: int
    """Rows given up because there was no room: 0 unless something was very wrong for very long."""
    held_rows: int
    """Rows in memory only, because the disk refused them."""
    damaged_bytes: int
    """Bytes in journals of dead processes that were no row."""
    has_room: bool
    """New calls may be made."""


class Journal:
    # Where the rows of one process are written. Used by the thread of the event loop only,
    # except for `sync`.

    # root: Directory of all journals of this installation; this process makes its own below it.
    # max_bytes: How much may wait for the database, with what dead processes left. From there on `has_room` is false.
    # segment_bytes: Size at which a new file is begun; drained files are deleted whole.

    def __init__(
        self,
        root: str | os.PathLike[str],
        max_bytes: int = 1 << 30,
        *,
        segment_bytes: int = 8 << 20,
    ) -> None:
        self.root = Path(root)
        self.segment = 0
        self.size = 0
        self.written_rows = 0
        self.dropped_rows = 0
        self.damaged_bytes = 0
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._pending = 0
        self._backlog = 0
        self._encode = msgspec.json.Encoder().encode
        self._held: list[bytes] = []
        self._failing = False
        self._closed = False
        self._syncing = threading.Lock()
        self._retired: list[int] = []
        self._synced_segment = 0
        self._file = -1
        try:
            self.spool: Spool = make(self.root)
            self._begin_segment()
        except OSError as error:
            raise ConfigError(f"the journal in {self.root} cannot be made: {error.strerror}") from None

    def resize(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def has_room(self) -> bool:
        # Whether a call may be made: its row would find room.
        return self._pending + self._backlog < self._max_bytes and not self._failing

    def write(self, row: LedgerRow) -> None:
        # When this returns, the row is in the ledger, also if this process is killed now.
        # Raises JournalFullError: There is no room, neither within the bound nor in the reserve for calls that were
        # under way.
        try:
            payload = self._payload(row)
        except RecursionError:
            payload = self._encode(_plain_row(row, with_body=False))
        self._append(frame(payload))

    def _payload(self, row: LedgerRow) -> bytes:
        try:
            # All counts in one test: together they have the sign of any that is negative and the bits of the largest.
            counts = (row.prompt_tokens or 0) | (row.completion_tokens or 0) | (row.cached_tokens or 0)
            counts |= (row.cache_write_tokens or 0) | (row.reasoning_tokens or 0) | (row.audio_tokens or 0)
            payload = self._encode(row if 0 <= counts <= MOST_TOKENS else _plain_row(row))
        except (TypeError, ValueError, OverflowError):
            payload = self._encode(_plain_row(row))
        # Postgres has no NUL in texts, and nobody needs one.
        if b"\\u0000" in payload or len(payload) > _MAX_ROW:
            payload = self._encode(_plain_row(row, with_body=len(payload) <= _MAX_ROW))
        return payload

    def _append(self, data: bytes) -> None:
        size = len(data)
        if self._pending + self._backlog + size > self._max_bytes + _RESERVE:
            self._give_up()
        if self.size >= self._segment_bytes:
            self._begin_segment()
        if self._held or not self._put(data):
            self._hold(data)
            return
        self.size += size
        self._pending += size
        self.written_rows += 1

    def _put(self, data: bytes) -> bool:
        try:
            done = os.write(self._file, data)
        except OSError as error:
            return self._refused(error)
        if done == len(data):
            return True
        # The disk took a part: it is cut off again, or else the file ends here, and the reader skips its tail.
        try:
            os.ftruncate(self._file, self.size)
        except OSError:
            self.size += done
            self._pending += done
            self._begin_segment()
        return self._refused(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _refused(self, error: OSError) -> bool:
        if not self._failing:
            self._failing = True
            _log.error("the journal in %s cannot be written: %s", self.root, error.strerror)
        return False

    def _hold(self, data: bytes) -> None:
        # The call has been made and cannot be unmade: its row waits in memory for the disk to come back.
        if sum(map(len, self._held)) + len(data) > _RESERVE:
            self._give_up()
        self._held.append(data)
        self.written_rows += 1

    def _give_up(self) -> NoReturn:
        if not self.dropped_rows:
            _log.error("the journal in %s has no room: rows are being lost", self.root)
        self.dropped_rows += 1
        raise JournalFullError("the usage ledger has no room for this call", status=503, retry_after=5.0)

    def retry(self) -> None:
        if not self._failing:
            return
        # A file of its own first: the held rows may be small enough for a disk that has no room for work.
        probe = self.spool.directory / "probe"
        try:
            probe.write_bytes(bytes(65536))
            probe.unlink()
        except OSError:
            return
        while self._held and self._put(self._held[0]):
            size = len(self._held.pop(0))
            self.size += size
            self._pending += size
        if not self._held:
            self._failing = False
            _log.warning("the journal in %s can be written again", self.root)

    def _begin_segment(self) -> None:
        try:
            file = os.open(
                self.spool.path(self.segment + 1),
                os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC,
                0o600,
            )
        except OSError as error:
            if self._file < 0:
                raise
            # The old file goes on growing until there is a new one.
            self._refused(error)
            return
        if self._file >= 0:
            self._retired.append(self._file)
        self._file = file
        self.segment += 1
        self.size = 0

    def sync(self) -> None:
        # Return when what was written before would survive a power cut.
        # May be called in a thread of its own.
        with self._syncing:
            while self._retired:
                os.fdatasync(self._retired[0])
                os.close(self._retired.pop(0))  # forgotten first: its number is soon another file's
            file, segment = self._file, self.segment
            if file >= 0:
                os.fdatasync(file)
            if segment != self._synced_segment:
                # The names of new files and of this process's directory are to survive too.
                for directory in (self.spool.directory, self.root):
                    _sync_directory(directory)
                self._synced_segment = segment

    def drained(self, size: int) -> None:
        # `size` bytes of this process's rows are in the database.
        self._pending -= size

    def found(self, size: int) -> None:
        # `size` bytes more (less, if negative) of dead processes' rows wait for the database.
        self._backlog = max(0, self._backlog + size)

    @property
    def state(self) -> JournalState:
        return JournalState(
            pending_bytes=self._pending + self._backlog,
            max_bytes=self._max_bytes,
            written_rows=self.written_rows,
            dropped_rows=self.dropped_rows,
            held_rows=len(self._held),
            damaged_bytes=self.damaged_bytes,
            has_room=self.has_room(),
        )

    def close(self) -> None:
        # Sync and close.
        # Rows that are not in the database stay on disk for the next process.
        if self._closed:
            return
        self._closed = True
        self.retry()
        if self._held:
            self.dropped_rows += len(self._held)
            _log.error("%d rows are lost: the disk of %s never took them", len(self._held), self.root)
        try:
            self.sync()
        except OSError as error:
            _log.error("the journal in %s cannot be synced: %s", self.root, error.strerror)
        with self._syncing:
            os.close(self._file)
            self._file = -1
        if self._pending == 0 and not self._held:
            self.spool.remove()
        else:
            self.spool.release()


def _sync_directory(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _plain_row(row: LedgerRow, *, with_body: bool = True) -> dict[str, Any]:
    # `row` as JSON can hold it and every database can store it; nothing is left out but what has no meaning as text.
    given = msgspec.structs.asdict(row)
    if not with_body:
        given["body"] = {"omitted": "too large"}
    fields = {name: _plain(value) for name, value in given.items()}
    for name in COUNTS:
        count = fields[name]
        if not isinstance(count, int) or not 0 <= count <= MOST_TOKENS:
            fields[name] = None
    return {name: value for name, value in fields.items() if value not in (None, [])}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {_plain(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(_plain, value))
    return type(value).__name__


def plain_text(text: str) -> str:
    # A text as every database can store it, and be asked for it.
    # Surrogates come from clients whose JSON has half of a pair; Postgres has no NUL.
    return text if text.isprintable() else text.replace("\x00", "").encode("utf-8", "replace").decode()
