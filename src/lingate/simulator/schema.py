# A value for a JSON schema: always the same for the same schema and seed.

# Covers what tool definitions and structured answers hold. A schema that nothing satisfies gets a value of the
# closest shape. Optional properties are filled in near the top, and left out deeper down so that recursion ends.

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from hashlib import sha256
from typing import Any

from lingate._wire.shapes import without
from lingate.simulator.check import Schema, found, matches, resolve, same, string_matching, type_of
from lingate.simulator.prompt import holds

_OPTIONAL_DEPTH = 3
_MAX_DEPTH = 24
_MAX_VALUES = 2_000
_VARIANTS = 48
_MAX_LENGTH = 10_000

_FORMATS = {
    "date-time": "2025-06-0{d}T12:30:00Z",
    "date": "2025-06-0{d}",
    "time": "12:30:0{d}Z",
    "duration": "PT{d}H",
    "email": "user{d}@example.com",
    "idn-email": "user{d}@example.com",
    "hostname": "host{d}.example.com",
    "idn-hostname": "host{d}.example.com",
    "ipv4": "192.0.2.{d}",
    "ipv6": "2001:db8::{d}",
    "uri": "https://example.com/{d}",
    "url": "https://example.com/{d}",
    "uri-reference": "/path/{d}",
    "iri": "https://example.com/{d}",
    "iri-reference": "/path/{d}",
    "uuid": "00000000-0000-4000-8000-00000000000{d}",
    "json-pointer": "/item/{d}",
    "relative-json-pointer": "{d}/item",
    "regex": "^item{d}$",
    "byte": "aXRlbXM{d}",
}

_LOWEST = ("minLength", "minimum", "minItems", "minProperties", "minContains")
_NUMERIC = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "not")
_HIGHEST = ("maxLength", "maximum", "maxItems", "maxProperties", "maxContains")


def example(schema: Schema, *, seed: str = "", words: Sequence[str] = ()) -> Any:
    # A value that satisfies the schema (draft 4 to 2020-12 or OpenAPI's variant; references must be local).
    # `seed` chooses among the values that fit; free strings are made of `words`, and what is chosen from a list is one
    # of them where that works out, so that an answer can mention the question.
    # Raises ValueError: The schema itself is malformed, such as a text where a number belongs.
    try:
        first = None
        for variant in range(_VARIANTS):
            told = () if variant else words
            made = _Maker(schema, f"{seed}/{variant}" if variant else seed, words, told).make(schema, "", 0)
            if matches(schema, made):
                return made
            first = made if variant == 0 else first
    except (TypeError, AttributeError, KeyError, ArithmeticError) as error:
        raise ValueError(f"the JSON schema is malformed: {error}") from error
    return first


