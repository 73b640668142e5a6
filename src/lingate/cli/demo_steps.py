"""The steps of the demonstration. Each shows one thing, checks that it happened, and says so in numbers."""

from __future__ import annotations

import math
import struct
import time
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lingate._call.policy import RetryPolicy
from lingate._client import Lingate
from lingate._model import JsonDict
from lingate._views import Response
from lingate.cli.screen import duration, usage_text
from lingate.errors import StreamInterruptedError, UnsupportedError

_KEY = "demo-key-that-opens-nothing"
DEGREES = {"Lisbon": 24, "Oslo": 11}
WEATHER: JsonDict = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Temperature in a city, in degrees Celsius.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": list(DEGREES)}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class DemoError(Exception):
    """A step did not do what it says."""


def check(true: bool, otherwise: str) -> None:
    if not true:
        raise DemoError(otherwise)


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire format: the model that is asked in it, where, and the model for embeddings if it has any."""

    title: str
    model: str
    base: str
    embeddings: str | None = None


@dataclass(slots=True)
class Shown:
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None

    def count(self, response: Response) -> Shown:
        usage = response.usage
        check(usage is not None and bool(usage.prompt_tokens), "the answer has no token counts")
        assert usage is not None
        self.prompt_tokens += usage.prompt_tokens or 0
        self.completion_tokens += usage.completion_tokens or 0
        if response.cost is not None:
            self.cost = (self.cost or 0.0) + response.cost
        return self


@dataclass(frozen=True, slots=True)
class Stage:
    """What the steps work with: `say` writes a line, `write` a piece of one."""

    client: Lingate
    wire: Wire
    say: Callable[[str], None]
    write: Callable[[str], None]

    def options(self, fault: str | None = None) -> dict[str, Any]:
        """Per-call arguments that lead to the simulator."""
        headers = {} if fault is None else {"x-sim-fault": fault}
        return {"api_base": self.wire.base, "api_key": _KEY, "extra_headers": headers}

    def chat(self, messages: Any, fault: str | None = None, **params: Any) -> Any:
        return self.client.chat(self.wire.model, messages, **self.options(fault), **params)


def _streamed(stage: Stage) -> Shown:
    question = "Why is the sky blue?"
    stage.say(f"> {question}")
    stage.write("      ")
    started = time.perf_counter()
    arrivals: list[float] = []
    stream = stage.chat(question, stream=True)
    text = ""
    for chunk in stream:
        if chunk.text:
            arrivals.append(time.perf_counter() - started)
            text += chunk.text
            stage.write(chunk.text)
    stage.write("\n")
    response = stream.final()
    check(question in text and response.text == text, "the streamed text is not the answer")
    check(response.finish_reason == "stop", f"it ended with {response.finish_reason}")
    check(len(arrivals) > 5 and arrivals[-1] - arrivals[0] > 0.02, "the answer came in one piece, not as a stream")
    stage.say(
        f"{usage_text(response.usage)}; {len(arrivals)} pieces, first after {duration(arrivals[0])}, "
        f"last after {duration(arrivals[-1])}"
    )
    return Shown().count(response)


def _tools(stage: Stage) -> Shown:
    question = "Is it warm in Lisbon?"
    stage.say(f"> {question}")
    messages: list[Any] = [{"role": "user", "content": question}]
    first = stage.chat(messages, tools=[WEATHER])
    check(first.finish_reason == "tool_calls" and len(first.tool_calls) == 1, "the model did not call the tool")
    call = first.tool_calls[0]
    city = call.arguments.get("city")
    check(call.function.name == "get_weather" and city in DEGREES, f"a wrong call: {call.function.arguments}")
    result = f"{DEGREES[city]} degrees in {city}"
    stage.say(f"the model calls {call.function.name}({call.function.arguments}); the tool answers: {result}")
    messages += [first.message, {"role": "tool", "tool_call_id": call.id, "content": result}]
    second = stage.chat(messages, tools=[WEATHER])
    stage.say(second.text)
    check(result in second.text and second.finish_reason == "stop", "the answer does not use the tool's result")
    return Shown().count(first).count(second)


@dataclass(frozen=True, slots=True)
class City:
    name: str
    capital: bool
    districts: int

    @classmethod
    def model_json_schema(cls) -> JsonDict:
        kinds = {
            "name": {"type": "string"},
            "capital": {"type": "boolean"},
            "districts": {"type": "integer", "minimum": 1},
        }
        return {"type": "object", "properties": kinds, "required": list(kinds)}


def _structured(stage: Stage) -> Shown:
    question = "tell me about Lisbon"
    stage.say(f"> {question}")
    response = stage.chat(question, response_format=City)
    found = response.parsed
    stage.say(f"{response.text} becomes {found}")
    check(isinstance(found, City), f"the answer became a {type(found).__name__}")
    check(
        isinstance(found.name, str) and isinstance(found.capital, bool) and isinstance(found.districts, int),
        "the answer does not fit the schema",
    )
    return Shown().count(response)


def _png(width: int, height: int) -> bytes:
    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + b"".join(bytes((x * 255 // width, y * 255 // height, 128)) for x in range(width)) for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", head) + block(b"IDAT", zlib.compress(rows)) + block(b"IEND", b"")


def _image(stage: Stage) -> Shown:
    picture = _png(32, 20)
    url = f"data:image/png;base64,{b64encode(picture).decode()}"
    question = "What is in this picture?"
    stage.say(f"> {question} (PNG, {len(picture)} bytes)")
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]
    response = stage.chat([{"role": "user", "content": parts}])
    stage.say(response.text)
    check(
        f"{len(picture)} bytes, 32x20 pixels" in response.text and question in response.text,
        "the picture did not arrive as it was sent",
    )
    return Shown().count(response)


def _embedding(stage: Stage) -> Shown:
    texts = ["the cat sleeps on the sofa", "a cat asleep on a sofa", "interest rates rose again"]
    model = stage.wire.embeddings
    if model is None:
        stage.say(f"> {stage.wire.model} for embeddings")
        try:
            stage.client.embed(stage.wire.model, texts, **stage.options())
        except UnsupportedError as error:
            stage.say(f"refused before anything is sent: {error}")
            return Shown()
        raise DemoError("an operation that this format does not have was not refused")
    response = stage.client.embed(model, texts, dimensions=256, **stage.options())
    vectors = response.vectors
    check([len(vector) for vector in vectors] == [256, 256, 256], "the vectors have the wrong size")
    near, far = _cosine(vectors[0], vectors[1]), _cosine(vectors[0], vectors[2])
    stage.say(f"3 texts, {len(vectors[0])} dimensions; alike {near:.2f}, different {far:.2f}")
    check(near > far, "texts that are alike are not closer than others")
    return Shown().count(response)


def _cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


def _retried(stage: Stage) -> Shown:
    stage.say("> a provider that refuses twice: 429 (rate limit), then 503 (overloaded)")
    # Each fault counts every request: the second is past the first fault and still within the second.
    faults = "rate_limit=0; times=1, unavailable; times=2"
    response = stage.chat("Still there?", faults, retries=RetryPolicy(retries=3, base=0.05))
    for number, one in enumerate(response.attempts, 1):
        waited = f"after a wait of {duration(one.waited)}" if one.waited else "at once"
        stage.say(f"try {number}, {waited}: {one.status} {one.kind}, {duration(one.seconds)}")
    kinds = [one.kind for one in response.attempts]
    check(kinds == ["rate_limit", "overloaded", "ok"], f"the tries were {kinds}")
    check("Still there?" in response.text, "there is no answer in the end")
    return Shown().count(response)


def _cut(stage: Stage) -> Shown:
    question = "Tell me a long story."
    stage.say(f"> {question} (the connection breaks after nine events)")
    text = ""
    try:
        for chunk in stage.chat(question, "cut=9", stream=True):
            text += chunk.text
    except StreamInterruptedError as error:
        stage.say(f"{type(error).__name__}: {error}")
        partial = error.partial
        check(partial is not None and partial.text == text != "", "what had arrived is not on the error")
        stage.say(f"what had arrived is kept: {partial.text!r}, finish_reason {partial.finish_reason}")
        check(partial.finish_reason is None, "half an answer looks like a whole one")
        return Shown()
    raise DemoError("a stream that was cut passed for a whole one")


STEPS: tuple[tuple[str, Callable[[Stage], Shown]], ...] = (
    ("streamed chat", _streamed),
    ("tool call and its result", _tools),
    ("structured answer", _structured),
    ("image question", _image),
    ("embeddings", _embedding),
    ("errors retried", _retried),
    ("cut stream reported", _cut),
)
