"""The conversation: canonical messages -> Cohere's, which differ little."""

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed
from lingate._dialects._draft import Draft, native_fields
from lingate._dialects._plain import plain_text
from lingate._dialects.cohere.assistant import wire_message
from lingate._dialects.cohere.content import canonical_content, check_content, is_blank, wire_content
from lingate._dialects.cohere.facts import NAME
from lingate._model import JsonDict
from lingate._wire.json import encode_str

_TEXT_FIELDS = frozenset({"role", "content", "provider_specific_fields"})
_TOOL_FIELDS = frozenset({"role", "content", "tool_call_id", "provider_specific_fields"})


def write_messages(draft: Draft) -> None:
    """Write `messages`.

    Raises:
        ConfigError: The messages make no sense in any format.
        UnsupportedError: A part has no counterpart here and `drop_params` is off.
    """
    messages = draft.asked.get("messages")
    if not isinstance(messages, list):
        raise draft.broken("messages", "must be a list of messages")
    wire: list[JsonDict] = []
    for n, message in enumerate(messages):
        # What long conversations are made of needs none of the questions that the others are asked.
        if (text := plain_text(message)) is not None and message.get("role") in ("user", "assistant"):
            wire.append({"role": message["role"], "content": text})
        elif (made := _message(message, f"messages[{n}]", draft)) is not None:
            wire.append(made)
    if draft.traits.get("late_system") == "hoist":
        wire.sort(key=lambda message: message["role"] != "system")
    if not wire:
        raise draft.broken("messages", "hold nothing to answer")
    if all(message["role"] == "system" for message in wire):
        # There must be something to answer; OpenAI answers a lone system message.
        wire[-1] = {**wire[-1], "role": "user"}
        draft.note(f"messages[{len(wire) - 1}].role (a lone system message was sent as the user's)")
    draft.body["messages"] = wire


def _message(message: Any, where: str, draft: Draft) -> JsonDict | None:
    role = message.get("role") if isinstance(message, dict) else None
    if role == "assistant":
        return wire_message(message, where, draft)
    if role == "user":
        return {"role": "user", "content": _content(message, where, draft, _TEXT_FIELDS, images=True)}
    if role in ("system", "developer"):
        content = _content(message, where, draft, _TEXT_FIELDS)
        if is_blank(content):
            draft.note(f"{where} (blank text)")
            return None
        return {"role": "system", "content": content}
    if role == "tool":
        return _result(message, where, draft)
    raise draft.broken(f"{where}.role", "must be system, developer, user, assistant, tool or function")


def _content(message: JsonDict, where: str, draft: Draft, known: frozenset[str], images: bool = False) -> Any:
    for name in message:
        if name not in known and message[name] is not None:
            draft.note(f"{where}.{name}")
    kept = _original(message)
    return wire_content(message.get("content"), f"{where}.content", draft, images) if kept is None else kept


def _result(message: JsonDict, where: str, draft: Draft) -> JsonDict:
    given = message.get("tool_call_id")
    if not isinstance(given, str) or not given:
        raise draft.broken(f"{where}.tool_call_id", "must be the id of the tool call that this answers")
    if isinstance(message.get("content"), dict):
        message = {**message, "content": encode_str(message["content"])}
    return {"role": "tool", "tool_call_id": given, "content": _content(message, where, draft, _TOOL_FIELDS)}


def _original(message: JsonDict) -> Any:
    """The content that a client of this format sent, unless the message was edited since; None if there is none."""
    if "provider_specific_fields" not in message:
        return None
    content = native_fields(message, NAME).get("content")
    if content is None:
        return None
    try:
        check_content(content, NAME)
    except Malformed:
        return None
    return content if canonical_content(content) == message.get("content") else None
