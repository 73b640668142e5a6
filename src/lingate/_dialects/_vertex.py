"""Addresses of Vertex AI, for publishers other than Google (PROVIDERS.md, 4.1 and 4.2)."""

from __future__ import annotations

import re

from lingate._model import HttpRequest, JsonDict, Target
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


def region(sent: HttpRequest) -> JsonDict:
    # For the counts of an answer, where it was made, if it costs more for that: cloud.google.com/vertex-ai/pricing has 10 %
    # for regional endpoints. It is told as Anthropic tells it.
    found = _PROJECT.fullmatch(sent.url) if sent.target.traits.get("regional_price") else None
    return {} if found is None or found["location"] == "global" else {"inference_geo": found["location"]}


def _host(location: str) -> str:
    if location == "global":
        return _ANYWHERE
    if location in _CONTINENTS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-{_ANYWHERE}"
