# Streams as users hold them, whatever they are streams of: iterate over the pieces, or ask for the whole.

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any, Generic, Self, TypeVar

from lingate._call.stream import StreamState
from lingate._io import aio, sync
from lingate._io.transport import AsyncByteStream, ByteStream
from lingate._model import Attempt, Event
from lingate._views import Usage
from lingate.errors import LingateError, StreamInterruptedError

P = TypeVar("P")
R = TypeVar("R")


class Shape(ABC, Generic[P, R]):
    """What the pieces and the whole of a stream look like, and how far the stream was read."""

    # taken: Someone reads it, has read it, or has closed it: nobody else may begin.

    taken = closed = ended = False

    @abstractmethod
    def pieces(self, events: list[Event]) -> list[P]:
        """What the user sees of these events."""

    @abstractmethod
    def last(self) -> list[P]:
        """What is left to be told once the stream is whole."""

    @abstractmethod
    def response(self, state: StreamState) -> R:
        """Everything that has arrived, as a response."""


class _Base(Generic[P, R]):
    # What both colours know: the state, and what its events look like.
    # What runs through the stream knows these two and not the stream: if each held the other, a forgotten stream would keep
    # its connection until the garbage collector comes by.

    __slots__ = ("_iterator", "_shape", "_state", "_stream")
    _kind: Callable[..., Shape[P, R]]

    def __init__(self, state: StreamState, stream: Any, *asked: Any) -> None:
        # `asked`: what its kind of shape is made of.
        self._state = state
        self._stream = stream
        self._shape = self._kind(*asked)
        self._iterator: Any = None

    @property
    def provider(self) -> str:
        """Name of the provider that answers."""
        return self._state.sent.target.provider

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The trail of tries, the last being this stream."""
        return self._state.attempts

    @property
    def dropped(self) -> tuple[str, ...]:
        """Parameters that did not reach the provider, in words."""
        return tuple(self._state.sent.dropped)

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} can be neither copied nor pickled; its final() can")

    def _whole(self) -> R:
        state, shape = self._state, self._shape
        if state.error is not None:
            raise _seen(state.error, state, shape)
        if not shape.ended:
            raise _unfinished(state, shape, "was closed before its end")
        return shape.response(state)


class Counted:
    """Streams of chunks, whose token counts are the usual ones."""

    __slots__ = ()
    _state: StreamState

    @property
    def usage(self) -> Usage | None:
        """Token counts, as soon as the provider has sent them."""
        found = self._state.collector.usage
        return Usage(found) if found else None


def _unfinished(state: StreamState, shape: Shape[Any, Any], why: str) -> StreamInterruptedError:
    error = StreamInterruptedError(f"the stream {why}", provider=state.sent.target.provider)
    error.partial = shape.response(state)
    return error


def _check_end(state: StreamState, shape: Shape[Any, Any]) -> None:
    # A stream that was left is not taken for a whole one.
    if not (shape.ended or shape.closed or state.error):
        raise _unfinished(state, shape, "was left before its end, or somebody else reads it")


def _seen(error: LingateError, state: StreamState, shape: Shape[Any, Any]) -> LingateError:
    # The error as the user sees it: what had arrived is a response like any other, not a dict.
    if isinstance(error.partial, dict):
        error.partial = shape.response(state)
    return error


def _pieces(state: StreamState, stream: ByteStream, shape: Shape[P, R]) -> Iterator[P]:
    if shape.taken:
        _check_end(state, shape)
        return
    shape.taken = True
    arrivals = sync.events(state, stream)
    try:
        for events in arrivals:
            yield from shape.pieces(events)
            if shape.closed:
                return
        yield from shape.last()
    except LingateError as error:
        raise _seen(error, state, shape) from None
    finally:
        arrivals.close()
    shape.ended = True


async def _apieces(state: StreamState, stream: AsyncByteStream, shape: Shape[P, R]) -> AsyncGenerator[P, None]:
    if shape.taken:
        _check_end(state, shape)
        return
    shape.taken = True
    arrivals = aio.events(state, stream)
    try:
        async for events in arrivals:
            for piece in shape.pieces(events):
                yield piece
            if shape.closed:
                return
        for piece in shape.last():
            yield piece
    except LingateError as error:
        raise _seen(error, state, shape) from None
    finally:
        await arrivals.aclose()
    shape.ended = True


class Streamed(_Base[P, R]):
    """A stream for `for`. Leaving the loop lets the upstream go."""

    __slots__ = ()
    _stream: ByteStream
    _iterator: Iterator[P] | None

    def __iter__(self) -> Iterator[P]:
        # Not kept: when a `for` loop is left, its iterator goes, and with it the connection.
        return self._iterator if self._iterator is not None else _pieces(self._state, self._stream, self._shape)

    def __next__(self) -> P:
        if self._iterator is None:
            self._iterator = _pieces(self._state, self._stream, self._shape)
        try:
            return next(self._iterator)
        except StopIteration:
            _check_end(self._state, self._shape)
            raise

    def final(self) -> R:
        """The whole response; reads what has not been read yet.

        Raises:
            StreamInterruptedError: The stream broke, or was left before its end.
        """
        for _ in self:
            pass
        return self._whole()

    def close(self) -> None:
        """Let the upstream go."""
        self._shape.taken = self._shape.closed = True
        self._iterator = None
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class AsyncStreamed(_Base[P, R]):
    """A stream for `async for`. Leaving the loop, or being cancelled in it, lets the upstream go."""

    __slots__ = ()
    _stream: AsyncByteStream
    _iterator: AsyncIterator[P] | None

    def __aiter__(self) -> AsyncIterator[P]:
        return self._iterator if self._iterator is not None else _apieces(self._state, self._stream, self._shape)

    async def __anext__(self) -> P:
        if self._iterator is None:
            self._iterator = _apieces(self._state, self._stream, self._shape)
        try:
            return await anext(self._iterator)
        except StopAsyncIteration:
            _check_end(self._state, self._shape)
            raise

    async def final(self) -> R:
        """The whole response; reads what has not been read yet.

        Raises:
            StreamInterruptedError: The stream broke, or was left before its end.
        """
        async for _ in self:
            pass
        return self._whole()

    async def aclose(self) -> None:
        """Let the upstream go."""
        self._shape.taken = self._shape.closed = True
        self._iterator = None
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.aclose()
