# The other request fields: sampling, limits, kinds of output, reasoning, and what has no counterpart. Canonical -> wire.

from __future__ import annotations

from typing import Any

from lingate._dialects._check import are_texts
from lingate._dialects._ignorable import KEPT_ELSEWHERE, note_others_words
from lingate._dialects._params import CHAT_FIELDS, HINTS, NEUTRAL, answer_limit, sampling, stops
from lingate._dialects.gemini.casing import camel, camelized
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.facts import BODY_FIELDS, BUDGETS, GENERATION_FIELDS, LEAST_BUDGET, LEVELS, NAME
from lingate._model import JsonDict
from lingate._wire.shapes import dig, without

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

_NEUTRAL = without(NEUTRAL, KEPT_ELSEWHERE)
"""Values that ask for what happens anyway. Penalties of 0 are left out too, as some models refuse the mere field."""

_WRITTEN = CHAT_FIELDS | {*_NAMES, "web_search_options", "modalities", "audio", "service_tier", "cache_control"}
"""Fields that have a place of their own on the wire, or none because they are said otherwise."""

_TIERS = {"default": "standard", "standard": "standard", "flex": "flex", "priority": "priority"}


def write_sampling(draft: Draft) -> None:
    # Write what shapes the choice of tokens, and the limit of the answer.
    asked = sampling(draft, _NAMES)
    for name, value in asked.items():
        if name in ("n", "logprobs") or value not in _NEUTRAL.get(name, ()):
            draft.config()[_NAMES[name]] = value
    limit = answer_limit(draft)
    if limit is not None:
        draft.config()["maxOutputTokens"] = limit


def write_stop(draft: Draft) -> None:
    # Write `stopSequences`.
    # What the wire does not take is enforced on the way back.
    wire = stops(draft, draft.traits.get("max_stop"))
    if wire:
        draft.config()["stopSequences"] = wire


def write_output(draft: Draft) -> None:
    modalities = draft.asked.get("modalities")
    if modalities is not None:
        if not are_texts(modalities):
            raise draft.broken("modalities", "must be a list of strings")
        draft.config()["responseModalities"] = [item.upper() for item in modalities]
    audio = draft.asked.get("audio")
    kept = draft.native.get("generationConfig", {}).get("speechConfig")
    if isinstance(kept, dict) and canonical_voice(kept) == audio:
        return
    if isinstance(audio, dict) and not isinstance(audio.get("voice", ""), str):
        draft.note("audio.voice")
    elif isinstance(audio, dict) and "voice" in audio:
        draft.config()["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": audio["voice"]}}}
    if isinstance(audio, dict) and audio.get("format") not in (None, "pcm16"):
        draft.note("audio.format (the answer is pcm16)")


def canonical_voice(config: JsonDict) -> JsonDict | None:
    # A native `speechConfig` as OpenAI's `audio`; None where that cannot say it.
    name = dig(config, "voiceConfig", "prebuiltVoiceConfig", "voiceName")
    return {"voice": name, "format": "pcm16"} if isinstance(name, str) else None


def write_rest(draft: Draft) -> None:
    # Write native fields, leave out what has no counterpart, and pass on what we do not know.
    tier = draft.asked.get("service_tier")
    if isinstance(tier, str) and tier in _TIERS:
        draft.body["serviceTier"] = _TIERS[tier]
    elif tier not in (None, "auto"):
        draft.refuse("service_tier", f"{tier!r:.40} is not one of {', '.join(_TIERS)}")
    if "store" in draft.asked and not draft.traits.get("google_cloud"):
        draft.body["store"] = draft.asked.pop("store")
    for name, value in draft.asked.items():
        if name not in _WRITTEN and not draft.left_out(name, value, _NEUTRAL, HINTS):
            _write_unknown(name, value, draft)
    if draft.asked.get("cache_control") is not None:
        draft.note("cache_control")
    note_others_words(draft.asked, draft.note, NAME)


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


_RANKS = {"none": 0, "minimal": 1, "low": 2, "medium": 3, "high": 4, "xhigh": 5, "max": 6}


def write_thinking(draft: Draft) -> None:
    # `thinking` may say how many tokens, in Anthropic's words, and then wins over `reasoning_effort`, which says how much.
    effort, thinking = draft.asked.get("reasoning_effort"), draft.asked.get("thinking")
    kept = draft.native.get("generationConfig", {}).get("thinkingConfig")
    if isinstance(kept, dict) and thinking is None and canonical_effort(kept) == effort:
        draft.config()["thinkingConfig"] = kept
        return
    if isinstance(thinking, dict) and (effort is None or thinking.get("type") != "adaptive"):
        if effort is not None:
            draft.note("reasoning_effort (thinking is given)")
        _write_thinking(thinking, draft)
    elif effort is not None:
        _write_effort(effort, draft)


def canonical_effort(config: JsonDict) -> str | None:
    # A native `thinkingConfig` as `reasoning_effort`; None where it leaves the amount to the model.
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
    if kind == "disabled" or (kind == "enabled" and budget == 0):  # 0 is LiteLLM's and Google's way to say it
        _write_effort("none", draft)
    elif draft.traits.get("thinking") == "none":
        draft.refuse("thinking", "the model does not think")
    elif kind == "enabled" and isinstance(budget, int) and not draft.traits.get("budgets", True):
        draft.note("thinking.budget_tokens")
        _write_effort(canonical_effort({"thinkingBudget": budget}) or "high", draft)
    elif kind == "enabled" and isinstance(budget, int):
        draft.config()["thinkingConfig"] = {"includeThoughts": True, "thinkingBudget": budget}
    elif kind in ("enabled", "adaptive", "between_tools"):
        made: JsonDict = {"includeThoughts": True}
        if not draft.newest:
            made["thinkingBudget"] = -1
        draft.config()["thinkingConfig"] = made
    else:
        raise draft.broken("thinking.type", "must be enabled, adaptive, between_tools or disabled")


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
