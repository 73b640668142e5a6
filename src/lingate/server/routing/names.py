# Names of models: which entries of `model_list` answer for one, which are listed, and which are like one that is not there.

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from lingate._providers.catalog import models_of
from lingate._providers.lookup import credential, rows
from lingate._providers.naming import provider_of, row_of
from lingate.server.config.reading import closest
from lingate.server.config.settings import DeploymentConfig, GatewayConfig
from lingate.server.patterns import compiled

_MOST_COMPARED = 100
"""Comparing a name with more than so many takes milliseconds, which a caller could have us spend again and again."""


class Names:
    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._listed: list[str] | None = None
        self._exact: dict[str, list[DeploymentConfig]] = {}
        self._by_id: dict[str, DeploymentConfig] = {}
        wild: dict[str, list[DeploymentConfig]] = {}
        for entry in config.deployments:
            self._by_id[entry.id] = entry
            (wild if "*" in entry.group else self._exact).setdefault(entry.group, []).append(entry)
        # The more of a name a pattern spells out, the more it means that name.
        patterns = sorted(wild, key=lambda pattern: len(pattern.replace("*", "")), reverse=True)
        self._wild = [(compiled(pattern), wild[pattern]) for pattern in patterns]

    def entries(self, model: str) -> tuple[list[DeploymentConfig], tuple[str, ...] | None]:
        # Who answers for a name, and what stands for the `*` in it (None without one).
        found = self._exact.get(model)
        if found is not None:
            return found, None
        one = self._by_id.get(model)
        if one is not None and "*" not in one.group:
            return [one], None
        for pattern, entries in self._wild:
            match = pattern.fullmatch(model)
            if match is not None:
                return entries, match.groups()
        return [], None

    def listed(self) -> list[str]:
        # All names that are known, hidden aliases left out.
        if self._listed is None:
            self._listed = self._list()
        return list(self._listed)

    def _list(self) -> list[str]:
        config = self._config
        aliases = config.routing.model_group_alias
        names = [name for name in self._exact if not (name in aliases and aliases[name].hidden)]
        names += [name for name, alias in aliases.items() if not alias.hidden]
        for pattern, entries in self._wild:
            names += _expanded(pattern, entries[0])
        if config.serve_all:
            names += [name for row in present(config) for name in _catalogue(row)]
        return list(dict.fromkeys(names))

    def why_not(self, model: str, may_know: Callable[[str], bool] | None) -> str:
        # Why nobody answers for a name, in words for whoever asked, who may know of some names, or of none.
        if self._config.serve_all:
            head, slash, rest = model.partition("/")
            row = row_of(head) if slash else None
            if row is not None and rest:
                wanted = credential(row, self._config.env)
                return f"the gateway has no credential for {row.name}: {' or '.join(wanted.variables) or 'api_key'}"
            if not self._exact and not self._wild:
                wrong = f"no provider is named {head!r:.80}; " if slash and row is None else ""
                whose = None if slash else provider_of(model)
                right = f"{whose[1]}/{model}" if whose else "provider/model"
                return f"{model!r:.100} is not served here: {wrong}write it as {right}"
        known = [*filter(may_know, self.listed()[:_MOST_COMPARED])] if may_know else []
        return f"no model is named {model!r:.100} here{closest(model[:100], known) if known else ''}"


def present(config: GatewayConfig) -> Iterator[str]:
    # The providers that can be asked without an entry of their own, but for those of this machine.
    for row in rows():
        if row.ended is None and (
            row.name in config.own.providers or (not row.local and credential(row, config.env).present)
        ):
            yield row.name


def present_text(config: GatewayConfig) -> str:
    return ", ".join(present(config)) or "none; set one of the variables that `lingate providers` lists"


def filled(template: str, captured: Collection[str]) -> str:
    rest = list(captured)
    first, *parts = template.split("*")
    return first + "".join((rest.pop(0) if rest else "") + part for part in parts)


def _expanded(pattern: re.Pattern[str], entry: DeploymentConfig) -> Iterator[str]:
    # The names behind a pattern that the catalogue knows; the pattern itself where it knows none.
    found = False
    if entry.provider and entry.group.count("*") == 1 and entry.model == "*":
        for name in _models(entry.provider):
            found = True
            yield entry.group.replace("*", name)
    if not found:
        yield entry.group


def _catalogue(provider: str) -> Iterator[str]:
    names = _models(provider)
    yield from (f"{provider}/{name}" for name in names) if names else (f"{provider}/*",)


def _models(provider: str) -> list[str]:
    row = row_of(provider)
    return [] if row is None else models_of(row)
