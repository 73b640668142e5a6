from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate.simulator.check import matches
from lingate.simulator.schema import example

SCHEMAS: dict[str, Any] = {
    "nothing asked": True,
    "empty": {},
    "an object with all types": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 12, "maxLength": 14},
            "age": {"type": "integer", "minimum": 18, "exclusiveMaximum": 20},
            "ratio": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "price": {"type": "number", "minimum": 5, "multipleOf": 0.25},
            "flag": {"type": "boolean"},
            "nothing": {"type": "null"},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 5, "uniqueItems": True},
        },
        "required": ["name", "age", "ratio", "price", "flag", "nothing", "tags"],
        "additionalProperties": False,
    },
    "nullable by a type list": {"type": ["null", "string"], "minLength": 3},
    "an enum narrowed by a pattern": {"enum": [1, "red", "blue"], "type": "string", "pattern": "^b"},
    "a constant": {"const": {"a": [1, None]}},
    "definitions": {
        "$defs": {"point": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}},
        "type": "array",
        "items": {"$ref": "#/$defs/point"},
        "minItems": 1,
    },
    "a tree": {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "value": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    "parent": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["value", "children", "parent"],
                "additionalProperties": False,
            }
        },
        "$ref": "#/$defs/node",
    },
    "a tagged union": {
        "oneOf": [
            {
                "type": "object",
                "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}},
                "required": ["kind"],
            },
            {"type": "object", "properties": {"kind": {"const": "dog"}}, "required": ["kind"]},
        ]
    },
    "one of two overlapping numbers": {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "integer", "maximum": 5}]},
    "all of several": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]},
            {"properties": {"a": {"maximum": 3}, "b": {"type": "string"}}, "required": ["b"]},
        ]
    },
    "a condition": {
        "type": "object",
        "properties": {"country": {"enum": ["US", "NL"]}, "zip": {"type": "string"}},
        "required": ["country", "zip"],
        "if": {"properties": {"country": {"const": "US"}}},
        "then": {"properties": {"zip": {"pattern": "^[0-9]{5}$"}}},
        "else": {"properties": {"zip": {"pattern": "^[0-9]{4} [A-Z]{2}$"}}},
    },
    "a dictionary": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
    "named by a pattern": {
        "type": "object",
        "patternProperties": {"^x-[a-z]+$": {"type": "boolean"}},
        "additionalProperties": False,
        "minProperties": 2,
    },
    "a tuple": {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "integer"}],
        "items": False,
        "minItems": 2,
    },
    "an old tuple": {"type": "array", "items": [{"type": "string"}, {"type": "integer"}], "minItems": 2},
    "containing": {"type": "array", "items": {"type": "integer"}, "contains": {"const": 7}},
    "no type but properties": {"properties": {"q": {"type": "string"}}, "required": ["q", "r"]},
    "dependent": {"type": "object", "properties": {"a": {"type": "string"}}, "dependentRequired": {"a": ["b"]}},
    "negative numbers": {"type": "integer", "maximum": -10, "multipleOf": 7},
    "not this": {"type": "integer", "minimum": 1, "maximum": 3, "not": {"enum": [1, 3]}},
    "small enum array": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "uniqueItems": True},
    "an array of any of": {
        "type": "array",
        "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "minItems": 4,
    },
    "open api nullable": {"type": "string", "nullable": True},
    "dependent on what is dependent": {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "dependentRequired": {"c": ["d"], "a": ["c"]},
    },
    "bounds from all sides": {
        "allOf": [
            {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 9},
            {"items": {"minimum": 40}, "minItems": 3, "maxItems": 4, "contains": {"minimum": 50}},
            {"contains": {"maximum": 90}},
        ]
    },
    "enums of which one is in both": {"allOf": [{"enum": [1, 2, 3]}, {"enum": [3, 4]}]},
    "branches under branches": {
        "allOf": [
            {"allOf": [{"type": ["integer", "boolean"]}]},
            {"allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}]},
            {"anyOf": [{"minimum": 40}, {"type": "string"}]},
        ]
    },
    "values of names that are not listed": {
        "allOf": [
            {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
            {"additionalProperties": {"minimum": 40}},
        ]
    },
    "the condition does not hold": {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "a"}}},
        "then": False,
        "else": {"required": ["more"]},
    },
    "names by a rule": {"type": "object", "propertyNames": {"pattern": "^k[0-9]{3}$"}, "minProperties": 3},
    "deep and not empty": {
        "type": "array",
        "items": {
            "type": "array",
            "items": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "object", "properties": {"a": {"type": "string"}}, "minProperties": 1},
                },
            },
        },
    },
    "required and named by a pattern": {
        "type": "object",
        "required": ["x-a", "y"],
        "patternProperties": {"^x-": {"type": "integer"}},
        "additionalProperties": {"type": "boolean"},
    },
    "a part of a list": {
        "type": "object",
        "properties": {"a": {"anyOf": [{"type": "integer", "minimum": 77}]}, "b": {"$ref": "#/properties/a/anyOf/0"}},
        "required": ["a", "b"],
    },
    "numbers that differ": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 40},
    "an atomic group": {"type": "string", "pattern": "^(?>ab)+c$"},
}


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("seed", ["", "a", "b"])
def test_an_example_satisfies_its_schema(name: str, seed: str) -> None:
    made = example(SCHEMAS[name], seed=seed)

    jsonschema.validate(made, SCHEMAS[name], cls=_validator(name))


