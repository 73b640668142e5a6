# Has calls that take long see their client leave, or be too slow.

# One timer for all: a timer for each costs more than a look.

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lingate.server.exchange import Exchange

_SOON = 0.03
"""Seconds after which a call is looked after: most calls that are refused have ended by then."""

_LOOK = 0.02
"""Seconds between two looks."""


class DisconnectWatcher:
    # The calls that are not looked after yet, oldest first.

    __slots__ = ("_fresh", "_next")

    def __init__(self) -> None:
        self._fresh: dict[Exchange, None] = {}
        self._next: asyncio.TimerHandle | None = None

    def add(self, exchange: Exchange) -> None:
        self._fresh[exchange] = None
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(_LOOK, self._look)

    def remove(self, exchange: Exchange) -> None:
        self._fresh.pop(exchange, None)

    def _look(self) -> None:
        self._next = None
        fresh, old = self._fresh, time.monotonic() - _SOON
        while fresh:
            exchange = next(iter(fresh))
            if exchange.began > old:
                self._next = asyncio.get_running_loop().call_later(_LOOK, self._look)
                return
            del fresh[exchange]
            exchange.watch(asyncio.get_running_loop().create_task(_wait_for_leaving(exchange)))


async def _wait_for_leaving(exchange: Exchange) -> None:
    await exchange.reply.gone()
    exchange.client_left()
