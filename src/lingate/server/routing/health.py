# How a deployment fares: cool-down, circuit breaker, latency, how much it was asked.

# Plain numbers, no locks.
# Closed: calls go through; failures of the last minute are counted. Resting: `until` lies ahead, and no call goes
# through. On trial: `until` has passed after failures; one call a second goes through, until one succeeds (closed) or
# fails (resting again, twice as long). A rest that the provider asked for (Retry-After) ends without a trial: it said
# when.

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol
from weakref import ref

from msgspec import field

from lingate._call.plan import Context, Route, complete
from lingate._call.policy import RetryPolicy, Timeout
from lingate._io.aio import perform
from lingate._io.transport import AsyncTransport
from lingate._model import Call, Record
from lingate.errors import ConfigError, LingateError, UpstreamError

if TYPE_CHECKING:
    from lingate.server.routing.deployment import Deployment
    from lingate.server.routing.router import Router

MINUTE = 60.0
_EXACT = 100
"""Requests a minute up to which each is remembered: a share of few is as good as none, and they would wait for two minutes."""
_LEAST_FOR_SHARE = 5
_MOST_SHARE = 0.5
_TRIAL_GAP = 1.0
_LONGEST_REST = 60.0
_LONGEST_HINT = 3600.0
_SMOOTHING = 0.3
_FADE = 30.0
"""Seconds after which half of a latency is forgotten, so that who was slow once is asked again."""

OWN_FAULT = frozenset({"auth", "permission", "not_found", "quota", "rate_limit"})
"""Kinds after which asking again is of no use: a rest begins at once, where there is somebody else to ask."""

_OF_SOME = frozenset({"not_found", "permission"})
"""Of these, what may be said of one kind of call only: whoever has answered others is not taken away by the first."""

FAILURES = frozenset(
    {"overloaded", "server_error", "transport", "connect", "timeout", "stream_interrupted", "protocol", "upstream"}
)
"""Kinds that count towards a rest."""

_MISSING = re.compile(
    r"(?!.*\b(?:models?|deployment|engine)\b).*\b(?:files?|(?:item|prompt|response) with id|conversation|container"
    r"|vector store|cached ?content|object|bucket|skill)\b",
    re.IGNORECASE | re.DOTALL,
).match
_OF_THE_CALL = {"not_found": _MISSING, "permission": _MISSING, "rate_limit": re.compile("(?i)request too large").match}
"""How providers say of what a request names that they do not have it: with the status for a model or a key that is none."""


def _nothing() -> None:
    return None


class Shared(Protocol):
    # Tells other replicas who rests. `Router.rest` is the way back.

    def cooled(self, deployment: str, seconds: float, kind: str) -> None:
        # A deployment began to rest; called on the event loop and must not wait.
        ...


class Load(Record, eq=False, kw_only=True):
    # What a deployment has been asked in the last minute, and is being asked now.

    in_flight: int = 0
    start: float = 0.0
    requests: int = 0
    tokens: int = 0
    last_requests: int = 0
    last_tokens: int = 0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_EXACT))

    def _turn(self, now: float) -> float:
        # Begin a new window if it is time; what share of the last one still counts.
        age = now - self.start
        if age >= MINUTE:
            if age >= 2 * MINUTE:
                self.last_requests = self.last_tokens = 0
                self.start = now
            else:
                self.last_requests, self.last_tokens = self.requests, self.tokens
                self.start += MINUTE
            self.requests = self.tokens = 0
            age = now - self.start
        return 1.0 - age / MINUTE

    def used(self, now: float) -> tuple[float, float]:
        # Requests and tokens of the last minute.
        share = self._turn(now)
        return self.requests + self.last_requests * share, self.tokens + self.last_tokens * share

    def wait(self, now: float, rpm: int | None, tpm: int | None, parallel: int | None) -> float:
        # Seconds until one more call is within the limits; 0 if it is.
        if parallel is not None and self.in_flight >= parallel:
            return _TRIAL_GAP
        if (rpm is None or self.requests + self.last_requests < rpm) and (
            tpm is None or self.tokens + self.last_tokens < tpm
        ):
            return 0.0  # not even both windows whole reach them
        requests, tokens = self.used(now)
        waits = [0.0]
        if rpm is not None and 0 < rpm <= _EXACT:
            if len(self.recent) >= rpm:
                waits.append(self.recent[-rpm] + MINUTE - now)
        elif rpm is not None and requests + 1 > rpm:
            waits.append(self._until(now, self.requests + 1, self.last_requests, rpm))
        if tpm is not None and tokens >= tpm:
            waits.append(self._until(now, self.tokens + 1, self.last_tokens, tpm))
        return max(waits)

    def _until(self, now: float, current: int, last: int, limit: int) -> float:
        # When the share of the last window that still counts has become small enough.
        age = now - self.start
        if last and current <= limit:
            return max((1.0 - (limit - current) / last) * MINUTE - age, 0.001)
        # Not in this window: in the next, this one's share must have become small enough.
        share = max(limit - 1, 0) / max(current - 1, 1)
        return MINUTE - age + max(1.0 - share, 0.0) * MINUTE

    def take(self, now: float, tokens: int) -> None:
        self.count(now)
        self.in_flight += 1
        self.tokens += tokens

    def count(self, now: float) -> None:
        self._turn(now)
        self.requests += 1
        self.recent.append(now)


