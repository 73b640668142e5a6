"""The one catalogue of tables; every module that defines tables hangs them on it."""

from __future__ import annotations

from sqlalchemy import MetaData

# Names of constraints are spelled out so that a migration can refer to them on every database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
