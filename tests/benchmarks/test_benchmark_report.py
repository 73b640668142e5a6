"""The report's arithmetic and layout on canned figures; nothing is measured here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks import exchange, report


def _results() -> dict[str, Any]:
    figures = {"lingate": [60.0, 80.0, 70.0], "pyreqwest": [50.0, 50.0, 50.0], "openai": [700.0, 480.0, 560.0]}
    runs = {
        peer: {"cpu_us": cpu, "wall_us": [value * 2 for value in cpu], "operations": [9, 9, 9]}
        for peer, cpu in figures.items()
    }
    step = {"wall_ms": 2.0, "cpu_ms": 2.0, "modules": 7, "rss_mb": 11.5}
    return {
        "meta": {
            "date": "2026-01-02",
            "cpu": "A CPU",
            "cores": 2,
            "python": "3.11.7",
            "upstream": "nginx",
            "rounds": 3,
        },
        "peers": {
            "lingate": {
                "label": "Lingate",
                "version": "0.1",
                "versions": {"lingate": "0.1", "a": "1"},
                "bytes": 12_300_000,
            },
            "pyreqwest": {"label": "bare pyreqwest", "version": "0.15"},
            "openai": {"label": "openai", "version": "3"},
            "litellm": {"label": "LiteLLM", "skip": "no matching distribution"},
        },
        "runs": {"call-sync": {**runs, "litellm": {"error": "TypeError: no"}}},
        "startup": {
            "lingate": {
                "label": "Lingate",
                "runs": [{"import": step, "client": step, "answer": {**step, "wall_ms": 75.0}}],
            },
            "openai": {"label": "openai", "runs": [], "error": "ImportError: no"},
        },
        "micro": [{"title": "decode", "us": 1.234}, {"title": "encode", "note": "KeyError: no"}],
        "formats": {
            "openai_chat": {"bytes": 97_000, "encode": [100.0, 200.0, 100.0], "decode": [50.0, 50.0, 50.0]},
            "gemini": {"bytes": 98_000, "encode": [220.0, 380.0, 210.0], "decode": [80.0, 90.0, 70.0]},
            "ollama": {"bytes": 96_000, "encode": [130.0, 260.0, 130.0], "decode": [200.0, 210.0, 190.0]},
            "JSON alone": {"bytes": 97_000, "encode": [20.0, 40.0, 20.0], "decode": [30.0, 30.0, 30.0]},
        },
    }


def _verdict(title: str, results: dict[str, Any]) -> tuple[float | None, str]:
    (bar,) = [bar for bar in report.BARS if bar.title == title]
    return bar.verdict(results)


def test_a_ratio_is_taken_within_each_round() -> None:
    assert report.paired_ratios([10, 20, 90], [10, 10, 10]) == [1, 2, 9]


def test_a_ratio_needs_a_round_that_both_sides_took_part_in() -> None:
    assert report.paired_ratios([], [1.0]) == []


def test_a_bar_that_is_met_passes() -> None:
    assert _verdict("call, sync: Lingate / bare pyreqwest", _results()) == (1.4, "pass")
    assert _verdict("call, sync: openai / Lingate", _results()) == (8.0, "pass")
    assert _verdict("base install, distributions", _results()) == (2, "pass")


def test_a_bar_that_is_missed_fails() -> None:
    assert _verdict("import, a client and its first answer", _results()) == (75.0, "FAIL")


def test_a_bar_that_no_client_on_the_transport_could_meet_says_so() -> None:
    slow = _results()
    slow["runs"]["call-sync"]["pyreqwest"]["cpu_us"] = [100.0, 100.0, 100.0]
    slow["runs"]["call-sync"]["lingate"]["cpu_us"] = [110.0, 110.0, 110.0]

    assert _verdict("call, sync: openai / Lingate", slow)[1] == "FAIL, as the floor"


def test_the_dearest_wire_format_is_held_to_the_limit_in_each_direction() -> None:
    assert _verdict("100 KB to the wire: dearest format / OpenAI chat", _results()) == (2.1, "pass")
    assert _verdict("100 KB from the wire: dearest format / OpenAI chat", _results()) == (4.0, "FAIL")


def test_wire_formats_that_could_not_be_measured_say_why() -> None:
    failed = {**_results(), "formats": {"error": "ImportError: no"}}

    assert "Not measured: ImportError: no" in report.render(failed)
    assert _verdict("100 KB to the wire: dearest format / OpenAI chat", failed) == (None, "not measured")


def test_a_bar_without_figures_is_not_measured_rather_than_passed() -> None:
    assert _verdict("call, sync: LiteLLM / Lingate", _results()) == (None, "not measured")
    assert {bar.verdict({})[1] for bar in report.BARS} == {"not measured"}


def test_a_bar_shows_how_far_it_moved_and_what_the_floor_would_score() -> None:
    (line,) = [
        line
        for line in report.bars_table(_results()).splitlines()
        if "sync: openai" in line and "async" not in line and "chunk" not in line
    ]

    assert [cell.strip() for cell in line.split("|")[2:-1]] == ["at least 7x", "8.00x", "6.00 to 11.7", "11.2", "pass"]


def test_a_table_is_markdown_whose_columns_line_up() -> None:
    text = report.table(["peer", "us"], [["Lingate", "7"], ["x", "1,234"]])

    assert text.splitlines() == [
        "| peer    |    us |",
        "|---------|------:|",
        "| Lingate |     7 |",
        "| x       | 1,234 |",
    ]


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (0.0, "0.00"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1,234")]
)
def test_a_figure_has_three_digits_that_mean_something(value: float | None, shown: str) -> None:
    assert report.figure(value) == shown


def test_the_report_says_what_was_skipped_and_what_failed_and_why() -> None:
    text = report.render(_results())

    assert "LiteLLM: skipped: no matching distribution" in text
    assert "TypeError: no" in text
    assert "ImportError: no" in text
    assert "KeyError: no" in text


def test_the_stream_has_as_many_events_as_it_says_and_the_text_of_the_whole_answer() -> None:
    chunks = [json.loads(event.removeprefix(b"data: ")) for event in exchange.events()]
    pieces = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]

    assert len(chunks) == exchange.EVENTS
    assert "".join(pieces) == exchange.ANSWER == json.loads(exchange.completion())["choices"][0]["message"]["content"]
