"""Every key of the configuration with its kind, default and meaning, for the documentation. The records say it all."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from lingate.server.config.reading import hints_of

_KINDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}
_RULES = {
    "duration": "time",
    "period": "period",
    "size": "size",
    "secret": "text, secret",
    "count": "whole number",
    "amount": "number",
}
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*)$")


class Key(NamedTuple):
    """One key.

    Attributes:
        name: As it is written.
        kind: What stands behind it.
        default: What holds without it, empty where nothing does.
        meaning: What it does.
    """

    name: str
    kind: str
    default: str
    meaning: str


def keys_of(record: type) -> list[Key]:
    """The keys of a section."""
    hints, meanings = hints_of(record), _meanings(record)
    return [
        Key(item.name, _kind(hints[item.name]), _default(item, hints[item.name]), meanings.get(item.name, ""))
        for item in fields(record)
    ]


def _meanings(record: type) -> dict[str, str]:
    """What the docstrings of a record and of those it builds on say about its attributes."""
    found: dict[str, str] = {}
    for part in reversed(record.__mro__):
        text = inspect.cleandoc(part.__doc__ or "") if is_dataclass(part) else ""
        name = ""
        for line in text.partition("Attributes:\n")[2].splitlines():
            match = _ATTRIBUTE.match(line)
            if match:
                name = match[1]
                found[name] = match[2]
            elif name and line.strip():
                found[name] += f" {line.strip()}"
    return found


def _kind(wanted: Any) -> str:
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return _kind(next(part for part in parts if part is not type(None)))
    if origin is Annotated:
        return _RULES[parts[1]]
    if origin is Literal:
        return " or ".join(f"`{word}`" for word in parts)
    if origin is tuple:
        return f"list of {_kind(parts[0])}"
    if origin in (dict, Mapping):
        return "mapping"
    return "mapping" if is_dataclass(wanted) else _KINDS.get(wanted, "anything")


def _default(item: Field[Any], wanted: Any) -> str:
    value = item.default
    if value is MISSING or value is None or value == () or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if get_origin(wanted) is Annotated and get_args(wanted)[1] == "size":
        return _size(value)
    if isinstance(value, tuple):
        return ", ".join(f"`{part}`" for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _size(value: int) -> str:
    for unit, word in ((1024**3, "GB"), (1024**2, "MB"), (1024, "KB")):
        if value >= unit and value % unit == 0:
            return f"{value // unit}{word}"
    return str(value)
