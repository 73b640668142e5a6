# A token or a set of credentials, fetched when first needed and kept until shortly before it expires.

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from copy import copy
from typing import Any, Generic, NamedTuple, TypeVar

from lingate._model import HttpRequest
from lingate.errors import LingateError

T = TypeVar("T")

_EARLY = 300.0
_LAST_MOMENT = 10.0
_PAUSE = 30.0


class Fetched(NamedTuple, Generic[T]):
    # What was fetched, and when it expires in epoch seconds; None if it does not.

    value: T
    expires_at: float | None


def _is_good(old: Fetched[Any], now: float) -> bool:
    return old.expires_at is None or now < old.expires_at - _LAST_MOMENT


class CachedToken(Generic[T]):
    # Holds a value that one call fetches for all that wait, from whatever thread.

    # While the old value is still good, a failure to renew it is nobody's error: it is tried again a little later. Nor does
    # anybody wait for it but the one that renews it.
    # fetch: Gets a new value at the time given; blocks, and raises a LingateError if there is none to be had.
    # early: Seconds before its expiry at which a value is renewed.

    __slots__ = ("_asked", "_early", "_fetch", "_flight", "_held", "_lock")

    def __init__(self, fetch: Callable[[float], Fetched[T]], early: float = _EARLY) -> None:
        self._fetch = fetch
        self._early = early
        # What there is, when it is to be renewed, and since when it is there: one object, as it is read without the lock.
        self._held: tuple[Fetched[T], float, float] | None = None
        self._asked = 0.0
        self._lock = threading.Lock()
        self._flight: Future[Fetched[T]] | None = None

    def ready(self, now: float) -> bool:
        # Whether `get` would answer without fetching.
        return self._held is not None and self._good(self._held, now)

    def refused(self, is_it: Callable[[T], bool]) -> bool:
        # Whether there is, or will be, another value than the one that was refused where it went.
        # One that was just fetched is refused for another reason.
        held = self._held
        if held is not None and is_it(held[0].value):
            if 0 <= self._asked - held[2] < _PAUSE:  # less than none: the clock was set back
                return False
            self._held = None
        return True

    def _good(self, held: tuple[Fetched[T], float, float], now: float) -> bool:
        return now < held[1] or (self._flight is not None and _is_good(held[0], now))

    def get(self, now: float, fetch: Callable[[float], Fetched[T]] | None = None) -> T:
        # The value; blocks while it is fetched, this time by `fetch` instead of the usual way if that is given.
        self._asked = now
        while True:
            held = self._held
            if held is not None and self._good(held, now):
                return held[0].value
            mine: Future[Fetched[T]] = Future()
            with self._lock:
                if self._held is not held:
                    continue  # it has been renewed since
                flight = self._flight
                if flight is None:
                    self._flight = mine
            if flight is None:
                return self._renew(mine, now, fetch or self._fetch).value
            try:
                return flight.result().value
            except LingateError as error:
                # Each caller writes its own facts on the error it gets.
                raise copy(error) from None
            except CancelledError:
                continue  # whoever fetched was stopped; that is no reason to stop here

    def _renew(self, flight: Future[Fetched[T]], now: float, fetch: Callable[[float], Fetched[T]]) -> Fetched[T]:
        try:
            fetched = self._fetched_anew(now, fetch)
        except LingateError as error:
            self._flight = None
            flight.set_exception(error)
            raise
        except BaseException:
            self._flight = None
            flight.cancel()
            raise
        self._flight = None
        flight.set_result(fetched)
        return fetched

    def _fetched_anew(self, now: float, fetch: Callable[[float], Fetched[T]]) -> Fetched[T]:
        old = None if self._held is None else self._held[0]
        try:
            fetched = fetch(now)
        except LingateError:
            if old is None or not _is_good(old, now):
                raise
            self._held = old, now + _PAUSE, now
            return old
        if fetched.expires_at is not None and fetched.expires_at <= now:
            fetched = fetched._replace(expires_at=now + self._early)  # what was just given is good: a clock is wrong
        # Something that lives no longer than the margin is used for half of its life, not fetched for every call.
        life = float("inf") if fetched.expires_at is None else fetched.expires_at - now
        self._held = fetched, now + max(life - self._early, life / 2), now
        return fetched


class CachingSigner(ABC):
    # A signer that fetches headers with a token, signs with them, and keeps them; see `Signer`.

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: CachedToken[Mapping[str, str]] = CachedToken(self._fetch)

    def ready(self, now: float) -> bool:
        return self._kept.ready(now)

    def prepare(self, now: float) -> None:
        self._kept.get(now)

    def sign(self, request: HttpRequest, now: float) -> Mapping[str, str]:
        return self._kept.get(now)

    def refused(self, request: HttpRequest) -> bool:
        return self._kept.refused(lambda made: made.items() <= request.headers.items())

    @abstractmethod
    def _fetch(self, now: float) -> Fetched[Mapping[str, str]]: ...
