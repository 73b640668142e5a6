"""Write a migration: what the tables in `lingate.server.store` have that the newest revision has not.

    python scripts/new_revision.py "keys have notes"

Then read the file, move data if there is any to move, and set `HEAD` in store/migrate.py.
"""

from __future__ import annotations

import sys
import tempfile

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from lingate.server.store.migrate import alembic_config


def main(message: str) -> None:
    """Compare the tables with a database made by all migrations there are, and write the difference."""
    with tempfile.TemporaryDirectory() as directory:
        engine = create_engine(f"sqlite:///{directory}/old.db")
        with engine.begin() as connection:
            config = alembic_config(connection)
            scripts = ScriptDirectory.from_config(config)
            count = len(list(scripts.walk_revisions()))
            if count:
                command.upgrade(config, "head")
            command.revision(config, message, autogenerate=True, rev_id=f"{count + 1:04}")
        engine.dispose()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or sys.exit(__doc__))
