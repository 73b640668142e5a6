# One call's way through the deployments: an iterator of routes, of which each is chosen when the one before has failed.

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Self

import msgspec

from lingate._call.plan import Context, Route
from lingate._dialects._claude import BETA, FORMATS
from lingate._model import Call, JsonDict, Record, replaced
from lingate._wire.shapes import without
from lingate.errors import (
    BudgetExceededError,
    ConfigError,
    ContextLengthError,
    LingateError,
    OverloadedError,
    RateLimitError,
)
from lingate.server.access.bounds import shortened
from lingate.server.access.reservations import BUDGET_STATUS
from lingate.server.config.settings import Fallback
from lingate.server.routing.choosing import faithful
from lingate.server.routing.deployment import Deployment
from lingate.server.routing.group import Group, is_worth_another

if TYPE_CHECKING:
    from lingate.server.routing.router import Router

_ON: dict[str, frozenset[str]] = {}
_OUR_LIMIT = "limit"
_SURELY = 0.7
"""Of an estimate, which rather counts too many tokens than too few: so many there are for certain."""


class RouteChain(Record, eq=False, weakref=True):
    # The routes of one call. Iterate it as a plan's `routes`; then exactly one of `succeeded` and `failed`.

    _router: Router
    _asked: Group
    group: Group
    """The group of `deployment`."""
    _call: Call
    _tags: Collection[str]
    _sticky: str | None
    _estimated: int
    _instead: Sequence[str] | None
    retries: int | None = None
    """Further tries in a group, where the caller says."""
    most: int | None = None
    """Tokens that an answer may have, where a budget says: neither deployments nor fallbacks know better."""
    context: Context | None = None
    """The plan's; its `error` is why the next route is asked for. Set it before the plan starts."""
    deployment: Deployment | None = None
    """The one being asked, or asked last."""
    fallbacks: int = 0
    """Other groups that were tried."""
    hurried: bool = False
    """The caller set a time-out of its own: running into it says nothing about the deployment."""
    _paid: list[tuple[Deployment, JsonDict]] = msgspec.field(default_factory=list)
    _params: dict[str, object] = msgspec.field(default_factory=dict)
    _queue: list[Fallback] = msgspec.field(default_factory=list)
    _visited: set[str] | None = None
    _tried: list[Deployment] = msgspec.field(default_factory=list)
    _steps: int = 0
    _open: bool = False
    _began: bool = False
    _rests: int = 0
    _reserved: int = 0
    _start: float = 0.0
    _mark: int = 0
    _seen: LingateError | None = None
    _heard: Deployment | None = None
    _problem: LingateError | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Route:
        # The next place to ask.
        # Raises StopIteration: None is left; what the last one said stands.
        # Raises LingateError: None could be asked at all.
        context = self.context
        error = None if context is None else context.error
        if error is not None:
            self._note_paid()
        if self._open:
            sent = error is not self._seen
            self._leave(error if sent else None)
            if not sent:
                self.deployment = self._heard  # what cannot express the call was not asked
            self._heard = self.deployment
            if context is not None:
                self._steps += max(len(context.trail) - self._mark - 1, 0)  # further tries there were the group's
        self._seen = error
        now = self._router.now()
        group = self.group
        if error is None or (is_worth_another(error) and self._steps <= group.tries(error.kind, self.retries)):
            route = self._in(group, now, error)
            if route is not None:
                return route
        return self._elsewhere(now, error)

    def paid(self) -> list[tuple[Deployment, JsonDict]]:
        # What was answered and is paid for of divided calls that failed, by whom; once.
        self._note_paid()
        found, self._paid = self._paid, []
        return found

    def _note_paid(self) -> None:
        if self.context is not None and self.context.used is not None and self.deployment is not None:
            self._paid.append((self.deployment, self.context.used))
            self.context.used = None

    def spare(self, before: RouteChain) -> None:
        # Ask nobody that another chain has asked, if there is anybody else: that one may have had no further try.
        if before.deployment is not None and before._has_more(self.group, before.deployment, self._router.now()):
            self._tried = [*before._tried]

    def first_event(self, seconds: float) -> None:
        # The first of a stream's answer is here: how long it took.
        # What follows depends on the answer's length.
        if self._open and not self._began:
            assert self.deployment is not None
            self._began = True
            health = self.deployment.health
            self._rests = health.rests if health.trial else 0
            health.succeeded(self._try_began_at())
            health.measured(seconds)

    def succeeded(self, seconds: float, tokens: int | None = None) -> None:
        # The answer is whole.
        # seconds: What it took; for a stream, until its first event, unless `first_event` has told.
        # tokens: Input and output together, None where nobody said.
        if not self._open:
            return
        found = self.deployment
        assert found is not None
        self._open = False
        load = found.load
        load.in_flight -= 1
        if tokens is not None:
            more = tokens - self._reserved
            if more > 0 or self._start >= load.start:  # what counts in the minute before is not in this one's
                load.tokens = max(load.tokens + more, 0)
        if not self._began:
            found.health.succeeded(self._try_began_at())
            found.health.measured(seconds)

    @property
    def is_asking(self) -> bool:
        # Whether somebody has been asked, and it is not settled what became of that.
        return self._open and self.context is not None and self.context.asked

    def _try_began_at(self) -> float:
        # When the try began that succeeded: a retry began after its deployment's failure, whenever that was.
        retried = self.context is not None and len(self.context.trail) - self._mark > 1
        return self._router.now() if retried else self._start

    def failed(self, error: LingateError | None = None) -> None:
        # There is no whole answer: None for a client that left.
        if self._open:
            self._leave(error)

    def __del__(self) -> None:
        # Whoever drops a chain without a word must not keep a deployment busy for ever.
        if getattr(self, "_open", False):
            self._leave(None)

    def _leave(self, error: LingateError | None) -> None:
        found = self.deployment
        assert found is not None
        self._open = False
        found.load.in_flight -= 1
        if error is not None and not (self.hurried and error.kind == "timeout"):
            if self._began:
                found.health.recalled(self._rests)
            found.health.failed(error, found.wild)

    def _in(self, group: Group, now: float, error: LingateError | None) -> Route | None:
        # A route to one of a group's deployments, None where there is none to be asked.
        while True:
            only = group.only
            if only is not None:
                others = False
                if self._steps or not only.is_ready(now) or ((group.tagged or group.sized) and not self._fits([only])):
                    return None
                found = only
            else:
                ready = self._ready(group, now)
                if not ready:
                    return None
                found = self._one_of(ready, group, now)
                others = len(ready) > 1 or (len(group.tiers) > 1 and self._has_more(group, found, now))
            try:
                return self._route(found, group, now, error, others)
            except ConfigError as problem:
                # Its credential is missing, or it has no such operation: not the caller's fault while another has.
                self._problem = problem
                self._tried.append(found)
                if only is not None:
                    return None

    def _ready(self, group: Group, now: float) -> list[Deployment]:
        # Who may be asked, of the first tier that has any.
        tried = self._tried
        ready: list[Deployment] = []
        for tier in group.tiers:
            ready = [item for item in tier if item not in tried and item.is_ready(now)]
            if ready and (group.tagged or group.sized):
                ready = self._fits(ready)
            if ready:
                break
        return ready

    def _has_more(self, group: Group, found: Deployment, now: float) -> bool:
        # Whether anybody is left to be asked after this one.
        tried = self._tried
        rest = [item for item in group.deployments if item is not found and item not in tried and item.is_ready(now)]
        return bool(self._fits(rest))

    def _one_of(self, ready: list[Deployment], group: Group, now: float) -> Deployment:
        if self._sticky is not None and len(ready) > 1:
            return faithful(ready, self._sticky)
        return group.choose(ready, now, self._router.random)

    def _fits(self, ready: list[Deployment]) -> list[Deployment]:
        # Those with the call's tags and a window for its prompt.
        group = self.group
        if group.tagged:
            ready = self._router.tagged(ready, self._tags)
        if group.sized and self._estimated:
            size = int(self._estimated * _SURELY)
            fitting = [item for item in ready if item.max_input is None or item.max_input >= size]
            if ready and not fitting:
                most = max(item.max_input or 0 for item in ready)
                self._problem = ContextLengthError(
                    f"the prompt of at least {size} tokens does not fit {group.name}, which takes {most}", status=400
                )
            ready = fitting
        return ready

    def _route(self, found: Deployment, group: Group, now: float, error: LingateError | None, others: bool) -> Route:
        call = self._call
        find, model = found.place(call.operation)
        if call.extra_headers and BETA in call.extra_headers and find()[0].row.dialect not in FORMATS:
            call = replaced(call, extra_headers=without(call.extra_headers, (BETA,)) or None)
        if not (found.as_asked and not self._params):
            call = found.call(call, self._params)
            if self.most is not None:
                call = shortened(call, self.most)
        call.model = model
        steps = None if others else self._steps
        policy = self._router.policy(found, group, steps, hurried=self.hurried, wished=self.retries)
        found.health.take(now)
        found.load.take(now, self._estimated)
        self._reserved = self._estimated
        self._start = now
        self._mark = 0 if self.context is None else len(self.context.trail)
        self._open = True
        self._began = False
        self.deployment = found
        self._steps += 1
        self._tried.append(found)
        if error is None:
            on = None
        else:
            on = _ON.get(error.kind) or _ON.setdefault(error.kind, frozenset({error.kind}))
        return Route(find, call, on, policy, found.stream_timeout if call.stream else found.timeout)

    def _elsewhere(self, now: float, error: LingateError | None) -> Route:
        router = self._router
        if self._visited is None:
            self._visited = {self.group.name, self.group.base}
        reason = error or (self._problem if isinstance(self._problem, ContextLengthError) else None)
        self._enqueue(self.group, reason)
        while self._queue and self.fallbacks < router.max_fallbacks:
            target = self._queue.pop(0)
            if target.model in self._visited:
                continue
            self._visited.add(target.model)
            group = router.group(target.model)
            if group is None or (group.base != target.model and group.base in self._visited):
                continue
            self._visited.add(group.base)
            before = self.group
            self.group, self._params, self._steps, self._tried = group, dict(target.params), 0, []
            route = self._in(group, now, error)
            if route is not None:
                self.fallbacks += 1
                return route
            self._enqueue(group, reason)
            self.group = before
        if error is not None:
            raise StopIteration
        raise self._unavailable(now)

    def _enqueue(self, group: Group, reason: LingateError | None) -> None:
        # Put what stands in for a group before what stands in for those before it.
        if self._instead is not None and group is self._asked:
            targets: Sequence[Fallback] = (
                [Fallback(model=name) for name in self._instead]
                if (reason is None or is_worth_another(reason) or reason.kind == "context_window")
                else ()
            )
        else:
            targets = group.instead(reason)
        self._queue[:0] = targets

    def _unavailable(self, now: float) -> LingateError:
        group = self._asked
        usable = [item for item in group.deployments if item.unusable is None]
        if isinstance(self._problem, ContextLengthError):
            return self._problem
        if not usable:
            return ConfigError(
                f"{group.name} cannot be asked: it has no credential", detail=group.deployments[0].unusable
            )
        waiting = [item for item in usable if item.wait(now) > 0]
        if not waiting:
            return self._problem or ConfigError(f"no deployment of {group.name} takes a call with these tags")
        first = min(waiting, key=lambda item: item.wait(now))
        wait = first.wait(now)
        if first.spend_budget is not None and (why := first.spend_budget.empty()[1]):
            message = f"{group.name} is not available: its deployment {why}"
            return BudgetExceededError(message, status=BUDGET_STATUS, code="budget_exceeded", retry_after=wait)
        why = first.health.why if first.health.until > now else _OUR_LIMIT
        what = "is at its limit" if why == _OUR_LIMIT else f"rests after {why}"
        who = "its deployment" if len(usable) == 1 else f"each of its {len(usable)} deployments"
        cls, status = (RateLimitError, 429) if why in (_OUR_LIMIT, "rate_limit") else (OverloadedError, 503)
        return cls(
            f"{group.name} is not available: {who} {what}; try again in {wait:.1f} s", status=status, retry_after=wait
        )
