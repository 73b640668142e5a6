"""What `lingate migrate litellm.yaml` says: what carries over, what differs, what is not done and what to use instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lingate.errors import ConfigError
from lingate.server.config.loading import Loaded, anywhere, interpret, read
from lingate.server.config.pruning import pruned
from lingate.server.config.reading import Problem
from lingate.server.config.source import parse

_DIFFERENT: Mapping[str, str] = {
    "model_list.litellm_params.rpm": "a limit, not only a weight",
    "model_list.litellm_params.tpm": "a limit, not only a weight",
    "model_list.litellm_params.timeout": "bounds one try; lingate.deadline bounds all of them",
    "litellm_settings.request_timeout": "bounds one try; lingate.deadline bounds all of them (600 s, not 6000)",
    "litellm_settings.num_retries": "holds for every provider; waits are jittered and honour Retry-After",
    "router_settings.num_retries": "holds for every provider; waits are jittered and honour Retry-After",
    "router_settings.timeout": "bounds one try; lingate.deadline bounds all of them",
    "router_settings.allowed_fails": "holds for a group with one deployment too",
    "router_settings.cooldown_time": "doubles for a deployment that fails again at once",
    "router_settings.routing_strategy": "latency is compared between two taken by chance; usage is that of this process",
    "router_settings.optional_pre_call_checks": "affinity lasts as long as the deployment is healthy",
    "router_settings.fallbacks": "tried before a stream's first event too; not after a request that is wrong",
    "litellm_settings.fallbacks": "tried before a stream's first event too; not after a request that is wrong",
    "litellm_settings.max_budget": "holds also where it is 0: then nothing may be spent",
    "litellm_settings.cache": "answers are kept for each key apart, unless lingate.cache.namespace says otherwise",
    "litellm_settings.callbacks": "prometheus and otel are here",
    "general_settings.database_url": "a schema of its own: name another database; LiteLLM's tables are neither read nor changed",
    "general_settings.master_key": "kept as a hash",
    "general_settings.max_request_size_mb": "refused while it arrives, with 413",
    "general_settings.background_health_checks": "lists models, which costs nothing, instead of calling them",
    "general_settings.forward_client_headers_to_llm_api": "headers that may hold credentials are never passed on",
    "general_settings.allow_client_side_credentials": "api_base is taken for hosts in lingate.allowed_hosts only",
    "general_settings.use_x_forwarded_for": "believed of lingate.trusted_proxies only",
}
"""What has another effect than at LiteLLM, by place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """What becomes of a configuration of LiteLLM's.

    Attributes:
        path: The file.
        carried: Places that mean the same, each once.
        different: Places that mean something else, and what.
        undone: Places without effect, and what to use instead.
        problems: What is wrong, at LiteLLM too or only here.
        models: Number of deployments that were read.
    """

    path: str
    carried: tuple[str, ...]
    different: Mapping[str, str]
    undone: Mapping[str, str]
    problems: tuple[Problem, ...]
    models: int

    @property
    def ok(self) -> bool:
        """Whether the gateway would start with the file as it is."""
        return not self.problems

    def lines(self) -> list[str]:
        """The report as text."""
        lines = [f"{self.path}: {self.models} deployments"]
        lines += _part("carries over", dict.fromkeys(self.carried, ""))
        lines += _part("carries over with a difference", self.different)
        lines += _part("has no effect here", self.undone)
        lines += _part("errors, to be corrected by hand", {str(problem): "" for problem in self.problems})
        return lines


def _part(title: str, items: Mapping[str, str]) -> list[str]:
    if not items:
        return []
    return ["", f"{title}:", *(f"  {name}" + (f": {text}" if text else "") for name, text in items.items())]


def migrate(path: str) -> Migration:
    """Say what becomes of a configuration of LiteLLM's.

    Variables are not read: `os.environ/NAME` stands for whatever the gateway's environment will hold.
    """
    return _migration(path, read(path, _Any()))


def cleaned(path: str) -> str:
    """The file without what has no effect here, everything else and its comments as they are.

    Raises:
        ConfigError: What is left cannot be told apart safely: edit the file by hand.
    """
    loaded = read(path, _Any())
    text = Path(path).read_text(encoding="utf-8")
    own = parse(text, path)
    cut = pruned(text, {place for place in loaded.undone if place in own.lines or place[:-1] in own.lines})
    again = interpret(parse(cut, path), path, _Any())
    before = {place for place in loaded.undone if own.lines.get(place, ("",))[0] == path}
    if again.undone.keys() & before or _places(again) - _places(loaded):
        raise ConfigError(f"{path} is written in a way that cannot be cleaned by a program: edit it by hand")
    return cut


class _Any(Mapping[str, str]):
    """An environment in which every variable is set."""

    def __getitem__(self, name: str) -> str:
        if name.startswith(("LINGATE_", "LITELLM_")):
            raise KeyError(name)
        return "1"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _places(loaded: Loaded) -> set[str]:
    return {anywhere(problem.place) for problem in loaded.problems}


def _migration(path: str, loaded: Loaded) -> Migration:
    undone = {anywhere(place): text for place, text in loaded.undone.items()}
    wrong = _places(loaded)
    leaves = dict.fromkeys(_leaves(loaded.source.data, ()))
    different = {name: _DIFFERENT[name] for name in leaves if name in _DIFFERENT and name not in undone}
    carried = [
        name for name in leaves if name not in different and not any(_is_in(name, other) for other in (*undone, *wrong))
    ]
    return Migration(
        path=path,
        carried=tuple(carried),
        different=different,
        undone=undone,
        problems=tuple(loaded.problems),
        models=len(loaded.config.deployments),
    )


def _is_in(name: str, outer: str) -> bool:
    return name == outer or name.startswith(f"{outer}.")


_AS_ONE = 3
"""Below this depth, keys are values of ours rather than settings: names of groups, headers, parameters."""


def _leaves(data: Any, place: tuple[str, ...]) -> Iterator[str]:
    if isinstance(data, dict) and data and len(place) < _AS_ONE and not _names_things(place):
        for key, value in data.items():
            yield from _leaves(value, (*place, str(key)))
    elif isinstance(data, list) and place == ("model_list",):
        for item in data:
            yield from _leaves(item, place)
    elif place:
        yield ".".join(place)


def _names_things(place: tuple[str, ...]) -> bool:
    return place in {("environment_variables",), ("credential_list",), ("lingate", "providers")} or (
        place[:1] == ("router_settings",) and len(place) == 2
    )
