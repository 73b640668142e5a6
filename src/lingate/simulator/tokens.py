"""The simulator's own token count: simple, exact and the same for whole and streamed answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lingate._wire import json

# Up to eight letters, or one sign. A long run of x, which is what a huge event is made of, is one token.
_TOKEN = re.compile(r"\s*(?:x{64,}|\w{1,8}|[^\w\s])|\s+\Z")
_PER_MESSAGE = 4
_PER_MEDIUM = 85  # what OpenAI counts for an image in low detail


def split(text: str) -> list[str]:
    """The text's tokens; joined they are the text again."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens a text has."""
    return sum(1 for _ in _TOKEN.finditer(text))


def count_message(message: Mapping[str, Any]) -> int:
    """Tokens of one canonical message, its tool calls and media included."""
    total = _PER_MESSAGE + count(text_of(message.get("content")))
    content = message.get("content")
    if isinstance(content, list):
        total += _PER_MEDIUM * sum(1 for part in content if isinstance(part, Mapping) and part.get("type") != "text")
    for call in message.get("tool_calls") or ():
        total += count(json.encode_str(call))
    return total


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "\n".join(part for part in parts if isinstance(part, str))
