# Streams of the Responses API as users hold them: iterate over its events, or ask for the whole.

from __future__ import annotations

from lingate._call.stream import StreamState
from lingate._dialects.openai_responses.face_response import response_object, with_echo
from lingate._dialects.openai_responses.face_stream import EventBuilder
from lingate._io.streaming import AsyncStreamed, Shape, Streamed
from lingate._model import Call, Event, JsonDict
from lingate._views_responses import ResponseEvent, ResponsesResponse


class _Responses(Shape[ResponseEvent, ResponsesResponse]):
    __slots__ = ("_builder", "_final")

    def __init__(self, call: Call) -> None:
        self._builder = EventBuilder(call)
        self._final: JsonDict | None = None

    def pieces(self, events: list[Event]) -> list[ResponseEvent]:
        return [ResponseEvent(data) for event in events for data in self._builder.events(event)]

    def last(self) -> list[ResponseEvent]:
        events = self._builder.end()
        self._final = events[-1]["response"]
        return list(map(ResponseEvent, events))

    def response(self, state: StreamState) -> ResponsesResponse:
        sent = state.sent
        target, dropped = sent.target, tuple(sent.dropped)
        data = self._final
        if data is None:
            data = response_object(with_echo(state.collector.response(), sent.call))
        elif not data.get("output"):  # some servers leave out of their last event what they have told
            output = response_object(state.collector.response())["output"]
            data = {**data, "output": output if any(item.get("content", True) for item in output) else []}
        return ResponsesResponse(data, None, target.provider, target.model, state.attempts, dropped)


class ResponsesStream(Streamed[ResponseEvent, ResponsesResponse]):
    """An answer of the Responses API that is still arriving. Iterate over its events once.

    Raises (while iterating):
        StreamInterruptedError: The stream ended before it was complete; `.partial` is the response so far.
        UpstreamError: The provider reported an error in mid-stream.
    """

    __slots__ = ()
    _kind = _Responses


class AsyncResponsesStream(AsyncStreamed[ResponseEvent, ResponsesResponse]):
    """`ResponsesStream` for `async for`. Leaving the loop, or being cancelled in it, lets the upstream go."""

    __slots__ = ()
    _kind = _Responses
