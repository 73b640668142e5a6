# OpenAI's `functions` of 2023 in the words that replaced them.

from __future__ import annotations

from itertools import count
from typing import Any

from lingate._model import JsonDict


def modern(asked: JsonDict) -> JsonDict:
    # A canonical request without `functions`, `function_call` and messages of the role `function`.
    # Calls get ids that are made of their number, so that the messages which answer them can be told by name. The
    # argument stays as it is; without anything legacy in it, it is also the result.
    made = asked
    if "functions" in asked or "function_call" in asked:
        made = dict(asked)
        functions, choice = made.pop("functions", None), made.pop("function_call", None)
        tools = made.get("tools") or []
        if isinstance(functions, list) and isinstance(tools, list):
            made["tools"] = [*tools, *({"type": "function", "function": item} for item in functions)]
        if choice is not None:
            named = isinstance(choice, dict)
            made.setdefault("tool_choice", {"type": "function", "function": choice} if named else choice)
    messages = asked.get("messages")
    if isinstance(messages, list) and _any_legacy(messages):
        made = {**made, "messages": _modern_messages(messages)}
    return made


def _any_legacy(messages: list[Any]) -> bool:
    for message in messages:
        if isinstance(message, dict) and ("function_call" in message or message.get("role") == "function"):
            return True
    return False


def _is_legacy(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    return message.get("role") == "function" or isinstance(message.get("function_call"), dict)


def _modern_messages(messages: list[Any]) -> list[Any]:
    ids: dict[str, str] = {}
    places = count()
    made: list[Any] = []
    for message in messages:
        if _is_legacy(message):
            message = dict(message)
            call = message.pop("function_call", None)
            name = str(message.get("name"))
            if message.get("role") == "function":
                message["role"] = "tool"
                message.setdefault("tool_call_id", ids.get(name, f"call_{name}"))
            elif not message.get("tool_calls"):
                name = str(call.get("name"))
                ids[name] = f"call_{next(places)}_{name}"
                message["tool_calls"] = [{"id": ids[name], "type": "function", "function": call}]
        made.append(message)
    return made
