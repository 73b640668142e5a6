"""Tools, the choice among them, schemas, and structured answers."""

from __future__ import annotations

from typing import Any

import pytest

from lingate._dialects.gemini.schema import canonical_schema, json_schema, openapi_schema
from lingate._model import Traits
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.gemini.support import (
    MIDDLE,
    OLD,
    answer,
    call,
    config,
    decode,
    dropped,
    read,
    send,
    sse,
    target,
    wire,
)
from tests.dialects.short import collect

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"place": {"type": "string"}, "unit": {"const": "C"}},
    "required": ["place"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}}
OTHER = {"type": "function", "function": {"name": "g"}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA, "strict": True}}
NEWEST: Traits = {"thinking": "level"}


def declarations(traits: Traits | None = None, **body: Any) -> list[dict[str, Any]]:
    tools = wire(traits, **body)["tools"]
    return [item for tool in tools for item in tool.get("functionDeclarations", ())]


def calling(**body: Any) -> Any:
    return wire(tools=[TOOL, OTHER], **body).get("toolConfig", {}).get("functionCallingConfig")


def test_a_function_is_declared_with_its_json_schema() -> None:
    assert wire(tools=[TOOL, OTHER])["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "description": "d",
                    "parametersJsonSchema": {
                        "type": "object",
                        "properties": {"place": {"type": "string"}, "unit": {"enum": ["C"]}},
                        "required": ["place"],
                        "additionalProperties": False,
                    },
                },
                {"name": "g"},
            ]
        }
    ]


def test_old_models_get_the_openapi_subset() -> None:
    assert declarations(OLD, tools=[TOOL])[0]["parameters"] == {
        "type": "OBJECT",
        "properties": {"place": {"type": "STRING"}, "unit": {"type": "STRING", "enum": ["C"]}},
        "required": ["place"],
    }
    assert declarations(
        OLD, tools=[{"type": "function", "function": {"name": "g", "parameters": {"type": "object"}}}]
    ) == [{"name": "g"}]


def test_old_style_functions_are_tools() -> None:
    assert declarations(functions=[{"name": "f", "description": "d"}]) == [{"name": "f", "description": "d"}]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"mode": "AUTO"}),
        ("required", {"mode": "ANY"}),
        ("any", {"mode": "ANY"}),
        ("none", {"mode": "NONE"}),
        ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        ({"type": "tool", "name": "f"}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"function": {"name": "g"}}]}},
            {"mode": "ANY", "allowedFunctionNames": ["g"]},
        ),
        (None, None),
    ],
)
def test_choices_among_tools(choice: Any, expected: Any) -> None:
    assert calling(tool_choice=choice) == expected


def test_some_tools_of_which_none_must_be_called_are_the_only_ones_offered() -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "g"}]}

    made = wire(tools=[TOOL, OTHER], tool_choice=choice)

    assert made["tools"] == [{"functionDeclarations": [{"name": "g"}]}]
    assert made["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}


def test_a_choice_that_makes_no_sense_is_an_error() -> None:
    with pytest.raises(ConfigError, match="tool_choice"):
        wire(tools=[TOOL], tool_choice="sometimes")
    with pytest.raises(UnsupportedError, match="tool_choice"):
        wire(tools=[TOOL], tool_choice={"type": "custom", "custom": {"name": "f"}})
    with pytest.raises(ConfigError, match="tools"):
        wire(tools=["f"])
    with pytest.raises(ConfigError, match=r"tools\[0\].function"):
        wire(tools=[{"type": "function", "function": {}}])


@pytest.mark.parametrize(
    ("tool", "made"),
    [
        ({"googleSearch": {}}, {"googleSearch": {}}),
        ({"google_search": {"time_range_filter": {}}}, {"googleSearch": {"timeRangeFilter": {}}}),
        ({"url_context": {}}, {"urlContext": {}}),
        ({"codeExecution": {}}, {"codeExecution": {}}),
        ({"type": "web_search"}, {"googleSearch": {}}),
        ({"type": "web_search_20250305", "name": "web_search"}, {"googleSearch": {}}),
        ({"type": "code_interpreter", "container": {"type": "auto"}}, {"codeExecution": {}}),
        ({"type": "url_context"}, {"urlContext": {}}),
    ],
)
def test_tools_that_the_provider_runs(tool: dict[str, Any], made: dict[str, Any]) -> None:
    assert wire(tools=[tool])["tools"] == [made]


def test_searching_the_web_is_googles_search() -> None:
    assert wire(web_search_options={})["tools"] == [{"googleSearch": {}}]
    assert dropped(web_search_options={"search_context_size": "high"}) == ["web_search_options.search_context_size"]


def test_a_tool_without_a_counterpart_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="computer_use_preview"):
        wire(tools=[{"type": "computer_use_preview"}])
    assert "tools" not in wire(drop_params=True, tools=[{"type": "mcp"}])


