# How often and how long: the one retry policy, the time-outs, and which errors a fallback covers.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from lingate._model import Fixed
from lingate._wire.shapes import is_number
from lingate.errors import (
    BY_KIND,
    ConfigError,
    ConnectError,
    LingateError,
    ProtocolError,
    StreamInterruptedError,
    TransportError,
    UpstreamError,
)

LONGEST = 1e9
"""Seconds of the longest time-out: no limit, as far as anyone can tell, and a number that every clock can be set to."""

MOST_ANSWER = 128 * 1024 * 1024
"""Bytes of the longest answer that is read where answers are bounded. 2,048 embeddings of 3,072 numbers, the
most that a provider gives at once, are 90 MB.
"""


_BY_TOTAL: Any = None
"""What is not said is never longer than the total: a blocking wait ends with the shortest of them only."""


class Timeout(Fixed, frozen=True, kw_only=True):
    """Time-outs of one call, in seconds."""

    total: float = 600.0
    """From the call to its complete answer, or to a stream's first event: all tries and waits included."""
    connect: float = _BY_TOTAL
    """For one connection, TLS included. 10, or the total if that is less."""
    read: float = _BY_TOTAL
    """Between two pieces of an answer, and for a stream between two pieces at any time. 600, or the total if that is
    less.
    """

    def __post_init__(self) -> None:
        for name, usual in (("total", None), ("connect", 10.0), ("read", 600.0)):
            value = getattr(self, name)
            if value is None and usual is not None:
                value = min(usual, self.total)
            if not is_number(value) or not value > 0:
                raise ConfigError(f"{name} of a Timeout must be a positive number of seconds, not {value!r}")
            msgspec.structs.force_setattr(self, name, float(min(value, LONGEST)))

    @staticmethod
    def of(value: Any, default: Timeout) -> Timeout:
        # Read the `timeout` argument: a number is the total and bounds the other two.
        if value is None:
            return default
        if isinstance(value, Timeout):
            return value
        if not is_number(value) or not value > 0:
            raise ConfigError(f"timeout must be a positive number of seconds or a Timeout, not {value!r}")
        return Timeout(total=value, connect=min(value, default.connect), read=min(value, default.read))


class RetryPolicy(Fixed, frozen=True, kw_only=True):
    """When a try that failed is made again on the same deployment.

    Waits are full jitter (uniform between 0 and a bound that doubles), which spreads a herd best:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/. A provider's Retry-After is a floor.
    """

    retries: int = 2
    """Tries after the first."""
    base: float = 0.5
    """Bound of the first wait, seconds."""
    cap: float = 8.0
    """Bound of any computed wait, seconds."""
    longest_hint: float = 60.0
    """A Retry-After beyond this is not waited for: the error is raised, or a fallback tried."""

    def __post_init__(self) -> None:
        for name in ("retries", "base", "cap", "longest_hint"):
            value = getattr(self, name)
            if not is_number(value) or not value >= 0 or (name == "retries" and not isinstance(value, int)):
                raise ConfigError(f"{name} of a RetryPolicy must be a number from 0, not {value!r}")

    def wait(self, error: LingateError, turn: int, random: Callable[[], float]) -> float | None:
        # Seconds to wait before try number `turn + 2`, or None to give this deployment up.
        if turn >= self.retries or not error.retryable:
            return None
        jittered = random() * min(self.cap, self.base * 2.0 ** min(turn, 1000))
        hint = error.retry_after
        if hint is None:
            return jittered
        if hint > self.longest_hint:
            return None
        # Never before the hint; a little after it, so that many clients told the same do not come back as one.
        return hint + min(jittered, 0.1 * hint + 0.05)


NEVER_FALL_BACK = frozenset(
    {"bad_request", "output_limit", "payload_too_large", "content_filter", "unsupported", "config"}
)
"""Kinds another model would answer the same way, or (content filters) that are for the caller to decide: these need `on`."""


COVERED = frozenset(
    {
        *BY_KIND,
        *(error.kind for error in (UpstreamError, ConnectError, StreamInterruptedError, TransportError, ProtocolError)),
    }
)
"""Kinds after which a fallback may be asked for by name."""


def covers(error: LingateError, on: frozenset[str] | None) -> bool:
    # Whether a fallback is tried after this error; `on` are the kinds it was asked for, None for the usual ones.
    if on is not None:
        return error.kind in on
    if isinstance(error, TransportError):
        return True
    return error.kind not in NEVER_FALL_BACK
