# What the handler needs of an HTTP server.

# `rsgi.py` and `asgi.py` are the two bindings; the handler knows neither.

from __future__ import annotations

import re
import zlib
from collections.abc import Awaitable
from contextlib import suppress
from itertools import islice
from typing import Protocol

from lingate.errors import BadRequestError, PayloadTooLargeError

Headers = list[tuple[str, str]]


class Request(Protocol):
    # One request. Header names are asked for in lower case.

    method: str
    path: str
    query: str

    @property
    def client(self) -> str:
        # Address of the other end of the connection, without the port.
        ...

    def header(self, name: str) -> str | None: ...

    def headers(self) -> list[tuple[str, str]]: ...

    def hides(self, name: str) -> bool:
        # Whether there is a header of which the server shows nothing: granian (2.8) does so with what is not ASCII.
        ...

    async def body(self, limit: int) -> bytes:
        # The whole body.
        # Raises PayloadTooLargeError: It is longer than `limit` bytes; no more than that was kept of it.
        ...

    async def linger(self) -> None:
        # After an answer that took no body: read without keeping, for a while; who is still sending would not see it.
        ...


class Sink(Protocol):
    # A streamed answer whose head is out.

    async def send(self, data: bytes) -> None:
        # Send; waits while the client does not read.
        # Raises ClientGoneError: Nobody is there to read it.
        ...

    def close(self) -> None: ...


class Reply(Protocol):
    # Where the answer goes. One of `whole` and `stream` is called, once.

    def whole(self, status: int, headers: Headers, body: bytes) -> None: ...

    async def stream(self, status: int, headers: Headers) -> Sink: ...

    def gone(self) -> Awaitable[None]:
        # Resolves when the client has closed its connection.
        ...


# What is never closed is a text to the end, or each of its quotes would be tried as a beginning.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL).finditer

HOP = frozenset(
    {
        *("host", "cookie", "content-length", "transfer-encoding", "accept-encoding", "te", "trailer", "expect"),
        *("connection", "keep-alive", "upgrade", "proxy-connection", "proxy-authorization"),
    }
)
"""Headers that are about this connection, or for this host alone."""

LINGER = 2.0
"""Seconds that a client which is refused gets to finish sending, so that it reads why."""


def too_large(limit: int) -> PayloadTooLargeError:
    # The error for a body of more than so many bytes.
    return PayloadTooLargeError(f"the request's body is larger than {limit} bytes")


def check_values(body: bytes, limit: int) -> None:
    # Refuse a body that would become too many objects: 28 MB of empty lists become 800 and take seconds.
    # Raises PayloadTooLargeError: It has more than `limit` values, which are counted by the commas between them.
    # A form has no values, and a body without that many commas needs no look at which of them are in texts.
    if len(body) <= limit or body.startswith(b"--") or body.count(b",") <= limit:
        return
    found = end = 0
    for text in islice(_TEXT(body), 2 * limit + 2):  # a value has two texts at the most: its name and itself
        found += body.count(b",", end, text.start())
        end = text.end()
        if found > limit:
            break
    if found + body.count(b",", end) > limit:
        raise PayloadTooLargeError(f"the request's body has more than {limit} values")


class ClientGoneError(Exception):
    # The client has left. Not an error of anybody's.
    pass


# Bodies that clients send compressed.

_GZIP_OR_ZLIB = zlib.MAX_WBITS + 32
_BARE = -zlib.MAX_WBITS
_TAKEN = ("gzip", "x-gzip", "deflate")
_MOST_MEMBERS = 16
"""A file of gzip's may have several members, one behind the other. Each costs a copy of all that follow it."""


def plain(body: bytes, encoding: str, limit: int) -> bytes:
    # The body as it was before it was compressed.
    # Raises BadRequestError: The encoding is another one, or the body is broken.
    # Raises PayloadTooLargeError: It is longer.
    name = encoding.strip().lower()
    if name in ("", "identity") or not body:
        return body
    if name not in _TAKEN:
        shown = encoding[:40]
        raise BadRequestError(f"bodies are taken as they are or as gzip or deflate, not as {shown!r}", kind="encoding")
    # Some send what is `deflate` without the frame that the name stands for.
    for window in (_GZIP_OR_ZLIB, _BARE) if name == "deflate" else (_GZIP_OR_ZLIB,):
        with suppress(zlib.error):
            return _inflated(body, window, limit)
    raise BadRequestError(f"the request's body is not {name}, although its header says so")


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    length = 0
    while body:
        if len(pieces) == _MOST_MEMBERS:
            raise zlib.error
        member = zlib.decompressobj(window)
        pieces.append(member.decompress(body, limit - length + 1))
        length += len(pieces[-1])
        if length > limit:
            raise too_large(limit)
        if not member.eof:
            raise zlib.error
        body = member.unused_data
    return b"".join(pieces)
