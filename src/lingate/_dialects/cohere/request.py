# Towards the upstream: a canonical call as an HTTP request, and the conversation, which differs little.

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed
from lingate._dialects._draft import Draft, native_fields
from lingate._dialects._late import system_in_place
from lingate._dialects._legacy_functions import modern
from lingate._dialects._params import (
    CHAT_FIELDS,
    answer_limit,
    begun,
    finished,
    sampling,
    stops,
    write_rest,
)
from lingate._dialects.cohere.assistant import wire_message
from lingate._dialects.cohere.content import canonical_content, check_content, is_blank, wire_content
from lingate._dialects.cohere.facts import BUDGETS, CHAT_PATH, DEFAULTS, EFFORTS, NAME, RANGES
from lingate._dialects.cohere.tools import write_format, write_tools
from lingate._model import Call, HttpRequest, JsonDict, Target
from lingate._wire.json import encode_str
from lingate._wire.plain import plain_text
from lingate._wire.shapes import dig, is_number, without

_SAMPLING = {
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
_WRITTEN = CHAT_FIELDS | _SAMPLING.keys() | {"logprobs"}


def chat_request(call: Call, target: Target) -> HttpRequest:
    made = begun(call, target, DEFAULTS, modern)
    made.body["model"] = target.model
    write_messages(made)
    made.body["stream"] = call.stream
    write_tools(made)
    write_format(made)
    _write_sampling(made)
    _write_thinking(made)
    write_rest(made, _WRITTEN)
    return finished(made, "chat", CHAT_PATH, made.body)


def _write_sampling(draft: Draft) -> None:
    for name, value in sampling(draft, _SAMPLING).items():
        draft.body[_SAMPLING[name]] = _within(value, name, draft)
    if "logprobs" in draft.asked:
        draft.body["logprobs"] = draft.asked["logprobs"]
    limit = answer_limit(draft)
    if limit is not None:
        draft.body["max_tokens"] = limit
    wire = stops(draft, draft.traits.get("max_stop"))
    if wire:
        draft.body["stop_sequences"] = wire


def _within(value: Any, name: str, draft: Draft) -> Any:
    # The value inside the API's range. `top_p` of 1, which many send by habit, is above it.
    low, high = RANGES.get(_SAMPLING[name], (value, value))
    if not is_number(value) or low <= value <= high:
        return value
    nearest = min(max(value, low), high)
    draft.note(f"{name} (clamped from {value} to {nearest})")
    return nearest


def _write_thinking(draft: Draft) -> None:
    # Write `thinking`. `thinking` in Anthropic's words or Cohere's own says how many tokens, and wins over effort.
    effort, given = draft.asked.get("reasoning_effort"), draft.asked.get("thinking")
    none = draft.traits.get("thinking") == "none"
    if isinstance(given, dict):
        if effort is not None:
            draft.note("reasoning_effort (thinking is given)")
        kind = given.get("type")
        if none and kind != "disabled":
            draft.refuse("thinking", "the model does not think")
        elif not none:
            rest = without(given, ("type", "budget_tokens", "display"))
            wire = {"type": "disabled" if kind == "disabled" else "enabled", **rest}
            if wire["type"] == "enabled" and given.get("budget_tokens") is not None:
                wire.setdefault("token_budget", given["budget_tokens"])
            draft.body["thinking"] = wire
    elif effort == "none":
        if not none:
            draft.body["thinking"] = {"type": "disabled"}
    elif effort is not None and none:
        draft.refuse("reasoning_effort", "the model does not think")
    elif effort in EFFORTS:
        budget = {"token_budget": BUDGETS[effort]} if effort in BUDGETS else {}
        draft.body["thinking"] = {"type": "enabled", **budget}
    elif effort is not None:
        draft.refuse("reasoning_effort", f"must be none or one of {', '.join(EFFORTS)}")


_TEXT_FIELDS = frozenset({"role", "content", "provider_specific_fields"})
_TOOL_FIELDS = frozenset({"role", "content", "tool_call_id", "provider_specific_fields"})


def write_messages(draft: Draft) -> None:
    messages = draft.messages()
    wire: list[JsonDict] = []
    for n, message in enumerate(messages):
        if (text := plain_text(message)) is not None and message.get("role") in ("user", "assistant"):
            wire.append({"role": message["role"], "content": text})
        elif (made := _message(message, f"messages[{n}]", draft)) is not None:
            wire.append(made)
    wire = system_in_place(wire, draft.traits, draft.note)
    if not wire:
        raise draft.broken("messages", "hold nothing to answer")
    if all(message["role"] == "system" for message in wire):
        # There must be something to answer; OpenAI answers a lone system message.
        wire[-1] = {**wire[-1], "role": "user"}
        draft.note(f"messages[{len(wire) - 1}].role (a lone system message was sent as the user's)")
    draft.body["messages"] = wire


def _message(message: Any, where: str, draft: Draft) -> JsonDict | None:
    role = dig(message, "role")
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
    draft.note_others(message, known, where)
    kept = _original(message)
    return wire_content(message.get("content"), f"{where}.content", draft, images) if kept is None else kept


def _result(message: JsonDict, where: str, draft: Draft) -> JsonDict:
    given = draft.answered(message.get("tool_call_id"), where)
    if isinstance(message.get("content"), dict):
        message = {**message, "content": encode_str(message["content"])}
    return {"role": "tool", "tool_call_id": given, "content": _content(message, where, draft, _TOOL_FIELDS)}


def _original(message: JsonDict) -> Any:
    # The content that a client of this format sent, unless the message was edited since; None if there is none.
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
