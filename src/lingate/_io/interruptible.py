# Blocking waits that Ctrl-C gets through.

# pyreqwest waits in Rust, where Python cannot deliver a signal: Ctrl-C would take effect only when the provider sends something.
# So a wait of the main thread that is likely to be long (models take seconds) is handed to a thread of our own, and the
# main thread waits for that one, which signals do interrupt. It costs about 17 us, too much only where answers come
# within milliseconds, and there nobody has the time to press a key; so how long waits have lately been decides.

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from threading import get_ident
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")

_QUICK = 0.02
"""Waits shorter than this are not felt, seconds."""


class Interruptible:
    # Runs blocking calls, and learns how long they take.

    __slots__ = ("_jobs", "_main", "_usual")

    def __init__(self) -> None:
        self._usual = 1.0
        self._main = threading.main_thread().ident
        self._jobs: queue.SimpleQueue[Any] | None = None

    def run(self, call: Callable[[], T]) -> T:
        # The call's result.
        # Raises KeyboardInterrupt: A signal came in while waiting. The call goes on in its thread, and its result is dropped.
        if get_ident() != self._main:
            return call()
        began = monotonic()
        try:
            return call() if self._usual < _QUICK else self._wait(call)
        finally:
            took = monotonic() - began
            # One long wait is enough to expect another; only several short ones say otherwise.
            self._usual = took if took > self._usual else 0.5 * (self._usual + took)

    def _wait(self, call: Callable[[], T]) -> T:
        jobs = self._jobs
        if jobs is None:
            jobs = queue.SimpleQueue()
            threading.Thread(target=_work, args=(jobs,), name="lingate-wait", daemon=True).start()
            self._jobs = jobs  # not before: a signal may come in between, and nobody would work them off
        done: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        try:
            jobs.put((call, done))
            result, error = done.get()
        except BaseException:
            self.stop()
            raise
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def stop(self) -> None:
        # Let the thread end when its call has.
        jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.put(None)


def _work(jobs: queue.SimpleQueue[Any]) -> None:
    while (job := jobs.get()) is not None:
        call, done = job
        try:
            done.put((call(), None))
        except BaseException as error:  # handed on, whatever it is, to the thread that waits for it
            done.put((None, error))
        del job, call, done
