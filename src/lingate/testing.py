"""Stand-ins for an application's own tests: a transport that answers from a script and remembers what was sent.

    transport = FakeTransport(Reply({"choices": [...]}), Reply(status=429, headers={"retry-after": "1"}))
    client = lingate.Lingate(transport=transport, env={"OPENAI_API_KEY": "test"})

The last answer is given to all further calls. For a whole provider over real HTTP, see `lingate.simulator`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingate._call.policy import Timeout
from lingate._model import Head, HttpRequest
from lingate._wire.json import decode, encode
from lingate._wire.multipart import boundary_of, parse, unflatten
from lingate.errors import LingateError

__all__ = ["AsyncFakeTransport", "FakeTransport", "Reply", "Streamed"]


@dataclass(slots=True)
class Reply:
    """A whole answer: `body` is bytes as they are, or anything else as JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Streamed:
    """An answer in pieces. After the pieces comes the end of the body, or `error` if one is given."""

    pieces: tuple[bytes, ...] | list[bytes]
    error: LingateError | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})


class _Script:
    """The script and the memory that both colours share.

    Attributes:
        requests: What was sent, oldest first.
        closed: How many streamed answers were let go before their end.
    """

    def __init__(self, *answers: Reply | Streamed | LingateError) -> None:
        self._answers = list(answers)
        self._lock = threading.Lock()
        self.requests: list[HttpRequest] = []
        self.closed = 0

    @property
    def bodies(self) -> list[Any]:
        """The bodies that were sent, decoded: JSON, or of a form its fields, with `Upload`s (name, data) for files."""
        return list(map(_decoded, self.requests))

    def _next(self, request: HttpRequest) -> Reply | Streamed:
        with self._lock:
            self.requests.append(request)
            if not self._answers:
                raise AssertionError(f"the script has no answer to request {len(self.requests)}")
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, LingateError):
            raise answer
        return answer

    def _whole(self, request: HttpRequest) -> tuple[Head, bytes]:
        answer = self._next(request)
        if isinstance(answer, Streamed):
            if answer.error is not None:
                raise answer.error
            return _head(answer), b"".join(answer.pieces)
        return _head(answer), _bytes(answer.body)

    def _pieces(self, request: HttpRequest) -> tuple[Head, list[bytes], LingateError | None]:
        answer = self._next(request)
        if isinstance(answer, Streamed):
            return _head(answer), list(answer.pieces), answer.error
        return _head(answer), [_bytes(answer.body)], None


def _decoded(request: HttpRequest) -> Any:
    kind = next((value for name, value in request.headers.items() if name.lower() == "content-type"), None)
    boundary = boundary_of(kind, request.body)
    return decode(request.body) if boundary is None else unflatten(parse(request.body, boundary))


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else encode(body)


def _head(answer: Reply | Streamed) -> Head:
    usual = {"content-type": "application/json"} if isinstance(answer, Reply) else {}
    return Head(answer.status, {**usual, **{name.lower(): value for name, value in answer.headers.items()}})


class FakeTransport(_Script):
    """A blocking transport that answers from a script; safe to share between threads."""

    def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        """The next answer, whole."""
        return self._whole(request)

    def open(self, request: HttpRequest, timeout: Timeout) -> _FakeStream:
        """The next answer, in its pieces."""
        return _FakeStream(self, *self._pieces(request))

    def close(self) -> None:
        """Nothing to close."""


class AsyncFakeTransport(_Script):
    """`FakeTransport`, awaited."""

    async def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        """The next answer, whole."""
        return self._whole(request)

    async def open(self, request: HttpRequest, timeout: Timeout) -> _AsyncFakeStream:
        """The next answer, in its pieces."""
        return _AsyncFakeStream(_FakeStream(self, *self._pieces(request)))

    async def aclose(self) -> None:
        """Nothing to close."""


class _FakeStream:
    def __init__(self, script: _Script, head: Head, pieces: list[bytes], error: LingateError | None) -> None:
        self.head = head
        self._script = script
        self._pieces = pieces
        self._error = error
        self._open = True

    def read(self) -> bytes | None:
        if self._pieces:
            return self._pieces.pop(0)
        if self._error is not None:
            raise self._error
        return None

    def finish(self) -> None:
        self._open = False

    def close(self) -> None:
        if self._open:
            self._open = False
            if self._pieces:
                self._script.closed += 1


class _AsyncFakeStream:
    def __init__(self, stream: _FakeStream) -> None:
        self._stream = stream
        self.head = stream.head

    async def read(self, limit: float | None = None) -> bytes | None:
        return self._stream.read()

    async def finish(self) -> None:
        self._stream.finish()

    async def aclose(self) -> None:
        self._stream.close()
