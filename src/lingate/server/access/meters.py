"""What is counted: requests and tokens a minute, calls at once, money in a period."""

# Pure; the limiter decides.
# Money is whole billionths of a dollar, rounded up: sums of floats would let fifty calls cost more or less than fifty
# times one.

from __future__ import annotations

from typing import NamedTuple

from lingate.server.access.periods import FOREVER, Period

NANO = 1_000_000_000
WINDOW = 61
"""Seconds an event counts. Events are kept by the second, so one more than a minute is never too short."""


def nanos(dollars: float) -> int:
    """Dollars in whole billionths, rounded up; the noise of float arithmetic is no reason to round."""
    return int(dollars * NANO + 0.9999)


class Rate:
    """How much of something happened in the last minute, by the second: exact, and never over in any 60 seconds."""

    __slots__ = ("id", "limit", "name", "slots", "used")

    def __init__(self, id: str, name: str, limit: int) -> None:
        self.id = id
        self.name = name
        self.limit = limit
        self.used = 0
        # At most 62 of them; a deque would take 600 bytes before its first.
        self.slots: list[list[int]] = []

    def room(self, second: int) -> int:
        """How much may still happen now. Negative where the limit was lowered or a call used more than was reserved."""
        slots = self.slots
        while slots and slots[0][0] <= second - WINDOW:
            self.used -= slots.pop(0)[1]
        return self.limit - self.used

    def add(self, second: int, amount: int) -> list[int]:
        """Count something; what comes back is handed to `correct` when more is known."""
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
        """Give back where it was taken, or count what came on top now."""
        if delta > 0:
            self.add(second, delta)
        elif self.slots and slot[0] >= self.slots[0][0]:
            slot[1] += delta
            self.used += delta

    def wait(self, second: int, amount: int) -> int:
        """Seconds until `amount` fits, 0 if it does now; for more than the limit, until nothing is counted any more."""
        free = self.room(second)
        if free >= amount or not self.slots:
            return 0
        for start, count in self.slots:
            free += count
            if free >= amount:
                return start + WINDOW - second
        return self.slots[-1][0] + WINDOW - second


class Parallel:
    """Calls that are under way."""

    __slots__ = ("id", "limit", "name", "running")

    def __init__(self, id: str, name: str, limit: int) -> None:
        self.id = id
        self.name = name
        self.limit = limit
        self.running = 0


class Owner(NamedTuple):
    """Whose money a budget counts, in the words of the ledger's columns."""

    kind: str
    """`key`, `team`, `user`, `end_user`, `model`, `provider`, `deployment`, `tag`, or `gateway` for everybody's."""
    id: str
    """Which one."""
    models: str | None = None
    """Pattern of the models that count; None for all."""


class _Window:
    __slots__ = ("known", "reserved", "spent", "start")

    def __init__(self, start: float, spent: int, reserved: int, known: bool) -> None:
        self.start = start
        self.spent = spent
        self.reserved = reserved
        self.known = known


class Budget:
    """Money that may be spent in a period. What is reserved for calls counts as spent until they are settled."""

    # id: Unique name of the counter.
    # name: Whose it is, for people.
    # owner: Whose it is, for the ledger.
    # cap: Billionths of a dollar.
    # period: None for a budget that never begins anew.
    # span: The period as it was written.
    # start: Beginning of the current window, 0 for a budget without a period.
    # ends: Its end.
    # spent: In this window.
    # reserved: For calls admitted in this window that are not settled.
    # known: `spent` includes what the ledger has of this window.

    __slots__ = (
        "_before",
        "_handed",
        "_heir",
        "_inherited",
        "cap",
        "ends",
        "id",
        "known",
        "name",
        "owner",
        "period",
        "reserved",
        "span",
        "spent",
        "start",
    )

    def __init__(
        self, id: str, name: str, owner: Owner, cap: int, period: Period | None, span: str | None = None
    ) -> None:
        self.id = id
        self.name = name
        self.owner = owner
        self.cap = cap
        self.period = period
        self.span = span
        self.start = 0.0
        self.ends = FOREVER if period is None else 0.0
        self.spent = 0
        self.reserved = 0
        self.known = False
        self._before: _Window | None = None  # the window before: calls end late, and clocks go back
        self._heir: Budget | None = None
        self._handed = 0.0  # the window whose reservations it got
        self._inherited = 0

    def remaining(self, now: float) -> int:
        """What may still be reserved."""
        if not self.start <= now < self.ends:
            self.roll(now)
        return self.cap - self.spent - self.reserved - self._inherited

    def roll(self, now: float) -> None:
        """Be in the window that `now` is in. Calls of the one before settle into the one before."""
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
        """End a reservation that was made in the window beginning at `start`."""
        if self._heir is not None and start == self._handed:
            self._heir._inherit(reserved, spent)
        if start == self.start:
            self.reserved -= reserved
            self.spent += spent
        elif self._before is not None and start == self._before.start:
            self._before.reserved -= reserved
            self._before.spent += spent

    def succeed(self, old: Budget) -> None:
        """Take the place of a budget with another period: what is reserved there is under way, and is spent from this one."""
        self._inherited = old.reserved + old._inherited
        old._heir, old._handed = self, old.start

    def _inherit(self, reserved: int, spent: int) -> None:
        self._inherited = max(0, self._inherited - reserved)
        self.spent += spent
        if self._heir is not None:
            self._heir._inherit(reserved, spent)

    def raise_to(self, start: float, spent: int) -> None:
        """Take over what the ledger (or another replica) knows of a window, if it is more than we do."""
        self.known = True
        if start == self.start and spent > self.spent:
            self.spent = spent
