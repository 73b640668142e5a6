"""`lingate doctor`: what is in order here, what is not, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lingate.cli.findings import (
    Check,
    Finding,
    Level,
    Surroundings,
    credentials,
    default_model,
    extras,
    gateway,
    look,
    obstacle,
    proxies,
    to_dict,
    versions,
)
from lingate.cli.inputs import config_path
from lingate.cli.models import ask, askable
from lingate.cli.screen import Screen, duration
from lingate.errors import AuthenticationError, ConfigError, PermissionDeniedError, TransportError

CHECKS: tuple[Check, ...] = (versions, extras, default_model, credentials, proxies, gateway)
"""Every check, in the order it is reported. Another one is a function more."""

_SIGNS: dict[Level, str] = {"ok": "✓", "note": "·", "warning": "!", "broken": "✗"}
_COLUMN = 22


def run(screen: Screen, *, online: bool, as_json: bool, config: str | None, gateway_config: str | None = None) -> int:
    """Look at everything and report it; the exit code is 1 if something is broken."""
    found: list[Finding] = []
    for finding in examine(config_path(config), gateway_config, online=online):
        found.append(finding)
        if not as_json:
            screen.answer(_line(finding) + "\n")
    if as_json:
        screen.json([to_dict(finding) for finding in found])
    broken, warnings = (sum(finding.level == level for finding in found) for level in ("broken", "warning"))
    screen.note(f"{len(found)} findings: {broken} broken, {warnings} to be looked at")
    return int(broken > 0)


def examine(path: str | None, gateway_config: str | None = None, *, online: bool = False) -> Iterator[Finding]:
    surroundings, findings = look(path, os.environ, gateway_config)
    yield from findings
    for check in CHECKS:
        yield from check(surroundings)
    if online:
        yield from _online(surroundings)


def _line(finding: Finding) -> str:
    remedy = f"  -> {finding.remedy}" if finding.remedy else ""
    return " ".join(f"{_SIGNS[finding.level]} {finding.about.ljust(_COLUMN)} {finding.text}{remedy}".splitlines())


def _online(found: Surroundings) -> Iterator[Finding]:
    """What each provider says to its credential: its list of models, which is free."""
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
