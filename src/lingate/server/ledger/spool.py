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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
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
