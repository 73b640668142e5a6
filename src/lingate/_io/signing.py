# Signing in both colours: at once where that can be, else by what a signer fetches itself or the transport fetches for it.
#
# On an event loop the fetching is done in a thread that all waiting calls share.

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from copy import copy
from weakref import WeakKeyDictionary

from lingate._call.policy import Timeout
from lingate._io.transport import AsyncTransport, Transport
from lingate._model import Head, HttpRequest, SendOne, Signer, TokenSigner
from lingate.errors import LingateError, RequestTimeoutError

_LONGEST = 30.0
"""Seconds that an exchange for a token may take, whatever the call itself may."""

# By the signer itself: what one fetches another does not have, be it of the same credentials in another client.
_preparing: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, asyncio.Task[None]]] = WeakKeyDictionary()


def sign(request: HttpRequest, limit: float, transport: Transport) -> Mapping[str, str]:
    # The headers that sign a request.
    # Raises LingateError: There is nothing to sign in with, or signing in failed.
    signer = request.target.signer
    assert signer is not None
    now = time.time()
    if isinstance(signer, TokenSigner) and not signer.ready(now):
        bound = min(limit, _LONGEST)
        signer.exchange(lambda asked, _: transport.send(asked, _timeout(bound)), request, now)
    return signer.sign(request, now)


async def signed(request: HttpRequest, limit: float, transport: AsyncTransport) -> Mapping[str, str]:
    # The same, awaited.
    # Raises LingateError: As for `sign`, or it took longer than `limit` seconds.
    signer = request.target.signer
    assert signer is not None
    now = time.time()
    if not signer.ready(now):
        try:
            async with asyncio.timeout(limit):
                await _prepared(signer, request, transport, now)
        except LingateError as error:
            # Each call writes its own facts on the error it gets.
            raise copy(error) from None
        except TimeoutError:
            raise RequestTimeoutError(f"signing in to {request.target.provider} took too long") from None
    return signer.sign(request, now)


async def _prepared(signer: Signer, request: HttpRequest, transport: AsyncTransport, now: float) -> None:
    loop = asyncio.get_running_loop()
    tasks = _preparing.setdefault(loop, {})
    key = id(signer)
    task = tasks.get(key)
    if task is None:
        if isinstance(signer, TokenSigner):
            fetching = asyncio.to_thread(signer.exchange, _sender(transport, loop), request, now)
        else:
            fetching = asyncio.to_thread(signer.prepare, now)
        task = tasks[key] = asyncio.create_task(fetching)
        task.add_done_callback(lambda done: _forget(tasks, key, done))
    # A call that is cancelled must not take the others' credentials with it.
    await asyncio.shield(task)


def _sender(transport: AsyncTransport, loop: asyncio.AbstractEventLoop) -> SendOne:
    # Lets a thread send by the transport of an event loop, which is free meanwhile.
    def send(request: HttpRequest, limit: float) -> tuple[Head, bytes]:
        sending = transport.send(request, _timeout(min(limit, _LONGEST)))
        return asyncio.run_coroutine_threadsafe(sending, loop).result(_LONGEST)

    return send


def _timeout(seconds: float) -> Timeout:
    return Timeout(total=seconds, connect=min(seconds, 10.0), read=seconds)


def _forget(tasks: dict[int, asyncio.Task[None]], key: int, done: asyncio.Task[None]) -> None:
    del tasks[key]
    if not done.cancelled():
        done.exception()  # it may be that nobody waits for it any more
