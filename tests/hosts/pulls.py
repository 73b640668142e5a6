"""Runs code that pull requests wrote for litellm on Lingate's drop-in: the import is replaced, nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import lingate

_SPELLINGS = (
    (re.compile(r"^([ \t]*)import litellm[ \t]*$", re.MULTILINE), r"\1import lingate.compat.litellm as litellm"),
    (re.compile(r"^([ \t]*)import litellm as (\w+)", re.MULTILINE), r"\1import lingate.compat.litellm as \2"),
    (re.compile(r"^([ \t]*)from litellm\b", re.MULTILINE), r"\1from lingate.compat.litellm"),
    (re.compile(r'"litellm\.'), '"lingate.compat.litellm.'),  # what a test patches
)


def ported(text: str) -> str:
    """Source code with the drop-in in litellm's place."""
    for spelling, replacement in _SPELLINGS:
        text = spelling.sub(replacement, text)
    return text


def port(checkout: Path, to: Path, *files: str) -> Path:
    """A copy of a checkout in which these files import the drop-in.

    Raises:
        AssertionError: One of them imports no litellm.
    """
    shutil.copytree(checkout, to, ignore=shutil.ignore_patterns(".git", "node_modules", "__pycache__"))
    for name in files:
        file = to / name
        text = file.read_text(encoding="utf-8")
        assert ported(text) != text, f"{name} imports no litellm"
        file.write_text(ported(text), encoding="utf-8")
    return to


def run_driver(
    script: str, root: Path, python: str | None, folder: Path, url: str, provider: str = "", **more: str
) -> dict[str, Any]:
    """What a script beside this one says of a host's code, run by the host's Python against a simulator.

    Args:
        script: Its file name. It gets the checkout, and writes one line of JSON last.
        root: The checkout.
        python: The host's Python; None is the one of the tests.
        folder: Where an empty home is made.
        url: The simulator's.
        provider: Where the model is asked; the simulator if it is not said.
        **more: Further variables of its environment.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "XDG_DATA_HOME": str(home),
        "PYTHONPATH": str(Path(lingate.__file__).parent.parent),
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": f"{provider or url}/v1",
        "LINGATE_CHECK_URL": url,
        **more,
    }
    command = [python or sys.executable, str(Path(__file__).with_name(script)), str(root)]
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
