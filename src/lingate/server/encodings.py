# Bodies that clients send compressed.

from __future__ import annotations

import zlib
from contextlib import suppress

from lingate.errors import BadRequestError
from lingate.server.http import too_large

_GZIP_OR_ZLIB = zlib.MAX_WBITS + 32
_BARE = -zlib.MAX_WBITS
_TAKEN = ("gzip", "x-gzip", "deflate")
_MOST_MEMBERS = 16
"""A file of gzip's may have several members, one behind the other. Each costs a copy of all that follow it."""


def plain(body: bytes, encoding: str, limit: int) -> bytes:
    # The body as it was before it was compressed.
    # Raises BadRequestError: The encoding is another one, or the body is broken.
    # Raises PayloadTooLargeError: It is longer.
    name = encoding.strip().lower()
    if name in ("", "identity") or not body:
        return body
    if name not in _TAKEN:
        shown = encoding[:40]
        raise BadRequestError(f"bodies are taken as they are or as gzip or deflate, not as {shown!r}", kind="encoding")
    # Some send what is `deflate` without the frame that the name stands for.
    for window in (_GZIP_OR_ZLIB, _BARE) if name == "deflate" else (_GZIP_OR_ZLIB,):
        with suppress(zlib.error):
            return _inflated(body, window, limit)
    raise BadRequestError(f"the request's body is not {name}, although its header says so")


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    length = 0
    while body:
        if len(pieces) == _MOST_MEMBERS:
            raise zlib.error
        member = zlib.decompressobj(window)
        pieces.append(member.decompress(body, limit - length + 1))
        length += len(pieces[-1])
        if length > limit:
            raise too_large(limit)
        if not member.eof:
            raise zlib.error
        body = member.unused_data
    return b"".join(pieces)
