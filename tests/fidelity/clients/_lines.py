"""Streams cut into their JSON records, independently of the code under test."""

from __future__ import annotations

import json
from typing import Any


def sse(data: bytes) -> list[Any]:
    """The records of an SSE stream."""
    frames = data.decode().replace("\r\n", "\n").split("\n\n")
    texts = ["\n".join(line[5:].strip() for line in frame.split("\n") if line.startswith("data:")) for frame in frames]
    return [json.loads(text) for text in texts if text and text != "[DONE]"]


def ndjson(data: bytes) -> list[Any]:
    """The records of a stream of lines."""
    return [json.loads(line) for line in data.decode().splitlines() if line.strip()]
