"""The price catalogue's models and their prices a token. Without the package (extra `prices`) it is empty."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from lingate._model import ProviderRow
from lingate._providers.catalog import entry_of, models_of

_PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
}

KINDS = tuple(_PRICES.values())


@lru_cache(maxsize=4096)
def _found(provider: str, model: str) -> tuple[tuple[str, Any], ...] | None:
    entry = entry_of(provider, model)
    if entry is None:
        return None
    window, rates = entry
    prices = {_PRICES[kind]: rate for kind, rate in rates.items() if kind in _PRICES}
    return (("context_window", window), *prices.items())


def prices(provider: str, model: str) -> dict[str, Any] | None:
    """Context window and prices of a model, None where the catalogue has none of it."""
    found = _found(provider, model)
    return None if found is None else dict(found)


def names(row: ProviderRow) -> list[str]:
    """The catalogue's models of a provider."""
    return models_of(row)
