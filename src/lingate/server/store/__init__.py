# The gateway's database: SQLite by default, Postgres by URL.

# Tables, how it is opened, how it is migrated.
# What every gateway asks while it serves calls is plain SQL (`Store.ask`), which on SQLite needs nothing but Python;
# the rest is SQLAlchemy Core, loaded when it is first needed. Its mapper would cost memory and start time and give
# nothing here.

from lingate.server.errors import StoreError, StoreUnavailableError
from lingate.server.store.engine import Answer, Statement, Store, open_store

__all__ = ["Answer", "Statement", "Store", "StoreError", "StoreUnavailableError", "open_store"]
