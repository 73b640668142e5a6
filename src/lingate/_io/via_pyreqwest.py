# The default transport: pyreqwest (Rust's reqwest).

# Its awaited half is `via_pyreqwest_aio.py`: asyncio is slow to import.
#
# Facts that shape this file, each checked against pyreqwest 0.15: a streamed body is buffered up to 64 KiB before the first read
# unless `streamed_read_buffer_limit(0)` is set; leaving a streamed request closes its connection at once, unless its last
# byte has been read, then the connection goes back to the pool; the Rust runtime does not survive a fork.

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from threading import get_ident
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from pyreqwest.client import SyncClientBuilder
from pyreqwest.exceptions import BuilderError, NetworkError, PyreqwestError
from pyreqwest.exceptions import (
    RequestTimeoutError as PyTimeoutError,
)
from pyreqwest.request import RequestBody

from lingate._call.policy import Timeout
from lingate._io.transport import USER_AGENT, ByteStream, lost, unbuilt, unreached
from lingate._model import Head, HttpRequest
from lingate.errors import LingateError, ProtocolError, RequestTimeoutError, StreamInterruptedError

if TYPE_CHECKING:
    from pyreqwest.http import HeaderMap

# Blocking waits that Ctrl-C gets through.

# pyreqwest waits in Rust, where Python cannot deliver a signal: Ctrl-C would take effect only when the provider sends something.
# So a wait of the main thread that is likely to be long (models take seconds) is handed to a thread of our own, and the
# main thread waits for that one, which signals do interrupt. It costs about 17 us, too much only where answers come
# within milliseconds, and there nobody has the time to press a key; so how long waits have lately been decides.

T = TypeVar("T")

_QUICK = 0.02
"""Waits shorter than this are not felt, seconds."""


class Interruptible:
    # Runs blocking calls, and learns how long they take.

    __slots__ = ("_jobs", "_main", "_usual")

    def __init__(self) -> None:
        self._usual = 1.0
        self._main = threading.main_thread().ident
        self._jobs: queue.SimpleQueue[Any] | None = None

    def run(self, call: Callable[[], T]) -> T:
        # The call's result.
        # Raises KeyboardInterrupt: A signal came in while waiting. The call goes on in its thread, and its result is dropped.
        if get_ident() != self._main:
            return call()
        began = monotonic()
        try:
            return call() if self._usual < _QUICK else self._wait(call)
        finally:
            took = monotonic() - began
            # One long wait is enough to expect another; only several short ones say otherwise.
            self._usual = took if took > self._usual else 0.5 * (self._usual + took)

    def _wait(self, call: Callable[[], T]) -> T:
        jobs = self._jobs
        if jobs is None:
            jobs = queue.SimpleQueue()
            threading.Thread(target=_work, args=(jobs,), name="lingate-wait", daemon=True).start()
            self._jobs = jobs  # not before: a signal may come in between, and nobody would work them off
        done: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        try:
            jobs.put((call, done))
            result, error = done.get()
        except BaseException:
            self.stop()
            raise
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def stop(self) -> None:
        # Let the thread end when its call has.
        jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.put(None)


def _work(jobs: queue.SimpleQueue[Any]) -> None:
    while (job := jobs.get()) is not None:
        call, done = job
        try:
            done.put((call(), None))
        except BaseException as error:  # handed on, whatever it is, to the thread that waits for it
            done.put((None, error))
        del job, call, done


IDLE_SECONDS = 60
"""Connections idle for longer are dropped by many load balancers without a word; reusing one fails."""

_runtime_pid = 0
"""Process in which pyreqwest's runtime was started; 0 before that."""


def usable() -> bool:
    # Whether pyreqwest works in this process: it does not in a child forked after its first use.
    return _runtime_pid in (0, os.getpid())


def _note_runtime() -> None:
    global _runtime_pid
    if not _runtime_pid:
        _runtime_pid = os.getpid()


def _configure(builder: Any, connect: float, read: float) -> Any:
    return (
        builder.user_agent(USER_AGENT)
        .connect_timeout(timedelta(seconds=connect))
        .read_timeout(timedelta(seconds=read))
        .pool_idle_timeout(timedelta(seconds=IDLE_SECONDS))
        .follow_redirects(False)
        .referer(False)
        .tcp_nodelay(True)
    )


