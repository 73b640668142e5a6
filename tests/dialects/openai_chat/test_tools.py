"""Tools and structured output as each kind of provider takes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import Call
from lingate.errors import UnsupportedError
from tests.dialects.openai_chat.support import CHAT, HELLO, TOOL, call, dropped, target, wire


class TestTools:
    @pytest.mark.requirement("X5")
    def test_empty_tools_nulls_and_what_only_goes_with_tools_are_left_out(self) -> None:
        body = wire(call(tools=[], tool_choice="auto", parallel_tool_calls=False, temperature=None, functions=[]))

        assert body == {"model": "m-1", "messages": HELLO}

    @pytest.mark.requirement("X12")
    def test_strict_beside_the_function_moves_into_it(self) -> None:
        tools = [{"type": "function", "function": {"name": "f"}, "strict": True}]

        assert wire(call(tools=tools))["tools"] == [{"type": "function", "function": {"name": "f", "strict": True}}]

    def test_refused_keywords_go_at_every_depth_but_properties_of_that_name_stay(self) -> None:
        parameters = {
            "$schema": "s",
            "type": "object",
            "properties": {
                "strict": {"type": "object", "additionalProperties": False},
                "list": {"items": [{"$schema": "s", "enum": [{"$schema": "data"}]}]},
            },
            "$defs": {"additionalProperties": {"type": "string", "additionalProperties": True}},
            "additionalProperties": False,
        }
        function = {"name": "f", "strict": True, "parameters": parameters}
        made = call(tools=[{"type": "function", "function": function}])
        to = target(traits={"tool_schema_drop": ("strict", "$schema", "additionalProperties")})

        assert wire(made, to)["tools"][0]["function"] == {
            "name": "f",
            "parameters": {
                "type": "object",
                "properties": {
                    "strict": {"type": "object"},
                    "list": {"items": [{"enum": [{"$schema": "data"}]}]},
                },
                "$defs": {"additionalProperties": {"type": "string"}},
            },
        }
        assert dropped(made, to) == ["tools[].$schema", "tools[].additionalProperties", "tools[].strict"]

    @pytest.mark.parametrize(
        ("word", "choice", "written", "notes"),
        [
            ("any", "required", "any", []),
            ("any", "auto", "auto", []),
            ("auto", "required", "auto", ["tool_choice=required"]),
            ("auto", {"type": "function", "function": {"name": "f"}}, "auto", ["tool_choice"]),
            ("required", "required", "required", []),
        ],
    )
    def test_must_call_is_said_in_the_providers_word(self, word: Any, choice: Any, written: Any, notes: Any) -> None:
        made, to = call(tools=[TOOL], tool_choice=choice), target(traits={"tool_choice_required": word})

        assert wire(made, to)["tool_choice"] == written
        assert dropped(made, to) == notes

    @pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}])
    @pytest.mark.parametrize("off", [{"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}])
    def test_a_tool_is_forced_where_only_thinking_forbids_it_and_is_switched_off(self, choice: Any, off: Any) -> None:
        to = target(traits={"tool_choice_required": "auto", "reasoning_param": "thinking"})
        asked = {"tools": [TOOL], "tool_choice": choice}

        assert wire(call(**asked, **off), to)["tool_choice"] == choice
        assert dropped(call(**asked, **off), to) == []
        assert wire(call(**asked, thinking={"type": "enabled"}), to)["tool_choice"] == "auto"
        assert wire(call(**asked, **off), target(traits={"tool_choice_required": "auto"}))["tool_choice"] == "auto"

    def test_legacy_functions_pass(self) -> None:
        body = wire(call(functions=[{"name": "f"}], function_call={"name": "f"}))

        assert (body["functions"], body["function_call"]) == ([{"name": "f"}], {"name": "f"})

    def test_tools_that_are_not_functions_pass(self) -> None:
        tools = [{"type": "web_search", "max_uses": 2}, {"type": "custom", "custom": {"name": "c"}}]

        assert wire(call(tools=tools), target(traits={"custom_tools": True}))["tools"] == tools
        assert wire(call(tools=tools[:1]))["tools"] == tools[:1]


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
BY_SCHEMA = {"type": "json_schema", "json_schema": {"name": "my answer", "schema": SCHEMA, "strict": True}}


class TestStructured:
    def test_a_native_schema_passes_untouched(self) -> None:
        assert wire(call(response_format=BY_SCHEMA))["response_format"] == BY_SCHEMA

    def test_json_mode_gets_the_schema_in_the_system_message(self) -> None:
        to = target(traits={"structured": "json_object"})

        body = wire(call(response_format=BY_SCHEMA), to)

        assert body["response_format"] == {"type": "json_object"}
        assert body["messages"][0]["role"] == "system"
        assert json.dumps(SCHEMA, separators=(",", ":")) in body["messages"][0]["content"]
        assert body["messages"][1:] == HELLO

    @pytest.mark.parametrize("content", ["be brief", [{"type": "text", "text": "be brief"}]])
    def test_an_existing_system_message_is_added_to(self, content: Any) -> None:
        made = Call("chat", "m", {"messages": [{"role": "system", "content": content}], "response_format": BY_SCHEMA})

        messages = wire(made, target(traits={"structured": "json_object"}))["messages"]

        assert len(messages) == 1
        assert "be brief" in str(messages[0]["content"])
        assert "JSON schema" in str(messages[0]["content"])

    def test_a_forced_tool_stands_for_the_answer(self) -> None:
        sent = CHAT.request(call(response_format=BY_SCHEMA), target(traits={"structured": "tool"}))
        body = json.loads(sent.body)

        assert sent.answer_tool == "my_answer"
        assert body["tools"][0]["function"]["name"] == "my_answer"
        assert body["tools"][0]["function"]["parameters"] == SCHEMA
        assert body["tool_choice"] == {"type": "function", "function": {"name": "my_answer"}}
        assert "response_format" not in body

    def test_beside_the_callers_tools_it_has_a_name_of_its_own_and_any_may_be_called(self) -> None:
        tools = [{"type": "function", "function": {"name": "my_answer"}}]

        sent = CHAT.request(call(response_format=BY_SCHEMA, tools=tools), target(traits={"structured": "tool"}))
        body = json.loads(sent.body)

        assert sent.answer_tool == "my_answer_"
        assert [tool["function"]["name"] for tool in body["tools"]] == ["my_answer", "my_answer_"]
        assert body["tool_choice"] == "required"

    @pytest.mark.parametrize("structured", ["json_schema", "json_object"])
    def test_plain_json_mode_passes(self, structured: Any) -> None:
        body = wire(call(response_format={"type": "json_object"}), target(traits={"structured": structured}))

        assert body["response_format"] == {"type": "json_object"}

    def test_plain_json_mode_becomes_an_instruction_where_there_are_only_tools(self) -> None:
        body = wire(call(response_format={"type": "json_object"}), target(traits={"structured": "tool"}))

        assert "response_format" not in body
        assert "tools" not in body
        assert "JSON" in body["messages"][0]["content"]

    def test_where_there_is_nothing_it_follows_the_drop_rule(self) -> None:
        to = target(traits={"structured": "none"})

        with pytest.raises(UnsupportedError, match="response_format"):
            CHAT.request(call(response_format=BY_SCHEMA), to)
        assert dropped(call(drop_params=True, response_format=BY_SCHEMA), to) == ["response_format"]
        assert wire(call(response_format={"type": "text"}), to) == {"model": "m-1", "messages": HELLO}


class TestRegularSchemas:
    """As Moonshot's server wants them: one tool of an agent's that is not so is a 400 for each of its requests."""

    def _made(self, schema: Any) -> tuple[Any, list[str]]:
        to = target(traits={"regular_schema": True, "tool_schema_drop": ("$schema",)})
        function = {"name": "f", "parameters": schema}
        before = json.dumps(schema)
        asked = call(tools=[{"type": "function", "function": function}])
        sent = CHAT.request(asked, to)
        assert json.dumps(schema) == before
        return json.loads(sent.body)["tools"][0]["function"]["parameters"], sent.dropped

    def test_references_point_into_the_definitions_of_the_root(self) -> None:
        # As zod-to-json-schema and draft 7 write them; a reference that leads nowhere takes anything.
        tree = {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/definitions/tree"}}}}
        made, told = self._made(
            {
                "type": "object",
                "properties": {
                    "a": {"anyOf": [{"type": "string"}, {"type": "number"}]},
                    "b": {"type": "array", "items": {"$ref": "#/properties/a/anyOf/1"}},
                    "c": {"$ref": "#/definitions/tree"},
                    "d": {"$ref": "#/nowhere"},
                    "e": {"$ref": "#"},
                    "$ref": {"type": "string"},
                },
                "definitions": {"tree": tree, "unused": {}},
            }
        )

        assert made["$defs"] == {
            "1": {"type": "number"},
            "tree": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}},
            "nowhere": {"type": "object"},
        }
        assert made["properties"]["b"]["items"] == {"$ref": "#/$defs/1"}
        assert made["properties"]["c"] == {"$ref": "#/$defs/tree"}
        assert made["properties"]["e"] == {"$ref": "#"}
        assert made["properties"]["$ref"] == {"type": "string"}
        assert "definitions" not in made
        assert told == []

    def test_a_definition_is_found_by_its_name_in_an_address_and_has_one_that_stands_there_as_it_is(self) -> None:
        # As generators for TypeScript name what is generic, and as they refer to it.
        made, _ = self._made(
            {
                "properties": {"a": {"$ref": "#/definitions/Record%3Cstring%2Cx~1y%3E"}},
                "definitions": {"Record<string,x/y>": {"type": "string"}},
            }
        )

        assert made["properties"]["a"] == {"$ref": "#/$defs/Record_3Cstring_2Cx_1y_3E"}
        assert made["$defs"] == {"Record_3Cstring_2Cx_1y_3E": {"type": "string"}}

    def test_two_definitions_of_one_name_are_kept_apart(self) -> None:
        made, _ = self._made(
            {
                "anyOf": [{"$ref": "#/$defs/x"}, {"$ref": "#/definitions/x"}],
                "$defs": {"x": {"type": "string"}},
                "definitions": {"x": {"type": "number"}},
            }
        )

        assert made["$defs"] == {"x": {"type": "string"}, "x_": {"type": "number"}}
        assert made["anyOf"] == [{"$ref": "#/$defs/x"}, {"$ref": "#/$defs/x_"}]

    def test_what_stands_beside_a_reference_is_its_description_alone(self) -> None:
        made, told = self._made(
            {
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/x", "description": "d", "type": "string", "minLength": 1}},
                "$defs": {"x": {"type": "string"}},
            }
        )

        assert made["properties"]["a"] == {"description": "d", "anyOf": [{"$ref": "#/$defs/x"}]}
        assert told == ["tools[].minLength (beside $ref)", "tools[].type (beside $ref)"]

    def test_a_type_and_alternatives_do_not_stand_side_by_side(self) -> None:
        typed = {"type": "object", "anyOf": [{"type": "object"}, {"$ref": "#"}]}
        needs = {"type": "object", "properties": {"a": {}}, "anyOf": [{"required": ["a"]}]}
        made, told = self._made({"type": "object", "properties": {"typed": typed, "needs": needs}})

        assert made["properties"]["typed"] == {"anyOf": [{"type": "object"}, {"$ref": "#"}]}
        assert made["properties"]["needs"] == {"type": "object", "properties": {"a": {}}}
        assert told == ["tools[].anyOf (beside type)"]

    def test_null_is_no_word_of_a_text(self) -> None:
        assert self._made({"type": "string", "enum": ["a", None]})[0]["enum"] == ["a"]
        assert self._made({"type": ["string", "null"], "enum": ["a", None]})[0]["enum"] == ["a", None]

    @pytest.mark.parametrize("schema", [None, {}, {"type": "object", "properties": {"a": True}}])
    def test_what_has_no_references_stays(self, schema: Any) -> None:
        assert self._made(schema) == (schema, [])


def test_a_tool_without_parameters_loses_only_what_its_schema_would() -> None:
    tool = {"type": "function", "function": {"name": "f", "strict": True}}
    to = target(traits={"tool_schema_drop": ("strict",)})

    assert wire(call(tools=[tool]), to)["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert dropped(call(tools=[tool]), to) == ["tools[].strict"]


def _function(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


@pytest.mark.parametrize(("mode", "word"), [("auto", "auto"), ("required", "required")])
def test_who_knows_no_list_of_allowed_tools_is_offered_no_others(mode: str, word: str) -> None:
    # vLLM's and Mistral's `tool_choice` is a word or one function: anything else is a 400 or 422.
    only = {"mode": mode, "tools": [_function("b"), _function("c"), _function("x")]}
    choice = {"type": "allowed_tools", "allowed_tools": only}
    made = call(tools=list(map(_function, "abc")), tool_choice=choice)

    body = wire(made)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["b", "c"]
    assert body["tool_choice"] == word
    anys = wire(made, target(traits={"tool_choice_required": "any"}))["tool_choice"]
    assert anys == {"auto": "auto", "required": "any"}[mode]
    same = wire(made, target(traits={"custom_tools": True}))
    assert (len(same["tools"]), same["tool_choice"]) == (3, choice)


def test_where_none_of_the_allowed_tools_is_there_none_is_offered() -> None:
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [_function("x")]}}
    assert wire(call(tools=[_function("a")], tool_choice=choice)).keys() == {"model", "messages"}


@pytest.mark.parametrize("trait", ["strict_schema", "needs_parameters"])
def test_a_function_without_parameters_has_an_empty_schema_where_one_is_required(trait: Any) -> None:
    # https://docs.mistral.ai/openapi.yaml: `Function` requires them; Google's clients leave them out, Qwen Code too.
    made = call(tools=[_function("a", description="d"), _function("b", parameters={"type": "object"})])
    empty = {"type": "object", "properties": {}}

    tools = wire(made, target(traits={trait: True}))["tools"]
    assert [tool["function"]["parameters"] for tool in tools] == [empty, {"type": "object"}]
    assert wire(made)["tools"] == made.body["tools"]
