"""From samples to medians, ratios, bars and a Markdown report. Pure, standard library only.

A ratio is taken round by round and the median of those is reported: the rounds are interleaved, so a machine that slows
down for a while slows both sides. Short disturbances hit one side only, which is why the spread is printed too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from benchmarks import gateways_report

Results = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """One thing that is measured.

    Attributes:
        key: Its name in results and for `--only`.
        title: What happens.
        upstream: Which of the upstream's ways of answering is called.
        flight: Calls in flight at once; 0 means the synchronous client, one at a time.
        uvloop: Run on uvloop rather than on asyncio's own loop.
        per: Divides the cost of one operation: 100 where the operation is a stream of 100 events.
    """

    key: str
    title: str
    upstream: str
    flight: int = 0
    uvloop: bool = False
    per: int = 1

    @property
    def stream(self) -> bool:
        return self.per > 1


_FLIGHT = 20
SCENARIOS: tuple[Scenario, ...] = (
    Scenario("call-sync", "call, sync, one at a time", "whole"),
    Scenario("call-async", "call, async, 20 in flight", "whole", _FLIGHT),
    Scenario("call-uvloop", "call, async, 20 in flight, uvloop", "whole", _FLIGHT, uvloop=True),
    Scenario("stream-sync", "chunk, sync, sent in one go", "burst", per=100),
    Scenario("stream-async", "chunk, async, 20 streams, sent in one go", "burst", _FLIGHT, per=100),
    Scenario("stream-uvloop", "chunk, async, 20 streams, sent in one go, uvloop", "burst", _FLIGHT, True, per=100),
    Scenario("flushed-sync", "chunk, sync, one write per event", "flushed", per=100),
    Scenario("flushed-async", "chunk, async, 20 streams, one write per event", "flushed", _FLIGHT, per=100),
    Scenario("paced-async", "chunk, async, 20 streams, 2 ms apart", "paced", _FLIGHT, per=100),
)


Values = Callable[["Results"], list[float]]


@dataclass(frozen=True)
class Bar:
    """A figure that the project holds itself to.

    Attributes:
        title: What is compared.
        limit: What the median may be.
        sense: On which side of the limit it must be.
        unit: Written after the figure.
        values: The figure of each round, or of each fresh interpreter.
        floor: The same with bare pyreqwest in Lingate's place: what no caller could better by much.
    """

    title: str
    limit: float
    sense: Literal["at most", "at least"]
    unit: str
    values: Values
    floor: Values | None = None

    def verdict(self, results: Results) -> tuple[float | None, str]:
        """The median, and `pass`, `FAIL`, or `not measured`; a failure of the floor as well is said to be one."""
        values = self.values(results)
        if not values:
            return None, "not measured"
        value = median(values)
        if self._is_met(value):
            return value, "pass"
        floor = self.floor(results) if self.floor else []
        return value, "FAIL, as the floor" if floor and not self._is_met(median(floor)) else "FAIL"

    def _is_met(self, value: float) -> bool:
        return value <= self.limit if self.sense == "at most" else value >= self.limit


def samples(results: Results, scenario: str, peer: str) -> list[float]:
    """CPU per operation in microseconds, one per round; empty where nothing was measured."""
    found: list[float] = results.get("runs", {}).get(scenario, {}).get(peer, {}).get("cpu_us", [])
    return found


def paired_ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """The ratio in each round that both sides took part in."""
    return [a / b for a, b in zip(above, below, strict=False) if b > 0]


def ratio(scenario: str, above: str, below: str) -> Values:
    """A bar's figure: how many times `below` goes into `above`."""
    return lambda results: paired_ratios(samples(results, scenario, above), samples(results, scenario, below))


def startup(peer: str, step: str, field: str) -> Values:
    """A bar's figure: one start-up measurement."""
    return lambda results: [run[step][field] for run in results.get("startup", {}).get(peer, {}).get("runs", [])]


def install(peer: str, field: Literal["distributions", "mb"]) -> Values:
    """A bar's figure: size of the peer's install."""

    def values(results: Results) -> list[float]:
        facts = results.get("peers", {}).get(peer, {})
        if "versions" not in facts:
            return []
        return [len(facts["versions"]) if field == "distributions" else facts["bytes"] / 1e6]

    return values


_PLAINEST = "openai_chat"
"""The wire format that the canonical form is: all others are measured against it."""


def dearest(direction: Literal["encode", "decode"]) -> Values:
    """A bar's figure: how many times OpenAI chat's cost the dearest wire format takes for the same conversation."""

    def values(results: Results) -> list[float]:
        found = results.get("formats", {})
        if "error" in found:
            return []
        times = [paired_ratios(run[direction], found[_PLAINEST][direction]) for run in found.values()]
        return max(times, key=median, default=[])

    return values


_CALLS = {"call-sync": "sync", "call-async": "async x20", "call-uvloop": "async x20, uvloop"}
_CHUNKS = {
    "stream-sync": "in one go, sync",
    "stream-async": "in one go, async x20",
    "stream-uvloop": "in one go, async x20, uvloop",
    "flushed-sync": "event by event, sync",
    "flushed-async": "event by event, async x20",
    "paced-async": "2 ms apart, async x20",
}


