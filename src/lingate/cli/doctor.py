"""`lingate doctor`: what is in order here, what is not, and what to do about it.

Nothing here signs in, or shows a secret, and no provider is asked but where that is wanted. A gateway's database is neither
made nor brought up to date by looking at it.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from lingate._auth import signer
from lingate._io.config import Config, load
from lingate._io.shelf import Shelf
from lingate._model import ProviderRow
from lingate._providers import lookup
from lingate._providers.rows import PROXIES
from lingate._providers.standing import proxy_variable
from lingate._providers.templates import first_set
from lingate.cli import saved
from lingate.cli.inputs import MODEL_VARIABLE, config_path
from lingate.cli.models import ask, askable
from lingate.cli.screen import Screen, duration
from lingate.errors import (
    AuthenticationError,
    ConfigError,
    MissingCredentialError,
    PermissionDeniedError,
    TransportError,
)

Level = Literal["ok", "note", "warning", "broken"]

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)[^;]*;.*extra == ['\"]([\w-]+)['\"]")
_HTTP_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_REACH_PATIENCE = 2.0
_SIGNS: dict[Level, str] = {"ok": "✓", "note": "·", "warning": "!", "broken": "✗"}
_COLUMN = 22


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: `ok`, `note` (as it is, and worth knowing), `warning`, or `broken`.
        about: What was looked at.
        text: How it is.
        remedy: What to do; empty where nothing is to be done.
    """

    level: Level
    about: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the checks look at. `config` holds the defaults where the file cannot be read; `gateway` is the path of a gateway's."""

    env: Mapping[str, str]
    path: str | None
    config: Config
    shelf: Shelf
    gateway: str | None = None


Check = Callable[[Surroundings], Iterator[Finding]]


def look(path: str | None, env: Mapping[str, str], gateway: str | None = None) -> tuple[Surroundings, Finding]:
    """Read the configuration, and say what is wrong with it."""
    config, shelf, finding = Config(), None, Finding("ok", "config", "none, and none is needed")
    if path is not None:
        try:
            read = load(path)
            config, shelf, finding = read, Shelf(read, env), Finding("ok", "config", f"{path} is in order")
        except ConfigError as error:
            remedy = error.hint or "mend the file, or unset LINGATE_CONFIG: docs/configuration.md has every key"
            finding = Finding("broken", "config", error.message, remedy)
    return Surroundings(env, path, config, shelf or Shelf(config, env), gateway), finding


def versions(_: Surroundings) -> Iterator[Finding]:
    """Versions of what every call needs."""
    from lingate._version import __version__

    yield Finding("ok", "lingate", f"{__version__} on Python {platform.python_version()}, {sys.platform}")
    transports = [f"{name} {version}" for name in ("pyreqwest", "httpx2") if (version := _version(name)) is not None]
    if transports:
        yield Finding("ok", "http", ", ".join(transports))
    else:
        yield Finding("broken", "http", "no HTTP client is installed", "pip install pyreqwest, or 'lingate[httpx]'")
    if (version := _version("msgspec")) is None:
        yield Finding("broken", "json", "msgspec is not installed", "pip install msgspec")
    else:
        yield Finding("ok", "json", f"msgspec {version}")


def extras(_: Surroundings) -> Iterator[Finding]:
    needed: dict[str, list[str]] = {}
    try:
        requirements = metadata.requires("lingate") or []
    except metadata.PackageNotFoundError:
        yield Finding("note", "extras", "Lingate runs from its source and is not installed", "pip install lingate")
        return
    for requirement in requirements:
        if (found := _REQUIREMENT.match(requirement)) is not None and found[2] != "all":
            needed.setdefault(found[2], []).append(found[1])
    for extra, names in sorted(needed.items()):
        have = {name: version for name in names if (version := _version(name)) is not None}
        # uvloop is not made for Windows.
        lacking = [name for name in names if name not in have and (name != "uvloop" or sys.platform != "win32")]
        if not lacking:
            yield Finding("ok", f"extra {extra}", ", ".join(f"{name} {version}" for name, version in have.items()))
        else:
            part = "in part: without " + ", ".join(lacking) if have else "not installed"
            yield Finding("note", f"extra {extra}", part, f"pip install 'lingate[{extra}]', if you need it")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def credentials(found: Surroundings) -> Iterator[Finding]:
    """Which credentials there are, where each comes from, and whether a call could be made with it."""
    count = 0
    for name, row in sorted(found.shelf.rows.items()):
        standing = found.shelf.standing(name)
        variable = lookup.credential(row, found.env).variable
        if row.ended and variable is not None:
            yield Finding(
                "warning", name, f"{variable} is set, and the service has ended: {row.ended}", f"unset {variable}"
            )
        elif standing.mark == "present" and standing.label == "available":
            count += 1
            yield _credential(found, row, standing.source)
    if not count and proxy_variable(found.env) is None:
        yield Finding(
            "warning",
            "credentials",
            "no provider has a credential",
            "set a variable of `lingate providers`, such as OPENAI_API_KEY",
        )


