# `lingate doctor`: what is in order here, what is not, and what to do about it.
#
# Nothing here signs in, or shows a secret, and no provider is asked but where that is wanted. A gateway's database is neither
# made nor brought up to date by looking at it.

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from lingate._auth import signer
from lingate._io.catalog_sources import CatalogSources
from lingate._io.config import Config, load
from lingate._model import ProviderRow
from lingate._providers import lookup
from lingate._providers.availability import proxy_variable
from lingate._providers.rows import PROXIES
from lingate._providers.templates import first_set
from lingate.cli import saved_model
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
_SIGNS = {"ok": "✓", "note": "·", "warning": "!", "broken": "✗"}
_COLUMN = 22


class Finding(NamedTuple):
    # One thing that was looked at.

    level: Level
    """`ok`, `note` (as it is, and worth knowing), `warning`, or `broken`."""
    about: str
    """What was looked at."""
    text: str
    """How it is."""
    remedy: str = ""
    """What to do; empty where nothing is to be done."""


class Surroundings(NamedTuple):
    # What the checks look at. `config` holds the defaults where the file cannot be read; `gateway` is the path of a gateway's.

    env: Mapping[str, str]
    path: str | None
    config: Config
    catalog_sources: CatalogSources
    gateway: str | None = None


Check = Callable[[Surroundings], Iterator[Finding]]


def look(path: str | None, env: Mapping[str, str], gateway: str | None = None) -> tuple[Surroundings, Finding]:
    # Read the configuration, and say what is wrong with it.
    text = "none, and none is needed" if path is None else f"{path} is in order"
    config, finding = Config(), Finding("ok", "config", text)
    catalog_sources = CatalogSources(config, env)
    try:
        if path is not None:
            read = load(path)
            config, catalog_sources = read, CatalogSources(read, env)
    except ConfigError as error:
        remedy = error.hint or "mend the file, or unset LINGATE_CONFIG: docs/configuration.md has every key"
        finding = Finding("broken", "config", error.message, remedy)
    return Surroundings(env, path, config, catalog_sources, gateway), finding


def versions(_: Surroundings) -> Iterator[Finding]:
    # Versions of what every call needs.
    from lingate._version import __version__

    yield Finding("ok", "lingate", f"{__version__} on Python {platform.python_version()}, {sys.platform}")
    for about, names, lacking, remedy in (
        ("http", ("pyreqwest", "httpx2"), "no HTTP client is installed", "pip install pyreqwest, or 'lingate[httpx]'"),
        ("json", ("msgspec",), "msgspec is not installed", "pip install msgspec"),
    ):
        have = _installed(names)
        yield Finding("ok", about, ", ".join(have.values())) if have else Finding("broken", about, lacking, remedy)


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
        have = _installed(names)
        # uvloop is not made for Windows.
        lacking = [name for name in names if name not in have and (name != "uvloop" or sys.platform != "win32")]
        if not lacking:
            yield Finding("ok", f"extra {extra}", ", ".join(have.values()))
        else:
            part = "in part: without " + ", ".join(lacking) if have else "not installed"
            yield Finding("note", f"extra {extra}", part, f"pip install 'lingate[{extra}]', if you need it")


def _installed(names: Iterable[str]) -> dict[str, str]:
    # Those of the packages that are there, each with its name and version in words.
    have = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            have[name] = f"{name} {metadata.version(name)}"
    return have


def credentials(found: Surroundings) -> Iterator[Finding]:
    # Which credentials there are, where each comes from, and whether a call could be made with it.
    count = 0
    for name, row in sorted(found.catalog_sources.rows.items()):
        availability = found.catalog_sources.availability(name)
        variable = lookup.credential(row, found.env).variable
        if row.ended and variable is not None:
            text = f"{variable} is set, and the service has ended: {row.ended}"
            yield Finding("warning", name, text, f"unset {variable}")
        elif availability.mark == "present" and availability.label == "available":
            count += 1
            yield _credential(found, row, availability.source)
    if not count and proxy_variable(found.env) is None:
        remedy = "set a variable of `lingate providers`, such as OPENAI_API_KEY"
        yield Finding("warning", "credentials", "no provider has a credential", remedy)


