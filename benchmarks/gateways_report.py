"""The gateways' part of the report: the bars of the gateway, and tables of what was measured. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

Found = dict[str, Any]
Values = Callable[[Found], list[float]]


@dataclass(frozen=True)
class Limit:
    """What the gateway is held to.

    Attributes:
        title: What is measured.
        most: The limit of the median.
        sense: On which side of it the median must be.
        unit: Written after the figure.
        values: The figure of each round.
    """

    title: str
    most: float
    sense: Literal["at most", "at least", "below"]
    unit: str
    values: Values

    def holds(self, value: float) -> bool:
        """Whether a median meets it."""
        if self.sense == "at least":
            return value >= self.most
        return value < self.most if self.sense == "below" else value <= self.most


def _runs(found: Found, part: str, name: str, field: str) -> list[float]:
    return [run[field] for run in found[part].get(name, []) if field in run]


def _times(part: str, above: str, below: str) -> Values:
    """CPU of one, in that of another, round by round."""

    def values(found: Found) -> list[float]:
        pairs = zip(_runs(found, part, above, "cpu_us"), _runs(found, part, below, "cpu_us"), strict=False)
        return [a / b for a, b in pairs if b > 0]

    return values


def _added(part: str, name: str, quantile: str) -> Values:
    """Milliseconds more than past the gateway, round by round."""
    return lambda found: [run[f"through_{quantile}"] - run[f"direct_{quantile}"] for run in found[part].get(name, [])]


def _memory(field: str) -> Values:
    return lambda found: [found["memory"]["lingate"][field]] if field in found["memory"].get("lingate", {}) else []


def _loaded(found: Found) -> list[float]:
    memory = found["memory"].get("lingate", {})
    return [memory["loaded_mb"]] if memory.get("served", 0) >= 50_000 else []


def _crowd(name: str, field: str) -> Values:
    def values(found: Found) -> list[float]:
        run = found["crowd"].get(name)
        if run is None:
            return []
        if field == "errors":
            return [float(sum(run["failures"].values()))]
        return [run["p99_ms"] - found["crowd"]["direct"]["p50_ms"]]

    return values


LIMITS: tuple[Limit, ...] = (
    Limit("CPU a request: Lingate / nginx proxy_pass", 12, "at most", "x", _times("requests", "lingate", "nginx")),
    Limit("CPU a request: Lingate / TensorZero", 1, "below", "x", _times("requests", "lingate", "tensorzero")),
    Limit("CPU a request of 9 KB: Lingate / TensorZero", 1, "below", "x", _times("talks", "lingate", "tensorzero")),
    Limit("CPU a request: Portkey / Lingate", 6, "at least", "x", _times("requests", "portkey", "lingate")),
    Limit("CPU a request: LiteLLM proxy / Lingate", 45, "at least", "x", _times("requests", "litellm", "lingate")),
    Limit("added p50, one at a time", 0.4, "at most", " ms", _added("latency", "lingate", "p50")),
    Limit("added time to first token, sent at once", 1, "at most", " ms", _added("soon", "lingate", "p50")),
    Limit("added time to first token, after 20 ms", 1, "at most", " ms", _added("token", "lingate", "p50")),
    Limit(
        "CPU a stream event, streams in step: Lingate / nginx", 3, "at most", "x", _times("events", "lingate", "nginx")
    ),
    Limit("CPU a stream event, each apart: Lingate / nginx", 3, "at most", "x", _times("apart", "lingate", "nginx")),
    Limit("500 streams: errors", 0, "at most", "", _crowd("lingate", "errors")),
    Limit("500 streams: p99 added delay of an event", 20, "at most", " ms", _crowd("lingate", "late")),
    Limit("start to the first 200", 1, "at most", " s", lambda found: found["start"].get("lingate", [])),
    Limit("memory, idle", 90, "at most", " MB", _memory("idle_mb")),
    Limit("memory, after 50,000 requests", 140, "at most", " MB", _loaded),
)


Figure = Callable[[float | None], str]
Table = Callable[[Sequence[str], Sequence[Sequence[str]]], str]


def render(found: Found, table: Table, figure: Figure) -> list[str]:
    """The parts of the report."""
    if "skip" in found:
        return ["## Gateways", f"Not measured: {found['skip']}"]
    show = _Show(found, table, figure)
    parts = ["## Gateways", _NOTE, show.facts(), "### The gateway's bars", show.limits()]
    parts += ["### Requests", _REQUESTS_NOTE, show.requests("requests")]
    parts += ["### Conversations", _TALKS_NOTE, show.requests("talks")]
    parts += ["### One at a time", _LATENCY_NOTE, show.latency()]
    parts += ["### Streams", _STREAMS_NOTE, show.events(), "### 500 streams", _CROWD_NOTE, show.crowd()]
    return [*parts, "### Start and memory", _START_NOTE, show.start()]


_NOTE = """\
All in one run, in front of one nginx. A second nginx, as a proxy of the first and nothing else, is the limit. CPU is user
and system time of the whole process tree, to the nanosecond, what is done after the last answer included. Only Lingate
and any-llm write down what was called; what else is switched on is said beside each. The upstream is asked without TLS, as servers
nearby are. Beside Lingate stand granian and pyreqwest, its server and its client for all but plain HTTP, with nothing between."""
_REQUESTS_NOTE = "wrk, 32 connections (any-llm 8); medians of the rounds, ratios within each round."
_TALKS_NOTE = """\
The same with a request of twelve messages, 9 KB, as a program sends it that has been talking for a while."""
_LATENCY_NOTE = """\
One plain connection, one request after the other, in blocks that alternate with blocks past the gateway; milliseconds
that the gateway adds. A stream's first token comes at once, or 20 ms after the request: what was in the processors' caches
is gone then where a machine lends its processors to others meanwhile, and the same code takes two to four times as long."""
_STREAMS_NOTE = """\
Streams of 200 events, one every 10 ms, 40 at once (LiteLLM and any-llm 8); microseconds of CPU for each event. With pauses of
one length the upstream's streams fall into step, and each of several threads is woken once for what all of them bring; apart,
after 7 to 13 ms at random, most events wake everybody by themselves, as models' do."""
_CROWD_NOTE = """\
20 events a second each, after 35 to 65 ms at random, for 60 s through Lingate and 10 s through the others. Each event says
when it was sent; the delay is until it is read, less the median of that without a gateway, so that what the machine itself
adds is in it."""
_START_NOTE = """\
From the start of the process to its first answer of status 200, medians; Lingate finds its database there, as after
any restart. Memory is the resident set of the whole tree, one second after that and after so many requests."""


