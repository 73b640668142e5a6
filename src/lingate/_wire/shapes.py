"""Decoded JSON that may be anything, as what a reader looks for in it; and objects without some of their fields."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any


def as_dict(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_str(value: Any) -> str:
    """The value if it is text, else an empty one."""
    return value if isinstance(value, str) else ""


def dig(value: Any, *path: str) -> Any:
    """What is in a field of an object, of the object in that field, and so on; None where there is no such thing."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def without(fields: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    """The fields but those of these names."""
    return {name: value for name, value in fields.items() if name not in names}


def not_null(fields: Mapping[str, Any], but: Container[str] = ()) -> dict[str, Any]:
    """The fields that are not null, but those of these names."""
    return {name: value for name, value in fields.items() if value is not None and name not in but}
