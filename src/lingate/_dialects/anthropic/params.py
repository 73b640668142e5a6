# The other request fields: limits, stop sequences, user, tier, reasoning, sampling, and what has no counterpart.

# Reasoning and sampling are one matter, since thinking rules out most sampling.

from __future__ import annotations

import re
from typing import Any

from lingate._dialects import _params
from lingate._dialects._claude import BUDGETS, EFFORTS, fitted_thinking, way_to_think
from lingate._dialects._ignorable import ANTHROPICS_OWN
from lingate._dialects._params import CACHE_HINTS, CHAT_FIELDS, NEUTRAL
from lingate._dialects.anthropic.draft import Draft
from lingate._dialects.anthropic.facts import (
    COMPACT_BETA,
    FAST_BETA,
    FIELD_BETAS,
    NAME,
    SKILLS_BETA,
    TASK_BUDGET_BETA,
    TOOL_BETAS,
    TOOL_FIELD_BETAS,
)
from lingate._dialects.anthropic.tools import is_forced
from lingate._wire.shapes import as_dict, as_dicts, as_str, dig, without

_HINTS = ("chat_template_kwargs", "enable_thinking", *CACHE_HINTS)
"""Fields that do not change what the answer should be: left out and reported, never an error."""

_WRITTEN = CHAT_FIELDS | {
    "parallel_tool_calls",
    "web_search_options",
    "temperature",
    "top_p",
    "top_k",
    "user",
    "safety_identifier",
    "metadata",
    "service_tier",
}
"""Fields that have a place of their own on the wire, or none because they are said otherwise."""

_NEUTRAL = {"seed": (), **without(NEUTRAL, _WRITTEN | ANTHROPICS_OWN.keys())}
"""Fields without a counterpart, and the values that ask for what happens anyway."""

_TIERS = {"auto": "auto", "priority": "auto", "default": "standard_only", "standard_only": "standard_only"}


def write_limit(draft: Draft) -> None:
    asked = draft.asked.get("max_completion_tokens", draft.asked.get("max_tokens"))
    draft.body["max_tokens"] = draft.traits.get("default_max_tokens", 4096) if asked is None else asked


def write_identity(draft: Draft) -> None:
    metadata = draft.asked.get("metadata", {})
    if not isinstance(metadata, dict):
        raise draft.broken("metadata", "must be an object")
    user = draft.asked.get("user", draft.asked.get("safety_identifier", metadata.get("user_id")))
    if user is not None:
        draft.body["metadata"] = {"user_id": user}
    for name in metadata:
        if name != "user_id":
            draft.note(f"metadata.{name}")
    tier = draft.asked.get("service_tier")
    if isinstance(tier, str) and tier in _TIERS:
        draft.body["service_tier"] = _TIERS[tier]
    elif tier is not None:
        draft.refuse("service_tier", f"{tier!r} is not one of {', '.join(_TIERS)}")


def write_rest(draft: Draft) -> None:
    # Leave out what has no counterpart, and pass on what we do not know.
    _params.write_rest(draft, _WRITTEN, NAME, _NEUTRAL, _HINTS)
    _need_betas(draft)


def _need_betas(draft: Draft) -> None:
    if known := draft.traits.get("betas"):
        tools = as_dicts(draft.body.get("tools"))
        for name, beta in TOOL_FIELD_BETAS.items():
            if any(tool.get(name) for tool in tools) and re.fullmatch(known, beta):
                draft.need(beta)
    # The toolset's own version of the connector replaces the one before.
    if draft.body.get("mcp_servers") and TOOL_BETAS["mcp_toolset"] not in draft.betas:
        draft.need(FIELD_BETAS["mcp_servers"])
    managed = draft.body.get("context_management")
    if managed:
        draft.need(FIELD_BETAS["context_management"])
    if any(as_str(edit.get("type")).startswith("compact") for edit in as_dicts(dig(managed, "edits"))):
        draft.need(COMPACT_BETA)
    if dig(draft.body.get("output_config"), "task_budget"):
        draft.need(TASK_BUDGET_BETA)
    if draft.body.get("speed") == "fast":
        draft.need(FAST_BETA)
    container = draft.body.get("container")
    if isinstance(container, dict) and container.get("skills"):
        draft.need(SKILLS_BETA)


_THINKING = ("thinking", "redacted_thinking")


def write_thinking(draft: Draft) -> bool:
    # Write `thinking` and `output_config`, and say whether the model will think.
    # `thinking` is this format's own field: where the caller gives it and the model takes it, it is sent as given and
    # `reasoning_effort` adds no more than the effort. Call after `max_tokens`, `messages` and `tool_choice` are
    # written.
    asked = draft.asked.get("reasoning_effort")
    own = as_dict(draft.native.get("output_config"))
    if own:
        draft.config().update(without(own, ("format", "effort")))
    given, effort = fitted_thinking(draft, draft.asked.get("thinking"), asked)
    if (
        asked is not None
        and own.get("effort") == asked == effort
        and (given is not None or not draft.asked.get("thinking"))
    ):
        if draft.traits.get("thinking") in ("budget", "none") and "efforts" not in draft.traits:
            draft.note("output_config.effort")  # 400 "This model does not support the effort parameter."
        else:
            draft.config()["effort"] = effort
        effort = None
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


def _add_effort(draft: Draft, effort: Any) -> None:
    if effort is None:
        return
    if draft.traits.get("thinking") == "adaptive" and effort in (*EFFORTS,):
        draft.config()["effort"] = EFFORTS[effort]
    else:
        draft.note("reasoning_effort")


def _write_effort(draft: Draft, effort: Any) -> None:
    way = way_to_think(draft, effort, is_forced, _resumes_without_thinking)
    if way == "disabled":
        draft.body["thinking"] = {"type": "disabled"}
    elif way == "adaptive":
        if EFFORTS[effort] != effort:
            draft.note(f"reasoning_effort={effort} (sent as {EFFORTS[effort]})")
        # Newer models leave the reasoning out of the answer unless asked for its summary.
        draft.body["thinking"] = {"type": "adaptive", "display": "summarized"}
        draft.config()["effort"] = EFFORTS[effort]
    elif way == "enabled":
        _write_budget(draft, BUDGETS[effort])


def _write_budget(draft: Draft, budget: int) -> None:
    draft.body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    limit = draft.body["max_tokens"]
    if isinstance(limit, int) and limit <= budget:
        draft.body["max_tokens"] = budget + limit
        if _gave_limit(draft):
            draft.note(f"max_tokens (raised from {limit} to {budget + limit}, since it includes {budget} for thinking)")


def _fit_default(draft: Draft, given: Any) -> None:
    # A limit of our own making must not be the reason why the caller's budget is refused.
    budget = dig(given, "budget_tokens")
    if isinstance(budget, int) and not _gave_limit(draft) and draft.body["max_tokens"] <= budget:
        draft.body["max_tokens"] += budget


def _gave_limit(draft: Draft) -> bool:
    return "max_tokens" in draft.asked or "max_completion_tokens" in draft.asked


def _resumes_without_thinking(turns: list[Any]) -> bool:
    # Whether the request continues a tool turn whose assistant message has no thinking at its head.
    if len(turns) < 2 or turns[-1]["role"] != "user" or turns[-2]["role"] != "assistant":
        return False
    answers, asked = turns[-1]["content"], turns[-2]["content"]
    if isinstance(answers, str) or isinstance(asked, str) or answers[0]["type"] != "tool_result":
        return False
    return asked[0]["type"] not in _THINKING
