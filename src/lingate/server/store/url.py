# Read a database URL as users have it, in SQLAlchemy's and in libpq's and in Prisma's spelling.

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from lingate.server.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_POSTGRES = {"postgres", "postgresql", "postgresql+asyncpg"}
_SQLITE = {"sqlite", "sqlite+aiosqlite"}

# The ordinary URL of a file: no reason to load SQLAlchemy, which reads all others, in the same way.
_FILE = re.compile(r"sqlite(?:\+aiosqlite)?:///([^?]+)")


class Address(msgspec.Struct):
    # Where a database is, taken apart.

    url: URL | None
    """For SQLAlchemy, with the asynchronous driver and without parameters; None for a file."""
    shown: str
    """For messages: no password, no parameters."""
    path: Path | None = None
    """The file, for SQLite."""
    connect: dict[str, Any] = {}
    """Arguments for the driver."""
    pool_size: int | None = None
    """Connections to keep, None for the default."""


def parse_url(text: str) -> Address:
    # Take a database URL apart.
    # Raises StoreError: It is not a URL, names a database that is not supported, or has a parameter that means nothing
    # here.
    plain = _FILE.fullmatch(text)
    if plain is not None:
        return _file(unquote(plain[1]))
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreError(
            "the database URL cannot be read",
            hint="write sqlite:////absolute/path.db or postgresql://user:password@host:5432/name; "
            "special characters in a password are percent-encoded",
        ) from None
    if url.drivername in _SQLITE:
        if url.query:
            raise StoreError(f"unknown parameter {next(iter(url.query))!r} in the database URL")
        return _file(url.database)
    if url.drivername in _POSTGRES:
        return _postgres(url)
    raise StoreError(f"no support for databases of kind {url.drivername!r}", hint="use sqlite:/// or postgresql://")


def _file(name: str | None) -> Address:
    if not name or name == ":memory:":
        raise StoreError(
            "a gateway's database in memory would forget every key", hint="name a file: sqlite:///lingate.db"
        )
    path = Path(name).expanduser().absolute()
    return Address(None, f"sqlite:///{path}", path=path)


def _postgres(url: URL) -> Address:
    if not url.database:
        raise StoreError("the database URL names no database", hint="postgresql://user:password@host:5432/name")
    plain = url.set(drivername="postgresql+asyncpg", query={})
    shown = f"postgresql://{url.host or ''}{f':{url.port}' if url.port else ''}/{url.database}"
    values: dict[str, Any] = {"timeout": 5.0, "command_timeout": 30.0, "application_name": "lingate"}
    for name, value in url.query.items():
        if name not in _PARAMETERS:
            raise StoreError(
                f"unknown parameter {name!r} in the database URL", hint=f"known are {', '.join(sorted(_PARAMETERS))}"
            )
        known, read = _PARAMETERS[name]
        try:
            values[known] = read(str(value))
        except ValueError:
            raise StoreError(f"parameter {name!r} in the database URL has no meaning as written") from None
    values.pop("pool_timeout", None)
    if values.pop("pgbouncer", False):
        # A pooler that hands out a server connection per transaction cannot keep prepared statements apart.
        values |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    pool_size = values.pop("pool_size", None)
    settings = {name: values.pop(name) for name in ("application_name", "search_path") if name in values}
    return Address(plain, shown, connect={**values, "server_settings": settings}, pool_size=pool_size)


def _ssl(value: str) -> str:
    if value not in {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}:
        raise ValueError(value)
    return value


_PARAMETERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "sslmode": ("ssl", _ssl),
    "ssl": ("ssl", _ssl),
    "pgbouncer": ("pgbouncer", "true".__eq__),
    "host": ("host", str),
    "connect_timeout": ("timeout", float),
    "application_name": ("application_name", str),
    "schema": ("search_path", str),
    "connection_limit": ("pool_size", lambda value: max(1, int(value))),
    # Prisma's own waiting times: ours are fixed, and a URL that has them is a good URL.
    "pool_timeout": ("pool_timeout", str),
    "socket_timeout": ("command_timeout", float),
}
"""What each is for the driver or for us, and how it is read."""
