# The usage ledger: a journal on disk on the hot path, a task that copies it into the database, and questions to that.

from lingate.server.ledger.drain import Drainer, DrainState
from lingate.server.ledger.journal import Journal, JournalFullError, JournalState

__all__ = ["DrainState", "Drainer", "Journal", "JournalFullError", "JournalState"]
