# The gateway as one object: what its parts are, how they start, change and stop.

# What happens to a request is `handler.py`.

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import field
from msgspec.structs import asdict

from lingate._io.transport import AsyncTransport
from lingate._io.via_loop import LoopTransport
from lingate._model import Record
from lingate.errors import LingateError
from lingate.server.access import Access
from lingate.server.asgi import AsgiApplication, serve_application
from lingate.server.cache import outlived
from lingate.server.config import ConfigFileError, GatewayConfig, load, watch
from lingate.server.cpu_affinity import CpuAffinity
from lingate.server.exchange import DisconnectWatcher
from lingate.server.feed import Feed
from lingate.server.handler import handle
from lingate.server.http import Reply, Request
from lingate.server.ledger import Drainer, Journal
from lingate.server.ledger.drain import keep_for
from lingate.server.ledger.spending import LedgerSpending
from lingate.server.live import Live, access_settings
from lingate.server.metrics import Metrics
from lingate.server.records import LedgerRow
from lingate.server.routing.health import Probes
from lingate.server.store import Store, StoreUnavailableError
from lingate.server.streams import Streams
from lingate.server.upstreams import Pins

if TYPE_CHECKING:
    from lingate.server.alerts import Alerts
    from lingate.server.exchange import Exchange
    from lingate.server.tracing import Tracing

_log = logging.getLogger("lingate.gateway")

_LEARNING = 15.0
"""Seconds between two looks at what other replicas have spent."""

_TELLING = 15.0
"""Seconds for telling interrupted streams why they end, and for writing their rows."""

Observer = Callable[[LedgerRow, LingateError | None], None]


def traces(config: GatewayConfig) -> bool:
    return config.own.tracing or not config.callbacks.isdisjoint(("otel", "opentelemetry"))


_AT_START: Mapping[str, Callable[[GatewayConfig], Any]] = {
    "lingate.host": attrgetter("own.host"),
    "lingate.port": attrgetter("own.port"),
    "lingate.state_dir": attrgetter("own.state_dir"),
    "lingate.limits.max_headers": attrgetter("own.limits.max_headers"),
    "lingate.one_cpu": attrgetter("own.one_cpu"),
    "lingate.reload": attrgetter("own.reload"),
    "lingate.tracing": traces,
    "general_settings.database_url": attrgetter("general.database_url"),
    "the address of Redis": attrgetter("redis_url"),
}
"""Settings that are read once."""


class Reloads(Record):
    # How changes of the configuration went.

    count: int = 0
    """Configurations taken over since the start."""
    error: str | None = None
    """Why the last one was not, None if it was."""
    at: float = field(default_factory=time.time)
    """When that was, epoch seconds."""


