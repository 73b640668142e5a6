# Where the lists of models are read: tables, the price catalogue's package, and the file that comes with litellm.

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from lingate._io.config import Config
from lingate._model import ProviderRow
from lingate._providers import lookup, offered
from lingate._providers.availability import Availability, availability
from lingate._providers.missing import plain
from lingate._providers.offered import Offer
from lingate._providers.settings import settings_from

_FILE = "model_prices_and_context_window_backup.json"


class CatalogSources:
    # The providers and models that can be chosen from here. Reads nothing from the network.

    def __init__(self, config: Config, env: Mapping[str, str]) -> None:
        self.config, self.env = config, env
        self.rows = _rows(config)
        self._availabilities: dict[str, Availability] = {}

    def availability(self, provider: str) -> Availability:
        # How a provider stands, from its row, the variables and the configuration alone.
        found = self._availabilities.get(provider)
        if found is None:
            row = self.rows.get(provider)
            found = self._availabilities[provider] = availability(row, self.env, self.config.providers)
        return found

    def curated(self) -> list[Offer]:
        # The models that are offered first.
        return offered.curated()

    def everything(self) -> list[Offer]:
        # All models that are known on this machine: thousands, where a catalogue is installed. Takes half a second.
        return offered.merged(
            offered.curated(), offered.priced(self.rows.values()), offered.mapped(_prices_of_litellm())
        )


def _rows(config: Config) -> dict[str, ProviderRow]:
    found = {row.name: row for row in lookup.rows()}
    by_name = {plain(name): row for row in found.values() for name in (row.name, *row.aliases)}
    for name, given in config.providers.items():
        row = settings_from(name, given, by_name.get(plain(name))).row
        found[row.name] = row
    return found


def _prices_of_litellm() -> Mapping[str, Any]:
    # LiteLLM's list, read without importing the package, which takes seconds; empty where it is not installed.
    from lingate._wire.json import decode

    try:
        spec = find_spec("litellm")
    except (ImportError, ValueError):
        return {}
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        try:
            with open(os.path.join(folder, _FILE), "rb") as file:
                found = decode(file.read())
        except (OSError, ValueError):
            continue
        return found if isinstance(found, Mapping) else {}
    return {}