class _Maker:
    # One attempt. `path` names the place in the value, so that sibling strings differ.

    def __init__(self, root: Schema, seed: str, words: Sequence[str], told: Sequence[str]) -> None:
        self.root = root
        self.seed = seed
        self.words = words
        self.told = told
        self.made = 0

    def make(self, schema: Schema, path: str, depth: int) -> Any:
        self.made += 1
        if schema is False or depth > _MAX_DEPTH or self.made > _MAX_VALUES:
            return None
        if not isinstance(schema, Mapping):
            return self._word(path)
        if "$ref" in schema:
            return self.make(_merge(resolve(self.root, schema["$ref"]), without(schema, ("$ref",))), path, depth + 1)
        if "allOf" in schema:
            return self.make(reduce(_merge, schema["allOf"], without(schema, ("allOf",))), path, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            fitting = [item for item in schema["enum"] if matches(schema, item, self.root)] or schema["enum"]
            fitting = [item for item in fitting if item in self.told] or fitting
            return fitting[self._pick(path, len(fitting))] if fitting else None
        for key in ("oneOf", "anyOf"):
            if schema.get(key):
                return self._from_branches(schema, key, path, depth)
        if "if" in schema:
            return self._from_condition(schema, path, depth)
        kind = _kind_named(schema) or next((kind for kind, keys in _TELLING.items() if schema.keys() & keys), "string")
        if kind in ("object", "array"):
            return (self._object if kind == "object" else self._array)(schema, path, depth)
        return self._simple(kind, schema, path)

    def _simple(self, kind: str, schema: Mapping[str, Any], path: str) -> Any:
        if kind == "number":
            return self._number_at(schema, self._pick(path, 8))
        if kind == "integer":
            return int(self._number_at({"multipleOf": 1, **schema}, self._pick(path, 8)))
        if kind == "boolean":
            return self._pick(path, 2) == 0
        return None if kind == "null" else self._string(schema, path)

    def _pick(self, path: str, size: int) -> int:
        # A number below `size`, the same for the same place and seed.
        digest = sha256(f"{self.seed}\0{path}".encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:6], "big") % size

    def _word(self, path: str) -> str:
        if self.words:
            return self.words[self._pick(path, len(self.words))]
        return path.rsplit("/", 1)[-1].strip("0123456789") or "value"

    def _from_branches(self, schema: Mapping[str, Any], key: str, path: str, depth: int) -> Any:
        # The first branch that works out. Deep down the ones without references come first, so that recursion ends.
        rest = without(schema, (key,))
        branches = list(schema[key])
        if depth > _OPTIONAL_DEPTH:
            branches.sort(
                key=lambda branch: 2 * holds(branch, ("$ref",)) + (_kind_named(branch) in ("object", "array"))
            )
        else:
            branches.sort(key=lambda branch: _kind_named(branch) == "null")
        tried = []
        for branch in branches:
            tried.append(self.make(_merge(rest, branch), path, depth + 1))
            if matches(schema, tried[-1], self.root):
                return tried[-1]
        return tried[0]

    def _from_condition(self, schema: Mapping[str, Any], path: str, depth: int) -> Any:
        rest = without(schema, ("if", "then", "else"))
        made = self.make(_merge(_merge(rest, schema["if"]), schema.get("then", True)), path, depth)
        if matches(schema, made, self.root):
            return made
        return self.make(_merge(rest, schema.get("else", True)), path, depth)

    def _object(self, schema: Mapping[str, Any], path: str, depth: int) -> dict[str, Any]:
        properties: Mapping[str, Any] = schema.get("properties") or {}
        required = list(schema.get("required") or ())
        made: dict[str, Any] = {}
        for name, part in properties.items():
            wanted = depth < _OPTIONAL_DEPTH and len(made) < schema.get("maxProperties", len(properties))
            if name in required or (wanted and part is not False):
                made[name] = self.make(part, f"{path}/{name}", depth + 1)
        for name in self._further_names(schema, required, made):
            if name not in made:
                made[name] = self.make(self._schema_of(schema, name), f"{path}/{name}", depth + 1)
        return made

    def _further_names(self, schema: Mapping[str, Any], required: list[str], made: Mapping[str, Any]) -> Iterator[str]:
        # Names that must be there although `properties` does not list them.
        dependent = schema.get("dependentRequired") or {}
        names = [*required, *made]
        for name in names:
            yield name
            names += [needed for needed in dependent.get(name, ()) if needed not in names]
        missing = schema.get("minProperties", 0)
        for name in schema.get("properties") or {}:
            if len(made) < missing:
                yield name
        for number in range(1, 2 * missing + 1):
            if len(made) >= missing:
                return
            yield self._new_name(schema, number)

    def _new_name(self, schema: Mapping[str, Any], number: int) -> str:
        names = schema.get("propertyNames")
        if isinstance(names, Mapping):
            return str(self.make({"type": "string", **names}, f"/name{number}", _OPTIONAL_DEPTH))
        for pattern in schema.get("patternProperties") or {}:
            if schema.get("additionalProperties") is False:
                made = string_matching(pattern, number, None, lambda size: self._pick(f"/name{number}", size))
                return made or f"field{number}"
        return f"field{number}"

    def _schema_of(self, schema: Mapping[str, Any], name: str) -> Schema:
        properties = schema.get("properties") or {}
        if name in properties:
            return properties[name]
        for pattern, part in (schema.get("patternProperties") or {}).items():
            if found(pattern, name):
                return part
        return schema.get("additionalProperties", True)

    def _array(self, schema: Mapping[str, Any], path: str, depth: int) -> list[Any]:
        items = schema.get("items", True)
        prefix = list(schema.get("prefixItems") or (items if isinstance(items, list) else ()))
        low = int(schema.get("minItems", 0))
        high = int(schema.get("maxItems", _MAX_LENGTH))
        contains = int(schema.get("minContains", 1)) if "contains" in schema else 0
        usual = 0 if depth > _OPTIONAL_DEPTH else max(len(prefix), 0 if items is False else 2)
        size = min(max(low, usual, contains), high, _MAX_LENGTH)
        unique = schema.get("uniqueItems") is True
        made: list[Any] = []
        for at in range(size):
            if at < len(prefix):
                part = prefix[at]
            else:
                part = items if not isinstance(items, list) else schema.get("additionalItems", True)
                if at >= size - contains:
                    part = _merge(part, schema["contains"])
            value = self._item(part, f"{path}/{at}", depth + 1, made if unique else [])
            if unique and len(made) >= low and any(same(value, other) for other in made):
                break
            made.append(value)
        return made

    def _item(self, schema: Schema, path: str, depth: int, others: list[Any]) -> Any:
        # A value that differs from the others, as far as some tries find one.
        value = self.make(schema, path, depth)
        free = isinstance(schema, Mapping) and not schema.keys() & {"enum", "pattern", "format", "const", "$ref"}
        for attempt in range(8 * (len(others) + 1)):
            if not any(same(value, other) for other in others):
                break
            value = self.make(schema, f"{path}.{attempt}", depth)
            if free and isinstance(value, str):
                value = f"{attempt}{value}"[: schema.get("maxLength", _MAX_LENGTH)]
            elif free and type_of(value) in ("integer", "number"):
                value = self._number_at(schema, attempt)
        return value

    def _string(self, schema: Mapping[str, Any], path: str) -> str:
        low = min(int(schema.get("minLength", 0)), _MAX_LENGTH)
        high = schema.get("maxLength")
        template = _FORMATS.get(schema.get("format", ""))
        if template:
            return template.format(d=1 + self._pick(path, 9))
        if isinstance(schema.get("pattern"), str):
            turns = iter(range(1 << 30))
            made = string_matching(schema["pattern"], low, high, lambda size: self._pick(f"{path}#{next(turns)}", size))
            if made is not None:
                return made
        text = self._word(path)
        while len(text) < low:
            text += " " + self._word(f"{path}+{len(text)}")
        return text[:high]

    def _number_at(self, schema: Mapping[str, Any], turn: int) -> int | float:
        # The number at position `turn` among those that fit, counted from the end that is bounded.
        low = max(_numbers(schema, "minimum", "exclusiveMinimum"), default=None)
        high = min(_numbers(schema, "maximum", "exclusiveMaximum"), default=None)
        step = schema.get("multipleOf")
        if not step and low is not None and high is not None and high - low < 8:
            return low + (high - low) * (1 + turn % 7) / 8
        step = step or 1
        if low is None and high is not None:
            start, direction = math.floor(high / step), -1
        else:
            start, direction = math.ceil((1 if low is None else low) / step), 1
        candidates = [(start + direction * offset) * step for offset in (turn, turn // 2, 1, 0)]
        rules = {key: schema[key] for key in _NUMERIC if key in schema}
        return next((item for item in candidates if matches(rules, item)), candidates[0])


def _numbers(schema: Mapping[str, Any], *keys: str) -> list[float]:
    return [schema[key] for key in keys if type_of(schema.get(key)) in ("integer", "number")]


_TELLING = {
    "object": {"properties", "required", "additionalProperties", "minProperties", "patternProperties"},
    "array": {"items", "prefixItems", "minItems", "contains"},
    "number": {"minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"},
}
"""Keywords that tell the type where it is not named."""


def _kind_named(schema: Schema) -> str | None:
    # The type a schema names; of several the first that is not null.
    wanted = schema.get("type") if isinstance(schema, Mapping) else None
    if isinstance(wanted, list):
        return next((str(name) for name in wanted if name != "null"), "null")
    return wanted if isinstance(wanted, str) else None


def _merge(left: Schema, right: Schema) -> Schema:
    # Both at once. Where two keywords have no common form, they stay apart under `allOf`'s rule: the second is
    # tried, and the check of the whole value decides.
    if isinstance(left, bool) or isinstance(right, bool):
        if left is False or right is False:
            return False
        return right if left is True else left
    made: dict[str, Any] = dict(left)
    for key, value in right.items():
        made[key] = _merge_keyword(key, made[key], value) if key in made else value
    return made


def _merge_keyword(key: str, left: Any, right: Any) -> Any:
    if key == "properties":
        return {**left, **{name: _merge(left[name], part) if name in left else part for name, part in right.items()}}
    if key == "required":
        return list(dict.fromkeys([*left, *right]))
    if key in ("allOf", "anyOf", "oneOf"):
        # Two sets of branches must both hold; the first keeps its place, the second becomes part of each branch.
        return [*left, *right] if key == "allOf" else [_merge(branch, {key: right}) for branch in left]
    if key == "type":
        return _merge_types(left, right)
    if key == "enum":
        return [item for item in left if any(same(item, other) for other in right)]
    if key in _LOWEST:
        return max(left, right)
    if key in _HIGHEST:
        return min(left, right)
    if key in ("items", "additionalProperties", "contains"):
        return right if isinstance(left, list) or isinstance(right, list) else _merge(left, right)
    return right


def _merge_types(left: Any, right: Any) -> Any:
    ours, theirs = ([given] if isinstance(given, str) else given for given in (left, right))
    common = [name for name in ours if name in theirs or (name == "integer" and "number" in theirs)]
    return common or (["integer"] if "integer" in theirs and "number" in ours else right)
