"""What the tests of this dialect share: targets, short forms of the operations, the recordings."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any
from urllib.parse import unquote

from lingate._dialects.gemini import DIALECT
from lingate._dialects.gemini.casing import camelized
from lingate._model import Call, Head, ProviderRow, Target, Traits
from tests.dialects import short

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


_short = short.Short(CHAT, target, JSON_HEAD, SSE_HEAD)
call, send, wire, dropped = _short.call, _short.send, _short.wire, _short.dropped
read, decode = _short.read, _short.decode
recorded = partial(short.recorded, "gemini", "vertex")


def config(traits: Traits | None = None, **body: Any) -> dict[str, Any]:
    """The `generationConfig` of a call."""
    return wire(traits, **body).get("generationConfig", {})


def answer(*parts: dict[str, Any], finish: Any = "STOP", **fields: Any) -> dict[str, Any]:
    """A whole answer, or an event of a stream, with one candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **fields}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-test", "responseId": "r1"}


def sse(*events: Any) -> bytes:
    return b"".join(f"data: {json.dumps(event)}\r\n\r\n".encode() for event in events)


def parse(body: Any, method: str = "generateContent", model: str = "gemini-test") -> Call:
    return CHAT.parse_call(json.dumps(body).encode(), {"model": model, "method": method})


_ALPHABET = str.maketrans("-_", "+/")


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """A request's body without what means nothing: how names and base64 are written, roles of system text, empty objects."""
    out = short.without_nulls(camelized(body))
    out.pop("model", None)
    if not out.get("generationConfig"):
        out.pop("generationConfig", None)
    out.get("systemInstruction", {}).pop("role", None)
    if isinstance(out.get("contents"), dict):
        out["contents"] = [out["contents"]]  # the service takes one where it wants many
    for content in (out.get("systemInstruction", {}), *out.get("contents", ())):
        parts = content.get("parts", [])
        content["parts"] = [part for part in (parts if isinstance(parts, list) else [parts]) if part != {"text": ""}]
        for part in content["parts"]:
            if part.get("thought") is False:
                del part["thought"]
            if "data" in part.get("inlineData", {}):
                part["inlineData"]["data"] = part["inlineData"]["data"].translate(_ALPHABET)
            if part.get("inlineData", {}).get("mimeType") == "audio/mpeg":
                part["inlineData"]["mimeType"] = "audio/mp3"
    if out.get("systemInstruction") == {"parts": []}:
        del out["systemInstruction"]
    if "contents" in out:
        out["contents"] = _turns(out["contents"])
    return out


def _turns(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the model said in several pieces is one turn."""
    turns: list[dict[str, Any]] = []
    for content in contents:
        if turns and content.get("role") == "model" == turns[-1].get("role"):
            turns[-1] = {**turns[-1], "parts": [*turns[-1]["parts"], *content["parts"]]}
        else:
            turns.append(content)
    return turns


def method_of(exchange: dict[str, Any]) -> str:
    return exchange["request"]["url"].partition("?")[0].rpartition(":")[2]


def place_of(exchange: dict[str, Any]) -> tuple[str, str]:
    """Base URL and model of a recorded request."""
    found = re.fullmatch(r"(.*)/models/([^:]+):.*", exchange["request"]["url"])
    assert found is not None
    return found[1], unquote(found[2])


def chunks_of(exchange: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a recorded answer, decoded independently of the code under test."""
    body = exchange["response"]["body"]
    if isinstance(body, str):
        return [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:")]
    return body if isinstance(body, list) else [body]


_BROKEN = (
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
)


def broke_off(exchange: dict[str, Any]) -> bool:
    """Whether the model made no sense, which is all that the answer says."""
    ends = [one.get("finishReason") for chunk in chunks_of(exchange) for one in chunk.get("candidates") or ()]
    return any(end in _BROKEN for end in ends)


def stream_bytes(exchange: dict[str, Any]) -> bytes:
    body = exchange["response"]["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body, indent=1).encode()
