"""Streams as users hold them, whatever they are streams of: iterate over the pieces, or ask for the whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any, Generic, Self, TypeVar

from lingate._call.stream import StreamState
from lingate._io import aio, sync
from lingate._io.transport import AsyncByteStream, ByteStream
from lingate._model import Attempt, Event
from lingate.errors import LingateError, StreamInterruptedError

P = TypeVar("P")
R = TypeVar("R")


class Shape(ABC, Generic[P, R]):
    """What the pieces and the whole of a stream look like."""

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
    """What both colours know: the state, and what its events look like."""

    __slots__ = ("_shape", "_state")

    def __init__(self, state: StreamState, shape: Shape[P, R]) -> None:
        self._state = state
        self._shape = shape

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

    def _fail(self, error: LingateError) -> LingateError:
        """The error as the user sees it: what had arrived is a response like any other, not a dict."""
        if isinstance(error, StreamInterruptedError) and isinstance(error.partial, dict):
            error.partial = self._shape.response(self._state)
        return error

    def _whole(self, ended: bool) -> R:
        state = self._state
        if state.error is not None:
            raise self._fail(state.error)
        if not ended:
            error = StreamInterruptedError("the stream was closed before its end", provider=self.provider)
            error.partial = self._shape.response(state)
            raise error
        return self._shape.response(state)


class Streamed(_Base[P, R]):
    """A stream for `for`. Leaving the loop lets the upstream go."""

    __slots__ = ("_closed", "_ended", "_iterator", "_stream")

    def __init__(self, state: StreamState, stream: ByteStream, shape: Shape[P, R]) -> None:
        super().__init__(state, shape)
        self._stream = stream
        self._ended = False
        self._closed = False
        self._iterator: Iterator[P] | None = None

    def __iter__(self) -> Iterator[P]:
        # Not kept: when a `for` loop is left, its iterator goes, and with it the connection.
        return self._iterator if self._iterator is not None else self._run()

    def __next__(self) -> P:
        if self._iterator is None:
            self._iterator = self._run()
        return next(self._iterator)

    def _run(self) -> Iterator[P]:
        if self._ended or self._closed:
            return
        self._closed = True
        arrivals = sync.events(self._state, self._stream)
        try:
            for events in arrivals:
                yield from self._shape.pieces(events)
            yield from self._shape.last()
        except LingateError as error:
            raise self._fail(error) from None
        finally:
            arrivals.close()
        self._ended = True

    def final(self) -> R:
        """The whole response; reads what has not been read yet.

        Raises:
            StreamInterruptedError: The stream broke, or was left before its end.
        """
        for _ in self:
            pass
        return self._whole(self._ended)

    def close(self) -> None:
        """Let the upstream go."""
        self._closed = True
        self._iterator = None
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class AsyncStreamed(_Base[P, R]):
    """A stream for `async for`. Leaving the loop, or being cancelled in it, lets the upstream go."""

    __slots__ = ("_closed", "_ended", "_iterator", "_stream")

    def __init__(self, state: StreamState, stream: AsyncByteStream, shape: Shape[P, R]) -> None:
        super().__init__(state, shape)
        self._stream = stream
        self._ended = False
        self._closed = False
        self._iterator: AsyncIterator[P] | None = None

    def __aiter__(self) -> AsyncIterator[P]:
        return self._iterator if self._iterator is not None else self._run()

    async def __anext__(self) -> P:
        if self._iterator is None:
            self._iterator = self._run()
        return await anext(self._iterator)

    async def _run(self) -> AsyncGenerator[P, None]:
        if self._ended or self._closed:
            return
        self._closed = True
        arrivals = aio.events(self._state, self._stream)
        try:
            async for events in arrivals:
                for piece in self._shape.pieces(events):
                    yield piece
            for piece in self._shape.last():
                yield piece
        except LingateError as error:
            raise self._fail(error) from None
        finally:
            await arrivals.aclose()
        self._ended = True

    async def final(self) -> R:
        """The whole response; reads what has not been read yet.

        Raises:
            StreamInterruptedError: The stream broke, or was left before its end.
        """
        async for _ in self:
            pass
        return self._whole(self._ended)

    async def aclose(self) -> None:
        """Let the upstream go."""
        self._closed = True
        self._iterator = None
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.aclose()
