"""Other providers' thinking blocks inside this format: a client of it keeps `thoughtSignature` and sends it back, so the
whole block travels there, and goes on to its own provider as it came.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from lingate._dialects._dataurl import decoded
from lingate._dialects._luggage import opened
from lingate._dialects._signature import unseal
from lingate._dialects.gemini.facts import NAME
from lingate._model import JsonDict
from lingate._wire.json import decode, encode

_MAGIC = b"\x00lingate:"


def foreign_part(block: JsonDict) -> JsonDict:
    """A thinking block of another provider as a part without text: that was told before."""
    sealed = base64.b64encode(_MAGIC + encode(block)).decode()
    return {"text": "", "thought": True, "thoughtSignature": sealed}


def is_foreign_block(block: Any) -> bool:
    """Whether a thinking block holds another provider's proof."""
    if not isinstance(block, dict):
        return False
    if block.get("type") == "redacted_thinking":
        return isinstance(block.get("data"), str)
    signature = block.get("signature")
    return isinstance(signature, str) and signature != "" and unseal(signature, NAME) is None


def foreign_blocks(parts: Sequence[JsonDict]) -> list[JsonDict]:
    """The blocks that travel in these parts, luggage among them."""
    return [block for block in map(_block_of, parts) if block is not None]


def without_foreign(parts: Sequence[JsonDict]) -> list[JsonDict]:
    """The parts that are this format's own. The thoughts of a foreign block are in the block, so they go too."""
    own = [part for part in parts if opened(_block_of(part)) is None]
    if not any(_block_of(part) is not None for part in own):
        return own
    return [part for part in own if not (part.get("thought") and isinstance(part.get("text"), str))]


def _block_of(part: JsonDict) -> JsonDict | None:
    sealed = part.get("thoughtSignature")
    if not part.get("thought") or not isinstance(sealed, str):
        return None
    try:
        data = decoded(sealed)
        block = decode(data[len(_MAGIC) :]) if data.startswith(_MAGIC) else None
    except ValueError:
        return None
    return block if isinstance(block, dict) else None
