"""Token counts, both ways. Both formats are OpenAI's and count alike; only the names differ."""

from __future__ import annotations

from typing import Any

from lingate._dialects.openai_chat.usage import canonical_usage as repaired
from lingate._model import JsonDict

_NAMES: tuple[tuple[str, str], ...] = (
    ("input_tokens", "prompt_tokens"),
    ("input_tokens_details", "prompt_tokens_details"),
    ("output_tokens", "completion_tokens"),
    ("output_tokens_details", "completion_tokens_details"),
)
_TO_CANONICAL: dict[str, str] = dict(_NAMES)
_TO_NATIVE: dict[str, str] = {canonical: native for native, canonical in _NAMES}
_REQUIRED: tuple[tuple[str, JsonDict], ...] = (
    ("input_tokens_details", {"cached_tokens": 0, "cache_write_tokens": 0}),
    ("output_tokens_details", {"reasoning_tokens": 0}),
)


def canonical_usage(native: Any) -> JsonDict | None:
    """The counts in canonical form, inconsistent ones put right; None where the provider gave none."""
    if not isinstance(native, dict) or not native:
        return None
    return repaired({_TO_CANONICAL.get(name, name): value for name, value in native.items() if value is not None})


def native_usage(usage: Any) -> JsonDict | None:
    """The counts in this format's names. Those that the format requires are 0 where nobody said."""
    if not isinstance(usage, dict) or not usage:
        return None
    counts: JsonDict = usage
    native = {_TO_NATIVE.get(name, name): value for name, value in counts.items() if value is not None}
    for group, required in _REQUIRED:
        given = native.get(group)
        native[group] = {**required, **(given if isinstance(given, dict) else {})}
    for name in ("input_tokens", "output_tokens"):
        native.setdefault(name, 0)
    native.setdefault("total_tokens", native["input_tokens"] + native["output_tokens"])
    return native
