"""Rows of the ledger for tests."""

from __future__ import annotations

import itertools
from typing import Any

from lingate.server.records import LedgerRow

_numbers = itertools.count(1)

NOON = 1_795_176_000.0
"""2026-11-20T12:00:00Z."""


def make_row(**fields: Any) -> LedgerRow:
    """A successful call at noon that cost a cent; whatever is given is otherwise."""
    plain = {
        "id": f"call-{next(_numbers):08}",
        "at": NOON,
        "key_id": "key-1",
        "face": "openai_chat",
        "operation": "chat",
        "model": "small",
        "provider": "examplegw",
        "provider_model": "small-1",
        "deployment": "d1",
        "attempts": 1,
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "cost": 0.01,
        "price": "2026-11-01",
        "seconds": 0.5,
        "upstream": 0.4,
        "finish": "stop",
    }
    return LedgerRow(**(plain | fields))
