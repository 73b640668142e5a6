# All tables, so that whoever needs the whole catalogue (a new database, a migration) imports one module.

# Here are also the indexes of part of a table: SQLAlchemy imports a database's dialect to understand them, which a
# program that only uses the tables need not pay for.

from sqlalchemy import Index, text

from lingate.server.store.schema import ledger, metadata

__all__ = ["metadata"]

# Fields that are often absent: only the rows that have them.
for _name in ("team_id", "end_user"):
    _present = text(f"{_name} IS NOT NULL")
    Index(
        f"ix_ledger_{_name}_at",
        ledger.c[_name],
        ledger.c.at,
        postgresql_where=_present,
        sqlite_where=_present,
    )
