# Proofs of reasoning that travel inside the fields of another format.

# A signature means something to the provider that made it and is an error to any other. One that has no field of its own in
# the canonical form goes into `thinking_blocks` with its dialect's name before it, so that every face carries it, its own
# dialect finds it again, and all others know to leave it out.

from __future__ import annotations

from typing import Any

_MARK = "#"  # not a letter of base64, so no provider's own signature holds it


def seal(dialect: str, payload: str) -> str:
    # A signature that only `dialect` will open.
    return f"{dialect}{_MARK}{payload}"


def unseal(signature: Any, dialect: str) -> str | None:
    # What this dialect sealed; None for every other signature.
    if not isinstance(signature, str) or not signature.startswith(f"{dialect}{_MARK}"):
        return None
    return signature[len(dialect) + 1 :]


def is_foreign(signature: Any, dialect: str) -> bool:
    # Whether another dialect sealed this signature, so that it is of no use here.
    return isinstance(signature, str) and _MARK in signature and unseal(signature, dialect) is None
