"""The other request fields: sampling, limits, kinds of output, and what has no counterpart. Canonical -> wire."""

from __future__ import annotations

from typing import Any

from lingate._dialects._params import HINTS, answer_limit, sampling, stops
from lingate._dialects.gemini.casing import camel, camelized
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.facts import BODY_FIELDS, GENERATION_FIELDS
from lingate._model import JsonDict

_NAMES = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "logit_bias": ({},),
    "prediction": (),
    "store": (False,),
    "verbosity": ("medium",),
    "parallel_tool_calls": (True,),
}
"""Values that ask for what happens anyway. Penalties of 0 are left out too, as some models refuse the mere field."""

_MISSING = {
    name: _NEUTRAL[name]
    for name in ("repetition_penalty", "logit_bias", "prediction", "store", "verbosity", "parallel_tool_calls")
}
"""Of these, fields without a counterpart."""

_WRITTEN = frozenset(
    {
        *_NAMES,
        "messages",
        "tools",
        "tool_choice",
        "web_search_options",
        "response_format",
        "thinking",
        "reasoning_effort",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "modalities",
        "audio",
        "service_tier",
        "stream",
        "stream_options",
        "model",
        "cache_control",
        "provider_specific_fields",
    }
)
"""Fields that have a place of their own on the wire, or none because they are said otherwise."""

_TIERS = {"default": "standard", "standard": "standard", "flex": "flex", "priority": "priority"}


def write_sampling(draft: Draft) -> None:
    """Write what shapes the choice of tokens, and the limit of the answer."""
    asked = sampling(draft, _NAMES)
    for name, value in asked.items():
        if name in ("n", "logprobs") or value not in _NEUTRAL.get(name, ()):
            draft.config()[_NAMES[name]] = value
    limit = answer_limit(draft)
    if limit is not None:
        draft.config()["maxOutputTokens"] = limit


def write_stop(draft: Draft) -> None:
    """Write `stopSequences`. What the wire does not take is enforced on the way back."""
    wire = stops(draft, draft.traits.get("max_stop"))
    if wire:
        draft.config()["stopSequences"] = wire


def write_output(draft: Draft) -> None:
    """Write `responseModalities` and the voice."""
    modalities = draft.asked.get("modalities")
    if modalities is not None:
        if not isinstance(modalities, list) or not all(isinstance(item, str) for item in modalities):
            raise draft.broken("modalities", "must be a list of strings")
        draft.config()["responseModalities"] = [item.upper() for item in modalities]
    audio = draft.asked.get("audio")
    kept = draft.native.get("generationConfig", {}).get("speechConfig")
    if isinstance(kept, dict) and canonical_voice(kept) == audio:
        return
    if isinstance(audio, dict) and isinstance(audio.get("voice"), str):
        draft.config()["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": audio["voice"]}}}
    if isinstance(audio, dict) and audio.get("format") not in (None, "pcm16"):
        draft.note("audio.format (the answer is pcm16)")


def canonical_voice(config: JsonDict) -> JsonDict | None:
    """A native `speechConfig` as OpenAI's `audio`; None where that cannot say it."""
    voice = config.get("voiceConfig")
    prebuilt = voice.get("prebuiltVoiceConfig") if isinstance(voice, dict) else None
    name = prebuilt.get("voiceName") if isinstance(prebuilt, dict) else None
    return {"voice": name, "format": "pcm16"} if isinstance(name, str) else None


def write_rest(draft: Draft) -> None:
    """Write native fields, leave out what has no counterpart, and pass on what we do not know."""
    tier = draft.asked.get("service_tier")
    if isinstance(tier, str) and tier in _TIERS:
        draft.body["serviceTier"] = _TIERS[tier]
    elif tier not in (None, "auto"):
        draft.refuse("service_tier", f"{tier!r:.40} is not one of {', '.join(_TIERS)}")
    for name, value in draft.asked.items():
        if name == "parallel_tool_calls" and _forces_one(draft.asked.get("tool_choice")):
            # Where one function must be called, one call of it is what nearly always comes.
            if not value:
                draft.note(name)
        elif name not in _WRITTEN and not draft.left_out(name, value, _MISSING, HINTS):
            _write_unknown(name, value, draft)
    if draft.asked.get("cache_control") is not None:
        draft.note("cache_control")


def _forces_one(choice: Any) -> bool:
    return isinstance(choice, dict) and choice.get("type", "function") == "function" and bool(choice.get("function"))


def _write_unknown(name: str, value: Any, draft: Draft) -> None:
    native = camel(name)
    if native == "generationConfig" and isinstance(value, dict):
        draft.config().update(camelized(value))
    elif native in GENERATION_FIELDS:
        draft.config()[native] = camelized({native: value})[native]
    elif native == "toolConfig" and isinstance(value, dict):
        draft.body[native] = {**draft.body.get(native, {}), **camelized(value)}
    elif native in BODY_FIELDS:
        draft.body[native] = camelized({native: value})[native]
    else:
        draft.body[name] = value
