# Names with `*` in them, as model lists, keys and routes use them.

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    # The pattern as a regular expression for `fullmatch`; what stands for each `*` is a group.
    return re.compile(re.escape(pattern).replace(r"\*", "(.*)"), re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    # Whether a name is meant by a pattern; `*` stands for anything, also for nothing.
    if "*" not in pattern:
        return pattern == name
    return pattern == "*" or compiled(pattern).fullmatch(name) is not None


def matches_any(patterns: Iterable[str], name: str) -> bool:
    return any(matches(pattern, name) for pattern in patterns)
