# Which rows a question is about.

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Text, func, literal, select, type_coerce

from lingate._wire.shapes import not_null
from lingate.server.store.ledger import ledger


class QueryError(ValueError):
    # A question that cannot be asked: an unknown dimension, a cursor that is none. The text is for the one who asked.
    pass


class Filter(NamedTuple):
    # Rows to look at; what is None does not matter. Fields are compared for equality.

    since: float | None = None
    """Not before this moment, epoch seconds."""
    until: float | None = None
    """Before this moment."""
    key_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    end_user: str | None = None
    model: str | None = None
    provider: str | None = None
    deployment: str | None = None
    tag: str | None = None
    operation: str | None = None
    face: str | None = None
    status: int | None = None
    failed: bool | None = None
    """Only failures, or only successes."""

    def named(self) -> dict[str, Any]:
        # The conditions that there are, besides the time.
        return not_null(self._asdict(), ("since", "until"))

    def rows(self, dialect: str) -> list[ColumnElement[bool]]:
        # Conditions on `ledger`.
        found: list[ColumnElement[bool]] = [
            ledger.c[name] == value for name, value in self.named().items() if name in ledger.c
        ]
        if self.since is not None:
            found.append(ledger.c.at >= self.since)
        if self.until is not None:
            found.append(ledger.c.at < self.until)
        if self.failed is not None:
            found.append(ledger.c.error.is_not(None) if self.failed else ledger.c.error.is_(None))
        if self.tag is not None:
            label = labels(dialect)
            found.append(select(literal(1)).select_from(label).where(label.c.value == self.tag).exists())
        return found


def labels(dialect: str) -> FromClause:
    # The tags of a row of `ledger` as a table of its own, with one column `value`.
    if dialect == "postgresql":
        texts = func.jsonb_array_elements_text(func.coalesce(ledger.c.tags, func.jsonb_build_array()))
        return texts.table_valued("value", name="label", joins_implicitly=True).render_derived()
    tags = func.coalesce(type_coerce(ledger.c.tags, Text), "[]")
    return func.json_each(tags).table_valued("value", name="label", joins_implicitly=True)
