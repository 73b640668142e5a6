# Vectors in the form that was asked for, wherever they come as numbers.

from __future__ import annotations

import base64
import struct
from typing import Any

from lingate._dialects._answers import garbage
from lingate._model import HttpRequest, JsonDict


def shown(vector: Any, sent: HttpRequest) -> Any:
    # A vector as base64 of little-endian single floats, if that was asked for and it is numbers.
    # OpenAI's own clients ask for it by default, and some take whatever comes for it: vectors a quarter as long.
    # Raises ProtocolError: a number is too large for that.
    if type(vector) is not list or sent.call.body.get("encoding_format") != "base64":
        return vector
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except struct.error:
        return vector  # no plain vector
    except OverflowError as flaw:
        raise garbage(sent.target, str(flaw)) from None


def embeddings(vectors: list[Any], sent: HttpRequest) -> list[JsonDict]:
    return [{"object": "embedding", "index": n, "embedding": shown(vector, sent)} for n, vector in enumerate(vectors)]
