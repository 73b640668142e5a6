"""Google's generateContent, as the chats of the google-genai package speak it: contents go back as they came, and those of
a stream one by one."""

from __future__ import annotations

import json

from tests.fidelity.clients._lines import sse
from tests.fidelity.talk import JsonDict, Talk


def path(talk: Talk) -> str:
    return f"/v1beta/models/{talk.model}:{'streamGenerateContent' if talk.stream else 'generateContent'}"


def ask(talk: Talk, turn: list[JsonDict]) -> bytes:
    media_type, data = talk.image
    calls = [part["functionCall"] for content in turn for part in content["parts"] if "functionCall" in part]
    results = [
        {
            "functionResponse": {
                **({"id": call["id"]} if call.get("id") else {}),
                "name": call["name"],
                "response": {"result": text},
            }
        }
        for call, text in zip(calls, talk.results, strict=False)
    ]
    declared = {"name": talk.tool, "description": talk.described, "parametersJsonSchema": talk.parameters}
    body: JsonDict = {
        "systemInstruction": {"parts": [{"text": talk.system}]},
        "contents": [
            {
                "role": "user",
                "parts": [{"text": talk.question}, {"inlineData": {"mimeType": media_type, "data": data}}],
            },
            *turn,
            *([{"role": "user", "parts": results}] if results else ()),
            {"role": "user", "parts": [{"text": talk.follow_up}]},
        ],
        "tools": [{"functionDeclarations": [declared]}],
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": talk.schema,
            "temperature": talk.temperature,
            "maxOutputTokens": talk.max_tokens,
            "stopSequences": list(talk.stop),
        },
    }
    return json.dumps(body).encode()


def turn_of(body: bytes) -> list[JsonDict]:
    return [json.loads(body)["candidates"][0]["content"]]


def turn_of_stream(data: bytes) -> list[JsonDict]:
    contents = [event["candidates"][0].get("content") for event in sse(data) if event.get("candidates")]
    return [content for content in contents if content and content.get("parts")]


def said_in(body: JsonDict) -> list[JsonDict]:
    """The parts of the model's turns of a request, texts that came in pieces joined."""
    joined: list[JsonDict] = []
    for part in [part for content in body["contents"] if content["role"] == "model" for part in content["parts"]]:
        last = joined[-1] if joined else {}
        if part.keys() == last.keys() and part.keys() <= {"text", "thought"}:
            joined[-1] = {**last, "text": last["text"] + part["text"]}
        elif part != {"text": ""}:
            joined.append(part)
    return joined