def _times(scenario: str, what: str, peer: str, label: str, limit: float) -> Bar:
    """How many times dearer than Lingate a peer must be."""
    floor = ratio(scenario, peer, "pyreqwest")
    return Bar(f"{what}: {label} / Lingate", limit, "at least", "x", ratio(scenario, peer, "lingate"), floor)


def _bars() -> tuple[Bar, ...]:
    bars = [
        Bar(f"call, {how}: Lingate / bare pyreqwest", limit, "at most", "x", ratio(key, "lingate", "pyreqwest"))
        for (key, how), limit in zip(_CALLS.items(), (1.5, 2, 2), strict=True)
    ]
    bars += [_times(key, f"call, {how}", "openai", "openai", 7) for key, how in _CALLS.items()]
    bars += [_times(key, f"call, {how}", "litellm", "LiteLLM", 20) for key, how in _CALLS.items()]
    bars += [_times(key, f"chunk, {how}", "openai", "openai", 10) for key, how in _CHUNKS.items()]
    bars += [
        Bar("100 KB to the wire: dearest format / OpenAI chat", 3, "at most", "x", dearest("encode")),
        Bar("100 KB from the wire: dearest format / OpenAI chat", 3, "at most", "x", dearest("decode")),
        Bar("import, above bare python", 5, "at most", " ms", startup("lingate", "import", "wall_ms")),
        Bar("import and a client", 60, "at most", " ms", startup("lingate", "client", "wall_ms")),
        Bar("import, a client and its first answer", 60, "at most", " ms", startup("lingate", "answer", "wall_ms")),
        Bar("base install, distributions", 5, "at most", "", install("lingate", "distributions")),
        Bar("base install, size", 20, "at most", " MB", install("lingate", "mb")),
    ]
    return tuple(bars)


BARS = _bars()
"""What must hold. The first answer has the same limit as the client: a cheap constructor must not hide late imports."""


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that is also aligned as plain text: the first column left, the others right."""
    widths = [max(len(row[i]) for row in (headers, *rows)) for i in range(len(headers))]

    def line(cells: Sequence[str]) -> str:
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return f"| {' | '.join([cells[0].ljust(widths[0]), *rest])} |"

    rule = f"|{'-' * (widths[0] + 2)}|{'|'.join('-' * (w + 1) + ':' for w in widths[1:])}|"
    return "\n".join([line(headers), rule, *(line(row) for row in rows)])


def figure(value: float | None) -> str:
    """Three significant digits, without an exponent; a count as it is."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def render(results: Results) -> str:
    """The whole report."""
    parts = ["# Benchmark results", _intro(results)]
    if results["peers"]:
        parts += ["## The bars", _BARS_NOTE, bars_table(results)]
    if results.get("gateways"):
        parts += gateways_report.render(results["gateways"], table, figure)
    if results["peers"]:
        parts += ["## CPU time", _CPU_NOTE, *_cpu_sections(results)]
        parts += ["## Start-up and memory", _STARTUP_NOTE, startup_table(results)]
        parts += ["## Install size", _INSTALL_NOTE, install_table(results)]
    if results.get("micro"):
        parts += ["## Inside Lingate", _MICRO_NOTE, micro_table(results)]
    if results.get("formats"):
        parts += ["## Wire formats", _FORMATS_NOTE, formats_table(results)]
    return "\n\n".join(parts) + "\n"


_BARS_NOTE = """\
Medians; the spread is the smallest and largest of the rounds. The floor is the same figure with bare pyreqwest in
Lingate's place: where it is below the limit, no client on that transport can meet the bar. A stream in one go costs
decoding alone; event by event and 2 ms apart, as models write, every chunk also costs a wake-up and a read."""
_CPU_NOTE = """\
CPU time of the calling process, user and system, all threads, in microseconds for one call or one streamed chunk:
median of the rounds, smallest to largest beside it. `x Lingate` is the median of the ratios within each round. Every
peer keeps one client for all its calls, decodes the whole answer and hands out its text. A stream is 100 events. The
peers run on one processor and nginx on another (Linux, two or more of them)."""
_STARTUP_NOTE = """\
A fresh interpreter each time, milliseconds of wall time since its first line, median (and minimum). Modules are those
loaded on top of the interpreter's own; memory is the resident set of the whole process."""
_INSTALL_NOTE = "A fresh environment with only what the peer needs for these calls, byte code included, without pip."
_FORMATS_NOTE = """\
The same conversation of 100 KB (an agent's: a system prompt, a picture, questions, tool calls, their results, answers) as
the request to the provider and, read by a server, back; CPU time, no network. `x` is the median of the ratios to OpenAI
chat within each round. The last row is the JSON library alone, on OpenAI chat's body."""
_MICRO_NOTE = "CPU time of single steps, no network, median of the repetitions."