def _credential(found: Surroundings, row: ProviderRow, source: str) -> Finding:
    others = [
        name
        for name in row.key_env
        if name != source and found.env.get(name, "").strip() and found.env[name] != found.env.get(source)
    ]
    file = found.env.get(source, "") if source.endswith(("_CREDENTIALS", "_FILE")) else ""
    if file and not file.lstrip().startswith("{") and not os.path.exists(os.path.expanduser(file)):
        return Finding("broken", row.name, f"{source} names a file that is not there", f"correct or unset {source}")
    error = _obstacle(found, f"{row.name}/any")
    if error is not None:
        if _obstacle(found, f"{row.name}/any", api_base="https://example.com") is None:
            # Variables of a cloud are set for other reasons too: that is no fault.
            return Finding("warning", row.name, f"{source}, and there is no base URL", error.message)
        return Finding("broken", row.name, f"{source}: {error.message}", error.hint or f"correct or unset {source}")
    if others:
        text = f"{source}; {', '.join(others)} is set too, to another value, and not used"
        return Finding("note", row.name, text, f"unset {others[0]} if {source} is the right one")
    return Finding("ok", row.name, source)


def _obstacle(found: Surroundings, model: str, api_base: str | None = None) -> ConfigError | None:
    # Why no call to a model could be made; None if nothing is in the way.
    try:
        lookup.resolve(model, env=found.env, config=found.config.providers, sign=signer, api_base=api_base)
    except ConfigError as error:
        return error
    return None


def default_model(found: Surroundings) -> Iterator[Finding]:
    # What `lingate chat` asks when it is not told.
    try:
        kept = saved_model.load()
    except ConfigError as error:
        yield Finding("broken", "default model", error.message, error.hint or "`lingate models` saves another")
        return
    if model := found.env.get(MODEL_VARIABLE):
        source = MODEL_VARIABLE
    elif model := found.config.model:
        source = str(found.path)
    elif model := kept:
        source = str(saved_model.path())
    else:
        yield Finding("note", "default model", "none: `lingate chat` needs -m", "choose one with `lingate models`")
        return
    obstacle, text = _obstacle(found, model), f"{model:.100} from {source}"
    if obstacle is None:
        yield Finding("ok", "default model", text)
    elif isinstance(obstacle, MissingCredentialError):
        yield Finding("warning", "default model", f"{text}: there is no credential for it", obstacle.message)
    else:
        remedy = obstacle.hint or "choose another with `lingate models`"
        yield Finding("broken", "default model", f"{text}: {obstacle.message}", remedy)


def proxies(found: Surroundings) -> Iterator[Finding]:
    # Whether proxies, of this network and a gateway, can be reached, and certificates be read.
    gateway = proxy_variable(found.env)
    if gateway is not None:
        keys = (first_set(row.key_env, found.env) for row in PROXIES if gateway in row.url_env)
        key = next(filter(None, keys), None)
        yield _reached(gateway, found.env[gateway], f", with the key of {key}" if key else ", without a key")
    named: dict[str, str] = {}
    for name in _HTTP_PROXIES:
        if url := found.env.get(name, "").strip():
            named.setdefault(url, name)
    for url, name in named.items():
        yield _reached(name, url, "")
    if file := found.env.get("SSL_CERT_FILE"):
        import ssl

        try:
            ssl.create_default_context(cafile=file)
            yield Finding("ok", "SSL_CERT_FILE", file)
        except OSError as error:
            yield Finding("broken", "SSL_CERT_FILE", f"{file}: {error.strerror}", "name a PEM file, or unset it")


def _reached(variable: str, url: str, more: str) -> Finding:
    unfit = "is not the address of a server", f"set {variable} to http://host:port, or unset it"
    return _answers(variable, url, {}, unfit, f"start it, or unset {variable}", more)


def _address(url: str, default: Mapping[str, int]) -> tuple[str, int] | None:
    # Host and port of a URL, whose password and path are nobody's business; None if it has none.
    from urllib.parse import urlsplit

    ports = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080, **default}
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or ports.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


_DATABASE_VARIABLE = "LINGATE_DATABASE_URL"
_INSTALL = "pip install 'lingate[server]'"


def gateway(found: Surroundings) -> Iterator[Finding]:
    # What there is to say about a gateway; nothing where nothing on this machine speaks of one.
    database, redis = found.env.get(_DATABASE_VARIABLE), found.env.get("LINGATE_REDIS_URL")
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
        text = f"{found.gateway} is in order, with {count} deployment{'s' * (count != 1)}"
        yield Finding("ok", "gateway config", text)
        for text in config.warnings:
            yield Finding("warning", "gateway config", text, "see docs on the gateway's configuration")
        database, redis, state = database or config.general.database_url, config.redis_url, config.own.state_dir
    yield _database(database or f"sqlite:///{_own_database(found, state)}")
    if redis:
        yield _answers("redis", redis, {"redis": 6379, "rediss": 6379})


def _own_database(found: Surroundings, state: str | None) -> Path:
    # The database of a gateway that is told of no other.
    folder = found.env.get("LINGATE_STATE_DIR") or state
    if not folder:
        home = found.env.get("XDG_STATE_HOME") or os.path.join(found.env.get("HOME") or "~", ".local", "state")
        folder = os.path.join(home, "lingate")
    return Path(os.path.expanduser(folder)).absolute() / "lingate.db"


