"""Run by fast-agent's Python on a checkout of the pull request: its own provider, on whatever it imports as litellm."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.request
from typing import Any


def remember(content: str) -> str:
    """Keep something in mind."""
    return f"kept {content}"


async def agent(context: Any, model: str, *tools: Any) -> Any:
    from fast_agent.agents.agent_types import AgentConfig
    from fast_agent.agents.tool_agent import ToolAgent
    from fast_agent.llm.model_factory import ModelFactory

    spec = f"litellm.{model}"
    made = ToolAgent(AgentConfig(name="check", instruction="Be brief.", model=spec), tools=list(tools), context=context)
    await made.attach_llm(ModelFactory.create_factory(spec))
    return made


async def failed(context: Any, model: str) -> dict[str, Any]:
    try:
        answer = await (await agent(context, model)).generate("Hello.")
    except Exception as error:
        # Whatever it is, its type is what the test asks for.
        return {"raised": [kind.__name__ for kind in type(error).__mro__], "text": str(error)}
    return {"stop": str(answer.stop_reason), "channels": list(answer.channels or {}), "text": answer.last_text()}


async def main() -> dict[str, Any]:
    from fast_agent.core import Core
    from fast_agent.llm import model_factory
    from fast_agent.llm.provider_types import Provider
    from pydantic import BaseModel

    class City(BaseModel):
        name: str
        people: int

    # At its head the pull request names another file than the one its class is in.
    path = ("fast_agent.llm.provider.litellm.llm_litellm", "LiteLLMLLM")
    model_factory._PROVIDER_CLASS_PATHS[vars(Provider)["LITELLM"]] = path
    core = Core()
    await core.initialize()
    context, model = core.context, "openai/sim-words-30"
    plain = await agent(context, model)
    pieces: list[Any] = []
    plain._llm.add_stream_listener(pieces.append)
    found = {"class": type(plain._llm).__name__, "answer": await plain.send("Tell me about rivers.")}
    usage = plain._llm.usage_accumulator.get_summary()
    tooled = await (await agent(context, model, remember)).send("Please remember my cat.")
    city, _ = await (await agent(context, model)).structured("Name a city.", City)
    return found | {
        "pieces": len(pieces),
        "usage": json.loads(json.dumps(usage, default=str)),
        "tool": tooled,
        "city": None if city is None else city.model_dump(),
        "errors": {
            name: await failed(context, f"openai/sim-fault-{name}") for name in ("401", "429", "context", "cut-3")
        },
        "requests": requests(),
    }


def requests() -> list[Any]:
    with urllib.request.urlopen(os.environ["LINGATE_CHECK_URL"] + "/simulator/requests", timeout=10) as answer:
        return [item["path"] for item in json.loads(answer.read())]


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1] + "/src")
    with open("fastagent.config.yaml", "w") as config:
        config.write("llm_retries: 0\n")
    sys.stdout.write("\n" + json.dumps(asyncio.run(main())) + "\n")
