# Numbers about calls, kept as plain sums while they pass and written as Prometheus metrics when somebody asks.

# A model is a label by its own name if the configuration names it, or if it stands behind a `*` and has given an
# answer, as long as there are few of those; else its pattern stands for it. So no caller can make series without end,
# and nothing a caller may have put where a model's name belongs becomes one.

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from msgspec import field

from lingate._model import Record
from lingate.errors import LingateError
from lingate.server.records import LedgerRow
from lingate.server.redaction import looks_secret

if TYPE_CHECKING:
    from lingate.server.exposition import Exposition
    from lingate.server.gateway import Gateway
    from lingate.server.live import Live

_MOST_NAMES = 200
"""Models behind a `*` that have series of their own."""

_MOST_SERIES = 4000
_LONGEST_NAME = 128

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
FIRST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0)
OWN = (0.00005, 0.0001, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01, 0.025, 0.1, 1.0)
"""Bounds of the buckets of histograms; the last bucket has none."""

TOKENS = ("prompt", "completion", "cached", "cache_write", "reasoning", "audio")
"""Kinds of tokens. The first two are all there are; the others are parts of them."""

_STATUSES = tuple(f"{status // 100}xx" for status in range(600))


class Histogram:
    # How many values fell into which bucket.

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Times:
    # How long calls of one kind took.

    __slots__ = ("first", "own", "seconds")

    def __init__(self) -> None:
        self.seconds = Histogram(SECONDS)
        self.first = Histogram(FIRST)
        self.own = Histogram(OWN)


class Calls(Record, eq=False):
    # Calls with equal labels, and what they used.

    times: Times
    count: int = 0
    attempts: int = 0
    fallbacks: int = 0
    cost: float = 0.0
    unpriced: int = 0
    estimated: int = 0
    tokens: list[int] = field(default_factory=lambda: [0] * len(TOKENS))


class Labels(NamedTuple):
    # What calls are told apart by.

    face: str
    """Wire format of the client."""
    operation: str
    """What was asked for."""
    stream: str
    """`yes` if it was asked for as a stream."""
    model: str
    """As the client named it, or what stands for that."""
    provider: str
    """Who answered, empty for nobody."""
    deployment: str
    """Which deployment."""
    status: str
    """Class of the HTTP status, `2xx`."""
    error: str
    """Kind of error, empty for success."""
    cache: str
    """What the cache had to say."""


class Metrics:
    # What is counted of a gateway's calls. `observe` is one of its observers.

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.calls: dict[tuple[object, ...], tuple[Labels, Calls]] = {}
        self.times: dict[tuple[str, str, str], Times] = {}
        self.refused: dict[str, int] = {}
        self._live: Live | None = None
        self._names: dict[str, str] = {}
        self._patterns: dict[str, str] = {}
        self._ids: frozenset[str] = frozenset()
        self._series: dict[Labels, Calls] = {}
        self._proven: dict[str, str] = {}
        self.exposition: Exposition | None = None

    def observe(self, row: LedgerRow, error: LingateError | None) -> None:
        live = self.gateway.live
        if live is not self._live:
            self._learn(live)
        key = (
            row.face,
            row.operation,
            row.stream,
            row.model if row.model in self._names else None,
            row.deployment,
            row.status,
            row.error,
            row.cache,
        )
        found = self.calls.get(key)
        if found is None:
            found = self._begin(key, row)
        calls = found[1]
        calls.count += 1
        attempts = row.attempts
        if attempts:
            calls.attempts += attempts
            calls.fallbacks += row.fallbacks
        elif error is not None and error.kind != "client_left":
            self.refused[error.kind] = self.refused.get(error.kind, 0) + 1
        if row.prompt_tokens is not None or row.completion_tokens is not None or row.cost:
            self._add_usage(calls, row)
        times = calls.times
        seconds = row.seconds
        bounds = times.seconds
        bounds.counts[bisect_left(SECONDS, seconds)] += 1
        bounds.sum += seconds
        if row.ttft is not None:
            times.first.add(row.ttft)
        if row.cache != "shared":  # who waits for an equal call waits for its upstream
            own = seconds - row.upstream
            bounds = times.own
            bounds.counts[bisect_left(OWN, own)] += 1
            bounds.sum += own

    @staticmethod
    def _add_usage(calls: Calls, row: LedgerRow) -> None:
        tokens = calls.tokens
        tokens[0] += row.prompt_tokens or 0
        tokens[1] += row.completion_tokens or 0
        if row.cached_tokens:
            tokens[2] += row.cached_tokens
        if row.cache_write_tokens:
            tokens[3] += row.cache_write_tokens
        if row.reasoning_tokens:
            tokens[4] += row.reasoning_tokens
        if row.audio_tokens:
            tokens[5] += row.audio_tokens
        if row.cost is not None:
            calls.cost += row.cost
        if not row.is_priced:
            calls.unpriced += 1
        if row.estimated:
            calls.estimated += 1

    def _learn(self, live: Live) -> None:
        # Note the names of a new configuration; sums go on.
        self._live = live
        config = live.config
        entries = config.deployments
        self._names = {entry.group: entry.group for entry in entries if "*" not in entry.group}
        self._names.update((name, name) for name in config.routing.model_group_alias)
        self._patterns = {entry.id: entry.group for entry in entries}
        self._ids = frozenset(self._patterns)
        self._names.update(self._proven)
        # Which labels a key stands for may be another matter now.
        self.calls = {}

    def _begin(self, key: tuple[object, ...], row: LedgerRow) -> tuple[Labels, Calls]:
        labels = self._labels(row)
        calls = self._series.get(labels)
        if calls is None and len(self._series) >= _MOST_SERIES:
            labels = labels._replace(model="other", provider="", deployment="")
            calls = self._series.get(labels)
        if calls is None:
            named = (labels.operation, labels.model, labels.stream)
            times = self.times.get(named)
            if times is None:
                times = self.times[named] = Times()
            calls = self._series[labels] = Calls(times)
        if key[3] is None and row.error is None and len(self._proven) < _MOST_NAMES:
            if row.model not in self._names:
                return labels, calls  # the next one with the same key may be one that becomes a name
            key = (*key[:3], row.model, *key[4:])
        if len(self.calls) >= 2 * _MOST_SERIES:
            self.calls.clear()
        found = self.calls[key] = (labels, calls)
        return found

    def _labels(self, row: LedgerRow) -> Labels:
        provider = row.provider or ""
        deployment = row.deployment or ""
        if deployment and deployment not in self._ids:
            deployment = f"{provider}/*"
        return Labels(
            face=row.face,
            operation=row.operation,
            stream="yes" if row.stream else "no",
            model=self._model(row),
            provider=provider,
            deployment=deployment,
            status=_STATUSES[row.status] if 0 <= row.status < len(_STATUSES) else "other",
            error=row.error or "",
            cache=row.cache or "",
        )

    def _model(self, row: LedgerRow) -> str:
        name = row.model
        found = self._names.get(name)
        if found is not None:
            return found
        if row.deployment is None:
            return "unknown" if name else ""
        proven = row.error is None and row.status == 200 and len(name) <= _LONGEST_NAME
        if proven and len(self._proven) < _MOST_NAMES and name.isprintable() and not looks_secret(name):
            self._proven[name] = self._names[name] = name
            return name
        return self._patterns.get(row.deployment, f"{row.provider}/*")

    def series(self) -> Iterator[tuple[Labels, Calls]]:
        # All series, as they are now.
        # Safe to be read from another thread.
        yield from list(self._series.items())
