"""The steps of the gateway's part of the demonstration. Each shows one thing, and checks that it happened."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lingate._model import JsonDict
from lingate.cli.demo_clients import AnthropicSide, OpenAISide, RefusedError
from lingate.cli.demo_gateway import BUDGET
from lingate.cli.demo_steps import DEGREES, WEATHER, City, DemoError, check
from lingate.cli.screen import dollars, duration

_WAIT = 7
"""Seconds that the crowded provider asks for."""
_BIG = 4000
"""Tokens of an answer that the budget does not pay for."""


@dataclass(slots=True)
class Visit:
    """What the steps work with: `upstream` counts requests that the provider has had, `calls` those that were made."""

    openai: OpenAISide
    anthropic: AnthropicSide
    upstream: Callable[[], int]
    say: Callable[[str], None]
    write: Callable[[str], None]
    calls: int = 0

    def ask(self, model: str, messages: list[JsonDict], **params: Any) -> JsonDict:
        self.calls += 1
        return self.openai.ask(model, messages, **params)


def _streamed(visit: Visit, client: str, model: str, pieces: Iterator[str]) -> None:
    question = "Why is the sky blue?"
    visit.say(f"> {question} ({client}, model {model})")
    visit.write("      ")
    visit.calls += 1
    began, arrivals, text = time.perf_counter(), list[float](), ""
    for piece in pieces:
        if piece:
            arrivals.append(time.perf_counter() - began)
            text += piece
            visit.write(piece)
    visit.write("\n")
    check(question in text, "the streamed text is not the answer")
    check(len(arrivals) > 5 and arrivals[-1] - arrivals[0] > 0.02, "the answer came in one piece, not as a stream")
    visit.say(f"{len(arrivals)} pieces, first after {duration(arrivals[0])}, last after {duration(arrivals[-1])}")


def _openai_stream(visit: Visit) -> None:
    _streamed(visit, visit.openai.name, "claude", visit.openai.stream("claude", "Why is the sky blue?"))


def _anthropic_stream(visit: Visit) -> None:
    _streamed(visit, visit.anthropic.name, "gpt", visit.anthropic.stream("gpt", "Why is the sky blue?", 200))


def _tool(visit: Visit) -> None:
    messages: list[JsonDict] = [{"role": "user", "content": "Is it warm in Lisbon?"}]
    visit.say(f"> {messages[0]['content']} (model claude)")
    first = visit.ask("claude", messages, tools=[WEATHER])["choices"][0]
    check(first["finish_reason"] == "tool_calls", f"it ended with {first['finish_reason']}")
    call = first["message"]["tool_calls"][0]
    city = json.loads(call["function"]["arguments"]).get("city")
    check(call["function"]["name"] == "get_weather" and city in DEGREES, f"a wrong call: {call['function']}")
    result = f"{DEGREES[city]} degrees in {city}"
    visit.say(f"the model calls get_weather({call['function']['arguments']}); the tool answers: {result}")
    messages += [first["message"], {"role": "tool", "tool_call_id": call["id"], "content": result}]
    text = visit.ask("claude", messages, tools=[WEATHER])["choices"][0]["message"]["content"]
    visit.say(text)
    check(result in text, "the answer does not use the tool's result")


def _structured(visit: Visit) -> None:
    schema = {**City.model_json_schema(), "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "City", "strict": True, "schema": schema}}
    visit.say("> tell me about Lisbon (model gpt)")
    answer = visit.ask("gpt", [{"role": "user", "content": "tell me about Lisbon"}], response_format=wanted)
    text = answer["choices"][0]["message"]["content"]
    found = json.loads(text)
    kinds = {name: type(value) for name, value in found.items()}
    check(kinds == {"name": str, "capital": bool, "districts": int}, "the answer does not fit the schema")
    visit.say(f"{text} becomes {City(**found)}")


def _embedding(visit: Visit) -> None:
    visit.calls += 1
    vectors = visit.openai.embed("embedder", ["the cat sleeps on the sofa", "interest rates rose again"])
    check(len(vectors) == 2 and len(vectors[0]) == len(vectors[1]) > 1, "the vectors have the wrong size")
    visit.say(f"2 texts, {len(vectors[0])} dimensions")


def _fallback(visit: Visit) -> None:
    visit.say("> model shaky, at whose address nobody listens; its fallback is claude")
    answer = visit.ask("shaky", [{"role": "user", "content": "Still there?"}])
    check("Still there?" in answer["choices"][0]["message"]["content"], "there is no answer")
    check("claude" in answer["model"], f"{answer['model']} has answered")
    visit.say(f"{answer['model']} answers: {answer['choices'][0]['message']['content']}")


def _refusal(call: Callable[[], object]) -> RefusedError:
    try:
        call()
    except RefusedError as error:
        return error
    raise DemoError("what was to be refused was answered")


def _limited(visit: Visit) -> None:
    visit.say(f"> model crowded: its provider says 429, come back in {_WAIT} seconds")
    error = _refusal(lambda: visit.ask("crowded", [{"role": "user", "content": "Now?"}]))
    check(error.status == 429 and error.retry_after == _WAIT, f"the client is told {error.status}, {error.retry_after}")
    visit.say(f"{error.name}, status {error.status}, Retry-After {error.retry_after:g} s")


def _budget(visit: Visit) -> None:
    before = visit.upstream()
    visit.say(f"> model claude, up to {_BIG} tokens: more than what is left of the key's {dollars(BUDGET)} pays for")
    visit.calls += 1
    error = _refusal(lambda: list(visit.anthropic.stream("claude", "Tell me everything.", _BIG)))
    visit.say(f"{error.name}: {error}")
    check(error.status == 402, f"the status is {error.status}")
    check(visit.upstream() == before, "the provider was asked although the budget had refused")


GATEWAY_STEPS: tuple[tuple[str, Callable[[Visit], None]], ...] = (
    ("streamed, OpenAI face", _openai_stream),
    ("streamed, Anthropic face", _anthropic_stream),
    ("tool call", _tool),
    ("structured answer", _structured),
    ("embeddings", _embedding),
    ("fallback", _fallback),
    ("rate limit passed on", _limited),
    ("budget refuses", _budget),
)
