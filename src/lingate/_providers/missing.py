# The errors for a provider that cannot be used as it stands, each with what would help.

from __future__ import annotations

import re
from collections.abc import Mapping

from lingate._model import ProviderRow
from lingate._providers.rows_litellm import BORROWED
from lingate._providers.templates import VARIABLE
from lingate.errors import ConfigError, MissingCredentialError, UnknownProviderError

_INSTALL = "the litellm package knows it: pip install 'lingate[litellm]', and calls to it go through that"
WRITTEN = "the model is written provider/model, and what stands before the first slash is the provider"


def plain(name: str) -> str:
    # A provider's name as names are compared: case and `-` against `_` do not matter.
    return name.lower().replace("_", "-")


def closest(name: str, known: Mapping[str, ProviderRow]) -> str:
    from difflib import get_close_matches  # for mistakes only

    # More than three, as several may be aliases of one row.
    near = get_close_matches(plain(name), known, 9, 0.0)
    return ", ".join(list(dict.fromkeys(known[item].name for item in near))[:3])


def no_provider(model: str, known: Mapping[str, ProviderRow]) -> UnknownProviderError:
    # A model's name stands alone; the hint says whose it may be, which is never guessed.
    from lingate._providers.rows_models import MODEL_NAMES  # for mistakes only

    row = known.get(plain(model.partition("-")[0]))
    patterns = (name for pattern, name in MODEL_NAMES if re.fullmatch(pattern, model, re.IGNORECASE))
    near = row.name if row else next(patterns, None)
    return UnknownProviderError(
        f"model {model!r:.100} has no provider: write it as provider/model",
        hint=f"{near}/{model:.100}?" if near else f"the closest providers are {closest(model, known)}",
    )


def unknown(name: str, known: Mapping[str, ProviderRow], hint: str | None = None) -> UnknownProviderError:
    # No row has this name; `hint` is for a name that nothing is known about.
    through = any(plain(name) == plain(row.name) for row in BORROWED)
    return UnknownProviderError(
        f"no provider is named {name!r:.80}; the closest are {closest(name, known)}",
        hint=_INSTALL if through else hint,
    )


def missing_key(row: ProviderRow, model: str) -> MissingCredentialError:
    variables = row.key_env + row.token_env + row.sign_env
    where = f"set {' or '.join(variables)}, or pass api_key" if variables else "pass api_key"
    return MissingCredentialError(
        f"{row.name} needs a key and none was found: {where}",
        variables=variables,
        provider=row.name,
        model=model,
    )


def _known(row: ProviderRow, name: str) -> str:
    # A variable by a name that users know: what begins with KEY_ is a value inside of a key that is JSON.
    return next(iter(row.key_env), name) if name.startswith("KEY_") else name


def missing_url(row: ProviderRow, model: str) -> ConfigError:
    parts = [
        " or ".join(dict.fromkeys(_known(row, name) for name in found[1].split("|")))
        for found in VARIABLE.finditer(row.url or "")
        if found[2] is None
    ]
    variables = (*row.url_env, " with ".join(parts)) if parts else row.url_env
    where = (
        f"set {' or '.join(variables)}, or pass api_base"
        if variables
        else "pass api_base, or give url in its section of the config"
    )
    return ConfigError(f"{row.name} has no base URL of its own: {where}", provider=row.name, model=model)
