"""Ollama's chat. The server's own types say what a message holds; nothing else is kept."""

from __future__ import annotations

import json

from tests.fidelity.clients._lines import ndjson
from tests.fidelity.talk import JsonDict, Talk

_FIELDS = ("role", "content", "thinking", "images", "tool_calls")


def path(talk: Talk) -> str:
    return "/api/chat"


def ask(talk: Talk, turn: list[JsonDict]) -> bytes:
    _, data = talk.image
    (message,) = turn
    body: JsonDict = {
        "model": talk.model,
        "messages": [
            {"role": "system", "content": talk.system},
            {"role": "user", "content": talk.question, "images": [data]},
            message,
            *(
                {
                    "role": "tool",
                    "tool_name": call["function"]["name"],
                    **({"tool_call_id": call["id"]} if call.get("id") else {}),
                    "content": text,
                }
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
        "format": talk.schema,
        "options": {"temperature": talk.temperature, "num_predict": talk.max_tokens, "stop": list(talk.stop)},
        "stream": talk.stream,
    }
    return json.dumps(body).encode()


def turn_of(body: bytes) -> list[JsonDict]:
    return [_known(json.loads(body)["message"])]


def turn_of_stream(data: bytes) -> list[JsonDict]:
    whole: JsonDict = {"role": "assistant", "content": ""}
    for line in ndjson(data):
        for name, value in _known(line.get("message") or {}).items():
            if name != "role":
                whole[name] = whole.get(name, type(value)()) + value
    return [whole]


def _known(message: JsonDict) -> JsonDict:
    known = {name: message[name] for name in _FIELDS if message.get(name) is not None}
    calls = [
        {name: value for name, value in call.items() if name in ("id", "function")}
        for call in known.get("tool_calls") or ()
    ]
    return {**known, "tool_calls": calls} if calls else known


def said_in(body: JsonDict) -> list[JsonDict]:
    """The assistant's turns of a request. The place of a call among them is said by its place."""
    turns = [message for message in body["messages"] if message["role"] == "assistant"]
    return [{**turn, "tool_calls": [_called(call) for call in turn.get("tool_calls") or ()]} for turn in turns]


def _called(call: JsonDict) -> JsonDict:
    return {**call, "function": {name: value for name, value in call["function"].items() if name != "index"}}
