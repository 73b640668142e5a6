# Answers in the memory of the process: so many bytes of them, those that were asked for least recently go first.

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from lingate.server.cache.entry import Entry


class Memory:
    def __init__(self, max_bytes: int, now: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._now = now
        self._entries: OrderedDict[str, tuple[float, Entry]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    async def get(self, key: str) -> Entry | None:
        found = self._entries.get(key)
        if found is None:
            return None
        until, entry = found
        if until <= self._now():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: Entry, ttl: float) -> None:
        # Keep an entry for so many seconds; one larger than the whole memory is not kept.
        self._drop(key)
        if entry.size > self.max_bytes:
            return
        self._entries[key] = (self._now() + ttl, entry)
        self.bytes += entry.size
        self.resize(self.max_bytes)

    def resize(self, max_bytes: int) -> None:
        # Set another bound; what is beyond it goes.
        self.max_bytes = max_bytes
        while self.bytes > max_bytes:
            self._drop(next(iter(self._entries)))

    async def close(self) -> None:
        self._entries.clear()
        self.bytes = 0

    def _drop(self, key: str) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self.bytes -= found[1].size
