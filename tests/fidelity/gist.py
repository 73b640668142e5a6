"""What a request or an answer says, without how it is written: flat, so that what is lost has a name."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from lingate._model import Call, HttpRequest, JsonDict

_SECRETS = frozenset(
    {"signature", "data", "encrypted_content", "thoughtSignature", "thought_signature", "redactedContent"}
)
_ENCRYPTED = ("redacted_thinking", "reasoning.encrypted")


def request_gist(call: Call, sent: HttpRequest | None = None) -> JsonDict:
    """The content of a request.

    Args:
        call: As it was read.
        sent: The request it was read from. A tool that stands for the structured answer is told from the others by it,
            and so are the stop sequences that are looked for on the way back.
    """
    body = call.body
    gist: JsonDict = {
        "model": call.model,
        "stream": call.stream,
        "temperature": body.get("temperature"),
        "max_tokens": body.get("max_completion_tokens", body.get("max_tokens")),
        "stop": sorted({*_listed(body.get("stop")), *(sent.stop if sent else ())}),
        "system": "\n".join(text_of(m) for m in body["messages"] if m["role"] in ("system", "developer")),
    }
    gist |= _tools(body, sent.answer_tool if sent else None)
    turns = [message for message in body["messages"] if message["role"] not in ("system", "developer")]
    gist["roles"] = [message["role"] for message in turns]
    asked = [message for message in turns if message["role"] == "user"]
    gist["texts"] = [text_of(message) for message in asked]
    gist["images"] = [image for message in asked for image in _images(message)]
    said = [message for message in turns if message["role"] == "assistant"]
    gist |= _spoken(said)
    ids = [call["id"] for message in said for call in message.get("tool_calls") or ()]
    results = [message for message in turns if message["role"] == "tool"]
    gist["results"] = [text_of(message) for message in results]
    gist["answered"] = [ids.index(m["tool_call_id"]) if m["tool_call_id"] in ids else None for m in results]
    return gist


def answer_gist(response: JsonDict) -> JsonDict:
    """The content of an answer."""
    (choice,) = response["choices"]
    message, usage = choice["message"], response.get("usage") or {}
    before, after = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return {
        **_spoken([message]),
        "ids": [call["id"] for call in message.get("tool_calls") or ()],
        "finish": choice["finish_reason"],
        "usage": [usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")],
        "usage.cached": before.get("cached_tokens") or 0,
        "usage.written": before.get("cache_write_tokens") or 0,
        "usage.reasoning": after.get("reasoning_tokens") or 0,
    }


def differences(expected: JsonDict, found: JsonDict) -> set[str]:
    """The names of what is not the same."""
    assert expected.keys() == found.keys()
    return {name for name in expected if expected[name] != found[name]}


def secrets_in(value: Any, key: str = "") -> set[str]:
    """Every proof of reasoning in a message, wherever it stands and whatever it is wrapped into."""
    if isinstance(value, dict):
        picture = "data" in value and value.get("type") not in _ENCRYPTED
        return set().union(
            *(secrets_in(item, name) for name, item in value.items() if not (picture and name == "data"))
        )
    if isinstance(value, list):
        return set().union(*(secrets_in(item, key) for item in value))
    if not isinstance(value, str) or not value or key not in _SECRETS:
        return set()
    # What dialects seal ends with the proof itself, behind a mark that is no letter of base64.
    proof = re.split(r"[#:]", value)[-1]
    inside = _travelling(value) or _travelling(proof)
    return {proof} - {""} if inside is None else secrets_in(inside)


def _travelling(value: str) -> Any:
    """What a face put into a signature of its own format; None if there is nothing."""
    if value.startswith("lingate#"):
        return json.loads(base64.b64decode(value.removeprefix("lingate#")))
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        return None
    mark, _, block = data.partition(b":")
    return json.loads(block) if mark == b"\x00lingate" else None


def text_of(message: JsonDict) -> str:
    """The text of a message, whether it is in one string or in parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or () if part.get("type") == "text")


def _spoken(messages: list[JsonDict]) -> JsonDict:
    calls = [call["function"] for message in messages for call in message.get("tool_calls") or ()]
    return {
        "said": [text_of(message) for message in messages],
        "thoughts": [_thoughts(message) for message in messages],
        "proofs": sorted(set().union(*(secrets_in(_without_content(message)) for message in messages))),
        "calls": [(call["name"], json.loads(call["arguments"])) for call in calls],
    }


def _thoughts(message: JsonDict) -> str:
    """The reasoning of a message, which OpenAI's format has under more than one name."""
    details = message.get("reasoning_details") or ()
    plain = message.get("reasoning_content") or message.get("reasoning")
    return plain or "".join(item.get("text") or "" for item in details)


def _without_content(message: JsonDict) -> JsonDict:
    return {name: value for name, value in message.items() if name not in ("content", "images", "audio")}


def _tools(body: JsonDict, answer_tool: str | None) -> JsonDict:
    functions = [tool["function"] for tool in body.get("tools") or () if tool.get("type") == "function"]
    wanted = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    for function in functions:
        if function["name"] == answer_tool:
            wanted = function["parameters"]
    return {
        "tools": [
            (function["name"], function.get("description"), function.get("parameters"))
            for function in functions
            if function["name"] != answer_tool
        ],
        "schema": wanted,
    }


def _images(message: JsonDict) -> list[Any]:
    content = message.get("content")
    parts = content if isinstance(content, list) else ()
    return [part["image_url"]["url"] for part in parts if part.get("type") == "image_url"]


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
