"""The gateway's database: SQLite by default, Postgres by URL. Tables, how it is opened, how old ones are brought up to date.

SQLAlchemy Core only: its mapper would cost memory and start time and give nothing here.
"""

from __future__ import annotations

from lingate.server.store.engine import Store, open_store
from lingate.server.store.errors import StoreError, StoreUnavailableError

__all__ = ["Store", "StoreError", "StoreUnavailableError", "open_store"]
