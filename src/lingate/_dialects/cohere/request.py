"""Towards the upstream: a canonical call as an HTTP request."""

from __future__ import annotations

from typing import Any

from lingate._dialects._draft import Draft, asked_of
from lingate._dialects._legacy import modern
from lingate._dialects._params import CHAT_FIELDS, answer_limit, refuse_for_provider, sampling, stops, write_rest
from lingate._dialects.cohere.facts import BUDGETS, CHAT_PATH, DEFAULTS, EFFORTS, RANGES
from lingate._dialects.cohere.messages import write_messages
from lingate._dialects.cohere.tools import write_format, write_tools
from lingate._dialects.openai_chat.envelope import new_request, seal
from lingate._model import Call, HttpRequest, JsonDict, Operation, Target

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
    """A chat call, ready to be sent.

    Raises:
        ConfigError: The call makes no sense in any format.
        UnsupportedError: Something has no counterpart here and `drop_params` is off.
    """
    made = Draft(call, target, modern(asked_of(call)), {**DEFAULTS, **target.traits})
    refuse_for_provider(made)
    made.body["model"] = target.model
    write_messages(made)
    made.body["stream"] = call.stream
    write_tools(made)
    write_format(made)
    _write_sampling(made)
    _write_thinking(made)
    write_rest(made, _WRITTEN)
    return finished(made, "chat", CHAT_PATH, made.body)


def finished(made: Draft, operation: Operation, path: str, body: JsonDict) -> HttpRequest:
    """Let the provider's quirks and the caller's own fields have the last word, and encode."""
    sent = new_request(made.call, made.target, operation, path)
    sent.dropped, sent.answer_tool, sent.stop = made.dropped, made.answer_tool, made.stop
    return seal(sent, body)


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
    """The value inside the API's range. `top_p` of 1, which many send by habit, is above it."""
    low, high = RANGES.get(_SAMPLING[name], (value, value))
    if isinstance(value, bool) or not isinstance(value, int | float) or low <= value <= high:
        return value
    nearest = min(max(value, low), high)
    draft.note(f"{name} (clamped from {value} to {nearest})")
    return nearest


def _write_thinking(draft: Draft) -> None:
    """Write `thinking`. `thinking` in Anthropic's words or Cohere's own says how many tokens, and wins over effort."""
    effort, given = draft.asked.get("reasoning_effort"), draft.asked.get("thinking")
    none = draft.traits.get("thinking") == "none"
    if isinstance(given, dict):
        if effort is not None:
            draft.note("reasoning_effort (thinking is given)")
        kind = given.get("type")
        if none and kind != "disabled":
            draft.refuse("thinking", "the model does not think")
        elif not none:
            rest = {name: value for name, value in given.items() if name not in ("type", "budget_tokens", "display")}
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
