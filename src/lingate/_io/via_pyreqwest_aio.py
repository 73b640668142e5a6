# The default transport, awaited: see `via_pyreqwest.py`.

from __future__ import annotations

import asyncio
import atexit
import time
from contextlib import suppress
from typing import Any, NoReturn

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from lingate._call.policy import Timeout
from lingate._io.transport import AsyncByteStream, too_long
from lingate._io.via_pyreqwest import Clients, broken, head, translate
from lingate._model import Head, HttpRequest
from lingate.errors import RequestTimeoutError, StreamInterruptedError

SOON = 0.02
"""How long the end of a body may lag behind its terminal event for the connection to be kept, seconds."""

_SETTLE = 0.02
"""What the runtime's threads get at the end of the process to let go of the interpreter, seconds."""


_ENDLESS = 1 << 62

_settling = False


def _settle_at_exit() -> None:
    # Keep the interpreter from ending under a thread that is just handing over an answer.
    # It then aborts with "PyGILState_Release: thread state must be current" (seen in one of five scripts that end right
    # after an awaited call, Python 3.11). Blocking calls have no such thread.
    global _settling
    if not _settling:
        _settling = True
        atexit.register(time.sleep, _SETTLE)


async def _ended() -> NoReturn:
    # End the running task as one that was cancelled.
    # pyreqwest loses a cancellation that comes together with what was waited for: its `select!` takes either, and what it
    # takes is the result (0.15, `next_chunk` in body_reader.rs), where asyncio's own futures let the cancellation win. And what
    # it does raise is a cancellation of its own, by which anyio's scopes do not know theirs: these say it again at the next await.
    await asyncio.sleep(0)
    raise asyncio.CancelledError


class _TimeLimit:
    # `asyncio.timeout` for one await, with less of it: a stream's first event is waited for under two of them, in cold caches.

    __slots__ = ("_before", "_task", "_timer", "_up")

    def __init__(self, task: asyncio.Task[Any], seconds: float) -> None:
        self._task, self._before, self._up = task, task.cancelling(), False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._end)

    def _end(self) -> None:
        self._up = self._task.cancel()

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, *_: object) -> None:
        self._timer.cancel()
        if self._up and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError


class AsyncPyreqwest:
    # `AsyncTransport` over pyreqwest; works on any event loop, and on several one after another.

    # pin: Name, address and port: connections to the name go to this address, however it resolves.
    # proxies: Go through the proxies that the environment names.
    # most: Bytes of the longest answer that is read; None: any is, which is a little faster.

    def __init__(
        self, *, pin: tuple[str, str, int] | None = None, proxies: bool = True, most: int | None = None
    ) -> None:
        _settle_at_exit()
        self.most = most

        def build() -> ClientBuilder:
            builder = ClientBuilder() if proxies else ClientBuilder().no_proxy()
            return builder if pin is None else builder.resolve(*pin)

        self._clients = Clients(ClientBuilder if proxies and pin is None else build)

    async def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        task: Any = asyncio.current_task()  # whoever awaits is one
        most = self.most
        before = task.cancelling()
        body: Any = None
        try:
            if most is None:
                response = await self._clients.request(request, timeout, timeout.total).send()
                body = await response.bytes()
            else:
                async with self._clients.request(request, timeout, timeout.total, bounded=True) as response:
                    if task.cancelling() <= before:
                        body = await response.body_reader.read(most + 1)
            if task.cancelling() <= before:
                if most is not None and body is not None and len(body) > most:
                    raise too_long(request, most)
                return head(response), b"" if body is None else bytes(body)
        except PyreqwestError as error:
            if task.cancelling() <= before:
                raise translate(error, request) from None
        except asyncio.CancelledError:
            pass
        return await _ended()

    async def open(self, request: HttpRequest, timeout: Timeout) -> AsyncByteStream:
        task: Any = asyncio.current_task()
        before = task.cancelling()
        try:
            streamed = self._clients.request(request, timeout)
            with _TimeLimit(task, timeout.total):
                response = await streamed.__aenter__()
            if task.cancelling() <= before:
                return _AsyncStream(streamed, response, request, self.most)
            await streamed.__aexit__(None, None, None)
        except PyreqwestError as error:
            if task.cancelling() <= before:
                raise translate(error, request) from None
        except TimeoutError:
            raise RequestTimeoutError(f"{request.target.provider} did not answer in time") from None
        except asyncio.CancelledError:
            pass
        return await _ended()

    async def aclose(self) -> None:
        self._clients.drop()


class _AsyncStream:
    __slots__ = ("_left", "_most", "_reader", "_reading", "_request", "_streamed", "head")

    def __init__(self, streamed: Any, response: Any, request: HttpRequest, most: int | None) -> None:
        self._streamed = streamed
        self._most = self._left = _ENDLESS if most is None else most
        self._reader = response.body_reader
        self._reading: asyncio.Task[Any] | None = None
        self._request = request
        self.head = head(response)

    async def read(self, limit: float | None = None) -> bytes | None:
        task: Any = asyncio.current_task()  # neither by a call more nor with a check: this is done for each event
        self._reading = task
        before = task.cancelling()
        try:
            if limit is None:
                piece = await self._reader.read_chunk()
            else:
                with _TimeLimit(task, limit):
                    piece = await self._reader.read_chunk()
            if task.cancelling() <= before:
                if piece is None:
                    return None
                self._left -= len(piece)
                if self._left < 0:
                    raise too_long(self._request, self._most)
                return bytes(piece)
        except PyreqwestError as error:
            if task.cancelling() <= before:
                raise broken(error, self._request) from None
        except TimeoutError:
            raise RequestTimeoutError(f"{self._request.target.provider} did not begin its answer in time") from None
        except asyncio.CancelledError:
            pass
        finally:
            closed, self._reading = self._reading is None, None
        if closed and task.uncancel() <= before:
            raise StreamInterruptedError("the stream was closed while it was read")
        return await _ended()

    async def finish(self) -> None:
        if self._streamed is None:
            return
        task: Any = asyncio.current_task()
        before = task.cancelling()
        try:
            with _TimeLimit(task, SOON):
                await self._reader.read_chunk()
        except (PyreqwestError, TimeoutError):
            pass
        except asyncio.CancelledError:
            await _ended()
        finally:
            await self.aclose()
        if task.cancelling() > before:
            await _ended()

    async def aclose(self) -> None:
        streamed, self._streamed = self._streamed, None
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()  # closing would wait for another task's read to its end
        if streamed is not None:
            await streamed.__aexit__(None, None, None)

    def __del__(self) -> None:
        if self._streamed is not None:
            # Letting go of what nobody reads waits for nothing, so it needs no loop: that of a stream forgotten may be closed.
            with suppress(StopIteration):
                self._streamed.__aexit__(None, None, None).send(None)
