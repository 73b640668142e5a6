"""Anthropic's Messages, as the anthropic package speaks them: it keeps every field of a content block."""

from __future__ import annotations

import json
from typing import Any

from tests.fidelity.clients._lines import sse
from tests.fidelity.talk import JsonDict, Talk


def path(talk: Talk) -> str:
    return "/v1/messages"


def ask(talk: Talk, turn: list[JsonDict]) -> bytes:
    media_type, data = talk.image
    (message,) = turn
    calls = [block for block in message["content"] if block["type"] == "tool_use"]
    source = {"type": "base64", "media_type": media_type, "data": data}
    results = [
        {"type": "tool_result", "tool_use_id": call["id"], "content": text}
        for call, text in zip(calls, talk.results, strict=False)
    ]
    body: JsonDict = {
        "model": talk.model,
        "system": talk.system,
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": talk.question}, {"type": "image", "source": source}],
            },
            message,
            {"role": "user", "content": [*results, {"type": "text", "text": talk.follow_up}]},
        ],
        "tools": [{"name": talk.tool, "description": talk.described, "input_schema": talk.parameters}],
        "output_config": {"format": {"type": "json_schema", "schema": talk.schema}},
        "temperature": talk.temperature,
        "max_tokens": talk.max_tokens,
        "stop_sequences": list(talk.stop),
    }
    if talk.stream:
        body["stream"] = True
    return json.dumps(body).encode()


def turn_of(body: bytes) -> list[JsonDict]:
    return [{"role": "assistant", "content": json.loads(body)["content"]}]


_GROWS = {"text_delta": "text", "thinking_delta": "thinking"}


def turn_of_stream(data: bytes) -> list[JsonDict]:
    blocks: dict[int, JsonDict] = {}
    inputs: dict[int, str] = {}
    for event in sse(data):
        if event["type"] == "content_block_start":
            blocks[event["index"]] = event["content_block"]
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            if delta["type"] in _GROWS:
                block[_GROWS[delta["type"]]] += delta[_GROWS[delta["type"]]]
            elif delta["type"] == "signature_delta":
                block["signature"] = delta["signature"]
            elif delta["type"] == "citations_delta":
                block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
            elif delta["type"] == "input_json_delta":
                inputs[event["index"]] = inputs.get(event["index"], "") + delta["partial_json"]
    for index, text in inputs.items():
        blocks[index]["input"] = json.loads(text or "{}")
    return [{"role": "assistant", "content": [blocks[index] for index in sorted(blocks)]}]


def said_in(body: JsonDict) -> list[JsonDict]:
    """The blocks of the assistant's turns of a request. Blank text is refused by the provider that sends it."""
    turns = [message["content"] for message in body["messages"] if message["role"] == "assistant"]
    blocks = [block for content in turns for block in _blocks(content)]
    kept = [block for block in blocks if block != {"type": "text", "text": ""}]
    return [{name: value for name, value in block.items() if value is not None} for block in kept]


def _blocks(content: Any) -> list[JsonDict]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