def test_search_beside_functions_needs_leave_from_the_newest_models() -> None:
    tools = [TOOL, {"googleSearch": {}}]

    assert wire(NEWEST, tools=tools)["toolConfig"] == {"includeServerSideToolInvocations": True}
    assert "toolConfig" not in wire(MIDDLE, tools=tools)
    assert "toolConfig" not in wire({"thinking": "level", "google_cloud": True}, tools=tools)


def test_older_models_keep_the_functions_where_one_of_the_two_may_be_dropped() -> None:
    asked = {"tools": [TOOL, {"type": "web_search"}], "drop_params": True}

    assert [list(tool) for tool in wire(MIDDLE, **asked)["tools"]] == [["functionDeclarations"]]
    assert dropped(MIDDLE, **asked)[-1] == "tools (googleSearch, which this model refuses beside functions)"
    assert len(wire(MIDDLE, tools=asked["tools"])["tools"]) == len(wire(NEWEST, **asked)["tools"]) == 2
    assert wire(MIDDLE, tools=[{"type": "web_search"}], drop_params=True)["tools"] == [{"googleSearch": {}}]


def test_a_provider_tool_that_is_null_is_not_offered() -> None:
    # Some clients write every field of a tool, null where there is nothing.
    tools = [{"functionDeclarations": [{"name": "f"}], "codeExecution": None}]

    assert "toolConfig" not in wire(NEWEST, tools=tools)


def test_a_provider_without_a_word_for_must_call_is_asked_to_choose() -> None:
    made = wire({"tool_choice_required": "auto"}, tools=[TOOL], tool_choice="required")

    assert made["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}


# Schemas


def test_a_json_schema_keeps_its_meaning_and_the_callers_object() -> None:
    schema = {
        "type": "object",
        "properties": {"const": {"type": "string"}, "n": {"type": "number", "exclusiveMinimum": 0}},
        "anyOf": [{"const": 1}, {"$ref": "#/$defs/x"}],
        "$defs": {"x": {"$schema": "y", "type": "string"}},
        "if": {"required": ["n"]},
        "then": {"required": ["const"]},
    }
    before = repr(schema)
    told: list[str] = []

    made = json_schema(schema, told.append, ("additionalProperties",))

    assert made == {
        "type": "object",
        "properties": {"const": {"type": "string"}, "n": {"type": "number"}},
        "anyOf": [{"enum": [1]}, {"$ref": "#/$defs/x"}],
        "$defs": {"x": {"type": "string"}},
    }
    assert told == ["exclusiveMinimum", "if", "then"]
    assert repr(schema) == before


@pytest.mark.parametrize(
    ("written", "made"),
    [
        # What MCP's TypeScript servers write, and what pydantic does: a reference with words beside it.
        (
            {"definitions": {"a": {"type": "string"}}, "$ref": "#/definitions/a", "description": "d"},
            {"$defs": {"a": {"type": "string"}}, "anyOf": [{"$ref": "#/$defs/a"}], "description": "d"},
        ),
        ({"$ref": "#/$defs/a", "$comment": "c"}, {"$ref": "#/$defs/a", "$comment": "c"}),
        ({"allOf": [{"$ref": "#/$defs/a"}], "default": 1}, {"anyOf": [{"$ref": "#/$defs/a"}], "default": 1}),
        ({"allOf": [{"type": "string"}, {"maxLength": 1}]}, {"allOf": [{"type": "string"}, {"maxLength": 1}]}),
        (
            {"$defs": {"a": {"type": "string"}}, "definitions": {"b": {"$ref": "#/definitions/a"}}},
            {"$defs": {"a": {"type": "string"}, "b": {"$ref": "#/$defs/a"}}},
        ),
        (
            {"properties": {"definitions": {"type": "string"}, "$ref": {"type": "string"}}},
            {"properties": {"definitions": {"type": "string"}, "$ref": {"type": "string"}}},
        ),
    ],
)
def test_references_are_written_as_google_takes_them(written: Any, made: Any) -> None:
    told: list[str] = []

    assert json_schema(written, told.append) == made
    assert told == []


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "STRING", "nullable": True}),
        ({"oneOf": [{"type": "string"}, {"type": "number"}]}, {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}),
        ({"enum": [1, 2, None]}, {"enum": ["1", "2"], "nullable": True, "type": "STRING"}),
        ({"const": "x"}, {"enum": ["x"], "type": "STRING"}),
        ({"$ref": "#/$defs/a", "description": "d"}, {"type": "STRING", "description": "d"}),
        ({"$ref": "#/$defs/b/properties/c"}, {"type": "INTEGER"}),
        ({"allOf": [{"$ref": "#/$defs/a"}], "title": "t"}, {"type": "STRING", "title": "t"}),
        (
            {
                "allOf": [
                    {"type": "object", "properties": {"p": {"type": "string"}}},
                    {"properties": {"q": {}}, "required": ["q"]},
                ]
            },
            {"type": "OBJECT", "properties": {"p": {"type": "STRING"}, "q": {}}, "required": ["q"]},
        ),
        (
            {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
            {"type": "ARRAY", "items": {"type": "BOOLEAN"}, "maxItems": 2},
        ),
    ],
)
def test_the_openapi_subset(schema: dict[str, Any], made: dict[str, Any]) -> None:
    root = {**schema, "$defs": {"a": {"type": "string"}, "b": {"properties": {"c": {"type": "integer"}}}}}

    assert openapi_schema(root, lambda _: None) == made


