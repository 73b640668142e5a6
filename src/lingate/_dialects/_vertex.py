# Addresses of Vertex AI (PROVIDERS.md, 4.1 and 4.2).

from __future__ import annotations

import re

from lingate._model import HttpRequest, JsonDict, Target
from lingate.errors import ConfigError

_PROJECT = re.compile(r"(?P<start>https?://(?P<host>[^/]+).*/projects/[^/]+/locations/(?P<location>[^/]+)).*")
_ANYWHERE = "aiplatform.googleapis.com"
_CONTINENTS = frozenset({"us", "eu"})
_OF_GOOGLE = re.compile(r"//(?:([a-z\d-]+)-)?aiplatform(?:\.(?:us|eu)\.rep)?\.googleapis\.com(?=/)")


def location_url(target: Target) -> str:
    # The base URL up to the location.
    # Google's own models answer on the global host wherever they are, though it says nothing of where; others do not.
    # Raises ConfigError: the base URL has no project in it, as that of the express mode.
    found = _PROJECT.fullmatch(at_its_host(target.url.partition("?")[0]))
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


def at_its_host(url: str, location: str | None = None) -> str:
    # An address of Google's on a host that there is: rows write `global-`, `us-` and so on as if they were regions.
    found = _OF_GOOGLE.search(url)
    place = location or (found and found[1])
    return f"{url[: found.start()]}//{_host(place)}{url[found.end() :]}" if found and place else url


def _host(location: str) -> str:
    # Where data must stay, the host says so: docs.cloud.google.com, "data-residency". google-genai and the Anthropic package
    # have the same hosts; what is neither a region nor one of these two is at the global one (davidmigloz/ai_clients_dart#305).
    if location in _CONTINENTS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-{_ANYWHERE}" if "-" in location else _ANYWHERE
