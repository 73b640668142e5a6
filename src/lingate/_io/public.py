# The public functions about providers: which there are, which could be called from here, and how to add one.

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lingate._model import Operation, ProviderRow
from lingate._providers import lookup
from lingate._providers.lookup import Credential
from lingate._providers.offered import Offer
from lingate.errors import ConfigError

__all__ = ["Credential", "Offer", "ProviderInfo", "catalog", "credentials", "providers", "register"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderInfo:
    """One provider, as a list of them shows it."""

    name: str
    """What is written before the slash of a model."""
    title: str
    """The provider's own name."""
    aliases: tuple[str, ...]
    """Other names that are taken before the slash."""
    dialect: str
    """The wire format it is spoken to in."""
    operations: tuple[Operation, ...]
    """What it serves."""
    url: str | None
    """Base URL, with `{NAME}` where an environment variable is put in; None where the user gives one."""
    url_variables: tuple[str, ...]
    """Environment variables that may hold a base URL instead."""
    variables: tuple[str, ...]
    """Environment variables that may hold the credential, in the order they are looked at."""
    variable: str | None
    """The one that holds it; None if none does."""
    required: bool
    """Whether calls without a credential are refused."""
    present: bool
    """Whether there is a credential in the environment."""
    local: bool
    """Whether it runs on the user's own machine."""
    ended: str | None
    """When and how the service ended, None while it runs."""
    note: str
    """What a user should know."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, ready for JSON."""
        return {key: list(item) if isinstance(item, tuple) else item for key, item in asdict(self).items()}


def credentials(provider: str, *, env: Mapping[str, str] | None = None) -> Credential:
    """Tell whether a provider could be called from here, without calling it: no network, no sign-in, microseconds.

    Args:
        provider: A provider's name, or a whole `provider/model`.
        env: Where variables are looked up instead of the process's environment.

    Raises:
        UnknownProviderError: No provider has this name; the message lists the closest.
    """
    if not isinstance(provider, str):
        raise ConfigError(f"credentials() takes the name of a provider, not {type(provider).__name__}")
    return lookup.credential(lookup.find(provider.partition("/")[0]), os.environ if env is None else env)


def providers(*, env: Mapping[str, str] | None = None) -> list[ProviderInfo]:
    """List every provider that can be named before the slash of a model, in alphabetical order.

    Args:
        env: Where variables are looked up instead of the process's environment.
    """
    env = os.environ if env is None else env
    return [_info(row, env) for row in sorted(lookup.rows(), key=lambda row: row.name)]


def _info(row: ProviderRow, env: Mapping[str, str]) -> ProviderInfo:
    found = lookup.credential(row, env)
    return ProviderInfo(
        name=row.name,
        title=row.title or row.name,
        aliases=row.aliases,
        dialect=row.dialect,
        operations=row.operations,
        url=row.url,
        url_variables=row.url_env,
        variables=found.variables,
        variable=found.variable,
        required=found.required,
        present=found.present,
        local=row.local,
        ended=row.ended,
        note=row.note,
    )


def register(provider: str | ProviderRow, /, **fields: Any) -> ProviderRow:
    """Add a provider for the whole process, or change one.

    Args:
        provider: A whole row, or the name of a provider; what `fields` leave out then comes from the row of that name,
            if there is one.
        **fields: Fields of `ProviderRow`: `url`, `key_env`, `dialect`, `headers`, `traits`, ...

    Returns:
        The row as it is used from now on.

    Raises:
        ConfigError: A field is unknown or has the wrong type; the message names the closest one.

    Example:
        >>> register("ours", url="https://llm.example.org/v1", key_env=["OURS_KEY"]).dialect
        'openai_chat'
    """
    if isinstance(provider, ProviderRow):
        if fields:
            raise ConfigError("register() takes a whole row or a name with fields, not both")
        row = provider
    elif not isinstance(provider, str):
        raise ConfigError(f"register() takes a whole row or a name, not {type(provider).__name__}")
    else:
        row = lookup.from_config(provider, fields)
    lookup.register(row)
    return row


def catalog(scope: Literal["curated", "all"] = "curated", *, env: Mapping[str, str] | None = None) -> list[Offer]:
    """List models that can be named, from what is on this machine: no network.

    Args:
        scope: `curated`: a few for each of the best known providers. `all`: every model of the installed lists (the
            extra `prices`, LiteLLM's if that is installed), thousands; takes half a second.
        env: Where variables are looked up instead of the process's environment.
    """
    if scope not in ("curated", "all"):
        raise ConfigError(f"scope must be 'curated' or 'all', not {scope!r}")
    from lingate._io.catalog_sources import CatalogSources
    from lingate._io.config import Config

    catalog_sources = CatalogSources(Config(), os.environ if env is None else env)
    return catalog_sources.curated() if scope == "curated" else catalog_sources.everything()
