# What can be wrong with the gateway's database.

# No message here ever holds a password.

from lingate.errors import ConfigError


class StoreError(ConfigError):
    # The database cannot be used as it is configured: its URL is wrong, or a newer program has written it.

    kind = "store"


class StoreUnavailableError(StoreError):
    # The database does not answer now; later it may.

    retryable = True
