# A client of Redis as this program uses it: nothing is tried again by itself, and nobody waits for long.

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from lingate.errors import ConfigError


def redis_client(url: str, patience: float, **options: Any) -> Redis:
    # A client of the Redis at `url`.
    # Nothing is opened yet.
    # patience: Seconds for an answer, and for a connection.
    # Raises ConfigError: It is no such URL. The message does not hold it: there may be a password in it.
    try:
        return Redis.from_url(
            url,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            **{"socket_timeout": patience, **options},
        )
    except ValueError:
        raise ConfigError(
            "the Redis URL cannot be read",
            hint="write redis://user:password@host:6379/0; special characters in a password are percent-encoded",
        ) from None
