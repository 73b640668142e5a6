# What a stream has become after its first event was handed over: pure state that the sync and async shells feed.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lingate._call.collect import Collector
from lingate._call.plan import Streaming, interrupted
from lingate._model import Attempt, Call, Event, Extra, Failed, Finish, HttpRequest, JsonDict, Text, ToolStart
from lingate.errors import LingateError, StreamInterruptedError


class StreamState:
    # Turns bytes into the events the caller sees, and knows how the stream ended.

    # done: The stream is whole (or was cut by the caller's own stop sequence); nothing is left to read.
    # error: Why it is not, to be raised after the events before it.

    __slots__ = ("_decoder", "_ready", "_stops", "attempts", "collector", "done", "error", "sent")

    def __init__(self, opened: Streaming, attempts: Sequence[Attempt]) -> None:
        self.sent: HttpRequest = opened.sent
        self.attempts = tuple(attempts)
        self.collector = Collector()
        self.done = False
        self.error: LingateError | None = None
        self._decoder = opened.decoder
        self._stops = StopFilter(opened.sent.stop, _is_alone(opened.sent.call)) if opened.sent.stop else None
        self._ready = opened.events

    @property
    def whole(self) -> bool:
        # The upstream's own terminal event has been seen, so its body is about to end.
        return self._decoder.done and self.error is None

    def begin(self) -> list[Event]:
        # The events that had arrived when the stream was opened; once.
        ready, self._ready = self._ready, []
        return self._take(ready)

    def feed(self, data: bytes) -> list[Event]:
        return self._take(self._decoder.feed(data))

    def end(self) -> list[Event]:
        # The bytes have ended, in good order as far as the transport knows.
        events = self._take(self._decoder.finish())
        if not self.done and self.error is None:
            self._fail(StreamInterruptedError("the stream ended before it was complete"))
        return events

    def broken(self, error: LingateError) -> None:
        # The transport failed.
        # A stream whose terminal event has been seen is whole all the same.
        if not self.done:
            self._fail(interrupted(error))

    def _take(self, events: list[Event]) -> list[Event]:
        if self._stops is not None:
            events = self._stops.filter(events)
            if self._stops.stopped:
                self.done = True
        add = self.collector.add
        for event in events:
            if type(event) is Failed:
                self._fail(event.error)
                return events[: events.index(event)]
            add(event)
        if self._decoder.done:
            self.done = True
        return events

    def _fail(self, error: LingateError) -> None:
        target = self.sent.target
        error.provider = error.provider or target.provider
        error.model = error.model or target.model
        error.attempts = error.attempts or self.attempts
        error.partial = self.collector.response()
        self.error = error
        self.done = True


def _is_alone(call: Call) -> bool:
    # Whether the answer has one choice.
    asked = {**call.body, **(call.extra_body or {})}
    return asked.get("n") in (None, 1) and not isinstance(asked.get("prompt"), list)


class StopFilter:
    # Enforces stop sequences that the wire had no room for, over text that arrives in pieces.

    # Text that could be the beginning of a stop sequence is held back until it is decided.
    # stopped: There is one choice, `alone`, and it is cut: nothing else is to come that the caller wants.

    __slots__ = ("_alone", "_cut", "_held", "_longest", "_stops", "stopped")

    def __init__(self, stops: Sequence[str], alone: bool = True) -> None:
        self._alone = alone
        self._stops = tuple(filter(None, stops))
        self._longest = max(map(len, self._stops), default=0)
        self._held: dict[int, str] = {}
        self._cut: set[int] = set()
        self.stopped = False

    def filter(self, events: list[Event]) -> list[Event]:
        # The events as they would be, had the provider known every stop sequence.
        kept: list[Event] = []
        for event in events:
            choice = getattr(event, "choice", None)
            if type(event) is Text:
                if event.choice not in self._cut:
                    self._text(event, kept)
            elif choice is None:
                kept.append(event)
            elif choice not in self._cut:
                if type(event) is Finish or type(event) is ToolStart:
                    self._flush(choice, kept)
                kept.append(event)
        return kept

    def _text(self, event: Text, kept: list[Event]) -> None:
        text = self._held.pop(event.choice, "") + event.text
        at, by = first_stop(text, self._stops)
        if by:
            if at:
                kept.append(Text(text[:at], event.choice, event.raw, event.logprobs))
            kept.append(Extra({"stop_reason": by}, event.choice, event.raw, on_choice=True))
            kept.append(Finish("stop", event.choice, "stop_sequence", event.raw))
            self._cut.add(event.choice)
            self.stopped = self._alone
            return
        hold = self._overlap(text)
        if hold:
            self._held[event.choice] = text[-hold:]
            text = text[:-hold]
        if text:
            kept.append(Text(text, event.choice, event.raw, event.logprobs))

    def _overlap(self, text: str) -> int:
        # Length of the longest tail of the text that begins a stop sequence.
        for size in range(min(len(text), self._longest - 1), 0, -1):
            tail = text[-size:]
            if any(stop.startswith(tail) for stop in self._stops):
                return size
        return 0

    def _flush(self, choice: int, kept: list[Event]) -> None:
        held = self._held.pop(choice, "")
        if held:
            kept.append(Text(held, choice))


def first_stop(text: str, stops: Sequence[str]) -> tuple[int, str]:
    # Where the stop sequence begins that is complete first, and which it is; "" if there is none.
    # The first to be complete is the one a provider that generates token by token would have seen, whatever the chunking.
    found = [(at + len(stop), at, stop) for stop in stops if (at := text.find(stop)) >= 0]
    return min(found)[1:] if found else (0, "")


_CUT = {"finish_reason": "stop", "native_finish_reason": "stop_sequence"}


def cut_at_stops(data: JsonDict, stops: Sequence[str]) -> JsonDict:
    # A whole response as it would be, had the provider known every stop sequence.
    # The argument is left as it is.
    if not stops:
        return data
    choices: list[Any] = []
    for choice in data.get("choices") or ():
        message = choice.get("message") or {}
        content: str = message.get("content") or choice.get("text") or ""
        at, by = first_stop(content, stops)
        if by and "text" in choice:
            choice = {**choice, "text": content[:at], **_CUT, "stop_reason": by}
        elif by:
            # Text before a tool call may hold a stop sequence: then the call would never have been made.
            kept = {key: value for key, value in message.items() if key != "tool_calls"}
            choice = {**choice, "message": {**kept, "content": content[:at]}, **_CUT, "stop_reason": by}
        choices.append(choice)
    return {**data, "choices": choices}
