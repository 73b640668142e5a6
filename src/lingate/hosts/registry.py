"""The hosts by name. A host's recipes are loaded when they are asked for; they never import the host."""

from __future__ import annotations

import difflib
from importlib import import_module

from lingate.errors import ConfigError
from lingate.hosts._recipe import Recipe, Tree, detect

__all__ = ["HOSTS", "canonical", "fitting", "recipe", "recipes"]

HOSTS = {
    "deepwiki": "lingate.hosts._deepwiki_recipe",
    "director": "lingate.hosts._director_recipe",
    "second_brain": "lingate.hosts._second_brain_recipe",
    "vui": "lingate.hosts._vui_recipe",
    "fast_agent": "lingate.hosts._fast_agent_recipe",
}
"""Where the recipes of each host are: a module with `RECIPES`. The adapter itself is `lingate.hosts.<name>`."""

_ALSO = {"deepwiki_open": "deepwiki", "secondbrain": "second_brain", "fastagent": "fast_agent"}


def canonical(name: str) -> str:
    # The name of a host as it stands in `HOSTS`; hyphens and upper case are accepted, any other is a `ConfigError`.
    plain = name.strip().lower().replace("-", "_")
    plain = _ALSO.get(plain, plain)
    if plain in HOSTS:
        return plain
    close = difflib.get_close_matches(plain, HOSTS, 1)
    meant = f" (did you mean {spoken(close[0])}?)" if close else ""
    raise ConfigError(f"no host is called {name!r}{meant}: there are {', '.join(map(spoken, HOSTS))}")


def spoken(name: str) -> str:
    # A host's name as it is written on the command line.
    return name.replace("_", "-")


def recipes(name: str) -> tuple[Recipe, ...]:
    found: tuple[Recipe, ...] = import_module(HOSTS[canonical(name)]).RECIPES
    return found


def recipe(name: str, route: str | None = None) -> Recipe:
    found = recipes(name)
    if route is None:
        return found[0]
    for item in found:
        if item.route == route:
            return item
    raise ConfigError(
        f"{spoken(canonical(name))} has no route {route!r}: there are {', '.join(r.route for r in found)}"
    )


def fitting(name: str, tree: Tree) -> Recipe:
    # The recipe of a host for what a folder is (its checkout, its data): the first whose markers hold, else its usual one.
    found = recipes(name)
    return next((item for item in found if item.markers and not detect(item, tree).missing), found[0])
