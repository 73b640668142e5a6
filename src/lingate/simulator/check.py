# Whether a value satisfies a JSON schema (the keywords that models are asked to obey; formats are not checked), and strings
# for the part of regular expressions that schemas use.

from __future__ import annotations

import operator
import re
import string
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from lingate._wire.shapes import as_dict, as_list, pointed

Schema = Any
"""A mapping or a boolean; whatever else a client sent counts as no constraint."""

_MAX_DEPTH = 64


def resolve(root: Schema, reference: Any) -> Schema:
    # What a `#/...` reference points to; True (anything) for what cannot be found here.
    found = pointed(root, reference) if isinstance(reference, str) and reference.startswith("#") else None
    return True if found is None else found


def same(left: Any, right: Any) -> bool:
    # Equality as JSON has it: 1 is 1.0, but not true.
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


_TYPES = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}


def type_of(value: Any) -> str:
    # The JSON Schema name of a value's type; whole floats are integers, as the standard has it.
    return "integer" if isinstance(value, float) and value.is_integer() else _TYPES.get(type(value), "object")


def matches(schema: Schema, value: Any, root: Schema | None = None, depth: int = 0) -> bool:
    # Whether the value satisfies the schema.
    # References are looked up in `root`, by default the schema itself.
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return True
    scope = _Scope(schema, schema if root is None else root, depth + 1)
    tests = {**_ANY_TESTS, **_TYPE_TESTS.get(type_of(value), {})}
    return all(test(scope, schema[key], value) for key, test in tests.items() if key in schema)


class _Scope(NamedTuple):
    # The schema around a keyword, for keywords that look at their neighbours.

    schema: Mapping[str, Any]
    root: Schema
    depth: int

    def ok(self, schema: Schema, value: Any) -> bool:
        return matches(schema, value, self.root, self.depth)


def _type(scope: _Scope, wanted: Any, value: Any) -> bool:
    names = wanted if isinstance(wanted, list) else [wanted]
    actual = type_of(value)
    nullable = scope.schema.get("nullable") is True and value is None
    return nullable or actual in names or (actual == "integer" and "number" in names)


def _additional(scope: _Scope, wanted: Any, value: Any) -> bool:
    named = scope.schema.get("properties") or {}
    patterns = scope.schema.get("patternProperties") or {}
    return all(
        scope.ok(wanted, item)
        for key, item in value.items()
        if key not in named and not any(found(pattern, key) for pattern in patterns)
    )


def _items(scope: _Scope, wanted: Any, value: Any) -> bool:
    if isinstance(wanted, list):  # the old form of prefixItems
        return all(map(scope.ok, wanted, value))
    start = len(scope.schema.get("prefixItems") or ())
    return all(scope.ok(wanted, item) for item in value[start:])


def _contains(scope: _Scope, wanted: Any, value: Any) -> bool:
    count = sum(scope.ok(wanted, item) for item in value)
    most = scope.schema.get("maxContains", len(value))
    return bool(scope.schema.get("minContains", 1) <= count <= most)


def _condition(scope: _Scope, wanted: Any, value: Any) -> bool:
    branch = "then" if scope.ok(wanted, value) else "else"
    return scope.ok(scope.schema.get(branch, True), value)


def _multiple(scope: _Scope, wanted: Any, value: Any) -> bool:
    if isinstance(wanted, float) or isinstance(value, float):
        return not wanted or float(value / wanted).is_integer()
    return not wanted or bool(value % wanted == 0)


def _exclusive(bound: str, test: Callable[[Any, Any], bool]) -> _Test:
    # Both forms of exclusive bounds: a number of its own, and draft 4's flag beside the inclusive one.
    def check(scope: _Scope, wanted: Any, value: Any) -> bool:
        if isinstance(wanted, bool):
            wanted = scope.schema.get(bound) if wanted else None
        return wanted is None or test(value, wanted)

    return check


def _at_least(scope: _Scope, least: Any, value: Any) -> bool:
    return bool((value if isinstance(value, int | float) else len(value)) >= least)


def _at_most(scope: _Scope, most: Any, value: Any) -> bool:
    return bool((value if isinstance(value, int | float) else len(value)) <= most)


def found(pattern: str, text: str) -> bool:
    # Whether the pattern matches anywhere; a pattern Python cannot read constrains nothing.
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True


_Test = Callable[[_Scope, Any, Any], bool]

_ANY_TESTS: dict[str, _Test] = {
    "type": _type,
    "const": lambda scope, wanted, value: same(wanted, value),
    "enum": lambda scope, wanted, value: any(same(item, value) for item in wanted),
    "$ref": lambda scope, wanted, value: scope.ok(resolve(scope.root, wanted), value),
    "allOf": lambda scope, wanted, value: all(scope.ok(schema, value) for schema in wanted),
    "anyOf": lambda scope, wanted, value: any(scope.ok(schema, value) for schema in wanted),
    "oneOf": lambda scope, wanted, value: sum(scope.ok(schema, value) for schema in wanted) == 1,
    "not": lambda scope, wanted, value: not scope.ok(wanted, value),
    "if": _condition,
}

_NUMBER_TESTS: dict[str, _Test] = {
    "minimum": _at_least,
    "maximum": _at_most,
    "exclusiveMinimum": _exclusive("minimum", operator.gt),
    "exclusiveMaximum": _exclusive("maximum", operator.lt),
    "multipleOf": _multiple,
}

