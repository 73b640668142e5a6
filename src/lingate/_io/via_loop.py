# The gateway's transport: HTTP/1.1 on its own event loop, where that is all there is to it.

# pyreqwest waits in threads of its own, and each answer and each event of a stream has to wake one of them, which wakes the
# loop. Here nobody but the loop is woken: a relayed event costs a quarter less (docs/design.md).
# What asks for more than HTTP/1.1 in plain sight (TLS, proxies, addresses and headers out of the ordinary) is pyreqwest's.

from __future__ import annotations

import asyncio
import os
import re
import socket
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import inf
from typing import Any

from aiohappyeyeballs import start_connection
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from lingate._call.policy import Timeout
from lingate._io.transport import USER_AGENT, AsyncByteStream, lost, too_long, unreached
from lingate._io.via_pyreqwest import IDLE_SECONDS, remember
from lingate._io.via_pyreqwest_aio import SOON, AsyncPyreqwest
from lingate._model import Head, HttpRequest
from lingate.errors import LingateError, ProtocolError, RequestTimeoutError, StreamInterruptedError

_PLAIN_URL = re.compile(
    r"http://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(/[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*)", re.I
)
_DOTS = re.compile(r"/\.\.?(?:[/?]|$)|%2e", re.I)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~]*")
_FRAMING = frozenset(
    ("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer")
) | {"transfer-encoding", "upgrade"}
"""Headers that say how a message travels: whoever sets them means more than is done here."""

_EAGER_CONNECT = 0.25
"""How long one address of a name is tried before the next is tried beside it, seconds (RFC 8305)."""
_LONGEST_HEAD = 1 << 18
_AHEAD = 1 << 18
"""Bytes of a stream that are read ahead of whoever takes them."""
_JOINED = 1 << 16
"""A request up to this size goes out as one piece."""

_Place = tuple[str, int]
_Draft = tuple[bytes, _Place, Mapping[str, str]]
"""A request's head, where it goes, and its headers: their id may be part of the key, so they must stay alive."""


