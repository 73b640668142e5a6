"""Reasoning: `reasoning_effort` and `thinking` <-> `thinkingConfig`."""

from __future__ import annotations

from typing import Any

from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.facts import BUDGETS, LEAST_BUDGET, LEVELS
from lingate._model import JsonDict

_RANKS = {"none": 0, "minimal": 1, "low": 2, "medium": 3, "high": 4, "xhigh": 5, "max": 6}


def write_thinking(draft: Draft) -> None:
    """Write `thinkingConfig`.

    `thinking` says how many tokens, in Anthropic's words, and wins over `reasoning_effort`, which says how much.

    Raises:
        UnsupportedError: The model does not think and `drop_params` is off.
    """
    effort, thinking = draft.asked.get("reasoning_effort"), draft.asked.get("thinking")
    kept = draft.native.get("generationConfig", {}).get("thinkingConfig")
    if isinstance(kept, dict) and thinking is None and canonical_effort(kept) == effort:
        draft.config()["thinkingConfig"] = kept
        return
    if isinstance(thinking, dict):
        if effort is not None:
            draft.note("reasoning_effort (thinking is given)")
        _write_thinking(thinking, draft)
    elif effort is not None:
        _write_effort(effort, draft)


def canonical_effort(config: JsonDict) -> str | None:
    """A native `thinkingConfig` as `reasoning_effort`; None where it leaves the amount to the model."""
    level, budget = config.get("thinkingLevel"), config.get("thinkingBudget")
    if isinstance(level, str) and level.lower() in _RANKS:
        return level.lower()
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < 0:
        return None
    if budget == 0:
        return "none"
    return next((word for word in ("low", "medium") if budget <= BUDGETS[word]), "high")


def _write_thinking(thinking: JsonDict, draft: Draft) -> None:
    kind, budget = thinking.get("type"), thinking.get("budget_tokens")
    if kind == "disabled":
        _write_effort("none", draft)
    elif draft.traits.get("thinking") == "none":
        draft.refuse("thinking", "the model does not think")
    elif kind == "enabled" and isinstance(budget, int):
        draft.config()["thinkingConfig"] = {"includeThoughts": True, "thinkingBudget": budget}
    elif kind in ("enabled", "adaptive"):
        made: JsonDict = {"includeThoughts": True}
        if not draft.newest:
            made["thinkingBudget"] = -1
        draft.config()["thinkingConfig"] = made
    else:
        raise draft.broken("thinking.type", "must be enabled, adaptive or disabled")


def _write_effort(effort: Any, draft: Draft) -> None:
    way = draft.traits.get("thinking")
    if not isinstance(effort, str) or effort not in _RANKS:
        draft.refuse("reasoning_effort", f"must be one of {', '.join(_RANKS)}")
    elif way == "none":
        if effort != "none":
            draft.refuse("reasoning_effort", "the model does not think")
    elif way == "budget":
        _write_budget(effort, draft)
    else:
        level = _nearest(effort, tuple(word for word in draft.traits.get("efforts", LEVELS) if word != "none"))
        if level != effort:
            draft.note(f"reasoning_effort ({effort} was sent as {level})")
        config: JsonDict = {"thinkingLevel": level}
        if effort != "none":
            config["includeThoughts"] = True
        draft.config()["thinkingConfig"] = config


def _write_budget(effort: str, draft: Draft) -> None:
    efforts = draft.traits.get("efforts")
    if effort != "none":
        draft.config()["thinkingConfig"] = {"includeThoughts": True, "thinkingBudget": BUDGETS[effort]}
    elif efforts is None or "none" in efforts:
        draft.config()["thinkingConfig"] = {"thinkingBudget": 0}
    else:
        draft.note("reasoning_effort (the model cannot stop thinking; the least budget was sent)")
        draft.config()["thinkingConfig"] = {"thinkingBudget": LEAST_BUDGET}


def _nearest(effort: str, levels: tuple[str, ...]) -> str:
    known = [word for word in levels if word in _RANKS] or list(LEVELS)
    return min(known, key=lambda word: (abs(_RANKS[word] - _RANKS[effort]), _RANKS[word]))
