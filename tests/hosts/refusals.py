"""A provider whose model refuses: no text, and the words of the refusal in a field of their own."""

from __future__ import annotations

import json
from typing import Any

from tests.hosts.director_kit import completion
from tests.servers import Script

REFUSAL = "I cannot help with that."


def refusing(*, stream: bool = False) -> Script:
    """Its answer, whole or as a stream."""
    if not stream:
        return completion({"content": None, "refusal": REFUSAL})
    deltas: list[dict[str, Any]] = [{"role": "assistant", "refusal": "I cannot "}, {"refusal": "help with that."}]
    return events(*deltas, {})


def events(*deltas: dict[str, Any], finish: str = "stop") -> Script:
    """A stream of these deltas; the last comes with the finish reason."""
    made = []
    for number, delta in enumerate(deltas, 1):
        choice = {"index": 0, "delta": delta, "finish_reason": finish if number == len(deltas) else None}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        made.append(f"data: {json.dumps(chunk)}\n\n".encode())
    return Script([*made, b"data: [DONE]\n\n"])
