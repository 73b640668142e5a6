"""Rows that cannot be written as they are: text that is not Unicode, objects that are not JSON, bodies that are too large."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from lingate.server.records import LedgerRow

_COUNTS: Final = (
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "audio_tokens",
)
MOST_TOKENS: Final = 2**40 - 1
"""More than any call can use. A sum of larger numbers would not fit into a database's integers, and stop the ledger."""


def plain_row(row: LedgerRow, *, with_body: bool = True) -> dict[str, Any]:
    """`row` as JSON can hold it and every database can store it; nothing is left out but what has no meaning as text."""
    given = msgspec.structs.asdict(row)
    if not with_body:
        given["body"] = {"omitted": "too large"}
    fields = {name: _plain(value) for name, value in given.items()}
    for name in _COUNTS:
        count = fields[name]
        if not isinstance(count, int) or not 0 <= count <= MOST_TOKENS:
            fields[name] = None
    return {name: value for name, value in fields.items() if value is not None and value != []}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, str):
        # Surrogates come from clients whose JSON has half of a pair.
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_plain(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return type(value).__name__
