"""Proofs of reasoning: this format's `encrypted_content` <-> the `signature` of a canonical thinking block.

Towards other formats an item's id and secret travel sealed in a signature. Towards clients of this format the
signatures of other providers travel in `encrypted_content`, behind a mark that no provider's own secret holds.
"""

from __future__ import annotations

from typing import Any

from lingate._dialects._signature import seal, unseal
from lingate._dialects.openai_responses.facts import NAME
from lingate._model import JsonDict

_BLOCK = "thinking"
_REDACTED = "redacted_thinking"


def is_foreign_item(item: JsonDict) -> bool:
    """Whether a reasoning item holds the proof of another format, which no provider of this one may see."""
    secret = item.get("encrypted_content")
    return item.get("type") == "reasoning" and (
        unseal(secret, _BLOCK) is not None or unseal(secret, _REDACTED) is not None
    )


def thinking_block(item: JsonDict, text: str) -> JsonDict | None:
    """A reasoning item as a canonical thinking block; None if there is nothing in it."""
    secret = item.get("encrypted_content")
    redacted = unseal(secret, _REDACTED)
    if redacted is not None:
        return {"type": "redacted_thinking", "data": redacted}
    signature = signature_of(item)
    if signature is not None:
        return {"type": "thinking", "thinking": text, "signature": signature}
    return {"type": "thinking", "thinking": text} if text else None


def signature_of(item: JsonDict) -> str | None:
    """The proof of a reasoning item as a signature; None if it has none."""
    secret, given = item.get("encrypted_content"), item.get("id")
    if not isinstance(secret, str) or not secret:
        return None
    if unseal(secret, NAME) is not None:
        return secret
    foreign = unseal(secret, _BLOCK)
    return foreign if foreign is not None else seal(NAME, f"{given if isinstance(given, str) else ''}:{secret}")


def restored(item: JsonDict) -> JsonDict:
    """A reasoning item with the id that its secret belongs to, if a client was shown it under another.

    The secret of one item with the id of another is refused (`invalid_encrypted_content`).
    """
    payload = unseal(item.get("encrypted_content"), NAME)
    if payload is None:
        return item
    given, _, secret = payload.partition(":")
    rest = {key: value for key, value in item.items() if key != "id"}
    return {**({"id": given} if given else {}), **rest, "encrypted_content": secret}


def own_item(block: Any) -> JsonDict | None:
    """The reasoning item that a thinking block was made of; None for a block of another format."""
    payload = unseal(block.get("signature"), NAME) if isinstance(block, dict) else None
    if payload is None:
        return None
    given, _, secret = payload.partition(":")
    text = block.get("thinking")
    summary = [{"type": "summary_text", "text": text}] if isinstance(text, str) and text else []
    item: JsonDict = {"type": "reasoning", "summary": summary, "encrypted_content": secret}
    return {"id": given, **item} if given else item


def secret_of(block: JsonDict) -> str | None:
    """What a client of this format is given as `encrypted_content` of a thinking block; None if it has no proof."""
    if block.get("type") == "redacted_thinking":
        data = block.get("data")
        return seal(_REDACTED, data) if isinstance(data, str) else None
    signature = block.get("signature")
    if not isinstance(signature, str) or not signature:
        return None
    payload = unseal(signature, NAME)
    return seal(_BLOCK, signature) if payload is None else payload.partition(":")[2]
