"""Run by Second Brain's Python: one turn of its own conversation loop, and what became of the history."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from lingate.hosts._probe import Probe
from lingate.hosts._second_brain_check import _Host, _Turn


def main(checkout: str) -> dict[str, Any]:
    root = Path(checkout)
    host = _Host(Probe(os.environ["LINGATE_CHECK_URL"], root, Path.cwd(), sys.stderr), root)
    turn = _Turn(host, "openai/m")
    before = list(turn.history)
    turn.go()
    host.module("llm.registry").unload_all()
    return {"error": turn.error, "compactions": turn.compactions, "intact": turn.history == before}


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(sys.argv[1])) + "\n")
