# `/metrics`: the sums of `metrics.py` and the state of the gateway's parts in Prometheus's formats.

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lingate._version import __version__
from lingate.errors import PermissionDeniedError
from lingate.server.cache.entry import Memory
from lingate.server.http import Reply, Request
from lingate.server.identity import allow, caller_of
from lingate.server.metrics import TOKENS, Calls, Histogram, Labels, Metrics

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from lingate.server.gateway import Gateway


async def answer(gateway: Gateway, request: Request, reply: Reply) -> None:
    # Answer a scrape, if whoever asks may see the numbers.
    # Raises AuthenticationError: `metrics_auth` is on, and there is no valid key.
    # Raises PermissionDeniedError: The key is no administrator's, or not for this path or address.
    if gateway.live.config.own.metrics_auth and gateway.auth:
        caller = await caller_of(gateway, request)
        if not caller.admin:
            raise PermissionDeniedError("the metrics take the master key or an administrator's", status=403)
        allow(gateway, request, caller)
    metrics = gateway.metrics
    if metrics.exposition is None:
        metrics.exposition = await asyncio.to_thread(Exposition, metrics)
    content_type, body = await metrics.exposition.page(request.header("accept") or "")
    reply.whole(200, [("content-type", content_type)], body)


class Exposition:
    # Writes the metrics of one gateway. Made by the first scrape: what it imports is memory nobody needs before.

    def __init__(self, metrics: Metrics) -> None:
        from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector

        self._metrics = metrics
        self._facts: list[tuple[str, str, str, tuple[str, ...], _Values]] = []
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    async def page(self, accept: str) -> tuple[str, bytes]:
        # The metrics now, in the format that a scraper accepts, with its content type.
        from prometheus_client.exposition import choose_encoder

        encode, content_type = choose_encoder(accept)
        # The gateway's parts belong to the loop's thread; writing thousands of lines would hold up every stream there.
        self._facts = list(_facts(self._metrics.gateway))
        return content_type, await asyncio.to_thread(encode, self._registry)

    def collect(self) -> Iterator[Metric]:
        # What prometheus_client asks a collector for.
        series = list(self._metrics.series())
        yield from _calls(series)
        yield from _usage(series)
        yield from _times(self._metrics)
        yield _counter(
            "lingate_refused_calls",
            "Calls refused by the gateway itself: no key, no such model, limits, budgets, too many at once.",
            ("reason",),
            (((reason,), count) for reason, count in list(self._metrics.refused.items())),
        )
        for fact in self._facts:
            yield _family(*fact)


_Values = Iterable[tuple[tuple[str, ...], float]]
_Sums = defaultdict[tuple[str, ...], float]
_WHERE = ("model", "provider", "deployment")


def _calls(series: list[tuple[Labels, Calls]]) -> Iterator[Metric]:
    counts, results, attempts, fallbacks = (_Sums(float) for _ in range(4))
    for at, calls in series:
        counts[at[:-1]] += calls.count
        if at.cache:
            results[at.model, at.cache] += calls.count
        if calls.attempts:
            where = (at.model, at.provider, at.deployment)
            attempts[where] += calls.attempts
            fallbacks[where] += calls.fallbacks
    names = ("face", "operation", "stream", *_WHERE, "status", "error")
    yield _counter("lingate_calls", "Calls that have ended.", names, counts.items())
    yield _counter("lingate_cache", "Calls by what the cache had to say.", ("model", "result"), results.items())
    about = "Tries upstream of calls that ended here; more than calls where some were tried again."
    yield _counter("lingate_attempts", about, _WHERE, attempts.items())
    about = "Times that another model group was tried, by where calls ended."
    yield _counter("lingate_fallbacks", about, _WHERE, fallbacks.items())


def _usage(series: list[tuple[Labels, Calls]]) -> Iterator[Metric]:
    tokens, costs, unpriced, estimated = (_Sums(float) for _ in range(4))
    for at, calls in series:
        key = (at.model, at.provider, at.deployment)
        for kind, count in zip(TOKENS, calls.tokens, strict=True):
            if count:
                tokens[*key, kind] += count
        for sums, value in ((costs, calls.cost), (unpriced, calls.unpriced), (estimated, calls.estimated)):
            if value:
                sums[key] += value
    about = "Tokens. All are `prompt` and `completion`; the other kinds are parts of these."
    yield _counter("lingate_tokens", about, (*_WHERE, "kind"), tokens.items())
    yield _counter("lingate_cost_dollars", "What calls cost, US dollars.", _WHERE, costs.items())
    yield _counter("lingate_unpriced_calls", "Calls with tokens whose price is not known.", _WHERE, unpriced.items())
    about = "Calls whose tokens the gateway had to estimate."
    yield _counter("lingate_estimated_calls", about, _WHERE, estimated.items())


_TIMES = (
    ("seconds", "lingate_call_seconds", "From request to the answer's last byte."),
    ("first", "lingate_first_token_seconds", "From request to a stream's first event."),
    (
        "own",
        "lingate_overhead_seconds",
        "Time in the gateway less time waiting for upstreams; for streams with the time their clients took to read.",
    ),
)