def _credential(found: Surroundings, row: ProviderRow, source: str) -> Finding:
    others = [
        name
        for name in row.key_env
        if name != source and found.env.get(name, "").strip() and found.env[name] != found.env.get(source)
    ]
    file = found.env.get(source, "") if source.endswith(("_CREDENTIALS", "_FILE")) else ""
    if file and not file.lstrip().startswith("{") and not os.path.exists(os.path.expanduser(file)):
        return Finding("broken", row.name, f"{source} names a file that is not there", f"correct or unset {source}")
    error = obstacle(found, row.name)
    if error is not None:
        if obstacle(found, row.name, api_base="https://example.com") is None:
            # Variables of a cloud are set for other reasons too: that is no fault.
            return Finding("warning", row.name, f"{source} is set, and there is no base URL", error.message)
        return Finding("broken", row.name, f"{source}: {error.message}", error.hint or f"correct or unset {source}")
    if others:
        text = f"{source}; {', '.join(others)} is set too, to another value, and not used"
        return Finding("note", row.name, text, f"unset {others[0]} if {source} is the right one")
    return Finding("ok", row.name, source)


def obstacle(found: Surroundings, provider: str, api_base: str | None = None) -> ConfigError | None:
    """Why no call to a provider could be made; None if nothing is in the way."""
    try:
        lookup.resolve(f"{provider}/any", env=found.env, config=found.config.providers, sign=signer, api_base=api_base)
    except ConfigError as error:
        return error
    return None


def default_model(found: Surroundings) -> Iterator[Finding]:
    """What `lingate chat` asks when it is not told."""
    try:
        kept = saved.load()
    except ConfigError as error:
        yield Finding("broken", "default model", error.message, error.hint or "`lingate models` saves another")
        return
    told = (
        (found.env.get(MODEL_VARIABLE), MODEL_VARIABLE),
        (found.config.model, str(found.path)),
        (kept, str(saved.path()) if kept else ""),
    )
    model, source = next(((model, source) for model, source in told if model), (None, ""))
    if model is None:
        yield Finding("note", "default model", "none: `lingate chat` needs -m", "choose one with `lingate models`")
        return
    try:
        lookup.resolve(model, env=found.env, config=found.config.providers, sign=signer)
    except MissingCredentialError as error:
        yield Finding(
            "warning", "default model", f"{model} from {source}: there is no credential for it", error.message
        )
    except ConfigError as error:
        remedy = error.hint or "choose another with `lingate models`"
        yield Finding("broken", "default model", f"{model:.100} from {source}: {error.message}", remedy)
    else:
        yield Finding("ok", "default model", f"{model} from {source}")


def proxies(found: Surroundings) -> Iterator[Finding]:
    """Whether the proxies that calls go through can be reached: those of this network, and a gateway."""
    gateway = proxy_variable(found.env)
    if gateway is not None:
        key = next(
            (
                name
                for row in PROXIES
                if gateway in row.url_env and (name := first_set(row.key_env, found.env)) is not None
            ),
            None,
        )
        yield _reached(gateway, found.env[gateway], f", with the key of {key}" if key else ", without a key")
    seen = set()
    for name in _HTTP_PROXIES:
        value = found.env.get(name, "").strip()
        if value and value not in seen:
            seen.add(value)
            yield _reached(name, value, "")


