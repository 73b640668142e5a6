# `lingate chat`: one question answered, shown meanwhile, or a conversation where a person sits at the terminal.
#
# On asyncio, because a blocking read cannot be left by Ctrl-C.

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

from lingate._client import AsyncLingate
from lingate._io.config import load
from lingate._model import Fixed, JsonDict, Record
from lingate._views import ChatResponse
from lingate.cli import inputs
from lingate.cli.screen import Screen, dollars, duration, usage_text
from lingate.errors import ConfigError


class Answer(Record):
    # What has come of a question so far. `first` and `seconds` are those until the first piece and the end.

    response: ChatResponse | None = None
    pieces: list[str] = []
    first: float | None = None
    seconds: float = 0.0

    def summary(self) -> str:
        response = self.response
        if response is None:
            return f"stopped after {duration(self.seconds)}"
        times = duration(self.seconds)
        if self.first is not None:
            times = f"first token {duration(self.first)}, total {times}"
        cost = response.cost_details
        paid = f"cost unknown: {cost.reason}" if cost.total is None else dollars(cost.total)
        parts = [usage_text(response.usage), paid, times]
        if response.finish_reason not in ("stop", "tool_calls", None):
            parts.append(f"ended by {response.finish_reason}")
        return " | ".join(parts)


class Asker(Fixed, frozen=True):
    # A client with the options that hold for all its questions.

    client: AsyncLingate
    params: dict[str, Any]
    stream: bool = True

    async def show(self, model: str, messages: Sequence[JsonDict], screen: Screen, answer: Answer) -> ChatResponse:
        # Ask, and write the answer as it arrives; `answer` is kept up to date for whoever stops this.
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


class Options(Fixed, frozen=True, kw_only=True):
    model: str | None
    config: str | None
    prompt: str | None = None
    system: str | None = None
    images: list[str] = []
    files: list[str] = []
    schema: str | None = None
    as_json: bool = False
    stream: bool = True
    params: dict[str, Any] = {}


def run(options: Options, screen: Screen) -> None:
    piped = inputs.piped_text()
    prompt = inputs.whole_prompt(options.prompt, piped)
    path = inputs.config_path(options.config)
    model = inputs.model_name(options.model, load(path).model)
    parts = [inputs.image_part(item) for item in options.images] + [inputs.file_part(item) for item in options.files]
    params = dict(options.params)
    if options.schema is not None:
        params["response_format"] = inputs.schema(options.schema)
    asker = Asker(AsyncLingate(path), params, options.stream)
    if prompt is None:
        _talk(options, asker, model, parts, screen)
        return
    messages: list[JsonDict] = [{"role": "system", "content": options.system}] if options.system else []
    messages.append({"role": "user", "content": inputs.content(prompt, parts)})
    asyncio.run(_ask(options, asker, model, messages, screen))


def _talk(options: Options, asker: Asker, model: str, parts: list[JsonDict], screen: Screen) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError("there is nothing to ask: give a prompt, or pipe text in")
    if options.as_json or options.schema is not None:
        raise ConfigError("--json and --schema need a prompt")
    from lingate.cli.conversation import Conversation, talk

    talk(Conversation(asker, model, options.system, parts), screen)


async def _ask(options: Options, asker: Asker, model: str, messages: list[JsonDict], screen: Screen) -> None:
    async with asker.client:
        if options.as_json or options.schema is not None:
            started = time.perf_counter()
            response = await asker.client.chat(model, messages, **asker.params)
            answer = Answer(response, seconds=time.perf_counter() - started)
            # Checked before anything is written: what is no JSON is an error and no output.
            value = response.parsed if options.schema is not None else None
            screen.json(_report(answer, response) if options.as_json else value)
        else:
            answer = Answer()
            await asker.show(model, messages, screen, answer)
        if not options.as_json:
            screen.note(answer.summary())


def _report(answer: Answer, response: ChatResponse) -> JsonDict:
    cost = response.cost_details
    return {
        "model": response.model,
        "provider": response.provider,
        "text": response.text,
        "reasoning": response.reasoning or None,
        "tool_calls": [call.to_dict() for call in response.tool_calls],
        "finish_reason": response.finish_reason,
        "usage": None if response.usage is None else response.usage.to_dict(),
        "cost": cost.total,
        "cost_source": cost.source if cost.total is not None else cost.reason,
        "dropped": list(response.dropped),
        "request_id": response.request_id,
        "tries": len(response.attempts),
        "seconds": round(answer.seconds, 3),
    }
