"""What the handler needs of an HTTP server. `rsgi.py` and `asgi.py` are the two bindings; the handler knows neither."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypeAlias

from lingate.errors import PayloadTooLargeError

Headers: TypeAlias = list[tuple[str, str]]


class Request(Protocol):
    """One request. Header names are asked for in lower case."""

    method: str
    path: str
    query: str

    @property
    def client(self) -> str:
        """Address of the other end of the connection, without the port."""
        ...

    def header(self, name: str) -> str | None: ...

    def headers(self) -> list[tuple[str, str]]: ...

    async def body(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            PayloadTooLargeError: It is longer than `limit` bytes; no more than that was kept of it.
        """
        ...


class Sink(Protocol):
    """A streamed answer whose head is out."""

    async def send(self, data: bytes) -> None:
        """Send; waits while the client does not read.

        Raises:
            ClientGoneError: Nobody is there to read it.
        """
        ...

    def close(self) -> None:
        """The answer ends here."""
        ...


class Reply(Protocol):
    """Where the answer goes. One of `whole` and `stream` is called, once."""

    def whole(self, status: int, headers: Headers, body: bytes) -> None: ...

    async def stream(self, status: int, headers: Headers) -> Sink: ...

    def gone(self) -> Awaitable[None]:
        """Resolves when the client has closed its connection."""
        ...


LINGER = 2.0
"""Seconds that a client which sends too much gets to finish, so that it reads why it was refused."""


def too_large(limit: int) -> PayloadTooLargeError:
    """The error for a body of more than so many bytes."""
    return PayloadTooLargeError(f"the request's body is larger than {limit} bytes")


class ClientGoneError(Exception):
    """The client has left. Not an error of anybody's."""
