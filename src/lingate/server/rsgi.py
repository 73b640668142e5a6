# The handler bound to RSGI, which is what granian speaks at its fastest.

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from lingate.server.http import LINGER, ClientGoneError, Headers, Reply, Request, too_large

# Waits for clients that do not read.

# granian (2.8) takes whatever a streamed answer sends and keeps it in memory until the client has read it; nobody is
# made to wait. So the sender looks for itself, now and then, how much of what it has sent is still in the kernel's
# queue.

_FILES = "/proc/self/fd"
_SEEN = os.path.isdir(_FILES)  # elsewhere than on Linux nothing can be seen
_OUTGOING = 0x5411
"""SIOCOUTQ: bytes sent and not acknowledged."""

LOOK = 256 * 1024
"""Bytes sent between two looks: short answers are never looked at."""

_MOST = 512 * 1024
_SHORT, _LONG = 0.01, 0.25


class Backpressure:
    # How much a client has not read yet.

    __slots__ = ("_file", "_peer")

    def __init__(self, client: str) -> None:
        host, _, port = client.rpartition(":")
        self._peer = (host.strip("[]"), int(port) if port.isdigit() else 0)
        self._file = -1

    async def relieved(self) -> None:
        # Return when not much is waiting for the client any more, or when it has gone.
        wait = _SHORT
        while self.waiting() > _MOST:
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, _LONG)

    def waiting(self) -> int:
        # Bytes that it has not taken; 0 where that cannot be seen.
        if not _SEEN:
            return 0
        found = _outgoing(self._file, self._peer) if self._file >= 0 else None
        if found is None:
            self._file, found = _find(self._peer)
        return found


_Peer = tuple[str, int]

_REST = 5.0
"""Looking through all files takes at most one part in so many of the time."""

_files: dict[_Peer, int] = {}
_again = 0.0


def _find(peer: _Peer) -> tuple[int, int]:
    # The file of the connection to a peer, and what is in its queue; -1 and 0 where it is not known yet.
    # All files are looked through for all peers at once, and not all the time: with a thousand connections it takes ten
    # milliseconds, and streams that began together come here together.
    global _again
    number = _files.get(peer)
    found = None if number is None else _outgoing(number, peer)
    began = time.monotonic()
    if found is None and began >= _again:
        _files.clear()
        _files.update(_connections())
        now = time.monotonic()
        _again = now + _REST * (now - began)
        number = _files.get(peer)
        found = None if number is None else _outgoing(number, peer)
    return (-1, 0) if number is None or found is None else (number, found)


def _connections() -> Iterator[tuple[_Peer, int]]:
    # Every connection of this process: whom it leads to, and the number of its file.
    for name in os.listdir(_FILES):
        with contextlib.suppress(OSError):
            if os.readlink(f"{_FILES}/{name}").startswith("socket:"):
                with socket.socket(fileno=os.dup(int(name))) as connection:
                    if connection.family in (socket.AF_INET, socket.AF_INET6):
                        yield connection.getpeername()[:2], int(name)


def _outgoing(number: int, peer: _Peer) -> int | None:
    # What is in the queue of a file, if it is the connection to this peer: numbers of files are used again.
    import fcntl  # not on Windows

    try:
        with socket.socket(fileno=os.dup(number)) as connection:
            if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.getpeername()[:2] != peer:
                return None
            (found,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), _OUTGOING, bytes(4)))
            return int(found)
    except OSError:
        return None


_AT_ONCE = 256 * 1024
"""Bodies announced as no larger are read in one go: the server holds them to their announced length."""


class RsgiRequest:
    __slots__ = ("_begun", "_protocol", "_scope", "header", "method", "path", "query")

    def __init__(self, scope: Any, protocol: Any) -> None:
        self._scope = scope
        self._protocol = protocol
        self._begun = False
        self.method: str = scope.method
        self.path: str = scope.path
        self.query: str = scope.query_string
        self.header: Callable[[str], str | None] = scope.headers.get

    @property
    def client(self) -> str:
        return str(self._scope.client).rpartition(":")[0]

    def headers(self) -> list[tuple[str, str]]:
        return list(self._scope.headers.items())

    def hides(self, name: str) -> bool:
        return name in self._scope.headers and not self._scope.headers.get_all(name)

    async def body(self, limit: int) -> bytes:
        self._begun = True
        announced = self.header("content-length")
        size = int(announced) if announced is not None and announced.isdigit() else None
        if size is not None and size <= min(limit, _AT_ONCE):
            try:
                return bytes(await self._protocol())
            except RuntimeError as error:  # as below: the client has left in the middle of it
                raise ClientGoneError from error
        pieces: list[bytes] = []
        length = 0
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as lingering:
                async for piece in self._protocol:
                    length += len(piece)
                    if length <= limit:
                        pieces.append(bytes(piece))
                    elif lingering.when() is None:
                        # Read on without keeping, for a while: a client that is still sending would not see the answer.
                        pieces.clear()
                        lingering.reschedule(loop.time() + LINGER)
        if length > limit:
            raise too_large(limit)
        if size is not None and length < size:
            raise ClientGoneError  # the server ends a body that breaks off as if it were whole
        return b"".join(pieces)

    async def linger(self) -> None:
        # A body that was begun has been read as far as it will be. One that is not there yet the server does not wait for:
        # it closes, however short it is (http.client sends it in a packet of its own); and who waits to be told that it
        # may send (`Expect`) sends nothing.
        if self._begun or self.header("expect"):
            return
        if self.header("content-length") not in (None, "0") or self.header("transfer-encoding"):
            with contextlib.suppress(TimeoutError, RuntimeError):
                async with asyncio.timeout(LINGER):
                    async for _ in self._protocol:
                        pass


class _Sink:
    __slots__ = ("_backpressure", "_scope", "_sent", "_transport")

    def __init__(self, transport: Any, scope: Any) -> None:
        self._transport = transport
        self._scope = scope
        self._sent = 0
        self._backpressure: Backpressure | None = None

    async def send(self, data: bytes) -> None:
        try:
            await self._transport.send_bytes(data)
        except RuntimeError as error:  # RSGIProtocolClosed is one
            raise ClientGoneError from error
        self._sent += len(data)
        if self._sent >= LOOK:
            self._sent = 0
            if self._backpressure is None:
                self._backpressure = Backpressure(self._scope.client)
            await self._backpressure.relieved()

    def close(self) -> None:
        # The server ends the answer when nobody holds the transport any more; an error's traceback may hold us.
        self._transport = _Ended()


class _Ended:
    async def send_bytes(self, data: bytes) -> None:
        raise ClientGoneError


class RsgiReply:
    __slots__ = ("_protocol", "_scope")

    def __init__(self, protocol: Any, scope: Any) -> None:
        self._protocol = protocol
        self._scope = scope

    def gone(self) -> Awaitable[None]:
        found: Awaitable[None] = self._protocol.client_disconnect()
        return found

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self._protocol.response_bytes(status, headers, body)

    async def stream(self, status: int, headers: Headers) -> _Sink:
        return _Sink(self._protocol.response_stream(status, headers), self._scope)


def bind(handle: Callable[[Request, Reply], Awaitable[None]]) -> Callable[[Any, Any], Awaitable[None]]:
    # The RSGI application of a handler.

    def application(scope: Any, protocol: Any) -> Awaitable[None]:
        return handle(RsgiRequest(scope, protocol), RsgiReply(protocol, scope))

    return application
