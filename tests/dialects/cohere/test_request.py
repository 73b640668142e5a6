"""Towards the API: what becomes of each field of a canonical request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import Call
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.cohere.oracle import check
from tests.dialects.cohere.support import CHAT, MODELS, OTHER, TOOL, call, dropped, send, target, text, thought, wire


def _history(*messages: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
    made = wire(messages=list(messages), **body)
    check(made)
    found: list[dict[str, Any]] = made["messages"]
    return found


def _tool(name: str, strict: bool | None = None, required: bool = True) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        **({"required": ["a"]} if required else {}),
    }
    told = {} if strict is None else {"strict": strict}
    return {"type": "function", "function": {"name": name, "parameters": parameters, **told}}


def test_a_call_is_a_post_with_the_credential_and_the_target_s_model() -> None:
    sent = CHAT.request(call(), target())

    assert (sent.method, sent.url) == ("POST", "https://api.acme.test/v2/chat")
    assert sent.headers["authorization"] == "Bearer secret"
    assert json.loads(sent.body) == {
        "model": "command-test",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": False,
    }


def test_a_row_may_have_another_path_and_the_caller_further_headers_and_fields() -> None:
    made = call()
    made.extra_headers, made.extra_body = {"X-Client-Name": "me"}, {"safety_mode": "STRICT", "model": "other"}

    sent = CHAT.request(made, target(paths={"chat": "/providers/co/v2/chat"}))

    assert sent.url == "https://api.acme.test/providers/co/v2/chat"
    assert sent.headers["X-Client-Name"] == "me"
    assert json.loads(sent.body)["safety_mode"] == "STRICT"
    assert json.loads(sent.body)["model"] == "other"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("max_tokens", 9, {"max_tokens": 9}),
        ("max_completion_tokens", 9, {"max_tokens": 9}),
        ("temperature", 0.5, {"temperature": 0.5}),
        ("top_p", 0.5, {"p": 0.5}),
        ("top_k", 7, {"k": 7}),
        ("seed", 3, {"seed": 3}),
        ("frequency_penalty", 0.5, {"frequency_penalty": 0.5}),
        ("presence_penalty", 0, {"presence_penalty": 0}),
        ("logprobs", True, {"logprobs": True}),
        ("stop", "x", {"stop_sequences": ["x"]}),
        ("stop", ["x", "y"], {"stop_sequences": ["x", "y"]}),
        (
            "documents",
            ["a", {"id": "d", "data": {"text": "b"}}],
            {"documents": ["a", {"id": "d", "data": {"text": "b"}}]},
        ),
        ("citation_options", {"mode": "FAST"}, {"citation_options": {"mode": "FAST"}}),
        ("safety_mode", "STRICT", {"safety_mode": "STRICT"}),
        ("priority", 2, {"priority": 2}),
        ("strict_tools", True, {"strict_tools": True}),
        ("p", 0.3, {"p": 0.3}),
        ("k", 3, {"k": 3}),
    ],
)
def test_a_parameter_has_its_name_here(field: str, value: Any, expected: dict[str, Any]) -> None:
    made = wire(**{field: value})

    check(made)
    assert {name: made[name] for name in made.keys() - {"model", "messages", "stream"}} == expected
    assert dropped(**{field: value}) == []


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("top_p", 1, {"p": 0.99}),
        ("top_p", 0, {"p": 0.01}),
        ("top_k", 1000, {"k": 500}),
        ("frequency_penalty", -1, {"frequency_penalty": 0.0}),
        ("presence_penalty", 2, {"presence_penalty": 1.0}),
    ],
)
def test_what_openai_allows_and_the_api_does_not_is_brought_into_range(field: str, value: Any, sent: Any) -> None:
    made = wire(**{field: value})

    assert {name: made[name] for name in sent} == sent
    assert dropped(**{field: value}) == [f"{field} (clamped from {value} to {next(iter(sent.values()))})"]


def test_more_stop_sequences_than_the_wire_takes_are_enforced_on_our_side() -> None:
    stops = [str(number) for number in range(9)]

    body, sent = send(call(stop=stops))

    assert body["stop_sequences"] == stops[:5]
    assert sent.stop == tuple(stops)
    assert sent.dropped == ["stop[5:]"]


@pytest.mark.parametrize("field", ["n", "logit_bias", "top_logprobs", "store", "prediction", "moderation"])
def test_what_has_no_counterpart_is_refused_unless_it_may_be_dropped(field: str) -> None:
    value: Any = {"n": 2, "logit_bias": {"1": 2}, "top_logprobs": 3}.get(field, True)

    with pytest.raises(UnsupportedError) as raised:
        wire(**{field: value})
    assert raised.value.param == field
    assert field not in wire(drop_params=True, **{field: value})
    assert dropped(drop_params=True, **{field: value}) == [field]


@pytest.mark.parametrize(
    "neutral",
    [
        {"n": 1},
        {"logit_bias": {}},
        {"parallel_tool_calls": True},
        {"store": False},
        {"stream_options": {"include_usage": True}},
        {"service_tier": "auto"},
        {"response_format": {"type": "text"}},
        {"tools": [], "tool_choice": "auto"},
        {"stop": None, "temperature": None},
        {"provider_specific_fields": {"other": {"x": 1}}},
    ],
)
def test_what_asks_for_what_happens_anyway_is_left_out(neutral: dict[str, Any]) -> None:
    assert wire(**neutral) == wire()
    assert dropped(**neutral) == []


@pytest.mark.parametrize(
    "field",
    ["user", "metadata", "prompt_cache_key", "prompt_cache_options", "chat_template_kwargs", "safety_identifier"],
)
def test_hints_are_left_out_and_reported(field: str) -> None:
    assert wire(**{field: "x"}) == wire()
    assert dropped(**{field: "x"}) == [field]


def test_what_a_row_refuses_is_refused() -> None:
    to = target(unsupported=("seed", "temperature>1"))

    assert "temperature" in send(call(temperature=1), to)[0]
    with pytest.raises(UnsupportedError, match="seed"):
        send(call(seed=1), to)
    body, sent = send(call(seed=1, temperature=1.5, drop_params=True), to)
    assert sent.dropped == ["seed", "temperature>1"]
    assert not {"seed", "temperature"} & body.keys()


def test_traits_hold_here_too() -> None:
    assert dropped({"max_temperature": 1.0}, temperature=1.5) == ["temperature (clamped from 1.5 to 1.0)"]
    assert dropped({"sampling": "one"}, temperature=0.5, top_p=0.5) == ["top_p"]
    assert wire({"default_max_tokens": 7})["max_tokens"] == 7
    with pytest.raises(UnsupportedError):
        wire({"sampling": "none"}, temperature=0.5)


# --- messages


def test_roles_are_told_in_the_words_there_are() -> None:
    made = _history(
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "ho"},
        {"role": "system", "content": "late"},
        {"role": "user", "content": "go"},
    )

    assert [message["role"] for message in made] == ["system", "user", "assistant", "system", "user"]


def test_a_late_system_message_may_be_the_users() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}, {"role": "user", "content": "c"}]

    made = wire({"late_system": "user"}, messages=messages)["messages"]

    assert made == [messages[0], {"role": "user", "content": "<system>\nb\n</system>"}, messages[2]]


def test_a_lone_system_message_is_something_to_answer() -> None:
    messages = [{"role": "system", "content": "say hi"}]

    assert wire(messages=messages)["messages"] == [{"role": "user", "content": "say hi"}]
    assert "lone system" in dropped(messages=messages)[0]


def test_empty_messages_of_the_assistant_and_system_are_left_out() -> None:
    made = _history(
        {"role": "system", "content": ""},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": []},
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "go"},
    )

    assert made == [{"role": "user", "content": "hi"}, {"role": "user", "content": "go"}]


def test_of_an_image_only_what_the_format_knows_is_sent() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "format": "image/png"}}
    sent = CHAT.request(Call("chat", "m", {"messages": [{"role": "user", "content": [image]}]}), target())

    part = json.loads(sent.body)["messages"][0]["content"][0]
    assert part == {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
    assert sent.dropped == ["messages[0].content[0].image_url.format"]


def test_images_stay_and_their_short_form_becomes_the_long_one() -> None:
    long = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aa", "detail": "low"}}
    short = {"type": "image_url", "image_url": "https://x.test/a.png"}

    (made,) = _history({"role": "user", "content": ["look", long, short]})

    assert made["content"] == [text("look"), long, {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("user", {"type": "input_audio", "input_audio": {"data": "aa", "format": "wav"}}),
        ("user", {"type": "file", "file": {"file_data": "data:application/pdf;base64,aa"}}),
        ("tool", {"type": "image_url", "image_url": {"url": "https://x.test"}}),
        ("assistant", {"type": "image_url", "image_url": {"url": "https://x.test"}}),
    ],
)
def test_a_part_without_a_place_is_refused_by_its_path(role: str, part: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": role, "tool_call_id": "c", "content": [text("x"), part]}]

    with pytest.raises(UnsupportedError) as raised:
        wire(messages=messages)
    assert raised.value.param == "messages[1].content[1]"
    assert wire(drop_params=True, messages=messages)["messages"][1]["content"] == [text("x")]


def test_cache_marks_and_names_are_reported() -> None:
    part = {**text("x"), "cache_control": {"type": "ephemeral"}, "prompt_cache_breakpoint": {"mode": "explicit"}}
    message = {"role": "user", "content": [part], "name": "bob"}

    assert _history(message) == [{"role": "user", "content": [text("x")]}]
    assert dropped(messages=[message]) == ["messages[0].name", "cache_control", "prompt_cache_breakpoint"]


@pytest.mark.parametrize(
    "messages",
    [
        None,
        [],
        "hi",
        [1],
        [{"role": "x", "content": "y"}],
        [{"role": "user", "content": 7}],
        [{"role": "user", "content": [7]}],
        [{"role": "user", "content": [{"type": "text"}]}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
        [{"role": "tool", "content": "x"}],
        [{"role": "assistant", "tool_calls": "x"}],
        [{"role": "assistant", "tool_calls": [{"id": "c"}]}],
        [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}],
    ],
)
def test_messages_that_make_no_sense_are_a_config_error(messages: Any) -> None:
    with pytest.raises(ConfigError):
        wire(messages=messages)


# --- tools


def test_a_tool_s_turn_is_told_whole() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": {"q": "x"}}, "index": 0}]

    made = _history(
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": calls, "reasoning_content": "I look."},
        {"role": "tool", "tool_call_id": "c1", "name": "find", "content": "found"},
        {
            "role": "tool",
            "tool_call_id": "c1",
            "content": [text("a"), {"type": "document", "document": {"data": {"x": 1}}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": {"found": 1}},
    )

    told = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":"x"}'}}
    assert made[1] == {"role": "assistant", "tool_plan": "I look.", "tool_calls": [told]}
    assert made[2] == {"role": "tool", "tool_call_id": "c1", "content": "found"}
    assert made[4]["content"] == '{"found":1}'


def test_calls_without_arguments_have_an_empty_object() -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]

    made = _history({"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "c", "content": ""})

    assert made[0]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_tools_are_plain_functions_with_parameters() -> None:
    made = wire(tools=[TOOL, {"type": "function", "function": {"name": "bare", "parameters": None}}])

    check(made)
    assert made["tools"][0] == TOOL
    assert made["tools"][1]["function"] == {"name": "bare", "parameters": {"type": "object", "properties": {}}}


def test_keywords_a_provider_refuses_leave_the_schemas() -> None:
    made = wire({"tool_schema_drop": ("required",)}, tools=[TOOL])

    assert "required" not in made["tools"][0]["function"]["parameters"]


@pytest.mark.parametrize(
    ("tools", "strict", "noted"),
    [
        ([_tool("a", True), _tool("b", True)], True, []),
        ([_tool("a", True), _tool("b", False)], None, ["tools[].strict"]),
        ([_tool("a", True, required=False)], None, ["tools[].strict"]),
        ([_tool("a", False)], None, []),
        ([_tool("a")], None, []),
    ],
)
def test_strictness_holds_for_all_tools_or_none(tools: list[Any], strict: bool | None, noted: list[str]) -> None:
    made = wire(tools=tools)

    check(made)
    assert made.get("strict_tools") is strict
    assert dropped(tools=tools) == noted


@pytest.mark.parametrize(
    ("choice", "word", "names"),
    [
        ("auto", None, ["find", "other"]),
        ("required", "REQUIRED", ["find", "other"]),
        ("any", "REQUIRED", ["find", "other"]),
        ("none", "NONE", ["find", "other"]),
        ({"type": "function", "function": {"name": "find"}}, "REQUIRED", ["find"]),
        ({"type": "tool", "name": "other"}, "REQUIRED", ["other"]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [OTHER]}}, None, ["other"]),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [OTHER]}}, "REQUIRED", ["other"]),
    ],
)
def test_a_choice_among_tools_is_said_in_two_words_and_by_what_is_offered(choice: Any, word: Any, names: Any) -> None:
    made = wire(tools=[TOOL, OTHER], tool_choice=choice)

    check(made)
    assert made.get("tool_choice") == word
    assert [tool["function"]["name"] for tool in made["tools"]] == names


def test_older_models_cannot_be_made_to_call() -> None:
    assert "tool_choice" not in wire({"tool_choice_required": "auto"}, tools=[TOOL], tool_choice="required")
    assert dropped({"tool_choice_required": "auto"}, tools=[TOOL], tool_choice="required") == ["tool_choice"]


@pytest.mark.parametrize(
    "body",
    [{"tools": "x"}, {"tools": [1]}, {"tools": [{"type": "function"}]}, {"tools": [TOOL], "tool_choice": "perhaps"}],
)
def test_tools_that_make_no_sense_are_a_config_error(body: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        wire(**body)


def test_tools_in_anthropics_own_form_are_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"tools\[0\]"):
        wire(tools=[{"type": "custom", "name": "x", "input_schema": {"type": "object"}}])


def test_functions_of_old_become_tools() -> None:
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": '{"q":"x"}'}},
        {"role": "function", "name": "find", "content": "found"},
    ]

    made = wire(messages=messages, functions=[TOOL["function"], OTHER["function"]], function_call={"name": "find"})

    check(made)
    assert (made["tools"], made["tool_choice"]) == ([TOOL], "REQUIRED")
    assert made["messages"][1]["tool_calls"][0]["id"] == made["messages"][2]["tool_call_id"]


# --- structured answers

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA, "strict": True}}


def test_a_schema_is_sent_without_its_wrapper() -> None:
    made = wire(response_format=FORMAT)

    check(made)
    assert made["response_format"] == {"type": "json_object", "json_schema": SCHEMA}
    assert wire(response_format={"type": "json_object"})["response_format"] == {"type": "json_object"}


def test_beside_tools_the_answer_is_a_tool_that_must_be_called() -> None:
    body, sent = send(call(response_format=FORMAT, tools=[TOOL]))

    check(body)
    assert "response_format" not in body
    assert [tool["function"]["name"] for tool in body["tools"]] == ["find", "thing"]
    assert (body["tool_choice"], sent.answer_tool) == ("REQUIRED", "thing")


def test_where_no_tool_may_be_called_the_answer_is_the_only_one_offered() -> None:
    body, sent = send(call(response_format=FORMAT, tools=[TOOL], tool_choice="none"))

    assert [tool["function"]["name"] for tool in body["tools"]] == ["thing"]
    assert (body["tool_choice"], sent.answer_tool) == ("REQUIRED", "thing")


def test_a_model_that_cannot_be_made_to_call_is_asked_to() -> None:
    body, sent = send(call(response_format=FORMAT, tools=[TOOL]), target({"tool_choice_required": "auto"}))

    assert sent.answer_tool == "thing"
    assert "tool_choice" not in body
    assert "calling the tool thing" in body["messages"][0]["content"]


def test_where_a_certain_tool_must_be_called_this_turn_is_not_the_answer() -> None:
    choice = {"type": "function", "function": {"name": "find"}}

    body, sent = send(call(response_format=FORMAT, tools=[TOOL, OTHER], tool_choice=choice))

    assert ([tool["function"]["name"] for tool in body["tools"]], sent.answer_tool) == (["find"], None)


def test_the_other_ways_to_ask_for_a_format() -> None:
    told = wire({"structured": "json_object"}, response_format=FORMAT)
    assert told["response_format"] == {"type": "json_object"}
    assert '"integer"' in told["messages"][0]["content"]
    assert send(call(response_format=FORMAT), target({"structured": "tool"}))[1].answer_tool == "thing"
    assert "response_format" in wire({"structured": "json_schema"}, response_format=FORMAT, tools=[TOOL])
    with pytest.raises(UnsupportedError, match="response_format"):
        wire({"structured": "none"}, response_format=FORMAT)
    with pytest.raises(ConfigError):
        wire(response_format={"type": "json_schema"})


# --- reasoning


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"reasoning_effort": "none"}, {"type": "disabled"}),
        ({"reasoning_effort": "low"}, {"type": "enabled", "token_budget": 2048}),
        ({"reasoning_effort": "high"}, {"type": "enabled"}),
        ({"reasoning_effort": "max"}, {"type": "enabled"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 99}}, {"type": "enabled", "token_budget": 99}),
        ({"thinking": {"type": "enabled", "token_budget": 99}}, {"type": "enabled", "token_budget": 99}),
        ({"thinking": {"type": "adaptive"}}, {"type": "enabled"}),
        ({"thinking": {"type": "disabled"}}, {"type": "disabled"}),
    ],
)
def test_how_much_to_think_is_a_budget(asked: dict[str, Any], sent: dict[str, Any]) -> None:
    made = wire(**asked)

    check(made)
    assert made["thinking"] == sent


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    assert "thinking" not in wire({"thinking": "none"}, reasoning_effort="none")
    with pytest.raises(UnsupportedError, match="reasoning_effort"):
        wire({"thinking": "none"}, reasoning_effort="low")
    with pytest.raises(UnsupportedError, match="thinking"):
        wire({"thinking": "none"}, thinking={"type": "enabled"})
    with pytest.raises(UnsupportedError, match="reasoning_effort"):
        wire(reasoning_effort="a bit")


def test_reasoning_goes_back_as_a_part_or_as_the_plan_before_calls() -> None:
    (made, _) = _history(
        {"role": "assistant", "content": "4", "reasoning_content": "2+2"}, {"role": "user", "content": "sure?"}
    )

    assert made == {"role": "assistant", "content": [thought("2+2"), text("4")]}
    blocks = [{"type": "thinking", "thinking": "2+2", "signature": "s"}]
    assert _history({"role": "assistant", "content": "4", "thinking_blocks": blocks})[0] == made


def test_reasoning_may_stay_out_of_the_history() -> None:
    message = {"role": "assistant", "content": "4", "reasoning_content": "2+2"}

    assert wire({"reasoning_history": "drop"}, messages=[message])["messages"] == [
        {"role": "assistant", "content": "4"}
    ]
    assert dropped({"reasoning_history": "drop"}, messages=[message]) == ["messages[0].reasoning_content"]


def test_the_provider_s_own_parts_go_back_as_long_as_the_message_says_the_same() -> None:
    citation = {"start": 0, "end": 1, "text": "4", "sources": [{"type": "tool", "id": "c:0"}]}
    kept = {"content": [text("4"), thought("late"), text("2")], "citations": [citation]}
    message = {
        "role": "assistant",
        "content": "42",
        "reasoning_content": "late",
        "provider_specific_fields": {"cohere": kept},
    }

    assert _history(message) == [{"role": "assistant", **kept}]
    assert _history({**message, "content": "43"})[0]["content"] == [thought("late"), text("43")]
    broken = {**message, "provider_specific_fields": {"cohere": {"content": [7]}}}
    assert _history(broken)[0]["content"] == [thought("late"), text("42")]


def test_the_list_of_models_is_asked_for_in_large_pages() -> None:
    sent = MODELS.request(Call("models", "", {"page_token": "t", "endpoint": "chat"}), target())

    assert sent.method == "GET"
    assert sent.url == "https://api.acme.test/v1/models?page_size=1000&page_token=t&endpoint=chat"


def test_what_json_has_no_form_for_is_a_config_error() -> None:
    with pytest.raises(ConfigError):
        wire(seed=object())


@pytest.mark.parametrize("wanted", ["json", ["json_object"], 1])
def test_a_response_format_that_is_no_object_is_refused_as_what_it_is(wanted: Any) -> None:
    with pytest.raises(ConfigError, match=r"^response_format: must be"):
        wire(response_format=wanted)


@pytest.mark.parametrize(
    ("kept", "sent", "noted"),
    [
        (
            {"content": [thought("hm"), text("so")], "tool_plan": "plan"},
            {"role": "assistant", "content": [text("so")]},
            ["messages[1].reasoning_content"],
        ),
        (
            {"content": "so", "citations": [{"start": 0, "end": 2, "text": "so"}]},
            {"role": "assistant", "content": "so", "citations": [{"start": 0, "end": 2, "text": "so"}]},
            [],
        ),
    ],
)
def test_reasoning_is_taken_out_of_a_turn_of_cohere_s_own_where_it_is_not_taken_back(
    kept: Any, sent: Any, noted: list[str]
) -> None:
    turn = {"role": "assistant", "content": "so", "provider_specific_fields": {"cohere": kept}}
    messages = [{"role": "user", "content": "a"}, turn, {"role": "user", "content": "b"}]

    body, request = send(call(messages=messages), target({"reasoning_history": "drop"}))

    assert body["messages"][1] == sent
    assert request.dropped == noted


def test_content_of_cohere_s_own_that_is_none_is_not_sent() -> None:
    kept = {"cohere": {"content": [{"type": "text", "text": 5}]}}

    body = wire(messages=[{"role": "user", "content": "hi", "provider_specific_fields": kept}])

    assert body["messages"] == [{"role": "user", "content": "hi"}]


def test_a_choice_that_is_none_makes_no_sense_and_one_of_a_strange_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="tool_choice"):
        wire(tools=[TOOL], tool_choice=5)
    with pytest.raises(UnsupportedError, match="tool_choice"):
        wire(tools=[TOOL], tool_choice={"type": "web_search"})
    assert "tool_choice" not in wire(tools=[TOOL], tool_choice={"type": "web_search"}, drop_params=True)


def test_thinking_that_a_model_without_it_is_asked_to_leave_is_not_mentioned() -> None:
    assert "thinking" not in wire({"thinking": "none"}, thinking={"type": "disabled"})
