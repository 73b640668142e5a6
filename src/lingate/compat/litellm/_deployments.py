# Deployments of a router, how they fare, and which is asked next. Pure: the clock and the dice are given.

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lingate._wire.json import encode_str

MINUTE = 60.0
_MOST_LATENCIES = 10
_MOST_SHARE_FAILED = 0.5
_LEAST_FOR_SHARE = 5


@dataclass(slots=True)
class Deployment:
    """One place that answers for a model group, with the arguments of its calls, and what its owner says about it."""

    group: str
    params: dict[str, Any] = field(repr=False)
    info: dict[str, Any]
    in_flight: int = 0
    cooled_until: float = 0.0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_LATENCIES))
    successes: deque[tuple[float, int]] = field(default_factory=deque)
    failures: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def id(self) -> str:
        return str(self.info["id"])

    def to_dict(self) -> dict[str, Any]:
        # As it was given, its id added.
        return {"model_name": self.group, "litellm_params": dict(self.params), "model_info": dict(self.info)}

    def used(self, now: float) -> tuple[int, int]:
        # Calls in the last minute, and their tokens.
        return _recent(self.successes, now)

    def failed(self, now: float) -> int:
        return _recent(self.failures, now)[0]


def _recent(events: deque[tuple[float, int]], now: float) -> tuple[int, int]:
    while events and events[0][0] < now - MINUTE:
        events.popleft()
    return len(events), sum(tokens for _, tokens in events)


def deployment(given: Mapping[str, Any]) -> Deployment:
    # Read one entry of a `model_list`. `os.environ/NAME` stands for a variable.
    group, params = given.get("model_name"), given.get("litellm_params")
    if not isinstance(group, str) or not isinstance(params, Mapping) or not params.get("model"):
        raise ValueError("an entry of model_list needs model_name, and litellm_params with a model")
    read = dict(params)
    for name, value in params.items():
        if isinstance(value, str) and value.startswith("os.environ/"):
            read[name] = os.environ.get(value.removeprefix("os.environ/"))
    info = dict(given.get("model_info") or {})
    if not info.get("id"):
        # The same entry has the same id in every process; a digest keeps the key out of it.
        text = encode_str({str(name): repr(value) for name, value in params.items()})
        info["id"] = hashlib.sha256(f"{group}{text}".encode()).hexdigest()
    return Deployment(group, read, info)


_ITS_FAULT = (401, 403, 404, 408, 429)
"""Statuses below 500 after which a deployment rests at once."""

Pick = Callable[[Sequence[Deployment], float, Callable[[], float]], Deployment]


def _shuffle(found: Sequence[Deployment], now: float, random: Callable[[], float]) -> Deployment:
    # By chance, weighted by the first of `weight`, `rpm` and `tpm` that any of them has.
    for name in ("weight", "rpm", "tpm"):
        weights = [float(item.params.get(name) or 0) for item in found]
        total = sum(weights)
        if total > 0:
            point = random() * total
            for item, weight in zip(found, weights, strict=True):
                if weight > 0:
                    last, point = item, point - weight
                    if point < 0:
                        break
            return last
    return found[min(int(random() * len(found)), len(found) - 1)]


def _least_busy(found: Sequence[Deployment], now: float, random: Callable[[], float]) -> Deployment:
    return _shuffle(_least(found, lambda item: item.in_flight), now, random)


def _latency(found: Sequence[Deployment], now: float, random: Callable[[], float]) -> Deployment:
    untried = [item for item in found if not item.latencies]
    if untried:
        return _shuffle(untried, now, random)
    return min(found, key=lambda item: sum(item.latencies) / len(item.latencies))


def _usage(found: Sequence[Deployment], now: float, random: Callable[[], float]) -> Deployment:
    return _shuffle(_least(found, lambda item: item.used(now)[1]), now, random)


def _least(found: Sequence[Deployment], key: Callable[[Deployment], int]) -> list[Deployment]:
    least = min(map(key, found))
    return [item for item in found if key(item) == least]


STRATEGIES = {
    "simple-shuffle": _shuffle,
    "least-busy": _least_busy,
    "latency-based-routing": _latency,
    "usage-based-routing": _usage,
    "usage-based-routing-v2": _usage,
}
"""How the next deployment is chosen."""


