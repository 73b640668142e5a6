# The handler bound to ASGI, for every server that is not granian, and for tests of applications that embed the gateway.

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from lingate.server.http import LINGER, ClientGoneError, Headers, Reply, Request, Sink, too_large

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class AsgiRequest:
    __slots__ = ("_fields", "_receive", "_scope", "method", "path", "query", "read")

    def __init__(self, scope: Any, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self._fields: dict[str, str] | None = None
        self.read = asyncio.Event()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")

    @property
    def client(self) -> str:
        client = self._scope.get("client")
        return client[0] if client else ""

    def headers(self) -> list[tuple[str, str]]:
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._scope["headers"]]

    def header(self, name: str) -> str | None:
        if self._fields is None:
            self._fields = dict(reversed(self.headers()))  # the first of several counts, as over RSGI
        return self._fields.get(name)

    def hides(self, name: str) -> bool:
        return False

    async def body(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        length = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            piece = message.get("body", b"")
            length += len(piece)
            if length > limit:
                pieces.clear()
                if message.get("more_body"):
                    await self._read_on()
                raise too_large(limit)
            pieces.append(piece)
            if not message.get("more_body"):
                self.read.set()
                return b"".join(pieces)

    async def linger(self) -> None:
        """Whatever is left is the server's."""

    async def _read_on(self) -> None:
        # Read without keeping, as over RSGI.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while (await self._receive()).get("more_body"):
                    pass


class AsgiReply:
    # Keeps a whole answer until the handler has returned: the handler answers without waiting.

    # read: Set when the request has been read: what comes until then is its body, and not for us.

    def __init__(self, receive: Receive, send: Send, read: asyncio.Event) -> None:
        self._receive = receive
        self._read = read
        self._send = send
        self._whole: tuple[int, Headers, bytes] | None = None
        self._streaming = False

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self._whole = (status, headers, body)

    async def stream(self, status: int, headers: Headers) -> AsgiReply:
        self._streaming = True
        try:
            await self._begin(status, headers)
        except OSError as error:
            raise ClientGoneError from error
        return self

    async def send(self, data: bytes) -> None:
        try:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except OSError as error:  # what the specification says servers raise once the client has left
            raise ClientGoneError from error

    def close(self) -> None:
        """The end goes out when the handler has returned."""

    async def gone(self) -> None:
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def finish(self) -> None:
        if self._streaming:
            await self._send({"type": "http.response.body", "body": b""})
        elif self._whole is not None:
            status, headers, body = self._whole
            await self._begin(status, [*headers, ("content-length", str(len(body)))])
            await self._send({"type": "http.response.body", "body": body})

    async def _begin(self, status: int, headers: Headers) -> None:
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})


def bind(
    handle: Callable[[Request, Reply], Awaitable[None]],
    start: Callable[[], Awaitable[None]],
    stop: Callable[[], Awaitable[None]],
) -> AsgiApplication:
    # The ASGI application of a handler, with its lifespan.

    async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send, start, stop)
        elif scope["type"] == "http":
            request = AsgiRequest(scope, receive)
            reply = AsgiReply(receive, send, request.read)
            await handle(request, reply)
            await reply.finish()

    return application


async def _lifespan(
    receive: Receive, send: Send, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                await start()
            except Exception as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                raise
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


# An ASGI application inside the gateway: its requests in, its answers out, whichever server is outside.

_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


async def serve_application(application: AsgiApplication, request: Request, body: bytes, reply: Reply) -> None:
    answer = _Answer(reply)
    told = False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal told
        if told:
            await reply.gone()
            return {"type": "http.disconnect"}
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        with contextlib.suppress(ClientGoneError):
            await application(_scope(request), receive, answer.send)
    finally:
        answer.close()


def _scope(request: Request) -> MutableMapping[str, Any]:
    path = request.path
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": request.query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in request.headers()
        ],
        "client": (request.client, 0),
        "server": None,
        "state": {},
    }


class _Answer:
    # Sends a short answer as one piece, and a long one as it comes.

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._status = 500
        self._headers: Headers = []
        self._sink: Sink | None = None

    def close(self) -> None:
        if self._sink is not None:
            self._sink.close()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.get("headers", ())
                if name.lower().decode("latin-1") not in _FRAMING
            ]
            return
        body = bytes(message.get("body", b""))
        if self._sink is not None:
            if body:
                await self._sink.send(body)
        elif message.get("more_body"):
            self._sink = await self._reply.stream(self._status, self._headers)
            if body:
                await self._sink.send(body)
        else:
            self._reply.whole(self._status, self._headers, body)
