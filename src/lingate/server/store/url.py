"""Read a database URL as users have it, in SQLAlchemy's and in libpq's and in Prisma's spelling."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lingate.server.store.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_POSTGRES = {"postgres", "postgresql", "postgresql+asyncpg"}
_SQLITE = {"sqlite", "sqlite+aiosqlite"}

# The ordinary URL of a file: no reason to load SQLAlchemy, which reads all others, in the same way.
_FILE = re.compile(r"sqlite(?:\+aiosqlite)?:///([^?]+)")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, taken apart.

    Attributes:
        url: For SQLAlchemy, with the asynchronous driver and without parameters; None for a file.
        shown: For messages: no password, no parameters.
        path: The file, for SQLite.
        connect: Arguments for the driver.
        pool_size: Connections to keep, None for the default.
    """

    url: URL | None
    shown: str
    path: Path | None = None
    connect: dict[str, Any] = field(default_factory=dict)
    pool_size: int | None = None


def parse_url(text: str) -> Address:
    """Take a database URL apart.

    Raises:
        StoreError: It is not a URL, names a database that is not supported, or has a parameter that means nothing here.
    """
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
        return _sqlite(url)
    if url.drivername in _POSTGRES:
        return _postgres(url)
    raise StoreError(f"no support for databases of kind {url.drivername!r}", hint="use sqlite:/// or postgresql://")


def _sqlite(url: URL) -> Address:
    found = _file(url.database)
    if url.query:
        raise StoreError(f"unknown parameter {next(iter(url.query))!r} in the database URL")
    return found


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
    connect: dict[str, Any] = {
        "timeout": 5.0,
        "command_timeout": 30.0,
        "server_settings": {"application_name": "lingate"},
    }
    own: dict[str, Any] = {}
    for name, value in url.query.items():
        known = _PARAMETERS.get(name)
        if known is None:
            raise StoreError(
                f"unknown parameter {name!r} in the database URL", hint=f"known are {', '.join(sorted(_PARAMETERS))}"
            )
        try:
            known(str(value), connect, own)
        except ValueError:
            raise StoreError(f"parameter {name!r} in the database URL has no meaning as written") from None
    return Address(plain, shown, connect=connect, **own)


_Setter = Callable[[str, dict[str, Any], dict[str, Any]], None]


def _ssl(value: str, connect: dict[str, Any], _own: dict[str, Any]) -> None:
    if value not in {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}:
        raise ValueError(value)
    connect["ssl"] = value


def _no_prepared_statements(value: str, connect: dict[str, Any], _own: dict[str, Any]) -> None:
    # A pooler that hands out a server connection per transaction cannot keep prepared statements apart.
    if value == "true":
        connect["statement_cache_size"] = 0
        connect["prepared_statement_cache_size"] = 0


_PARAMETERS: dict[str, _Setter] = {
    "sslmode": _ssl,
    "ssl": _ssl,
    "pgbouncer": _no_prepared_statements,
    "host": lambda value, connect, _own: connect.update(host=value),
    "connect_timeout": lambda value, connect, _own: connect.update(timeout=float(value)),
    "application_name": lambda value, connect, _own: connect["server_settings"].update(application_name=value),
    "schema": lambda value, connect, _own: connect["server_settings"].update(search_path=value),
    "connection_limit": lambda value, _connect, own: own.update(pool_size=max(1, int(value))),
    # Prisma's own waiting times: ours are fixed, and a URL that has them is a good URL.
    "pool_timeout": lambda value, _connect, _own: None,
    "socket_timeout": lambda value, connect, _own: connect.update(command_timeout=float(value)),
}
