"""The other request fields: limits, stop sequences, tier, and what has no counterpart. Canonical -> wire."""

from __future__ import annotations

import re
from typing import Any

from lingate._dialects._params import answer_limit, stops
from lingate._dialects._strangers import is_anthropics_hint
from lingate._dialects.anthropic.facts import FIELD_BETAS
from lingate._dialects.bedrock_converse.draft import Draft
from lingate._dialects.bedrock_converse.facts import TIERS, TOP_FIELDS
from lingate._model import JsonDict

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "seed": (),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "store": (False,),
    "verbosity": ("medium",),
    "web_search_options": (),
}
"""Fields without a counterpart, and the values that ask for what happens anyway."""

HINTS = (
    "chat_template_kwargs",
    "prompt_cache_key",
    "prompt_cache_retention",
    "user",
    "safety_identifier",
    "cache_control",
)
"""Fields that do not change what the answer should be: left out and reported, never an error."""

WRITTEN = frozenset(
    {
        "messages",
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "parallel_tool_calls",
        "response_format",
        "thinking",
        "reasoning_effort",
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "metadata",
        "service_tier",
        "stream",
        "stream_options",
        "model",
        "provider_specific_fields",
        "additionalModelRequestFields",
    }
)
"""Fields that have a place of their own on the wire, or none because they are said otherwise."""

_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{1,256}")
_MOST_METADATA = 16


def write_limits(draft: Draft) -> None:
    """Write `maxTokens` and `stopSequences`. What the wire does not take is enforced on the way back."""
    limit = answer_limit(draft)
    if limit is not None:
        draft.inference()["maxTokens"] = limit
    wire = stops(draft, draft.traits.get("max_stop"))
    if draft.family == "claude" and not all(text.strip() for text in wire):
        # 400 "each stop sequence must contain non-whitespace".
        draft.note("stop (blank)")
        draft.stop = draft.stop or tuple(wire)
        wire = [text for text in wire if text.strip()]
    if wire:
        draft.inference()["stopSequences"] = wire


def write_tier(draft: Draft) -> None:
    """Write `serviceTier`, and `requestMetadata` from metadata that fits there."""
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
    """Leave out what has no counterpart, and pass on to the model what we do not know."""
    given = draft.asked.get("additionalModelRequestFields")
    if isinstance(given, dict) and given:
        draft.body["additionalModelRequestFields"] = {**given, **draft.additional()}
    for name, value in draft.asked.items():
        if name in WRITTEN or draft.left_out(name, value, NEUTRAL, HINTS):
            continue
        if is_anthropics_hint(name, value) and draft.family != "claude":
            draft.note(name)
            continue
        if name in TOP_FIELDS:
            draft.body[name] = value
        else:
            draft.additional()[name] = value
    if draft.family == "claude":
        _write_betas(draft.additional())
    for name, value in draft.native.get("fields", {}).items():
        draft.body.setdefault(name, value)
    if not draft.body.get("additionalModelRequestFields"):
        draft.body.pop("additionalModelRequestFields", None)


def _write_betas(more: JsonDict) -> None:
    """Name the features without which Claude does not know some of its fields."""
    needed = [beta for name, beta in FIELD_BETAS.items() if more.get(name)]
    if needed:
        given = more.get("anthropic_beta")
        more["anthropic_beta"] = list(dict.fromkeys([*(given if isinstance(given, list) else ()), *needed]))
