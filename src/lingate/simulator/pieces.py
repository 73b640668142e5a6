"""A whole answer as the stream a model would send it in: token by token."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from lingate._dialects._replay import replay
from lingate._model import Event, Extra, JsonDict, Start, Text, Thinking, ToolArgs, ToolStart, Usage
from lingate.simulator.tokens import count, split


def token_events(response: JsonDict, start: JsonDict | None = None) -> Iterator[tuple[Event, int]]:
    """The events of a canonical chat response, each with its completion tokens; several choices take turns.

    `start` is the raw form of the first event, for formats that say more in it than the canonical one does.
    """
    queues: dict[int, deque[tuple[Event, int]]] = {}
    tail: list[Event] = []
    for event in replay(response):
        if isinstance(event, Start):
            yield replace(event, extra=None, raw=start), 0
            # How an answer ended is known at its end.
            tail += [Extra(event.extra)] if event.extra else []
        elif isinstance(event, Usage):
            tail.append(event)
        else:
            queues.setdefault(getattr(event, "choice", 0) or 0, deque()).extend(_pieces(event))
    while queues:
        for index in list(queues):
            yield queues[index].popleft()
            if not queues[index]:
                del queues[index]
    for event in tail:
        yield event, 0


def _pieces(event: Event) -> Iterator[tuple[Event, int]]:
    match event:
        case Text(text, choice):
            logprobs = event.logprobs
            for at, token in enumerate(split(text)):
                yield Text(token, choice, logprobs=_slice(logprobs, at) if logprobs else None), 1
        case Thinking(text, choice, block) if text:
            for token in split(text):
                yield Thinking(token, choice, block), 1
        case ToolArgs(tool, text, choice):
            for token in split(text):
                yield ToolArgs(tool, token, choice), 1
        case ToolStart():
            yield event, count(event.name)
        case _:
            yield event, 0


def _slice(logprobs: JsonDict, at: int) -> JsonDict:
    return {key: value[at : at + 1] if isinstance(value, list) else value for key, value in logprobs.items()}
