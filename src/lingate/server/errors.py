# Errors that only a gateway has.

# They reach clients in the words of the face they came by.

from __future__ import annotations

from typing import TYPE_CHECKING

from lingate.errors import ConfigError, LimitError, LingateError

if TYPE_CHECKING:
    from lingate.server.gateway import Gateway


class OverloadError(LimitError):
    # The gateway takes no more calls for the moment.

    kind = "overloaded"
    retryable = True

    @classmethod
    def of(cls, gateway: Gateway) -> OverloadError:
        # The error for what keeps it from taking more.
        if gateway.draining:
            return cls("the gateway is shutting down", retry_after=1.0)
        if not gateway.journal.has_room():
            return cls("the gateway's ledger is full: its database does not answer", retry_after=10.0)
        return cls("the gateway has as many calls under way as it takes", retry_after=1.0)


def internal() -> LingateError:
    # For what should not have happened: the log says what it was.
    return LingateError("the gateway failed", kind="internal")


# What can be wrong with the gateway's database.

# No message here ever holds a password.


class StoreError(ConfigError):
    # The database cannot be used as it is configured: its URL is wrong, or a newer program has written it.

    kind = "store"


class StoreUnavailableError(StoreError):
    # The database does not answer now; later it may.

    retryable = True
