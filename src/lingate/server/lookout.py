# Has calls that take long see their client leave, or be too slow.

# One timer for all: a timer for each costs more than a look.

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lingate.server.turn import Turn

_SOON = 0.03
"""Seconds after which a call is looked after: most calls that are refused have ended by then."""

_LOOK = 0.02
"""Seconds between two looks."""


class Lookout:
    # The calls that are not looked after yet, oldest first.

    __slots__ = ("_fresh", "_next")

    def __init__(self) -> None:
        self._fresh: dict[Turn, None] = {}
        self._next: asyncio.TimerHandle | None = None

    def add(self, turn: Turn) -> None:
        self._fresh[turn] = None
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(_LOOK, self._look)

    def remove(self, turn: Turn) -> None:
        self._fresh.pop(turn, None)

    def _look(self) -> None:
        self._next = None
        fresh, old = self._fresh, time.monotonic() - _SOON
        while fresh:
            turn = next(iter(fresh))
            if turn.began > old:
                self._next = asyncio.get_running_loop().call_later(_LOOK, self._look)
                return
            del fresh[turn]
            turn.watch(asyncio.get_running_loop().create_task(_wait_for_leaving(turn)))


async def _wait_for_leaving(turn: Turn) -> None:
    await turn.reply.gone()
    turn.left()
