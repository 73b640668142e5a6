"""The ledger of a gateway under test, as its database has it."""

from __future__ import annotations

import sqlite3
from typing import Any

from tests.server.gateway_kit import Running


def rows_of(gateway: Running, **wanted: Any) -> list[dict[str, Any]]:
    """The rows with these values, oldest first."""
    gateway.flush()
    with sqlite3.connect(gateway.state / "gateway.db") as database:
        database.row_factory = sqlite3.Row
        found = [dict(row) for row in database.execute("select * from ledger order by at, id")]
    database.close()
    return [row for row in found if all(row[name] == value for name, value in wanted.items())]
