"""Run by fast-agent's Python: agents on overlays, which ask a gateway. Gets the checkout; the home is the current folder's."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from lingate.hosts._fast_agent_check import _Host


def remember(content: str) -> str:
    """Keep something in mind."""
    return f"kept {content}"


async def main(names: list[str]) -> dict[str, Any]:
    from pydantic import BaseModel

    class City(BaseModel):
        name: str

    host = await _Host.started()
    found = {}
    for name in names:
        plain = await host.agent(name)
        city, _ = await plain.structured("Name a city.", City)
        found[name] = {
            "class": type(plain._llm).__name__,
            "text": await plain.send("Tell me about rivers."),
            "usage": plain._llm.usage_accumulator.get_summary()["total"],
            "tool": await (await host.agent(name, (remember,))).send("Please remember my cat."),
            "city": city is not None and city.name,
        }
    return found


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1] + "/src")
    os.environ["FAST_AGENT_HOME"] = str(Path.cwd())
    Path("fast-agent.yaml").write_text("llm_retries: 0\n")
    overlays = sorted(file.stem for file in Path("model-overlays").glob("lingate-*.yaml"))
    sys.stdout.write("\n" + json.dumps(asyncio.run(main(overlays))) + "\n")