def _validator(name: str) -> Any:
    return jsonschema.Draft7Validator if name == "an old tuple" else jsonschema.Draft202012Validator


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{3}-\d{4}$",
        r"^[A-Z]{2}\d+$",
        r"^(foo|bar)_[a-z0-9_]*$",
        r"^#[0-9a-fA-F]{6}$",
        r"^\+?[1-9]\d{1,14}$",
        r"^[\w.+-]+@[\w-]+\.[\w.]+$",
        r"^(?:[01]\d|2[0-3]):[0-5]\d$",
        r"^[^\s]+$",
        r"abc",
        r"^a{2,}b?$",
        r"^(?=.*[0-9]).{8,}$",
        r"^\u0041\x42$",
        r"^v(?P<major>\d+)\.(?P<minor>\d+)$",
    ],
)
@pytest.mark.parametrize("low", [0, 12])
def test_a_string_follows_its_pattern_and_its_length_where_both_are_possible(pattern: str, low: int) -> None:
    schema = {"type": "string", "pattern": pattern, "minLength": low if _stretches(pattern) else 0}

    jsonschema.validate(example(schema), schema)


def _stretches(pattern: str) -> bool:
    return any(mark in pattern.replace("\\+", "") for mark in ("+", "*", ",}")) or not pattern.endswith("$")


@pytest.mark.parametrize("name", ["date-time", "date", "time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname"])
def test_a_string_follows_its_format(name: str) -> None:
    schema = {"type": "string", "format": name}

    jsonschema.validate(example(schema), schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def test_the_same_schema_and_seed_give_the_same_example_and_another_seed_another() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "d": {"format": "uuid"}}}

    assert example(schema, seed="s") == example(schema, seed="s")
    assert len({json.dumps(example(schema, seed=str(seed))) for seed in range(20)}) > 1


def test_free_strings_are_made_of_the_words_given() -> None:
    assert example({"type": "string"}, words=["Paris"]) == "Paris"


@pytest.mark.parametrize("seed", list("abcdef"))
def test_what_is_chosen_from_a_list_is_what_the_words_say_where_that_fits(seed: str) -> None:
    cities = {"enum": ["Oslo", "Lisbon", 3]}
    assert example(cities, seed=seed, words=["Is", "Lisbon"]) == "Lisbon"
    both = {"type": "array", "items": {"enum": ["Oslo", "Lisbon"]}, "minItems": 2, "uniqueItems": True}
    assert sorted(example(both, seed=seed, words=["Lisbon"])) == ["Lisbon", "Oslo"]


