# The ledger as CSV, in pieces as they are read, safe to open in a spreadsheet.

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from lingate.server.ledger.filters import Filter
from lingate.server.ledger.query import MOST_GROUPS, Usage
from lingate.server.ledger.times import moment_text
from lingate.server.records import MEASURES
from lingate.server.store import StoreError
from lingate.server.store.ledger import ledger

_INCOMPLETE = "INCOMPLETE: the database did not answer, rows are missing"
_COLUMNS = tuple(column.name for column in ledger.columns if column.name != "body")

# A cell that begins with one of these is a formula to spreadsheets, and its text comes from whoever made the call. Where
# commas are in numbers, a cell ends at a semicolon, and quotes in mid-line mean nothing.
_FORMULA = re.compile(r"(\A|[;\t\r\n])(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")


async def rows_csv(usage: Usage, filter: Filter | None = None) -> AsyncIterator[bytes]:
    # All calls that `filter` leaves, newest first, with a line of names before them; without the bodies.
    yield _lines([_COLUMNS])
    try:
        async for rows in usage.every_row(filter):
            yield _lines([row[name] if name != "at" else moment_text(row[name]) for name in _COLUMNS] for row in rows)
    except StoreError:
        # The head of the answer is out, and without a word this would look like all there is.
        yield _lines([[_INCOMPLETE]])
        raise


async def usage_csv(
    usage: Usage, dimensions: Sequence[str], filter: Filter | None = None, limit: int = MOST_GROUPS
) -> AsyncIterator[bytes]:
    # Sums for each combination of `dimensions`, with a line of names before them.
    names = (*dimensions, *MEASURES)
    groups = await usage.by(dimensions, filter, limit=limit)
    yield _lines([names])
    yield _lines([group[name] for name in names] for group in groups)


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(map(_cell, row) for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        value = ";".join(map(str, value))
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
