# Token counts: every layout seen on OpenAI-shaped wires, in OpenAI's own convention.

# `prompt_tokens` includes cached input and cache writes, `completion_tokens` includes reasoning, `total_tokens` is their
# sum, and no detail is larger than what it is a part of. What the provider did not say stays absent; what it said beyond
# this (cost, timings) stays where it was.

from __future__ import annotations

from typing import Any

from lingate._dialects._counts import integer
from lingate._model import JsonDict
from lingate._wire.plain import DETAILS, PlainUsage, shaped
from lingate._wire.shapes import not_null, without

_PROMPT_DETAILS = ("prompt_tokens_details", "prompt_token_details", "input_tokens_details", "input_token_details")
_COMPLETION_DETAILS = ("completion_tokens_details", "completion_token_details", "output_tokens_details")
_CACHED = (
    "cached_tokens",
    "prompt_cache_hit_tokens",
    "num_cached_tokens",
    "cache_read_input_tokens",
    "cache_read_tokens",
)
_WRITTEN = (
    "cache_write_tokens",
    "cache_creation_tokens",
    "cache_creation_input_tokens",
    "created_cache_tokens",
    "cached_creation_tokens",
)


def canonical_usage(raw: Any) -> JsonDict | None:
    # The counts in canonical form; None where the provider gave none.
    # They may be the very dict that was given.
    if not isinstance(raw, dict) or not raw:
        return None
    plain = shaped(raw, PlainUsage)
    if plain is not None and plain.adds_up():
        return raw
    prompt = _first(raw, "prompt_tokens", "input_tokens")
    completion = _first(raw, "completion_tokens", "output_tokens")
    total = _first(raw, "total_tokens")
    prompt_details = _details(raw, _PROMPT_DETAILS)
    completion_details = _details(raw, _COMPLETION_DETAILS)
    cached = _largest(prompt_details, raw, _CACHED)
    written = _largest(prompt_details, raw, _WRITTEN)
    reasoning = _largest(completion_details, raw, ("reasoning_tokens",))

    if prompt is not None and completion is not None:
        rest = (total or 0) - prompt - completion
        behind = _largest(prompt_details, raw, ("orchestration_input_tokens",)) or 0
        if 0 < behind <= rest:
            # What models behind the model read (Sakana's Fugu), billed as the rest; what they wrote is what remains.
            prompt, rest = prompt + behind, rest - behind
            cached = (cached or 0) + (_largest(prompt_details, raw, ("orchestration_input_cached_tokens",)) or 0)
        cache = (cached or 0) + (written or 0)
        if rest > 0:
            heard = raw.get("prompt_audio_seconds") is not None or integer(prompt_details.get("audio_tokens")) == rest
            if rest != reasoning and (heard or rest == cache):
                # Audio (Mistral) and caches that are in the total alone.
                prompt += rest
                if heard:
                    prompt_details = {**prompt_details, "audio_tokens": rest}
            else:
                # Reasoning at xAI, and thinking at Gemini's OpenAI surface, which is in the total only.
                completion += rest
        if cache > prompt and "cache_read_input_tokens" in raw:
            # Anthropic's names come with Anthropic's convention, in which the prompt excludes the caches.
            prompt += cache
        if reasoning is not None and reasoning > completion:
            # Beside the answer, as in what gateways tell of Gemini; or what hosts take those same tokens for.
            completion += reasoning if reasoning > completion * 1.5 else 0
            reasoning = min(reasoning, completion)
        total = prompt + completion
    if prompt is not None:
        # Seen at Azure for Grok: the cache count includes a hidden prefix that the prompt count does not.
        cached = cached if cached is None else min(cached, prompt)
        written = written if written is None else min(written, prompt - (cached or 0))
    return _write(
        raw,
        {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total},
        (prompt_details, {"cached_tokens": cached, "cache_write_tokens": written}),
        (completion_details, {"reasoning_tokens": reasoning}),
    )


def input_usage(raw: Any) -> JsonDict | None:
    # The counts of what has no other tokens than those it reads.
    usage = canonical_usage(raw)
    if usage is not None and "prompt_tokens" not in usage and "total_tokens" in usage:
        usage["prompt_tokens"] = usage["total_tokens"]
    return usage


def _write(
    raw: JsonDict, counts: JsonDict, prompt: tuple[JsonDict, JsonDict], completion: tuple[JsonDict, JsonDict]
) -> JsonDict:
    usage = without(raw, counts)
    usage.update(not_null(counts))
    for name, (found, named) in (("prompt_tokens_details", prompt), ("completion_tokens_details", completion)):
        said = not_null(named)
        sensible = {
            key: value
            for key, value in found.items()
            if key not in DETAILS or value is None or _count(value) is not None
        }
        usage.pop(name, None)
        if sensible or said:
            usage[name] = {**sensible, **said}
    return usage


def _first(source: JsonDict, *names: str) -> int | None:
    return next((count for name in names if (count := _count(source.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    count = integer(value)
    return count if count is not None and count >= 0 else None


def _details(raw: JsonDict, names: tuple[str, ...]) -> JsonDict:
    return next((found for name in names if isinstance(found := raw.get(name), dict) and found), {})


def _largest(details: JsonDict, raw: JsonDict, names: tuple[str, ...]) -> int | None:
    # The count under whichever name it goes: some send a zero under one name and the number under another.
    counts = [count for source in (details, raw) for name in names if (count := _count(source.get(name))) is not None]
    return max(counts, default=None)