def translate(error: PyreqwestError, request: HttpRequest) -> LingateError:
    # One of our errors for one of theirs. Their text can hold the URL with its query, so it is not copied.
    place = request.target.provider
    # Its own names say no more: a wait for an answer's head is a ConnectTimeoutError too.
    told = str(getattr(error, "details", None))
    connecting = "client error (Connect)" in told
    if isinstance(error, PyTimeoutError):
        return RequestTimeoutError(
            f"connecting to {place} took too long" if connecting else f"{place} did not answer in time"
        )
    if isinstance(error, BuilderError):
        return unbuilt(request)
    if "response body" in told:  # so there was a head
        return broken(error, request)
    return (unreached if connecting else lost)(request, _cause(error))


def _cause(error: PyreqwestError) -> str:
    causes = getattr(error, "details", None)
    found = (causes or {}).get("causes") or []
    return str(found[-1].get("message", "")) if found else type(error).__name__


def head(response: Any) -> Head:
    return Head(response.status, _Headers(response.headers))


class _Headers(Mapping[str, str]):
    # Response headers, read when asked for: most calls look at one or two of twenty.
    # A header that is not ASCII is taken as absent, because pyreqwest raises when it is read.

    __slots__ = ("_found",)

    def __init__(self, found: HeaderMap) -> None:
        self._found = found

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self._found.get(name, default)
        except ValueError:
            return default

    def __getitem__(self, name: str) -> str:
        try:
            return self._found[name]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return (name for name in dict.fromkeys(self._found) if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


_with_bytes = RequestBody.from_bytes

_Draft = tuple[Any, Callable[[Any, RequestBody], Any], Mapping[str, str]]
"""A request without its body, what copies it, and its headers: their id may be part of the key, so they must stay alive."""

_Limits = tuple[float, float]
"""Time-outs of a client: of connecting, and of a read."""

_USUAL = Timeout()


def limits_of(timeout: Timeout, total: float | None) -> _Limits:
    # What ends with the total anyway needs no client, and so no connection, of its own: callers that have less time left with
    # each call would connect anew for each.
    connect, read = timeout.connect, timeout.read
    if total is None:
        return connect, read
    usual, longest = _USUAL.connect, _USUAL.read
    return usual if connect >= total <= usual else connect, longest if read >= total <= longest else read


_MOST_CLIENTS = 16
_MOST_DRAFTS = 512


def remember(drafts: dict[tuple[Any, ...], T], key: tuple[Any, ...], request: HttpRequest, draft: T) -> T:
    # Keep what a request was drafted as for others like it, within bounds; gives it.
    if request.target.signer is None and not request.call.extra_headers:  # others are one call's alone
        if len(drafts) >= _MOST_DRAFTS:
            drafts.pop(next(iter(drafts)))
        drafts[key] = draft
    return draft


class Clients:
    # Clients by their connect and read time-outs, which pyreqwest sets per client.

    # Few in practice; bounded anyway.
    #
    # Calls to the same place differ in their body alone. So what is sent is a copy, with a body, of a draft that is kept:
    # it costs half of what writing address, headers and time-out anew does.

    __slots__ = ("_build", "_clients", "_drafts", "_lock")

    def __init__(self, build: Any) -> None:
        self._build = build
        self._clients: dict[_Limits, Any] = {}
        self._drafts: dict[tuple[Any, ...], _Draft] = {}
        self._lock = threading.Lock()

    def request(self, request: HttpRequest, timeout: Timeout, total: float | None = None, bounded: bool = False) -> Any:
        # What sends a request: it reads the whole answer within `total` seconds, or leaves the body to be read.
        # A `bounded` one does both: the body is to be read within that time.
        headers = request.headers
        same = id(headers) if headers is request.target.headers else tuple(headers.items())
        key = (request.method, request.url, same, timeout, total, bounded)
        draft, copy, _ = self._drafts.get(key) or self._draft(key, request, limits_of(timeout, total), total, bounded)
        return copy(draft, _with_bytes(request.body))

    def _draft(
        self, key: tuple[Any, ...], request: HttpRequest, limits: _Limits, total: float | None, bounded: bool
    ) -> _Draft:
        headers = request.headers
        with self._lock:  # so that no draft keeps a client that was dropped
            try:
                builder = self._client(limits).request(request.method, request.url).headers(headers)
            except ValueError as error:
                raise unbuilt(request, repr(error)) from None
            if total is None:
                built: Any = builder.streamed_read_buffer_limit(0).build_streamed()
            else:
                builder = builder.timeout(timedelta(seconds=total))
                built = builder.build_streamed() if bounded else builder.build()
            return remember(self._drafts, key, request, (built, built.from_request_and_body, headers))

    def _client(self, limits: _Limits) -> Any:
        found = self._clients.get(limits)
        if found is None:
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.pop(next(iter(self._clients)))
                self._drafts.clear()
            _note_runtime()
            found = self._clients[limits] = _configure(self._build(), *limits).build()
        return found

    def drop(self) -> None:
        # A client that nobody holds closes its connections. Its `close()` would break off the calls that are under way, and
        # each would be made, and paid for, again.
        with self._lock:
            self._clients.clear()
            self._drafts.clear()


class SyncPyreqwest:
    # Blocking `Transport` over pyreqwest; safe to share between threads.

    def __init__(self) -> None:
        self._clients = Clients(SyncClientBuilder)
        self._leftovers = _Leftovers()
        self._answers = Interruptible()
        self._pieces = Interruptible()

    def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        try:
            response = self._answers.run(self._clients.request(request, timeout, timeout.total).send)
            return head(response), bytes(response.bytes())
        except PyreqwestError as error:
            raise translate(error, request) from None

    def open(self, request: HttpRequest, timeout: Timeout) -> ByteStream:
        try:
            streamed = self._clients.request(request, timeout)
            response = self._answers.run(streamed.__enter__)
            return _SyncStream(streamed, response, request, self._leftovers, self._pieces)
        except PyreqwestError as error:
            raise translate(error, request) from None

    def close(self) -> None:
        self._leftovers.stop()
        self._answers.stop()
        self._pieces.stop()
        self._clients.drop()


class _SyncStream:
    __slots__ = ("_leftovers", "_pieces", "_read", "_reader", "_reading", "_request", "_streamed", "head")

    def __init__(
        self, streamed: Any, response: Any, request: HttpRequest, leftovers: _Leftovers, pieces: Interruptible
    ) -> None:
        self._streamed = streamed
        self._reader = response.body_reader
        self._read = self._reader.read_chunk
        self._reading = False
        self._request = request
        self._leftovers = leftovers
        self._pieces = pieces
        self.head = head(response)

    def read(self) -> bytes | None:
        self._reading = True
        try:
            piece = self._pieces.run(self._read)
        except PyreqwestError as error:
            raise broken(error, self._request) from None
        except BaseException:  # a signal; the read goes on in its thread
            self._streamed = None
            raise
        finally:
            self._reading = False
        return None if piece is None else bytes(piece)

    def finish(self) -> None:
        streamed, self._streamed = self._streamed, None
        if streamed is not None:
            self._leftovers.put(streamed, self._reader)

    def close(self) -> None:
        streamed, self._streamed = self._streamed, None
        # While another thread reads, closing would wait for what it reads; what is forgotten ends with that.
        if streamed is not None and not self._reading:
            streamed.__exit__(None, None, None)

    def __del__(self) -> None:
        # pyreqwest keeps reading a forgotten stream until its next bytes come.
        self.close()


class _Leftovers:
    # Reads the last bytes of streams whose terminal event has been seen, so that their connections can be kept.
    # A blocking read has no time-out of its own here, and a caller must not wait for an upstream that never ends its body;
    # so one daemon thread waits instead. When it falls behind, connections are closed.

    _MOST = 8

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[Any, Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def put(self, streamed: Any, reader: Any) -> None:
        if self._queue.qsize() >= self._MOST:
            streamed.__exit__(None, None, None)
            return
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="lingate-leftovers", daemon=True)
                    self._thread.start()
        self._queue.put((streamed, reader))

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            streamed, reader = item
            try:
                # Anything but the end of the body is not worth waiting for.
                reader.read_chunk()
            except PyreqwestError:
                pass
            finally:
                streamed.__exit__(None, None, None)
            del item, streamed, reader

    def stop(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread = None


def broken(error: PyreqwestError, request: HttpRequest) -> LingateError:
    if isinstance(error, PyTimeoutError):
        return RequestTimeoutError(f"{request.target.provider} sent nothing for too long")
    if "from connection" in str(getattr(error, "details", None)) or isinstance(error, NetworkError):
        return StreamInterruptedError(f"the connection to {request.target.provider} broke in mid-answer")
    return ProtocolError(f"{request.target.provider} sent a body that is not encoded as it says: {_cause(error)}")
