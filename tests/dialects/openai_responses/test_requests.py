"""Chats on this wire: canonical calls as `/responses` requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._round_trip import seal
from lingate._model import Call, ProviderRow, Target
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.openai_responses.oracle import check_params
from tests.dialects.openai_responses.support import (
    CHAT,
    HELLO,
    NATIVE,
    answer,
    chat_call,
    dropped,
    function_call,
    message,
    parse,
    read,
    reasoning,
    target,
    wire,
)

OWN = seal("openai_responses", "rs_7:gAAAsecret")
ANTHROPIC = {"type": "thinking", "thinking": "hm", "signature": "EqQB"}


def call(name: str = "look", arguments: Any = '{"a":1}', given: str = "call_1") -> dict[str, Any]:
    return {"id": given, "type": "function", "function": {"name": name, "arguments": arguments}}


def items(*messages: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
    """Input items of a conversation."""
    made = wire(messages=list(messages), **body)
    check_params(made)
    return list(made["input"])


def test_a_chat_is_a_post_to_responses_that_asks_not_to_be_remembered() -> None:
    request = CHAT.request(chat_call(), target())

    assert (request.method, request.url) == ("POST", "https://api.acme.test/v1/responses")
    assert json.loads(request.body) == {"model": "m-1", "store": False, "input": [{"role": "user", "content": "hello"}]}
    assert request.dropped == []
    assert "sk-secret" not in repr(request)


def test_a_row_may_have_another_path() -> None:
    assert CHAT.request(chat_call(), target(paths={"responses": "/agent"})).url.endswith("/v1/agent")


def test_a_stream_is_asked_for_and_usage_comes_without_asking() -> None:
    made = json.loads(CHAT.request(chat_call(stream=True, stream_options={"include_usage": True}), target()).body)

    assert made["stream"] is True
    assert "stream_options" not in made


def test_the_callers_own_fields_and_headers_win() -> None:
    made = Call(
        "chat", "m-1", {"messages": HELLO}, extra_headers={"X-A": "1"}, extra_body={"store": True, "preset": "fast"}
    )

    request = CHAT.request(made, target())

    assert json.loads(request.body)["store"] is True
    assert json.loads(request.body)["preset"] == "fast"
    assert request.headers["X-A"] == "1"


def test_what_json_cannot_hold_is_an_error_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError):
        CHAT.request(chat_call(metadata={"a": object()}), target())


# System text


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_leading_system_message_becomes_the_instructions(role: str) -> None:
    made = wire(messages=[{"role": role, "content": "be brief"}, *HELLO])

    assert made["instructions"] == "be brief"
    assert made["input"] == HELLO


def test_what_codex_instructs_is_one_text_at_the_head_and_the_users_behind_it_where_a_template_knows_no_other() -> None:
    # Instructions and a developer's message are two to Qwen's: 400 "System message must be at the beginning" (vllm-project/vllm#41114).
    late = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "late"}]}
    user = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    ran = [
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "out"},
    ]
    made = parse({"instructions": "one", "input": [late, user, late, *ran, late]})

    body = json.loads(NATIVE.request(made, target({"late_system": "result"})).body)

    assert "instructions" not in body
    assert body["input"] == [
        {"role": "system", "content": [{"type": "input_text", "text": text} for text in ("one", "late")]},
        user,
        {"role": "user", "content": [{"type": "input_text", "text": "<system>\nlate\n</system>"}]},
        ran[0],
        {**ran[1], "output": [{"type": "input_text", "text": text} for text in ("out", "<system>\nlate\n</system>")]},
    ]
    assert json.loads(NATIVE.request(made, target()).body)["input"] == [late, user, late, *ran, late]


@pytest.mark.parametrize("broken", ["hi", None, {"role": ["system"], "content": "hi"}])
def test_what_is_no_message_is_told_where_a_template_knows_one_system_message_too(broken: Any) -> None:
    for messages in ([broken], [*HELLO, broken]):
        with pytest.raises(ConfigError, match="role: must be"):
            wire({"late_system": "result"}, messages=messages)


def test_further_and_late_system_messages_stay_where_they_are() -> None:
    system = {"role": "system", "content": "one"}
    late = {"role": "developer", "content": "two"}

    made = wire(messages=[system, late, *HELLO, late])

    assert made["instructions"] == "one"
    assert made["input"] == [late, *HELLO, late]


def test_a_lone_system_message_is_the_input_since_there_must_be_one() -> None:
    made = wire(messages=[{"role": "system", "content": "say hi"}])

    assert made["input"] == [{"role": "system", "content": "say hi"}]
    assert "instructions" not in made


def test_system_text_in_parts_stays_in_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

    (first, _) = items({"role": "system", "content": parts}, *HELLO)

    assert first["content"] == [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]


# Users' content


def part(given: dict[str, Any]) -> Any:
    (item,) = items({"role": "user", "content": [given]})
    return item["content"][0]


def test_an_image_is_flat_and_says_how_closely_to_look() -> None:
    url = "data:image/png;base64,QUJD"

    assert part({"type": "image_url", "image_url": {"url": url}}) == {
        "type": "input_image",
        "image_url": url,
        "detail": "auto",
    }
    assert part({"type": "image_url", "image_url": {"url": url, "detail": "low"}})["detail"] == "low"
    assert part({"type": "image_url", "image_url": url})["image_url"] == url


@pytest.mark.parametrize(
    ("file", "made"),
    [
        (
            {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
            {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
        ),
        (
            {"file_data": "QUJD"},
            {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "file"},
        ),
        (
            {"file_data": "QUJD", "filename": "a.txt"},
            {"type": "input_file", "file_data": "data:text/plain;base64,QUJD", "filename": "a.txt"},
        ),
        ({"file_id": "file-1"}, {"type": "input_file", "file_id": "file-1"}),
        ({"file_id": "https://x.test/a.pdf"}, {"type": "input_file", "file_url": "https://x.test/a.pdf"}),
        ({"file_url": "https://x.test/a.pdf"}, {"type": "input_file", "file_url": "https://x.test/a.pdf"}),
        (
            {"file_data": "data:image/png;base64,QUJD", "filename": "a.png"},
            {"type": "input_image", "image_url": "data:image/png;base64,QUJD", "detail": "auto"},
        ),
    ],
)
def test_files_are_flat(file: dict[str, Any], made: dict[str, Any]) -> None:
    assert part({"type": "file", "file": file}) == made


def test_a_file_name_beside_a_reference_is_left_out_and_said_so() -> None:
    file = {"type": "file", "file": {"file_id": "file-1", "filename": "a.pdf"}}

    assert dropped(messages=[{"role": "user", "content": [file]}]) == ["messages[0].content[0].file.filename"]


def test_parts_of_this_very_format_and_fields_we_do_not_know_pass() -> None:
    native = {"type": "input_image", "file_id": "file-1", "detail": "high"}

    assert part(native) == native
    assert part({"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}) == {
        "type": "input_text",
        "text": "a",
        "prompt_cache_breakpoint": {"mode": "explicit"},
    }


def test_sound_passes_and_film_is_refused() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}
    film = {"type": "video_url", "video_url": {"url": "https://x.test/a.mp4"}}

    assert wire(messages=[{"role": "user", "content": [sound]}])["input"][0]["content"] == [sound]
    with pytest.raises(UnsupportedError, match="video"):
        wire(messages=[{"role": "user", "content": [film]}])
    assert dropped(drop_params=True, messages=[{"role": "user", "content": [film, "x"]}]) == ["messages[0].content[0]"]


@pytest.mark.parametrize(
    "content",
    [
        {"type": "text"},
        [3],
        [{"text": "x"}],
        [{"type": "text"}],
        [{"type": "image_url"}],
        [{"type": "file", "file": {}}],
    ],
)
def test_content_that_makes_no_sense_is_the_callers_error(content: Any) -> None:
    with pytest.raises(ConfigError, match=r"messages\[0\]\.content"):
        wire(messages=[{"role": "user", "content": content}])


def test_names_and_cache_marks_have_no_counterpart_and_are_said_to_be_gone() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    marked = {"type": "text", "text": "x", **mark}

    said = dropped(messages=[{"role": "user", "name": "ann", "content": [marked]}], cache_control=mark["cache_control"])

    assert said == ["messages[0].name", "messages[0].content[0].cache_control", "cache_control"]


# Assistants, calls and results


def test_calls_and_results_are_items_of_their_own() -> None:
    made = items(
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": "Let me look.", "tool_calls": [call(), call("hear", "", "call_2")]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sun", "name": "look"},
        {"role": "tool", "tool_call_id": "call_2", "content": None},
    )

    assert made[1:] == [
        {"role": "assistant", "content": "Let me look."},
        {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"a":1}'},
        {"type": "function_call", "call_id": "call_2", "name": "hear", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "sun"},
        {"type": "function_call_output", "call_id": "call_2", "output": ""},
    ]


def test_arguments_that_came_as_an_object_go_as_text() -> None:
    (_, made) = items(*HELLO, {"role": "assistant", "content": None, "tool_calls": [call(arguments={"a": [1]})]})

    assert made["arguments"] == '{"a":[1]}'


def test_results_may_hold_pictures() -> None:
    shown = [{"type": "text", "text": "here"}, {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]

    made = items(
        *HELLO,
        {"role": "assistant", "tool_calls": [call()]},
        {"role": "tool", "tool_call_id": "call_1", "content": shown},
    )

    assert made[-1]["output"] == [
        {"type": "input_text", "text": "here"},
        {"type": "input_image", "image_url": "https://x.test/a.png", "detail": "auto"},
    ]


def test_custom_tools_have_items_of_their_own() -> None:
    custom = {"id": "call_1", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}

    made = items(
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [custom]},
        {"role": "tool", "tool_call_id": "call_1", "content": "1"},
    )

    assert made[1:] == [
        {"type": "custom_tool_call", "call_id": "call_1", "name": "sql", "input": "select 1"},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "1"},
    ]


def test_ids_of_other_providers_that_are_too_long_are_shortened_alike_in_call_and_result() -> None:
    long = "call_" + "x" * 90

    made = items(
        *HELLO,
        {"role": "assistant", "tool_calls": [call(given=long), call(given=long + "y")]},
        {"role": "tool", "tool_call_id": long, "content": "1"},
    )

    ids = [item["call_id"] for item in made[1:]]
    assert ids[0] == ids[2] != ids[1]
    assert all(len(given) == 64 for given in ids)


def test_functions_of_2023_are_calls_and_results_too() -> None:
    made = wire(
        messages=[
            *HELLO,
            {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
            {"role": "function", "name": "look", "content": "sun"},
        ],
        functions=[{"name": "look", "parameters": {"type": "object"}}],
        function_call={"name": "look"},
    )

    check_params(made)
    assert made["input"][1]["call_id"] == made["input"][2]["call_id"]
    assert made["tools"][0]["name"] == "look"
    assert made["tool_choice"] == {"type": "function", "name": "look"}


def test_x6_whatever_hosts_send_as_an_empty_assistant_is_accepted() -> None:
    empty = [{"role": "assistant", "content": content} for content in (None, "", [])]

    assert items(*HELLO, *empty, *HELLO) == [*HELLO, *HELLO]


def test_x6_a_conversation_with_calls_needs_no_tools() -> None:
    made = wire(
        messages=[
            *HELLO,
            {"role": "assistant", "content": "", "tool_calls": [call()]},
            {"role": "tool", "tool_call_id": "call_1", "content": "x"},
        ],
        tools=[],
        tool_choice="auto",
    )

    assert [item.get("type") for item in made["input"]] == [None, "function_call", "function_call_output"]
    assert "tools" not in made
    assert "tool_choice" not in made


def test_a_refusal_goes_back_as_what_the_assistant_said() -> None:
    assert items(*HELLO, {"role": "assistant", "content": None, "refusal": "No."})[1]["content"] == "No."


@pytest.mark.parametrize(
    "bad",
    [
        {"role": "sheriff", "content": "x"},
        {"role": "tool", "content": "x"},
        {"role": "assistant", "content": 3},
        {"role": "assistant", "tool_calls": "x"},
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {}}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]},
        "x",
    ],
)
def test_messages_that_make_no_sense_are_the_callers_error(bad: Any) -> None:
    with pytest.raises(ConfigError, match=r"messages\[1\]"):
        wire(messages=[*HELLO, bad])


# Reasoning


def test_signed_reasoning_of_this_format_goes_back_ahead_of_its_calls() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": OWN}
    said = {"role": "assistant", "content": None, "thinking_blocks": [block], "tool_calls": [call()]}

    made = items(*HELLO, said, {"role": "tool", "tool_call_id": "call_1", "content": "x"})

    assert made[1] == {
        "id": "rs_7",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "gAAAsecret",
    }
    assert made[2]["type"] == "function_call"


def test_other_providers_reasoning_stays_out_and_is_said_to() -> None:
    said = {"role": "assistant", "content": "x", "thinking_blocks": [ANTHROPIC], "reasoning_content": "hm"}

    assert dropped(messages=[*HELLO, said]) == ["messages[1].thinking_blocks"]
    assert dropped(messages=[*HELLO, {"role": "assistant", "content": "x", "reasoning_content": "hm"}]) == [
        "messages[1].reasoning_content"
    ]


def test_reasoning_that_nothing_follows_is_not_sent() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": OWN}

    assert items(*HELLO, {"role": "assistant", "content": "", "thinking_blocks": [block]}, *HELLO) == [*HELLO, *HELLO]


def test_plain_reasoning_goes_back_where_the_family_wants_it() -> None:
    said = {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [call()]}

    made = wire({"reasoning_history": "reasoning_content"}, messages=[*HELLO, said])

    check_params(made)
    assert made["input"][1]["content"] == [{"type": "reasoning_text", "text": "hm"}]


def test_items_are_sent_back_as_they_came_while_the_message_says_the_same() -> None:
    output = [
        reasoning("hm"),
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        message(phase="commentary"),
    ]
    said = read(answer(*output, function_call()))["choices"][0]["message"]

    made = wire(messages=[*HELLO, said, {"role": "tool", "tool_call_id": "call_1", "content": "x"}])

    assert made["input"][1:-1] == [*output, function_call()]


def test_items_are_made_anew_once_the_message_was_edited() -> None:
    said = read(answer(reasoning("hm"), {"type": "web_search_call", "id": "ws_1"}, message()))["choices"][0]["message"]

    made = wire(messages=[*HELLO, {**said, "content": "edited"}])["input"]

    assert [item.get("type") for item in made] == [None, "reasoning", None]
    assert made[2]["content"] == "edited"


def test_a_call_id_of_the_providers_own_is_never_changed() -> None:
    long = "resp_" + "x" * 80 + ":call_0"
    output = [{"type": "web_search_call", "id": "ws"}, function_call(call_id=long)]
    said = read(answer(*output))["choices"][0]["message"]

    made = wire(messages=[*HELLO, said, {"role": "tool", "tool_call_id": long, "content": "x"}])["input"]

    assert [item["call_id"] for item in made[2:]] == [long, long]


def test_reasoning_that_only_the_provider_has_stays_out_if_it_does_not_remember() -> None:
    output = [reasoning(secret=None), message(phase="final_answer"), function_call()]
    said = read(answer(*output))["choices"][0]["message"]

    forgotten = wire(messages=[*HELLO, said])["input"][1:]
    remembered = wire(messages=[*HELLO, said], store=True)["input"][1:]

    assert remembered == output
    assert forgotten == [
        {"role": "assistant", "content": "hi", "phase": "final_answer"},
        {key: value for key, value in function_call().items() if key != "id"},
    ]
    assert dropped(messages=[*HELLO, said]) == ["messages[1] (reasoning that was not encrypted)"]


@pytest.mark.parametrize(
    ("body", "traits", "included"),
    [
        ({"reasoning_effort": "low"}, {}, True),
        ({"reasoning_effort": "none"}, {}, False),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, {}, True),
        ({}, {}, False),
        ({}, {"sampling": "none"}, True),
        ({}, {"sampling": "effort_none", "default_effort": "medium"}, True),
        ({}, {"sampling": "effort_none", "default_effort": "none"}, False),
        ({"reasoning_effort": "low", "store": True}, {}, False),
        ({"reasoning_effort": "low", "include": []}, {}, False),
    ],
)
def test_encrypted_reasoning_is_asked_for_where_nobody_remembers_it(body: Any, traits: Any, included: bool) -> None:
    assert ("reasoning.encrypted_content" in wire(traits, **body).get("include", [])) is included


@pytest.mark.parametrize("field", ["previous_response_id", "background", "conversation"])
def test_store_is_left_to_the_provider_where_the_caller_will_come_back(field: str) -> None:
    made = wire(**{field: True if field == "background" else "resp_0"})

    assert "store" not in made
    assert made[field]


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ({"reasoning_effort": "high"}, {"effort": "high"}),
        ({"reasoning_effort": {"effort": "low", "summary": "auto"}}, {"effort": "low", "summary": "auto"}),
        ({"reasoning_effort": "low", "reasoning": {"summary": "auto"}}, {"summary": "auto", "effort": "low"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"effort": "low"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 8000}}, {"effort": "medium"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 30000}}, {"effort": "high"}),
        # Claude Code's `showThinkingSummaries`: the words were left out (stdapi-ai/stdapi.ai#285).
        (
            {"thinking": {"type": "adaptive", "display": "summarized"}, "reasoning_effort": "xhigh"},
            {"effort": "xhigh", "summary": "auto"},
        ),
        ({"thinking": {"type": "adaptive", "display": "omitted"}, "reasoning_effort": "low"}, {"effort": "low"}),
        ({"thinking": {"type": "disabled"}}, {"effort": "none"}),
        ({"thinking": {"type": "disabled"}, "reasoning_effort": "high"}, {"effort": "none"}),
    ],
)
def test_reasoning_is_an_object(body: Any, made: Any) -> None:
    assert wire(**body)["reasoning"] == made


# Tools


def tool(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "look", **function}}


def test_functions_are_flat_and_strict_only_if_they_say_so() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}

    made = wire(tools=[tool(description="d", parameters=schema), tool(strict=True), {**tool(), "strict": True}, tool()])

    check_params(made)
    assert made["tools"][0] == {
        "type": "function",
        "name": "look",
        "description": "d",
        "parameters": schema,
        "strict": False,
    }
    assert [item["strict"] for item in made["tools"]] == [False, True, True, False]
    assert made["tools"][3]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    "native",
    [
        {"type": "web_search", "search_context_size": "low"},
        {"type": "file_search", "vector_store_ids": ["vs_1"]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "image_generation", "size": "1024x1024"},
        {"type": "mcp", "server_label": "a", "server_url": "https://x.test", "require_approval": "never"},
        {"type": "shell"},
        {"type": "apply_patch"},
        {"type": "function", "name": "flat", "parameters": {"type": "object"}, "strict": True},
        {"type": "brand_new", "x": [1]},
    ],
)
def test_tools_of_the_providers_own_are_sent_as_they_are(native: dict[str, Any]) -> None:
    assert wire(tools=[native, tool()])["tools"][0] == native


def test_tools_are_shown_later_only_where_they_can_be_searched_for() -> None:
    # "Deferred tools require tools.tool_search." (Wei-Shaw/sub2api#5942): Anthropic's clients search with other tools.
    later, search = {**tool(), "defer_loading": True}, {"type": "tool_search"}

    assert wire(tools=[search, later])["tools"][1]["defer_loading"] is True
    assert "defer_loading" not in wire(tools=[later])["tools"][0]
    assert dropped(tools=[later]) == ["tools[].defer_loading"]


def test_custom_tools_and_their_grammars_are_flat() -> None:
    grammar = {"syntax": "regex", "definition": "a+"}
    custom = {"type": "custom", "custom": {"name": "sql", "format": {"type": "grammar", "grammar": grammar}}}

    made = wire(tools=[custom])

    check_params(made)
    assert made["tools"] == [{"type": "custom", "name": "sql", "format": {"type": "grammar", **grammar}}]


@pytest.mark.parametrize(
    ("choice", "made"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ({"type": "function", "function": {"name": "look"}}, {"type": "function", "name": "look"}),
        ({"type": "custom", "custom": {"name": "sql"}}, {"type": "custom", "name": "sql"}),
        ({"type": "file_search"}, {"type": "file_search"}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [tool(name="look")]}},
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
        ),
    ],
)
def test_the_choice_among_tools_is_flat(choice: Any, made: Any) -> None:
    sent_body = wire(tools=[tool()], tool_choice=choice, parallel_tool_calls=False)

    check_params(sent_body)
    assert sent_body["tool_choice"] == made
    assert sent_body["parallel_tool_calls"] is False


@pytest.mark.parametrize("choice", [5, {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}])
def test_a_choice_that_makes_no_sense_is_refused(choice: Any) -> None:
    with pytest.raises(ConfigError, match="tool_choice"):
        wire(tools=[tool()], tool_choice=choice)


def test_web_search_options_are_a_tool() -> None:
    place = {"type": "approximate", "approximate": {"city": "Paris"}}

    made = wire(web_search_options={"search_context_size": "high", "user_location": place})

    check_params(made)
    assert made["tools"] == [
        {"type": "web_search", "search_context_size": "high", "user_location": {"type": "approximate", "city": "Paris"}}
    ]


@pytest.mark.parametrize("bad", ["x", [3], [{"type": "function", "function": {}}], [{"function": "x"}]])
def test_tools_that_make_no_sense_are_the_callers_error(bad: Any) -> None:
    with pytest.raises(ConfigError, match="tools"):
        wire(tools=bad)


# Formats


def test_a_schema_is_flat() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}

    made = wire(response_format=form, verbosity="low")

    check_params(made)
    assert made["text"] == {
        "format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True},
        "verbosity": "low",
    }


@pytest.mark.parametrize("kind", ["json_object", "text"])
def test_other_formats_pass(kind: str) -> None:
    assert wire(response_format={"type": kind})["text"] == {"format": {"type": kind}}


@pytest.mark.parametrize("form", [True, "json", ["json_object"], 7])
def test_what_is_no_format_is_told(form: Any) -> None:
    with pytest.raises(ConfigError, match="response_format: must be an object"):
        wire(response_format=form)


def test_models_without_schemas_get_them_by_a_forced_tool_or_in_words() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}

    forced = CHAT.request(chat_call(response_format=form), target({"structured": "tool"}))
    told = wire({"structured": "json_object"}, response_format=form)

    assert json.loads(forced.body)["tool_choice"] == {"type": "function", "name": "n"}
    assert forced.answer_tool == "n"
    assert told["text"] == {"format": {"type": "json_object"}}
    assert "JSON schema" in told["instructions"]


# Parameters


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_limit_has_one_name(name: str) -> None:
    assert wire(**{name: 99})["max_output_tokens"] == 99


def test_a_limit_below_what_is_taken_is_raised_and_said_to_be() -> None:
    assert wire(max_tokens=1)["max_output_tokens"] == 16
    assert dropped(max_tokens=1) == ["max_tokens=1 (sent as 16, the least that is taken)"]


def test_fields_with_the_same_name_pass() -> None:
    same = {
        "metadata": {"a": "b"},
        "user": "u",
        "safety_identifier": "s",
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "temperature": 0.5,
        "top_p": 0.9,
        "truncation": "auto",
        "max_tool_calls": 3,
    }

    made = wire(**same)

    check_params(made)
    assert same.items() <= made.items()


def test_logprobs_are_included_by_name() -> None:
    made = wire(logprobs=True, top_logprobs=3)

    assert made["include"] == ["message.output_text.logprobs"]
    assert made["top_logprobs"] == 3


@pytest.mark.parametrize(
    ("name", "value", "harmless"),
    [
        ("n", 2, 1),
        ("seed", 7, None),
        ("logit_bias", {"1": 5}, {}),
        ("frequency_penalty", 0.5, 0),
        ("presence_penalty", 0.5, 0),
        ("top_k", 5, None),
        ("modalities", ["text", "audio"], ["text"]),
        ("audio", {"voice": "x"}, None),
        ("prediction", {"type": "content"}, None),
    ],
)
def test_what_has_no_counterpart_is_refused_or_dropped_and_said_to_be(name: str, value: Any, harmless: Any) -> None:
    with pytest.raises(UnsupportedError) as caught:
        wire(**{name: value})

    assert caught.value.param == name
    assert name not in wire(drop_params=True, **{name: value})
    assert dropped(drop_params=True, **{name: value}) == [name]
    assert dropped(**{name: harmless}) == []


def test_x4_all_stop_sequences_are_enforced_on_our_side() -> None:
    request = CHAT.request(chat_call(stop=["a", "b", "c", "d", "e"]), target())

    assert "stop" not in json.loads(request.body)
    assert request.stop == ("a", "b", "c", "d", "e")
    assert request.dropped == ["stop"]


def test_x5_empty_tools_and_null_stop_are_left_out() -> None:
    assert wire(tools=[], stop=None, tool_choice=None) == wire()


def test_x3_of_two_sampling_parameters_one_is_kept_where_the_model_takes_one() -> None:
    made = wire({"sampling": "one"}, temperature=0.5, top_p=0.9)

    assert made["temperature"] == 0.5
    assert "top_p" not in made


def test_models_that_take_no_sampling_refuse_it_unless_it_says_nothing() -> None:
    assert "temperature" not in wire({"sampling": "none"}, temperature=1)
    with pytest.raises(UnsupportedError, match="temperature"):
        wire({"sampling": "none"}, temperature=0.5)


def test_what_the_row_refuses_is_refused() -> None:
    to = target(unsupported=("metadata",))

    with pytest.raises(UnsupportedError, match="metadata"):
        CHAT.request(chat_call(metadata={"a": "b"}), to)
    request = CHAT.request(chat_call(metadata={"a": "b"}, drop_params=True), to)
    assert "metadata" not in json.loads(request.body)
    assert request.dropped == ["metadata"]


def test_the_callers_call_is_never_changed() -> None:
    made = chat_call(
        tools=[tool()],
        response_format={"type": "json_schema", "json_schema": {"schema": {}}},
        reasoning={"summary": "auto"},
        reasoning_effort="low",
        text={"verbosity": "low"},
    )
    before = json.dumps(made.body)

    CHAT.request(made, target({"structured": "tool"}))

    assert json.dumps(made.body) == before


def test_the_edits_of_a_target_see_the_wire_body() -> None:
    row = ProviderRow(name="acme", dialect="openai_responses")
    to = Target(row=row, model="m", url="https://x.test", edits=(lambda body, sent: body.update(edited=True),))

    assert json.loads(CHAT.request(chat_call(), to).body)["edited"] is True


def test_options_of_a_stream_that_the_format_knows_go_with_it() -> None:
    options = {"include_usage": True, "include_obfuscation": False}

    made = json.loads(CHAT.request(chat_call(stream=True, stream_options=options), target()).body)

    assert made["stream_options"] == {"include_obfuscation": False}
    assert "stream_options" not in wire(stream_options=options)


def test_a_result_that_is_no_text_goes_out_as_json_and_arguments_that_are_none_as_they_are() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{broken"}}
    result = {"role": "tool", "tool_call_id": "call_1", "content": {"a": 1}}

    items = wire(messages=[*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}, result])["input"]

    assert items[1]["arguments"] == "{broken"
    assert items[2]["output"] == '{"a":1}'


@pytest.mark.parametrize(
    ("thinking", "effort", "noted"),
    [
        ({"type": "enabled"}, "medium", []),
        ({"type": "enabled", "budget_tokens": 1024}, "low", ["thinking.budget_tokens"]),
        ({"type": "adaptive"}, None, []),
        ({"type": "disabled"}, "none", []),
        (True, None, ["thinking"]),
    ],
)
def test_thinking_in_anthropic_s_words_is_an_effort(thinking: Any, effort: str | None, noted: list[str]) -> None:
    assert wire(thinking=thinking).get("reasoning", {}).get("effort") == effort
    assert dropped(thinking=thinking) == noted


@pytest.mark.parametrize("include", ["x", {}, 5])
def test_what_to_include_is_a_list(include: Any) -> None:
    with pytest.raises(ConfigError, match="include"):
        wire(include=include)


@pytest.mark.parametrize("file", [None, "x", 5])
def test_a_file_that_is_none_makes_no_sense(file: Any) -> None:
    with pytest.raises(ConfigError, match=r"content\[0\]\.file"):
        wire(messages=[{"role": "user", "content": [{"type": "file", "file": file}]}])


def test_a_file_is_of_the_type_that_it_declares() -> None:
    file = {"file_data": "QUJD", "format": "text/csv", "filename": "a"}

    content = wire(messages=[{"role": "user", "content": [{"type": "file", "file": file}]}])["input"][0]["content"]

    assert content == [{"type": "input_file", "file_data": "data:text/csv;base64,QUJD", "filename": "a"}]


@pytest.mark.parametrize("tool", [{"type": "web_search"}, {"function": {"name": "f"}}])
def test_a_mark_on_a_tool_is_reported(tool: dict[str, Any]) -> None:
    marked = {**tool, "cache_control": {"type": "ephemeral"}}

    assert wire(tools=[marked])["tools"] == wire(tools=[tool])["tools"]
    assert dropped(tools=[marked]) == ["tools[0].cache_control"]


@pytest.mark.parametrize(
    "items", [[{"type": "message", "role": 5}], [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]]
)
def test_items_beside_a_message_that_do_not_say_the_same_are_not_sent(items: Any) -> None:
    kept = {"openai_responses": {"items": items}}

    body = wire(messages=[{"role": "user", "content": "a", "provider_specific_fields": kept}])

    assert body["input"] == [{"role": "user", "content": "a"}]


def test_arguments_that_were_cut_off_go_back_as_they_came() -> None:
    items = [{**reasoning("hm"), "content": [{"type": "reasoning_text", "text": "x"}]}, function_call('{"a":')]
    turn = read(answer(*items))["choices"][0]["message"]

    body = wire(messages=[*HELLO, turn, {"role": "tool", "tool_call_id": "call_1", "content": "?"}])

    assert body["input"][1:3] == items


def test_what_else_stood_beside_reasoning_that_cannot_be_sent_stays() -> None:
    search = {
        "id": "ws_1",
        "type": "web_search_call",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    turn = read(answer(reasoning("hm", secret=None), search, message("so")))["choices"][0]["message"]

    body = wire(messages=[*HELLO, turn, *HELLO])

    assert body["input"][1:3] == [search, {"role": "assistant", "content": "so"}]


def test_an_effort_that_was_taken_away_does_not_come_back_with_the_client_s_own_words() -> None:
    made = parse({"input": "hi", "reasoning": {"effort": "high", "summary": "auto"}})
    del made.body["reasoning_effort"]  # as a fallback's parameters may

    assert json.loads(NATIVE.request(made, target()).body)["reasoning"] == {"summary": "auto"}


def test_scores_that_a_fallback_asks_for_are_included() -> None:
    made = parse({"input": "hi"})
    made.body["logprobs"] = True

    assert json.loads(NATIVE.request(made, target()).body)["include"] == ["message.output_text.logprobs"]


def test_anthropics_web_search_is_the_one_that_is_here() -> None:
    """Claude Code asks so for each of its searches."""
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
    place = {"type": "approximate", "city": "Bern"}

    assert wire(tools=[search])["tools"] == [{"type": "web_search"}]
    assert dropped(tools=[search]) == ["tools[0].max_uses"]
    made = wire(tools=[tool(), {**search, "allowed_domains": ["a.test"], "user_location": place}])
    assert made["tools"][0]["type"] == "function"
    assert made["tools"][1] == {
        "type": "web_search",
        "filters": {"allowed_domains": ["a.test"]},
        "user_location": {"type": "approximate", "city": "Bern"},
    }
    choice = {"type": "function", "function": {"name": "web_search"}}
    assert wire(tools=[search, tool()], tool_choice=choice)["tool_choice"] == {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "web_search"}],
    }
    assert wire(tools=[search, tool()], tool_choice={"type": "function", "function": {"name": "look"}})[
        "tool_choice"
    ] == {"type": "function", "name": "look"}
    own = {"type": "web_search_2025_08_26", "search_context_size": "low"}
    assert wire(tools=[own])["tools"] == [own]
    with pytest.raises(UnsupportedError, match="blocked_domains"):
        wire(tools=[{**search, "blocked_domains": ["a.test"]}])