class Gateway:
    # env: The environment, for reading the configuration again.
    # store: The database. It need not answer yet.
    # on_master: Told the master key, once, if one had to be made.

    def __init__(
        self,
        config: GatewayConfig,
        *,
        state: Path,
        store: Store,
        env: Mapping[str, str],
        auth: bool = True,
        transport: AsyncTransport | None = None,
        on_master: Callable[[str], None] | None = None,
    ) -> None:
        self._first = config
        self.auth = auth
        self.env = env
        self.state = state
        self.store = store
        self.journal = Journal(state / "journal", config.own.ledger.journal_max_bytes)
        self.drainer = Drainer(self.journal, store)
        spending = LedgerSpending(store, self.drainer, self._names_of)
        self.access = Access(store, access_settings(config), spending=spending, on_master=on_master)
        self.live = Live(config, shared=self)
        most = config.own.limits.max_answer
        self.transport: AsyncTransport = LoopTransport(most=most) if transport is None else transport
        self.pins = Pins()
        self.streams = Streams()
        self.affinity = CpuAffinity()
        self.metrics = Metrics(self)
        self.observers: list[Observer] = [self.metrics.observe]
        self.feed = Feed(self.observers)
        self.alerts: Alerts | None = None
        self.tracing = _tracing(config)
        self.reloads = Reloads()
        self.started = time.time()
        self.started_at = datetime.fromtimestamp(self.started, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.exchanges: set[Exchange] = set()
        self._disconnects = DisconnectWatcher()
        self.draining = False
        self._cold = True
        self._numbers = iter(range(1, 2**63))
        self._process = os.urandom(4).hex()
        self._admin: AsgiApplication | None = None
        self._idle = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._retaining: asyncio.Task[None] | None = None

    def handle(self, request: Request, reply: Reply) -> Coroutine[Any, Any, None]:
        return handle(self, request, reply)

    def _names_of(self, model: str) -> tuple[str, ...]:
        # All names that limits may know a model by.
        group = self.live.router.group(model)
        return (model,) if group is None else (model, *group.aka)

    def call_id(self) -> str:
        # A name for one call, unique among all processes; they are in the order of time, which indexes are glad of.
        return f"lg-{int(time.time() * 1000):x}-{self._process}-{next(self._numbers):08x}"

    async def store_ready(self) -> None:
        # Wait for the database, if it answers; the gateway starts without one that does not.
        # Raises StoreError: It answers, and cannot be used.
        try:
            await self.store.prepare()
        except StoreUnavailableError as error:
            _log.warning("started without the database, rows wait in the journal: %s", error)

    async def start(self) -> None:
        self._tasks.append(asyncio.create_task(self.drainer.run()))
        await self.access.start()
        self.access.limiter.on_cooled = self._rests
        self._retain(self.live.config.retention)
        self._set_alerts()
        await self._learn_money(1.0)  # a start is not held up for long
        self._tasks.append(asyncio.create_task(self._keep_learning()))
        self._tasks.append(asyncio.create_task(self.streams.keep_alive()))
        probes = Probes(lambda: self.live.router, self.transport)
        self._tasks.append(asyncio.create_task(probes.run()))
        self._tasks.append(asyncio.create_task(watch(self.live.config, self.env, self._changed)))

    def reload(self, config: GatewayConfig) -> None:
        # Take over a new configuration; calls under way end as they began.
        # Raises LingateError: Something in it cannot be; the old one stays.
        before = self.live.config
        live = Live(config, self.live, self)
        self.access.configure(access_settings(config))
        self.journal.resize(config.own.ledger.journal_max_bytes)
        if config.retention != before.retention:
            self._retain(config.retention)
        late = [name for name, of in _AT_START.items() if of(config) != of(self._first)]
        if late:
            _log.warning("changes of these take a restart: %s", ", ".join(late))
        if isinstance(self.transport, LoopTransport):
            self.transport.most = config.own.limits.max_answer
        cache, self.live = outlived(self.live.cache, live.cache), live
        if cache is not None:
            self._soon(cache.close())
        self._set_alerts()
        self._soon(self._learn_money())
        self.reloads.count += 1
        self.reloads.error, self.reloads.at = None, time.time()
        _log.info("the new configuration is used: %d deployments", len(config.deployments))
        for warning in config.warnings:
            if warning not in before.warnings:
                _log.warning("%s", warning)

    async def reload_file(self) -> None:
        # Read the configuration file again; if something is wrong with it, the old one stays.
        path, env = self.live.config.path, self.env
        try:
            self.reload(await asyncio.to_thread(load, path, env))
        except (LingateError, ValueError) as error:
            self.not_reloaded(str(error))

    def _retain(self, seconds: float | None) -> None:
        # From now on delete rows of the ledger that are older than this; None: none is ever too old.
        if self._retaining is not None:
            self._retaining.cancel()
            self._retaining = None
        if seconds is not None:
            self._retaining = asyncio.create_task(keep_for(self.store, seconds))

    def _count_money(self, row: LedgerRow, _: LingateError | None) -> None:
        self.live.router.spend_budgets.paid(row)

    async def _learn_money(self, patience: float = 30.0) -> None:
        # Take over what providers and deployments have spent by the ledger.
        spend_budgets = self.live.router.spend_budgets
        if not spend_budgets:
            return
        if self._count_money not in self.observers:
            self.observers.append(self._count_money)
            priced = [one.spend_budget for one in self.live.router.deployments() if one.spend_budget is not None]
            await asyncio.to_thread(lambda: [spend_budget.is_priced() for spend_budget in priced])
        await self.access.limiter.reread(spend_budgets.all(), patience)

    async def _keep_learning(self) -> None:
        took = 0.0
        while True:
            # Sums of a long period are many rows: they must not keep the database busy.
            await asyncio.sleep(max(_LEARNING, 20 * took))
            began = time.monotonic()
            await self._learn_money()
            took = time.monotonic() - began

    def _set_alerts(self) -> None:
        if bool(self.live.config.general.alerting) == (self.alerts is not None):
            return
        if self.alerts is None:
            from lingate.server.alerts import Alerts

            self.alerts = Alerts(self)
        else:
            self._soon(self.alerts.stop())
            self.alerts = None

    def cooled(self, deployment: str, seconds: float, kind: str) -> None:
        # A deployment began to rest: other replicas are told, and people.
        self.access.limiter.cooled(deployment, seconds, kind)
        if self.alerts is not None:
            self.alerts.cooled(deployment, seconds, kind)

    def _rests(self, deployment: str, seconds: float, kind: str) -> None:
        self.live.router.rest(deployment, seconds, kind)

    def _changed(self, found: GatewayConfig | ConfigFileError) -> None:
        try:
            if isinstance(found, ConfigFileError):
                raise found
            self.reload(found)
        except (LingateError, ValueError) as error:
            self.not_reloaded(str(error))

    def reload_soon(self) -> None:
        # Read the configuration file again, without waiting for it.
        self._soon(self.reload_file())

    def _soon(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(what)
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)

    def not_reloaded(self, error: str) -> None:
        # Note that a new configuration could not be taken over.
        self.reloads.error, self.reloads.at = error, time.time()
        _log.error("the new configuration is not used, the old one stays: %s", error)

    async def drain(self, seconds: float) -> None:
        # Take no more calls; give those under way so many seconds, then tell the streams that are left.
        self.draining = True
        if self.in_flight:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)
        if self.in_flight:
            _log.warning("%d calls are cut after %g s of draining", self.in_flight, seconds)
            self.streams.interrupt()
            for exchange in list(self.exchanges):
                exchange.interrupt()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), _TELLING)
        self.feed.close()

    async def stop(self) -> None:
        # Stop the parts, the ledger last.
        if self.alerts is not None:
            await self.alerts.stop()
        await self.access.stop()
        await self.drainer.stop()
        tasks = [*self._tasks, *([self._retaining] if self._retaining is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.transport.aclose()
        await self.pins.aclose()
        if self.live.cache is not None:
            await self.live.cache.close()
        self.journal.close()
        if self.tracing is not None:
            await self.tracing.stop()
        await self.store.close()

    async def serve_admin(self, request: Request, body: bytes, reply: Reply) -> None:
        # Answer a request for the admin side, which is made when the first one comes.
        admin = self._admin
        if admin is None:
            # Loading it, and SQLAlchemy with it, takes a quarter of a second: calls under way go on meanwhile.
            module = await asyncio.to_thread(import_module, "lingate.server.admin.app")
            admin = self._admin = module.administration(self)
        await serve_application(admin, request, body, reply)

    @property
    def in_flight(self) -> int:
        return len(self.exchanges)

    def is_full(self, live: Live) -> bool:
        # Whether it takes no further call for the moment.
        return self.draining or len(self.exchanges) > live.max_in_flight or not self.journal.has_room()

    def entered(self, exchange: Exchange) -> None:
        if self._cold:
            self._warm_up()
        self.exchanges.add(exchange)
        self._disconnects.add(exchange)
        self._idle.clear()

    def _warm_up(self) -> None:
        # Load the price catalogue, which idle gateways do without, while the first call waits for its provider.
        self._cold = False
        self._tasks.append(asyncio.create_task(asyncio.to_thread(self.live.router.models)))

    def left(self, exchange: Exchange) -> None:
        self.exchanges.discard(exchange)
        self._disconnects.remove(exchange)
        if not self.exchanges:
            self._idle.set()

    def health(self) -> dict[str, Any]:
        # The status without what is nobody's business: where files and the database are, what the owner is warned of.
        told = self.status()
        del told["config"]["warnings"]
        path, error = told["config"].pop("path"), told["config"]["error"]
        if path and error:
            told["config"]["error"] = error.replace(path, Path(path).name)
        told["database"].pop("url")
        told["drainer"].pop("reason")
        (told["alerts"] or {}).pop("error", None)
        return told

    def status(self) -> dict[str, Any]:
        # How it is, for administrators; `/health/ready` tells everybody `health`.
        journal = self.journal.state
        config, deployments = self.live.config, self.live.router.deployments()
        return {
            "status": "draining" if self.draining else "ready",
            "uptime_seconds": round(time.time() - self.started, 1),
            "in_flight": self.in_flight,
            "deployments": len(deployments),
            "resting": sum(one.health.until > self.live.router.now() for one in deployments),
            "database": {"url": self.store.shown, "ready": self.store.ready},
            "journal": asdict(journal),
            "drainer": asdict(self.drainer.state),
            "alerts": None if self.alerts is None else self.alerts.state(),
            "config": {
                "path": config.path,
                "reloads": self.reloads.count,
                "error": self.reloads.error,
                "warnings": list(config.warnings),
            },
        }


def _tracing(config: GatewayConfig) -> Tracing | None:
    if not traces(config):
        return None
    from lingate.server.tracing import Tracing

    return Tracing(config.env)
