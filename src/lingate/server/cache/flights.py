"""Equal calls at the same time are made once: the first goes out, the others wait for what it brings."""

from __future__ import annotations

import asyncio
import copy

from lingate.errors import LingateError
from lingate.server.cache.entry import Entry


class Flight:
    """A call under way, and those that wait for it."""

    __slots__ = ("_done", "entry", "error")

    def __init__(self) -> None:
        self._done = asyncio.Event()
        self.entry: Entry | None = None
        self.error: LingateError | None = None

    async def landed(self) -> Entry | None:
        """What it brought; None if its caller left before it was whole, then somebody else goes.

        Raises:
            LingateError: The provider refused it.
        """
        await self._done.wait()
        if self.error is not None:
            # Each caller gets an error of its own: what is raised carries the traces of where.
            raise copy.copy(self.error)
        return self.entry

    def land(self) -> None:
        """Let the others go on."""
        self._done.set()


class Flights:
    """The calls under way, by key. All on one loop."""

    def __init__(self) -> None:
        self._flights: dict[str, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def under_way(self, key: str) -> Flight | None:
        """The call that an equal one may wait for."""
        return self._flights.get(key)

    def begin(self, key: str) -> Flight:
        """The first of its kind goes out."""
        flight = self._flights[key] = Flight()
        return flight

    def end(self, key: str, flight: Flight) -> None:
        """It is over, whichever way."""
        if self._flights.get(key) is flight:
            del self._flights[key]
        flight.land()
