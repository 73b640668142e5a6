# Active health checks: lists the models of each deployment's provider now and then.

# Listing is not billed; calls would be.

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import NamedTuple

from lingate._call.plan import Context, Route, complete
from lingate._call.policy import RetryPolicy, Timeout
from lingate._io.aio import perform
from lingate._io.transport import AsyncTransport
from lingate._model import Call
from lingate.errors import ConfigError, LingateError
from lingate.server.routing.deployment import Deployment
from lingate.server.routing.health import FAILURES, OWN_FAULT
from lingate.server.routing.router import Router

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
