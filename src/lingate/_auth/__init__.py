# Ways to sign in that are more than a key in a header, one file each. A row's `auth` names them.

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

from lingate._model import ProviderRow, Signer
from lingate.errors import ConfigError, MissingExtraError

__all__ = ["given", "need", "signer"]


def signer(auth: str, row: ProviderRow, env: Mapping[str, str], key: str | None, url: str) -> Signer:
    # The signer for one provider; see `MakeSigner`.
    # Nothing is fetched yet.
    scheme, _, argument = auth.partition(":")
    name = f"{__name__}.{scheme}"
    if not scheme.isidentifier() or scheme.startswith("_") or find_spec(name) is None:
        raise ConfigError(f"{row.name}: there is no way to sign in named {scheme!r:.40}", provider=row.name)
    made: Signer = import_module(name).signer(argument, row, env, key, url)
    return made


def given(env: Mapping[str, str], name: str) -> str | None:
    # What a variable holds, without white space around it; None if that is nothing.
    return (env.get(name) or "").strip() or None


def need(package: str, requirement: str, row: ProviderRow) -> None:
    # Make sure that an optional package is there, without importing it; `requirement` is what pip would install.
    try:
        found = find_spec(package)
    except ModuleNotFoundError:
        found = None  # a package inside one that is not there either
    if found is None:
        raise MissingExtraError(
            f"signing in to {row.name} needs the package {package}: pip install '{requirement}'", provider=row.name
        )
