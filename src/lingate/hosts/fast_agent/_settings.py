# fast-agent's configuration as Lingate reads it: the section `lingate`, and the keys of other providers' sections.

# Where the credential of a call comes from, the first that there is:
#
# 1. a gateway, if `lingate.api_base` is configured: every call goes there, with `LINGATE_API_KEY`, else `lingate.api_key`;
# 2. the environment's own variables of the provider;
# 3. the section of the provider in fast-agent's configuration (`anthropic: {api_key: ...}`), handed over with the call;
# 4. Lingate's own configuration, its proxy, and signing in.
#
# Nothing is ever written into the environment.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import lingate
from lingate.errors import UnknownProviderError

KEY_VARIABLE = "LINGATE_API_KEY"
# What fast-agent writes into the configurations that it makes.
_NO_KEY = ("", "<your-api-key-here>")


@dataclass(frozen=True, slots=True)
class HostSettings:
    """The section `lingate` of fast-agent's configuration."""

    # The URL is a gateway's: if it is set, every call goes there, and the key is never sent anywhere else.

    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    default_model: str | None = None
    drop_params: bool = True
    extra_kwargs: Mapping[str, Any] = field(default_factory=dict)
    default_headers: Mapping[str, str] | None = None


def settings_of(config: Any) -> HostSettings:
    # The settings in a configuration of fast-agent's; the defaults where it has none, or is None.
    section = read(config, "lingate")
    if section is None:
        return HostSettings()
    drop = read(section, "drop_params")
    return HostSettings(
        api_key=_text(read(section, "api_key")),
        api_base=_text(read(section, "api_base")) or _text(read(section, "base_url")),
        default_model=_text(read(section, "default_model")),
        drop_params=True if drop is None else bool(drop),
        extra_kwargs=dict(read(section, "extra_kwargs") or {}),
        default_headers=read(section, "default_headers"),
    )


def read(section: Any, name: str) -> Any:
    if isinstance(section, Mapping):
        return section.get(name)
    return getattr(section, name, None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value not in _NO_KEY else None


def destination(model: str, config: Any, env: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    # Where a call goes: the model as Lingate is to be asked for it, and `api_key` and `api_base` if they must be told.
    settings = settings_of(config)
    if settings.api_base is not None:
        return through_gateway(model, settings.api_base, env.get(KEY_VARIABLE) or settings.api_key)
    provider = model.partition("/")[0]
    try:
        present = lingate.credentials(provider, env=env).present
    except UnknownProviderError:
        if url := env.get("LINGATE_PROXY_URL"):  # a deployment of a gateway, which has its own names
            return through_gateway(model, url, env.get("LINGATE_PROXY_API_KEY") or env.get(KEY_VARIABLE))
        return model, {}
    return model, _of_section(provider, config, env, present)


def through_gateway(model: str, url: str, key: str | None) -> tuple[str, dict[str, str]]:
    return f"litellm_proxy/{model}", {"api_base": url, **({"api_key": key} if key else {})}


def _of_section(provider: str, config: Any, env: Mapping[str, str], present: bool) -> dict[str, str]:
    if config is None:
        return {}
    names, url_variables = _providers().get(_plain(provider), ((), ()))
    found: dict[str, str] = {}
    for name in names:
        section = read(config, name)
        key, base = _text(read(section, "api_key")), _text(read(section, "base_url"))
        if key is not None and not present:
            found.setdefault("api_key", key)
        if base is not None and not any(env.get(variable) for variable in url_variables):
            found.setdefault("api_base", base)
    return found


@lru_cache(maxsize=1)
def _providers() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    # For every name of a provider all its names, under which it may have a section, and the variables with its URL.
    found = {}
    for item in lingate.providers(env={}):
        names = (item.name, *item.aliases)
        found.update({_plain(name): (names, item.url_variables) for name in names})
    return found


def _plain(name: str) -> str:
    return name.replace("-", "_").lower()


def credential_present(model: str, config: Any, env: Mapping[str, str]) -> bool | None:
    # Whether a call could be made, from tables alone: no network, no sign-in. None for a provider nobody knows.
    provider = model.partition("/")[0]
    try:
        found = lingate.credentials(provider, env=env)
    except UnknownProviderError:
        return None
    if settings_of(config).api_base is not None or found.present or not found.required:
        return True
    return "api_key" in _of_section(provider, config, env, present=False)
