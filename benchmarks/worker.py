"""What every worker shares: it reads one command a line, makes calls with its peer, and answers with one JSON line.

A worker runs under its peer's own interpreter, so nothing outside the standard library is imported here. CPU time is
the process's own, all threads, user and system: `time.process_time`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from importlib import import_module
from typing import Any

from benchmarks.exchange import ANSWER

WARM_SECONDS = 0.15
WARM_CALLS = 3
GRACE_SECONDS = 0.05
"""Kept inside the measured time, so that work a peer hands to a background thread or task is counted."""


class Driver:
    """How one peer is used. The peer is imported in `connect`, never at the top of a worker's module.

    Answers and chunks are read as the openai package shapes them; a peer with another shape overrides `text`, `piece`.
    """

    def connect(self, base: str) -> Any:
        raise NotImplementedError

    def call(self, client: Any) -> Any:
        raise NotImplementedError

    def stream(self, client: Any) -> Iterator[Any]:
        raise NotImplementedError

    def close(self, client: Any) -> None:
        client.close()

    async def aconnect(self, base: str) -> Any:
        raise NotImplementedError

    async def acall(self, client: Any) -> Any:
        raise NotImplementedError

    async def astream(self, client: Any) -> AsyncIterator[Any]:
        raise NotImplementedError

    async def aclose(self, client: Any) -> None:
        await client.close()

    def text(self, answer: Any) -> str | None:
        content: str | None = answer.choices[0].message.content
        return content

    def piece(self, chunk: Any) -> str | None:
        if not chunk.choices:
            return None
        content: str | None = chunk.choices[0].delta.content
        return content


def main(driver: Driver) -> None:
    """Serve commands from standard input until it closes."""
    replies = _private_stdout()
    touched = _guard() if "--guard" in sys.argv else None
    uvloop = import_module("uvloop") if "--uvloop" in sys.argv else None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if uvloop else None) as runner:
        for line in sys.stdin:
            try:
                reply = _measure(driver, json.loads(line), runner)
            except Exception as error:  # a peer may raise anything; its reason belongs into the report
                reply = {"error": f"{type(error).__name__}: {error}"}
            if touched is not None:
                reply["touched"] = touched
            replies.write(json.dumps(reply) + "\n")
            replies.flush()


def _private_stdout() -> Any:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # peers print to standard output; that must not mix with the replies
    return replies


def _guard() -> list[str]:
    """Refuse, and list, every address but loopback. Not used while measuring: an audit hook costs time."""
    touched: list[str] = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            host = args[0]
        elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
            host = args[1][0]
        else:
            return
        name = host.decode() if isinstance(host, bytes) else host
        if name not in (None, "localhost", "::1") and not name.startswith("127."):
            touched.append(name)
            raise PermissionError(f"the benchmarks speak to loopback only, not to {name}")

    sys.addaudithook(hook)
    return touched


def _measure(driver: Driver, command: dict[str, Any], runner: asyncio.Runner) -> dict[str, Any]:
    if command["flight"]:
        return runner.run(_measure_async(driver, command))
    return _measure_sync(driver, command)


def _measure_sync(driver: Driver, command: dict[str, Any]) -> dict[str, Any]:
    client = driver.connect(command["base"])
    try:

        def call() -> None:
            _check(driver.text(driver.call(client)))

        def stream() -> None:
            _check("".join([piece for chunk in driver.stream(client) if (piece := driver.piece(chunk))]))

        operation = stream if command["stream"] else call
        count = _sync_count(operation, command["seconds"])
        with _Meter() as meter:
            for _ in range(count):
                operation()
            meter.stop_clock()
            time.sleep(GRACE_SECONDS)
        return meter.result(count)
    finally:
        driver.close(client)


def _sync_count(operation: Callable[[], None], seconds: float) -> int:
    start = time.perf_counter()
    done = 0
    while done < WARM_CALLS or time.perf_counter() - start < min(WARM_SECONDS, seconds):
        operation()
        done += 1
    start = time.perf_counter()
    operation()
    operation()
    return max(WARM_CALLS, int(seconds / ((time.perf_counter() - start) / 2)))


async def _measure_async(driver: Driver, command: dict[str, Any]) -> dict[str, Any]:
    client = await driver.aconnect(command["base"])
    try:

        async def call() -> None:
            _check(driver.text(await driver.acall(client)))

        async def stream() -> None:
            chunks = await driver.astream(client)
            _check("".join([piece async for chunk in chunks if (piece := driver.piece(chunk))]))

        operation = stream if command["stream"] else call
        flight = command["flight"]
        rounds = await _async_rounds(operation, flight, command["seconds"])
        with _Meter() as meter:
            await _fly(operation, flight, rounds)
            meter.stop_clock()
            await asyncio.sleep(GRACE_SECONDS)
        return meter.result(flight * rounds)
    finally:
        await driver.aclose(client)


async def _async_rounds(operation: Callable[[], Coroutine[Any, Any, None]], flight: int, seconds: float) -> int:
    await _fly(operation, flight, 1)
    start = time.perf_counter()
    done = 0
    while not done or time.perf_counter() - start < min(WARM_SECONDS, seconds):
        await _fly(operation, flight, 1)
        done += 1
    return max(1, int(seconds / ((time.perf_counter() - start) / done)))


async def _fly(operation: Callable[[], Coroutine[Any, Any, None]], flight: int, rounds: int) -> None:
    async def lane() -> None:
        for _ in range(rounds):
            await operation()

    await asyncio.gather(*(lane() for _ in range(flight)))


def _check(text: str | None) -> None:
    if text != ANSWER:
        raise ValueError(f"the answer is not what the upstream sent: {text!r:.80}")


class _Meter:
    """CPU and wall time of a block."""

    def __enter__(self) -> _Meter:
        gc.collect()
        self._wall = time.perf_counter()
        self._cpu = time.process_time()
        return self

    def stop_clock(self) -> None:
        self._wall = time.perf_counter() - self._wall

    def __exit__(self, *_: object) -> None:
        self._cpu = time.process_time() - self._cpu

    def result(self, operations: int) -> dict[str, Any]:
        return {
            "cpu_us": self._cpu / operations * 1e6,
            "wall_us": self._wall / operations * 1e6,
            "operations": operations,
        }
