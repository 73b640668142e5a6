"""Google takes field names in camelCase and in snake_case. Here they become camelCase, and the caller's own data stays."""

from __future__ import annotations

import re
from typing import Any

_SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")

_DATA = frozenset(
    {
        "args",
        "response",
        "labels",
        "partMetadata",
        "parametersJsonSchema",
        "responseJsonSchema",
        "default",
        "example",
        "enum",
        "const",
    }
)
"""Fields whose content is not Google's."""

_NAMED = frozenset({"properties", "defs", "$defs", "definitions"})
"""Maps whose keys are names that somebody gave."""


def camel(name: str) -> str:
    """One field name in camelCase."""
    if not _SNAKE.fullmatch(name):
        return name
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def camelized(value: Any) -> Any:
    """A copy with all field names in camelCase."""
    if isinstance(value, list):
        return [camelized(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for name, item in value.items():
        name = camel(name)
        if name in _NAMED and isinstance(item, dict):
            item = {key: camelized(inner) for key, inner in item.items()}
        elif name not in _DATA:
            item = camelized(item)
        out[name] = item
    return out
