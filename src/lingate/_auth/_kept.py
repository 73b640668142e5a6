"""A token or a set of credentials, fetched when first needed and kept until shortly before it expires."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from copy import copy
from typing import Generic, NamedTuple, TypeVar

from lingate.errors import LingateError

T = TypeVar("T")

_EARLY = 300.0
_LAST_MOMENT = 10.0
_PAUSE = 30.0


class Fetched(NamedTuple, Generic[T]):
    """What was fetched, and when it expires in epoch seconds; None if it does not."""

    value: T
    expires_at: float | None


class Kept(Generic[T]):
    """Holds a value that one call fetches for all that wait, from whatever thread.

    While the old value is still good, a failure to renew it is nobody's error: it is tried again a little later.

    Args:
        fetch: Gets a new value at the time given; blocks, and raises a LingateError if there is none to be had.
        early: Seconds before its expiry at which a value is renewed.
    """

    __slots__ = ("_early", "_fetch", "_fetched", "_flight", "_lock", "_renew_at")

    def __init__(self, fetch: Callable[[float], Fetched[T]], early: float = _EARLY) -> None:
        self._fetch = fetch
        self._early = early
        self._fetched: Fetched[T] | None = None
        self._renew_at = 0.0
        self._lock = threading.Lock()
        self._flight: Future[Fetched[T]] | None = None

    def ready(self, now: float) -> bool:
        """Whether `get` would answer without fetching."""
        return self._fetched is not None and now < self._renew_at

    def get(self, now: float) -> T:
        """The value; blocks while it is fetched.

        Raises:
            LingateError: Fetching failed.
        """
        fetched = self._fetched
        if fetched is not None and now < self._renew_at:
            return fetched.value
        with self._lock:
            if self._fetched is not None and now < self._renew_at:
                return self._fetched.value
            flight = self._flight
            if flight is None:
                mine: Future[Fetched[T]] = Future()
                self._flight = mine
        if flight is not None:
            try:
                return flight.result().value
            except LingateError as error:
                # Each caller writes its own facts on the error it gets.
                raise copy(error) from None
        return self._renew(mine, now).value

    def _renew(self, flight: Future[Fetched[T]], now: float) -> Fetched[T]:
        try:
            fetched = self._fetched_anew(now)
        except BaseException as error:
            flight.set_exception(error)
            raise
        else:
            flight.set_result(fetched)
            return fetched
        finally:
            with self._lock:
                self._flight = None

    def _fetched_anew(self, now: float) -> Fetched[T]:
        old = self._fetched
        try:
            fetched = self._fetch(now)
        except LingateError:
            if old is None or (old.expires_at is not None and now >= old.expires_at - _LAST_MOMENT):
                raise
            self._renew_at = now + _PAUSE
            return old
        # Something that lives no longer than the margin is used for half of its life, not fetched for every call.
        life = float("inf") if fetched.expires_at is None else fetched.expires_at - now
        self._renew_at = now + max(life - self._early, life / 2)
        self._fetched = fetched
        return fetched
