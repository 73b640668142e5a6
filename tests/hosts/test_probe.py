"""What a check of a host is given to report with."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lingate
from lingate.hosts import _director_check, _second_brain_check
from lingate.hosts._deepwiki_check import check as deepwiki
from lingate.hosts._probe import Probe, Skipped
from lingate.simulator import Simulator


def _works(seen: list[str]) -> None:
    """the first thing works.

    Not this.
    """
    seen.append("works")


def _fails(_: list[str]) -> None:
    """the second one as well."""
    raise ValueError("it does not")


def _lacks(_: list[str]) -> None:
    """so does the third."""
    raise Skipped("needs more")


def test_each_function_is_a_step_named_by_its_first_line_and_a_failure_does_not_end_the_check(tmp_path: Path) -> None:
    out, seen = io.StringIO(), list[str]()
    probe = Probe("http://127.0.0.1:9", None, tmp_path, out)

    probe.steps((_fails, _lacks, _works), seen)

    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"outcome": "failed", "says": "the second one as well", "why": "ValueError: it does not"},
        {"outcome": "skipped", "says": "so does the third", "why": "needs more"},
        {"outcome": "ok", "says": "the first thing works", "why": ""},
    ]
    assert (seen, probe.failed) == (["works"], 1)


@pytest.mark.parametrize("step", [*_director_check._STEPS, *_second_brain_check._STEPS])
def test_every_step_of_a_check_has_words_to_be_reported_with(step: Callable[[Any], None]) -> None:
    assert step.__doc__


def test_how_requests_ended_is_told_when_none_is_open_any_more(simulator: Simulator, tmp_path: Path) -> None:
    probe = Probe(simulator.url, None, tmp_path, io.StringIO())
    env = {"OPENAI_API_KEY": "key", "OPENAI_BASE_URL": f"{simulator.url}/v1"}
    with lingate.Lingate(env=env) as client:
        client.chat("openai/sim-large", "hi")
        with client.chat("openai/sim-words-500-delay-20", "hi", stream=True) as stream:
            next(iter(stream))

        assert probe.outcomes() == ["complete", "disconnected"]


def test_a_package_that_the_adapter_needs_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setitem(sys.modules, "tiktoken", None)

    deepwiki(Probe("http://127.0.0.1:9", None, tmp_path, out))

    (told,) = map(json.loads, out.getvalue().splitlines())
    assert told["outcome"] == "failed"
    assert "there is no tiktoken (pip install 'adalflow[openai]')" in told["why"]
