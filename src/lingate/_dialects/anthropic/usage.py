# Token counts, both ways.

# Anthropic's `input_tokens` leaves caches out, OpenAI's `prompt_tokens` includes them. What the provider did not say
# stays absent; fields that only one side knows are carried along.

from __future__ import annotations

from typing import Any

from lingate._dialects._counts import COUNTS, beside_caches, integer, usage_beside_caches
from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, not_null, without

_NATIVE = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens_details",
)
_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_OPENAI_DETAILS = (
    "reasoning_tokens",
    "audio_tokens",
    "image_tokens",
    "text_tokens",
    "accepted_prediction_tokens",
    "rejected_prediction_tokens",
)


def canonical_usage(native: JsonDict) -> JsonDict:
    # Anthropic's counts in OpenAI's convention.
    read = integer(native.get("cache_read_input_tokens"))
    written = _written(native)
    fresh = integer(native.get("input_tokens"))
    output = integer(native.get("output_tokens"))
    usage = usage_beside_caches(fresh, output, read, written)
    thinking = native.get("output_tokens_details")
    if isinstance(thinking, dict):
        usage["completion_tokens_details"] = {
            ("reasoning_tokens" if name == "thinking_tokens" else name): count
            for name, count in thinking.items()
            if count is not None
        }
    usage.update(without(native, _NATIVE))
    return usage


def native_usage(usage: Any) -> JsonDict:
    # OpenAI's counts in Anthropic's convention.
    # The two counts the format requires are 0 where nobody said.
    usage = as_dict(usage)
    fresh, read, written = beside_caches(usage)
    native: JsonDict = {"input_tokens": fresh}
    if written is not None:
        native["cache_creation_input_tokens"] = written
    if read is not None:
        native["cache_read_input_tokens"] = read
    native["output_tokens"] = integer(usage.get("completion_tokens")) or 0
    spent = usage.get("completion_tokens_details")
    if isinstance(spent, dict):
        thinking = without(spent, _OPENAI_DETAILS)
        if integer(spent.get("reasoning_tokens")) is not None:
            thinking["thinking_tokens"] = spent["reasoning_tokens"]
        if thinking:
            native["output_tokens_details"] = thinking
    native.update(without(usage, COUNTS))
    return native


def merged_usage(before: JsonDict, after: JsonDict) -> JsonDict:
    # Native counts of a stream so far: later ones are totals, and what they leave out stays as it was.
    after = not_null(after)
    if not any(after.get(name) for name in _INPUT):
        # Servers that have no null say 0 of all input, where they mean that they have said it before.
        after = without(after, before.keys() & _INPUT)
    merged = {**before, **after}
    moved = merged.get("cache_creation_input_tokens") != before.get("cache_creation_input_tokens")
    if moved and "cache_creation" not in after:
        # The split by lifetime came with the first count and no longer adds up to the new one (seen with compaction). Where all
        # had one, what came later has it too.
        split = [name for name, count in as_dict(merged.pop("cache_creation", None)).items() if count]
        if len(split) == 1 and (total := merged["cache_creation_input_tokens"]):
            merged["cache_creation"] = {split[0]: total}
    return merged


def _written(native: JsonDict) -> int | None:
    total = integer(native.get("cache_creation_input_tokens"))
    split = native.get("cache_creation")
    if total is not None or not isinstance(split, dict):
        return total
    counts = [count for count in map(integer, split.values()) if count is not None]
    return sum(counts) if counts else None
