# Streams of completions as users hold them: iterate over chunks, or ask for the whole.

from __future__ import annotations

from lingate._call.collect import answer_to
from lingate._call.stream import StreamState
from lingate._dialects.openai_chat.completion_chunks import CompletionChunkBuilder
from lingate._io.streaming import AsyncStreamed, Counted, Shape, Streamed
from lingate._model import Event
from lingate._views_media import CompletionChunk, CompletionResponse


class _Completion(Shape[CompletionChunk, CompletionResponse]):
    __slots__ = ("_builder",)

    def __init__(self, include_usage: bool) -> None:
        self._builder = CompletionChunkBuilder(include_usage=include_usage)

    def pieces(self, events: list[Event]) -> list[CompletionChunk]:
        chunks: list[CompletionChunk] = []
        for event in events:
            data = self._builder.chunk(event)
            if data is not None:
                chunks.append(CompletionChunk(data, getattr(event, "raw", None)))
        return chunks

    def last(self) -> list[CompletionChunk]:
        data = self._builder.end()
        return [] if data is None else [CompletionChunk(data)]

    def response(self, state: StreamState) -> CompletionResponse:
        target, dropped = state.sent.target, tuple(state.sent.dropped)
        data = answer_to(state.sent.call, state.collector)
        return CompletionResponse(data, None, target.provider, target.model, state.attempts, dropped)


class CompletionStream(Counted, Streamed[CompletionChunk, CompletionResponse]):
    """A completion that is still arriving. Iterate over it once; leaving the loop lets the upstream go at once.

    Raises (while iterating):
        StreamInterruptedError: The stream ended before it was complete; `.partial` is the response so far.
        UpstreamError: The provider reported an error in mid-stream.
    """

    __slots__ = ()
    _kind = _Completion


class AsyncCompletionStream(Counted, AsyncStreamed[CompletionChunk, CompletionResponse]):
    """`CompletionStream` for `async for`. Leaving the loop, or being cancelled in it, lets the upstream go."""

    __slots__ = ()
    _kind = _Completion
