# The first tables.

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None

_KINDS: dict[str, Any] = {
    "text": sa.Text(),
    "double": sa.Double(),
    "int": sa.Integer(),
    "small": sa.SmallInteger(),
    "big": sa.BigInteger(),
    "number": sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
    "bool": sa.Boolean(),
    "json": sa.JSON(none_as_null=True),
    "tags": sa.JSON(none_as_null=True).with_variant(
        postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
    ),
}
_SUMS = (
    "big calls errors cache_hits prompt_tokens completion_tokens cached_tokens cache_write_tokens reasoning_tokens;"
    "double cost; big unpriced; double seconds"
)
_TABLES = {
    "audit": "number id*; double at; text actor address? action kind subject changes",
    "journal_positions": "text spool*; big segment offset; double at",
    "keys": "text id* digest previous_digest?; big version; bool deleted; text data",
    "ledger": "text id*; double at; text key_id key_alias? team_id? user_id? end_user?; tags tags?; text face operation;"
    "bool stream; text model deployment? provider? provider_model?; int attempts fallbacks;"
    "big prompt_tokens? completion_tokens? cached_tokens? cache_write_tokens? reasoning_tokens? audio_tokens?;"
    "bool estimated; double cost?; text price?; double seconds ttft? upstream; small status;"
    "text error? finish? cache? request_id?; json body?",
    "principals": "text kind* id*; big version; bool deleted; text data",
    "settings": "text name* value",
    "tag_hours": f"text tag*; big hour*; text model*; {_SUMS}",
    "usage_hours": f"big hour*; text key_id* team_id* user_id* model* provider*; {_SUMS}",
}
"""Kinds of columns, each with the names of its columns: `*` is part of the primary key, `?` may be null."""


def upgrade() -> None:
    """Make all tables."""
    for name, columns in _TABLES.items():
        _create(name, columns)
    for table, name in (
        ("audit", "kind subject"),
        ("keys", "previous_digest"),
        ("keys", "version"),
        ("principals", "version"),
        ("tag_hours", "hour"),
        ("usage_hours", "key_id hour"),
        ("usage_hours", "team_id hour"),
        ("usage_hours", "user_id hour"),
        ("ledger", "at"),
        ("ledger", "key_id at"),
    ):
        op.create_index(op.f(f"ix_{table}_{name.replace(' ', '_')}"), table, name.split())
    for name in ("end_user", "team_id"):
        present = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"ix_ledger_{name}_at", "ledger", [name, "at"], postgresql_where=present, sqlite_where=present)


def _create(table: str, columns: str) -> None:
    made: list[Any] = []
    keys = []
    for part in columns.split(";"):
        kind, *names = part.split()
        for written in names:
            name = written.rstrip("*?")
            made.append(sa.Column(name, _KINDS[kind], nullable=written.endswith("?"), autoincrement=kind == "number"))
            if written.endswith("*"):
                keys.append(name)
    made.append(sa.PrimaryKeyConstraint(*keys, name=op.f(f"pk_{table}")))
    if table == "keys":
        made.append(sa.UniqueConstraint("digest", name=op.f("uq_keys_digest")))
    op.create_table(table, *made)


def downgrade() -> None:
    """Drop all tables, with all that is in them."""
    for name in _TABLES:
        op.drop_table(name)
