# JSON Schema as Gemini takes it, and its older OpenAPI subset, both ways.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lingate._dialects.gemini.casing import camel
from lingate._dialects.gemini.facts import TYPES
from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, as_dicts, pointed, without

_SUBSET = frozenset(
    {
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "maxItems",
        "minItems",
        "properties",
        "required",
        "minProperties",
        "maxProperties",
        "minLength",
        "maxLength",
        "pattern",
        "example",
        "anyOf",
        "propertyOrdering",
        "default",
        "items",
        "minimum",
        "maximum",
    }
)
"""Fields of Google's Schema type: https://ai.google.dev/api/caching#Schema"""

_HARMLESS = frozenset(
    {"$schema", "$id", "$comment", "$defs", "definitions", "strict", "readOnly", "writeOnly", "deprecated"}
)
"""Keywords that constrain nothing, or whose content is put in the place that refers to it."""

_MAPS = ("properties", "$defs", "definitions", "patternProperties")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAX_DEPTH = 64
_MAX_NODES = 20_000  # references put in place can make a small schema endless

Told = Callable[[str], None]
"""Is told of each keyword that was left out."""


def json_schema(schema: Any, told: Told, drop: tuple[str, ...] = ()) -> Any:
    # A JSON Schema in the words the API takes: the same meaning, without `$schema`, `const` and `definitions`.
    if isinstance(schema, list):
        return [json_schema(item, told, drop) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out: JsonDict = {}
    for key, value in schema.items():
        if key in drop or key in ("exclusiveMinimum", "exclusiveMaximum", "if", "then", "else"):
            # Not among the keywords the API documents; pydantic-ai leaves them out too.
            told(key)
        elif key in _MAPS and isinstance(value, dict):
            key = "$defs" if key == "definitions" else key
            made = {name: json_schema(inner, told, drop) for name, inner in value.items()}
            out[key] = {**out[key], **made} if key in out else made
        elif key == "$ref" and isinstance(value, str):
            value = value.replace("#/definitions/", "#/$defs/", 1)
            # "If `$ref` is set, no other properties, except for those starting with `$`, may be."
            alone = all(name[:1] == "$" for name in schema)
            out |= {key: value} if alone or "anyOf" in schema else {"anyOf": [{key: value}]}
        elif key == "allOf" and isinstance(value, list) and len(value) == 1 and "anyOf" not in schema:
            out["anyOf"] = json_schema(value, told, drop)
        elif key in _LISTS or key in ("items", "additionalProperties", "not"):
            out[key] = json_schema(value, told, drop)
        elif key == "const":
            out["enum"] = [value]
        elif key not in ("$schema", "examples", "discriminator"):
            out[key] = value
    return out


def openapi_schema(schema: Any, told: Told) -> JsonDict:
    # A JSON Schema in the OpenAPI subset of older models: references put in place, types in capitals, null as `nullable`.
    root = as_dict(schema)
    return _Subset(root, told).convert(root, ())


class _Subset:
    def __init__(self, root: JsonDict, told: Told) -> None:
        self._root = root
        self._told = told
        self._left = _MAX_NODES

    def convert(self, schema: Any, seen: tuple[str, ...]) -> JsonDict:
        # One schema; `seen` are the references that lead to it.
        self._left -= 1
        if not isinstance(schema, dict) or len(seen) > _MAX_DEPTH or self._left < 0:
            if self._left == -1:
                self._told("everything beyond its first 20,000 parts")
            return {}
        if isinstance(schema.get("$ref"), str) or isinstance(schema.get("allOf"), list):
            if schema.get("$ref") in seen:
                self._told("$ref (recursive)")
                return {"type": "OBJECT"}
            schema, seen = self._joined(schema, seen)
        out: JsonDict = {}
        for key, value in schema.items():
            if key == "properties" and isinstance(value, dict):
                out[key] = {name: self.convert(inner, seen) for name, inner in value.items()}
            elif key == "items":
                out[key] = self.convert(value, seen)
            elif key in ("anyOf", "oneOf") and isinstance(value, list):
                self._any_of(value, out, seen)
            elif key == "type":
                self._type(value, out)
            elif key == "const":
                self._enum([value], out)
            elif key == "enum" and isinstance(value, list):
                self._enum(value, out)
            elif key in _SUBSET:
                out[key] = value
            elif key not in _HARMLESS and not (key == "additionalProperties" and value is False):
                self._told(key)
        if "enum" in out:
            out.setdefault("type", "STRING")
        return out

    def _joined(self, schema: JsonDict, seen: tuple[str, ...]) -> tuple[JsonDict, tuple[str, ...]]:
        # A schema with what `$ref` and `allOf` add to it: the subset has neither. And the references followed so far.
        out = without(schema, ("$ref", "allOf"))
        members = [{"$ref": schema["$ref"]}] if isinstance(schema.get("$ref"), str) else []
        members += as_dicts(schema.get("allOf"))
        while members:
            member = members.pop(0)
            reference = member.get("$ref")
            if isinstance(reference, str):
                if reference in seen or len(seen) > _MAX_DEPTH:
                    self._told("$ref (recursive)")
                    continue
                seen = (*seen, reference)
                members.append(self._find(reference))
            members += as_dicts(member.get("allOf"))
            _add_member(out, member)
        return out, seen

    def _find(self, reference: str) -> JsonDict:
        found = pointed(self._root, reference)
        if isinstance(found, dict):
            return found
        self._told("$ref")
        return {}

    def _any_of(self, members: list[Any], out: JsonDict, seen: tuple[str, ...]) -> None:
        made = [self.convert(m, seen) for m in members if not (isinstance(m, dict) and m.get("type") == "null")]
        if len(made) < len(members):
            out["nullable"] = True
        if len(made) == 1:
            out.update(without(made[0], out))
        elif made:
            out["anyOf"] = made

    def _type(self, value: Any, out: JsonDict) -> None:
        kinds = [kind for kind in (value if isinstance(value, list) else [value]) if isinstance(kind, str)]
        named = [kind.upper() for kind in kinds if kind != "null"]
        if len(named) < len(kinds):
            out["nullable"] = True
        if len(named) == 1:
            out["type"] = named[0]
        elif named:
            out["anyOf"] = [{"type": kind} for kind in named]

    def _enum(self, values: list[Any], out: JsonDict) -> None:
        if None in values:
            out["nullable"] = True
        out["enum"] = [str(value) for value in values if value is not None]


def _add_member(out: JsonDict, member: JsonDict) -> None:
    for key, value in member.items():
        if key == "properties" and isinstance(value, dict):
            out[key] = {**value, **out.get(key, {})}
        elif key == "required" and isinstance(value, list):
            out[key] = [*out.get(key, []), *value]
        elif key not in ("$ref", "allOf"):
            out.setdefault(key, value)


def canonical_schema(schema: Any, depth: int = 0) -> Any:
    # Google's Schema type as JSON Schema: types in small letters (or by number), `nullable` as a null type.
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return schema
    out: JsonDict = {}
    for key, value in schema.items():
        key = {"defs": "$defs", "ref": "$ref"}.get(key, camel(key))
        if key in ("properties", "$defs") and isinstance(value, dict):
            out[key] = {name: canonical_schema(inner, depth + 1) for name, inner in value.items()}
        elif key in ("items", "additionalProperties"):
            out[key] = canonical_schema(value, depth + 1)
        elif key == "anyOf" and isinstance(value, list):
            out[key] = [canonical_schema(inner, depth + 1) for inner in value]
        elif key == "type":
            out[key] = _plain_type(value)
        elif key == "example":
            out["examples"] = [value]
        elif key.startswith(("min", "max")) and isinstance(value, str) and value.isdecimal():
            out[key] = int(value)  # as protocol buffers have it in JSON
        elif key not in ("nullable", "propertyOrdering"):
            out[key] = value
    if schema.get("nullable") is True:
        _make_nullable(out)
    return out


def _plain_type(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < len(TYPES):
        value = TYPES[value]
    return value.lower() if isinstance(value, str) else value


def _make_nullable(schema: JsonDict) -> None:
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    elif isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    if isinstance(schema.get("enum"), list):
        schema["enum"] = [*schema["enum"], None]