class Rules(Record, eq=False, kw_only=True):
    # When a deployment rests.

    cooldown: float = 5.0
    """Seconds."""
    allowed: int | None = None
    """Failures in a minute that it may have; None: half of its calls, of at least five."""
    by_kind: dict[str, int] = {}
    """The same by kind of error."""
    alone: bool = False
    """There is nobody else to ask, so that only a Retry-After and a run of failures count."""
    never: bool = False
    """It does not rest."""


class Health(Record, eq=False, kw_only=True):
    # How one model of a deployment fares.

    id: str
    """The deployment's, with the model where it has many: what replicas tell each other."""
    now: Callable[[], float]
    rules: Rules
    """When it rests."""
    shared: Shared | None = None
    until: float = 0.0
    """When it may be asked again."""
    why: str = ""
    """Kind of the error that made it rest."""
    trial: bool = False
    """Nothing has succeeded since it rested."""
    rested: float = 0.0
    """When its rest proper ends; `until` may lie a moment after it, between two calls on trial."""
    rest_at: float = 0.0
    """When it began."""
    rests: int = 0
    latency: float = 0.0
    """Moving average, seconds; 0 where nothing is known."""
    measured_at: float = 0.0
    start: float = 0.0
    good: int = 0
    bad: int = 0
    seen: Callable[[], LingateError | None] = _nothing

    def take(self, now: float) -> None:
        # Count a call that begins: on trial, the next one must wait.
        if self.trial:
            self.until = now + _TRIAL_GAP

    def recalled(self, rests: int) -> None:
        # A stream that counted as an answer when it began has failed: one call is not both.
        # rests: How often it had rested by then, if that ended its trial: where nothing else came through, it did not.
        self.good = max(self.good - 1, 0)
        if rests and not self.good:
            self.trial, self.rests = True, rests

    def succeeded(self, began: float) -> None:
        # Note an answer to a try that began then; one that began before the rest does not end it.
        self._turn(self.now())
        if self.trial and began >= self.rest_at:
            self.trial = False
            self.rests = self.bad = self.good = 0
            self.until = self.rested = 0.0
        self.good += 1

    def measured(self, seconds: float) -> None:
        now = self.now()
        self.latency = seconds if not self.latency else self.latency + _SMOOTHING * (seconds - self.latency)
        self.measured_at = now

    def expected(self, now: float) -> float:
        # How long an answer is likely to take; fades to nothing, so that old news does not count for ever.
        if not self.latency:
            return 0.0
        return self.latency * float(0.5 ** ((now - self.measured_at) / _FADE))

    def failed(self, error: LingateError, wild: bool) -> None:
        # Note a failed try; the same error counts once.
        if self.seen() is error:
            return
        self.seen = ref(error)  # weak: its traceback holds the whole call
        kind = error.kind
        if kind == "not_found" and wild:
            return  # what stands for the `*` is the caller's word
        of_the_call = _OF_THE_CALL.get(kind)
        if of_the_call is not None and of_the_call(error.detail or ""):
            return  # and so are a file or a conversation, and how much it asks for at once
        hint = error.retry_after
        if kind not in FAILURES and kind not in OWN_FAULT:
            if isinstance(error, UpstreamError):
                self.succeeded(self.now())  # it answers; the request was wrong
            return
        now = self.now()
        self._turn(now)
        self.bad += 1
        if self.rules.never:
            return
        if hint is not None and hint > 0 and (error.retryable or kind in OWN_FAULT):
            self.rest(min(hint, _LONGEST_HINT), kind, trial=False)
        elif self.trial or self._too_many(kind):
            seconds = min(self.rules.cooldown * 2.0 ** min(self.rests, 16), max(_LONGEST_REST, self.rules.cooldown))
            self.rests += 1
            self.rest(seconds, kind, trial=True)

    def rest(self, seconds: float, kind: str, *, trial: bool, told: bool = False) -> None:
        # Ask it no more for so long.
        # `told`: by another replica, which has told the others too.
        until = self.now() + seconds
        if until > self.rested:
            self.until = self.rested = until
            self.rest_at = self.now()
            self.why = kind
            self.trial = self.trial or trial
            if self.shared is not None and not told:
                self.shared.cooled(self.id, seconds, kind)

    def _turn(self, now: float) -> None:
        if now - self.start >= MINUTE:
            self.start = now
            self.good = self.bad = 0

    def _too_many(self, kind: str) -> bool:
        rules = self.rules
        if kind in rules.by_kind:
            return self.bad > rules.by_kind[kind]
        if kind in OWN_FAULT and not rules.alone and not (kind in _OF_SOME and self.latency):
            return True
        if kind in OWN_FAULT and kind != "rate_limit" and rules.alone:
            return False  # nobody else to ask: the provider's own word is the best answer
        if rules.allowed is not None:
            return self.bad > rules.allowed
        total = self.good + self.bad
        return total >= _LEAST_FOR_SHARE and self.bad > total * _MOST_SHARE


