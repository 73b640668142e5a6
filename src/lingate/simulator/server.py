# HTTP/1.1 over plain sockets: h11 reads and writes the bytes, so that they can also be cut, dripped and reset.

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from http.client import responses
from typing import Any, assert_never, cast

from lingate.errors import MissingExtraError, PayloadTooLargeError
from lingate.simulator.backend import Backend, Exchange, HttpCall
from lingate.simulator.stats import Outcome
from lingate.simulator.steps import Begin, Drop, Hang, Send, Step, Wait, json_steps

try:
    import h11
except ImportError as error:
    raise MissingExtraError("the simulator needs h11: pip install 'lingate[simulator]'") from error

_log = logging.getLogger("lingate.simulator")

_MAX_HEAD = 64 * 1024
_MAX_EARLY = 1024 * 1024
"""Bytes that a client may send ahead while an answer is under way. Reading goes on meanwhile, to see it leave."""

_LINGER = 1.0
"""Seconds for a client to take note that its body was too large."""

_CHUNKED = ("transfer-encoding", "chunked")
_NO_LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: close() sends an RST."""


class Connection(asyncio.Protocol):
    # One client connection. A task reads requests and performs their steps; callbacks notice the client leaving.

    def __init__(self, backend: Backend, server: Server) -> None:
        self._backend = backend
        self._server = server
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        self._loop = asyncio.get_running_loop()
        self._more: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._exchange: Exchange | None = None
        self._early = 0
        self._held = b""  # the head, until it is known what follows: with a body at hand, both are one write
        self._refused = False
        self._without_body = False
        self._last_write: float | None = None
        self._transport: asyncio.Transport
        self._task: asyncio.Task[None]

    @property
    def busy(self) -> bool:
        return self._exchange is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)  # what counts as sent is what the operating system has taken
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.made(self)
        self._backend.stats.connected()
        self._task = self._loop.create_task(self._run())

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._exchange is not None:
            self._early += len(data)
            if self._early > _MAX_EARLY:
                self._transport.abort()
                return
        self._http.receive_data(data)
        _resolve(self._more)

    def eof_received(self) -> bool:
        # The client closed its side.
        # Nobody waits for an answer any more, so the connection closes.
        if self._exchange is not None:
            self._leave("disconnected")
            return False
        self._http.receive_data(b"")
        _resolve(self._more)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave("disconnected")
        self._task.cancel()
        self._server.lost(self)
        self._backend.stats.disconnected()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        _resolve(self._writable)
        self._writable = None

    def close(self) -> None:
        self._leave("closed")
        self._transport.abort()

    @property
    def _socket(self) -> Any:
        return self._transport.get_extra_info("socket")

    def _leave(self, outcome: Outcome) -> None:
        # End what is under way; only the first reason counts.
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        if exchange.record is not None:
            self._backend.stats.ended(exchange.record, outcome, last_write=self._last_write)
            self._loop.call_soon(self._backend.stats.report, exchange.record)
        if outcome != "complete" and outcome != "dropped":
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while await self._one_request() and not self._server.closing:
                self._early = 0
                self._http.start_next_cycle()
        except asyncio.CancelledError:
            pass  # the client left or the server closes: both have been recorded, and nobody waits for this task
        finally:
            self._transport.close()

    async def _one_request(self) -> bool:
        # Read a request and answer it; false if the connection ends with it.
        try:
            request = await self._read()
        except h11.RemoteProtocolError as error:
            steps = json_steps(error.error_status_hint, {"error": {"message": f"not HTTP: {error}"}})
            await self._perform(Exchange(steps))
            return False
        if request is None:
            return False
        self._without_body = request[0].method == "HEAD"
        await self._perform(self._respond(*request))
        if self._refused:
            # Let the client read the answer although it is still sending: closing now would reset the connection.
            self._transport.write_eof()
            await asyncio.sleep(_LINGER)
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _read(self) -> tuple[HttpCall, bool] | None:
        # The next request and whether its body is whole; None if the client is done.
        head: h11.Request | None = None
        body: list[bytes] = []
        size = 0
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._transport.write(self._bytes(h11.InformationalResponse(status_code=100, headers=[])))
                self._more = self._loop.create_future()
                await self._more
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                size += len(event.data)
                body.append(bytes(event.data))
                if head is not None and size > self._backend.config.max_body:
                    return _http_call(head, b""), False
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _http_call(head, b"".join(body)), True
            else:
                return None

    def _bytes(self, event: h11.Event) -> bytes:
        return self._http.send(event) or b""

    def _respond(self, request: HttpCall, whole: bool) -> Exchange:
        try:
            if whole:
                return self._backend.respond(request)
            self._refused = True
            limit = self._backend.config.max_body
            error = PayloadTooLargeError(f"Request exceeds the maximum size of {limit} bytes")
            return self._backend.refuse(request, error)
        except Exception:
            # The boundary: whatever a dialect trips over becomes an answer and a line in the log.
            _log.exception("the simulator failed at %s %s", request.method, request.path)
            return Exchange(json_steps(500, {"error": {"message": "the simulator failed; its log says why"}}))

    async def _perform(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._last_write = None
        try:
            step = next(exchange.steps, None)
            while step is not None:
                # One step ahead: the end goes out together with the last bytes, so that a client that has everything
                # and closes at once is not taken for one that left.
                following = next(exchange.steps, None)
                await self._step(step, exchange, last=following is None)
                step = following
        except Exception:
            # The boundary again: the head may be out, so all that can be said is that the rest does not come.
            _log.exception("the simulator failed in mid-answer")
            self._leave("dropped")
            self._transport.abort()

    async def _step(self, step: Step, exchange: Exchange, *, last: bool) -> None:
        record = exchange.record
        match step:
            case Begin():
                framing = ("content-length", str(step.length)) if step.length is not None else _CHUNKED
                # Headers that tell requests apart in logs: OpenAI's name for it, and Anthropic's.
                self._server.served += 1
                ids = dict.fromkeys(("x-request-id", "request-id"), f"req_sim_{self._server.served:08d}")
                headers = [*step.headers, *ids.items(), framing]
                reason = responses.get(step.status, "")
                self._held = self._bytes(h11.Response(status_code=step.status, headers=headers, reason=reason))
                if record is not None:
                    self._backend.stats.answering(record, step.status)
            case Send():
                if not self._without_body:
                    await self._send(step, exchange, last)
                    return
            case Wait(seconds):
                self._write(b"")
                await asyncio.sleep(seconds)
            case Hang():
                self._write(b"")
                await self._loop.create_future()
            case Drop(reset):
                self._write(b"")
                self._leave("dropped")
                if reset:
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                    self._transport.abort()
                else:
                    self._transport.close()
                return
            case _:
                assert_never(step)
        if last:
            self._write(self._bytes(h11.EndOfMessage()))
            self._leave("complete")

    async def _send(self, step: Send, exchange: Exchange, last: bool) -> None:
        data = self._bytes(h11.Data(data=step.data))
        if last:
            data += self._bytes(h11.EndOfMessage())
        with self._backend.stats.lock:  # whoever has read the answer finds it counted
            self._write(data)
            if self._writable is None:
                self._sent(step, exchange, last)
        if self._writable is not None:
            await self._writable
            self._sent(step, exchange, last)
        elif not last:
            await asyncio.sleep(0)  # a fast stream, too, must see its client leave

    def _sent(self, step: Send, exchange: Exchange, last: bool) -> None:
        if exchange.record is not None:
            self._backend.stats.sent(exchange.record, step, exchange.prompt_tokens)
        if last:
            self._leave("complete")

    def _write(self, data: bytes) -> None:
        # Write, and before it the head if that has not gone out yet.
        data = self._held + data
        self._held = b""
        if data:
            self._last_write = time.monotonic()
            self._transport.write(data)


def _resolve(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _http_call(head: h11.Request, body: bytes) -> HttpCall:
    path, _, query = head.target.decode("latin-1").partition("?")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return HttpCall(head.method.decode("latin-1"), path, query, headers, body)


class Server:
    # A listening socket and its connections, on the running loop.

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.closing = False
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self.served = 0
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> str:
        # Open the socket; port 0 takes any free one.
        # Returns the URL.
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self.backend, self), host, port, backlog=512)
        bound = self._server.sockets[0].getsockname()
        name = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        return f"http://{name}:{bound[1]}"

    async def close(self, grace: float = 0.0) -> None:
        # Take no more connections, let answers under way finish for up to `grace` seconds, then close the rest.
        self.closing = True
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            if not (grace and connection.busy):
                connection.close()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), grace or None)
        for connection in list(self._connections):
            connection.close()
        if self._connections:
            await self._empty.wait()

    def made(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._empty.clear()

    def lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
