# What is counted: requests and tokens a minute, calls at once, money in a period.

# Pure; the limiter decides.
# Money is whole billionths of a dollar, rounded up: sums of floats would let fifty calls cost more or less than fifty
# times one.

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from lingate._model import Record
from lingate.server.access.periods import FOREVER, Period

NANO = 1_000_000_000
WINDOW = 61
"""Seconds an event counts. Events are kept by the second, so one more than a minute is never too short."""


def nanos(dollars: float) -> int:
    # Dollars in whole billionths, rounded up; the noise of float arithmetic is no reason to round.
    return ceil(dollars * NANO - 0.0001)


class Rate(Record, eq=False):
    # How much of something happened in the last minute, by the second: exact, and never over in any 60 seconds.

    id: str
    name: str
    limit: int
    used: int = 0
    slots: list[list[int]] = []
    """At most 62 of them; a deque would take 600 bytes before its first."""

    def room(self, second: int) -> int:
        # Negative where the limit was lowered or a call used more than was reserved.
        slots = self.slots
        while slots and slots[0][0] <= second - WINDOW:
            self.used -= slots.pop(0)[1]
        return self.limit - self.used

    def add(self, second: int, amount: int) -> list[int]:
        # Count something; what comes back is handed to `correct` when more is known.
        slots = self.slots
        if slots and slots[-1][0] == second:
            slot = slots[-1]
            slot[1] += amount
        else:
            slot = [second, amount]
            slots.append(slot)
        self.used += amount
        return slot

    def correct(self, slot: list[int], second: int, delta: int) -> None:
        # Give back where it was taken, or count what came on top now.
        if delta > 0:
            self.add(second, delta)
        elif self.slots and slot[0] >= self.slots[0][0]:
            slot[1] += delta
            self.used += delta

    def wait(self, second: int, amount: int) -> int:
        # Seconds until `amount` fits, 0 if it does now; for more than the limit, until nothing is counted any more.
        free = self.room(second)
        if free >= amount or not self.slots:
            return 0
        for start, count in self.slots:
            free += count
            if free >= amount:
                return start + WINDOW - second
        return self.slots[-1][0] + WINDOW - second


class Parallel(Record, eq=False):
    # Calls that are under way.

    id: str
    name: str
    limit: int
    running: int = 0


class Owner(NamedTuple):
    # Whose money a budget counts, in the words of the ledger's columns.

    kind: str
    """`key`, `team`, `user`, `end_user`, `model`, `provider`, `deployment`, `tag`, or `gateway` for everybody's."""
    id: str
    """Which one."""
    models: str | None = None
    """Pattern of the models that count; None for all."""


class _Window(Record):
    start: float
    spent: int
    reserved: int
    known: bool


class Budget(Record, eq=False):
    # Money that may be spent in a period. What is reserved for calls counts as spent until they are settled.

    id: str
    """Unique name of the counter."""
    name: str
    """Whose it is, for people."""
    owner: Owner
    """Whose it is, for the ledger."""
    cap: int
    """Billionths of a dollar."""
    period: Period | None
    """None for a budget that never begins anew."""
    span: str | None = None
    """The period as it was written."""
    start: float = 0.0
    """Beginning of the current window, 0 for a budget without a period."""
    ends: float = 0.0
    """Its end."""
    spent: int = 0
    """In this window."""
    reserved: int = 0
    """For calls admitted in this window that are not settled."""
    known: bool = False
    """`spent` includes what the ledger has of this window."""
    _before: _Window | None = None
    """The window before: calls end late, and clocks go back."""
    _heir: Budget | None = None
    _handed: float = 0.0
    """The window whose reservations it got."""
    _inherited: int = 0

    def __post_init__(self) -> None:
        if self.period is None:
            self.ends = FOREVER

    def remaining(self, now: float) -> int:
        if not self.start <= now < self.ends:
            self.roll(now)
        return self.cap - self.spent - self.reserved - self._inherited

    def roll(self, now: float) -> None:
        # Be in the window that `now` is in.
        # Calls of the one before settle into the one before.
        if self.period is None or self.start <= now < self.ends:
            return
        left = _Window(self.start, self.spent, self.reserved, self.known)
        self.start, self.ends = self.period.window(now)
        before, self._before = self._before, left
        if before is not None and before.start == self.start:
            self.spent, self.reserved, self.known = before.spent, before.reserved, before.known
            return
        self.spent = self.reserved = 0
        # A window that began while we were counting has nothing in the ledger that we did not count ourselves.
        self.known = left.known and self.start > left.start

    def settle(self, start: float, reserved: int, spent: int) -> None:
        # End a reservation that was made in the window beginning at `start`.
        if self._heir is not None and start == self._handed:
            self._heir._inherit(reserved, spent)
        if start == self.start:
            self.reserved -= reserved
            self.spent += spent
        elif self._before is not None and start == self._before.start:
            self._before.reserved -= reserved
            self._before.spent += spent

    def succeed(self, old: Budget) -> None:
        # Take the place of a budget with another period: what is reserved there is under way, and is spent from this one.
        self._inherited = old.reserved + old._inherited
        old._heir, old._handed = self, old.start

    def _inherit(self, reserved: int, spent: int) -> None:
        self._inherited = max(0, self._inherited - reserved)
        self.spent += spent
        if self._heir is not None:
            self._heir._inherit(reserved, spent)

    def raise_to(self, start: float, spent: int) -> None:
        # Take over what the ledger (or another replica) knows of a window, if it is more than we do.
        self.known = True
        if start == self.start and spent > self.spent:
            self.spent = spent
