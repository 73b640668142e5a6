# Performs a plan's steps on an event loop.

# `sync.py` is this without `await`; neither decides anything.
#
# asyncio is imported when it is first needed: it is slow to import, and blocking clients share this module's importers.

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TypeVar

from lingate._call.plan import Answer, Close, Open, Opened, Read, Send, Sign, Step
from lingate._call.stream import StreamState
from lingate._io.transport import AsyncByteStream, AsyncTransport, async_carrier, untied
from lingate._model import Event
from lingate.errors import LingateError

T = TypeVar("T")


async def perform(plan: Generator[Step, Answer, T], transport: AsyncTransport) -> T:
    answer: Answer = None
    opened: AsyncByteStream | None = None
    try:
        while True:
            step = plan.send(answer)
            kind = type(step)
            try:
                if kind is Send:
                    answer = await async_carrier(step.request, transport).send(step.request, step.timeout)  # type: ignore[union-attr]
                elif kind is Read:
                    answer = await step.stream.read(step.limit)  # type: ignore[union-attr]
                elif kind is Open:
                    opened = await async_carrier(step.request, transport).open(step.request, step.timeout)  # type: ignore[union-attr]
                    answer = Opened(opened.head, opened)
                elif kind is Close:
                    await step.stream.aclose()  # type: ignore[union-attr]
                    answer = opened = None
                elif kind is Sign:
                    from lingate._io.signing import signed

                    answer = await signed(step.request, step.limit, transport)  # type: ignore[union-attr,arg-type]
                else:
                    from asyncio import sleep

                    await sleep(step.seconds)  # type: ignore[union-attr]
                    answer = None
            except LingateError as error:
                answer = untied(error)
    except StopIteration as done:
        opened = None  # it goes on in the caller's hands
        return done.value  # type: ignore[no-any-return]
    finally:
        if opened is not None:
            await opened.aclose()


async def events(state: StreamState, stream: AsyncByteStream) -> AsyncGenerator[list[Event], None]:
    # The stream's events, as many at a time as arrived together; the connection is let go however this ends.
    try:
        ready = state.begin()
        while True:
            if ready:
                yield ready
            if state.done:
                if state.whole:
                    await stream.finish()
                break
            try:
                data = await stream.read()
            except LingateError as error:
                state.broken(error)
                break
            ready = state.end() if data is None else state.feed(data)
    finally:
        await stream.aclose()
    if state.error is not None:
        raise state.error
