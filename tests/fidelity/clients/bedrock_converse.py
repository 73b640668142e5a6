"""Amazon's Converse, as boto3 speaks it: a message is what the service model knows, a stream is added up by hand."""

from __future__ import annotations

import json
from typing import Any

from botocore.eventstream import EventStreamBuffer

from tests.fidelity.talk import JsonDict, Talk


def path(talk: Talk) -> str:
    return f"/model/{talk.model}/{'converse-stream' if talk.stream else 'converse'}"


def ask(talk: Talk, turn: list[JsonDict]) -> bytes:
    media_type, data = talk.image
    (message,) = turn
    calls = [block["toolUse"] for block in message["content"] if "toolUse" in block]
    results = [
        {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": text}], "status": "success"}}
        for call, text in zip(calls, talk.results, strict=False)
    ]
    image = {"format": media_type.removeprefix("image/"), "source": {"bytes": data}}
    schema = {"name": "form", "schema": json.dumps(talk.schema)}
    spec = {"name": talk.tool, "description": talk.described, "inputSchema": {"json": talk.parameters}}
    body: JsonDict = {
        "system": [{"text": talk.system}],
        "messages": [
            {"role": "user", "content": [{"text": talk.question}, {"image": image}]},
            message,
            {"role": "user", "content": [*results, {"text": talk.follow_up}]},
        ],
        "toolConfig": {"tools": [{"toolSpec": spec}]},
        "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}},
        "inferenceConfig": {
            "temperature": talk.temperature,
            "maxTokens": talk.max_tokens,
            "stopSequences": list(talk.stop),
        },
    }
    return json.dumps(body).encode()


def turn_of(body: bytes) -> list[JsonDict]:
    return [json.loads(body)["output"]["message"]]


def turn_of_stream(data: bytes) -> list[JsonDict]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    blocks: dict[int, JsonDict] = {}
    for record in buffer:
        event, kind = json.loads(record.payload), record.headers[":event-type"]
        if kind == "contentBlockStart":
            blocks.setdefault(event["contentBlockIndex"], {}).update(event["start"])
        elif kind == "contentBlockDelta":
            _add(blocks.setdefault(event["contentBlockIndex"], {}), event["delta"])
    for block in blocks.values():
        if isinstance(block.get("toolUse"), dict):
            block["toolUse"]["input"] = json.loads(block["toolUse"].get("input") or "{}")
    return [{"role": "assistant", "content": [_whole(blocks[index]) for index in sorted(blocks)]}]


def _whole(block: JsonDict) -> JsonDict:
    """The block; text that was cited is inside the citations."""
    if block.keys() != {"text", "citationsContent"}:
        return block
    return {"citationsContent": {**block["citationsContent"], "content": [{"text": block["text"]}]}}


def _add(block: JsonDict, delta: JsonDict) -> None:
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] = block["toolUse"].get("input", "") + delta["toolUse"]["input"]
    elif "reasoningContent" in delta:
        _reason(block.setdefault("reasoningContent", {}), delta["reasoningContent"])
    elif "image" in delta:
        block.setdefault("image", {}).update(delta["image"])
    elif "citation" in delta:
        cited = block.setdefault("citationsContent", {"content": [], "citations": []})
        cited["citations"].append(delta["citation"])


def _reason(reasoning: JsonDict, delta: dict[str, Any]) -> None:
    if "redactedContent" in delta:
        reasoning["redactedContent"] = delta["redactedContent"]
        return
    told = reasoning.setdefault("reasoningText", {"text": ""})
    told["text"] += delta.get("text", "")
    if "signature" in delta:
        told["signature"] = delta["signature"]


def said_in(body: JsonDict) -> list[JsonDict]:
    """The blocks of the assistant's turns of a request."""
    return [block for message in body["messages"] if message["role"] == "assistant" for block in message["content"]]
