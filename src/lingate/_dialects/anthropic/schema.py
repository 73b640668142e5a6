"""JSON schemas in the subset that structured output takes."""

from __future__ import annotations

from typing import Any

from lingate._model import JsonDict

_REFUSED = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "contains",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
    }
)
"""Keywords that the API answers with a 400: https://docs.claude.com/en/docs/build-with-claude/structured-outputs"""

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_MAPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")


def closed(schema: Any) -> Any:
    """A copy whose objects allow no other properties, as the API demands.

    Constraints it does not take are told to the model in the description, as the official package does.
    """
    if not isinstance(schema, dict):
        return schema
    copy: JsonDict = {}
    hints: JsonDict = {}
    for key, value in schema.items():
        if _is_refused(key, value):
            hints[key] = value
        elif key in _MAPS and isinstance(value, dict):
            copy[key] = {name: closed(inner) for name, inner in value.items()}
        elif key in _LISTS and isinstance(value, list):
            copy["anyOf" if key == "oneOf" else key] = [closed(inner) for inner in value]
        else:
            copy[key] = closed(value) if key == "items" else value
    if _is_object(copy):
        if copy.get("additionalProperties"):
            hints["additionalProperties"] = copy["additionalProperties"]
        copy["additionalProperties"] = False
    if hints:
        told = "{" + ", ".join(f"{key}: {value}" for key, value in hints.items()) + "}"
        copy["description"] = f"{copy['description']}\n\n{told}" if copy.get("description") else told
    return copy


def without_keys(value: Any, keys: tuple[str, ...]) -> Any:
    """A copy without some keywords, at every depth; properties that happen to have such a name stay."""
    if isinstance(value, list):
        return [without_keys(inner, keys) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: without_keys(item, keys) for name, item in inner.items()}
        if key in _MAPS and isinstance(inner, dict)
        else without_keys(inner, keys)
        for key, inner in value.items()
        if key not in keys
    }


def _is_refused(key: str, value: Any) -> bool:
    if key == "minItems":
        return value not in (0, 1)
    if key == "format":
        return value not in _FORMATS
    return key in _REFUSED


def _is_object(schema: JsonDict) -> bool:
    kind = schema.get("type", "object" if "properties" in schema else None)
    return kind == "object" or (isinstance(kind, list) and "object" in kind)
