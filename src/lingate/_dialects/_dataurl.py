# Data URLs (RFC 2397): `data:image/png;base64,...`.

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

_ESCAPES = {
    "%2B": "+",
    "%2b": "+",
    "%2F": "/",
    "%2f": "/",
    "%3D": "=",
    "%3d": "=",
    "%0A": "",
    "%0a": "",
    "%0D": "",
    "%0d": "",
}
_MOST_OTHERS = 1000
"""Escapes besides these, which base64 has no need of. Each costs a microsecond, and a request could hold millions."""


def is_data_url(text: object) -> bool:
    return isinstance(text, str) and text[:5].lower() == "data:"


def split_data_url(url: str) -> tuple[str, str]:
    # Media type in lower case (empty if the URL names none) and the data as base64.
    # Raises ValueError: there is no comma, so no data.
    head, comma, data = url[5:].partition(",")
    if not comma:
        raise ValueError("the data URL has no comma")
    media_type, *options = (piece.strip().lower() for piece in head.split(";"))
    if "base64" not in options:
        return media_type, base64.b64encode(unquote_to_bytes(data)).decode()
    if "%" in data:
        for escape, letter in _ESCAPES.items():
            data = data.replace(escape, letter)
        if 0 < data.count("%") <= _MOST_OTHERS:
            data = unquote_to_bytes(data).decode("ascii", "replace")
    return media_type, data


def data_url(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"


def standard(data: str) -> str:
    # Base64 of either alphabet in the usual one: Google's package writes the other, which other providers do not read.
    return data.replace("-", "+").replace("_", "/")


def decoded(data: str) -> bytes:
    # Base64 text of either alphabet, padded or not, as bytes.
    # Raises ValueError: it is not base64.
    text = standard(data.strip())
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError("the data is not base64") from None