def test_a_bound_may_be_exclusive_by_draft_4s_flag() -> None:
    assert example({"type": "integer", "minimum": 5, "exclusiveMinimum": True}) > 5
    assert example({"type": "integer", "maximum": 5, "exclusiveMaximum": False}) <= 5


@pytest.mark.parametrize(
    "schema",
    [
        {"minLength": "3", "type": "string"},
        {"required": 4, "type": "object"},
        {"enum": 1},
        {"type": "number", "minimum": 1e308, "multipleOf": 1e-300},
    ],
)
def test_a_malformed_schema_is_a_value_error(schema: Any) -> None:
    with pytest.raises(ValueError, match="malformed"):
        example(schema)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "string", "minLength": 5, "maxLength": 2},
        {"$ref": "#"},
        {"type": "object", "properties": {"me": {"$ref": "#"}}, "required": ["me"]},
        {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]},
        {"type": "string", "pattern": "(unbalanced"},
        {"type": "string", "pattern": "^(a{60000}){60000}$"},
        {"type": "string", "pattern": "^(([a-z]+,?)+;?)+$", "minLength": 9000},
        {"type": "array", "items": {"enum": [1]}, "minItems": 2, "uniqueItems": True},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"$ref": "https://elsewhere.example/schema"},
    ],
)
def test_what_nothing_satisfies_still_gives_an_answer(schema: Any) -> None:
    json.dumps(example(schema))


_scalars = st.one_of(
    st.builds(
        lambda low, more, kind: {"type": kind, "minimum": low, "maximum": low + more},
        st.integers(-50, 50),
        st.integers(0, 20),
        st.sampled_from(["integer", "number"]),
    ),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 20),
        st.integers(0, 9),
    ),
    st.builds(
        lambda step, low: {"type": "integer", "multipleOf": step, "minimum": low}, st.integers(1, 9), st.integers(-9, 9)
    ),
    st.builds(
        lambda items: {"enum": items}, st.lists(st.none() | st.booleans() | st.text(max_size=4), min_size=1, max_size=4)
    ),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {"const": 4}, {}, True]),
)


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.text("abcxyz", min_size=1, max_size=3)
    return st.one_of(
        st.dictionaries(names, inner, max_size=4).flatmap(
            lambda parts: st.builds(
                lambda closed, needed: {
                    "type": "object",
                    "properties": parts,
                    "required": sorted(needed),
                    "additionalProperties": not closed,
                },
                st.booleans(),
                st.sets(st.sampled_from(sorted(parts))) if parts else st.just(set()),
            )
        ),
        st.builds(
            lambda part, low, more: {"type": "array", "items": part, "minItems": low, "maxItems": low + more},
            inner,
            st.integers(0, 3),
            st.integers(0, 2),
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts}),
        inner.map(lambda part: {"allOf": [part]}),
        inner.map(lambda part: {"$defs": {"part": part}, "$ref": "#/$defs/part"} if part else {}),
    )


@given(st.recursive(_scalars, _deeper, max_leaves=8).filter(lambda schema: "#/$defs" not in json.dumps(schema)[20:]))
@settings(max_examples=150, deadline=None)
def test_any_satisfiable_schema_gets_a_value_that_satisfies_it(schema: Any) -> None:
    made = example(schema)

    jsonschema.validate(made, schema)
    assert matches(schema, made)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-3, 3).map(lambda f: round(f, 1))
    | st.text("ab1", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abxyz", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from([s for name, s in SCHEMAS.items() if name not in ("an old tuple", "open api nullable")]), _json)
@settings(max_examples=200, deadline=None)
def test_the_check_agrees_with_the_reference_implementation(schema: Any, value: Any) -> None:
    assert matches(schema, value) == jsonschema.Draft202012Validator(schema).is_valid(value)
