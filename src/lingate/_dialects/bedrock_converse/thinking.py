"""Reasoning and sampling: canonical -> wire. They are one matter, since thinking rules out most sampling."""

from __future__ import annotations

from typing import Any

from lingate._dialects._claude import limit_for_thinking
from lingate._dialects._params import sampling
from lingate._dialects.anthropic.facts import BUDGETS, EFFORTS
from lingate._dialects.bedrock_converse.draft import Draft
from lingate._dialects.bedrock_converse.tools import is_forced
from lingate._model import JsonDict

REASONING_FIELDS = ("output_config", "reasoningConfig", "reasoning")
"""Fields of single models whose effort the canonical form says in its own word."""


def write_thinking(draft: Draft) -> bool:
    """Write how much the model thinks, and say whether it will, as Claude would see it.

    `thinking` is Claude's own field: where the caller gives it, it is sent as given and `reasoning_effort` adds no more
    than the effort. Call after `maxTokens`, `messages` and `toolConfig` are written.
    """
    effort = _native_effort(draft, draft.asked.get("reasoning_effort"))
    given = draft.asked.get("thinking")
    if given is not None:
        draft.additional()["thinking"] = given
        if effort is not None:
            _add_effort(draft, effort)
    elif effort is not None:
        _write_effort(draft, effort)
    found = draft.body.get("additionalModelRequestFields", {}).get("thinking")
    return isinstance(found, dict) and found.get("type") in ("enabled", "adaptive")


def effort_of(fields: JsonDict) -> Any:
    """The effort that fields of this format ask for; None if they do not."""
    for name, key in (("output_config", "effort"), ("reasoningConfig", "maxReasoningEffort"), ("reasoning", "effort")):
        inner = fields.get(name)
        if isinstance(inner, dict) and inner.get(key) is not None:
            return inner[key]
    return fields.get("reasoning_effort", fields.get("effort"))


def write_sampling(draft: Draft, thinking: bool) -> None:
    """Write `temperature`, `topP` and `top_k` as far as the model takes them."""
    asked = sampling(draft, ("temperature", "top_p", "top_k"))
    if thinking:
        limit_for_thinking(draft, asked)
    for name, wire in (("temperature", "temperature"), ("top_p", "topP")):
        if name in asked:
            draft.inference()[wire] = asked[name]
    if "top_k" in asked:
        _write_top_k(draft, asked["top_k"])


def _native_effort(draft: Draft, effort: Any) -> Any:
    """The effort that is still to be said, after what a client of this format had said in the model's own words."""
    kept = draft.native.get("effort")
    if not isinstance(kept, dict) or effort_of(kept) != effort:
        return effort
    for name, value in kept.items():
        holder = draft.output() if name == "effort" else draft.additional()
        holder[name] = value
    return None


def _write_effort(draft: Draft, effort: Any) -> None:
    way = draft.traits.get("thinking")
    if way is None:
        _write_other(draft, effort)
    elif effort == "none":
        if way != "none":
            draft.additional()["thinking"] = {"type": "disabled"}
    elif effort not in (*EFFORTS,):
        draft.refuse("reasoning_effort", f"must be none or one of {', '.join(EFFORTS)}")
    elif way == "none":
        draft.refuse("reasoning_effort", "the model does not think")
    elif is_forced(draft):
        # 400 "Thinking may not be enabled when tool_choice forces tool use", in both ways of thinking.
        draft.note("reasoning_effort (tool_choice forces a tool)")
    elif way == "adaptive":
        # Newer models leave the reasoning out of the answer unless asked for its summary.
        draft.additional()["thinking"] = {"type": "adaptive", "display": "summarized"}
        _add_effort(draft, effort)
    elif _resumes_without_thinking(draft.body["messages"]):
        # 400 "Expected `thinking` or `redacted_thinking`, but found `tool_use`": the turn began without thinking.
        draft.note("reasoning_effort (the tool turn in progress has no thinking blocks)")
    else:
        _write_budget(draft, BUDGETS[effort])


def _write_other(draft: Draft, effort: Any) -> None:
    """Models other than Claude, each in its own words; one we know nothing about is told the effort as it is."""
    param = draft.traits.get("reasoning_param", "reasoning_effort")
    if param == "none":
        draft.refuse("reasoning_effort", "the model does not take it")
    elif param == "reasoning":
        draft.additional()["reasoning"] = {"effort": effort}
    elif param != "reasoning_config":
        draft.additional()["reasoning_effort"] = effort
    else:
        _write_config(draft, effort)


def _write_config(draft: Draft, effort: Any) -> None:
    """Nova's three words in an object; Qwen has two, and no way not to think."""
    nova = draft.family == "nova"
    if effort == "none":
        if nova:
            draft.additional()["reasoningConfig"] = {"type": "disabled"}
        else:
            draft.refuse("reasoning_effort", "the model always thinks")
        return
    word = {"minimal": "low", "medium": "medium" if nova else "high", "xhigh": "high", "max": "high"}.get(
        effort, effort
    )
    if word != effort:
        draft.note(f"reasoning_effort={effort} (sent as {word})")
    if nova:
        draft.additional()["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": word}
    else:
        draft.additional()["reasoning_config"] = word


def _add_effort(draft: Draft, effort: Any) -> None:
    if draft.traits.get("thinking") != "adaptive" or effort not in (*EFFORTS,):
        draft.note("reasoning_effort")
        return
    if EFFORTS[effort] != effort:
        draft.note(f"reasoning_effort={effort} (sent as {EFFORTS[effort]})")
    draft.additional()["output_config"] = {"effort": EFFORTS[effort]}


def _write_budget(draft: Draft, budget: int) -> None:
    draft.additional()["thinking"] = {"type": "enabled", "budget_tokens": budget}
    limit = draft.body.get("inferenceConfig", {}).get("maxTokens")
    if isinstance(limit, int) and limit <= budget:
        draft.inference()["maxTokens"] = budget + limit
        draft.note(f"max_tokens (raised from {limit} to {budget + limit}, since it includes {budget} for thinking)")


def _resumes_without_thinking(turns: list[Any]) -> bool:
    """Whether the request continues a tool turn whose assistant message has no thinking at its head."""
    if len(turns) < 2 or turns[-1]["role"] != "user" or turns[-2]["role"] != "assistant":
        return False
    return "toolResult" in turns[-1]["content"][0] and "reasoningContent" not in turns[-2]["content"][0]


def _write_top_k(draft: Draft, value: Any) -> None:
    more = draft.additional()
    if draft.family == "nova":
        more["inferenceConfig"] = {**more.get("inferenceConfig", {}), "topK": value}
    else:
        more["top_k"] = value
