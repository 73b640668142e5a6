# What vui's backends need besides vui: a listener for its health probe, whole streams, sizes of context windows.

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

import lingate
from lingate.hosts._shared import known_of


class Health:
    # A listener on loopback whose `/api/version` says whether a backend is there: vui asks no other way.

    # `is_there` is asked at each probe, in a thread of its own.

    def __init__(self, is_there: Callable[[], bool]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.path.partition("?")[0] == "/api/version"
                status = 404 if not known else 200 if is_there() else 503
                body = json.dumps({"version": lingate.__version__}).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Not on vui's screen: it probes every few seconds."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def window_of(model: str) -> int | None:
    size = known_of(model).get("max_input_tokens")
    return size if isinstance(size, int) and size > 0 else None


async def check_answer(response: httpx.Response) -> None:
    # Have a gateway's answer say what is wrong with it, as a hook of httpx's client.
    # vui shows an error's text, and httpx's own holds the status alone; and it skips what it cannot read in a stream, and
    # would speak half a sentence.
    if response.status_code >= httpx.codes.BAD_REQUEST:
        await response.aread()
        said = _said(response.content) or response.reason_phrase
        text = f"the gateway answered {response.status_code}: {said}"
        raise httpx.HTTPStatusError(text, request=response.request, response=response)
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        response.stream = _Whole(response.stream)


def _said(body: bytes) -> str | None:
    # The message of an error in a body, or in an event of a stream.
    try:
        found = json.loads(body)
    except ValueError:
        return None
    error = found.get("error") if isinstance(found, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else None


class _Whole(httpx.AsyncByteStream):
    # An SSE body that raises where it holds an error, or ends without its end mark.

    def __init__(self, body: Any) -> None:
        self._body = body
        self._rest = b""
        self._done = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            lines = (self._rest + piece).split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                self._look(line)
            yield piece
        self._look(self._rest)
        if not self._done:
            raise httpx.RemoteProtocolError("the gateway's stream ended before it was complete")

    def _look(self, line: bytes) -> None:
        if not line.startswith(b"data:"):
            return
        data = line[5:].strip()
        if data == b"[DONE]":
            self._done = True
        elif b'"error"' in data and b'"choices"' not in data and (said := _said(data)) is not None:
            raise httpx.RemoteProtocolError(f"the gateway's stream broke off: {said}")

    async def aclose(self) -> None:
        await self._body.aclose()
