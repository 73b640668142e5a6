# An ASGI application inside the gateway: its requests in, its answers out, whichever server is outside.

from __future__ import annotations

import contextlib
from collections.abc import MutableMapping
from typing import Any

from lingate.server.asgi import AsgiApplication
from lingate.server.http import ClientGoneError, Headers, Reply, Request, Sink

_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


async def serve(application: AsgiApplication, request: Request, body: bytes, reply: Reply) -> None:
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
