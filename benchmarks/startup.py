"""What it costs to begin: import, first client and first answer, each in a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.exchange import API_KEY, MESSAGES, MODEL
from benchmarks.peers import BARE, Environment, Peer

NOTHING = "bare python"
_SECONDS = 120

# Only built-in and already loaded modules, so that nothing a peer imports is in memory before its turn.
_PROBE = """
import os, sys, time
BASE, KEY, MODEL, MESSAGES = {facts!r}
def look(marks=[]):
    clock = time.perf_counter(), time.process_time()
    rss = 0
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb") as statm:
            rss = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    marks.append((clock[0], clock[1], len(sys.modules), rss))
    return marks
look()
{code[0]}
look()
{code[1]}
look()
{code[2]}
marks = look()
import json
print()
print(json.dumps(marks))
"""
_STEPS = ("import", "client", "answer")


class ProbeError(RuntimeError):
    """The peer's code failed in a fresh interpreter; the message is the last line it wrote."""


def probe(
    environment: Environment, code: tuple[str, str, str], base: str, env: dict[str, str], cwd: Path
) -> dict[str, Any]:
    """Run the three steps once.

    Returns:
        For each step the time since the start (`wall_ms`, `cpu_ms`), the modules loaded in it, and memory (`rss_mb`).

    Raises:
        ProbeError: The code failed.
    """
    source = _PROBE.format(facts=(base, API_KEY, MODEL, MESSAGES), code=code)
    # Isolated mode: neither the checkout nor the environment decides what is found at import.
    command = [str(environment.python), "-I", "-c", source]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS, env=env, cwd=cwd)
    except subprocess.CalledProcessError as error:
        raise ProbeError(error.stderr.strip().splitlines()[-1] if error.stderr.strip() else str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise ProbeError(f"no answer within {_SECONDS} s") from error
    start, *marks = json.loads(done.stdout.splitlines()[-1])
    return {
        step: {
            "wall_ms": (wall - start[0]) * 1e3,
            "cpu_ms": (cpu - start[1]) * 1e3,
            "modules": modules - start[2],
            "rss_mb": rss / 1e6,
        }
        for step, (wall, cpu, modules, rss) in zip(_STEPS, marks, strict=True)
    }


def subjects(peers: dict[str, tuple[Peer, Environment]]) -> dict[str, tuple[tuple[str, str, str], Environment]]:
    """What is started: every peer that has an environment, and a python that does nothing, for its memory."""
    found = {name: (peer.startup, environment) for name, (peer, environment) in peers.items()}
    host = peers.get(BARE) or next(iter(peers.values()))
    found[NOTHING] = (("pass", "pass", "pass"), host[1])
    return found
