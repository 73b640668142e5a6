# Calls as they end, for those who watch: what `lingate tail` reads.

# Where nobody watches it costs nothing.

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from lingate._dialects._redact import redact
from lingate.errors import LingateError
from lingate.server.access.inputs import Asked
from lingate.server.access_log import call_fields
from lingate.server.patterns import matches
from lingate.server.records import LedgerRow

Observers = list[Callable[[LedgerRow, LingateError | None], None]]

MOST_WATCHERS = 32
_MOST_WAITING = 1000
_SILENCE = 10.0
"""Seconds without a call after which a comment is sent: that is how a watcher who has left is noticed."""


class Wanted(Asked):
    # Which calls a watcher wants; None for any.

    model: str | None = None
    """As the client named it; `*` stands for anything."""
    key: str | None = None
    """Id or alias of the key."""
    team: str | None = None
    """Id of the team."""
    errors: bool = False
    """Only those that failed."""

    def has(self, row: LedgerRow) -> bool:
        # Whether a call is one of them.
        return (
            (not self.errors or row.error is not None)
            and (self.model is None or matches(self.model, row.model))
            and (self.key is None or self.key in (row.key_id, row.key_alias))
            and (self.team is None or self.team == row.team_id)
        )


class Watch:
    # One watcher. It is kept a bounded number of calls; what it misses by being slow it is told.

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._waiting: deque[tuple[LedgerRow, LingateError | None]] = deque()
        self._lost = 0
        self._more = asyncio.Event()
        self._closed = False

    def offer(self, row: LedgerRow, error: LingateError | None) -> None:
        if not self.wanted.has(row):
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append((row, error))
        self._more.set()

    def close(self) -> None:
        # Let the watcher have what is waiting, and no more.
        self._closed = True
        self._more.set()

    async def events(self) -> AsyncIterator[bytes]:
        # What the watcher is sent: events `call` and `lost`, and comments.
        yield b": watching\n\n"
        while True:
            try:
                async with asyncio.timeout(_SILENCE):
                    await self._more.wait()
            except TimeoutError:
                yield b": nothing yet\n\n"
                continue
            self._more.clear()
            waiting, self._waiting = self._waiting, deque()
            lost, self._lost = self._lost, 0
            pieces = [_event("call", _fields(row, error)) for row, error in waiting]
            if lost:
                pieces.append(_event("lost", {"calls": lost}))
            if pieces:
                yield b"".join(pieces)
            if self._closed:
                return


class Feed:
    # Those who watch one gateway.

    # observers: Who is told of calls that end; the feed is one of them while somebody watches.

    def __init__(self, observers: Observers) -> None:
        self._observers = observers
        self._watches: list[Watch] = []

    def __len__(self) -> int:
        return len(self._watches)

    async def watch(self, wanted: Wanted) -> AsyncIterator[bytes]:
        # Server-sent events about calls, until the gateway stops or the reader does.
        watch = Watch(wanted)
        if not self._watches:
            self._observers.append(self._observe)
        self._watches.append(watch)
        try:
            async for event in watch.events():
                yield event
        finally:
            self._watches.remove(watch)
            if not self._watches:
                self._observers.remove(self._observe)

    def close(self) -> None:
        for watch in self._watches:
            watch.close()

    def _observe(self, row: LedgerRow, error: LingateError | None) -> None:
        for watch in self._watches:
            watch.offer(row, error)


def _fields(row: LedgerRow, error: LingateError | None) -> dict[str, Any]:
    fields = {"id": row.id, "at": row.at, **call_fields(row, lambda name: redact(name, (), 200))}
    del fields["call_id"]
    if error is not None:
        fields["message"] = redact(error.message, ())
    return fields


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))
