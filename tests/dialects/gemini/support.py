"""What the tests of this dialect share: targets, short forms of the operations, the recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from lingate._call.collect import Collector
from lingate._dialects.gemini import DIALECT
from lingate._dialects.gemini.casing import camelized
from lingate._model import Call, Event, Failed, Head, HttpRequest, ProviderRow, Target, Traits
from tests.conftest import RECORDINGS

CHAT = DIALECT.operations["chat"]
COUNT = DIALECT.operations["count_tokens"]
MODELS = DIALECT.operations["models"]
EMBED = DIALECT.operations["embeddings"]

DATE = "Tue, 14 Jul 2026 10:00:00 GMT"
JSON_HEAD = Head(200, {"content-type": "application/json; charset=UTF-8", "date": DATE})
SSE_HEAD = Head(200, {"content-type": "text/event-stream", "date": DATE})

STUDIO = "https://api.acme.test/v1beta"
CLOUD = "https://cloud.acme.test/v1/projects/p1/locations/us-central1/publishers/google"

OLD: Traits = {"thinking": "none", "schema_language": "openapi", "structured": "json_schema_alone"}
MIDDLE: Traits = {"thinking": "budget", "structured": "json_schema_alone"}


def target(traits: Traits | None = None, url: str = STUDIO, model: str = "gemini-test", **row: Any) -> Target:
    facts = {"name": "acme", "dialect": "gemini", **row}
    return Target(
        row=ProviderRow(**facts),
        model=model,
        url=url,
        headers={"x-goog-api-key": "secret"},
        traits=traits if traits is not None else {},
    )


def call(**body: Any) -> Call:
    return Call("chat", "gemini-test", {"messages": [{"role": "user", "content": "hi"}], **body})


def send(made: Call, to: Target | None = None) -> tuple[dict[str, Any], HttpRequest]:
    """The wire body of a call, decoded, and the request it is in."""
    sent = CHAT.request(made, to or target())
    return json.loads(sent.body), sent


def wire(traits: Traits | None = None, drop_params: bool = False, **body: Any) -> dict[str, Any]:
    made = call(**body)
    made.drop_params = drop_params
    return send(made, target(traits))[0]


def config(traits: Traits | None = None, **body: Any) -> dict[str, Any]:
    """The `generationConfig` of a call."""
    return wire(traits, **body).get("generationConfig", {})


def dropped(traits: Traits | None = None, drop_params: bool = False, **body: Any) -> list[str]:
    made = call(**body)
    made.drop_params = drop_params
    return send(made, target(traits))[1].dropped


def read(body: Any, sent: HttpRequest | None = None) -> dict[str, Any]:
    """A whole answer in canonical form."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CHAT.response(sent or CHAT.request(call(), target()), JSON_HEAD, data)[0]


def answer(*parts: dict[str, Any], finish: Any = "STOP", **fields: Any) -> dict[str, Any]:
    """A whole answer, or an event of a stream, with one candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **fields}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-test", "responseId": "r1"}


def sse(*events: Any) -> bytes:
    return b"".join(f"data: {json.dumps(event)}\r\n\r\n".encode() for event in events)


def decode(chunks: Iterable[bytes], sent: HttpRequest | None = None, head: Head = SSE_HEAD) -> list[Event]:
    decoder = CHAT.decoder(sent or CHAT.request(call(), target()), head)
    events: list[Event] = []
    for chunk in chunks:
        events += decoder.feed(chunk)
    return events + decoder.finish()


def failed(events: list[Event]) -> Any:
    """The error that a stream ended with."""
    assert isinstance(events[-1], Failed), events[-1:]
    assert not any(isinstance(event, Failed) for event in events[:-1])
    return events[-1].error


def collect(events: Iterable[Event]) -> dict[str, Any]:
    collector = Collector()
    for event in events:
        assert not isinstance(event, Failed), event
        collector.add(event)
    return collector.response()


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def parse(body: Any, method: str = "generateContent", model: str = "gemini-test") -> Call:
    return CHAT.parse_call(json.dumps(body).encode(), {"model": model, "method": method})


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


_ALPHABET = str.maketrans("-_", "+/")


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """A request's body without what means nothing: how names and base64 are written, roles of system text, empty objects."""
    out = without_nulls(camelized(body))
    out.pop("model", None)
    if not out.get("generationConfig"):
        out.pop("generationConfig", None)
    out.get("systemInstruction", {}).pop("role", None)
    for content in out.get("contents", ()):
        content["parts"] = [part for part in content["parts"] if part != {"text": ""}]
        for part in content["parts"]:
            if "data" in part.get("inlineData", {}):
                part["inlineData"]["data"] = part["inlineData"]["data"].translate(_ALPHABET)
    return out


@lru_cache(maxsize=1)
def recorded() -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    for name in ("gemini", "vertex"):
        path = RECORDINGS / f"{name}.jsonl"
        if path.is_file():
            found += [json.loads(line) for line in path.read_text().splitlines()]
    return tuple(found)


def method_of(exchange: dict[str, Any]) -> str:
    return exchange["request"]["url"].partition("?")[0].rpartition(":")[2]


def place_of(exchange: dict[str, Any]) -> tuple[str, str]:
    """Base URL and model of a recorded request."""
    found = re.fullmatch(r"(.*)/models/([^:]+):.*", exchange["request"]["url"])
    assert found is not None
    return found[1], found[2]


def chunks_of(exchange: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a recorded answer, decoded independently of the code under test."""
    body = exchange["response"]["body"]
    if isinstance(body, str):
        return [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:")]
    return body if isinstance(body, list) else [body]


def stream_bytes(exchange: dict[str, Any]) -> bytes:
    body = exchange["response"]["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body, indent=1).encode()
