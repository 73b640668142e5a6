"""Whether a value satisfies a JSON schema (the keywords that models are asked to obey; formats are not checked), and strings
for the part of regular expressions that schemas use.
"""

from __future__ import annotations

import operator
import re
import string
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

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


_TYPES = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}


def type_of(value: Any) -> str:
    """The JSON Schema name of a value's type; whole floats are integers, as the standard has it."""
    return "integer" if isinstance(value, float) and value.is_integer() else _TYPES.get(type(value), "object")


def matches(schema: Schema, value: Any, root: Schema | None = None, depth: int = 0) -> bool:
    """Whether the value satisfies the schema. References are looked up in `root`, by default the schema itself."""
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return True
    scope = _Scope(schema, schema if root is None else root, depth + 1)
    tests = {**_ANY_TESTS, **_TYPE_TESTS.get(type_of(value), {})}
    return all(test(scope, schema[key], value) for key, test in tests.items() if key in schema)


class _Scope(NamedTuple):
    """The schema around a keyword, for keywords that look at their neighbours."""

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


def _pattern_properties(scope: _Scope, wanted: Any, value: Any) -> bool:
    patterns = wanted.items() if isinstance(wanted, Mapping) else ()
    return all(scope.ok(part, value[key]) for pattern, part in patterns for key in value if found(pattern, key))


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


def _unique(scope: _Scope, wanted: Any, value: Any) -> bool:
    return wanted is not True or not any(same(item, other) for at, item in enumerate(value) for other in value[:at])


def _condition(scope: _Scope, wanted: Any, value: Any) -> bool:
    branch = "then" if scope.ok(wanted, value) else "else"
    return scope.ok(scope.schema.get(branch, True), value)


def _multiple(scope: _Scope, wanted: Any, value: Any) -> bool:
    if not wanted:
        return True
    if isinstance(wanted, float) or isinstance(value, float):
        quotient = value / wanted
        return bool(int(quotient) == quotient)
    return bool(value % wanted == 0)


def _exclusive(bound: str, test: Callable[[Any, Any], bool]) -> _Test:
    """Both forms of exclusive bounds: a number of its own, and draft 4's flag beside the inclusive one."""

    def check(scope: _Scope, wanted: Any, value: Any) -> bool:
        if isinstance(wanted, bool):
            wanted = scope.schema.get(bound) if wanted else None
        return wanted is None or test(value, wanted)

    return check


def _is_as_long(scope: _Scope, least: Any, value: Any) -> bool:
    return bool(len(value) >= least)


def _is_no_longer(scope: _Scope, most: Any, value: Any) -> bool:
    return bool(len(value) <= most)


