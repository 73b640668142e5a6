# What `lingate serve --check` says: errors, warnings, and what each deployment would be asked with.

# Nothing is sent.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lingate._io.session import Session
from lingate._providers.naming import environment
from lingate.errors import ConfigError, LingateError
from lingate.server.config.loading import read
from lingate.server.config.reading import Problem
from lingate.server.config.settings import DeploymentConfig, GatewayConfig


class Checked(NamedTuple):
    # One deployment.

    group: str
    """What clients ask for."""
    name: str
    """`provider/model`."""
    trouble: str | None
    """Why it could not be asked, None where it could."""


class Report(NamedTuple):
    # What is to be said about a configuration.

    path: str | None
    """The file."""
    problems: tuple[Problem, ...]
    """Errors; the gateway does not start with any."""
    warnings: tuple[str, ...]
    """What its owner should know."""
    deployments: tuple[Checked, ...]
    """All of `model_list`."""
    passed: tuple[tuple[str, str], ...]
    """Paths whose requests go on as they are, and where to."""
    besides: str | None
    """The providers that are served besides, where every one with a credential is."""

    @property
    def ok(self) -> bool:
        return not self.problems

    def lines(self) -> list[str]:
        lines = [*map("error: {}".format, self.problems), *map("warning: {}".format, self.warnings)]
        for item in self.deployments:
            lines.append(f"{item.group}: {item.name}" + (f" - {item.trouble}" if item.trouble else ""))
        lines += [f"{path}: {address}" for path, address in self.passed]
        if self.besides is not None and self.ok:
            lines.append(f"provider/model: every provider whose credential is present ({self.besides})")
        usable = sum(item.trouble is None for item in self.deployments)
        count = len(self.problems)
        state = "can be used" if self.ok else f"has {count} error{'s' if count > 1 else ''}"
        ready = f"; {usable} of {len(self.deployments)} deployments are ready" if self.deployments else ""
        return [*lines, f"{self.path or 'the default configuration'} {state}{ready}"]


def check(path: str | None, env: Mapping[str, str]) -> Report:
    # Read a configuration and say what is to be said about it.
    # Never raises for what is in the file.
    from lingate.server.routing.names import present_text

    loaded = read(path, env)
    config = loaded.config
    return Report(
        path=path,
        problems=(*loaded.problems, *_addresses(config)),
        warnings=(*config.warnings, *_unpriced(config)),
        deployments=tuple(
            Checked(group=item.group, name=f"{item.provider or '*'}/{item.model}", trouble=_trouble(item, config))
            for item in config.deployments
        ),
        passed=tuple((item.path, item.target.partition("?")[0]) for item in config.general.pass_through_endpoints),
        besides=present_text(config) if config.serve_all else None,
    )


def _unpriced(config: GatewayConfig) -> Iterator[str]:
    # What budgets refuse, better known before a call.
    from lingate.server.routing.prices import Sheet

    names = []
    for item in config.deployments:
        price = Sheet(item.provider, item.model, item.info, item.params).price()
        half = price.own and price.output is None and item.info.mode in (None, "chat")
        if "*" not in item.model and (price.input is None or half):
            names.append(f"{item.group} ({item.provider}/{item.model})")
    if names and config.own.unpriced == "refuse":
        yield f"models without a price, which keys with a budget may not use: {', '.join(names)}"


def _addresses(config: GatewayConfig) -> Iterator[Problem]:
    # What is wrong with the addresses of database and Redis, which are read when the gateway starts.
    from lingate.server.access.redis_link import redis_client
    from lingate.server.store.url import parse_url

    database = config.env.get("LINGATE_DATABASE_URL") or config.general.database_url
    redis = dict.fromkeys((config.redis_url, config.cache_redis_url), lambda url: redis_client(url, 1.0))
    for address, read_it in ((database, parse_url), *redis.items()):
        try:
            if address:
                read_it(address)
        except LingateError as error:
            yield Problem(config.path or "the environment", (), str(error))


def _trouble(item: DeploymentConfig, config: GatewayConfig) -> str | None:
    if item.unusable is not None or not item.provider:
        return item.unusable
    params = item.params
    model = item.model.replace("*", "any") or "any"
    env = environment(item.overlay, item.provider, config.env)
    session = Session({"providers": dict(config.own.providers)}, env, None, None, None)
    try:
        session.place(f"{item.provider}/{model}", "chat", (params.api_key, params.api_base, params.api_version))
    except ConfigError as error:
        return None if error.kind == "unsupported" else str(error)
    return None
