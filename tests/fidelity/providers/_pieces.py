"""What the streams are made of."""

from __future__ import annotations

import json
from typing import Any

SSE = "text/event-stream"


def halves(text: str) -> list[str]:
    """A text in two pieces; an empty one in none."""
    middle = (len(text) + 1) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]


def sse(*records: Any, named: bool = False) -> bytes:
    """Records as SSE, with their types as the events' names where the format has them."""
    lines = [(f"event: {item['type']}\n" if named else "") + f"data: {json.dumps(item)}\n\n" for item in records]
    return "".join(lines).encode()
