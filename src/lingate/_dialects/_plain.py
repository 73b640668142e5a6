# Messages that are a role and a text and nothing else: most of those of any conversation, and the quickest to write.

from __future__ import annotations

from typing import Any


def plain_text(message: Any) -> str | None:
    # The text of such a canonical message; None for any other, for a blank one, and for what is no message at all.
    if type(message) is dict and len(message) == 2:
        text = message.get("content")
        if type(text) is str and text and not text.isspace():
            return text
    return None