def _database(url: str) -> Finding:
    # Whether a gateway's database is there and of this program's revision.
    from lingate.server.store.url import parse_url

    try:
        place = parse_url(url)
    except ConfigError as error:
        return Finding("broken", "database", error.message, error.hint or f"correct {_DATABASE_VARIABLE}")
    if place.path is None:
        return _answers("database", url, {"postgres": 5432, "postgresql": 5432, "postgresql+asyncpg": 5432})
    if not place.path.exists():
        return Finding("note", "database", f"{place.path} is not there yet: the first start of the gateway makes it")
    return _file(place.path)


def _file(path: Path) -> Finding:
    import sqlite3

    from lingate.server.store.migrate import HEAD

    remedy = "check who may read the file"
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=2)) as connection:
            remedy = "it is no database of Lingate's: name another file"
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            sound = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return Finding("broken", "database", f"{path}: {error}", remedy)
    if sound != ("ok",):
        return Finding("broken", "database", f"{path} is damaged: {sound[0]}", "restore it from a copy")
    if rows != [(HEAD,)]:
        text, remedy = f"{path} is of another revision", "the next start of the gateway brings it up to date"
        return Finding("note", "database", text, remedy)
    return Finding("ok", "database", f"{path} is in order, revision {HEAD}")


def _answers(
    about: str,
    url: str,
    ports: Mapping[str, int],
    unfit: tuple[str, str] = ("its URL names no host", "write it as scheme://user:password@host:port/name"),
    remedy: str = "start it, or correct its URL",
    more: str = "",
) -> Finding:
    # Whether something listens there. Opens a connection and says nothing.
    import socket

    place = _address(url, ports)
    if place is None:
        return Finding("broken", about, *unfit)
    shown = f"{place[0]}:{place[1]}"
    try:
        with socket.create_connection(place, timeout=_REACH_PATIENCE):
            return Finding("ok", about, f"{shown} can be reached{more}")
    except TimeoutError:
        reason = f"no answer within {_REACH_PATIENCE:g} s"
    except OSError as error:
        reason = error.strerror or str(error)
    return Finding("broken", about, f"{shown} cannot be reached: {reason}", remedy)


CHECKS = (versions, extras, default_model, credentials, proxies, gateway)
"""Every check, in the order it is reported. Another one is a function more."""


def run(screen: Screen, *, online: bool, as_json: bool, config: str | None, gateway_config: str | None = None) -> int:
    # Look at everything and report it; the exit code is 1 if something is broken.
    found: list[Finding] = []
    for finding in _examined(config_path(config), gateway_config, online=online):
        found.append(finding)
        if not as_json:
            remedy = f"  -> {finding.remedy}" if finding.remedy else ""
            line = f"{_SIGNS[finding.level]} {finding.about.ljust(_COLUMN)} {finding.text}{remedy}"
            screen.answer(" ".join(line.splitlines()) + "\n")
    if as_json:
        screen.json([{**finding._asdict(), "remedy": finding.remedy or None} for finding in found])
    broken, warnings = (sum(finding.level == level for finding in found) for level in ("broken", "warning"))
    screen.note(f"{len(found)} findings: {broken} broken, {warnings} to be looked at")
    return int(broken > 0)


def _examined(path: str | None, gateway_config: str | None, *, online: bool) -> Iterator[Finding]:
    surroundings, finding = look(path, os.environ, gateway_config)
    yield finding
    for check in CHECKS:
        yield from check(surroundings)
    if online:
        yield from _online(surroundings)


def _online(found: Surroundings) -> Iterator[Finding]:
    ready = [name for name in askable(found.catalog_sources) if _obstacle(found, f"{name}/any") is None]
    for answer in ask(ready, found.path):
        name = f"{answer.provider} online"
        error = answer.error
        if error is None:
            yield Finding("ok", name, f"lists {len(answer.offers):,} models, in {duration(answer.seconds)}")
            continue
        source = found.catalog_sources.availability(answer.provider).source
        text = f"{type(error).__name__}: {error.message}"  # its hint is the remedy
        if isinstance(error, (AuthenticationError, PermissionDeniedError)):
            yield Finding("broken", name, text, f"the credential of {source} is refused: replace it")
        elif isinstance(error, ConfigError):
            yield Finding("broken", name, text, error.hint or f"correct or unset {source}")
        elif isinstance(error, TransportError):
            yield Finding("broken", name, text, "check the network, the proxy and the base URL")
        else:
            yield Finding("warning", name, text, "the credential was not refused; try again later")
