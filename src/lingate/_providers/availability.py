# Whether a provider could be called from here, in one word: from its row, the variables and the configuration alone.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from lingate._model import Fixed, ProviderRow
from lingate._providers import lookup
from lingate._providers.missing import plain
from lingate._providers.rows import PROXIES
from lingate._providers.templates import first_set

Mark = Literal["present", "missing", "unneeded", "unknown"]


class Availability(Fixed, frozen=True):
    # How a provider stands.

    mark: Mark
    """`present`, `missing`, `unneeded` (it runs here, or asks for none), or `unknown`: it can be signed in to, and
    whether that works is known by trying only; or nothing is known about it."""
    source: str
    """Where the credential comes from: a variable, the config file or the proxy; else empty."""
    label: str
    """The same for people, in a word or two."""


_UNKNOWN = Availability("unknown", "", "unknown")
_ENDED = Availability("missing", "", "ended")


def availability(
    row: ProviderRow | None, env: Mapping[str, str], config: Mapping[str, Mapping[str, Any]] | None = None
) -> Availability:
    # Tell how a provider stands (None: one that has no row): no network, no sign-in, no file.
    if row is None:
        return _UNKNOWN
    if row.ended:
        return _ENDED
    found = lookup.credential(row, env)
    if found.variable is not None:
        return Availability("present", found.variable, "available")
    if _configured(row, config or {}):
        return Availability("present", "config file", "available")
    if not found.required:
        return Availability("unneeded", "", "local" if row.local else "no key needed")
    proxy = proxy_variable(env)
    if proxy is not None:
        return Availability("present", proxy, "by proxy")
    if row.sign_env:
        return Availability("unknown", "", "sign-in")
    return Availability("missing", "", "no key")


def proxy_variable(env: Mapping[str, str]) -> str | None:
    # The variable that names a proxy for calls without a credential; None if none does.
    return next((name for row in PROXIES if (name := first_set(row.url_env, env)) is not None), None)


def _configured(row: ProviderRow, config: Mapping[str, Mapping[str, Any]]) -> bool:
    names = {plain(name) for name in (row.name, *row.aliases)}
    return any(bool(given.get("api_key")) for name, given in config.items() if plain(name) in names)