class _Connection(asyncio.Protocol):
    # One connection, and the answer that is on its way on it.

    def __init__(self, idle: list[_Connection], loop: asyncio.AbstractEventLoop) -> None:
        self._idle, self._loop = idle, loop
        self._parser = HttpResponseParser(self)
        # What small servers get wrong, and no other reader minds.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
        self._asked = False
        self._waiter: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport: Any = transport
        self._heard = self._loop.time()
        self._watch(self._heard + IDLE_SECONDS)

    def _watch(self, due: float) -> None:
        self._due, self._handle = due, self._loop.call_at(due, self._look)

    def ask(self, request: HttpRequest, head: bytes, silence: float, until: float, most: float, *, eager: bool) -> None:
        # Send a request. An `eager` reader wants each piece of the answer, any other the whole of it.
        self._request, self._eager, self._most = request, eager, most
        self._silence, self._until, self._heard = silence, until, self._loop.time()
        self.status = self._size = 0
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.begun = self.done = self._kept = False
        self.error: LingateError | None = None
        self._unpacker: Any = None
        self._asked = True
        due = min(until, self._heard + silence)
        if due < self._due:  # seldom: most calls need no timer of their own
            self._handle.cancel()
            self._watch(due)
        body = request.body
        if len(body) <= _JOINED:
            self.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
        else:
            self.transport.writelines((b"%bcontent-length: %d\r\n\r\n" % (head, len(body)), body))

    def _look(self) -> None:
        # End what takes too long: the whole of an answer, a silence that somebody waits in, or doing nothing.
        now = self._loop.time()
        if not self._asked:
            due = self._heard + IDLE_SECONDS
        else:
            due = min(self._until, (now if self._waiter is None else self._heard) + self._silence)
        if now < due:
            self._watch(min(due, now + IDLE_SECONDS))
            return
        if not self._asked:
            self.transport.abort()
            return
        late = "sent nothing for too long" if self._eager and self.begun else "did not answer in time"
        self.fail(RequestTimeoutError(f"{self._request.target.provider} {late}"))

    async def wait(self, limit: float | None = None) -> Any:
        # Until there is more, or all, of the answer, or an error. False: there was nothing within the limit.
        waiter = self._waiter = self._loop.create_future()
        timer = None if limit is None else self._loop.call_later(limit, self._wake, False)
        try:
            return await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    async def come(self) -> None:
        # Until an eager reader has the head of the answer, and any other the whole of it.
        while self.error is None and not (self.begun if self._eager else self.done):
            await self.wait()
        if self.error is not None:
            raise self.error

    def hold(self, seconds: float) -> None:
        # From now on whoever reads is only kept from waiting for so long for one piece.
        self._until, self._silence = inf, seconds

    async def next(self, limit: float | None) -> bytes | None:
        # The next bytes, None at the end.
        while not self.pieces:
            if self.error is not None:
                raise self.error
            if self.done:
                return None
            self._heard, place = self._loop.time(), self._request.target.provider
            if not await self.wait(limit):
                raise RequestTimeoutError(f"{place} did not begin its answer in time")
        pieces, self.pieces = self.pieces, []
        if self._size > _AHEAD and not self.transport.is_closing():
            self.transport.resume_reading()
        self._size = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _wake(self, there: bool = True) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(there)

    def fail(self, error: LingateError) -> None:
        # End the answer with this, if it has not ended.
        if self._asked and not self.done and self.error is None:
            self.error = error
        self.transport.abort()
        self._wake()

    def leave(self) -> None:
        # Let go of the answer: keep the connection if it can be used again, else end it.
        if not self._asked:
            return
        if self._waiter is not None:  # another task's
            self.fail(StreamInterruptedError("the stream was closed while it was read"))
        kept = self._kept and self.done and not self.transport.get_write_buffer_size()
        self._asked = False
        self.headers, self.pieces, self._unpacker = {}, [], None
        del self._request  # with its prompt
        if kept and not self.transport.is_closing():
            self._heard = self._loop.time()
            self._idle.append(self)
        else:
            self.transport.abort()

    # What the loop says.

    def data_received(self, data: bytes) -> None:
        if not self._asked:  # nobody has asked for anything
            self.transport.abort()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self.done:
                self.fail(self._broken("it sent what is no HTTP"))
            else:
                self._kept = False  # the answer is there; what follows it, nobody asked for
        if not self.begun:
            self._size += len(data)
            if self._size > _LONGEST_HEAD:
                self.fail(self._broken("the head of its answer does not end"))
        elif self._eager:
            if self._size > _AHEAD and not (self.done or self.error):
                self.transport.pause_reading()
            self._wake()
        else:
            self._heard = self._loop.time()
            if self.done:
                self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._handle.cancel()
        if not self._asked:
            with suppress(ValueError):
                self._idle.remove(self)
            return
        self._kept = False
        if not self.done and self.error is None:
            if exc is None and self.begun and not self._framed:
                self.on_message_complete()  # such a body ends with its connection
            else:
                self.error = self._broken("it was closed" if exc is None else _cause(exc))
        self._wake()

    def _broken(self, why: str) -> LingateError:
        if self.begun:
            return StreamInterruptedError(f"the connection to {self._request.target.provider} broke in mid-answer")
        return lost(self._request, why)

    # What the parser says.

    def on_message_begin(self) -> None:
        if self.done:
            raise ProtocolError("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.begun and value.isascii():  # neither trailers, nor what is no text
            self.headers.setdefault(name.decode("latin-1").lower(), value.decode())

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()  # it only says that the answer is on its way
            return
        headers = self.headers
        self.status, self.begun, self._size = status, True, 0
        self._framed = "content-length" in headers or "transfer-encoding" in headers
        encoding = headers.get("content-encoding", "identity").lower()
        if encoding in ("gzip", "x-gzip", "deflate"):
            self._unpacker = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
            del headers["content-encoding"]
            headers.pop("content-length", None)
        elif encoding != "identity":
            self.fail(self._unreadable())

    def on_body(self, data: bytes) -> None:
        if self._unpacker is not None:
            try:
                data = self._unpacker.decompress(data)
            except zlib.error:
                data = b""
                self.fail(self._unreadable())
        self._size += len(data)
        if not self._eager and self._size > self._most:
            self.fail(too_long(self._request, int(self._most)))
        elif data:
            self.pieces.append(data)

    def on_message_complete(self) -> None:
        if self.begun and self.error is None:
            self.done = True
            self._kept = self._parser.should_keep_alive()

    def _unreadable(self) -> ProtocolError:
        return ProtocolError(f"{self._request.target.provider} sent a body that is not encoded as it says")


_GZIP_OR_ZLIB = 47


def _cause(error: Exception) -> str:
    number = getattr(error, "errno", None) or 0
    return os.strerror(number) if number > 0 else getattr(error, "strerror", None) or type(error).__name__


class LoopTransport(AsyncPyreqwest):
    # `AsyncTransport` for one event loop.

    def __init__(self, *, most: int | None = None) -> None:
        super().__init__(most=most)
        self._idle: dict[_Place, list[_Connection]] = {}
        self._drafts: dict[tuple[Any, ...], _Draft | None] = {}

    async def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        draft = self._draft(request)
        if draft is None:
            return await super().send(request, timeout)
        connection = await self._ask(draft, request, timeout, eager=False)
        answer = Head(connection.status, connection.headers), b"".join(connection.pieces)
        connection.leave()
        return answer

    async def open(self, request: HttpRequest, timeout: Timeout) -> AsyncByteStream:
        draft = self._draft(request)
        if draft is None:
            return await super().open(request, timeout)
        connection = await self._ask(draft, request, timeout, eager=True)
        connection.hold(timeout.read)
        return _Stream(connection, request, self.most)

    async def _ask(self, draft: _Draft, request: HttpRequest, timeout: Timeout, *, eager: bool) -> _Connection:
        head, place, _ = draft
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout.total
        idle = self._idle.setdefault(place, [])
        # The one that was used last is the likeliest to be there still.
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                break
        else:
            connection = await _connect(place, request, timeout, lambda: _Connection(idle, loop))
        connection.ask(request, head, timeout.read, until, inf if self.most is None else self.most, eager=eager)
        try:
            await connection.come()
        except BaseException:
            connection.leave()
            raise
        return connection

    def _draft(self, request: HttpRequest) -> _Draft | None:
        # The request without its body; None if it is more than this transport can send.
        headers = request.headers
        same = id(headers) if headers is request.target.headers else tuple(headers.items())
        key = request.method, request.url, same
        try:
            return self._drafts[key]
        except KeyError:
            return remember(self._drafts, key, request, _drafted(request))

    async def aclose(self) -> None:
        for connection in [found for idle in self._idle.values() for found in idle]:
            connection.transport.abort()
        await super().aclose()


async def _connect(
    place: _Place, request: HttpRequest, timeout: Timeout, make: Callable[[], _Connection]
) -> _Connection:
    loop, made = asyncio.get_running_loop(), None
    try:
        async with asyncio.timeout(min(timeout.connect, timeout.total)):
            found = await loop.getaddrinfo(*place, type=socket.SOCK_STREAM)
            made = await start_connection(found, happy_eyeballs_delay=_EAGER_CONNECT, interleave=1, loop=loop)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await loop.create_connection(make, sock=made)
            made = None
    except TimeoutError:
        raise RequestTimeoutError(f"connecting to {request.target.provider} took too long") from None
    except (OSError, UnicodeError) as error:
        raise unreached(request, _cause(error)) from None
    finally:
        if made is not None:
            made.close()
    return connection


_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))  # whose answers have bodies
_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


