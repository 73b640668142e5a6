# From the name of a model to those who answer for it.

# One router for each state of the configuration.

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

from lingate._call.policy import Timeout
from lingate._model import Call, JsonDict
from lingate._providers.naming import row_of
from lingate.server.config.settings import Fallback, GatewayConfig
from lingate.server.records import Estimate
from lingate.server.routing.building import Builder, weigh
from lingate.server.routing.choosing import STRATEGIES
from lingate.server.routing.deployment import Deployment, Watched, retries_by_kind
from lingate.server.routing.group import Group
from lingate.server.routing.health import Shared
from lingate.server.routing.names import Names
from lingate.server.routing.route_chain import RouteChain

_MOST_GROUPS = 2048
_MOST_POLICIES = 256
_Number = TypeVar("_Number", int, float)

LONGEST_NAME = 512
"""Bytes. Patterns with several stars take time that grows with a power of a name's length."""

_AFFINITY = {"prompt_caching": "prompt", "deployment_affinity": "key", "session_affinity": "session"}


class Router:
    # Names of models, the deployments behind them, and how they fare.

    # previous: The router before a change of the configuration: what is known about deployments that stay is kept.
    # timeout: For a whole call, or until a stream's first event: tries, waits and fallbacks included.
    # max_fallbacks: Other groups that one call may try.

    def __init__(
        self,
        config: GatewayConfig,
        *,
        now: Callable[[], float] = time.monotonic,
        random: Random | None = None,
        shared: Shared | None = None,
        previous: Router | None = None,
    ) -> None:
        self.config = config
        self.now = now
        self.random = Random() if random is None else random  # noqa: S311 - chooses servers, not secrets
        self.shared = shared
        routing = config.routing
        self.max_fallbacks = routing.max_fallbacks
        self.timeout = Timeout(total=config.deadline, read=Timeout().read)
        self._retries = retries_by_kind(routing.retry_policy)
        self._build: Builder = Builder(config, now, shared, None if previous is None else previous._build)
        self.spend_budgets = self._build.spend_budgets
        self._groups: dict[str, Group] = {}
        self._names = Names(config)

    def group(self, model: str) -> Group | None:
        # Who answers for a name: a group, an alias, a deployment's id, a pattern, or `provider/model`; None for nobody.
        found = self._groups.get(model)
        if found is None and len(model) <= LONGEST_NAME and _is_name(model) and len(model.encode()) <= LONGEST_NAME:
            found = self._find(model)
            if found is not None:
                if len(self._groups) >= _MOST_GROUPS:
                    # Behind a `*` there is no end of names.
                    self._groups.clear()
                self._groups[model] = found
        return found

    def chain(
        self,
        group: Group,
        call: Call,
        *,
        tags: Collection[str] = (),
        sticky: str | None = None,
        estimated_prompt: int = 0,
        fallbacks: Sequence[str] | None = None,
    ) -> RouteChain:
        # The way of one call through the deployments.
        # sticky: Calls with equal words go to the same deployment; see `sticky_key`.
        # fallbacks: What stands in for the group, where the caller says.
        return RouteChain(self, group, group, call, tags, sticky, estimated_prompt, fallbacks)

    def bound(self, group: Group, estimate: Estimate, instead: Sequence[str] | None = None) -> None:
        # Fill in what a call may cost at most, whoever answers it in the end.
        # instead: What stands in for the group, where the caller says. The price is unknown then if it is of one of
        # them; what the owner lets stand in counts where its price is known.
        group.bound(estimate)
        for other, _ in self._others(group, instead):
            own = Estimate(other.name, 0, circumstances=estimate.circumstances)
            other.bound(own)
            estimate.fixed, estimate.thinking = max(estimate.fixed, own.fixed), max(estimate.thinking, own.thinking)
            if instead is not None or (own.input_price is not None and own.output_price is not None):
                if estimate.input_price is not None:
                    estimate.keys = own.keys
                estimate.input_price = _larger(estimate.input_price, own.input_price)
                estimate.output_price = _larger(estimate.output_price, own.output_price)
            estimate.model_max_output = _larger(estimate.model_max_output, own.model_max_output)

    def bodies(self, group: Group, call: Call, instead: Sequence[str] | None = None) -> Iterator[JsonDict]:
        # A call's request as it is sent wherever the owner has a word in it, whoever answers it in the end.
        for other, params in ((group, {}), *self._others(group, instead)):
            for item in other.deployments:
                if params or not item.as_asked:
                    made = item.call(call, params)
                    yield {**made.body, **(made.extra_body or {})}

    def _others(self, group: Group, instead: Sequence[str] | None) -> Iterator[tuple[Group, Mapping[str, Any]]]:
        # Who may stand in for a group, and for those in turn, and the parameters that come with that.
        seen = {group.name, group.base}
        targets = list(group.stand_ins if instead is None else (Fallback(model=name) for name in instead))
        for target in targets:  # it grows
            found = None if target.model in seen and not target.params else self.group(target.model)
            if found is not None:
                if target.model not in seen:
                    targets += found.stand_ins
                yield found, target.params
            seen.add(target.model)

    def models(self) -> list[str]:
        # All names that can be asked for and are known, hidden aliases left out, in order.
        return self._names.listed()

    def rest(self, deployment: str, seconds: float, kind: str) -> None:
        # Another replica says that a deployment rests.
        for health in self._build.healths_of(deployment):
            health.rest(seconds, kind, trial=False, told=True)

    def deployments(self) -> list[Deployment]:
        # All deployments with names of their own, and those behind a `*` that have been asked.
        return self._build.known()

    def policy(
        self, found: Deployment, group: Group, steps: int | None, *, hurried: bool, wished: int | None
    ) -> Watched:
        # How often a deployment is tried.
        # steps: Tries the call has had in the group; None where another deployment is next: then it is tried once.
        # hurried: Its time-outs do not count.
        # wished: Further tries, where the caller says.
        key = (group.name, steps, hurried, wished)
        policy = found.policies.get(key)
        if policy is None:
            retries = 0
            by_kind: dict[str, int] = {}
            if steps is not None and wished is not None:
                retries = max(wished - steps, 0)
            elif steps is not None:
                retries = max((group.here if found.retries is None else found.retries) - steps, 0)
                by_kind = {kind: max(count - steps, 0) for kind, count in group.retries_by_kind.items() if kind}
            if len(found.policies) >= _MOST_POLICIES:
                # Where a `*` leads to one model, its groups have no end.
                found.policies.clear()
            policy = found.policies[key] = Watched(
                retries=retries,
                again=found.again,
                told=_patient(found) if hurried else found.blame,
                by_kind=by_kind,
                least=self.config.routing.retry_after,
            )
        return policy

    def tagged(self, found: Sequence[Deployment], tags: Collection[str]) -> list[Deployment]:
        # Those that take a call with these tags: with a common tag, else those tagged `default`, else, without tags, all.
        wanted = set(tags)
        if wanted:
            every = not self.config.routing.tag_filtering_match_any
            fitting = [item for item in found if (wanted <= item.tags if every else wanted & item.tags)]
            return fitting or [item for item in found if "default" in item.tags]
        return [item for item in found if "default" in item.tags] or [item for item in found if not item.tags]

    def _find(self, model: str) -> Group | None:
        names = self._names
        asked = model
        alias = self.config.routing.model_group_alias.get(model)
        if alias is not None:
            model = alias.model
        entries, captured = names.entries(model)
        if entries:
            made = [self._build.deployment(entry, model, captured) for entry in entries]
        else:
            made = [self._build.any_provider(model) if self.config.serve_all else None]
        found = [item for item in made if item is not None]
        return self._group(asked, model, entries[0].group if entries else model, found) if found else None

    def _group(self, asked: str, name: str, pattern: str, found: list[Deployment]) -> Group:
        routing = self.config.routing
        keys = tuple(dict.fromkeys((asked, name, pattern, "*")))

        def of(table: Mapping[str, tuple[Fallback, ...]]) -> tuple[Fallback, ...]:
            targets = next((table[key] for key in keys if key in table), ())
            return tuple(item for item in targets if item.model not in (asked, name))

        general = of(routing.fallbacks) or tuple(
            Fallback(model=item) for item in routing.default_fallbacks if item not in (asked, name)
        )
        own = next(
            (routing.model_group_retry_policy[key] for key in keys if key in routing.model_group_retry_policy), None
        )
        by_kind = self._retries if own is None else retries_by_kind(own)
        own_group = found[0].group if name == found[0].id else name
        if own_group == name:  # asked for by its id, it stays what it is among the others
            weigh(found)
            for item in found:
                item.health.rules.alone = len(found) == 1 and not general
        # Where any provider may be named, each has several names, in letters of any case.
        plain = [_plain(item) for item in found if item.wild and item.group in ("*", item.id)]
        orders = sorted({item.order for item in found})
        return Group(
            name=asked,
            base=name,
            deployments=tuple(found),
            tiers=tuple(tuple(item for item in found if item.order == order) for order in orders),
            only=found[0] if len(found) == 1 else None,
            choose=STRATEGIES[routing.routing_strategy],
            retries=by_kind.get("", routing.num_retries),
            retries_by_kind=by_kind,
            general=general,
            context=of(routing.context_window_fallbacks),
            policy=of(routing.content_policy_fallbacks),
            sticky=next((_AFFINITY[item] for item in routing.optional_pre_call_checks if item in _AFFINITY), ""),
            tagged=routing.enable_tag_filtering,
            sized=routing.enable_pre_call_checks,
            aka=tuple(item for item in dict.fromkeys((name, own_group, *plain)) if item != asked),
        )

    def why_not(self, model: str, may_know: Callable[[str], bool] | None = None) -> str:
        # Why nobody answers for a name, in words for whoever asked.
        # may_know: Whether whoever asked may know of a name; of these the closest is named.
        return self._names.why_not(model, may_know)


def _plain(found: Deployment) -> str:
    # The name that tells whose model it is, and which, in one spelling.
    row = row_of(found.provider)
    return f"{found.provider if row is None else row.name}/{found.model}"


def _larger(one: _Number | None, other: _Number | None) -> _Number | None:
    return None if one is None or other is None else max(one, other)


def _is_name(model: str) -> bool:
    # Whether this may be a model's name, also where a pattern takes any.
    # As part of an address it must not become another one, which its caller's key may not use.
    if not model.isprintable():
        return False
    parts = re.split(r"[/\\]", model.lower().replace("%2e", "."))
    return ".." not in parts and "." not in parts


def _patient(found: Deployment) -> Callable[[Any], None]:
    # Tells a deployment of failures, time-outs left out.
    def told(error: Any) -> None:
        if error.kind != "timeout":
            found.blame(error)

    return told
