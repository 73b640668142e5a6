"""The picture of a run, on canned figures."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from benchmarks import chart

_SVG = "{http://www.w3.org/2000/svg}"


def _results(**calls: float) -> dict[str, Any]:
    return {
        "peers": {name: {"label": "Lingate" if name == "lingate" else name} for name in calls},
        "runs": {"call-async": {name: {"cpu_us": [us, us * 3, us]} for name, us in calls.items()}},
    }


def test_bars_are_as_long_as_their_medians_and_say_how_many_times_ours_they_are() -> None:
    drawn = ElementTree.fromstring(chart.render(_results(lingate=50.0, other=1000.0)) or "")
    bars = {bar.get("class"): float(bar.get("width", "0")) for bar in drawn.iter(f"{_SVG}rect")}
    told = [text.text for text in drawn.iter(f"{_SVG}text")]

    assert bars["bar"] / bars["ours"] == 20
    assert "1,000  (20 x Lingate)" in told
    assert "50" in told


def test_gateways_have_a_panel_of_their_own_without_the_upstream_alone() -> None:
    found = {
        "facts": {"lingate": {"label": "Lingate"}, "nginx": {"label": "a <proxy>"}},
        "requests": {name: [{"cpu_us": us}] for name, us in (("direct", 9.0), ("nginx", 12.0), ("lingate", 100.0))},
    }

    text = chart.render({**_results(lingate=50.0), "gateways": found}) or ""

    assert [panel.bars for panel in chart.panels({**_results(), "gateways": found})] == [
        [("a <proxy>", [12.0]), ("Lingate", [100.0])]
    ]
    assert "a &lt;proxy&gt;" in text
    assert "0.12 x Lingate" in text
    assert max(float(y) for y in re.findall(r'y="(\d+)"', text)) < float(
        re.findall(r"viewBox=\"0 0 760 (\d+)", text)[0]
    )


def test_how_many_times_ours_is_told_round_by_round_as_in_the_report() -> None:
    # A slow round is slow for both: the ratio of the medians, 100 / 10, would say 10.
    calls = {"lingate": {"cpu_us": [10.0, 40.0, 10.0]}, "other": {"cpu_us": [50.0, 200.0, 100.0]}}
    results = {"peers": {"lingate": {"label": "Lingate"}, "other": {"label": "other"}}, "runs": {"call-async": calls}}

    assert "100  (5.0 x Lingate)" in (chart.render(results) or "")


def test_a_run_without_us_has_no_picture() -> None:
    assert chart.render(_results(other=3.0)) is None
    assert chart.render({"peers": {}, "runs": {}, "gateways": {"skip": "there is no wrk"}}) is None
