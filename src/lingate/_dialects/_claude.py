# What holds for Claude in whichever format it is spoken to.

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from lingate._dialects._draft import Draft
from lingate._model import Call, JsonDict, Target
from lingate._wire.shapes import dig, without

BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8000, "high": 16000, "xhigh": 24000, "max": 24000}
"""`reasoning_effort` -> thinking tokens. 1024 is the API's minimum; twice the largest for `high` is 32000, the smallest
output limit of a model that thinks by budget, so that `max_tokens` can be raised above the budget everywhere."""

EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
"""`reasoning_effort` -> `output_config.effort`; there is no `minimal`."""

D = TypeVar("D", bound=Draft)

FORMATS = ("anthropic", "vertex_anthropic", "azure_anthropic", "bedrock_converse", "bedrock_invoke")
"""Formats of its own, with a place for `BETA` too."""

BETA = "anthropic-beta"
"""The header by which Anthropic's clients ask for features."""


def thinking_on_top(target: Target, effort: str) -> int:
    # Tokens by which the bound of an answer is raised at most where it has no room for thinking so hard.
    if target.row.dialect not in FORMATS or target.traits.get("thinking") in ("adaptive", "none"):
        return 0
    return BUDGETS.get(effort, 0)


def way_to_think(
    draft: D, effort: Any, is_forced: Callable[[D], bool], resumes: Callable[[list[Any]], bool]
) -> Literal["disabled", "adaptive", "enabled"] | None:
    # The type of `thinking` that an effort asks for, `enabled` with a budget; None where there is none, which is noted.
    # `resumes`: tells whether messages go on with a tool turn that began without thinking.
    way = draft.traits.get("thinking")
    if effort == "none":
        return None if way == "none" else "disabled"
    if effort not in (*EFFORTS,):
        draft.refuse("reasoning_effort", f"must be none or one of {', '.join(EFFORTS)}")
    elif way == "none":
        draft.refuse("reasoning_effort", "the model does not think")
    elif is_forced(draft):
        # 400 "Thinking may not be enabled when tool_choice forces tool use", in both ways of thinking.
        draft.note("reasoning_effort (tool_choice forces a tool)")
    elif way == "adaptive":
        return "adaptive"
    elif resumes(draft.body["messages"]):
        # 400 "Expected `thinking` or `redacted_thinking`, but found `tool_use`": the turn began without thinking.
        draft.note("reasoning_effort (the tool turn in progress has no thinking blocks)")
    else:
        return "enabled"
    return None


def fitted_thinking(draft: Draft, given: Any, effort: Any) -> tuple[Any, Any]:
    # A caller's own `thinking`, and the effort beside it, as this model takes them: a fallback's or an alias's may not.
    # 400 "adaptive thinking is not supported on this model"; of the newest, "`thinking.type.enabled` is not supported
    # for this model. Use `thinking.type.adaptive` and `output_config.effort`".
    kind, way, budget = dig(given, "type"), draft.traits.get("thinking"), dig(given, "budget_tokens")
    off = draft.traits.get("unthinking", "disabled")
    if off != "disabled" and (kind == "disabled" or (effort == "none" and not given)):
        if not off:
            draft.note("reasoning_effort=none (sent as low)")
        return ({"type": off}, None if effort == "none" else effort) if off else ({"type": "adaptive"}, "low")
    meant = effort
    if effort is None and isinstance(budget, int):
        meant = next((word for word in ("low", "medium") if budget <= BUDGETS[word]), "high")
    if given and way is None and not draft.target.model.startswith("arn:"):
        draft.note("thinking")  # another model than Claude; an ARN may not tell
        if kind == "disabled" and effort not in (None, "none"):
            draft.note("reasoning_effort (thinking is given)")
            return None, None
        return None, meant
    if kind == "enabled" and way == "none":
        draft.refuse("thinking", "the model does not think")
        return None, None
    if kind == "enabled" and not isinstance(budget, int):  # in the words of others, who have no budgets
        return ({"type": "adaptive"}, effort) if way == "adaptive" else (None, effort or "medium")
    if kind == "adaptive" and way in ("budget", "none"):
        draft.note("thinking.type=adaptive")
        return None, (effort or "medium") if way == "budget" else None
    if kind == "enabled" and way == "adaptive" and not draft.traits.get("budgets", True):
        draft.note("thinking.budget_tokens")
        return {**without(given, ("budget_tokens",)), "type": "adaptive"}, meant
    return given, effort


def limit_for_thinking(draft: Draft, asked: JsonDict) -> None:
    # While Claude thinks, temperature is 1, top_k is refused, and top_p is 0.95 or more.
    top_p = asked.get("top_p")
    refused = {
        "temperature": asked.get("temperature", 1) != 1,
        "top_k": "top_k" in asked,
        "top_p": isinstance(top_p, (int, float)) and not 0.95 <= top_p <= 1,
    }
    for name, out in refused.items():
        if out:
            draft.note(f"{name} (not while thinking)")
            del asked[name]


def asked_betas(call: Call, target: Target, note: Callable[[str], object]) -> list[str]:
    # Features that the row and the caller ask for by header.
    # `note` is told the caller's that the host refuses.
    features = _betas(target.headers)
    for feature in _betas(call.extra_headers or {}):
        if feature in features or re.fullmatch(target.traits.get("betas", ".*"), feature):
            features.append(feature)
        else:
            note(f"{BETA}: {feature}")
    return features


def _betas(headers: Mapping[str, str]) -> list[str]:
    given = ",".join(value for name, value in headers.items() if name.lower() == BETA)
    return list(filter(None, map(str.strip, given.split(","))))
