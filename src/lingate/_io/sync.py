# Performs a plan's steps, blocking. `aio.py` is this with `await`; neither decides anything.

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TypeVar

from lingate._call.plan import Answer, Close, Open, Opened, Read, Send, Sign, Step
from lingate._call.stream import StreamState
from lingate._io.transport import ByteStream, Transport, carrier
from lingate._model import Event
from lingate.errors import LingateError

T = TypeVar("T")


def perform(plan: Generator[Step, Answer, T], transport: Transport) -> T:
    answer: Answer = None
    opened: ByteStream | None = None
    try:
        while True:
            step = plan.send(answer)
            kind = type(step)
            try:
                if kind is Send:
                    answer = carrier(step.request, transport).send(step.request, step.timeout)  # type: ignore[union-attr]
                elif kind is Read:
                    answer = step.stream.read()  # type: ignore[union-attr]
                elif kind is Open:
                    opened = carrier(step.request, transport).open(step.request, step.timeout)  # type: ignore[union-attr]
                    answer = Opened(opened.head, opened)
                elif kind is Close:
                    step.stream.close()  # type: ignore[union-attr]
                    answer = opened = None
                elif kind is Sign:
                    from lingate._io.signing import sign

                    answer = sign(step.request, step.limit, transport)  # type: ignore[union-attr,arg-type]
                else:
                    time.sleep(step.seconds)  # type: ignore[union-attr]
                    answer = None
            except LingateError as error:
                answer = error
    except StopIteration as done:
        opened = None  # it goes on in the caller's hands
        return done.value  # type: ignore[no-any-return]
    finally:
        if opened is not None:
            opened.close()


def events(state: StreamState, stream: ByteStream) -> Generator[list[Event], None, None]:
    # The stream's events, as many at a time as arrived together; the connection is let go however this ends.
    try:
        ready = state.begin()
        while True:
            if ready:
                yield ready
            if state.done:
                if state.whole:
                    stream.finish()
                break
            try:
                data = stream.read()
            except LingateError as error:
                state.broken(error)
                break
            ready = state.end() if data is None else state.feed(data)
    finally:
        stream.close()
    if state.error is not None:
        raise state.error
