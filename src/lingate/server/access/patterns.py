"""Names with `*` in them, as lists of models and routes use them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Whether a name is meant by a pattern; `*` stands for anything, also for nothing."""
    if "*" not in pattern:
        return pattern == name
    return pattern == "*" or _compiled(pattern).fullmatch(name) is not None


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """Whether one of the patterns means this name."""
    return any(matches(pattern, name) for pattern in patterns)
