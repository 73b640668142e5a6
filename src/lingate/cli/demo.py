# `lingate demo`: what Lingate does, shown against a simulator in this process, over real HTTP. No keys, no network.
#
# Each step shows one thing, checks that it happened, and says so in numbers.

from __future__ import annotations

import math
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lingate._call.policy import RetryPolicy
from lingate._client import Lingate
from lingate._model import Fixed, JsonDict, Record
from lingate._views import Response
from lingate.cli.screen import Screen, count_text, dollars, duration, plain_table, usage_text
from lingate.errors import StreamInterruptedError, UnsupportedError
from lingate.simulator import Simulator
from lingate.simulator.media import png
from lingate.simulator.prompt import about_bytes

if TYPE_CHECKING:
    from lingate.cli.demo_gateway import Gateway

_DELAY = 0.012
"""Seconds before each token: slow enough to be seen arriving."""
_MISSING = "\nThe gateway's part is left out: it needs pip install 'lingate[server,prices]'.\n"
_KEY = "demo-key-that-opens-nothing"
_COLOUR = "3a7bd5"
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
    # A step did not do what it says.
    pass


def check(true: bool, otherwise: str) -> None:
    if not true:
        raise DemoError(otherwise)


class Wire(Fixed, frozen=True):
    # A wire format: the model that is asked in it, where, and the model for embeddings if it has any.

    title: str
    model: str
    base: str
    embeddings: str | None = None


class Shown(Record):
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


class Stage(Fixed, frozen=True):
    # What the steps work with: `say` writes a line, `write` a piece of one.

    client: Lingate
    wire: Wire
    say: Callable[[str], None]
    write: Callable[[str], None]

    def options(self, fault: str | None = None) -> dict[str, Any]:
        # Per-call arguments that lead to the simulator.
        headers = {} if fault is None else {"x-sim-fault": fault}
        return {"api_base": self.wire.base, "api_key": _KEY, "extra_headers": headers}

    def chat(self, messages: Any, fault: str | None = None, **params: Any) -> Any:
        return self.client.chat(self.wire.model, messages, **self.options(fault), **params)


def streamed(write: Callable[[str], None], question: str, pieces: Iterable[str], began: float) -> tuple[str, str]:
    # Write an answer as it arrives; gives it, and in words when it came.
    write("      ")
    arrivals: list[float] = []
    text = ""
    for piece in pieces:
        if piece:
            arrivals.append(time.perf_counter() - began)
            text += piece
            write(piece)
    write("\n")
    check(question in text, "the streamed text is not the answer")
    check(len(arrivals) > 5 and arrivals[-1] - arrivals[0] > 0.02, "the answer came in one piece, not as a stream")
    return text, f"{len(arrivals)} pieces, first after {duration(arrivals[0])}, last after {duration(arrivals[-1])}"


def _streamed(stage: Stage) -> Shown:
    question = "Why is the sky blue?"
    stage.say(f"> {question}")
    began = time.perf_counter()
    stream = stage.chat(question, stream=True)
    text, arrived = streamed(stage.write, question, (chunk.text for chunk in stream), began)
    response = stream.final()
    check(response.text == text, "the streamed text is not the answer")
    check(response.finish_reason == "stop", f"it ended with {response.finish_reason}")
    stage.say(f"{usage_text(response.usage)}; {arrived}")
    return Shown().count(response)


def tool_result(say: Callable[[str], None], name: str, arguments: str, city: str) -> str:
    # What the tool says to a call of it.
    check(name == "get_weather" and city in DEGREES, f"a wrong call: {name}({arguments})")
    result = f"{DEGREES[city]} degrees in {city}"
    say(f"the model calls {name}({arguments}); the tool answers: {result}")
    return result


