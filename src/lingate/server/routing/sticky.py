# What makes calls belong together, so that a provider's prompt cache is met again.

from __future__ import annotations

from hashlib import blake2b

from lingate._model import JsonDict
from lingate._wire.json import encode

_HEAD = ("system", "developer")


def sticky_key(affinity: str, key_id: str, body: JsonDict, session: str | None = None) -> str | None:
    # The words that calls which belong together have in common; None where nothing does.
    # affinity: `Group.sticky`: `prompt`, `key`, `session`, or empty.
    # key_id: Whose call it is: callers never meet each other's caches.
    # body: The canonical request. For `prompt`, its tools and everything to the end of the first turn count: they stay
    # the same while a conversation grows.
    if affinity == "key":
        return key_id or None
    if affinity == "session":
        return f"{key_id}\0{session}" if session else None
    messages = body.get("messages")
    if affinity != "prompt" or not isinstance(messages, list) or not messages:
        return None
    first = next((at for at, item in enumerate(messages) if not _is_head(item)), len(messages))
    head = encode([key_id, body.get("tools"), messages[: first + 1]])
    return blake2b(head, digest_size=16).hexdigest()


def _is_head(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") in _HEAD