def _intro(results: Results) -> str:
    meta = results["meta"]
    load = meta.get("load")
    busy = "" if load is None else f" The load average was {load:.1f} before it began."
    lines = [
        f"{meta['date']}, {meta['cpu']}, {meta['cores']} cores, Python {meta['python']}, upstream {meta['upstream']}",
        f"on loopback, {meta['rounds']} interleaved round(s)"
        f"{' of a quick run, rough' if meta.get('quick') else ''}. Written by `python -m benchmarks.run`.{busy}",
        "",
    ]
    for facts in results["peers"].values():
        told = f"skipped: {facts['skip']}" if facts.get("skip") else facts.get("version", "?")
        lines.append(f"- {facts['label']}: {told}")
    return "\n".join(lines)


def bars_table(results: Results) -> str:
    """Every bar with its figure, how far that moved between rounds, and the verdict."""
    rows = []
    for bar in BARS:
        value, verdict = bar.verdict(results)
        floor = bar.floor(results) if bar.floor else []
        shown = "-" if value is None else f"{figure(value)}{bar.unit}"
        limit = f"{bar.sense} {bar.limit:g}{bar.unit}"
        rows.append([bar.title, limit, shown, _spread(bar.values(results)), _median(floor), verdict])
    return table(["bar", "limit", "measured", "spread", "floor", "verdict"], rows)


def _median(values: Sequence[float]) -> str:
    return figure(median(values)) if values else "-"


def _spread(values: Sequence[float]) -> str:
    return f"{figure(min(values))} to {figure(max(values))}" if len(values) > 1 else "-"


def _cpu_sections(results: Results) -> list[str]:
    return [
        f"### {scenario.title[0].upper()}{scenario.title[1:]}\n\n{cpu_table(results, scenario)}"
        for scenario in SCENARIOS
        if scenario.key in results.get("runs", {})
    ]


def cpu_table(results: Results, scenario: Scenario) -> str:
    """One scenario, all peers."""
    rows, notes = [], []
    for peer, run in results["runs"][scenario.key].items():
        label = results["peers"][peer]["label"]
        values = [value / scenario.per for value in run.get("cpu_us", [])]
        if not values:
            rows.append([label, "-", "-", "-", "-"])
            notes.append(f"\n{label}: not measured: {run.get('error', 'no round')}")
            continue
        times = paired_ratios(run["cpu_us"], samples(results, scenario.key, "lingate"))
        wall = median(run["wall_us"]) / scenario.per
        rows.append([label, figure(median(values)), _spread(values), _median(times), figure(wall)])
    unit = "us a chunk" if scenario.stream else "us a call"
    return "\n".join([table(["peer", f"CPU, {unit}", "spread", "x Lingate", f"wall, {unit}"], rows), *notes])


def startup_table(results: Results) -> str:
    """Import, client and first answer of every peer."""
    rows, notes = [], []
    for facts in results.get("startup", {}).values():
        runs = facts["runs"]
        if not runs:
            rows.append([facts["label"], *["-"] * 7])
            notes.append(f"\n{facts['label']}: {facts['error']}")
            continue

        def time(step: str, runs: list[Results] = runs) -> str:
            walls = [run[step]["wall_ms"] for run in runs]
            return f"{figure(median(walls))} ({figure(min(walls))})"

        def middle(step: str, field: str, runs: list[Results] = runs) -> str:
            return figure(median(run[step][field] for run in runs))

        modules = [f"{median(run[step]['modules'] for run in runs):.0f}" for step in ("import", "answer")]
        memory = [middle(step, "rss_mb") for step in ("import", "client")]
        rows.append([facts["label"], time("import"), time("client"), time("answer"), *modules, *memory])
    headers = ["peer", "import ms", "+ client ms", "+ answer ms", "modules: import", "answer", "MB: import", "client"]
    return "\n".join([table(headers, rows), *notes])


def install_table(results: Results) -> str:
    """Distributions and megabytes of every peer."""
    rows = [
        [facts["label"], str(len(facts["versions"])), figure(facts["bytes"] / 1e6)]
        for facts in results["peers"].values()
        if "versions" in facts
    ]
    return table(["peer", "distributions", "MB"], rows)


def micro_table(results: Results) -> str:
    """Single steps inside Lingate."""
    rows = [[step["title"], figure(step.get("us"))] for step in results["micro"]]
    notes = [f"\n{step['title']}: {step['note']}" for step in results["micro"] if "note" in step]
    return "\n".join([table(["step", "us"], rows), *notes])


def formats_table(results: Results) -> str:
    """Every wire format both ways."""
    found = results["formats"]
    if "error" in found:
        return f"Not measured: {found['error']}"
    rows = []
    for name, run in found.items():
        cells = [name, figure(run["bytes"] / 1000)]
        for direction in ("encode", "decode"):
            cells.append(figure(median(run[direction])))
            cells.append(_median(paired_ratios(run[direction], found[_PLAINEST][direction])))
        rows.append(cells)
    return table(["format", "KB", "encode us", "x", "decode us", "x"], rows)