def _tools(stage: Stage) -> Shown:
    question = "Is it warm in Lisbon?"
    stage.say(f"> {question}")
    messages: list[Any] = [{"role": "user", "content": question}]
    first = stage.chat(messages, tools=[WEATHER])
    check(first.finish_reason == "tool_calls" and len(first.tool_calls) == 1, "the model did not call the tool")
    call = first.tool_calls[0]
    result = tool_result(stage.say, call.function.name, call.function.arguments, call.arguments.get("city"))
    messages += [first.message, {"role": "tool", "tool_call_id": call.id, "content": result}]
    second = stage.chat(messages, tools=[WEATHER])
    stage.say(second.text)
    check(result in second.text and second.finish_reason == "stop", "the answer does not use the tool's result")
    return Shown().count(first).count(second)


class City(Fixed, frozen=True):
    name: str
    capital: bool
    districts: int

    @classmethod
    def model_json_schema(cls) -> JsonDict:
        types = {"name": "string", "capital": "boolean", "districts": "integer"}
        kinds = {name: {"type": kind} for name, kind in types.items()}
        return {"type": "object", "properties": kinds, "required": list(kinds), "additionalProperties": False}

    @property
    def fits(self) -> bool:
        return list(map(type, (self.name, self.capital, self.districts))) == [str, bool, int]


def _structured(stage: Stage) -> Shown:
    question = "tell me about Lisbon"
    stage.say(f"> {question}")
    response = stage.chat(question, response_format=City)
    found = response.parsed
    stage.say(f"{response.text} becomes {found}")
    check(isinstance(found, City), f"the answer became a {type(found).__name__}")
    check(found.fits, "the answer does not fit the schema")
    return Shown().count(response)