_TYPE_TESTS: dict[str, dict[str, _Test]] = {
    "object": {
        "properties": lambda scope, wanted, value: all(
            scope.ok(part, value[key]) for key, part in as_dict(wanted).items() if key in value
        ),
        "patternProperties": lambda scope, wanted, value: all(
            scope.ok(part, value[key])
            for pattern, part in as_dict(wanted).items()
            for key in value
            if found(pattern, key)
        ),
        "additionalProperties": _additional,
        "propertyNames": lambda scope, wanted, value: all(scope.ok(wanted, name) for name in value),
        "required": lambda scope, wanted, value: all(name in value for name in wanted),
        "minProperties": _at_least,
        "maxProperties": _at_most,
        "dependentRequired": lambda scope, wanted, value: all(
            name in value for key, names in wanted.items() if key in value for name in names
        ),
        "dependentSchemas": lambda scope, wanted, value: all(
            scope.ok(schema, value) for key, schema in wanted.items() if key in value
        ),
    },
    "array": {
        "items": _items,
        "prefixItems": lambda scope, wanted, value: all(map(scope.ok, as_list(wanted), value)),
        "contains": _contains,
        "minItems": _at_least,
        "maxItems": _at_most,
        "uniqueItems": lambda scope, wanted, value: (
            wanted is not True or not any(same(item, other) for at, item in enumerate(value) for other in value[:at])
        ),
    },
    "string": {
        "minLength": _at_least,
        "maxLength": _at_most,
        "pattern": lambda scope, wanted, value: found(wanted, value),
    },
    "number": _NUMBER_TESTS,
    "integer": _NUMBER_TESTS,
}
"""Keywords that say something about one type of value only."""


_WORD = string.ascii_letters + string.digits + "_"
_PLAIN = string.ascii_lowercase + string.digits + string.ascii_uppercase + " -_.,:;!?@#$%&*()+=/'\"[]{}<>|\\^~`"
_CATEGORIES = {"DIGIT": string.digits, "WORD": _WORD, "SPACE": " "}
_CATEGORIES |= {"NOT_DIGIT": string.ascii_lowercase, "NOT_WORD": "-. ", "NOT_SPACE": _WORD}
_MANY = 10_000
# What `re` reads patterns with. It has no public name; its trees have been the same since the module was sre_parse.
_parse = import_module("re._parser").parse


Pick = Callable[[int], int]
"""Given n, a number from 0 to n-1."""


def string_matching(pattern: str, low: int, high: int | None, pick: Pick) -> str | None:
    # A string that the pattern finds, of a length from `low` to `high`; None if none was found.
    try:
        compiled = re.compile(pattern)
        tree = _parse(pattern)
        # A pattern without anchors may stand anywhere, so padding after the match is a way to reach the length.
        tail = "" if pattern.endswith("$") else "x" * low
        for extra in (0, 1, 2, 4, 8, 16, low, low + 16):
            text = _text(tree, extra, pick)
            for candidate in (text, text[:high], text + tail, (text + tail)[: max(low, len(text))]):
                if len(candidate) >= low and (high is None or len(candidate) <= high) and compiled.search(candidate):
                    return candidate
    except (re.error, KeyError):
        return None
    return None


def _text(tree: Any, extra: int, pick: Pick) -> str:
    # A text for a pattern that was read, with so many more repetitions than the least there are to be.
    return "".join(_part(str(kind), value, extra, pick) for kind, value in tree)


def _part(kind: str, value: Any, extra: int, pick: Pick) -> str:
    match kind:
        case "AT" | "ASSERT" | "ASSERT_NOT":  # consumes nothing; whether it holds is checked at the end
            return ""
        case "BRANCH":
            return _text(value[1][pick(len(value[1]))], extra, pick)
        case "SUBPATTERN":
            return _text(value[-1], extra, pick)
        case "ATOMIC_GROUP":
            return _text(value, extra, pick)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            low, high, part = value
            return _repeated(part, low, min(high, _MANY, low + extra), extra, pick)
    allowed = _SETS[kind](value)
    return allowed[pick(len(allowed))] if allowed else ""


def _repeated(tree: Any, low: int, wanted: int, extra: int, pick: Pick) -> str:
    # So many repetitions, or as many as are long enough; repetitions in repetitions are soon more than can be held.
    text = ""
    for turn in range(wanted):
        if len(text) > _MANY:
            if turn < low:
                raise re.error("what it matches is too long")
            break
        text += _text(tree, extra, pick)
    return text


def _in(items: list[tuple[Any, Any]]) -> str:
    allowed = "".join(_SETS[str(kind)](value) for kind, value in items)
    return "".join(char for char in _PLAIN if char not in allowed) if str(items[0][0]) == "NEGATE" else allowed


_SETS: dict[str, Callable[[Any], str]] = {
    "LITERAL": chr,
    "NOT_LITERAL": lambda code: _PLAIN.replace(chr(code), ""),
    "ANY": lambda _: _PLAIN,
    "IN": _in,
    "NEGATE": lambda _: "",
    "RANGE": lambda ends: "".join(map(chr, range(ends[0], min(ends[1], ends[0] + 512) + 1))),
    "CATEGORY": lambda kind: _CATEGORIES[str(kind).removeprefix("CATEGORY_")],
}
"""The characters that a part of a pattern may be. What is not here, such as a back-reference, has no example."""