def _drafted(request: HttpRequest) -> _Draft | None:
    found = _PLAIN_URL.fullmatch(request.url)
    if found is None or _DOTS.search(request.url) or request.method not in _METHODS:
        return None
    host, port, target = found.groups()
    bare = host.strip("[]").lower()
    if not 0 < int(port or 80) < 1 << 16 or not _is_direct(bare):
        return None
    said = {"host": host if port is None else f"{host}:{port}", "accept": "*/*", "accept-encoding": "identity"}
    said["user-agent"] = USER_AGENT
    for name, value in request.headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in _FRAMING:
            return None
        said[name.lower()] = value
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()), ""]
    return "\r\n".join(lines).encode(), (bare, int(port or 80)), request.headers


def _is_direct(host: str) -> bool:
    # Whether the environment has no proxy for it.
    if not any(map(os.environ.get, _PROXIES)):
        return True
    from urllib.request import proxy_bypass

    return bool(proxy_bypass(host))


class _Stream:
    __slots__ = ("_connection", "_left", "_most", "_request", "head")

    def __init__(self, connection: _Connection, request: HttpRequest, most: int | None) -> None:
        self._connection: _Connection | None = connection
        self._request = request
        self._most = most
        self._left = inf if most is None else most
        self.head = Head(connection.status, connection.headers)

    async def read(self, limit: float | None = None) -> bytes | None:
        connection = self._connection
        if connection is None:
            raise StreamInterruptedError("the stream was closed before it was read")
        piece = await connection.next(limit)
        if piece is not None:
            self._left -= len(piece)
            if self._left < 0:
                raise too_long(self._request, self._most or 0)
        return piece

    async def finish(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            if not connection.done and connection.error is None:
                await connection.wait(SOON)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.leave()

    def __del__(self) -> None:
        if self._connection is not None:
            # A stream that was forgotten, perhaps by another thread's garbage collector.
            with suppress(RuntimeError):
                self._connection._loop.call_soon_threadsafe(self._connection.leave)
