"""What tests of Director's adapter share: a provider's answers, word for word."""

from __future__ import annotations

import json
from typing import Any

from tests.servers import Script


def completion(message: dict[str, Any], usage: Any = None, **choice: Any) -> Script:
    """A provider's whole answer."""
    answer = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop", **choice}],
        "usage": usage,
    }
    return Script([json.dumps(answer).encode()], headers={"content-type": "application/json"})


def called(arguments: Any, name: str = "search_videos") -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
