"""Run by vui's Python on a checkout of the pull request: its backend, which asks a proxy over HTTP, on a gateway of ours."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

ASK = [{"role": "user", "content": "Tell me about rivers."}]
TOOL = {
    "type": "function",
    "function": {
        "name": "add_memory",
        "parameters": {"type": "object", "properties": {"content": {"type": "string"}}, "required": ["content"]},
    },
}


async def main() -> dict[str, Any]:
    from vui.serving.stream.llm import llm_stream_chunks
    from vui.serving.stream.llm_backend import make_backend, set_backend

    os.environ["VUI_LITELLM_URL"] = os.environ["LINGATE_CHECK_URL"]
    backend = make_backend("litellm", model="sim-words-30")
    set_backend(backend)
    stats: dict[str, Any] = {}
    spoken = [text async for text, _ in llm_stream_chunks(ASK, stats=stats)]
    answer = await backend.complete(ASK, tools=[TOOL])
    await backend.set_model("sim-fault-401")
    try:
        await backend.complete(ASK)
        error = ""
    except Exception as raised:
        # Whatever it is, its type is what the test asks for.
        error = type(raised).__name__
    found = {"class": type(backend).__name__, "spoken": spoken, "stats": stats, "answer": answer, "error": error}
    return found | {"models": await backend.list_models()}


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1] + "/src")
    sys.stdout.write("\n" + json.dumps(asyncio.run(main())) + "\n")
