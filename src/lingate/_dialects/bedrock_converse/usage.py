# Token counts, both ways.

# Bedrock's `inputTokens` leaves caches out, OpenAI's `prompt_tokens` includes them. What the provider did not say stays
# absent; fields that only one side knows are carried along.

from __future__ import annotations

from typing import Any

from lingate._dialects._counts import COUNTS, beside_caches, integer, usage_beside_caches
from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, as_dicts, without

_READ = ("cacheReadInputTokens", "cacheReadInputTokenCount")
_WRITTEN = ("cacheWriteInputTokens", "cacheWriteInputTokenCount")
"""The second names are those that Nova's own format has, and that Converse sends beside the first."""

_NATIVE = frozenset({"inputTokens", "outputTokens", "totalTokens", *_READ, *_WRITTEN})
_CANONICAL = COUNTS | {"cache_creation"}


def canonical_usage(native: JsonDict) -> JsonDict:
    # Bedrock's counts in OpenAI's convention.
    read, written = _first(native, _READ), _first(native, _WRITTEN)
    fresh, output = integer(native.get("inputTokens")), integer(native.get("outputTokens"))
    usage = usage_beside_caches(fresh, output, read, written)
    usage.update(without(native, _NATIVE))
    if lasting := as_dicts(native.get("cacheDetails")):
        # An hour costs more than five minutes.
        usage["cache_creation"] = {
            f"ephemeral_{item.get('ttl')}_input_tokens": item.get("inputTokens") for item in lasting
        }
    return usage


def native_usage(usage: Any) -> JsonDict:
    # OpenAI's counts in Bedrock's convention.
    # The three counts the format requires are 0 where nobody said.
    usage = as_dict(usage)
    fresh, read, written = beside_caches(usage)
    prompt, output = integer(usage.get("prompt_tokens")) or 0, integer(usage.get("completion_tokens")) or 0
    native: JsonDict = {"inputTokens": fresh, "outputTokens": output, "totalTokens": prompt + output}
    if read is not None:
        native["cacheReadInputTokens"] = read
    if written is not None:
        native["cacheWriteInputTokens"] = written
    native.update(without(usage, _CANONICAL))
    return native


def _first(native: JsonDict, names: tuple[str, ...]) -> int | None:
    return next((found for name in names if (found := integer(native.get(name))) is not None), None)
