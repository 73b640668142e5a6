"""Rows that the database refuses for what is in them: kept in a file, where a person can look at them."""

from __future__ import annotations

import logging
import os
from pathlib import Path

_log = logging.getLogger("lingate.ledger")


def set_aside(root: Path, payload: bytes, reason: str) -> None:
    """Append a row to `rejected.jsonl` in the journals' directory, and say so."""
    path = root / "rejected.jsonl"
    _log.error("the ledger's database refuses a row, which is now in %s: %s", path, reason)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, payload + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
