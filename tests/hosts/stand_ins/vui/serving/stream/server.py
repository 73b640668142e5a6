"""As vui's server starts: workers are spawned, so they import the main module again; the language model is in here."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
from typing import Any

from vui.serving.stream.llm_backend import get_backend


def work(results: Any) -> None:
    results.put(sorted(name for name in sys.modules if name.startswith(("lingate", "vui"))))


def main() -> None:
    multiprocessing.set_start_method("spawn", force=True)
    results: Any = multiprocessing.Queue()
    worker = multiprocessing.Process(target=work, args=(results,))
    worker.start()
    imported = results.get(timeout=30)
    worker.join()
    told = {"imported": imported, "arguments": sys.argv[1:], **asyncio.run(_asked())}
    sys.stdout.write(json.dumps(told))


async def _asked() -> dict[str, Any]:
    backend = get_backend()
    answer = await backend.complete([{"role": "user", "content": "hello there"}])
    await backend.aclose()
    return {"kind": type(backend).__name__, "model": backend.model, "said": answer["content"]}
