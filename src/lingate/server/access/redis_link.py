# The line to Redis: commands of one turn of the loop go out as one batch; when Redis is away, nobody waits for it.

# Nothing here is tried again by itself: a command that failed may have been carried out.

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha1
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from lingate.errors import ConfigError
from lingate.server.loop_timeout import LoopTimeout

_log = logging.getLogger("lingate.redis")
PATIENCE = 1.0
"""Seconds for an answer. Redis takes well under a millisecond, but while it counts as away budgets are each replica's own, and
a machine that is short of time must not cost money."""
_PROBE_SECONDS = 1.0
_BATCHES_AT_ONCE = 4


class AwayError(Exception):
    pass


class Script:
    # A script and the name that Redis knows it by.

    __slots__ = ("name", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = sha1(text.encode(), usedforsecurity=False).hexdigest()


_Waiting = tuple[Script, list[str], list[str], "asyncio.Future[Any] | None"]


class RedisLink:
    # A line to Redis.

    # joined: Called when Redis answers for the first time, and when it answers again. What is sent from then on goes
    # out when it has returned.

    def __init__(self, url: str, joined: Callable[[], Awaitable[None]]) -> None:
        # Time-outs of redis-py's own would count all time.
        self.redis = redis_client(url, 4 * PATIENCE, socket_timeout=None, decode_responses=True)
        self.up = False
        self._joined = joined
        self._waiting: list[_Waiting] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._probe: asyncio.Task[None] | None = None
        self._warned = False
        self._joining = False
        self._wake = asyncio.Event()

    async def start(self) -> None:
        # Connect; where that fails, go on trying in the background.
        if not await self._try():
            self.lost("no connection")
        self._probe = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._probe
        self._flush(last=True)
        if self._batches:
            await asyncio.wait(self._batches, timeout=2 * PATIENCE)
        self.up = False
        with contextlib.suppress(RedisError, OSError):
            await self.redis.aclose()

    async def run(
        self, script: Script, keys: list[str], arguments: list[str], unheard: Callable[[Any], None] | None = None
    ) -> Any:
        # Run a script with the next batch.
        # unheard: Gets the answer if whoever waits for it is cancelled: what the script did is done.
        # Raises AwayError: Redis does not answer, or answers nonsense.
        if not self.up:
            raise AwayError
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put((script, keys, arguments, future))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(lambda done: _tell(done, unheard))
            raise

    def send(self, script: Script, keys: list[str], arguments: list[str]) -> None:
        # Run a script with the next batch; nobody waits for its answer.
        if self.up or self._joining:
            self._put((script, keys, arguments, None))

    async def call(self, script: Script, keys: Sequence[str], arguments: Sequence[str]) -> Any:
        # Run a script now, also while the line is not up yet.
        async with LoopTimeout(PATIENCE):
            return await self.redis.eval(script.text, len(keys), *keys, *arguments)

    def _put(self, command: _Waiting) -> None:
        self._waiting.append(command)
        if len(self._waiting) == 1 and len(self._batches) < _BATCHES_AT_ONCE:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self, *, last: bool = False) -> None:
        if self._waiting and not self._joining and (last or len(self._batches) < _BATCHES_AT_ONCE):
            batch, self._waiting = self._waiting, []
            task = asyncio.create_task(self._run_batch(batch))
            self._batches.add(task)
            task.add_done_callback(self._batch_done)

    def _batch_done(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._flush()

    async def _run_batch(self, batch: list[_Waiting]) -> None:
        try:
            async with LoopTimeout(PATIENCE):
                answers = await self._send(batch)
                lost = [
                    command for command, answer in zip(batch, answers, strict=True) if isinstance(answer, NoScriptError)
                ]
                if lost:
                    await self._load(lost)
                    again = iter(await self._send(lost))
                    answers = [next(again) if isinstance(answer, NoScriptError) else answer for answer in answers]
        except (RedisError, OSError, TimeoutError) as error:
            self.lost(type(error).__name__)
            answers = [AwayError()] * len(batch)
        _answer(batch, answers)

    async def _send(self, batch: list[_Waiting]) -> list[Any]:
        async with self.redis.pipeline(transaction=False) as pipe:
            for script, keys, arguments, _ in batch:
                pipe.evalsha(script.name, len(keys), *keys, *arguments)
            return list(await pipe.execute(raise_on_error=False))

    async def _load(self, batch: list[_Waiting]) -> None:
        for text in {script.text for script, *_ in batch}:
            await self.redis.script_load(text)

    def _give_up(self) -> None:
        # Send nothing of what waits: what has ended is in what is told when Redis is back, and would count twice.
        waiting, self._waiting = self._waiting, []
        _answer(waiting, [AwayError()] * len(waiting))

    def lost(self, reason: str) -> None:
        # Count it as away, until it answers.
        self.up = False
        if not self._joining:
            self._give_up()
        if not self._warned:
            _log.warning("Redis does not answer (%s): limits are this process's own until it does", reason)
        self._warned = True

    def forgotten(self) -> None:
        # It answers, but knows nothing of us: come again at once.
        self.lost("it has forgotten everything")
        self._wake.set()

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PROBE_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if not self.up and await self._try() and self._warned:
                self._warned = False
                _log.warning("Redis answers again: limits are shared")

    async def _try(self) -> bool:
        try:
            async with LoopTimeout(4 * PATIENCE):
                # Each line that is left of before would be news of its own that Redis is away, whenever it is used again.
                await self.redis.connection_pool.disconnect(inuse_connections=False)
                async with LoopTimeout(PATIENCE):
                    await self.redis.ping()
                self._joining = True
                await self._joined()
                self.up = True
        except (RedisError, OSError, TimeoutError):
            self._give_up()
        finally:
            self._joining = False
        self._flush()
        return self.up


def _tell(done: asyncio.Future[Any], unheard: Callable[[Any], None] | None) -> None:
    if not done.cancelled() and done.exception() is None and unheard is not None:
        unheard(done.result())


def _answer(batch: list[_Waiting], answers: Sequence[Any]) -> None:
    for (*_, future), answer in zip(batch, answers, strict=True):
        if future is None or future.done():
            continue
        if isinstance(answer, AwayError):
            future.set_exception(answer)
        elif isinstance(answer, RedisError):
            _log.error("Redis refused a script: %s", type(answer).__name__)
            future.set_exception(AwayError())
        else:
            future.set_result(answer)


def redis_client(url: str, patience: float, **options: Any) -> Redis:
    # A client of the Redis at `url`, which tries nothing again by itself. Nothing is opened yet.
    # patience: Seconds for an answer, and for a connection.
    # Raises ConfigError: It is no such URL. The message does not hold it: there may be a password in it.
    try:
        return Redis.from_url(
            url,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            **{"socket_timeout": patience, **options},
        )
    except ValueError:
        raise ConfigError(
            "the Redis URL cannot be read",
            hint="write redis://user:password@host:6379/0; special characters in a password are percent-encoded",
        ) from None
