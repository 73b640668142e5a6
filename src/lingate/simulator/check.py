"""Whether a value satisfies a JSON schema: the keywords that models are asked to obey. Formats are not checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = Any
"""A mapping or a boolean; whatever else a client sent counts as no constraint."""

_MAX_DEPTH = 64


def resolve(root: Schema, reference: Any) -> Schema:
    """What a `#/...` reference points to; True (anything) for what cannot be found here."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return True
    found = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            return True
    return found


def same(left: Any, right: Any) -> bool:
    """Equality as JSON has it: 1 is 1.0, but not true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def type_of(value: Any) -> str:
    """The JSON Schema name of a value's type; whole floats are integers, as the standard has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def matches(schema: Schema, value: Any, root: Schema | None = None, depth: int = 0) -> bool:
    """Whether the value satisfies the schema. References are looked up in `root`, by default the schema itself."""
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return True
    scope = _Scope(schema, schema if root is None else root, depth + 1)
    return all(test(scope, schema[key], value) for key, test in _TESTS.items() if key in schema)


class _Scope:
    """The schema around a keyword, for keywords that look at their neighbours."""

    __slots__ = ("depth", "root", "schema")

    def __init__(self, schema: Mapping[str, Any], root: Schema, depth: int) -> None:
        self.schema = schema
        self.root = root
        self.depth = depth

    def ok(self, schema: Schema, value: Any) -> bool:
        return matches(schema, value, self.root, self.depth)


def _type(scope: _Scope, wanted: Any, value: Any) -> bool:
    names = wanted if isinstance(wanted, list) else [wanted]
    actual = type_of(value)
    nullable = scope.schema.get("nullable") is True and value is None
    return nullable or actual in names or (actual == "integer" and "number" in names)


def _properties(scope: _Scope, wanted: Any, value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(wanted, Mapping):
        return True
    return all(scope.ok(wanted[key], item) for key, item in value.items() if key in wanted)


def _pattern_properties(scope: _Scope, wanted: Any, value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(wanted, Mapping):
        return True
    pairs = ((schema, item) for pattern, schema in wanted.items() for key, item in value.items() if found(pattern, key))
    return all(scope.ok(schema, item) for schema, item in pairs)


def _property_names(scope: _Scope, wanted: Any, value: Any) -> bool:
    return not isinstance(value, dict) or all(scope.ok(wanted, name) for name in value)


def _additional(scope: _Scope, wanted: Any, value: Any) -> bool:
    if not isinstance(value, dict):
        return True
    named = scope.schema.get("properties") or {}
    patterns = scope.schema.get("patternProperties") or {}
    return all(
        scope.ok(wanted, item)
        for key, item in value.items()
        if key not in named and not any(found(pattern, key) for pattern in patterns)
    )


def _items(scope: _Scope, wanted: Any, value: Any) -> bool:
    if not isinstance(value, list):
        return True
    if isinstance(wanted, list):  # the old form of prefixItems
        return all(map(scope.ok, wanted, value))
    start = len(scope.schema.get("prefixItems") or ())
    return all(scope.ok(wanted, item) for item in value[start:])


def _prefix_items(scope: _Scope, wanted: Any, value: Any) -> bool:
    return not isinstance(value, list) or not isinstance(wanted, list) or all(map(scope.ok, wanted, value))


def _contains(scope: _Scope, wanted: Any, value: Any) -> bool:
    if not isinstance(value, list):
        return True
    count = sum(scope.ok(wanted, item) for item in value)
    most = scope.schema.get("maxContains", len(value))
    return bool(scope.schema.get("minContains", 1) <= count <= most)


def _unique(scope: _Scope, wanted: Any, value: Any) -> bool:
    if wanted is not True or not isinstance(value, list):
        return True
    return not any(same(item, other) for at, item in enumerate(value) for other in value[:at])


def _dependent_required(scope: _Scope, wanted: Any, value: Any) -> bool:
    if not isinstance(value, dict):
        return True
    return all(name in value for key, names in wanted.items() if key in value for name in names)


def _dependent_schemas(scope: _Scope, wanted: Any, value: Any) -> bool:
    return not isinstance(value, dict) or all(scope.ok(schema, value) for key, schema in wanted.items() if key in value)


def _condition(scope: _Scope, wanted: Any, value: Any) -> bool:
    branch = "then" if scope.ok(wanted, value) else "else"
    return scope.ok(scope.schema.get(branch, True), value)


def _multiple(scope: _Scope, wanted: Any, value: Any) -> bool:
    if not _number(value) or not wanted:
        return True
    if isinstance(wanted, float) or isinstance(value, float):
        quotient = value / wanted
        return bool(int(quotient) == quotient)
    return bool(value % wanted == 0)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _exclusive(bound: str, test: Callable[[Any, Any], bool]) -> _Test:
    """Both forms of exclusive bounds: a number of its own, and draft 4's flag beside the inclusive one."""

    def check(scope: _Scope, wanted: Any, value: Any) -> bool:
        if isinstance(wanted, bool):
            wanted = scope.schema.get(bound) if wanted else None
        return wanted is None or not _number(value) or test(value, wanted)

    return check


def _on(kind: type | tuple[type, ...], test: Callable[[Any, Any], bool]) -> _Test:
    """A keyword that says something about one type of value only."""

    def check(scope: _Scope, wanted: Any, value: Any) -> bool:
        return isinstance(value, bool) or not isinstance(value, kind) or test(value, wanted)

    return check


def found(pattern: str, text: str) -> bool:
    """Whether the pattern matches anywhere; a pattern Python cannot read constrains nothing."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True


_Test: TypeAlias = Callable[[_Scope, Any, Any], bool]

_TESTS: dict[str, _Test] = {
    "type": _type,
    "const": lambda scope, wanted, value: same(wanted, value),
    "enum": lambda scope, wanted, value: any(same(item, value) for item in wanted),
    "$ref": lambda scope, wanted, value: scope.ok(resolve(scope.root, wanted), value),
    "allOf": lambda scope, wanted, value: all(scope.ok(schema, value) for schema in wanted),
    "anyOf": lambda scope, wanted, value: any(scope.ok(schema, value) for schema in wanted),
    "oneOf": lambda scope, wanted, value: sum(scope.ok(schema, value) for schema in wanted) == 1,
    "not": lambda scope, wanted, value: not scope.ok(wanted, value),
    "if": _condition,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "propertyNames": _property_names,
    "required": _on(dict, lambda value, wanted: all(name in value for name in wanted)),
    "minProperties": _on(dict, lambda value, wanted: len(value) >= wanted),
    "maxProperties": _on(dict, lambda value, wanted: len(value) <= wanted),
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "items": _items,
    "prefixItems": _prefix_items,
    "contains": _contains,
    "minItems": _on(list, lambda value, wanted: len(value) >= wanted),
    "maxItems": _on(list, lambda value, wanted: len(value) <= wanted),
    "uniqueItems": _unique,
    "minLength": _on(str, lambda value, wanted: len(value) >= wanted),
    "maxLength": _on(str, lambda value, wanted: len(value) <= wanted),
    "pattern": _on(str, lambda value, wanted: found(wanted, value)),
    "minimum": _on((int, float), lambda value, wanted: value >= wanted),
    "maximum": _on((int, float), lambda value, wanted: value <= wanted),
    "exclusiveMinimum": _exclusive("minimum", lambda value, wanted: value > wanted),
    "exclusiveMaximum": _exclusive("maximum", lambda value, wanted: value < wanted),
    "multipleOf": _multiple,
}
