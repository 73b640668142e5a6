"""Ollama's chat: lines, each with the next piece; calls come whole, and the last line has the counts."""

from __future__ import annotations

import json

from tests.fidelity.providers._pieces import halves
from tests.fidelity.talk import JsonDict


def stream(body: JsonDict) -> tuple[bytes, str]:
    message = body["message"]
    head = {name: body[name] for name in ("model", "created_at")}
    said: list[JsonDict] = [{"content": "", "thinking": piece} for piece in halves(message.get("thinking") or "")]
    said += [{"content": piece} for piece in halves(message["content"])]
    said += [{"content": "", "tool_calls": [call]} for call in message.get("tool_calls") or ()]
    lines = [{**head, "message": {"role": "assistant", **piece}, "done": False} for piece in said]
    rest = {name: value for name, value in body.items() if name not in head}
    lines.append({**head, **rest, "message": {"role": "assistant", "content": ""}})
    return "".join(json.dumps(line) + "\n" for line in lines).encode(), "application/x-ndjson"