class Fleet:
    # All deployments of a router; safe to share between threads.

    def __init__(
        self,
        strategy: str,
        cooldown: float,
        allowed_fails: int | None,
        aliases: Mapping[str, Any],
        clock: Callable[[], float],
        random: Callable[[], float],
        rests: bool = True,
    ) -> None:
        if strategy not in STRATEGIES:
            raise ValueError(f"routing_strategy {strategy!r} is not here; there are {', '.join(STRATEGIES)}")
        self._pick = STRATEGIES[strategy]
        self._cooldown = cooldown
        self._allowed = allowed_fails
        self._may_rest = rests
        self._aliases = dict(aliases)
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self.deployments: list[Deployment] = []

    def group(self, name: str) -> list[Deployment]:
        # The deployments that answer for a name: of that group, by id, or by a pattern such as `openai/*`.
        alias = self._aliases.get(name)
        if alias is not None:
            name = alias if isinstance(alias, str) else alias["model"]
        found = [item for item in self.deployments if item.group == name]
        found = found or [item for item in self.deployments if item.id == name]
        return found or [item for item in self.deployments if _match(item, name)]

    def params(self, item: Deployment, name: str) -> dict[str, Any]:
        # Arguments for a call of a deployment; a `*` in its model is what stood for the `*` of its group.
        params = dict(item.params)
        if "*" in item.group and "*" in params["model"]:
            match = _match(item, name)
            params["model"] = params["model"].replace("*", match[1] if match else name)
        return params

    def choose(self, name: str, tried: set[str]) -> Deployment | float:
        # The next to ask, or in how many seconds the first of those that rest is back. Counts it as busy.
        # Those of the lowest `order` go first, those that failed in this call last, those at their `rpm` or `tpm` not.
        with self._lock:
            now = self._clock()
            found = self.group(name)
            awake = [item for item in found if item.cooled_until <= now and not _full(item, now)]
            if not awake:
                waits = [item.cooled_until - now for item in found if item.cooled_until > now]
                return min(waits, default=MINUTE)
            fresh = [item for item in awake if item.id not in tried] or awake
            item = self._pick(_least(fresh, lambda item: item.params.get("order") or 0), now, self._random)
            item.in_flight += 1
            return item

    def succeeded(self, item: Deployment, seconds: float, tokens: int) -> None:
        with self._lock:
            item.in_flight -= 1
            item.latencies.append(seconds)
            item.successes.append((self._clock(), tokens))

    def failed(self, item: Deployment, status: int, wait: float | None, allowed: int | None = None) -> None:
        # Note a failure: after some, or more than `allowed`, the deployment rests, unless it is its group's only one.
        with self._lock:
            item.in_flight -= 1
            now = self._clock()
            if status not in _ITS_FAULT and status < 500:
                # A request that is wrong says nothing about who was asked.
                return
            item.failures.append((now, 0))
            alone = sum(other.group == item.group for other in self.deployments) < 2
            if self._may_rest and not alone and self._rests(item, status, now, allowed):
                own = item.params.get("cooldown_time")
                item.cooled_until = now + max(float(own if own is not None else self._cooldown), wait or 0.0)

    def _rests(self, item: Deployment, status: int, now: float, allowed: int | None) -> bool:
        failures = item.failed(now)
        if allowed is not None:
            return failures > allowed
        if status in _ITS_FAULT:
            return True
        if self._allowed is not None:
            return failures > self._allowed
        total = failures + item.used(now)[0]
        return total >= _LEAST_FOR_SHARE and failures / total > _MOST_SHARE_FAILED

    def resting(self, name: str) -> list[str]:
        now = self._clock()
        return [item.id for item in self.group(name) if item.cooled_until > now]


def _match(item: Deployment, name: str) -> re.Match[str] | None:
    return re.fullmatch(re.escape(item.group).replace(r"\*", "(.*)"), name)


def _full(item: Deployment, now: float) -> bool:
    requests, tokens = item.used(now)
    rpm, tpm = item.params.get("rpm"), item.params.get("tpm")
    return bool((rpm and requests + item.in_flight >= rpm) or (tpm and tokens >= tpm))
