"""Which provider a model name means, as LiteLLM answers it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from lingate._model import ProviderRow
from lingate._providers import lookup
from lingate._providers.rows_models import MODEL_NAMES
from lingate.errors import UnknownProviderError


def resolve(model: Any, provider: str | None = None, api_base: str | None = None) -> tuple[str, str]:
    """Split a model name in what the provider calls it, and the provider.

    In this order: the provider that is named beside it, the one before the slash, the one at that address, the one whose
    models are named so.

    Raises:
        UnknownProviderError: None of these.
    """
    if not isinstance(model, str) or not model.strip():
        raise UnknownProviderError(f"model must be a name such as 'provider/model', not {model!r}")
    head, slash, rest = model.partition("/")
    if provider:
        return (rest if slash and head == provider else model), provider
    if slash and rest and row_of(head) is not None:
        return rest, head
    found = _at(api_base) if api_base else None
    found = found or next((name for pattern, name in MODEL_NAMES if re.fullmatch(pattern, model, re.IGNORECASE)), None)
    if found is None:
        raise UnknownProviderError(
            f"LLM Provider NOT provided. Pass in the LLM provider you are trying to call. You passed model={model}",
            hint="write it as provider/model, or pass custom_llm_provider",
        )
    return model, found


def row_of(name: str) -> ProviderRow | None:
    """The row of a provider, None if there is none."""
    try:
        return lookup.find(name)
    except UnknownProviderError:
        return None


@lru_cache(maxsize=256)
def _at(api_base: str) -> str | None:
    """The provider whose own address this is."""
    host = _host(api_base)
    return next((row.name for row in lookup.rows() if row.url and "{" not in row.url and _host(row.url) == host), None)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].lower()
