"""The litellm package as a transport, awaited: see `via_litellm.py`."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from lingate._call.policy import Timeout
from lingate._io.transport import AsyncByteStream
from lingate._io.via_litellm import function, load, loaded
from lingate._io.via_litellm_call import Chunks, arguments, let_go, stream_head, whole
from lingate._model import Head, HttpRequest

_END = object()


async def _loaded() -> Any:
    # Seconds that other tasks are not to wait for.
    return load() if loaded() else await asyncio.to_thread(load)


async def _tried(action: Callable[[], Awaitable[Any]], request: HttpRequest, limit: float) -> Any:
    outside = sys.exception()
    try:
        async with asyncio.timeout(limit):
            return await action()
    except Exception as error:  # as in `via_litellm.tried`
        from lingate._io.via_litellm_errors import told

        found = told(error, request, outside)
    raise found


class AsyncLitellm:
    """`AsyncTransport` over `litellm.acompletion` and `litellm.aembedding`."""

    async def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        litellm = await _loaded()
        given = arguments(litellm, request, timeout)
        ask = function(litellm, request, awaited=True)
        return whole(await _tried(lambda: ask(**given), request, timeout.total), request)

    async def open(self, request: HttpRequest, timeout: Timeout) -> AsyncByteStream:
        litellm = await _loaded()
        given = arguments(litellm, request, timeout)
        ask = function(litellm, request, awaited=True)
        now = asyncio.get_running_loop().time
        until = now() + timeout.total
        answer = await _tried(lambda: ask(**given), request, timeout.total)
        stream = _AsyncStream(answer, request, timeout)
        await stream.begin(until - now())
        return stream

    async def aclose(self) -> None:
        """The package keeps its connections itself."""


class _AsyncStream:
    __slots__ = ("_answer", "_chunks", "_iterator", "_ready", "_request", "_timeout", "head")

    def __init__(self, answer: Any, request: HttpRequest, timeout: Timeout) -> None:
        self._answer = answer
        self._request = request
        self._timeout = timeout
        self._chunks = Chunks(answer, request)
        self._ready: bytes | None = None
        self._iterator: AsyncIterator[Any] | None = None
        self.head = stream_head(answer)

    async def begin(self, limit: float) -> None:
        """Fetch the first chunk: some send their request only then."""
        if not hasattr(self._answer, "__aiter__"):
            self.head, self._ready = whole(self._answer, self._request)
            self._chunks.over = True
            return
        self._iterator = aiter(self._answer)
        try:
            self._ready = await self._next(limit)
        except BaseException:
            await self.aclose()
            raise

    async def read(self, limit: float | None = None) -> bytes | None:
        ready, self._ready = self._ready, None
        if ready is not None:
            return ready
        return await self._next(self._timeout.read if limit is None else limit)

    async def _next(self, limit: float) -> bytes | None:
        iterator = self._iterator
        if iterator is None or self._chunks.over:
            return None
        chunk = await _tried(lambda: anext(iterator, _END), self._request, limit)
        return self._chunks.last() if chunk is _END else self._chunks.piece(chunk)

    async def finish(self) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        answer, self._answer = self._answer, None
        self._iterator = None
        self._chunks.over = True
        if answer is None:
            return
        for close in let_go(answer, awaited=True):
            with suppress(Exception):  # what is let go may be broken in any way
                done = close()
                if inspect.isawaitable(done):
                    await done

    def __del__(self) -> None:
        if self._answer is not None:
            # As with every transport: a stream that was forgotten has only its loop left, if that still runs.
            with suppress(RuntimeError):
                asyncio.get_running_loop().create_task(self.aclose())
