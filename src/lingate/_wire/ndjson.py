# Newline-delimited JSON, incrementally.

from __future__ import annotations

MAX_LINE_BYTES = 64 * 1024 * 1024


class NdjsonDecoder:
    # Cuts a byte stream into lines that are not blank, whatever the chunking.

    __slots__ = ("_size", "_tail", "limit")

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
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
