# What a request says about the cache: LiteLLM's `cache` field, and the header that HTTP has for it.

from __future__ import annotations

import math
from typing import Any

from lingate._model import Record
from lingate._wire.shapes import is_number
from lingate.errors import BadRequestError

LONGEST = 30 * 86400.0
"""Longest time that a caller may have an answer kept, in seconds."""

_KNOWN = ("no-cache", "no-store", "ttl", "s-maxage", "namespace", "use-cache")
_MOST_NAMESPACE = 200


class Control(Record):
    # What one request wants of the cache.

    read: bool = True
    """It may be answered from the cache."""
    write: bool = True
    """Its answer may be kept."""
    ttl: float | None = None
    """For how many seconds, None for the owner's choice."""
    max_age: float | None = None
    """It is content with answers of at most this age, in seconds."""
    namespace: str = ""
    """It shares answers only with requests that say the same."""
    wanted: bool = False
    """It asks for the cache, where that is off by default."""


def control_of(field: Any, header: str | None) -> Control:
    # What a request wants.
    # Raises BadRequestError: The field is not what it must be; the message says where.
    control = Control()
    if header is not None:
        _read_header(header, control)
    if field is not None:
        _read_field(field, control)
    return control


def _read_header(header: str, control: Control) -> None:
    # Directives that mean nothing here are passed over, as HTTP wants it.
    for directive in header.lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name == "no-cache":
            control.read = False
        elif name == "no-store":
            control.write = False
        elif name == "max-age" and value.isdecimal() and len(value) < 10:
            control.max_age = float(value)


def _read_field(field: Any, control: Control) -> None:
    if not isinstance(field, dict):
        raise BadRequestError("cache: must be an object, such as {'no-cache': true}")
    for name in field:
        if name not in _KNOWN:
            raise BadRequestError(f"cache: has no {name!r:.60}; it may hold {', '.join(_KNOWN)}")
    if _flag(field, "no-cache"):
        control.read = False
    if _flag(field, "no-store"):
        control.write = False
    control.wanted = _flag(field, "use-cache")
    control.ttl = _seconds(field, "ttl")
    max_age = _seconds(field, "s-maxage")
    control.max_age = control.max_age if max_age is None else max_age
    namespace = field.get("namespace") or ""
    if not isinstance(namespace, str) or len(namespace) > _MOST_NAMESPACE:
        raise BadRequestError(f"cache.namespace: must be a text of at most {_MOST_NAMESPACE} characters")
    control.namespace = namespace


def _flag(field: dict[str, Any], name: str) -> bool:
    value = field.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise BadRequestError(f"cache.{name}: must be true or false")


def _seconds(field: dict[str, Any], name: str) -> float | None:
    value = field.get(name)
    if value is None:
        return None
    if not is_number(value) or not 0 <= value < math.inf:
        raise BadRequestError(f"cache.{name}: must be a number of seconds from 0")
    return float(min(value, LONGEST))
