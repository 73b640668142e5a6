"""What fast-agent's picker shows of Lingate: the models, first a few and then all, and whether each could be called.

Needs neither fast-agent nor the openai package. Everything is answered from tables: no network, no sign-in, nothing
that could hold up a terminal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import lingate
from lingate.hosts.fast_agent._settings import credential_present

PREFIX = "lingate."
# A picker draws every row at each key: what the environment holds is looked up once in this many seconds.
_FRESH = 2.0

_seen: dict[tuple[str, int], tuple[float, bool | None]] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that is offered first: `spec` is what fast-agent is told, `label` what is shown."""

    alias: str
    spec: str
    label: str
    model: str


@lru_cache(maxsize=1)
def curated() -> tuple[Entry, ...]:
    # The models that are offered first: the newest few of each of the best known providers.
    entries: dict[str, Entry] = {}
    for offer in lingate.catalog("curated"):
        alias = alias_of(offer.model)
        short = offer.name.rpartition("/")[2]
        entries[alias] = Entry(alias, PREFIX + offer.model, short, offer.model)
    return tuple(entries.values())


_MIME_TYPES = {
    "text": ("text/plain",),
    "image": ("image/jpeg", "image/png", "image/webp", "image/gif"),
    "pdf": ("application/pdf",),
    "audio": ("audio/mpeg", "audio/wav"),
    "video": ("video/mp4",),
}


def mime_types(inputs: Iterable[str]) -> tuple[str, ...]:
    # What a model reads, in fast-agent's words.
    return tuple(kind for name in inputs for kind in _MIME_TYPES.get(name, ()))


def alias_of(model: str) -> str:
    # A name for a model in which nothing has to be quoted: `lingate-groq-gpt-oss-120b`.
    provider, _, name = model.partition("/")
    letters = f"{provider}-{name.rpartition('/')[2]}".lower()
    return "lingate-" + "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in letters)


@lru_cache(maxsize=1)
def every_spec() -> tuple[str, ...]:
    # All models of the installed lists as `lingate.<provider>/<model>`, each once; thousands.
    return tuple(dict.fromkeys(PREFIX + offer.model for offer in lingate.catalog("all")))


def further_specs(shown: Iterable[str]) -> list[str]:
    # All models but those that are shown already.
    known = set(shown)
    return [spec for spec in every_spec() if spec not in known]


def backing_present(spec: str, config: Any = None, env: Mapping[str, str] | None = None) -> bool | None:
    # Whether the provider behind a spec of ours has a credential; None where it is not ours or nobody knows the provider.
    if not spec.startswith(PREFIX):
        return None
    provider = spec[len(PREFIX) :].partition("/")[0]
    if env is not None:
        return credential_present(provider, config, env)
    key, now = (provider, id(config)), time.monotonic()
    found = _seen.get(key)
    if found is None or now - found[0] > _FRESH:
        if len(_seen) > 1024:
            _seen.clear()
        found = _seen[key] = (now, credential_present(provider, config, os.environ))
    return found[1]
