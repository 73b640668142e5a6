# One kept answer, in the canonical form, which every face can tell.

from __future__ import annotations

import msgspec

from lingate._model import JsonDict
from lingate._wire import json

_encoder = msgspec.msgpack.Encoder()
_BESIDE = 512
"""What an entry takes in memory besides its answer, roughly, in bytes."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    # One kept answer.

    data: bytes
    """The canonical response as JSON."""
    at: float
    """When it was given, epoch seconds."""
    deployment: str | None = None
    """Who gave it."""
    provider: str | None = None
    """Its provider's row."""
    model: str | None = None
    """The model's name there."""

    @property
    def size(self) -> int:
        return len(self.data) + _BESIDE

    def response(self) -> JsonDict:
        # The canonical response, a new one each time.
        found: JsonDict = json.decode(self.data)
        return found

    def packed(self) -> bytes:
        # As bytes, for a store that is not this process's memory.
        return _encoder.encode(self)


_decoder = msgspec.msgpack.Decoder(Entry)


def unpacked(data: bytes) -> Entry | None:
    # The entry that was packed; None if these bytes are none, whoever wrote them.
    try:
        entry = _decoder.decode(data)
        return entry if is_whole(entry.response()) else None
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError):
        return None


_REFUSED = ("content_filter", "error")


def is_whole(response: JsonDict) -> bool:
    choices = response.get("choices")
    if choices is None:
        return bool(response.get("data") or response.get("results"))
    return bool(choices) and all(choice.get("finish_reason") is not None for choice in choices)


def is_lasting(response: JsonDict) -> bool:
    # Whether a complete answer may be given later, too: what was refused today may be answered tomorrow.
    return all(choice.get("finish_reason") not in _REFUSED for choice in response.get("choices") or ())
