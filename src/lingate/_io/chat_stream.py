"""Chat streams as users hold them: iterate over chunks, or ask for the whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any, Self

from lingate._call.stream import StreamState
from lingate._dialects.openai_chat.chunks import ChunkBuilder
from lingate._io import aio, sync
from lingate._io.transport import AsyncByteStream, ByteStream
from lingate._model import Attempt, Event
from lingate._views import ChatChunk, ChatResponse, Usage
from lingate.errors import LingateError, StreamInterruptedError


class _Base:
    """What both colours know: the state, and how events become chunks."""

    __slots__ = ("_builder", "_format", "_state")

    def __init__(self, state: StreamState, include_usage: bool, format_class: type | None) -> None:
        self._state = state
        self._builder = ChunkBuilder(include_usage=include_usage)
        self._format = format_class

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

    @property
    def usage(self) -> Usage | None:
        """Token counts, as soon as the provider has sent them."""
        found = self._state.collector.usage
        return Usage(found) if found else None

    def _chunks(self, events: list[Event]) -> list[ChatChunk]:
        build = self._builder.chunk
        chunks: list[ChatChunk] = []
        for event in events:
            data = build(event)
            if data is not None:
                chunks.append(ChatChunk(data, getattr(event, "raw", None)))
        return chunks

    def _response(self) -> ChatResponse:
        state = self._state
        target = state.sent.target
        data = state.collector.response()
        return ChatResponse(
            data, None, target.provider, target.model, state.attempts, self.dropped, format_class=self._format
        )

    def _fail(self, error: LingateError) -> LingateError:
        """The error as the user sees it: what had arrived is a response like any other, not a dict."""
        if isinstance(error, StreamInterruptedError) and isinstance(error.partial, dict):
            error.partial = self._response()
        return error

    def _whole(self, ended: bool) -> ChatResponse:
        state = self._state
        if state.error is not None:
            raise self._fail(state.error)
        if not ended:
            error = StreamInterruptedError("the stream was closed before its end", provider=self.provider)
            error.partial = self._response()
            raise error
        return self._response()


class ChatStream(_Base):
    """A chat answer that is still arriving. Iterate over it once; leaving the loop lets the upstream go at once.

    Raises (while iterating):
        StreamInterruptedError: The stream ended before it was complete; `.partial` is the response so far.
        UpstreamError: The provider reported an error in mid-stream.
    """

    __slots__ = ("_closed", "_ended", "_iterator", "_stream")

    def __init__(self, state: StreamState, stream: ByteStream, include_usage: bool, format_class: type | None) -> None:
        super().__init__(state, include_usage, format_class)
        self._stream = stream
        self._ended = False
        self._closed = False
        self._iterator: Iterator[ChatChunk] | None = None

    def __iter__(self) -> Iterator[ChatChunk]:
        # Not kept: when a `for` loop is left, its iterator goes, and with it the connection.
        return self._iterator if self._iterator is not None else self._run()

    def __next__(self) -> ChatChunk:
        if self._iterator is None:
            self._iterator = self._run()
        return next(self._iterator)

    def _run(self) -> Iterator[ChatChunk]:
        if self._ended or self._closed:
            return
        self._closed = True
        pieces = sync.events(self._state, self._stream)
        try:
            for events in pieces:
                yield from self._chunks(events)
        except LingateError as error:
            raise self._fail(error) from None
        finally:
            pieces.close()
        self._ended = True

    def final(self) -> ChatResponse:
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


class AsyncChatStream(_Base):
    """`ChatStream` for `async for`. Leaving the loop, or being cancelled in it, lets the upstream go."""

    __slots__ = ("_closed", "_ended", "_iterator", "_stream")

    def __init__(
        self, state: StreamState, stream: AsyncByteStream, include_usage: bool, format_class: type | None
    ) -> None:
        super().__init__(state, include_usage, format_class)
        self._stream = stream
        self._ended = False
        self._closed = False
        self._iterator: AsyncIterator[ChatChunk] | None = None

    def __aiter__(self) -> AsyncIterator[ChatChunk]:
        return self._iterator if self._iterator is not None else self._run()

    async def __anext__(self) -> ChatChunk:
        if self._iterator is None:
            self._iterator = self._run()
        return await anext(self._iterator)

    async def _run(self) -> AsyncGenerator[ChatChunk, None]:
        if self._ended or self._closed:
            return
        self._closed = True
        pieces = aio.events(self._state, self._stream)
        try:
            async for events in pieces:
                for chunk in self._chunks(events):
                    yield chunk
        except LingateError as error:
            raise self._fail(error) from None
        finally:
            await pieces.aclose()
        self._ended = True

    async def final(self) -> ChatResponse:
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
