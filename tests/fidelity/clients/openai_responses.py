"""OpenAI's Responses, as the openai package speaks them: what was put out goes into the next input, all fields kept."""

from __future__ import annotations

import json

from tests.fidelity.clients._lines import sse
from tests.fidelity.talk import JsonDict, Talk


def path(talk: Talk) -> str:
    return "/v1/responses"


def ask(talk: Talk, turn: list[JsonDict]) -> bytes:
    media_type, data = talk.image
    calls = [item for item in turn if item["type"] == "function_call"]
    image = {"type": "input_image", "image_url": f"data:{media_type};base64,{data}", "detail": "auto"}
    body: JsonDict = {
        "model": talk.model,
        "instructions": talk.system,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": talk.question}, image]},
            *turn,
            *(
                {"type": "function_call_output", "call_id": call["call_id"], "output": text}
                for call, text in zip(calls, talk.results, strict=False)
            ),
            {"role": "user", "content": talk.follow_up},
        ],
        "tools": [
            {
                "type": "function",
                "name": talk.tool,
                "description": talk.described,
                "parameters": talk.parameters,
                "strict": False,
            }
        ],
        "text": {"format": {"type": "json_schema", "name": "form", "schema": talk.schema}},
        "temperature": talk.temperature,
        "max_output_tokens": talk.max_tokens,
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }
    if talk.stream:
        body["stream"] = True
    return json.dumps(body).encode()


def turn_of(body: bytes) -> list[JsonDict]:
    return [_said(item) for item in json.loads(body)["output"]]


def turn_of_stream(data: bytes) -> list[JsonDict]:
    (last,) = [event for event in sse(data) if event["type"] == "response.completed"]
    return [_said(item) for item in last["response"]["output"]]


def _said(item: JsonDict) -> JsonDict:
    return {name: value for name, value in item.items() if value is not None}


def said_in(body: JsonDict) -> list[JsonDict]:
    """The items of the model's own in a request. Of messages and calls, ids and states mean nothing there."""
    items = [item for item in body["input"] if item.get("role", "assistant") == "assistant"]
    return [_gist(item) for item in items if item.get("type") != "function_call_output"]


def _gist(item: JsonDict) -> JsonDict:
    kind = item.get("type", "message")
    if kind == "function_call":
        told = {name: item[name] for name in ("type", "call_id", "name")}
        return {**told, "arguments": json.loads(item["arguments"])}
    if kind != "message":
        return _said(item)
    content = item["content"]
    parts = [{"type": "output_text", "text": content}] if isinstance(content, str) else content
    phase = {"phase": item["phase"]} if item.get("phase") else {}
    return {
        "type": kind,
        "content": [{name: value for name, value in part.items() if value} for part in parts],
        **phase,
    }
