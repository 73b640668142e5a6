"""Tools, the choice among them, and structured answers."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from lingate._dialects._tools import closed
from lingate._model import Traits
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.anthropic.oracle import check_params
from tests.dialects.anthropic.support import (
    call,
    decode,
    dropped,
    message,
    read,
    send,
    sse,
    streamed,
    target,
    text,
    wire,
)
from tests.dialects.short import collect

NATIVE: Traits = {"structured": "json_schema", "thinking": "adaptive"}
BY_TOOL: Traits = {"structured": "tool", "thinking": "budget"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}
OTHER = {"type": "function", "function": {"name": "hear", "parameters": SCHEMA}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}}


def checked(traits: Traits | None = None, **body: Any) -> dict[str, Any]:
    made = wire(traits, **body)
    check_params(made)
    return made


def test_a_function_becomes_a_tool_with_its_schema() -> None:
    assert checked(tools=[FUNCTION])["tools"] == [{"name": "look", "description": "Looks.", "input_schema": SCHEMA}]


@pytest.mark.parametrize("parameters", [None, {}, {"properties": {}}])
def test_a_function_without_parameters_takes_an_empty_object(parameters: Any) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}

    assert checked(tools=[tool])["tools"][0]["input_schema"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("given", "properties", "required"),
    [
        ({**SCHEMA, "anyOf": [{"required": ["city"]}, {"required": ["at"]}]}, SCHEMA["properties"], ["city"]),
        (
            {"oneOf": [SCHEMA, {"properties": {"city": {"type": "null"}, "at": {}}}]},
            {"city": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "at": {}},
            None,
        ),
        ({"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/x"}], "$defs": {"A": SCHEMA}}, SCHEMA["properties"], None),
    ],
)
def test_branches_at_the_top_of_a_schema_are_told_in_words(given: Any, properties: Any, required: Any) -> None:
    # 400 "input_schema does not support oneOf, allOf, or anyOf at the top level".
    tool = {"type": "function", "function": {"name": "f", "parameters": copy.deepcopy(given)}}

    made = checked(tools=[tool])["tools"][0]["input_schema"]

    assert not {"anyOf", "oneOf", "allOf"} & made.keys()
    assert (made["type"], made["properties"], made.get("required")) == ("object", properties, required)
    branches = {key: given[key] for key in given if key.endswith("Of")}
    assert made["description"].startswith("It must match this too: {")
    assert json.loads(made["description"].partition(": ")[2]) == branches
    assert tool["function"]["parameters"] == given


def test_strict_is_taken_from_either_level_where_the_model_knows_it() -> None:
    inside = {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}
    beside = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}, "strict": True}

    for tool in (inside, beside):
        assert checked(NATIVE, tools=[tool])["tools"][0]["strict"] is True
        assert "strict" not in checked(BY_TOOL, tools=[tool])["tools"][0]
        assert dropped(BY_TOOL, tools=[tool]) == ["tools[0].strict"]


def test_arguments_that_are_enforced_are_told_of_limits_that_cannot_be() -> None:
    few = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
    tool = {"type": "function", "function": {"name": "f", "parameters": few, "strict": True}}

    made = checked(NATIVE, tools=[tool])["tools"][0]["input_schema"]

    told = {"n": {"type": "integer", "description": "{minimum: 1}"}}
    assert made == {"type": "object", "properties": told, "required": ["n"]}
    assert checked(BY_TOOL, tools=[tool])["tools"][0]["input_schema"] == few


def test_fields_of_a_tool_that_we_do_not_know_are_kept() -> None:
    tool = {**FUNCTION, "cache_control": {"type": "ephemeral"}, "defer_loading": True}

    made = checked(tools=[tool])["tools"][0]

    assert made["cache_control"] == {"type": "ephemeral"}
    assert made["defer_loading"] is True


def test_the_providers_own_tools_pass_as_they_are() -> None:
    own = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    bare = {"name": "f", "input_schema": {"type": "object"}}

    assert checked(tools=[own, bare])["tools"] == [own, bare]


def test_a_tool_in_beta_brings_its_header() -> None:
    _, sent = send(call(tools=[{"type": "computer_20250124", "name": "computer", "display_width_px": 1}]))

    assert sent.headers["anthropic-beta"] == "computer-use-2025-01-24"


@pytest.mark.parametrize("tools", ["x", [5], [{"type": "function"}], [{"type": "function", "function": {}}]])
def test_tools_that_make_no_sense_are_refused_with_their_place(tools: Any) -> None:
    with pytest.raises(ConfigError, match=r"^tools"):
        wire(tools=tools)


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("any", {"type": "any"}),
        ("none", {"type": "none"}),
        ({"type": "function", "function": {"name": "look"}}, {"type": "tool", "name": "look"}),
        ({"type": "tool", "name": "look"}, {"type": "tool", "name": "look"}),
        ({"type": "any", "disable_parallel_tool_use": True}, {"type": "any", "disable_parallel_tool_use": True}),
    ],
)
def test_every_form_of_tool_choice_has_its_counterpart(choice: Any, sent: dict[str, Any]) -> None:
    assert checked(tools=[FUNCTION], tool_choice=choice)["tool_choice"] == sent


def test_allowed_tools_narrow_the_tools_that_are_offered() -> None:
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "hear"}}]}

    body = checked(tools=[FUNCTION, OTHER], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})

    assert [tool["name"] for tool in body["tools"]] == ["hear"]
    assert body["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize("choice", ["sometimes", 5, {"type": "allowed_tools"}])
def test_a_choice_that_makes_no_sense_is_refused(choice: Any) -> None:
    with pytest.raises(ConfigError, match=r"^tool_choice"):
        wire(tools=[FUNCTION], tool_choice=choice)


def test_a_choice_of_a_free_text_tool_is_unsupported() -> None:
    choice = {"type": "custom", "custom": {"name": "f"}}

    with pytest.raises(UnsupportedError, match="tool_choice"):
        wire(tools=[FUNCTION], tool_choice=choice)
    assert "tool_choice" not in wire(drop_params=True, tools=[FUNCTION], tool_choice=choice)


def test_where_a_tool_cannot_be_forced_auto_is_sent_and_reported() -> None:
    traits: Traits = {"tool_choice_required": "auto"}

    assert wire(traits, tools=[FUNCTION], tool_choice="required")["tool_choice"] == {"type": "auto"}
    assert dropped(traits, tools=[FUNCTION], tool_choice="required") == ["tool_choice"]
    for choice in ({"type": "function", "function": {"name": "look"}}, {"type": "tool", "name": "look"}):
        assert wire(traits, tools=[FUNCTION], tool_choice=choice)["tool_choice"] == {"type": "auto"}
        assert dropped(traits, tools=[FUNCTION], tool_choice=choice) == ["tool_choice"]
    body = wire(traits, tools=[FUNCTION], tool_choice="required", parallel_tool_calls=False)
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert wire(traits, tools=[FUNCTION], tool_choice="none")["tool_choice"] == {"type": "none"}


def test_parallel_calls_are_switched_off_inside_the_choice() -> None:
    assert checked(tools=[FUNCTION], parallel_tool_calls=False)["tool_choice"] == {
        "type": "auto",
        "disable_parallel_tool_use": True,
    }
    assert checked(tools=[FUNCTION], tool_choice="required", parallel_tool_calls=False)["tool_choice"] == {
        "type": "any",
        "disable_parallel_tool_use": True,
    }
    assert checked(tools=[FUNCTION], tool_choice="none", parallel_tool_calls=False)["tool_choice"] == {"type": "none"}
    assert "tool_choice" not in checked(tools=[FUNCTION], parallel_tool_calls=True)


def test_legacy_functions_are_tools() -> None:
    body = checked(functions=[FUNCTION["function"]], function_call={"name": "look"})

    assert body["tools"][0]["name"] == "look"
    assert body["tool_choice"] == {"type": "tool", "name": "look"}
    assert checked(functions=[FUNCTION["function"]], function_call="auto")["tool_choice"] == {"type": "auto"}


@pytest.mark.parametrize("tools", [None, []])
def test_a_history_with_calls_declares_their_tools_though_none_is_offered(tools: Any) -> None:
    use = {"id": "t", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "tool_calls": [use]},
        {"role": "tool", "tool_call_id": "t", "content": "x"},
        {"role": "system", "content": "Sum up."},
    ]

    body = checked(messages=messages, tools=tools)

    assert [tool["name"] for tool in body["tools"]] == ["look"]
    assert body["tool_choice"] == {"type": "none"}


def test_openais_web_search_is_this_formats_own() -> None:
    place = {"type": "approximate", "approximate": {"country": "DE", "city": "Ulm"}}

    body = checked(web_search_options={"search_context_size": "medium", "user_location": place})

    assert body["tools"] == [
        {
            "type": "web_search_20250305",
            "name": "web_search",
            "user_location": {"type": "approximate", "country": "DE", "city": "Ulm"},
        }
    ]
    assert dropped(web_search_options={"search_context_size": "high"}) == ["web_search_options.search_context_size"]


def test_keywords_that_a_host_refuses_are_taken_out_of_tools_at_every_depth() -> None:
    inner = {"$schema": {"anyOf": [{"type": "string", "$schema": "y"}]}}
    schema = {"type": "object", "$schema": "x", "properties": inner}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}

    made = wire({"tool_schema_drop": ("$schema",)}, tools=[tool])["tools"][0]["input_schema"]

    assert made == {"type": "object", "properties": {"$schema": {"anyOf": [{"type": "string"}]}}}


def test_a_schema_is_sent_natively_and_closed_in_a_copy() -> None:
    nested = {
        "type": "object",
        "properties": {
            "list": {
                "type": "array",
                "items": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}},
            },
            "either": {"oneOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]},
        },
        "$defs": {"a": {"type": "object", "description": "An a.", "maxProperties": 3, "additionalProperties": True}},
    }
    before = copy.deepcopy(nested)

    body = checked(NATIVE, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": nested}})

    made = body["output_config"]["format"]["schema"]
    item = made["properties"]["list"]["items"]
    assert (
        made["additionalProperties"]
        is item["additionalProperties"]
        is made["$defs"]["a"]["additionalProperties"]
        is False
    )
    assert item["properties"]["n"] == {"type": "integer", "description": "{minimum: 1}"}
    assert made["properties"]["either"] == {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}
    assert made["$defs"]["a"]["description"] == "An a.\n\n{maxProperties: 3, additionalProperties: True}"
    assert nested == before


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "color"}, {"type": "string", "description": "{format: color}"}),
        ({"type": "array", "minItems": 1}, {"type": "array", "minItems": 1}),
        ({"type": "array", "minItems": 2}, {"type": "array", "description": "{minItems: 2}"}),
        ({"type": ["object", "null"]}, {"type": ["object", "null"], "additionalProperties": False}),
        ({"enum": ["a"]}, {"enum": ["a"]}),
        (True, True),
    ],
)
def test_a_schema_keeps_what_the_api_takes_and_tells_the_rest(given: Any, made: Any) -> None:
    assert closed(given) == made


def test_an_older_model_answers_through_a_forced_tool() -> None:
    body, sent = send(call(response_format=FORMAT), target(BY_TOOL))

    check_params(body)
    assert [tool["name"] for tool in body["tools"]] == ["place"]
    assert body["tools"][0]["input_schema"] == SCHEMA
    assert body["tool_choice"] == {"type": "tool", "name": "place", "disable_parallel_tool_use": True}
    assert sent.answer_tool == "place"


def test_json_mode_is_a_tool_that_takes_any_object() -> None:
    for traits in (NATIVE, BY_TOOL):
        body, sent = send(call(response_format={"type": "json_object"}), target(traits))

        assert body["tools"][0]["input_schema"] == {"type": "object", "properties": {}}
        assert body["tool_choice"]["type"] == "tool"
        assert sent.answer_tool == body["tools"][0]["name"]


def test_a_structured_answer_beside_tools_lets_the_model_use_them_first() -> None:
    body, sent = send(call(response_format=FORMAT, tools=[FUNCTION], tool_choice="auto"), target(BY_TOOL))

    assert [tool["name"] for tool in body["tools"]] == ["look", "place"]
    assert body["tool_choice"] == {"type": "any"}
    assert sent.answer_tool == "place"


def test_a_tool_that_the_caller_forces_comes_before_the_structured_answer() -> None:
    choice = {"type": "function", "function": {"name": "look"}}

    body, sent = send(call(response_format=FORMAT, tools=[FUNCTION], tool_choice=choice), target(BY_TOOL))

    assert body["tool_choice"] == {"type": "tool", "name": "look"}
    assert sent.answer_tool is None


def test_the_answer_tool_never_has_the_name_of_a_callers_tool() -> None:
    clash = {"type": "json_schema", "json_schema": {"name": "look", "schema": SCHEMA}}
    taken = {"type": "function", "function": {"name": "structured_answer", "parameters": SCHEMA}}

    _, sent = send(call(response_format=clash, tools=[FUNCTION, taken]), target(BY_TOOL))

    assert sent.answer_tool == "structured_answer_"


def test_while_thinking_the_answer_tool_is_asked_for_and_not_forced() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]

    body, sent = send(call(messages=messages, response_format=FORMAT, reasoning_effort="low"), target(BY_TOOL))

    assert body["thinking"]["type"] == "enabled"
    assert body["tool_choice"] == {"type": "auto"}
    assert body["system"][0] == text("Be brief.")
    assert "place" in body["system"][1]["text"]
    assert sent.answer_tool == "place"


def test_a_schema_goes_into_the_prompt_where_the_host_knows_no_other_way() -> None:
    body = wire({"structured": "json_object"}, response_format=FORMAT)

    assert json.dumps(SCHEMA, separators=(",", ":")) in body["system"][0]["text"]
    assert "tools" not in body


@pytest.mark.parametrize(
    "wanted", [{"type": "json_schema"}, {"type": "xml"}, {"type": "json_schema", "json_schema": {}}]
)
def test_a_format_that_makes_no_sense_is_refused(wanted: Any) -> None:
    with pytest.raises(ConfigError, match=r"^response_format"):
        wire(NATIVE, response_format=wanted)


def _structured() -> Any:
    return send(call(response_format=FORMAT), target(BY_TOOL))[1]


def test_a_model_that_no_tool_can_be_forced_on_is_asked_for_the_answer_tool() -> None:
    body = checked({**BY_TOOL, "tool_choice_required": "auto"}, response_format=FORMAT)

    assert body["tool_choice"] == {"type": "auto"}
    assert "calling the tool place" in body["system"][0]["text"]


def test_the_input_of_the_answer_tool_is_the_content_and_no_tool_call() -> None:
    answer = {"type": "tool_use", "id": "t", "name": "place", "input": {"city": "Ulm"}}
    body = message(text("Here you are:"), answer, stop_reason="tool_use")

    whole = read(body, _structured())
    added_up = collect(decode([sse(*streamed(body))], _structured()))

    for response in (whole, added_up):
        choice = response["choices"][0]
        assert json.loads(choice["message"]["content"]) == {"city": "Ulm"}
        assert "tool_calls" not in choice["message"]
        assert "provider_specific_fields" not in choice["message"]
        assert choice["finish_reason"] == "stop"


def test_an_answer_tool_without_input_is_an_empty_object() -> None:
    body = message({"type": "tool_use", "id": "t", "name": "place", "input": {}}, stop_reason="tool_use")

    assert collect(decode([sse(*streamed(body))], _structured()))["choices"][0]["message"]["content"] == "{}"


def test_text_is_the_content_where_the_model_did_not_use_the_answer_tool() -> None:
    body = message(text('{"city": "Ulm"}'))

    for response in (read(body, _structured()), collect(decode([sse(*streamed(body))], _structured()))):
        assert response["choices"][0]["message"]["content"] == '{"city": "Ulm"}'


def test_only_the_first_of_two_structured_answers_counts() -> None:
    answers = [{"type": "tool_use", "id": f"t{n}", "name": "place", "input": {"city": str(n)}} for n in range(2)]
    body = message(*answers, stop_reason="tool_use")

    for response in (read(body, _structured()), collect(decode([sse(*streamed(body))], _structured()))):
        assert json.loads(response["choices"][0]["message"]["content"]) == {"city": "0"}


def test_real_tool_calls_beside_a_structured_answer_stay_tool_calls() -> None:
    body = message({"type": "tool_use", "id": "t", "name": "look", "input": {"city": "Ulm"}}, stop_reason="tool_use")

    for response in (read(body, _structured()), collect(decode([sse(*streamed(body))], _structured()))):
        assert response["choices"][0]["finish_reason"] == "tool_calls"
        assert response["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "look"


@pytest.mark.parametrize("wanted", ["json", ["json_object"], 1])
def test_a_response_format_that_is_no_object_is_refused_as_what_it_is(wanted: Any) -> None:
    with pytest.raises(ConfigError, match=r"^response_format: must be"):
        wire(NATIVE, response_format=wanted)
