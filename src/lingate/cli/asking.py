"""One question to a model, shown while it is answered. On asyncio, because a blocking read cannot be left by Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lingate._client import AsyncLingate
from lingate._model import JsonDict
from lingate._views import ChatResponse
from lingate.cli.screen import Screen, cost_text, duration, usage_text


@dataclass(slots=True)
class Answer:
    """What has come of a question so far.

    Attributes:
        response: The whole answer, None until it is there.
        pieces: Text that was shown.
        first: Seconds until the first piece, None for an answer that came as a whole.
        seconds: Seconds until the end.
    """

    response: ChatResponse | None = None
    pieces: list[str] = field(default_factory=list)
    first: float | None = None
    seconds: float = 0.0

    def summary(self) -> str:
        """Usage, cost and times in one line."""
        response = self.response
        if response is None:
            return f"stopped after {duration(self.seconds)}"
        times = f"{duration(self.seconds)}"
        if self.first is not None:
            times = f"first token {duration(self.first)}, total {times}"
        ended = (
            [f"ended by {response.finish_reason}"] if response.finish_reason not in ("stop", "tool_calls", None) else []
        )
        return " | ".join([usage_text(response.usage), cost_text(response.cost_details), times, *ended])


@dataclass(frozen=True, slots=True)
class Asker:
    """A client with the options that hold for all its questions."""

    client: AsyncLingate
    params: dict[str, Any]
    stream: bool = True

    async def show(self, model: str, messages: Sequence[JsonDict], screen: Screen, answer: Answer) -> ChatResponse:
        """Ask, and write the answer as it arrives; `answer` is kept up to date for whoever stops this."""
        started = time.perf_counter()
        try:
            if self.stream:
                await self._stream(model, messages, screen, answer, started)
            else:
                response = await self.client.chat(model, messages, **self.params)
                screen.reasoning(response.reasoning)
                screen.answer(response.text)
                answer.response = response
        finally:
            answer.seconds = time.perf_counter() - started
            screen.end()
        assert answer.response is not None
        for call in answer.response.tool_calls:
            screen.note(f"tool call: {call.function.name}({call.function.arguments})")
        if answer.response.dropped:
            screen.note(f"not sent: {', '.join(answer.response.dropped)}")
        return answer.response

    async def _stream(
        self, model: str, messages: Sequence[JsonDict], screen: Screen, answer: Answer, started: float
    ) -> None:
        async with await self.client.chat(model, messages, stream=True, **self.params) as stream:
            async for chunk in stream:
                reasoning, text = chunk.reasoning, chunk.text
                if answer.first is None and (reasoning or text):
                    answer.first = time.perf_counter() - started
                screen.reasoning(reasoning)
                if text:
                    answer.pieces.append(text)
                    screen.answer(text)
            answer.response = await stream.final()

    async def whole(self, model: str, messages: Sequence[JsonDict]) -> Answer:
        """Ask, and write nothing."""
        started = time.perf_counter()
        response = await self.client.chat(model, messages, **self.params)
        return Answer(response, seconds=time.perf_counter() - started)
