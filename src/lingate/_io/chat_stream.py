# Chat streams as users hold them: iterate over chunks, or ask for the whole.

from __future__ import annotations

from lingate._call.stream import StreamState
from lingate._dialects._chunks import ChunkBuilder
from lingate._io.streaming import AsyncStreamed, Counted, Shape, Streamed
from lingate._model import Event
from lingate._views import ChatChunk, ChatResponse


class _Chat(Shape[ChatChunk, ChatResponse]):
    __slots__ = ("_builder", "_format", "_include_usage")

    def __init__(self, include_usage: bool, format_class: type | None) -> None:
        self._builder = ChunkBuilder(include_usage=include_usage)
        self._format = format_class
        self._include_usage = include_usage

    def pieces(self, events: list[Event]) -> list[ChatChunk]:
        build = self._builder.chunk
        chunks: list[ChatChunk] = []
        for event in events:
            data = build(event)
            if data is not None:
                chunks.append(ChatChunk(data, event.raw))  # type: ignore[union-attr] # `Failed` has no chunk
        return chunks

    def last(self) -> list[ChatChunk]:
        # A chunk without choices is only for those who asked for usage and so expect one.
        data = self._builder.end() if self._include_usage else None
        return [] if data is None else [ChatChunk(data)]

    def response(self, state: StreamState) -> ChatResponse:
        target, dropped = state.sent.target, tuple(state.sent.dropped)
        data = state.collector.response()
        return ChatResponse(
            data, None, target.provider, target.model, state.attempts, dropped, format_class=self._format
        )


class ChatStream(Counted, Streamed[ChatChunk, ChatResponse]):
    """A chat answer that is still arriving. Iterate over it once; leaving the loop lets the upstream go at once.

    Raises (while iterating):
        StreamInterruptedError: The stream ended before it was complete; `.partial` is the response so far.
        UpstreamError: The provider reported an error in mid-stream.
    """

    __slots__ = ()
    _kind = _Chat


class AsyncChatStream(Counted, AsyncStreamed[ChatChunk, ChatResponse]):
    """`ChatStream` for `async for`. Leaving the loop, or being cancelled in it, lets the upstream go."""

    __slots__ = ()
    _kind = _Chat
