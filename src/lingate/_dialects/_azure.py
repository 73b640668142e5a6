# Azure's addresses: which of its surfaces a base URL, or a version of the API, stands for (PROVIDERS.md, 4.4 and 4.5).

# v1           /openai/v1                             no version needed; the deployment is the model in the body
# dated        /openai/deployments/{deployment}       a version that is a date
# inference    /models                                the older surface for models that are not OpenAI's
# anthropic    /anthropic                             Claude
# serverless   nothing                                a host of its own for one deployment

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import quote, urlsplit

from lingate._model import Target, replaced

Surface = Literal["v1", "dated", "inference", "anthropic", "serverless"]

# A base URL is often given with the path of the request it was copied from.
_PATH = re.compile(
    r"(?P<root>.*?)"
    r"(?:/openai/deployments/(?P<dated>[^/]+)|(?P<v1>/openai/v1)|(?P<inference>/models)|(?P<anthropic>/anthropic(?:/v1)?)"
    r"|/openai)?"
    r"(?:/(?:chat/completions|completions|embeddings|responses|messages|models|images/\w+|audio/\w+))?/*"
)
_SERVERLESS = re.compile(r".*\.(?:models|inference)\.ai\.azure\.[a-z]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d.*")

# The last general one, and the one that the retired SDK sent: what a surface gets that cannot do without.
_VERSIONS = {"dated": "2024-10-21", "inference": "2024-05-01-preview"}


class Place(NamedTuple):
    # A base URL taken apart.

    root: str
    """What comes before the surface's own path."""
    surface: Surface | None
    """The one that the URL names, if it does."""
    deployment: str | None
    """The deployment that the URL names, if it does."""
    version: str | None
    """`api-version` of the query."""
    rest: tuple[str, ...]
    """Its other parameters, which are for whoever stands before Azure."""


def place_of(url: str) -> Place:
    path, _, query = url.partition("?")
    found = _PATH.fullmatch(path)
    assert found is not None, "everything in the pattern may be missing"
    parts = [part for part in query.split("&") if part]
    version = next((part[12:] for part in parts if part.startswith("api-version=")), None)
    rest = tuple(part for part in parts if not part.startswith("api-version="))
    named = ("dated", "v1", "inference", "anthropic")
    surface: Surface | None = next((name for name in named if found[name]), None)  # type: ignore[misc]
    if _SERVERLESS.fullmatch(urlsplit(url).hostname or ""):
        surface = "serverless"
    return Place(found["root"].rstrip("/"), surface, found["dated"], version or None, rest)


def is_date(version: str | None) -> bool:
    # Whether a version belongs to a dated surface; `preview`, `latest` and `v1` belong to the other.
    return version is not None and _DATE.fullmatch(version) is not None


def surface_of(place: Place, dated: Surface) -> Surface:
    # The surface to use: the one that the URL names, else the one that the version does.
    # `dated`: what a version stands for that is a date.
    return place.surface or (dated if is_date(place.version) else "v1")


def version_for(place: Place, surface: Surface) -> str | None:
    # The version that goes with a surface; None if it needs none.
    if surface in _VERSIONS:
        return place.version if is_date(place.version) else _VERSIONS[surface]
    return None if is_date(place.version) else place.version


def url_for(place: Place, surface: Surface, model: str) -> str:
    tails = {
        "v1": "/openai/v1",
        "dated": f"/openai/deployments/{place.deployment or quote(model, safe='')}",
        "inference": "/models",
        "anthropic": "/anthropic",
        "serverless": "",
    }
    return with_query(place, tails[surface], version_for(place, surface))


def with_query(place: Place, path: str, version: str | None) -> str:
    query = "&".join((*((f"api-version={version}",) if version else ()), *place.rest))
    return f"{place.root}{path}{'?' if query else ''}{query}"


def with_key_as(target: Target, name: str, template: str = "{key}", *, keep: bool = False) -> Target:
    # The target with its `api-key` under another name, for surfaces that want it there.
    key = target.headers.get("api-key")
    if key is None:
        return target
    rest = {known: text for known, text in target.headers.items() if keep or known != "api-key"}
    return replaced(target, headers={**rest, name: template.replace("{key}", key)})
