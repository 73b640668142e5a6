# Streams of JSON without server-sent events: lines, and an array in pieces, which Google's APIs call a stream.

from __future__ import annotations

import re

MAX_BYTES = 64 * 1024 * 1024
"""Of one line, or one object."""

_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')
_BETWEEN = b" \t\r\n,"


class NdjsonDecoder:
    # Cuts a byte stream into lines that are not blank, whatever the chunking.

    __slots__ = ("_size", "_tail", "limit")

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self.limit = limit
        self._tail: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        # Take the next bytes and return the lines that are complete.
        # Raises ValueError: One line is larger than the limit.
        cut = data.rfind(b"\n")
        if cut < 0:
            self._tail.append(data)
            self._size += len(data)
            if self._size > self.limit:
                raise ValueError(f"an NDJSON line is longer than {self.limit} bytes")
            return []
        self._tail.append(data[:cut])
        block = b"".join(self._tail)
        self._tail = [data[cut + 1 :]]
        self._size = len(data) - cut - 1
        return list(filter(None, (piece.strip() for piece in block.split(b"\n"))))

    def finish(self) -> list[bytes]:
        # The last line, if it had no newline.
        rest = b"".join(self._tail).strip()
        self._tail = []
        self._size = 0
        return [rest] if rest else []


class JsonArrayDecoder:
    # Cuts an array into the JSON texts of its objects, whatever the chunking. One bare object counts as an array of it.
    #
    # Bytes are scanned once; what the objects hold is not looked at.

    __slots__ = ("_base", "_depth", "_escaped", "_in_string", "_item", "_size", "limit")

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self.limit = limit
        self._base: int | None = None  # depth of the objects: 1 inside an array, 0 for a bare object
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._item: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        # Take the next bytes and return the objects that are complete.
        # Raises ValueError: This is not an array of objects, or one object is larger than the limit.
        items: list[bytes] = []
        at = start = 0
        while at < len(data):
            if self._in_string:
                at = self._skip_string(data, at)
                continue
            found = _OUTSIDE.search(data, at)
            stop = len(data) if found is None else found.start()
            if not self._item and data[at:stop].strip(_BETWEEN + b"\xef\xbb\xbf"):
                raise ValueError("not a JSON array of objects")
            if found is None:
                break
            at = stop + 1
            start = self._mark(found.group(), data, start, at, items)
        if self._item:
            self._keep(data[start:])
        return items

    def finish(self) -> list[bytes]:
        # The bytes have ended.
        # Raises ValueError: In the middle of an object.
        if self._item:
            self._item = []
            raise ValueError("a JSON array ends in the middle of an object")
        return []

    def _skip_string(self, data: bytes, at: int) -> int:
        # Go on inside a string; the place behind it, or the end of the data.
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _INSIDE.search(data, at)
        if found is None:
            return len(data)
        if found.group() == b'"':
            self._in_string = False
        else:
            self._escaped = True
        return found.end()

    def _mark(self, mark: bytes, data: bytes, start: int, at: int, items: list[bytes]) -> int:
        # Take a quote or bracket that ends before `at`; the place from which bytes are not kept yet.
        if mark == b'"':
            if not self._item:
                raise ValueError("not a JSON array of objects")
            self._in_string = True
            return start
        if mark in b"{[":
            start = self._open(mark, start, at)
            self._depth += 1
            return start
        self._depth -= 1
        if self._depth < 0:
            raise ValueError("not a JSON array of objects")
        if self._depth == self._base:
            self._keep(data[start:at])
            items.append(b"".join(self._item)[1:])
            self._item, self._size = [], 0
        return at if not self._item else start

    def _open(self, mark: bytes, start: int, at: int) -> int:
        if self._item:
            return start
        if self._base is None:
            self._base = 1 if mark == b"[" else 0
            if mark == b"[":
                return at
        if mark == b"[" or self._depth != self._base:
            raise ValueError("not a JSON array of objects")
        self._item = [b" "]  # says that an object has begun, even before its first byte is kept
        return at - 1

    def _keep(self, data: bytes) -> None:
        self._item.append(data)
        self._size += len(data)
        if self._size > self.limit:
            raise ValueError(f"an item of a JSON array is larger than {self.limit} bytes")