def _times(metrics: Metrics) -> Iterator[Metric]:
    from prometheus_client.core import HistogramMetricFamily

    found = list(metrics.times.items())
    for part, name, about in _TIMES:
        family = HistogramMetricFamily(name, about, labels=("operation", "model", "stream"))
        for key, times in found:
            histogram: Histogram = getattr(times, part)
            buckets = _buckets(histogram)
            if buckets[-1][1]:
                family.add_metric(key, buckets=buckets, sum_value=histogram.sum)
        yield family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*histogram.bounds, math.inf), list(histogram.counts), strict=True):
        total += count
        buckets.append(("+Inf" if bound == math.inf else repr(bound), total))
    return buckets


def _family(kind: str, name: str, about: str, labels: tuple[str, ...], values: _Values) -> Metric:
    from prometheus_client import core

    family: Any = getattr(core, f"{kind}MetricFamily")(name, about, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return cast("Metric", family)


_counter = partial(_family, "Counter")


def _facts(gateway: Gateway) -> Iterator[tuple[str, str, str, tuple[str, ...], _Values]]:
    # The state of a gateway's parts at one moment, as families; called on the loop's thread.
    for name, about, value in _gauges(gateway):
        yield "Gauge", name, about, (), [((), value)]
    for name, about, value in _counters(gateway):
        yield "Counter", name, about, (), [((), value)]
    labels, found = ("deployment", "provider", "model"), _deployments(gateway).items()
    resting = [(key, float(rests)) for key, (rests, _) in found]
    yield "Gauge", "lingate_deployment_resting", "1 while a deployment is not asked, after failures.", labels, resting
    under_way = [(key, float(calls)) for key, (_, calls) in found]
    yield "Gauge", "lingate_deployment_calls", "Calls under way at a deployment.", labels, under_way
    yield "Gauge", "lingate_build_info", "The program.", ("version",), [((__version__,), 1.0)]


def _gauges(gateway: Gateway) -> Iterator[tuple[str, str, float]]:
    journal, reloads = gateway.journal.state, gateway.reloads
    yield "lingate_calls_in_flight", "Calls under way.", gateway.in_flight
    yield "lingate_streams_open", "Of these, streams whose head is out.", len(gateway.streams)
    yield "lingate_draining", "1 while the gateway takes no more calls.", float(gateway.draining)
    yield "lingate_start_time_seconds", "When the gateway started, epoch seconds.", gateway.started
    yield "lingate_config_error", "1 if the last change of the configuration was not used.", float(bool(reloads.error))
    yield "lingate_config_time_seconds", "When the configuration was last read, epoch seconds.", reloads.at
    yield "lingate_journal_pending_bytes", "Rows on disk that wait for the database.", journal.pending_bytes
    yield "lingate_journal_max_bytes", "How much may wait; then calls are refused.", journal.max_bytes
    yield "lingate_journal_held_rows", "Rows in memory only: the disk refused them.", journal.held_rows
    yield "lingate_database_ready", "1 if the database has been prepared.", float(gateway.store.ready)
    away = gateway.drainer.state.away_since or 0.0
    yield "lingate_database_away_since_seconds", "When the database stopped answering; 0 while it does.", away
    link = getattr(gateway.access.limiter, "link", None)
    if link is not None:
        yield "lingate_redis_connected", "0 while limits and budgets are this process's own: no Redis.", float(link.up)
    kept = None if gateway.live.cache is None else gateway.live.cache.store
    if isinstance(kept, Memory):
        yield "lingate_cache_bytes", "Memory that answers in the cache take.", kept.bytes
        yield "lingate_cache_entries", "Answers in the cache.", len(kept)


def _counters(gateway: Gateway) -> Iterator[tuple[str, str, float]]:
    journal, drained = gateway.journal.state, gateway.drainer.state
    yield "lingate_journal_rows", "Rows of the ledger written to the journal.", journal.written_rows
    yield "lingate_journal_dropped_rows", "Rows lost: no room in the journal.", journal.dropped_rows
    yield "lingate_journal_damaged_bytes", "Bytes in journals that were no row.", journal.damaged_bytes
    yield "lingate_config_reloads", "Changes of the configuration taken over.", gateway.reloads.count
    yield "lingate_ledger_rows", "Rows copied from the journal into the database.", drained.drained_rows
    yield "lingate_ledger_rejected_rows", "Rows that the database refused, kept in a file.", drained.rejected_rows


def _deployments(gateway: Gateway) -> dict[tuple[str, str, str], tuple[bool, int]]:
    # Those that are configured. All models behind one `*` are one here, which rests if any of them does.
    router = gateway.live.router
    now = router.now()
    named = {entry.id: entry.group for entry in gateway.live.config.deployments}
    found: dict[tuple[str, str, str], tuple[bool, int]] = {}
    for one in router.deployments():
        group = named.get(one.id)
        key = (
            (f"{one.provider}/*", one.provider, f"{one.provider}/*") if group is None else (one.id, one.provider, group)
        )
        resting, calls = found.get(key, (False, 0))
        calls = one.load.in_flight if group is not None else calls + one.load.in_flight
        found[key] = (resting or one.health.until > now, calls)
    return found
