"""Reasoning and sampling: canonical -> wire. They are one matter, since thinking rules out most sampling."""

from __future__ import annotations

from typing import Any

from lingate._dialects._claude import limit_for_thinking
from lingate._dialects.anthropic.draft import Draft
from lingate._dialects.anthropic.facts import BUDGETS, EFFORTS
from lingate._dialects.anthropic.tools import is_forced

_THINKING = ("thinking", "redacted_thinking")


def write_thinking(draft: Draft) -> bool:
    """Write `thinking` and `output_config`, and say whether the model will think.

    `thinking` is this format's own field: where the caller gives it, it is sent as given and `reasoning_effort` adds no
    more than the effort. Call after `max_tokens`, `messages` and `tool_choice` are written.
    """
    effort = draft.asked.get("reasoning_effort")
    own = draft.native.get("output_config")
    own = own if isinstance(own, dict) else {}
    if own:
        draft.config().update({key: value for key, value in own.items() if key not in ("format", "effort")})
    if own.get("effort") is not None and own["effort"] == effort:
        draft.config()["effort"] = effort
        effort = None
    given = draft.asked.get("thinking")
    if given is not None:
        draft.body["thinking"] = given
        _add_effort(draft, effort)
        _fit_default(draft, given)
    elif effort is not None:
        _write_effort(draft, effort)
    found = draft.body.get("thinking")
    if not draft.body.get("output_config"):
        draft.body.pop("output_config", None)
    return isinstance(found, dict) and found.get("type") in ("enabled", "adaptive")


def write_sampling(draft: Draft, thinking: bool) -> None:
    """Write `temperature`, `top_p` and `top_k` as far as the model takes them."""
    asked: dict[str, Any] = {
        name: draft.asked[name] for name in ("temperature", "top_p", "top_k") if name in draft.asked
    }
    _clamp_temperature(draft, asked)
    rule = draft.traits.get("sampling")
    if rule == "none":
        for name, value in asked.items():
            if name == "top_k" or value != 1:
                draft.refuse(name, "the model takes no sampling parameters")
        return
    if thinking:
        limit_for_thinking(draft, asked)
    if rule == "one" and "temperature" in asked and "top_p" in asked:
        # 400 "`temperature` and `top_p` cannot both be specified for this model".
        draft.note("top_p")
        del asked["top_p"]
    draft.body.update(asked)


def _add_effort(draft: Draft, effort: Any) -> None:
    if effort is None:
        return
    if draft.traits.get("thinking") == "adaptive" and effort in (*EFFORTS,):
        draft.config()["effort"] = EFFORTS[effort]
    else:
        draft.note("reasoning_effort")


def _write_effort(draft: Draft, effort: Any) -> None:
    way = draft.traits.get("thinking")
    if effort == "none":
        if way != "none":
            draft.body["thinking"] = {"type": "disabled"}
    elif effort not in (*EFFORTS,):
        draft.refuse("reasoning_effort", f"must be none or one of {', '.join(EFFORTS)}")
    elif way == "none":
        draft.refuse("reasoning_effort", "the model does not think")
    elif is_forced(draft):
        # 400 "Thinking may not be enabled when tool_choice forces tool use", in both ways of thinking.
        draft.note("reasoning_effort (tool_choice forces a tool)")
    elif way == "adaptive":
        if EFFORTS[effort] != effort:
            draft.note(f"reasoning_effort={effort} (sent as {EFFORTS[effort]})")
        # Newer models leave the reasoning out of the answer unless asked for its summary.
        draft.body["thinking"] = {"type": "adaptive", "display": "summarized"}
        draft.config()["effort"] = EFFORTS[effort]
    elif _resumes_without_thinking(draft.body["messages"]):
        # 400 "Expected `thinking` or `redacted_thinking`, but found `tool_use`": the turn began without thinking.
        draft.note("reasoning_effort (the tool turn in progress has no thinking blocks)")
    else:
        _write_budget(draft, BUDGETS[effort])


def _write_budget(draft: Draft, budget: int) -> None:
    draft.body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    limit = draft.body["max_tokens"]
    if isinstance(limit, int) and limit <= budget:
        draft.body["max_tokens"] = budget + limit
        if _gave_limit(draft):
            draft.note(f"max_tokens (raised from {limit} to {budget + limit}, since it includes {budget} for thinking)")


def _fit_default(draft: Draft, given: Any) -> None:
    """A limit of our own making must not be the reason why the caller's budget is refused."""
    budget = given.get("budget_tokens") if isinstance(given, dict) else None
    if isinstance(budget, int) and not _gave_limit(draft) and draft.body["max_tokens"] <= budget:
        draft.body["max_tokens"] += budget


def _gave_limit(draft: Draft) -> bool:
    return "max_tokens" in draft.asked or "max_completion_tokens" in draft.asked


def _resumes_without_thinking(turns: list[Any]) -> bool:
    """Whether the request continues a tool turn whose assistant message has no thinking at its head."""
    if len(turns) < 2 or turns[-1]["role"] != "user" or turns[-2]["role"] != "assistant":
        return False
    answers, asked = turns[-1]["content"], turns[-2]["content"]
    if isinstance(answers, str) or isinstance(asked, str) or answers[0]["type"] != "tool_result":
        return False
    return asked[0]["type"] not in _THINKING


def _clamp_temperature(draft: Draft, asked: dict[str, Any]) -> None:
    top = draft.traits.get("max_temperature", 1.0)
    value = asked.get("temperature")
    if isinstance(value, (int, float)) and value > top:
        draft.note(f"temperature (clamped from {value} to {top})")
        asked["temperature"] = top
