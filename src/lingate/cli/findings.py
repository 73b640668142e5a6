"""What `lingate doctor` looks at on this machine. Nothing here asks a provider, signs in, or shows a secret."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal

from lingate._auth import signer
from lingate._io.config import Config, load
from lingate._io.shelf import Shelf
from lingate._model import ProviderRow
from lingate._providers import lookup
from lingate._providers.rows import PROXIES
from lingate._providers.standing import proxy_variable
from lingate._providers.templates import first_set
from lingate.cli import saved
from lingate.cli.inputs import MODEL_VARIABLE
from lingate.errors import ConfigError, MissingCredentialError

Level = Literal["ok", "note", "warning", "broken"]

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)[^;]*;.*extra == ['\"]([\w-]+)['\"]")
_HTTP_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_REACH_PATIENCE = 2.0


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
    """What the checks look at.

    Attributes:
        env: The environment.
        path: The config file, None without one.
        config: What is in it; the defaults where it cannot be read.
        shelf: Providers and models.
        gateway: The gateway's config file, None without one.
    """

    env: Mapping[str, str]
    path: str | None
    config: Config
    shelf: Shelf
    gateway: str | None = None


Check = Callable[[Surroundings], Iterator[Finding]]


def look(path: str | None, env: Mapping[str, str], gateway: str | None = None) -> tuple[Surroundings, list[Finding]]:
    """Read the configuration, and say what is wrong with it."""
    if path is None:
        return _at(None, Config(), env, gateway), [Finding("ok", "config", "none, and none is needed")]
    try:
        found = _at(path, load(path), env, gateway)
    except ConfigError as error:
        remedy = error.hint or "mend the file, or unset LINGATE_CONFIG: docs/configuration.md has every key"
        return _at(path, Config(), env, gateway), [Finding("broken", "config", error.message, remedy)]
    return found, [Finding("ok", "config", f"{path} is in order")]


def _at(path: str | None, config: Config, env: Mapping[str, str], gateway: str | None) -> Surroundings:
    return Surroundings(env, path, config, Shelf(config, env), gateway)


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
    """Which optional parts are installed."""
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
        lacking = [name for name in names if name not in have and not _not_here(name)]
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


def _not_here(name: str) -> bool:
    """Whether the package is not made for this system."""
    return name == "uvloop" and sys.platform == "win32"


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
        (kept, str(saved.path())),
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
    place = address(url)
    if place is None:
        return Finding(
            "broken", variable, "is not the address of a server", f"set {variable} to http://host:port, or unset it"
        )
    reason = unreachable(*place)
    shown = f"{place[0]}:{place[1]}"
    if reason is None:
        return Finding("ok", variable, f"{shown} can be reached{more}")
    return Finding("broken", variable, f"{shown} cannot be reached: {reason}", f"start it, or unset {variable}")


def address(url: str, default: Mapping[str, int] | None = None) -> tuple[str, int] | None:
    """Host and port of a URL, whose password and path are nobody's business; None if it has none."""
    from urllib.parse import urlsplit

    ports = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080, **(default or {})}
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


def to_dict(finding: Finding) -> dict[str, Any]:
    """A finding as JSON has it."""
    return {"level": finding.level, "about": finding.about, "text": finding.text, "remedy": finding.remedy or None}
