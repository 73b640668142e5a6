"""Signing on an event loop: at once where that can be, else in a thread that all waiting calls share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Mapping
from copy import copy
from weakref import WeakKeyDictionary

from lingate._model import HttpRequest, Signer
from lingate.errors import LingateError, RequestTimeoutError

_preparing: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, asyncio.Task[None]]] = WeakKeyDictionary()


async def signed(request: HttpRequest, limit: float) -> Mapping[str, str]:
    """The headers that sign a request.

    Raises:
        LingateError: There is nothing to sign in with, signing in failed, or it took longer than `limit` seconds.
    """
    signer = request.target.signer
    assert signer is not None
    now = time.time()
    if not signer.ready(now):
        try:
            async with asyncio.timeout(limit):
                await _prepared(signer, now)
        except LingateError as error:
            # Each call writes its own facts on the error it gets.
            raise copy(error) from None
        except TimeoutError:
            raise RequestTimeoutError(f"signing in to {request.target.provider} took too long") from None
    return signer.sign(request, now)


async def _prepared(signer: Signer, now: float) -> None:
    tasks = _preparing.setdefault(asyncio.get_running_loop(), {})
    key = signer.key
    task = tasks.get(key)
    if task is None:
        task = tasks[key] = asyncio.create_task(asyncio.to_thread(signer.prepare, now))
        task.add_done_callback(lambda done: _forget(tasks, key, done))
    # A call that is cancelled must not take the others' credentials with it.
    await asyncio.shield(task)


def _forget(tasks: dict[Hashable, asyncio.Task[None]], key: Hashable, done: asyncio.Task[None]) -> None:
    del tasks[key]
    if not done.cancelled():
        done.exception()  # it may be that nobody waits for it any more