def found(pattern: str, text: str) -> bool:
    """Whether the pattern matches anywhere; a pattern Python cannot read constrains nothing."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True


_Test: TypeAlias = Callable[[_Scope, Any, Any], bool]

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
    "minimum": lambda scope, wanted, value: value >= wanted,
    "maximum": lambda scope, wanted, value: value <= wanted,
    "exclusiveMinimum": _exclusive("minimum", operator.gt),
    "exclusiveMaximum": _exclusive("maximum", operator.lt),
    "multipleOf": _multiple,
}

_TYPE_TESTS: dict[str, dict[str, _Test]] = {
    "object": {
        "properties": lambda scope, wanted, value: (
            not isinstance(wanted, Mapping) or all(scope.ok(wanted[key], value[key]) for key in value if key in wanted)
        ),
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional,
        "propertyNames": lambda scope, wanted, value: all(scope.ok(wanted, name) for name in value),
        "required": lambda scope, wanted, value: all(name in value for name in wanted),
        "minProperties": _is_as_long,
        "maxProperties": _is_no_longer,
        "dependentRequired": lambda scope, wanted, value: all(
            name in value for key, names in wanted.items() if key in value for name in names
        ),
        "dependentSchemas": lambda scope, wanted, value: all(
            scope.ok(schema, value) for key, schema in wanted.items() if key in value
        ),
    },
    "array": {
        "items": _items,
        "prefixItems": lambda scope, wanted, value: not isinstance(wanted, list) or all(map(scope.ok, wanted, value)),
        "contains": _contains,
        "minItems": _is_as_long,
        "maxItems": _is_no_longer,
        "uniqueItems": _unique,
    },
    "string": {
        "minLength": _is_as_long,
        "maxLength": _is_no_longer,
        "pattern": lambda scope, wanted, value: found(wanted, value),
    },
    "number": _NUMBER_TESTS,
    "integer": _NUMBER_TESTS,
}
"""Keywords that say something about one type of value only."""


_WORD = string.ascii_lowercase + string.ascii_uppercase + string.digits + "_"
_PLAIN = string.ascii_lowercase + string.digits + string.ascii_uppercase + " -_.,:;!?@#$%&*()+=/'\"[]{}<>|\\^~`"
_ESCAPES = {"d": string.digits, "w": _WORD, "s": " ", "D": string.ascii_lowercase, "W": "-. ", "S": _WORD}
_ESCAPES |= {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0", **dict.fromkeys("bBAZz", "")}
_QUANTIFIER = r"(?:([*+?])|\{(?=,?\d)(\d*)(,?)(\d*)\})[?+]?"
_MANY = 1 << 16


Pick: TypeAlias = Callable[[int], int]
"""Given n, a number from 0 to n-1."""

_Node: TypeAlias = Callable[[int, Pick], str]
"""A part of a pattern: given how many more repetitions than the least there are to be, a text for it."""


def string_matching(pattern: str, low: int, high: int | None, pick: Pick) -> str | None:
    """A string that the pattern finds, of a length from `low` to `high`; None if none was found."""
    try:
        compiled = re.compile(pattern)
        tree = _Parser(pattern).parse()
    except (re.error, ValueError):
        return None
    # A pattern without anchors may stand anywhere, so padding after the match is a way to reach the length.
    tail = "" if pattern.endswith("$") else "x" * low
    for extra in (0, 1, 2, 4, 8, 16, low, low + 16):
        text = tree(extra, pick)
        for candidate in (text, text[:high], text + tail, (text + tail)[: max(low, len(text))]):
            if len(candidate) >= low and (high is None or len(candidate) <= high) and compiled.search(candidate):
                return candidate
    return None


def _chars(allowed: str) -> _Node:
    return lambda extra, pick: allowed[pick(len(allowed))] if allowed else ""


class _Parser:
    """Recursive descent over the pattern. What it does not know raises ValueError."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def parse(self) -> _Node:
        node = self._choice()
        if self.at < len(self.text):
            raise ValueError("unbalanced parenthesis")
        return node

    def _next(self, expected: str) -> re.Match[str] | None:
        """What matches here is passed over."""
        found = re.compile(expected, re.DOTALL).match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found

    def _take(self) -> str:
        char = self._next(".")
        if not char:
            raise ValueError("the pattern ends too early")
        return char[0]

    def _choice(self) -> _Node:
        options = [self._sequence()]
        while self._next(r"\|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else lambda extra, pick: options[pick(len(options))](extra, pick)

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._next(r"(?=[^|)])"):
            atom = self._atom()
            if atom is not None:
                parts.append(self._quantified(atom))
        return parts[0] if len(parts) == 1 else lambda extra, pick: "".join(part(extra, pick) for part in parts)

    def _atom(self) -> _Node | None:
        char = self._take()
        if char == "[":
            return self._set()
        if char == "(":
            return self._group()
        allowed = {"^": "", "$": "", ".": _PLAIN}.get(char, char) if char != "\\" else self._escape()
        return _chars(allowed) if allowed else None

    def _group(self) -> _Node | None:
        # Look-arounds consume nothing; whether the result obeys them is checked at the end.
        looks = not self._next(r"\?(:|P?<\w+>)") and self._next(r"\?.") is not None
        node = self._choice()
        if self._take() != ")":
            raise ValueError("a group is not closed")
        return None if looks else node

    def _escape(self) -> str:
        """The characters an escape stands for; empty for one that consumes nothing."""
        char = self._take()
        if char in "xu":
            size = 2 if char == "x" else 4
            self.at += size
            return chr(int(self.text[self.at - size : self.at], 16))
        if char.isdigit() and char != "0":
            raise ValueError("back-references are not supported")
        return _ESCAPES.get(char, char)

    def _set(self) -> _Node:
        negated = self._next(r"\^")
        allowed: list[str] = []
        while not (allowed and self._next("]")):
            chars = self._set_item()
            if len(chars) == 1 and self._next(r"-(?=[^\]])"):
                last = self._set_item()
                chars = "".join(map(chr, range(ord(chars), min(ord(last[:1]), ord(chars) + 512) + 1)))
            allowed.append(chars)
        joined = "".join(allowed)
        return _chars("".join(c for c in _PLAIN if c not in joined) if negated else joined)

    def _set_item(self) -> str:
        char = self._take()
        return self._escape() if char == "\\" else char

    def _quantified(self, atom: _Node) -> _Node:
        found = self._next(_QUANTIFIER)
        if not found:
            return atom
        sign, least, comma, most = found.groups()
        low = int(least or 0) if not sign else int(sign == "+")
        high = int(most) if most else 1 if sign == "?" else _MANY if sign or comma else low
        return lambda extra, pick: "".join(atom(extra, pick) for _ in range(min(high, _MANY, low + extra)))
