# The other request fields: limits, stop sequences, tier, reasoning, sampling, and what has no counterpart. Canonical -> wire.

from __future__ import annotations

import re
from typing import Any

from lingate._dialects._claude import BETA, BUDGETS, EFFORTS, asked_betas, fitted_thinking, way_to_think
from lingate._dialects._ignorable import is_anthropics_hint, is_anthropics_own, note_others_words
from lingate._dialects._params import CACHE_HINTS, CHAT_FIELDS, answer_limit, sampling, stops
from lingate._dialects._params import NEUTRAL as _NEUTRAL
from lingate._dialects.anthropic.facts import FIELD_BETAS
from lingate._dialects.bedrock_converse.draft import Draft
from lingate._dialects.bedrock_converse.facts import TIERS, TOP_FIELDS
from lingate._dialects.bedrock_converse.tools import is_forced
from lingate._model import JsonDict
from lingate._wire.shapes import as_list

NEUTRAL = {"seed": (), **_NEUTRAL}
"""Fields without a counterpart, and the values that ask for what happens anyway."""

HINTS = ("chat_template_kwargs", *CACHE_HINTS, "user", "safety_identifier", "cache_control")
"""Fields that do not change what the answer should be: left out and reported, never an error."""

WRITTEN = CHAT_FIELDS | {
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "top_k",
    "metadata",
    "service_tier",
    "additionalModelRequestFields",
}
"""Fields that have a place of their own on the wire, or none because they are said otherwise."""

_ELSEWHERE = ("tool-search-tool-", "tool-examples-")
"""Features that this API has no place for, or refuses: "The tool-search-tool beta feature is not currently supported on the
Converse and ConverseStream APIs" (agentgateway/agentgateway#3240)."""

_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{1,256}")
_MOST_METADATA = 16


def write_limits(draft: Draft) -> None:
    # Write `maxTokens` and `stopSequences`.
    # What the wire does not take is enforced on the way back.
    limit = answer_limit(draft)
    if limit is not None:
        draft.inference()["maxTokens"] = limit
    wire = stops(draft, draft.traits.get("max_stop"), draft.family != "claude")
    if wire:
        draft.inference()["stopSequences"] = wire


def write_tier(draft: Draft) -> None:
    # Write `serviceTier`, and `requestMetadata` from metadata that fits there.
    tier = draft.asked.get("service_tier")
    if isinstance(tier, str) and tier in TIERS:
        draft.body["serviceTier"] = {"type": TIERS[tier]}
    elif tier not in (None, "auto"):
        draft.refuse("service_tier", f"{tier!r} is not one of auto, {', '.join(TIERS)}")
    metadata = draft.asked.get("metadata")
    if not isinstance(metadata, dict) or not metadata:
        return
    fits = len(metadata) <= _MOST_METADATA and all(
        isinstance(text, str) and _METADATA.fullmatch(text) for pair in metadata.items() for text in pair
    )
    if fits:
        draft.body["requestMetadata"] = metadata
    else:
        draft.note("metadata")


def write_rest(draft: Draft) -> None:
    # Leave out what has no counterpart, and pass on to the model what we do not know.
    given = draft.asked.get("additionalModelRequestFields")
    if isinstance(given, dict) and given:
        draft.body["additionalModelRequestFields"] = {**given, **draft.additional()}
    for name, value in draft.asked.items():
        own = draft.family == "claude" and is_anthropics_own(name, value)
        if name in WRITTEN or (not own and draft.left_out(name, value, NEUTRAL, HINTS)):
            continue
        if is_anthropics_hint(name, value) and draft.family != "claude":
            draft.note(name)
            continue
        if name in TOP_FIELDS:
            draft.body[name] = value
        else:
            draft.additional()[name] = value
    if draft.family == "claude":
        _write_betas(draft)
    for name, value in draft.native.get("fields", {}).items():
        draft.body.setdefault(name, value)
    note_others_words(draft.asked, draft.note)
    if not draft.body.get("additionalModelRequestFields"):
        draft.body.pop("additionalModelRequestFields", None)


def _write_betas(draft: Draft) -> None:
    # Name the features that the client asks for, and those without which Claude does not know some of its fields.
    more = draft.additional()
    features = as_list(more.get("anthropic_beta"))[:]
    for beta in asked_betas(draft.call, draft.target, draft.note):
        if beta.startswith(_ELSEWHERE):
            draft.note(f"{BETA}: {beta}")
        else:
            features.append(beta)
    features += [beta for name, beta in FIELD_BETAS.items() if more.get(name)]
    if features:
        more["anthropic_beta"] = list(dict.fromkeys(features))


