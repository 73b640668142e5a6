"""Runs the measurements of Lingate's own steps and of its wire formats under Lingate's interpreter."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.peers import ROOT, Environment
from benchmarks.session import environment

_SECONDS = 120


class MicroError(Exception):
    """A measurement could not be run; the message says why."""


def measure(where: Environment, home: Path, *, quick: bool) -> list[dict[str, Any]]:
    """The steps with their cost; where they cannot be run, one row with the reason."""
    try:
        found: list[dict[str, Any]] = _run("benchmarks.micro_lingate", where, home, quick)
    except MicroError as error:
        return [{"title": "all", "note": str(error)}]
    return found


def measure_formats(where: Environment, home: Path, *, quick: bool) -> dict[str, Any]:
    """What a conversation of 100 KB costs in each wire format; `{"error": ...}` where that cannot be run."""
    try:
        found: dict[str, Any] = _run("benchmarks.formats", where, home, quick)
    except MicroError as error:
        return {"error": str(error)}
    return found


def _run(module: str, where: Environment, home: Path, quick: bool) -> Any:
    command = [str(where.python), "-m", module, *(["--quick"] if quick else [])]
    env = environment(home) | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS, env=env, cwd=home)
    except subprocess.CalledProcessError as error:
        raise MicroError((error.stderr.strip().splitlines() or [str(error)])[-1]) from None
    except subprocess.TimeoutExpired:
        raise MicroError(f"not done within {_SECONDS} s") from None
    return json.loads(done.stdout.splitlines()[-1])
