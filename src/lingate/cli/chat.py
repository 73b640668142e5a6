"""`lingate chat`: one question answered, or a conversation where a person sits at the terminal."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any

from lingate._client import AsyncLingate
from lingate._io.config import load
from lingate._model import JsonDict
from lingate._views import ChatResponse
from lingate.cli import inputs
from lingate.cli.asking import Answer, Asker
from lingate.cli.screen import Screen
from lingate.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    prompt: str | None
    model: str | None
    system: str | None
    images: list[str]
    files: list[str]
    schema: str | None
    as_json: bool
    stream: bool
    config: str | None
    params: dict[str, Any]

    @classmethod
    def conversation(cls, model: str, config: str | None) -> Options:
        """A conversation with a model, with nothing else asked for."""
        return cls(
            prompt=None,
            model=model,
            system=None,
            images=[],
            files=[],
            schema=None,
            as_json=False,
            stream=True,
            config=config,
            params={},
        )


def run(options: Options, screen: Screen) -> None:
    """Answer the question, or talk.

    Raises:
        LingateError: There is no answer.
    """
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
            answer = await asker.whole(model, messages)
            assert answer.response is not None
            # Checked before anything is written: what is no JSON is an error and no output.
            value = answer.response.parsed if options.schema is not None else None
            screen.answer(_json(report(answer)) if options.as_json else _json(value))
            screen.end()
        else:
            answer = Answer()
            await asker.show(model, messages, screen, answer)
        if not options.as_json:
            screen.note(answer.summary())


def report(answer: Answer) -> JsonDict:
    """An answer as one JSON object for programs."""
    response: ChatResponse | None = answer.response
    assert response is not None
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


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
