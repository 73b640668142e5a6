"""The `responses` operation on providers that have no such thing: as a chat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._format_choice import form_of
from lingate._dialects.openai_responses.bridge import Bridge
from lingate._dialects.openai_responses.face_response import response_object
from lingate._model import Call, Head, HttpRequest, ProviderRow, Target
from lingate._providers.lookup import resolve
from lingate.errors import ConfigError, ProtocolError, UnsupportedError
from tests.dialects.openai_responses.oracle import check_response
from tests.dialects.openai_responses.support import NATIVE, function_call, message, parse, reasoning

JSON_HEAD = Head(200, {"content-type": "application/json"})
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


def place(dialect: str = "openai_chat", *operations: Any) -> Target:
    row = ProviderRow(name="acme", dialect=dialect, operations=operations or ("chat",))
    return Target(row=row, model="m-1", url="https://api.acme.test/v1")


def bridged(body: dict[str, Any], dialect: str = "openai_chat", drop_params: bool = False) -> HttpRequest:
    call = parse({"input": "hi", **body})
    call.drop_params = drop_params
    request: HttpRequest = form_of(place(dialect), "responses").request(call, place(dialect))
    return request


def chat(body: dict[str, Any], dialect: str = "openai_chat", drop_params: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(bridged(body, dialect, drop_params).body)
    return made


def test_a_row_that_has_the_operation_speaks_it_whatever_its_chats_speak() -> None:
    for dialect in ("openai_chat", "anthropic", "openai_responses"):
        form = form_of(place(dialect, "chat", "responses"), "responses")
        request = form.request(parse({"input": "hi"}), place(dialect, "chat", "responses"))

        assert request.url == "https://api.acme.test/v1/responses"
        assert json.loads(request.body) == {"model": "m-1", "input": "hi"}


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_a_row_that_has_not_gets_a_chat(dialect: str) -> None:
    assert isinstance(form_of(place(dialect), "responses"), Bridge)
    assert chat({}, dialect)["messages"] == [{"role": "user", "content": "hi"}]


def test_tokens_are_counted_by_the_api_where_the_rows_own_format_cannot() -> None:
    asked = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}], "max_tokens": 5}
    call = Call("count_tokens", "m-1", {**asked, "tools": [{"type": "function", "function": {"name": "f"}}]})
    to = place("openai_chat", "chat", "count_tokens")

    request = form_of(to, "count_tokens").request(call, to)

    assert request.url == "https://api.acme.test/v1/responses/input_tokens"
    body = json.loads(request.body)
    assert sorted(body) == ["input", "model", "tools"]
    assert form_of(to, "count_tokens").response(request, JSON_HEAD, b'{"input_tokens":7}')[0]["input_tokens"] == 7
    with pytest.raises(ProtocolError):
        form_of(to, "count_tokens").response(request, JSON_HEAD, b"{}")
    with pytest.raises(UnsupportedError):
        form_of(place(), "count_tokens")


def test_other_operations_are_the_rows_own() -> None:
    assert not isinstance(form_of(place(), "chat"), Bridge)
    with pytest.raises(UnsupportedError):
        form_of(place("anthropic"), "embeddings")


def test_everything_a_chat_can_say_is_said() -> None:
    schema = {"type": "object", "properties": {}}
    made = chat(
        {
            "instructions": "be brief",
            "tools": [TOOL],
            "tool_choice": {"type": "function", "name": "look"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}, "verbosity": "low"},
            "reasoning": {"effort": "low", "summary": "auto"},
            "max_output_tokens": 99,
            "temperature": 0.5,
            "user": "u",
            "parallel_tool_calls": False,
        }
    )

    assert made["messages"][0] == {"role": "system", "content": "be brief"}
    assert made["tools"] == [{"type": "function", "function": {k: v for k, v in TOOL.items() if k != "type"}}]
    assert made["tool_choice"] == {"type": "function", "function": {"name": "look"}}
    assert made["response_format"]["json_schema"]["name"] == "n"
    assert (made["reasoning_effort"], made["temperature"], made["user"]) == ("low", 0.5, "u")
    assert made["max_tokens"] == 99
    assert "provider_specific_fields" not in json.dumps(made)


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_a_tool_loop_works_with_items_put_back_as_they_came(dialect: str) -> None:
    history = [
        {"role": "user", "content": [{"type": "input_text", "text": "weather?"}]},
        reasoning("hm"),
        message("Let me look."),
        function_call("{}"),
        {"type": "function_call_output", "call_id": "call_1", "output": "sun"},
    ]

    made = chat({"input": history, "tools": [TOOL]}, dialect)

    assert len(made["messages"]) == 3 if dialect == "anthropic" else 4
    assert "call_1" in json.dumps(made)
    assert "openai_responses" not in json.dumps(made)


def test_results_stand_right_behind_their_calls_whatever_was_said_between() -> None:
    calls = [{"type": "function_call", "call_id": given, "name": "look", "arguments": "{}"} for given in ("a", "b")]
    results = [{"type": "function_call_output", "call_id": given, "output": given} for given in ("a", "b")]
    warning = {"role": "user", "content": "Use the other tool."}
    asked = {"input": [*calls, warning, results[0], message("Hm."), results[1], warning], "tools": [TOOL]}

    found = chat(asked)["messages"]

    assert [one["role"] for one in found] == ["assistant", "tool", "tool", "user", "assistant", "user"]
    assert [one["tool_call_id"] for one in found if one["role"] == "tool"] == ["a", "b"]
    native = json.loads(NATIVE.request(parse(asked), place("openai_responses", "responses")).body)["input"]
    assert native == asked["input"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", {"id": "pmpt_1"}),
        ("background", True),
        ("moderation", {"model": "x"}),
        ("context_management", [{"type": "compaction"}]),
    ],
)
def test_what_only_a_server_that_remembers_can_do_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UnsupportedError) as caught:
        bridged({name: value})

    assert caught.value.param == name
    # A whole conversation is what these requests have: sending it would not help.
    assert "send the whole" not in str(caught.value)
    request = bridged({name: value}, drop_params=True)
    assert request.dropped == [name]
    assert name not in json.loads(request.body)


@pytest.mark.parametrize("drop_params", [False, True])
@pytest.mark.parametrize("name", ["previous_response_id", "conversation"])
def test_what_was_said_before_is_never_left_out(name: str, drop_params: bool) -> None:
    with pytest.raises(UnsupportedError, match="send the whole conversation") as caught:
        bridged({name: "x_1"}, drop_params=drop_params)

    assert caught.value.param == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_metadata", {"x-codex-window-id": "w"}),
        ("metadata", {"a": "b"}),
        ("store", True),
        ("truncation", "auto"),
        ("max_tool_calls", 3),
        ("prompt_cache_options", {"mode": "explicit"}),
        ("background_options", {"completion_window": "2h"}),
        ("access_programs", {"bio": {}}),
        ("image", {"context_compression": "disabled"}),
    ],
)
def test_what_makes_no_difference_to_the_answer_is_left_out_and_said_to_be(name: str, value: Any) -> None:
    request = bridged({name: value})

    assert request.dropped == [name]
    assert name not in json.loads(request.body)


@pytest.mark.parametrize(("name", "value"), [("store", False), ("truncation", "disabled"), ("background", False)])
def test_what_asks_for_nothing_is_not_worth_a_word(name: str, value: Any) -> None:
    assert bridged({name: value}).dropped == []


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "file_search", "vector_store_ids": ["vs"]},
        {"type": "code_interpreter", "container": "c"},
        {"type": "mcp", "server_label": "s"},
        {"type": "computer_use_preview"},
        {"type": "shell"},
    ],
)
def test_tools_of_the_responses_api_are_refused(tool: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match=tool["type"]):
        bridged({"tools": [TOOL, tool]})

    request = bridged({"tools": [TOOL, tool], "tool_choice": "auto"}, drop_params=True)
    assert request.dropped == ["tools[1]"]
    assert len(json.loads(request.body)["tools"]) == 1
    only = chat({"tools": [tool], "tool_choice": "auto"}, drop_params=True)
    assert not {"tools", "tool_choice"} & set(only)


def test_a_search_on_the_web_is_asked_for_in_the_others_way() -> None:
    place = {"type": "approximate", "city": "Paris"}
    tools = [{"type": "web_search_preview", "search_context_size": "low", "user_location": place}]

    assert chat({"tools": tools})["web_search_options"] == {
        "search_context_size": "low",
        "user_location": {"type": "approximate", "approximate": {"city": "Paris"}},
    }
    (tool,) = chat({"tools": tools}, "anthropic")["tools"]
    assert tool["type"].startswith("web_search")


def test_a_search_that_is_bound_to_places_stays_bound_or_says_that_it_is_not() -> None:
    only = {"allowed_domains": ["a.test"]}
    tools = [{"type": "web_search", "filters": only, "external_web_access": False}]

    claude = bridged({"tools": tools}, "anthropic")
    gemini = bridged({"tools": tools}, "gemini")

    assert json.loads(claude.body)["tools"][0]["allowed_domains"] == ["a.test"]
    assert claude.dropped == ["tools[0].external_web_access"]
    assert sorted(gemini.dropped) == ["tools[0].external_web_access", "web_search_options.filters"]
    assert chat({"tools": tools})["web_search_options"] == {"filters": only}


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic", "gemini", "cohere", "ollama", "bedrock_converse"])
def test_what_only_this_formats_own_programs_ask_of_a_function_is_left_out_and_reported(dialect: str) -> None:
    own = {"allowed_callers": ["programmatic"], "async": True, "defer_loading": True, "output_schema": {"a": 1}}
    default = {"allowed_callers": ["direct"], "async": False, "defer_loading": False, "output_schema": None}

    request = bridged({"tools": [{**TOOL, **own}]}, dialect)

    assert request.dropped == [f"tools[0].{name}" for name in own]
    assert not [name for name in own if name in request.body.decode()]
    assert bridged({"tools": [{**TOOL, **default}]}, dialect).dropped == []


SEARCH = {"type": "web_search"}


@pytest.mark.parametrize(
    "model",
    ["groq/openai/gpt-oss-120b", "mistral/mistral-large-latest", "cerebras/gpt-oss-120b", "fireworks_ai/kimi-k2"],
)
def test_what_codex_sends_by_habit_is_left_out_where_only_known_fields_are_taken(model: str) -> None:
    habits = {"text": {"verbosity": "low"}, "prompt_cache_key": "k", "store": False}
    habits |= {"safety_identifier": "u", "prompt_cache_retention": "24h"}
    call = parse({"input": "hi", "tools": [TOOL, {"type": "custom", "name": "patch"}, SEARCH], **habits})
    call.drop_params = True
    to = resolve(model, env={}, api_key="k")

    request = form_of(to, "responses").request(call, to)

    body = json.loads(request.body)
    assert len(body["tools"]) == 2
    assert not body.keys() & {"verbosity", "web_search_options", "store", "safety_identifier", "prompt_cache_retention"}
    assert {"verbosity", "web_search_options"} <= set(request.dropped)
    assert ("prompt_cache_key" in body) is not model.startswith("groq/")


@pytest.mark.parametrize("model", ["gpt-5.1", "gpt-4o", "o3"])
def test_openais_models_search_by_way_of_the_responses_api_only(model: str) -> None:
    def sent(name: str) -> HttpRequest:
        to = resolve(f"openai/{name}", env={}, api_key="k")
        call = Call("chat", to.model, {"messages": [{"role": "user", "content": "hi"}], "web_search_options": {}})
        call.drop_params = True
        return form_of(to, "chat").request(call, to)

    assert sent(model).dropped == ["web_search_options"]
    assert "web_search_options" not in json.loads(sent(model).body)
    assert json.loads(sent(f"responses/{model}").body)["tools"] == [SEARCH]
    assert json.loads(sent("gpt-4o-search-preview").body)["web_search_options"] == {}
    assert json.loads(sent("gpt-5.1-codex").body)["tools"] == [SEARCH]


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic", "gemini"])
def test_a_choice_of_a_tool_that_chats_do_not_have_is_refused(dialect: str) -> None:
    for choice in (SEARCH, {"type": "mcp", "server_label": "s"}):
        with pytest.raises(UnsupportedError, match="tool_choice"):
            bridged({"tools": [TOOL, SEARCH], "tool_choice": choice}, dialect)

        request = bridged({"tools": [TOOL, SEARCH], "tool_choice": choice}, dialect, drop_params=True)
        assert request.dropped == ["tool_choice"]
        assert b"tool_choice" not in request.body


def test_a_choice_that_is_left_out_with_the_tools_is_reported() -> None:
    assert bridged({"tools": [SEARCH], "tool_choice": "required"}, "anthropic").dropped == ["tool_choice"]
    assert bridged({"tools": [SEARCH], "tool_choice": "auto"}, "anthropic").dropped == []


def test_nothing_is_searched_for_where_no_tool_may_be_used() -> None:
    made = chat({"tools": [TOOL, SEARCH], "tool_choice": "none"})

    assert "web_search_options" not in made
    assert made["tool_choice"] == "none"


def test_of_the_tools_that_are_allowed_chats_are_told_those_that_they_have() -> None:
    named = {"type": "function", "name": "look"}

    def chosen(*tools: dict[str, Any]) -> tuple[list[str], Any]:
        choice = {"type": "allowed_tools", "mode": "required", "tools": list(tools)}
        made = chat({"tools": [TOOL, {**TOOL, "name": "other"}, SEARCH], "tool_choice": choice})
        return [tool["function"]["name"] for tool in made["tools"]], made["tool_choice"]

    assert chosen(named, SEARCH) == (["look"], "required")
    assert chosen(SEARCH) == (["look", "other"], "none")


def test_what_a_namespace_says_of_itself_is_reported() -> None:
    space = {"type": "namespace", "name": "n", "description": "All of n.", "tools": [TOOL]}

    assert bridged({"tools": [space]}).dropped == ["tools[0].description"]


def test_what_an_answer_elsewhere_cannot_include_is_reported() -> None:
    include = ["reasoning.encrypted_content", "message.output_text.logprobs", "web_search_call.action.sources"]

    assert bridged({"include": include}).dropped == ["include (web_search_call.action.sources)"]


def test_tools_of_the_other_provider_pass() -> None:
    assert chat({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "anthropic")["tools"][0]["name"] == "bash"


@pytest.mark.parametrize(
    "item",
    [
        {"type": "computer_call", "call_id": "c", "action": {}},
        {"type": "computer_call_output", "call_id": "c", "output": {}},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "shell_call", "call_id": "c"},
        {"type": "agent_message", "content": [{"type": "encrypted_content", "encrypted_content": "gAAAAABo"}]},
        {"type": "agent_message", "author": "lead", "content": None},
    ],
)
def test_items_that_only_the_responses_api_knows_are_refused(item: dict[str, Any]) -> None:
    body = {"input": [{"role": "user", "content": "hi"}, item]}

    with pytest.raises(UnsupportedError, match=item["type"]):
        bridged(body)
    assert chat(body, drop_params=True)["messages"] == [{"role": "user", "content": "hi"}]


def test_what_codexs_agents_tell_each_other_is_a_turn_of_the_users() -> None:
    # It was left out: a spawned agent had no task. What is called encrypted is text where the model was not OpenAI's.
    told = [
        {"type": "input_text", "text": "Message Type: NEW_TASK\nPayload:"},
        {"type": "encrypted_content", "encrypted_content": "Count the files."},
    ]
    item = {"type": "agent_message", "author": "lead", "recipient": "lead/child", "content": told}
    body = {"input": [{"role": "user", "content": "hi"}, item]}

    made = chat(body)["messages"][1]

    assert made == {"role": "user", "content": "Message Type: NEW_TASK\nPayload:\nCount the files."}
    assert chat({"input": [{**item, "content": "Go on."}]})["messages"] == [{"role": "user", "content": "Go on."}]
    own = form_of(place("openai_responses", "responses"), "responses")
    sent = own.request(parse(body), place("openai_responses", "responses"))
    assert json.loads(sent.body)["input"][1] == item


def test_what_a_providers_own_tools_did_is_history_that_others_can_do_without() -> None:
    body = {
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            message("found"),
            {"role": "user", "content": "more"},
        ]
    }

    request = bridged(body)

    assert [one["content"] for one in json.loads(request.body)["messages"]] == ["hi", "found", "more"]
    assert request.dropped == ["messages[1] (web_search_call)"]


def test_a_call_without_a_message_makes_no_chat() -> None:
    with pytest.raises(ConfigError, match="input"):
        bridged({"input": None, "prompt": {"id": "pmpt_1"}}, drop_params=True)


def test_the_clients_call_is_not_changed_and_stays_on_the_request() -> None:
    call = parse({"input": [message("a"), {"role": "user", "content": "b"}], "tools": [TOOL], "metadata": {"a": "b"}})
    before = json.dumps(call.body)

    request = form_of(place(), "responses").request(call, place())

    assert request.call is call
    assert json.dumps(call.body) == before


def test_the_answer_comes_back_as_a_response_with_what_was_asked() -> None:
    form = form_of(place(), "responses")
    request = form.request(parse({"input": "hi", "instructions": "be brief", "tools": [TOOL]}), place())
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    body = {
        "id": "chatcmpl-1",
        "created": 7,
        "model": "m-1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "x", "tool_calls": [call]},
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }

    canonical, raw = form.response(request, JSON_HEAD, json.dumps(body).encode())
    made = response_object(canonical)
    check_response(NATIVE.render(canonical))

    assert raw == body
    assert [item["type"] for item in made["output"]] == ["message", "function_call"]
    assert (made["instructions"], made["tools"]) == ("be brief", [TOOL])
    assert made["usage"]["total_tokens"] == 3


def test_what_another_format_keeps_beside_a_request_stays() -> None:
    call = parse({"input": "hi", "stream_options": {"include_obfuscation": False}})
    call.body.setdefault("provider_specific_fields", {})["anthropic"] = {"output_config": {}}

    request = form_of(place("anthropic"), "responses").request(call, place("anthropic"))

    assert json.loads(request.body)["messages"] == [{"role": "user", "content": "hi"}]