def _reached(variable: str, url: str, more: str) -> Finding:
    unfit = "is not the address of a server", f"set {variable} to http://host:port, or unset it"
    return _answers(variable, url, {}, unfit, f"start it, or unset {variable}", more)


def address(url: str, default: Mapping[str, int]) -> tuple[str, int] | None:
    """Host and port of a URL, whose password and path are nobody's business; None if it has none."""
    from urllib.parse import urlsplit

    ports = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080, **default}
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or ports.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def unreachable(host: str, port: int) -> str | None:
    """Why nothing answers at a port, None if something does. Opens a connection and says nothing."""
    import socket

    try:
        with socket.create_connection((host, port), timeout=_REACH_PATIENCE):
            return None
    except TimeoutError:
        return f"no answer within {_REACH_PATIENCE:g} s"
    except OSError as error:
        return error.strerror or str(error)


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
        home = found.env.get("XDG_STATE_HOME") or os.path.join(found.env.get("HOME") or "~", ".local", "state")
        folder = os.path.join(home, "lingate")
    return Path(os.path.expanduser(folder)).absolute() / "lingate.db"


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


def _answers(
    about: str,
    url: str,
    ports: Mapping[str, int],
    unfit: tuple[str, str] = ("its URL names no host", "write it as scheme://user:password@host:port/name"),
    remedy: str = "start it, or correct its URL",
    more: str = "",
) -> Finding:
    place = address(url, ports)
    if place is None:
        return Finding("broken", about, *unfit)
    reason, shown = unreachable(*place), f"{place[0]}:{place[1]}"
    if reason is None:
        return Finding("ok", about, f"{shown} can be reached{more}")
    return Finding("broken", about, f"{shown} cannot be reached: {reason}", remedy)


CHECKS: tuple[Check, ...] = (versions, extras, default_model, credentials, proxies, gateway)
"""Every check, in the order it is reported. Another one is a function more."""


def run(screen: Screen, *, online: bool, as_json: bool, config: str | None, gateway_config: str | None = None) -> int:
    """Look at everything and report it; the exit code is 1 if something is broken."""
    found: list[Finding] = []
    for finding in examine(config_path(config), gateway_config, online=online):
        found.append(finding)
        if not as_json:
            screen.answer(_line(finding) + "\n")
    if as_json:
        screen.json([{**asdict(finding), "remedy": finding.remedy or None} for finding in found])
    broken, warnings = (sum(finding.level == level for finding in found) for level in ("broken", "warning"))
    screen.note(f"{len(found)} findings: {broken} broken, {warnings} to be looked at")
    return int(broken > 0)


def examine(path: str | None, gateway_config: str | None = None, *, online: bool = False) -> Iterator[Finding]:
    surroundings, finding = look(path, os.environ, gateway_config)
    yield finding
    for check in CHECKS:
        yield from check(surroundings)
    if online:
        yield from _online(surroundings)


def _line(finding: Finding) -> str:
    remedy = f"  -> {finding.remedy}" if finding.remedy else ""
    return " ".join(f"{_SIGNS[finding.level]} {finding.about.ljust(_COLUMN)} {finding.text}{remedy}".splitlines())


def _online(found: Surroundings) -> Iterator[Finding]:
    ready = [name for name in askable(found.shelf) if obstacle(found, name) is None]
    for answer in ask(ready, found.path):
        name = f"{answer.provider} online"
        error = answer.error
        if error is None:
            yield Finding("ok", name, f"lists {len(answer.offers):,} models, in {duration(answer.seconds)}")
            continue
        source = found.shelf.standing(answer.provider).source
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, (AuthenticationError, PermissionDeniedError)):
            yield Finding("broken", name, text, f"the credential of {source} is refused: replace it")
        elif isinstance(error, ConfigError):
            yield Finding("broken", name, text, error.hint or f"correct or unset {source}")
        elif isinstance(error, TransportError):
            yield Finding("broken", name, text, "check the network, the proxy and the base URL")
        else:
            yield Finding("warning", name, text, "the credential was not refused; try again later")
