# One place that answers for a model group: where it is, what it may take, and how it fares.

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec

from lingate._call.policy import RetryPolicy, Timeout
from lingate._dialects._base import OperationFormat
from lingate._dialects._claude import thinking_on_top
from lingate._io.session import Session
from lingate._model import Call, Operation, Target
from lingate._wire.shapes import drop
from lingate.errors import ConfigError, LingateError
from lingate.server.config.settings import FailsByKind, RetriesByKind
from lingate.server.routing.health import Health, Load
from lingate.server.routing.prices import Price, Sheet
from lingate.server.routing.provider_budgets import SpendBudget

# Retries at one deployment, which learns of every failed try as it happens.

_KINDS = {
    "BadRequestError": ("bad_request", "output_limit", "context_window", "payload_too_large"),
    "AuthenticationError": ("auth", "permission"),
    "TimeoutError": ("timeout",),
    "RateLimitError": ("rate_limit", "quota"),
    "ContentPolicyViolationError": ("content_filter",),
    "InternalServerError": ("server_error", "transport", "connect", "stream_interrupted", "protocol", "upstream"),
    "ServiceUnavailableError": ("overloaded",),
    "NotFoundError": ("not_found",),
}
"""LiteLLM's names of exceptions, and our kinds of error."""


class Watched(RetryPolicy, frozen=True, kw_only=True):
    # A retry policy that tells somebody of each failure before it decides.

    told: Callable[[LingateError], None]
    again: Callable[[], bool]
    """Counts one more try, if there is room for it."""
    by_kind: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Further tries for some kinds of error, instead of `retries`."""
    least: float = 0.0
    """Seconds to wait at least."""

    def wait(self, error: LingateError, exchange: int, random: Callable[[], float]) -> float | None:
        # Seconds to wait before try number `exchange + 2`, or None to give this deployment up.
        self.told(error)
        own = self.by_kind.get(error.kind) if self.by_kind else None
        if own is None:
            found = super().wait(error, exchange, random)
        elif exchange >= own:
            found = None
        else:
            # Whoever names a kind wants it tried again, retryable or not.
            found = RetryPolicy(retries=own, base=self.base, cap=self.cap).wait(_again(error), exchange, random)
        return None if found is None or not self.again() else max(found, self.least)


def _again(error: LingateError) -> LingateError:
    if error.retryable:
        return error
    return LingateError(error.message, retryable=True, retry_after=error.retry_after)


def retries_by_kind(policy: RetriesByKind | None) -> dict[str, int]:
    # `retry_policy` by our kinds of error; `DefaultRetries` under the empty name.
    found = _by_kind(policy, "Retries")
    return found if policy is None or policy.DefaultRetries is None else {"": policy.DefaultRetries, **found}


def fails_by_kind(policy: FailsByKind | None) -> dict[str, int]:
    # `allowed_fails_policy` by our kinds of error.
    return _by_kind(policy, "AllowedFails")


def _by_kind(policy: object, what: str) -> dict[str, int]:
    counts = {name: getattr(policy, f"{name}{what}", None) for name in _KINDS}
    return {kind: count for name, count in counts.items() if count is not None for kind in _KINDS[name]}


Place = tuple[Target, OperationFormat]
Placed = tuple[Callable[[], Place], str]
"""What a route's `find` answers at once, and the model's name there."""

_LIMITS = ("rpm", "tpm", "max_parallel")
_BOUNDS = ("max_tokens", "max_completion_tokens")


@dataclass(slots=True, kw_only=True, eq=False)
class Deployment:
    """One place that answers for a group."""

    id: str
    """What it is called in headers, logs and the ledger."""
    group: str
    """The group's name, with its `*`."""
    provider: str
    """Name of the provider's row."""
    model: str
    """The model there."""
    session: Session = field(repr=False)
    """Looks places up."""
    given: tuple[str | None, str | None, str | None] = field(repr=False)
    """Key, base URL and version of the API."""
    load: Load
    """How much it is asked; shared by all models of a wildcard."""
    health: Health
    """How it fares."""
    sheet: Sheet
    """Prices and limits."""
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Request parameters laid under the caller's."""
    extra_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request."""
    extra_body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Put into every request as it is."""
    drop_params: bool | None = None
    """Leave out what the provider cannot express; None: as the gateway says."""
    always_drop: tuple[str, ...] = ()
    """Request parameters that are left out."""
    tags: frozenset[str] = frozenset()
    """What calls must be tagged with."""
    own_weight: float | None = None
    """Share of the traffic, where its owner says."""
    weight: float = field(default=1.0, init=False)
    """Share of the traffic in its group."""
    order: int = 0
    """Lower ones are asked first."""
    rpm: int | None = None
    """Requests a minute."""
    tpm: int | None = None
    """Tokens a minute."""
    max_parallel: int | None = None
    """Calls at once."""
    timeout: Timeout | None = None
    """Bounds each try; None: only the whole call is bounded."""
    stream_timeout: Timeout | None = None
    """The same for streams."""
    retries: int | None = None
    """Further tries here; None: as its group says."""
    spend_budget: SpendBudget | None = None
    """What its calls are paid from; None: nothing limits that."""
    wild: bool = False
    """It is one of many models behind a `*`."""
    unusable: str | None = None
    """Why it cannot be asked."""
    limited: bool = field(init=False)
    as_asked: bool = field(init=False)
    seed: int = field(init=False, repr=False)
    places: dict[str, Placed] = field(default_factory=dict, repr=False)
    policies: dict[tuple[str, int | None, bool, int | None], Watched] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.seed = int.from_bytes(blake2b(self.id.encode(), digest_size=8).digest(), "little")
        self.limited = self.spend_budget is not None or any(getattr(self, name) is not None for name in _LIMITS)
        changes = (self.defaults, self.extra_headers, self.extra_body, self.always_drop)
        self.as_asked = not any(changes) and self.drop_params is None

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"

    @property
    def max_output(self) -> int | None:
        return self.sheet.max_output

    @property
    def max_input(self) -> int | None:
        # Size of the context window in tokens, None where unknown.
        return self.sheet.max_input

    def price(self) -> Price:
        # Dollars a token, of the owner or of the catalogue.
        return self.sheet.price()

    def place(self, operation: Operation) -> Placed:
        # Where an operation is asked for.
        # Raises ConfigError: There is no such place, or nothing to sign in with.
        found = self.places.get(operation)
        if found is None:
            place = self.session.place(self.name, operation, self.given)
            found = self.places[operation] = ((lambda: place), place[0].model)
        return found

    def thinking(self, effort: str) -> int:
        # Tokens that are added to the bound of an answer which has no room for thinking this hard; 0 where none are.
        try:
            target, _ = self.place("chat")[0]()
        except ConfigError:
            return 0
        return thinking_on_top(target, effort)

    def call(self, asked: Call, params: Mapping[str, Any]) -> Call:
        # The call as it is made here, where that is not `as_asked`.
        # params: Request parameters that a fallback lays over it.
        defaults = self.defaults
        if not asked.body.keys().isdisjoint(_BOUNDS) and not defaults.keys().isdisjoint(_BOUNDS):
            # The caller's bound holds, by whichever name.
            defaults = {name: value for name, value in defaults.items() if name not in _BOUNDS}
        body = {**defaults, **asked.body, **params}
        for path in self.always_drop:
            drop(body, path)
        return Call(
            asked.operation,
            asked.model,
            body,
            asked.stream,
            asked.drop_params if self.drop_params is None else self.drop_params,
            {**(asked.extra_headers or {}), **self.extra_headers} or None,
            {**self.extra_body, **(asked.extra_body or {})} or None,
        )

    def is_ready(self, now: float) -> bool:
        # Whether it may be asked: neither resting nor at one of its limits.
        if self.health.until > now or self.unusable is not None:
            return False
        return not self.limited or self._wait_for_limits(now) == 0.0

    def wait(self, now: float) -> float:
        # Seconds until it may be asked.
        return max(self.health.until - now, self._wait_for_limits(now) if self.limited else 0.0, 0.0)

    def _wait_for_limits(self, now: float) -> float:
        wait = self.load.wait(now, self.rpm, self.tpm, self.max_parallel)
        return wait if self.spend_budget is None else max(wait, self.spend_budget.empty()[0])

    def again(self) -> bool:
        # Whether there is room for one more request of a call that is under way; it is counted then.
        load, now = self.load, self.health.now()
        if self.limited and load.wait(now, self.rpm, None, None):
            return False
        load.count(now)
        return True

    def blame(self, error: LingateError) -> None:
        self.health.failed(error, self.wild)
