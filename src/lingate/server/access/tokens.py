# Virtual keys as strings: how they are made, and the digest by which they are known.

# Only the digest is ever stored.

from __future__ import annotations

import secrets
from hashlib import sha256

PREFIX = "sk-"
_ID_BYTES = 6
_SECRET_BYTES = 32
SHORTEST = 20
"""Characters a key must have that an administrator brings along instead of having one made."""
_LONGEST = 512


def make_token(key_id: str | None = None) -> tuple[str, str]:
    # A new key: its public id, and the whole token, which holds the id and 256 bits of secret.
    # key_id: The id to keep, when a key is rotated.
    public = key_id or secrets.token_hex(_ID_BYTES)
    return public, f"{PREFIX}{public}-{secrets.token_urlsafe(_SECRET_BYTES)}"


def make_id(kind: str) -> str:
    # A new id for a team, a user, ...: the kind and random digits.
    return f"{kind}-{secrets.token_hex(_ID_BYTES)}"


def digest(token: str) -> bytes:
    # What a token is known by.
    # It has too much entropy to be guessed, so a plain hash is enough, and fast.
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def fault_of(token: str) -> str | None:
    # Why a token that an administrator chose cannot be one; None if it can.
    if not token.startswith(PREFIX):
        return f"a key begins with {PREFIX!r}"
    if not SHORTEST <= len(token) <= _LONGEST:
        return f"a key has {SHORTEST} to {_LONGEST} characters"
    if not all("!" <= char <= "~" for char in token):
        return "a key is made of printable ASCII characters without spaces"
    return None


def masked(token: str) -> str:
    # A token for display: enough to tell it from others, too little to use it.
    return f"{PREFIX}...{token[-4:]}"