REASONING_FIELDS = ("output_config", "reasoningConfig", "reasoning")
"""Fields of single models whose effort the canonical form says in its own word."""


def write_thinking(draft: Draft) -> bool:
    # Write how much the model thinks, and say whether it will, as Claude would see it.
    # `thinking` is Claude's own field: where the caller gives it and the model takes it, it is sent as given and
    # `reasoning_effort` adds no more than the effort. Call after `maxTokens`, `messages` and `toolConfig` are written.
    effort = _native_effort(draft, draft.asked.get("reasoning_effort"))
    given, effort = fitted_thinking(draft, draft.asked.get("thinking"), effort)
    if given is not None:
        draft.additional()["thinking"] = given
        if effort is not None:
            _add_effort(draft, effort)
    elif effort is not None:
        _write_effort(draft, effort)
    found = draft.body.get("additionalModelRequestFields", {}).get("thinking")
    return isinstance(found, dict) and found.get("type") in ("enabled", "adaptive")


def effort_of(fields: JsonDict) -> Any:
    # The effort that fields of this format ask for; None if they do not.
    for name, key in (("output_config", "effort"), ("reasoningConfig", "maxReasoningEffort"), ("reasoning", "effort")):
        inner = fields.get(name)
        if isinstance(inner, dict) and inner.get(key) is not None:
            return inner[key]
    return fields.get("reasoning_effort", fields.get("effort"))


def write_sampling(draft: Draft, thinking: bool) -> None:
    # Write `temperature`, `topP` and `top_k` as far as the model takes them, which is little while it thinks.
    asked = sampling(draft, thinking=thinking)
    for name, wire in (("temperature", "temperature"), ("top_p", "topP")):
        if name in asked:
            draft.inference()[wire] = asked[name]
    if "top_k" in asked:
        _write_top_k(draft, asked["top_k"])


def _native_effort(draft: Draft, effort: Any) -> Any:
    # The effort that is still to be said, after what a client of this format had said in the model's own words.
    kept = draft.native.get("effort")
    if not isinstance(kept, dict) or effort_of(kept) != effort:
        return effort
    for name, value in kept.items():
        holder = draft.output() if name == "effort" else draft.additional()
        holder[name] = value
    return None


def _write_effort(draft: Draft, effort: Any) -> None:
    if draft.traits.get("thinking") is None:
        _write_other(draft, effort)
        return
    way = way_to_think(draft, effort, is_forced, _resumes_without_thinking)
    if way == "disabled":
        draft.additional()["thinking"] = {"type": "disabled"}
    elif way == "adaptive":
        # Newer models leave the reasoning out of the answer unless asked for its summary.
        draft.additional()["thinking"] = {"type": "adaptive", "display": "summarized"}
        _add_effort(draft, effort)
    elif way == "enabled":
        _write_budget(draft, BUDGETS[effort])


def _write_other(draft: Draft, effort: Any) -> None:
    # Models other than Claude, each in its own words; one we know nothing about is told the effort as it is.
    param = draft.traits.get("reasoning_param", "reasoning_effort")
    if param == "none":
        if effort != "none":
            draft.refuse("reasoning_effort", "the model does not take it")
    elif param == "reasoning":
        draft.additional()["reasoning"] = {"effort": effort}
    elif param != "reasoning_config":
        draft.additional()["reasoning_effort"] = effort
    else:
        _write_config(draft, effort)


def _write_config(draft: Draft, effort: Any) -> None:
    # Nova's three words in an object; Qwen has two, and no way not to think.
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
    # Whether the request continues a tool turn whose assistant message has no thinking at its head.
    if len(turns) < 2 or turns[-1]["role"] != "user" or turns[-2]["role"] != "assistant":
        return False
    return "toolResult" in turns[-1]["content"][0] and "reasoningContent" not in turns[-2]["content"][0]


def _write_top_k(draft: Draft, value: Any) -> None:
    more = draft.additional()
    if draft.family == "nova":
        more["inferenceConfig"] = {**more.get("inferenceConfig", {}), "topK": value}
    else:
        more["top_k"] = value
