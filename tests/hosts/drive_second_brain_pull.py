"""Run by Second Brain's Python on a checkout of the pull request: its own service, on whatever it imports as litellm."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

HELLO = [{"role": "user", "content": "Hello there"}]
TOOL = {"type": "function", "function": {"name": "echo", "parameters": {"type": "object", "properties": {}}}}


def main(checkout: str) -> dict[str, Any]:
    sys.path.insert(0, checkout)
    from plugins.services import service_llm

    def made(model: str) -> Any:
        llm = service_llm._build_llm_from_profile(
            model, {"llm_service_class": "LiteLLM", "llm_api_key": "OPENAI_API_KEY", "llm_context_size": 1000}
        )
        assert llm._load()
        return llm

    def overflow() -> str:
        try:
            made("openai/sim-fault-context").invoke(HELLO)
        except service_llm.LLMProviderError as error:
            return str(error.code)
        return "no exception"

    llm = made("openai/sim-words-12")
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/test_litellm_llm.py"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "answer": asdict(llm.invoke(HELLO)),
        "stream": list(llm.stream(HELLO)),
        "tool": asdict(llm.chat_with_tools(HELLO, tools=[TOOL])),
        "limited": asdict(made("openai/tokens-limit-fault-429").invoke(HELLO, num_retries=0)),
        "refused": asdict(made("openai/sim-fault-401").invoke(HELLO)),
        "overflow": overflow(),
        "own tests": tests.returncode,
        "own tests said": tests.stdout[-3000:] + tests.stderr[-1000:],
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(sys.argv[1])) + "\n")
