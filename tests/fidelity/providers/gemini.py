"""Google's generateContent: whole answers, of which each has the next parts; signatures come on the last piece."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fidelity.providers._pieces import SSE, halves, sse
from tests.fidelity.talk import JsonDict


def stream(body: JsonDict) -> tuple[bytes, str]:
    (candidate,) = body["candidates"]
    head = {name: body[name] for name in ("modelVersion", "responseId")}
    parts = [piece for part in candidate["content"]["parts"] for piece in _pieces(part)]
    events = [{"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}], **head} for part in parts]
    rest = {name: value for name, value in candidate.items() if name != "content"}
    events[-1]["candidates"][0].update(rest)
    events[-1]["usageMetadata"] = body["usageMetadata"]
    return sse(*events), SSE


def _pieces(part: JsonDict) -> Iterator[JsonDict]:
    if "text" not in part:
        yield part
        return
    flag = {"thought": True} if part.get("thought") else {}
    yield from ({"text": piece, **flag} for piece in halves(part["text"]))
    if "thoughtSignature" in part:
        yield {"text": "", **flag, "thoughtSignature": part["thoughtSignature"]}
