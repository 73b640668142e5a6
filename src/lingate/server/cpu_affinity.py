# Keeps the gateway on one processor, as long as nobody else wants that one.

# A call goes through four threads (granian's two, the event loop, the HTTP client's), one after the other, and Python lets
# one of them work at a time anyhow. Where each sits on a processor of its own it has to be woken there each time, which
# costs more than what it then does: on one processor a call takes half of what it takes on several. Nor does a thread that is
# woken push aside the one that wakes it (as the kernel does for batch jobs): what several calls give it to do, and the head and
# the first piece of a stream, are then done together. Linux only.

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterable
from typing import NamedTuple

_TASKS = "/proc/self/task"
_WAITED = "/proc/thread-self/schedstat"
_WHERE = "/proc/thread-self/stat"
_PROCESSOR = 36  # its place in that line, after the program's name

_ORDINARY = 0
_POLITE = 3
"""SCHED_OTHER and SCHED_BATCH, by their numbers: other systems do not have the names."""

_LOOK = 1.0
_CROWDED = 0.25
"""Part of the time for which others keep the loop from its processor, from which on it is free to go elsewhere for a while."""


class _Times(NamedTuple):
    # Seconds, of a clock each.

    now: float
    process: float
    loop: float
    waited: float


class CpuAffinity:
    # Where the threads of this process run. Used on the event loop.

    # kept: They are on one processor now.

    def __init__(self) -> None:
        self.kept = False
        self._all, self._ordinary = _found()
        self._next: asyncio.TimerHandle | None = None
        self._last: _Times | None = None

    def take(self) -> None:
        # Stay where the loop is now, and go on looking whether others want to be there too.
        if len(self._all) < 2:
            return
        with contextlib.suppress(OSError, IndexError, ValueError):  # a system that does not say how long threads wait
            self._last = _times()
            self._keep()
            self._next = asyncio.get_running_loop().call_later(_LOOK, self._look)

    def leave(self) -> None:
        # Be free to run anywhere again.
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self.kept:
            self._free()

    def give_way(self, calls: int) -> None:
        # Let a thread that was just woken go first where it shares our processor.
        # Among several calls, changing threads for each would cost half as much again.
        if calls == 1 and self.kept and sys.platform == "linux":
            os.sched_yield()

    def _look(self) -> None:
        self._next = asyncio.get_running_loop().call_later(_LOOK, self._look)
        with contextlib.suppress(OSError):  # too many open files, just now
            last, self._last = self._last, _times()
            assert last is not None
            if not self.kept:
                self._keep()
            elif _crowd(last, self._last) > _CROWDED:
                self._free()

    def _keep(self) -> None:
        with open(_WHERE, encoding="ascii", errors="replace") as file:
            here = int(file.read().rpartition(")")[2].split()[_PROCESSOR])
        _settle((here,), _POLITE if self._ordinary else None)
        self.kept = True

    def _free(self) -> None:
        _settle(self._all, _ORDINARY if self._ordinary else None)
        self.kept = False


def _found() -> tuple[frozenset[int], bool]:
    # The processors that whoever started this process lets it have, and whether it is scheduled as most processes are.
    everywhere = frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset[int]()
    return everywhere, sys.platform == "linux" and os.sched_getscheduler(0) == _ORDINARY


def _times() -> _Times:
    with open(_WAITED, encoding="ascii") as file:
        waited = int(file.read().split()[1])
    return _Times(time.monotonic(), time.process_time(), time.thread_time(), waited / 1e9)


def _crowd(before: _Times, now: _Times) -> float:
    # The part of the time for which the loop waited for its processor, and for others than our own threads.
    ours = (now.process - before.process) - (now.loop - before.loop)
    return (now.waited - before.waited - ours) / (now.now - before.now)


def _settle(processors: Iterable[int], policy: int | None) -> None:
    # Have all threads run there, and so, if that is ours to say; those to come inherit it.
    if sys.platform == "linux":
        for thread in map(int, os.listdir(_TASKS)):
            with contextlib.suppress(OSError):  # it has ended
                os.sched_setaffinity(thread, processors)
                if policy is not None:
                    os.sched_setscheduler(thread, policy, os.sched_param(0))
