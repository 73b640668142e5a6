"""What was asked and answered in the form that the GenAI semantic conventions give it, for owners who want it in traces."""

from __future__ import annotations

from typing import Any

from lingate._model import JsonDict
from lingate._wire import json


def input_messages(body: JsonDict) -> dict[str, str]:
    """The attribute for what was asked; none where it is no conversation."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return {}
    return {"gen_ai.input.messages": _text([_message(item) for item in messages if isinstance(item, dict)])}


def output_messages(response: JsonDict) -> dict[str, str]:
    """The same for what was answered."""
    choices = response.get("choices")
    if not isinstance(choices, list):
        return {}
    found = []
    for choice in choices:
        if isinstance(choice, dict):
            message = choice.get("message")
            made = _message(message if isinstance(message, dict) else {"content": choice.get("text")})
            found.append({**made, "role": "assistant", "finish_reason": choice.get("finish_reason") or ""})
    return {"gen_ai.output.messages": _text(found)}


def _text(value: Any) -> str:
    return json.encode(value).decode("utf-8", "replace")


def _message(message: JsonDict) -> JsonDict:
    role, content = message.get("role"), message.get("content")
    if isinstance(content, list):
        content = [_part(part) for part in content if isinstance(part, dict)]
    if role == "tool":
        answer = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content}
        return {"role": "tool", "parts": [answer]}
    parts: list[JsonDict] = []
    if message.get("reasoning_content"):
        parts.append({"type": "reasoning", "content": message["reasoning_content"]})
    if isinstance(content, str):
        parts.append({"type": "text", "content": content})
    elif content:
        parts += content
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call.get("custom") or {}
        arguments = function.get("arguments", function.get("input"))
        parts.append({"type": "tool_call", "id": call.get("id"), "name": function.get("name"), "arguments": arguments})
    return {"role": role or "user", "parts": parts}


def _part(part: JsonDict) -> JsonDict:
    """Pictures and sounds by their kind only: a trace is no place for megabytes."""
    if part.get("type") == "text":
        return {"type": "text", "content": part.get("text") or ""}
    return {"type": str(part.get("type"))}
