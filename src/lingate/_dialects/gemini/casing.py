# Google takes field names in camelCase and in snake_case. Here they become camelCase, and the caller's own data stays.

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
        "schema",
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
    if not _SNAKE.fullmatch(name):
        return name
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def is_camelized(value: dict[str, Any]) -> bool:
    # Whether `camelized` would change nothing, which is found out in half the time.
    for name, item in value.items():
        if "_" in name:
            return False
        if isinstance(item, dict):
            if name not in _DATA and not is_camelized(item):
                return False
        elif isinstance(item, list) and name not in _DATA:
            for inner in item:
                if isinstance(inner, (dict, list)) and not (isinstance(inner, dict) and is_camelized(inner)):
                    return False
    return True


def camelized(value: Any) -> Any:
    # A copy with all field names in camelCase.
    if isinstance(value, list):
        return list(map(camelized, value))
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for name, item in value.items():
        if "_" in name:
            name = camel(name)
        if isinstance(item, list):
            out[name] = item if name in _DATA else list(map(camelized, item))
        elif isinstance(item, dict) and name not in _DATA:
            named = name in _NAMED
            out[name] = {key: camelized(inner) for key, inner in item.items()} if named else camelized(item)
        else:
            out[name] = item
    return out
