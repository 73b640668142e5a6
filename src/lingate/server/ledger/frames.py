# How rows lie in a journal's file: a marker, the length, a checksum, the row as JSON.

# The file of a process that died may end in the middle of a frame, and one on a machine that lost its power may hold
# anything after the last sync: what is whole is found again behind what is damaged.

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from zlib import crc32

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


@dataclass(slots=True)
class Found:
    """What `scan` has found."""

    payloads: list[bytes] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
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
