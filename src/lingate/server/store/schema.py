# Tables of the database: keys, those whom limits belong to, settings, what administrators did; and the ledger's.

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import Any, get_args

from msgspec.structs import fields
from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, Index, Integer, MetaData, SmallInteger, Table, Text
from sqlalchemy.ext.compiler import compiles

from lingate.server.records import FRACTIONS, MEASURES, LedgerRow

# Names of constraints are spelled out so that a migration can refer to them on every database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""The one catalogue of tables; all tables hang on it."""

# In the first four a record is one JSON text, decoded once when it is loaded; the columns beside it are what rows are
# found by. `version` counts changes: a replica reads what is newer than what it has. Deleted rows stay, without data, so
# that replicas hear of it.

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("previous_digest", Text, index=True),
    Column("version", BigInteger, nullable=False, index=True),
    Column("deleted", Boolean, nullable=False),
    Column("data", Text, nullable=False),
)

principals = Table(
    "principals",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False, index=True),
    Column("deleted", Boolean, nullable=False),
    Column("data", Text, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("address", Text),
    Column("action", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Index(None, "kind", "subject"),
)

# The ledger.

# `ledger` has a column for each field of `LedgerRow`, in its order. `usage_hours` and `tag_hours` are its sums by hour,
# kept in the same transactions, so that spend can be asked for without reading a row per call, and after old rows are
# gone.


class _Tags(JSON):
    # JSON that can be searched. Not a variant with Postgres's own type, which would import that dialect everywhere.

    cache_ok = True


@compiles(_Tags, "postgresql")
def _searchable(_type: _Tags, _compiler: Any, **_options: Any) -> str:
    return "JSONB"


_TYPES: dict[Any, Any] = {str: Text, float: Double, bool: Boolean, int: BigInteger}
_OTHERS: dict[str, Any] = {
    "tags": _Tags(none_as_null=True),
    "attempts": Integer,
    "fallbacks": Integer,
    "status": SmallInteger,
    "body": JSON(none_as_null=True),
}


def _columns() -> Iterator[Column[Any]]:
    for field in fields(LedgerRow):
        # What is a text, a number or a switch is that in the database, too; tags are absent where there are none.
        kinds = get_args(field.type) or (field.type,)
        kind = _OTHERS[field.name] if field.name in _OTHERS else _TYPES[kinds[0]]
        absent = NoneType in kinds or field.name == "tags"
        yield Column(field.name, kind, primary_key=field.name == "id", nullable=absent)


ledger = Table("ledger", metadata, *_columns())

# Each index costs about a microsecond a row. Two more are in tables.py.
Index("ix_ledger_at", ledger.c.at)
Index("ix_ledger_key_id_at", ledger.c.key_id, ledger.c.at)


def _measures() -> list[Column[Any]]:
    return [Column(name, Double if name in FRACTIONS else BigInteger, nullable=False) for name in MEASURES]


# Absent values are empty texts: a primary key has no nulls.
usage_hours = Table(
    "usage_hours",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("key_id", Text, primary_key=True),
    Column("team_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    *_measures(),
    Index(None, "key_id", "hour"),
    Index(None, "team_id", "hour"),
    Index(None, "user_id", "hour"),
)

# By tag, of which a call has several: apart, and only for calls that have one. End users have no such sums: there are so
# many of them that nearly each call would make a row of its own here too.
tag_hours = Table(
    "tag_hours",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("model", Text, primary_key=True),
    *_measures(),
    Index(None, "hour"),
)

# How far each journal has been copied into `ledger`; committed together with the rows.
journal_positions = Table(
    "journal_positions",
    metadata,
    Column("spool", Text, primary_key=True),
    Column("segment", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
)
