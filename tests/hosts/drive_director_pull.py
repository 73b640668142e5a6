"""Run by Director's Python on a checkout of the pull request: its own provider, on whatever it imports as litellm."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from lingate.hosts._director_check import _Run
from lingate.hosts._probe import Probe

ASK = [{"role": "user", "content": "Call search_videos for cats"}]
AGENT = {
    "name": "search_videos",
    "description": "Searches",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}


def main(checkout: str) -> dict[str, Any]:
    sys.path.insert(0, f"{checkout}/backend")
    os.environ["DEFAULT_LLM"] = "litellm"

    def made(model: str) -> Any:
        from director.llm import get_default_llm

        os.environ["LITELLM_CHAT_MODEL"] = model
        return get_default_llm()

    llm = made("openai/sim-words-12")
    probe = Probe(os.environ["LINGATE_CHECK_URL"], Path(checkout), Path.cwd(), sys.stderr)
    run = _Run(probe, agents=True, llm="litellm")
    run.go()
    engine = {"agent_calls": len(run.agent_calls), "status": run.status, "requests": run.requests}
    return {
        "engine": engine,
        "class": type(llm).__name__,
        "answer": llm.chat_completions(ASK).model_dump(),
        "tool": llm.chat_completions(ASK, tools=[AGENT]).model_dump(),
        "json": llm.chat_completions(ASK, response_format={"type": "json_object"}).model_dump(),
        "error": made("openai/sim-fault-401").chat_completions(ASK).model_dump(),
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(sys.argv[1])) + "\n")