def test_a_schema_that_refers_to_itself_ends_somewhere() -> None:
    told: list[str] = []
    schema = {
        "type": "object",
        "properties": {"next": {"$ref": "#"}, "odd": {"$ref": "#/nowhere"}, "x": {"patternProperties": {}}},
    }

    made = openapi_schema(schema, told.append)

    assert made["properties"]["next"]["properties"]["next"] == {"type": "OBJECT"}
    assert "$ref (recursive)" in told
    assert "patternProperties" in told
    assert "$ref" in told


@pytest.mark.parametrize(
    ("native", "made"),
    [
        ({"type": "STRING", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        (
            {"type": 6, "properties": {"a_b": {"type": 3}}, "property_ordering": ["a_b"]},
            {"type": "object", "properties": {"a_b": {"type": "integer"}}},
        ),
        ({"any_of": [{"type": "STRING"}], "nullable": True}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"type": "ARRAY", "items": {"type": "NUMBER"}, "minItems": "1"},
            {"type": "array", "items": {"type": "number"}, "minItems": 1},
        ),
    ],
)
def test_googles_schemas_as_json_schemas(native: dict[str, Any], made: dict[str, Any]) -> None:
    assert canonical_schema(native) == made


# Structured answers


def test_a_schema_for_the_answer() -> None:
    made = config(response_format=FORMAT)

    assert made["responseMimeType"] == "application/json"
    assert made["responseJsonSchema"]["properties"]["unit"] == {"enum": ["C"]}
    assert config(OLD, response_format=FORMAT)["responseSchema"]["type"] == "OBJECT"
    assert config(response_format={"type": "json_object"}) == {"responseMimeType": "application/json"}
    assert config(response_format={"type": "text"}) == {}


def test_the_newest_models_take_a_schema_beside_tools() -> None:
    made = wire(NEWEST, tools=[TOOL], response_format=FORMAT)

    assert "responseJsonSchema" in made["generationConfig"]
    assert len(made["tools"][0]["functionDeclarations"]) == 1


def test_older_ones_answer_by_a_function_when_there_are_tools() -> None:
    made, sent = send(call(tools=[TOOL], response_format=FORMAT), target(MIDDLE))

    assert sent.answer_tool == "thing"
    assert [item["name"] for item in made["tools"][0]["functionDeclarations"]] == ["f", "thing"]
    assert made["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    assert "generationConfig" not in made


def test_a_model_without_schemas_is_forced_to_call_the_function() -> None:
    made, sent = send(call(response_format=FORMAT), target({"structured": "tool"}))

    assert made["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["thing"]}}
    assert sent.answer_tool == "thing"


def test_the_functions_arguments_are_the_answer_whole_and_streamed() -> None:
    sent = send(call(tools=[TOOL], response_format=FORMAT), target(MIDDLE))[1]
    answered = answer({"text": "Here:"}, {"functionCall": {"name": "thing", "args": {"place": "Rome"}}})
    called = answer({"functionCall": {"name": "f", "args": {}}})
    spoken = answer({"text": "no"}, {"text": "pe"})

    for response in (read(answered, sent), collect(decode([sse(answered)], sent))):
        assert response["choices"][0]["message"]["content"] == '{"place":"Rome"}'
        assert "tool_calls" not in response["choices"][0]["message"]
        assert response["choices"][0]["finish_reason"] == "stop"
    for response in (read(called, sent), collect(decode([sse(called)], sent))):
        assert response["choices"][0]["finish_reason"] == "tool_calls"
    for response in (read(spoken, sent), collect(decode([sse(spoken)], sent))):
        assert response["choices"][0]["message"]["content"] == "nope"


def test_other_ways_to_ask_for_json() -> None:
    made = wire({"structured": "json_object"}, response_format=FORMAT)
    assert made["generationConfig"] == {"responseMimeType": "application/json"}
    assert "place" in made["systemInstruction"]["parts"][0]["text"]
    loose = wire(MIDDLE, tools=[TOOL], response_format={"type": "json_object"})
    assert "JSON" in loose["systemInstruction"]["parts"][0]["text"]
    with pytest.raises(UnsupportedError, match="response_format"):
        wire({"structured": "none"}, response_format=FORMAT)
    with pytest.raises(ConfigError, match="response_format"):
        wire(response_format={"type": "json_schema"})


def test_what_a_tool_says_besides_its_function_is_reported() -> None:
    marked = {**TOOL, "cache_control": {"type": "ephemeral"}, "input_examples": [{"place": "Rome"}]}

    assert dropped(tools=[marked]) == ["tools[0].input_examples", "cache_control", "tools[0].strict"]
    assert dropped(tools=[OTHER]) == []


def test_members_of_a_schema_that_lead_to_each_other_come_to_an_end() -> None:
    told: list[str] = []
    schema = {
        "allOf": [{"$ref": "#/$defs/a"}],
        "$defs": {
            "a": {"allOf": [{"$ref": "#/$defs/b"}], "description": "x"},
            "b": {"allOf": [{"$ref": "#/$defs/a"}], "type": "string"},
        },
    }

    assert openapi_schema(schema, told.append) == {"description": "x", "type": "STRING"}
    assert told == ["$ref (recursive)"]


def test_words_of_a_function_that_the_format_has_not_are_told() -> None:
    tool = {"type": "function", "function": {"name": "f", "behavior": "BLOCKING", "colour": "red"}}

    assert wire(tools=[tool], drop_params=True)["tools"] == [
        {"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}
    ]
    assert dropped(tools=[tool], drop_params=True) == ["tools[0].function.colour"]


@pytest.mark.parametrize(("word", "mode"), [("auto", "AUTO"), ("none", "NONE"), ("any", "ANY")])
def test_a_choice_of_tools_may_be_written_as_an_object(word: str, mode: str) -> None:
    tool = {"type": "function", "function": {"name": "f"}}

    assert wire(tools=[tool], tool_choice={"type": word})["toolConfig"]["functionCallingConfig"] == {"mode": mode}


def test_a_schema_that_is_true_says_nothing() -> None:
    schema = {"type": "object", "properties": {"a": True, "b": {"type": "string"}}, "required": ["b"]}

    made = openapi_schema(schema, lambda _: None)

    assert made["properties"] == {"a": {}, "b": {"type": "STRING"}}


def test_the_formats_own_configuration_of_tools_goes_through_with_tools_and_without() -> None:
    own = {"retrieval_config": {"language_code": "en"}}
    tool = {"type": "function", "function": {"name": "f"}}

    assert wire(tool_config=own)["toolConfig"] == {"retrievalConfig": {"languageCode": "en"}}
    assert wire(tool_config=own, tools=[tool], tool_choice="none")["toolConfig"] == {
        "functionCallingConfig": {"mode": "NONE"},
        "retrievalConfig": {"languageCode": "en"},
    }
