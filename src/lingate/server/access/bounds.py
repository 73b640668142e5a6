"""The most input that a request can have, in tokens, for reserving money: an estimate would let budgets be overspent."""

from __future__ import annotations

from typing import Any

# No tokenizer makes more tokens than there are bytes, and what providers put around messages is less than the JSON there.
_AROUND = 4
_NUMBER = 24
_TOOLS = 1024
"""What providers write before a list of tools; the longest that is documented has 700 tokens."""
_IMAGE = 16_384
"""More than any provider counts for one picture, however it is sent."""
_FILE = 131_072
"""For a file that is named and not sent: nobody knows how long it is."""


def most_input(body: dict[str, Any]) -> int:
    """Tokens that the input of a request (in the canonical form) cannot have more of."""
    size = _TOOLS if body.get("tools") or body.get("functions") else 0
    pending: list[Any] = [body]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is str:
            size += _AROUND + (len(item) if item.isascii() else len(item.encode("utf-8", "surrogatepass")))
        elif kind is dict:
            for key, value in item.items():
                size += _AROUND + len(key)
                if key == "image_url" and value:
                    size += _IMAGE
                elif key in {"file_id", "file_url"} and value:
                    size += _FILE
                else:
                    pending.append(value)
        elif kind is list:
            size += _AROUND
            pending += item
        else:
            size += _NUMBER
    return size