def _image(stage: Stage) -> Shown:
    picture = png(_COLOUR)
    url = f"data:image/png;base64,{b64encode(picture).decode()}"
    question = "What is in this picture?"
    stage.say(f"> {question} (PNG, {len(picture)} bytes)")
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]
    response = stage.chat([{"role": "user", "content": parts}])
    stage.say(response.text)
    check(
        f"{about_bytes(picture)})" in response.text and question in response.text,
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
    check(list(map(len, vectors)) == [256, 256, 256], "the vectors have the wrong size")
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


STEPS = (
    ("streamed chat", _streamed),
    ("tool call and its result", _tools),
    ("structured answer", _structured),
    ("image question", _image),
    ("embeddings", _embedding),
    ("errors retried", _retried),
    ("cut stream reported", _cut),
)


class _Result(Record):
    step: str
    wire: str
    shown: Shown
    seconds: float = 0.0
    problem: str | None = None


def run(screen: Screen) -> int:
    # Show every step in every wire format, and the gateway; gives the exit code.
    with Simulator(delay=_DELAY) as simulator:
        screen.answer(f"A simulated provider listens on {simulator.url}; the calls below go there over HTTP.\n")
        results = _sdk(simulator, screen)
        stats = simulator.stats()
        requests, billed = stats["requests"], stats["billed"]["total"]
        screen.answer(f"\n{_count(results)}; {requests['total']} requests, {billed} tokens billed by the simulator.\n")
        simulator.reset()
        if find_spec("granian") is None or find_spec("genai_prices") is None:
            screen.answer(_MISSING)
        else:
            behind = _gateway(simulator, screen)
            screen.answer(f"\nGateway: {_count(behind)}.\n")
            results += behind
    failed = [one for one in results if one.problem]
    for one in failed:
        screen.problem(f"{one.wire}, {one.step}: {one.problem}")
    screen.answer(f"\nAll in all: {_count(results)}.\n")
    return 1 if failed else 0


def _count(results: Sequence[_Result]) -> str:
    return f"{sum(one.problem is None for one in results)} of {len(results)} steps did what they say"


def _sdk(simulator: Simulator, screen: Screen) -> list[_Result]:
    results: list[_Result] = []
    wires = (
        Wire("OpenAI", "openai/gpt-4o-mini", f"{simulator.url}/v1", embeddings="openai/text-embedding-3-small"),
        Wire("Anthropic", "anthropic/claude-sonnet-4-6", simulator.url),
    )
    # An empty environment: no key, base URL or proxy of the user's takes part in this.
    with Lingate(env={}) as client:
        for wire in wires:
            screen.answer(f"\n{wire.title} wire format, {wire.model}\n")
            stage = Stage(client, wire, lambda line: screen.answer(f"      {line}\n"), screen.answer)
            for name, step in STEPS:
                with _performed(name, wire.title, results, screen) as result:
                    result.shown = step(stage)
    _table(results, screen)
    return results


def _gateway(simulator: Simulator, screen: Screen) -> list[_Result]:
    from lingate.cli.demo_gateway import BUDGET, GATEWAY_STEPS, Visit, anthropic_side, openai_side, running

    def say(line: str) -> None:
        screen.answer(f"      {line}\n")

    results: list[_Result] = []
    screen.answer("\nThe gateway: `lingate serve` on SQLite, in front of the same provider\n")
    with _performed("start and stop", "gateway", results, screen, quiet=True), running(simulator.url) as gateway:
        say(f"{gateway.url} answers {duration(gateway.seconds)} after its start; master key made, kept as a hash")
        key = gateway.key()
        say(f"a virtual key with a budget of {dollars(BUDGET)}: {key[:12]}...")
        openai, anthropic = openai_side(gateway.url, key), anthropic_side(gateway.url, key)
        try:
            visit = Visit(openai, anthropic, lambda: int(simulator.stats()["requests"]["total"]), say, screen.answer)
            for name, step in GATEWAY_STEPS:
                with _performed(name, "gateway", results, screen):
                    step(visit)
        finally:
            openai.close()
            anthropic.close()
        with _performed("ledger", "gateway", results, screen):
            _accounts(gateway, visit.calls, simulator, screen)
    return results


def _accounts(gateway: Gateway, calls: int, simulator: Simulator, screen: Screen) -> None:
    # Show what the ledger has, and hold it against what the provider has billed.
    from lingate.cli.demo_gateway import ledger, summary

    rows = gateway.rows(calls)
    names = {row["key_id"]: row["key_alias"] for row in rows}
    by_model = {one["model"]: one for one in gateway.sums("model")}
    by_key = {names[one["key_id"]]: one for one in gateway.sums("key_id")}
    for table in (ledger(rows), summary("by model", by_model), summary("by key", by_key)):
        screen.answer("\n")
        screen.table(table)
    kept = sum((row.get("prompt_tokens") or 0) + (row.get("completion_tokens") or 0) for row in rows)
    billed = simulator.stats()["billed"]["total"]
    screen.answer(f"\n      {len(rows)} calls, {kept} tokens in the ledger; the simulator has billed {billed}\n")
    check((len(rows), kept) == (calls, billed), f"{calls} calls were made, and {billed} tokens have been billed")


@contextmanager
def _performed(
    name: str, wire: str, results: list[_Result], screen: Screen, *, quiet: bool = False
) -> Iterator[_Result]:
    if not quiet:
        screen.answer(f"\n  {name}\n")
    result = _Result(name, wire, Shown())
    started = time.perf_counter()
    try:
        yield result
    except Exception as error:
        # The vendors' packages have trees of errors of their own; whatever it was, the step has failed, and the rest goes on.
        result.problem = f"{type(error).__name__}: {error}"
    result.seconds = time.perf_counter() - started
    results.append(result)
    screen.end()
    if result.problem or not quiet:
        screen.answer(f"      {'FAILED: ' + result.problem if result.problem else 'ok'}, {duration(result.seconds)}\n")


def _table(results: Sequence[_Result], screen: Screen) -> None:
    table = plain_table("wire", "step", "result", right=("in", "out", "list price", "time"))
    for one in results:
        shown = one.shown
        table.add_row(
            one.wire,
            one.step,
            "FAILED" if one.problem else "ok",
            count_text(shown.prompt_tokens),
            count_text(shown.completion_tokens),
            "-" if shown.cost is None else dollars(shown.cost),
            duration(one.seconds),
            style="red" if one.problem else None,
        )
    screen.answer("\n")
    screen.table(table)
