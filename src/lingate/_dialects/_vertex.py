"""Addresses of Vertex AI, for publishers other than Google (PROVIDERS.md, 4.1 and 4.2)."""

from __future__ import annotations

import re

from lingate._model import Target
from lingate.errors import ConfigError

_PROJECT = re.compile(r"(?P<start>https?://(?P<host>[^/]+).*/projects/[^/]+/locations/(?P<location>[^/]+)).*")
_ANYWHERE = "aiplatform.googleapis.com"
_CONTINENTS = frozenset({"us", "eu"})


def location_url(target: Target) -> str:
    # The base URL up to the location.
    # Google's own models answer on the global host wherever they are; others do on the host of their location.
    # Raises ConfigError: the base URL has no project in it, as that of the express mode.
    found = _PROJECT.fullmatch(target.url.partition("?")[0])
    if found is None:
        raise ConfigError(
            f"{target.provider}: {target.model} needs a base URL with project and location",
            provider=target.provider,
            model=target.model,
            hint="it ends in /projects/<project>/locations/<location>",
        )
    if found["host"] != _ANYWHERE:
        return found["start"]
    return found["start"].replace(_ANYWHERE, _host(found["location"]), 1)


def _host(location: str) -> str:
    if location == "global":
        return _ANYWHERE
    if location in _CONTINENTS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-{_ANYWHERE}"
