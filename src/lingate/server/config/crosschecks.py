"""What the sections of a configuration say about each other: names of groups must be those of groups."""

from __future__ import annotations

from collections.abc import Iterator

from lingate._providers.naming import row_of
from lingate.server.config.reading import Reading, closest
from lingate.server.config.settings import GatewayConfig
from lingate.server.patterns import matches


def check_names(reading: Reading, config: GatewayConfig) -> None:
    """Note every name of a group that no deployment has."""
    routing = config.routing
    names = {item.group for item in config.deployments}
    for alias, target in routing.model_group_alias.items():
        if not _is_served(target.model, names, config):
            reading.problem(("router_settings", "model_group_alias", alias), _unserved(target.model, names))
    names |= set(routing.model_group_alias)
    for place, name in _mentioned(config):
        if not _is_served(name, names, config):
            reading.problem(place, _unserved(name, names))


def _mentioned(config: GatewayConfig) -> Iterator[tuple[tuple[str | int, ...], str]]:
    routing = config.routing
    for kind in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        for group, targets in getattr(routing, kind).items():
            if group != "*":
                yield (kind, group), group
            for target in targets:
                yield (kind, group), target.model
    for name in routing.default_fallbacks:
        yield ("default_fallbacks",), name
    for group in routing.model_group_retry_policy:
        yield ("router_settings", "model_group_retry_policy", group), group


def _is_served(name: str, names: set[str], config: GatewayConfig) -> bool:
    if name in names or any("*" in known and matches(known, name) for known in names):
        return True
    if any(item.id == name for item in config.deployments):
        return True
    head, slash, _ = name.partition("/")
    return config.serve_all and bool(slash) and (head in config.own.providers or row_of(head) is not None)


def _unserved(name: str, names: set[str]) -> str:
    return f"names {name!r:.80}, which no model_name has{closest(name, sorted(names)) if names else ''}"
