# Decoded JSON that may be anything, as what a reader looks for in it; and objects without some of their fields.

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any, TypeGuard


def as_dict(value: Any) -> dict[str, Any]:
    # The value if it is an object, else an empty one.
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def as_dicts(value: Any) -> list[dict[str, Any]]:
    # The objects in a list; none where it is no list.
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def is_number(value: Any) -> TypeGuard[float]:
    # Whether the value is a number, which in JSON neither true nor false is.
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def dig(value: Any, *path: str) -> Any:
    # What is in a field of an object, of the object in that field, and so on; None where there is no such thing.
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def pointed(root: Any, reference: str) -> Any:
    # What `#/...` refers to, as RFC 6901 has it; None where there is no such thing.
    from urllib.parse import unquote

    for step in reference.split("/")[1:]:
        if isinstance(root, list) and step.isdecimal():
            root = root[int(step)] if int(step) < len(root) else None
        else:
            root = dig(root, unquote(step).replace("~1", "/").replace("~0", "~"))
    return root


def without(fields: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def not_null(fields: Mapping[str, Any], but: Container[str] = ()) -> dict[str, Any]:
    # The fields that are not null, but those of these names.
    return {name: value for name, value in fields.items() if value is not None and name not in but}


_STEP = re.compile(r"([^.\[\]]+)|\[(\*|\d+)\]")
"""One step of a path into an object: a name, or the place of an entry, `*` for all of them."""
PATH = re.compile(r"[^.\[\]]+(\.[^.\[\]]+|\[(\*|\d+)\])*")
"""A whole path, as `drop` takes it."""


def drop(fields: dict[str, Any], path: str) -> None:
    # Take out what a path leads to: `temperature`, `tools[*].function.strict`, `messages[0].name`.
    #
    # What is inside of a field is copied before it is changed: it may belong to a caller.
    first, *rest = [name or mark for name, mark in _STEP.findall(path)] or [""]
    if not rest:
        fields.pop(first, None)
    elif first in fields:
        fields[first] = _less(fields[first], rest)


def _less(value: Any, steps: list[str]) -> Any:
    step, rest = steps[0], steps[1:]
    if isinstance(value, Mapping):
        if not rest:
            return without(value, (step,))
        return {key: _less(item, rest) if key == step else item for key, item in value.items()}
    if isinstance(value, list):
        kept = ((item, step in ("*", str(index))) for index, item in enumerate(value))
        return [_less(item, rest) if rest and chosen else item for item, chosen in kept if rest or not chosen]
    return value