# Active health checks: lists the models of each deployment's provider now and then.

# Listing is not billed; calls would be.

_TIMEOUT = Timeout(total=10.0, connect=5.0, read=10.0)
_TELLING = (FAILURES | OWN_FAULT) - {"not_found", "permission"}
_ONCE = RetryPolicy(retries=0)
_SHORTEST = 1.0


class Probe(NamedTuple):
    # What the last look at a deployment found.

    at: float
    """When, by the router's clock."""
    error: str | None
    """Kind of the error, None for none."""
    seconds: float


class Probes:
    # Looks at all deployments that have a list of models.

    # A failure counts as a failed call would. A success proves only that the provider is reachable and takes the key:
    # it ends no rest.

    def __init__(self, router: Callable[[], Router], transport: AsyncTransport) -> None:
        self._router = router
        self._transport = transport
        self.found: dict[str, Probe] = {}

    async def run(self) -> None:
        # Look again and again, as `general_settings` says, until cancelled.
        while True:
            await asyncio.sleep(max(self._router().config.general.health_check_interval, _SHORTEST))
            if self._router().config.general.background_health_checks:
                await self.round()

    async def round(self) -> None:
        router = self._router()
        gate = asyncio.Semaphore(max(router.config.general.health_check_concurrency, 1))
        ids: dict[str, Deployment] = {}
        for item in router.deployments():
            if item.unusable is None:
                ids.setdefault(item.id, item)
        self.found = {id_: probe for id_, probe in self.found.items() if id_ in ids}
        async with asyncio.TaskGroup() as tasks:
            for item in ids.values():
                tasks.create_task(self._look(item, router, gate))

    async def _look(self, item: Deployment, router: Router, gate: asyncio.Semaphore) -> None:
        try:
            find, model = item.place("models")
        except ConfigError:
            return  # no list of models, or no credential: calls will tell
        call = Call("models", model, {}, extra_headers=dict(item.extra_headers) or None)
        context = Context(_ONCE, _TIMEOUT, router.now, random.random)
        async with gate:
            began = router.now()
            error: LingateError | None = None
            try:
                await perform(complete([Route(find, call)], context), self._transport)
            except LingateError as failure:
                error = failure
                # A path that is not there, or not for this key, says nothing about the others.
                if failure.kind in _TELLING:
                    item.blame(failure)
        now = router.now()
        self.found[item.id] = Probe(at=now, error=None if error is None else error.kind, seconds=now - began)
