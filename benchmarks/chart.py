"""The picture of a full run: horizontal bars, for those who would rather look than read. Pure, standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from statistics import median
from typing import Any, NamedTuple

from benchmarks.report import paired_ratios

Results = dict[str, Any]

_WIDTH, _NAMES, _FIGURES = 760, 150, 190
_TITLE, _LINE, _THICK, _GAP = 34, 24, 14, 18


class Panel(NamedTuple):
    """One comparison.

    Attributes:
        title: What is compared.
        bars: Labels and microseconds, one a round, in the order they are drawn.
        ours: Label of the one that the others are measured against.
    """

    title: str
    bars: Sequence[tuple[str, Sequence[float]]]
    ours: str = "Lingate"


def panels(results: Results) -> list[Panel]:
    """What a run has to show; empty where it measured neither clients nor gateways."""
    calls = {
        results["peers"][peer]["label"]: run.get("cpu_us", [])
        for peer, run in results.get("runs", {}).get("call-async", {}).items()
    }
    gateways = results.get("gateways") or {}
    requests = {
        gateways["facts"][name]["label"]: [run["cpu_us"] for run in runs]
        for name, runs in gateways.get("requests", {}).items()
        if name in gateways["facts"]
    }
    found = [
        ("One call of the library, awaited, 20 at once: CPU time, us", calls),
        ("One request through the gateway: CPU time, us", requests),
    ]
    drawn = [Panel(title, [(label, values) for label, values in of.items() if values]) for title, of in found]
    return [panel for panel in drawn if panel.ours in dict(panel.bars)]


def render(results: Results) -> str | None:
    """The picture as SVG, None where there is nothing to show."""
    shown = panels(results)
    if not shown:
        return None
    parts, top = [], 0
    for panel in shown:
        parts += _panel(panel, top)
        top += _TITLE + _LINE * len(panel.bars) + _GAP
    titles = "; ".join(escape(panel.title) for panel in shown)
    return "\n".join([_HEAD.format(width=_WIDTH, height=top, titles=titles), *parts, "</svg>\n"])


def _panel(panel: Panel, top: int) -> list[str]:
    most = max(median(values) for _, values in panel.bars)
    ours = dict(panel.bars)[panel.ours]
    lines = [f'<text class="title" x="0" y="{top + 20}">{escape(panel.title)}</text>']
    for at, (label, values) in enumerate(panel.bars):
        value, times = median(values), paired_ratios(values, ours)  # as the report has it
        y = top + _TITLE + at * _LINE
        wide = max(1.5, value / most * (_WIDTH - _NAMES - _FIGURES))
        kind = "ours" if label == panel.ours else "bar"
        told = f"{value:,.0f}" + (f"  ({_times(median(times))} Lingate)" if times and label != panel.ours else "")
        lines += [
            f'<text class="name" x="{_NAMES - 8}" y="{y + 12}">{escape(label)}</text>',
            f'<rect class="{kind}" x="{_NAMES}" y="{y}" width="{wide:.1f}" height="{_THICK}" rx="2"/>',
            f'<text x="{_NAMES + wide + 8:.1f}" y="{y + 12}">{told}</text>',
        ]
    return lines


def _times(ratio: float) -> str:
    return f"{ratio:.2f} x" if ratio < 2 else f"{ratio:.0f} x" if ratio >= 10 else f"{ratio:.1f} x"


_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{titles}">
<style>
text {{ font: 13px system-ui, sans-serif; fill: #57606a; }}
.title {{ font-weight: 600; fill: #24292f; }}
.name {{ text-anchor: end; }}
.bar {{ fill: #afb8c1; }}
.ours {{ fill: #1f883d; }}
@media (prefers-color-scheme: dark) {{
  text {{ fill: #8b949e; }}
  .title {{ fill: #e6edf3; }}
  .bar {{ fill: #484f58; }}
  .ours {{ fill: #3fb950; }}
}}
</style>"""
