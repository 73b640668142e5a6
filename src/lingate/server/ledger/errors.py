"""Errors of the ledger."""

from __future__ import annotations

from lingate.errors import LimitError


class JournalFullError(LimitError):
    """The ledger cannot take another row: its database has been away for long, or the disk is full."""

    kind = "ledger_full"
    retryable = True
