"""Runs the measurement of Lingate's own steps under Lingate's interpreter."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.peers import ROOT, Environment
from benchmarks.session import environment

_SECONDS = 120


def measure(where: Environment, home: Path, *, quick: bool) -> list[dict[str, Any]]:
    """The steps with their cost; where they cannot be run, one row with the reason."""
    command = [str(where.python), "-m", "benchmarks.micro_lingate", *(["--quick"] if quick else [])]
    env = environment(home) | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS, env=env, cwd=home)
    except subprocess.CalledProcessError as error:
        return [{"title": "all", "note": (error.stderr.strip().splitlines() or [str(error)])[-1]}]
    except subprocess.TimeoutExpired:
        return [{"title": "all", "note": f"not done within {_SECONDS} s"}]
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found
