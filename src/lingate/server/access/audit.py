# What administrators did: who, what, when, from where.

# Values that may hold secrets are named, never written.

from __future__ import annotations

from typing import Any

import msgspec

_HIDDEN = {"metadata"}
_OBVIOUS = {"id", "created_at", "updated_at", "created_by"}


class Actor(msgspec.Struct, frozen=True):
    # Who does something.

    name: str
    """`master`, a key's id, or the subject of a signed token."""
    address: str | None = None
    """Where the request came from."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    # One thing that was done.

    id: int = 0
    """Number in the log, 0 before it is written."""
    at: float
    """Epoch seconds."""
    actor: str
    """Who did it."""
    address: str | None = None
    """From where."""
    action: str
    """`create`, `update`, `delete`, `rotate`, `block`, `unblock`, `reload`."""
    kind: str
    """What it was done to: `key`, `team`, `user`, `customer`, `tag`, `budget`, `config`."""
    subject: str
    """Which one."""
    changes: dict[str, Any] = {}
    """Fields with their old and new value."""


def differences(old: msgspec.Struct | None, new: msgspec.Struct | None) -> dict[str, Any]:
    # The fields in which two versions of a record differ, as `{field: {"from": ..., "to": ...}}`.
    before, after = map(_fields, (old, new))
    changed = {name: (before.get(name), after.get(name)) for name in {**before, **after} if name not in _OBVIOUS}
    return {
        name: {} if name in _HIDDEN else {key: value for key, value in (("from", left), ("to", right)) if _said(value)}
        for name, (left, right) in changed.items()
        if left != right and (_said(left) or _said(right))
    }


def _said(value: object) -> bool:
    return value is not None and value != {} and value != [] and value is not False


def _fields(record: msgspec.Struct | None) -> dict[str, Any]:
    return {} if record is None else msgspec.to_builtins(record)
