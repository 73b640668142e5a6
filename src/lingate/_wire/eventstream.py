# AWS event streams (`application/vnd.amazon.eventstream`), incrementally, both ways.

# A frame, big endian: total length, length of the headers, CRC32 of these eight bytes (4 bytes each); headers; payload; CRC32
# of all that came before. https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple
from zlib import crc32

MAX_HEADERS_BYTES = 128 * 1024
MAX_PAYLOAD_BYTES = 24 * 1024 * 1024
"""The limits that botocore has too."""

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct(">II")
_WORD = struct.Struct(">I")
_OVERHEAD = 16  # lengths, their checksum, and the one at the end
_SHORT = struct.Struct(">H")
_BYTES, _TEXT = 6, 7
# Bytes of the other types: true, false, four integers, a time, a UUID.
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class Frame(NamedTuple):
    # One message of an event stream; of its headers those that hold text, as all do that say what it is.

    headers: dict[str, str]
    payload: bytes

    def text(self, name: str) -> str:
        # A header that holds text; empty if it is absent or holds something else.
        return self.headers.get(name, "")


class EventStreamDecoder:
    # Cuts a byte stream into frames, whatever the chunking, and checks both checksums of each.
    #
    # Frames that stand before a damaged one are handed out first: the error is raised by the next call.

    __slots__ = ("_broken", "_need", "_pieces", "_size")

    def __init__(self) -> None:
        self._broken: ValueError | None = None
        self._pieces: list[bytes] = []  # of a frame that is not complete; joined once, when it is
        self._size = 0
        self._need = _OVERHEAD - 4

    @property
    def pending(self) -> bool:
        # Part of a frame has arrived.
        return self._size > 0

    def feed(self, data: bytes) -> list[Frame]:
        # Take the next bytes and return the frames that are complete.
        # Raises ValueError: The bytes are no event stream, or were damaged on the way.
        self._raise_broken()
        self._pieces.append(data)
        self._size += len(data)
        if self._size < self._need:
            return []
        frames: list[Frame] = []
        block = b"".join(self._pieces) if len(self._pieces) > 1 else data
        at = 0
        try:
            while True:
                left = len(block) - at
                if left < _OVERHEAD - 4:
                    self._need = _OVERHEAD - 4
                    break
                total, size = _prelude(block, at)
                if left < total:
                    self._need = total
                    break
                frames.append(_frame(block, at, total, size))
                at += total
        except ValueError as error:
            self._broken = error
            if not frames:
                raise
        self._pieces = [block[at:]] if at < len(block) else []
        self._size = len(block) - at
        return frames

    def finish(self) -> list[Frame]:
        # The bytes have ended. A frame that stands unfinished is no frame.
        # Raises ValueError: The last bytes were no event stream.
        self._raise_broken()
        self._pieces = []
        self._size = 0
        return []

    def _raise_broken(self) -> None:
        if self._broken is not None:
            raise self._broken


def _prelude(block: bytes, at: int) -> tuple[int, int]:
    total, size = _PRELUDE.unpack_from(block, at)
    if crc32(block[at : at + 8]) != _WORD.unpack_from(block, at + 8)[0]:
        raise ValueError("the checksum of an event-stream frame's head is wrong")
    payload = total - size - _OVERHEAD
    if size > MAX_HEADERS_BYTES or payload > MAX_PAYLOAD_BYTES:
        raise ValueError(f"an event-stream frame has {size} bytes of headers and {payload} of payload: too many")
    if payload < 0:
        raise ValueError("an event-stream frame is shorter than its own headers")
    return total, size


def _frame(block: bytes, at: int, total: int, size: int) -> Frame:
    end = at + total - 4
    if crc32(block[at:end]) != _WORD.unpack_from(block, end)[0]:
        raise ValueError("the checksum of an event-stream frame is wrong")
    begin = at + 12
    return Frame(_headers(block[begin : begin + size]), block[begin + size : end])


def _headers(data: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            length = data[at]
            name = data[at + 1 : at + 1 + length].decode()
            kind = data[at + 1 + length]
            at += 2 + length
            if name in headers:
                raise ValueError("an event-stream frame has a header twice")
            size, skip = _extent(kind, data, at)
            if at + skip + size > len(data):
                raise ValueError("an event-stream frame's headers are cut short")
            if kind == _TEXT:
                headers[name] = data[at + skip : at + skip + size].decode()
            at += skip + size
    except (IndexError, struct.error):
        raise ValueError("an event-stream frame's headers are cut short") from None
    return headers


def _extent(kind: int, data: bytes, at: int) -> tuple[int, int]:
    # How many bytes a header's value has, and how many before it say so.
    if kind in (_BYTES, _TEXT):
        return _SHORT.unpack_from(data, at)[0], 2
    if kind not in _SIZES:
        raise ValueError(f"an event-stream frame has a header of type {kind}, which there is not")
    return _SIZES[kind], 0


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    # Write one frame.
    # Raises ValueError: A header, or something else, is larger than a frame can hold.
    block = b"".join(_header(name, value) for name, value in headers.items())
    if len(block) > MAX_HEADERS_BYTES or len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a frame of {len(block)} bytes of headers and {len(payload)} of payload is too large")
    lengths = _PRELUDE.pack(len(block) + len(payload) + _OVERHEAD, len(block))
    frame = b"".join((lengths, _WORD.pack(crc32(lengths)), block, payload))
    return frame + _WORD.pack(crc32(frame))


def _header(name: str, value: str) -> bytes:
    label, data = name.encode(), value.encode()
    if not 0 < len(label) < 256:
        raise ValueError("the name of a header has 1 to 255 bytes")
    if len(data) > 0x7FFF:
        raise ValueError("the value of a header has more than 32767 bytes")
    return bytes((len(label), *label, _TEXT)) + _SHORT.pack(len(data)) + data
