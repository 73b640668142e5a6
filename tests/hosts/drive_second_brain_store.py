"""Run by Second Brain's Python: the store's own backend, on whatever it imports as litellm, in the host's box and loop."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lingate.hosts._probe import Probe
from lingate.hosts._second_brain_check import _Host, _Turn


class StoreHost(_Host):
    """The host with the store's backend, by the name that profiles have for it."""

    def brain(self, model: str, **profile: Any) -> Any:
        return super().brain(model, **{"llm_service_class": "LiteLLMService", **profile})


def main(checkout: str) -> dict[str, Any]:
    root = Path(checkout)
    probe = Probe(os.environ["LINGATE_CHECK_URL"], root, Path.cwd(), sys.stderr)
    host = StoreHost(probe, root)
    backend = host.file.with_name("llm_litellm.py")
    backend.write_text((root / "llm_litellm.py").read_text(encoding="utf-8"), encoding="utf-8")
    host.file.unlink()
    deltas: list[str] = []
    found = {
        "valid": host.module("sandbox.validator").validate_file(backend).ok,
        "answer": asdict(host.ask("openai/sim-words-12")),
        "streamed": asdict(host.ask("openai/sim-words-12", on_delta=deltas.append)),
        "deltas": deltas,
        "refused": asdict(host.ask("openai/sim-fault-401")),
    }
    tool = _Turn(host, "openai/sim-words-12", tool=True).go()
    found["tool"] = {"calls": len(tool.tool_arguments), "replied": bool(tool.reply)}
    overflow = _Turn(host, "openai/sim-words-12-fault-context-flaky-1").go()
    found["overflow"] = {"compactions": overflow.compactions, "replied": bool(overflow.reply)}
    host.module("llm.registry").unload_all()
    return found


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(sys.argv[1])) + "\n")
