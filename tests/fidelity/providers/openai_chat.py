"""OpenAI's chat completions: text in deltas, calls by index, reasoning under the names the provider uses."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fidelity.providers._pieces import SSE, halves, sse
from tests.fidelity.talk import JsonDict


def stream(body: JsonDict) -> tuple[bytes, str]:
    head = {name: body[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    (choice,) = body["choices"]
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in _deltas(choice["message"])
    ]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    chunks.append({**head, "choices": [], "usage": body["usage"]})
    return sse(*chunks) + b"data: [DONE]\n\n", SSE


def _deltas(message: JsonDict) -> Iterator[JsonDict]:
    yield {"role": "assistant", "content": ""}
    yield from _reasoning(message)
    for piece in halves(message.get("content") or ""):
        yield {"content": piece}
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        yield {"tool_calls": [{**call, "index": index, "function": {"name": function["name"], "arguments": ""}}]}
        for piece in halves(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
    if message.get("annotations"):
        yield {"annotations": message["annotations"]}


def _reasoning(message: JsonDict) -> Iterator[JsonDict]:
    for detail in message.get("reasoning_details") or ():
        name = next((name for name in ("text", "summary") if name in detail), None)
        if name is None:
            yield {"reasoning_details": [detail]}
            continue
        signature = {"signature": detail["signature"]} if "signature" in detail else None
        bare = {key: value for key, value in detail.items() if key not in (name, "signature")}
        for piece in halves(detail[name]):
            yield {"reasoning": piece, "reasoning_details": [{**bare, name: piece}]}
        if signature:
            yield {"reasoning": None, "reasoning_details": [{**bare, name: "", **signature}]}
    for piece in halves(message.get("reasoning_content") or ""):
        yield {"reasoning_content": piece}
    for index, block in enumerate(message.get("thinking_blocks") or ()):
        yield {"thinking_blocks": [{"index": index, **block}]}
