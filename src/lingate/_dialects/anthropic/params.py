"""The other request fields: limits, stop sequences, user, tier, and what has no counterpart. Canonical -> wire."""

from __future__ import annotations

import re
from typing import Any

from lingate._dialects.anthropic.draft import Draft
from lingate._dialects.anthropic.facts import FAST_BETA, FIELD_BETAS, SKILLS_BETA

_NEUTRAL: dict[str, tuple[Any, ...]] = {
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
}
"""Fields without a counterpart, and the values that ask for what happens anyway."""

_HINTS = ("chat_template_kwargs", "prompt_cache_key", "prompt_cache_retention")
"""Fields that do not change what the answer should be: left out and reported, never an error."""

_WRITTEN = frozenset(
    {
        "messages",
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "parallel_tool_calls",
        "web_search_options",
        "response_format",
        "thinking",
        "reasoning_effort",
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "user",
        "safety_identifier",
        "metadata",
        "service_tier",
        "stream",
        "stream_options",
        "model",
        "provider_specific_fields",
    }
)
"""Fields that have a place of their own on the wire, or none because they are said otherwise."""

_VALUE_RULE = re.compile(r"(\w+)(>|=)(.+)")

_TIERS = {"auto": "auto", "priority": "auto", "default": "standard_only", "standard_only": "standard_only"}


def refuse_for_provider(draft: Draft) -> None:
    """Leave out what the row says this provider refuses: a field (`top_k`) or some of its values (`n>1`, `a=b`)."""
    for rule in draft.target.row.unsupported:
        match = _VALUE_RULE.fullmatch(rule)
        name, sign, limit = match.groups() if match else (rule, "", "")
        value = draft.asked.get(name)
        if value is None or value in _NEUTRAL.get(name, ()) or not _is_ruled_out(value, sign, limit):
            continue
        draft.refuse(name, "the provider refuses it")
        del draft.asked[name]


def _is_ruled_out(value: Any, sign: str, limit: str) -> bool:
    if sign == ">":
        return isinstance(value, (int, float)) and value > float(limit)
    return sign == "" or str(value) == limit


def write_limit(draft: Draft) -> None:
    """Write `max_tokens`, which the format requires."""
    asked = draft.asked.get("max_completion_tokens", draft.asked.get("max_tokens"))
    draft.body["max_tokens"] = draft.traits.get("default_max_tokens", 4096) if asked is None else asked


def write_stop(draft: Draft) -> None:
    """Write `stop_sequences`. What the wire does not take is enforced on the way back."""
    asked = draft.asked.get("stop")
    asked = [asked] if isinstance(asked, str) else asked or []
    if not isinstance(asked, list) or not all(isinstance(text, str) for text in asked):
        raise draft.broken("stop", "must be a string or a list of strings")
    wire = [text for text in asked if text.strip()]
    for n, text in enumerate(asked):
        if not text.strip():
            # 400 "each stop sequence must contain non-whitespace".
            draft.note(f"stop[{n}] (blank)")
    limit = draft.traits.get("max_stop")
    if limit is not None and len(wire) > limit:
        draft.note(f"stop[{limit}:]")
        wire = wire[:limit]
    if wire:
        draft.body["stop_sequences"] = wire
    everything = tuple(text for text in asked if text)
    draft.stop = everything if len(everything) > len(wire) else ()


def write_identity(draft: Draft) -> None:
    """Write `metadata.user_id` and `service_tier`."""
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
    """Leave out what has no counterpart, and pass on what we do not know."""
    for name, value in draft.asked.items():
        if name not in _WRITTEN and not draft.left_out(name, value, _NEUTRAL, _HINTS):
            draft.body[name] = value
    _need_betas(draft)


def _need_betas(draft: Draft) -> None:
    for name in ("mcp_servers", "context_management"):
        if draft.body.get(name):
            draft.need(FIELD_BETAS[name])
    if draft.body.get("speed") == "fast":
        draft.need(FAST_BETA)
    container = draft.body.get("container")
    if isinstance(container, dict) and container.get("skills"):
        draft.need(SKILLS_BETA)
