# One kept answer, in the canonical form, which every face can tell.

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from lingate._model import JsonDict
from lingate._wire import json

_encoder = msgspec.msgpack.Encoder()
_BESIDE = 512
"""What an entry takes in memory besides its answer, roughly, in bytes."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    # One kept answer.

    data: bytes
    """The canonical response as JSON."""
    at: float
    """When it was given, epoch seconds."""
    deployment: str | None = None
    """Who gave it."""
    provider: str | None = None
    """Its provider's row."""
    model: str | None = None
    """The model's name there."""

    @property
    def size(self) -> int:
        return len(self.data) + _BESIDE

    def response(self) -> JsonDict:
        # The canonical response, a new one each time.
        found: JsonDict = json.decode(self.data)
        return found

    def packed(self) -> bytes:
        # As bytes, for a store that is not this process's memory.
        return _encoder.encode(self)


_decoder = msgspec.msgpack.Decoder(Entry)


def unpacked(data: bytes) -> Entry | None:
    # The entry that was packed; None if these bytes are none, whoever wrote them.
    try:
        entry = _decoder.decode(data)
        return entry if is_whole(entry.response()) else None
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError):
        return None


def is_whole(response: JsonDict) -> bool:
    choices = response.get("choices")
    if choices is None:
        return bool(response.get("data") or response.get("results"))
    return bool(choices) and all(choice.get("finish_reason") is not None for choice in choices)


def has_ended(response: JsonDict, *how: str) -> bool:
    # Whether any of its answers has ended in one of these ways.
    return any(choice.get("finish_reason") in how for choice in response.get("choices") or ())


# Answers in the memory of the process: so many bytes of them, those that were asked for least recently go first.


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
