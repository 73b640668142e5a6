"""The command where nobody knows of a home directory, as for the user of many a container."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lingate.simulator import Simulator
from tests.cli.driver import Terminal, lingate, to

_HOMELESS = """
import os, sys
os.environ.pop("HOME", None)
sys.modules["pwd"] = None
"""


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Variables with which a Python knows of no home; the current folder is an empty one."""
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "sitecustomize.py").write_text(_HOMELESS)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = os.pathsep.join(filter(None, (str(tmp_path / "python"), os.environ.get("PYTHONPATH"))))
    unset = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "HTTPS_PROXY", "HTTP_PROXY"), "")
    return {"PYTHONPATH": path, **unset}


def test_the_doctor_looks_at_everything_else(homeless: dict[str, str]) -> None:
    done = lingate("doctor", **homeless)

    assert "none: `lingate chat` needs -m" in done.out
    assert ": 0 broken" in done.err


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        (["serve", "--port=1"], "set LINGATE_STATE_DIR"),
        (["hosts", "install", "second-brain"], "--path names its folder"),
        (["models", "--default", "openai/m"], "set XDG_CONFIG_HOME"),
    ],
)
def test_what_needs_one_says_so_in_a_line_and_puts_nothing_elsewhere(
    homeless: dict[str, str], command: list[str], remedy: str
) -> None:
    done = lingate(*command, code=2, **homeless)

    assert (done.out, done.err.count("\n")) == ("", 1)
    assert "there is no home directory" in done.err
    assert remedy in done.err
    assert os.listdir() == []


def test_a_conversation_goes_on_without_keeping_what_was_typed(homeless: dict[str, str], simulator: Simulator) -> None:
    with Terminal("chat", *to(simulator), **homeless) as terminal:
        terminal.until("no history: there is no home directory")
        terminal.ask("walrus\r")
        terminal.until('You said: "walrus"')

    assert os.listdir() == []
