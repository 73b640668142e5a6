# Answers in Redis, for several replicas.

# When Redis is away every call is a miss, nobody waits for it, and it is said once.

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from lingate.server.access.redis_link import redis_client
from lingate.server.cache.entry import Entry, unpacked
from lingate.server.loop_timeout import LoopTimeout

_log = logging.getLogger("lingate.cache")
_PATIENCE = 0.25
"""Seconds for an answer of Redis: a cache that takes longer is none."""
_REST = 1.0
"""Seconds without Redis after it did not answer."""
_MOST_WRITES = 256
"""Answers that may wait to be written; further ones are not kept."""
_BATCH = 16
"""Answers that are written in one go."""


class Remote:
    # A store in Redis.

    def __init__(self, url: str, now: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._now = now
        # Time-outs of redis-py's own would count all time, and with one for answers it writes by way of wait_for(), which
        # loses cancellations in Python 3.11.
        self._redis = redis_client(url, 4 * _PATIENCE, socket_timeout=None)
        self._away_until = 0.0
        self._warned = False
        self._waiting: dict[str, tuple[bytes, int]] = {}
        self._writer: asyncio.Task[None] | None = None

    async def get(self, key: str) -> Entry | None:
        if self._now() < self._away_until:
            return None
        if self._warned:
            self._away_until = self._now() + _REST  # the others do not wait to find out, too
        try:
            async with LoopTimeout(_PATIENCE):
                found = await self._redis.get(_name(key))
        except (RedisError, OSError, TimeoutError) as error:
            self._lost(error)
            return None
        self._answered()
        return unpacked(found) if isinstance(found, bytes) else None

    def put(self, key: str, entry: Entry, ttl: float) -> None:
        # Keep an entry for so many seconds; nobody waits for it.
        milliseconds = int(ttl * 1000)
        if milliseconds <= 0 or self._now() < self._away_until or len(self._waiting) >= _MOST_WRITES:
            return
        self._waiting[_name(key)] = entry.packed(), milliseconds
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()

    async def _write(self) -> None:
        # One line for all: a burst of answers on lines of their own is more work for Redis than to keep them.
        while self._waiting:
            try:
                async with LoopTimeout(2 * _PATIENCE), self._redis.pipeline(transaction=False) as pipe:
                    for name in list(self._waiting)[:_BATCH]:
                        data, milliseconds = self._waiting.pop(name)
                        pipe.set(name, data, px=milliseconds)
                    await pipe.execute()
            except (RedisError, OSError, TimeoutError) as error:
                self._lost(error)
                self._waiting.clear()

    def _lost(self, error: Exception) -> None:
        self._away_until = self._now() + _REST
        if not self._warned:
            self._warned = True
            _log.warning("Redis does not answer (%s): nothing is cached until it does", type(error).__name__)

    def _answered(self) -> None:
        if self._warned:
            self._warned, self._away_until = False, 0.0
            _log.warning("Redis answers again: answers are cached")


def _name(key: str) -> str:
    return f"lingate:answer:{key}"
