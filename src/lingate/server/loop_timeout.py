# How long databases are waited for.

from __future__ import annotations

import asyncio
from typing import Any

_STEPS = 5


class LoopTimeout:
    # As `asyncio.timeout`, but at most one step of five is counted for time in which this process stood still.

    # A machine that was paused, or a body that took seconds to read, says nothing about a database, whose answer may be
    # here.
    # seconds: How long, while the loop runs.

    def __init__(self, seconds: float) -> None:
        self._limit = asyncio.timeout(None)
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle | None = None
        self._step, self._left = seconds / _STEPS, _STEPS

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._next = self._loop.call_later(self._step, self._tick)

    def _tick(self) -> None:
        self._left -= 1
        if self._left:
            self._next = self._loop.call_later(self._step, self._tick)
        else:
            self._limit.reschedule(self._loop.time())

    async def __aexit__(self, *error: Any) -> None:
        if self._next is not None:
            self._next.cancel()
        await self._limit.__aexit__(*error)
