"""Run by Director's Python on a checkout with Lingate: one turn of its own reasoning engine, with one agent."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from lingate.hosts._director_check import _Run
from lingate.hosts._probe import Probe


def main(checkout: str) -> dict[str, Any]:
    sys.path.insert(0, f"{checkout}/backend")
    probe = Probe(os.environ["LINGATE_CHECK_URL"], Path(checkout), Path.cwd(), sys.stderr)
    run = _Run(probe, os.environ.get("MODEL", "openai/m"), agents=True, llm=os.environ.get("LLM", "lingate"))
    run.go()
    return {
        "agent_calls": run.agent_calls,
        "status": run.status,
        "text": run.text,
        "llm": type(run.engine.llm).__name__,
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(sys.argv[1])) + "\n")
