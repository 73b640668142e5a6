"""OpenAI's chat completions, as the openai package speaks them: it keeps every field of a message."""

from __future__ import annotations

import json
from typing import Any

from openai.lib.streaming._deltas import accumulate_delta

from tests.fidelity.clients._lines import sse
from tests.fidelity.talk import JsonDict, Talk


def path(talk: Talk) -> str:
    return "/v1/chat/completions"


def ask(talk: Talk, turn: list[JsonDict]) -> bytes:
    media_type, data = talk.image
    (message,) = turn
    calls = message.get("tool_calls") or ()
    image = {"type": "image_url", "image_url": {"url": f"data:{media_type};base64,{data}"}}
    body: JsonDict = {
        "model": talk.model,
        "messages": [
            {"role": "system", "content": talk.system},
            {"role": "user", "content": [{"type": "text", "text": talk.question}, image]},
            message,
            *(
                {"role": "tool", "tool_call_id": call["id"], "content": text}
                for call, text in zip(calls, talk.results, strict=False)
            ),
            {"role": "user", "content": talk.follow_up},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": talk.tool, "description": talk.described, "parameters": talk.parameters},
            }
        ],
        "response_format": {"type": "json_schema", "json_schema": {"name": "form", "schema": talk.schema}},
        "temperature": talk.temperature,
        "max_completion_tokens": talk.max_tokens,
        "stop": list(talk.stop),
    }
    if talk.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body).encode()


def turn_of(body: bytes) -> list[JsonDict]:
    message = json.loads(body)["choices"][0]["message"]
    return [{name: value for name, value in message.items() if value is not None}]


def turn_of_stream(data: bytes) -> list[JsonDict]:
    whole: dict[Any, Any] = {}
    for chunk in sse(data):
        for choice in chunk["choices"]:
            whole = accumulate_delta(whole, choice["delta"])
    return [{name: value for name, value in whole.items() if value is not None}]


_SAID = ("content", "tool_calls", "reasoning_details", "thinking_blocks")


def said_in(body: JsonDict) -> list[JsonDict]:
    """The assistant's turns of a request, of the reasoning what providers check."""
    turns = [message for message in body["messages"] if message["role"] == "assistant"]
    said = [{name: turn[name] for name in _SAID if turn.get(name)} for turn in turns]
    return [{name: _plain(value) for name, value in turn.items()} for turn in said]


def _plain(value: Any) -> Any:
    if isinstance(value, list) and all(item.get("type") == "text" for item in value):
        return "".join(item["text"] for item in value)
    return [_item(item) for item in value] if isinstance(value, list) else value


def _item(item: JsonDict) -> JsonDict:
    """An item of a list; the package's streams leave its place on it, and arguments may be written in many ways."""
    item = {name: value for name, value in item.items() if name != "index"}
    if "function" in item:
        item["function"] = {**item["function"], "arguments": json.loads(item["function"]["arguments"])}
    return item
