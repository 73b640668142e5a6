"""Cohere's chat, version 2, as the cohere package speaks it: a message goes back as it came."""

from __future__ import annotations

import json
from typing import Any

from tests.fidelity.clients._lines import sse
from tests.fidelity.talk import JsonDict, Talk


def path(talk: Talk) -> str:
    return "/v2/chat"


def ask(talk: Talk, turn: list[JsonDict]) -> bytes:
    media_type, data = talk.image
    (message,) = turn
    image = {"type": "image_url", "image_url": {"url": f"data:{media_type};base64,{data}"}}
    body: JsonDict = {
        "model": talk.model,
        "messages": [
            {"role": "system", "content": talk.system},
            {"role": "user", "content": [{"type": "text", "text": talk.question}, image]},
            message,
            *(
                {"role": "tool", "tool_call_id": call["id"], "content": text}
                for call, text in zip(message.get("tool_calls") or (), talk.results, strict=False)
            ),
            {"role": "user", "content": talk.follow_up},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": talk.tool, "description": talk.described, "parameters": talk.parameters},
            }
        ],
        "response_format": {"type": "json_object", "json_schema": talk.schema},
        "temperature": talk.temperature,
        "max_tokens": talk.max_tokens,
        "stop_sequences": list(talk.stop),
        "stream": talk.stream,
    }
    return json.dumps(body).encode()


def turn_of(body: bytes) -> list[JsonDict]:
    message = json.loads(body)["message"]
    return [{name: value for name, value in message.items() if value is not None}]


def turn_of_stream(data: bytes) -> list[JsonDict]:
    content: dict[int, JsonDict] = {}
    calls: dict[int, JsonDict] = {}
    citations: list[JsonDict] = []
    plan = ""
    for event in sse(data):
        kind, told = event["type"], (event.get("delta") or {}).get("message") or {}
        if kind == "content-start":
            content[event["index"]] = dict(told["content"])
        elif kind == "content-delta":
            for name, piece in told["content"].items():
                content[event["index"]][name] = content[event["index"]].get(name, "") + piece
        elif kind == "tool-plan-delta":
            plan += told["tool_plan"]
        elif kind == "tool-call-start":
            calls[event["index"]] = told["tool_calls"]
        elif kind == "tool-call-delta":
            calls[event["index"]]["function"]["arguments"] += told["tool_calls"]["function"]["arguments"]
        elif kind == "citation-start":
            citations.append(told["citations"])
    message = {
        "content": [content[index] for index in sorted(content)],
        "tool_plan": plan,
        "tool_calls": [calls[index] for index in sorted(calls)],
        "citations": citations,
    }
    return [{"role": "assistant", **{name: value for name, value in message.items() if value}}]


def said_in(body: JsonDict) -> list[JsonDict]:
    """The assistant's turns of a request; text may be a string or a part."""
    turns = [message for message in body["messages"] if message["role"] == "assistant"]
    return [{**turn, "content": _parts(turn.get("content")), **_calls(turn)} for turn in turns]


def _calls(turn: JsonDict) -> JsonDict:
    calls = [
        {**call, "function": {**call["function"], "arguments": json.loads(call["function"]["arguments"])}}
        for call in turn.get("tool_calls") or ()
    ]
    return {"tool_calls": calls} if calls else {}


def _parts(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []
