# A call as one line: for people, and as the fields that logs and `lingate tail` have of it.

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from lingate.server.records import COUNTS, LedgerRow

ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {0x0A: "\\n", 0x0D: "\\r"}
"""What would make several lines of one, or move a terminal's cursor."""

_FIELDS = [
    "model",
    "status",
    "error",
    "face",
    "operation",
    "stream",
    "provider",
    "provider_model",
    "deployment",
    "attempts",
    "fallbacks",
    "cache",
    "finish",
    *COUNTS,
    "estimated",
    "cost",
    "price",
    "seconds",
    "upstream",
    "ttft",
    "key_id",
    "key_alias",
    "team_id",
    "user_id",
    "request_id",
]
_TIMES = frozenset({"seconds", "upstream", "ttft"})
_NAMES = frozenset({"model", "provider_model", "deployment"})
"""What is the caller's word, or holds it where a `*` stands for any model."""


def time_text(at: float) -> str:
    # A moment in UTC, to the millisecond.
    milliseconds = round(at * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(64)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def call_fields(row: LedgerRow, shown: Callable[[str], str]) -> dict[str, Any]:
    # A call as fields; those with nothing in them are left out.
    fields: dict[str, Any] = {"call_id": row.id}
    for name in _FIELDS:
        value = getattr(row, name)
        if value is not None and value != "":
            fields[name] = round(value, 6) if name in _TIMES else shown(value) if name in _NAMES else value
    return fields


def call_of(data: bytes) -> tuple[LedgerRow, str | None]:
    # A call and the message of its error from the JSON that `lingate tail` is sent.
    # Raises ValueError: That is no call.
    row = msgspec.json.decode(data, type=LedgerRow)
    return row, msgspec.json.decode(data, type=_Message).message


class _Message(msgspec.Struct):
    message: str | None = None


def call_text(row: LedgerRow, shown: Callable[[str], str]) -> str:
    # A call on one line, for people.
    text = f"{row.id} {row.status} {row.face} {row.operation}{' stream' if row.stream else ''}"
    if row.model:
        text += f", {shown(row.model)}"
        if row.provider and row.cache not in ("hit", "shared"):
            text += f" -> {row.provider}/{shown(row.provider_model or '')}"
    text += f", {row.seconds * 1000:.1f} ms ({(row.seconds - row.upstream) * 1000:.1f} own)"
    if row.prompt_tokens is not None or row.completion_tokens is not None:
        text += f", {'~' if row.estimated else ''}{row.prompt_tokens or 0}+{row.completion_tokens or 0} tokens"
    if row.cost is not None:
        text += f", ${row.cost:.6g}{'' if row.is_priced else ' and more'}"
    if row.error is not None:
        text += f", {row.error}"
    if row.attempts > 1:
        text += f", {row.attempts} tries"
    if row.fallbacks:
        text += f", {row.fallbacks} fallbacks"
    if row.cache is not None:
        text += f", cache {row.cache}"
    who = row.key_alias or row.key_id
    if who:
        text += f", key {who}"
    return text if text.isprintable() else text.translate(ESCAPES)