class _Show:
    def __init__(self, found: Found, table: Table, figure: Figure) -> None:
        self._found = found
        self._table = table
        self._figure = figure

    def _label(self, name: str) -> str:
        if name == "direct":
            return "no gateway"
        return str(self._found["facts"][name]["label"])

    def _median(self, values: Sequence[float]) -> str:
        return self._figure(float(median(values))) if values else "-"

    def _spread(self, values: Sequence[float]) -> str:
        return f"{self._figure(min(values))} to {self._figure(max(values))}" if len(values) > 1 else "-"

    def facts(self) -> str:
        """Who was measured, and what was not and why."""
        lines = []
        for facts in self._found["facts"].values():
            told = f"skipped: {facts['skip']}" if "skip" in facts else f"{facts.get('version')}; {facts['note']}"
            lines.append(f"- {facts['label']}: {told}")
            lines += [f"  - {part}: failed: {why}" for part, why in facts.get("failed", {}).items()]
        load, after = self._found.get("load", 0.0), self._found.get("load_after", 0.0)
        return "\n".join([*lines, "", f"The load average was {load:.1f} before and {after:.1f} after."])

    def limits(self) -> str:
        """Every bar with its figure and the verdict."""
        rows = []
        for limit in LIMITS:
            values = limit.values(self._found)
            text = f"{limit.sense} {limit.most:g}{limit.unit}"
            if not values:
                rows.append([limit.title, text, "-", "-", "not measured"])
                continue
            value = median(values)
            verdict = "held" if limit.holds(value) else "NOT HELD"
            rows.append([limit.title, text, f"{self._figure(float(value))}{limit.unit}", self._spread(values), verdict])
        return self._table(["bar", "limit", "measured", "spread", "verdict"], rows)

    def _cpu(self, part: str, name: str) -> list[str]:
        cpu = _runs(self._found, part, name, "cpu_us")
        cells = [self._median(cpu), self._spread(cpu)]
        if name == "direct":
            return [*cells, "-", "-"]
        return [*cells, *(self._median(_times(part, name, other)(self._found)) for other in ("nginx", "lingate"))]

    def requests(self, part: str) -> str:
        """CPU and rate of whole answers."""
        rows = []
        for name, runs in self._found[part].items():
            rate = [run["rps"] for run in runs]
            errors = sum(run["errors"] for run in runs)
            rows.append([self._label(name), *self._cpu(part, name), self._median(rate), f"{errors:.0f}"])
        return self._table(["gateway", "CPU us", "spread", "x nginx", "x Lingate", "requests/s", "errors"], rows)

    def latency(self) -> str:
        """What is added at concurrency 1."""
        rows = []
        for name in self._found["latency"]:
            columns = [("latency", "p50"), ("latency", "p99"), ("soon", "p50"), ("token", "p50"), ("token", "p99")]
            added = [_added(part, name, quantile)(self._found) for part, quantile in columns]
            rows.append([self._label(name), *map(self._median, added), self._spread(added[0])])
        return self._table(
            ["gateway", "added p50 ms", "added p99", "first token, p50", "after 20 ms", "p99 of that", "spread of p50"],
            rows,
        )

    def events(self) -> str:
        """CPU of an event that is relayed."""
        rows = []
        for name, runs in self._found["events"].items():
            apart = self._found["apart"].get(name, [])
            failed = sum(sum(run["failures"].values()) for run in [*runs, *apart])
            rows.append([self._label(name), *self._cpu("events", name), *self._cpu("apart", name)[:3], str(failed)])
        headers = ["gateway", "in step, CPU us", "spread", "x nginx", "x Lingate", "apart, CPU us", "spread", "x nginx"]
        return self._table([*headers, "failed streams"], rows)

    def crowd(self) -> str:
        """The many streams."""
        floor = self._found["crowd"].get("direct", {}).get("p50_ms", 0.0)
        rows, notes = [], []
        for name, run in self._found["crowd"].items():
            late = [self._figure(run[field] - floor) for field in ("p50_ms", "p99_ms", "max_ms")]
            done = f"{run['finished']} of 500"
            rows.append([self._label(name), f"{run['seconds']:.0f}", done, *late, self._figure(run["cpu_us"])])
            notes += [f"{self._label(name)}: {count} x {why}" for why, count in run["failures"].items()]
        headers = ["gateway", "seconds", "finished", "delay p50 ms", "p99", "most", "CPU us an event"]
        return "\n\n".join([self._table(headers, rows), *notes])

    def start(self) -> str:
        """Start and memory."""
        rows = []
        for name, times in self._found["start"].items():
            memory = self._found["memory"].get(name, {})
            served = f"{memory['served']:,}" if "served" in memory else "-"
            idle, loaded = memory.get("idle_mb"), memory.get("loaded_mb")
            cells = [self._median(times), self._spread(times), self._figure(idle), self._figure(loaded), served]
            rows.append([self._label(name), *cells])
        return self._table(["gateway", "start s", "spread", "idle MB", "loaded MB", "after requests"], rows)
