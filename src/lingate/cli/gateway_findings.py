"""What `lingate doctor` says about a gateway: its config file, its database, the Redis it shares limits through.

Reads only: a database is neither made nor brought up to date by looking at it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from lingate.cli.findings import Finding, Surroundings, address, unreachable
from lingate.errors import ConfigError

DATABASE_VARIABLE, REDIS_VARIABLE = "LINGATE_DATABASE_URL", "LINGATE_REDIS_URL"
STATE_VARIABLE = "LINGATE_STATE_DIR"
_INSTALL = "pip install 'lingate[server]'"


def gateway(found: Surroundings) -> Iterator[Finding]:
    """What there is to say about a gateway; nothing where nothing on this machine speaks of one."""
    database, redis = found.env.get(DATABASE_VARIABLE), found.env.get(REDIS_VARIABLE)
    state: str | None = None
    own = _own_database(found, None)
    if found.gateway is None and not database and not redis and not own.exists():
        return
    if find_spec("sqlalchemy") is None or find_spec("yaml") is None:
        yield Finding("warning", "gateway", "is configured, and the extra it needs is not installed", _INSTALL)
        return
    if found.gateway is not None:
        from lingate.server.config import ConfigFileError, load

        try:
            config = load(found.gateway, found.env)
        except ConfigFileError as error:
            for problem in error.problems:
                yield Finding("broken", "gateway config", str(problem), "mend the file")
            return
        except ConfigError as error:
            yield Finding("broken", "gateway config", str(error), "give the path of a YAML file")
            return
        count = len(config.deployments)
        yield Finding(
            "ok", "gateway config", f"{found.gateway} is in order, with {count} deployment{'s' * (count != 1)}"
        )
        for text in config.warnings:
            yield Finding("warning", "gateway config", text, "see docs on the gateway's configuration")
        database, redis, state = database or config.general.database_url, config.redis_url, config.own.state_dir
    if database:
        yield from databases(database)
    else:
        yield from databases(f"sqlite:///{_own_database(found, state)}")
    if redis:
        yield _answers("redis", redis, {"redis": 6379, "rediss": 6379})


def _own_database(found: Surroundings, state: str | None) -> Path:
    """The database of a gateway that is told of no other."""
    folder = found.env.get(STATE_VARIABLE) or state
    if not folder:
        home = found.env.get("XDG_STATE_HOME") or os.path.join(found.env.get("HOME", "."), ".local", "state")
        folder = os.path.join(home, "lingate")
    return Path(folder).expanduser().absolute() / "lingate.db"


def databases(url: str) -> Iterator[Finding]:
    """Whether a gateway's database is there and of this program's revision."""
    from lingate.server.store.url import parse_url

    try:
        place = parse_url(url)
    except ConfigError as error:
        yield Finding("broken", "database", error.message, error.hint or f"correct {DATABASE_VARIABLE}")
        return
    if place.path is None:
        yield _answers("database", url, {"postgres": 5432, "postgresql": 5432, "postgresql+asyncpg": 5432})
    elif not place.path.exists():
        yield Finding("note", "database", f"{place.path} is not there yet: the first start of the gateway makes it")
    else:
        yield _file(place.path)


def _file(path: Path) -> Finding:
    import sqlite3

    from lingate.server.store.migrate import HEAD

    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=2)
    except sqlite3.Error as error:
        return Finding("broken", "database", f"{path}: {error}", "check who may read the file")
    try:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        sound = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return Finding("broken", "database", f"{path}: {error}", "it is no database of Lingate's: name another file")
    finally:
        connection.close()
    if sound != ("ok",):
        return Finding("broken", "database", f"{path} is damaged: {sound[0]}", "restore it from a copy")
    if rows != [(HEAD,)]:
        return Finding(
            "note", "database", f"{path} is of another revision", "the next start of the gateway brings it up to date"
        )
    return Finding("ok", "database", f"{path} is in order, revision {HEAD}")


def _answers(about: str, url: str, ports: dict[str, int]) -> Finding:
    place = address(url, ports)
    if place is None:
        return Finding("broken", about, "its URL names no host", "write it as scheme://user:password@host:port/name")
    reason = unreachable(*place)
    if reason is None:
        return Finding("ok", about, f"{place[0]}:{place[1]} can be reached")
    return Finding(
        "broken", about, f"{place[0]}:{place[1]} cannot be reached: {reason}", "start it, or correct its URL"
    )
