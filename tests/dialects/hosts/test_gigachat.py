"""GigaChat: functions of 2023 with objects for arguments, one call a turn."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from lingate.errors import ProtocolError, UnsupportedError
from tests.dialects.gemini.strategies import requests
from tests.dialects.hosts.support import (
    HELLO,
    TOOL,
    ask,
    chat_answer,
    chunk,
    ended,
    events_of,
    place,
    read,
    said,
    sse,
    wire,
)
from tests.dialects.short import collect


def at() -> Any:
    return place("gigachat/GigaChat-2-Max", {"GIGACHAT_ACCESS_TOKEN": "ey.token"})


def calls(*names: str) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": f'{{"of":"{name}"}}'}}
        for name in names
    ]


def test_a_token_goes_out_as_it_is() -> None:
    sent = ask(at())

    assert sent.url == "https://gigachat.devices.sberbank.ru/api/v1/chat/completions"
    assert sent.headers["authorization"] == "Bearer ey.token"


def test_tools_are_functions() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "d", "strict": True}}

    body = wire(at(), tools=[tool, TOOL], tool_choice="auto")

    assert body["functions"] == [
        {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}},
        TOOL["function"],
    ]
    assert body["function_call"] == "auto"
    assert not {"tools", "tool_choice"} & set(body)


def test_a_certain_function_can_be_asked_for_and_any_only_where_there_is_one() -> None:
    other = {"type": "function", "function": {"name": "g"}}

    assert wire(at(), tools=[TOOL, other], tool_choice={"type": "function", "function": {"name": "g"}})[
        "function_call"
    ] == {"name": "g"}
    assert wire(at(), tools=[TOOL], tool_choice="required")["function_call"] == {"name": "f"}
    sent = ask(at(), tools=[TOOL, other], tool_choice="required")
    assert "function_call" not in json.loads(sent.body)
    assert sent.dropped == ["tool_choice=required"]


def test_functions_of_2023_are_taken_too() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}},
        {"role": "function", "name": "f", "content": '{"b":2}'},
    ]
    body = wire(at(), messages=messages, functions=[TOOL["function"]], function_call={"name": "f"})

    assert body["function_call"] == {"name": "f"}
    assert body["messages"][1:] == [
        {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": {"a": 1}}},
        {"role": "function", "name": "f", "content": '{"b":2}'},
    ]


def test_calls_made_at_once_are_told_one_after_the_other_each_with_its_result() -> None:
    messages = [
        *HELLO,
        {"role": "assistant", "content": "let me see", "tool_calls": calls("f", "g"), "functions_state_id": "s"},
        {"role": "tool", "tool_call_id": "call_g", "content": "two"},
        {"role": "tool", "tool_call_id": "call_f", "content": '{"n": 1}'},
        {"role": "user", "content": "and?"},
    ]
    before = json.dumps(messages)

    body = wire(at(), messages=messages)

    assert body["messages"] == [
        *HELLO,
        {
            "role": "assistant",
            "content": "let me see",
            "functions_state_id": "s",
            "function_call": {"name": "f", "arguments": {"of": "f"}},
        },
        {"role": "function", "name": "f", "content": '{"n": 1}'},
        {"role": "assistant", "content": "", "function_call": {"name": "g", "arguments": {"of": "g"}}},
        {"role": "function", "name": "g", "content": '{"result":"two"}'},
        {"role": "user", "content": "and?"},
    ]
    assert json.dumps(messages) == before


def test_late_system_text_is_the_users_and_turns_of_a_user_are_joined() -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "system", "content": "late"},
        {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
    ]

    assert wire(at(), messages=messages)["messages"] == [
        {"role": "user", "content": "a\n<system>\nlate\n</system>\nb\nc"},
    ]


def test_always_the_likeliest_token_is_asked_for_in_its_own_way() -> None:
    body = wire(at(), temperature=0)

    assert body["top_p"] == 0
    assert "temperature" not in body
    assert wire(at(), temperature=0.5)["temperature"] == 0.5


def test_images_are_refused_or_dropped() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "look"}, image]}]

    with pytest.raises(UnsupportedError, match="attachments"):
        ask(at(), messages=messages)
    sent = ask(at(), messages=messages, drop=True)
    assert json.loads(sent.body)["messages"] == [{"role": "user", "content": "look"}]
    assert sent.dropped == ["messages[0].content"]


def test_what_it_does_not_know_is_refused_and_stop_is_watched_for_on_our_side() -> None:
    for fields in ({"n": 2}, {"seed": 5}, {"logprobs": True}):
        with pytest.raises(UnsupportedError):
            ask(at(), **fields)
    sent = ask(at(), stop=["x"])
    assert sent.stop == ("x",)
    assert "stop" not in json.loads(sent.body)


def test_a_schema_is_asked_for_by_a_function_whose_arguments_are_the_answer() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema}}
    body = wire(at(), response_format=form)
    message = {"role": "assistant", "content": "", "function_call": {"name": "thing", "arguments": {"a": 1}}}

    response = read(at(), chat_answer(message, "function_call"), response_format=form)

    assert body["function_call"] == {"name": "thing"}
    assert json.loads(response["choices"][0]["message"]["content"]) == {"a": 1}
    assert response["choices"][0]["finish_reason"] == "stop"


def test_a_call_comes_back_as_a_tool_call_with_its_state_beside_it() -> None:
    function = {"name": "f", "arguments": {"a": 1}}
    message = {"role": "assistant", "content": "", "function_call": function, "functions_state_id": "s-1"}

    response = read(at(), chat_answer(message, "function_call"))

    choice = response["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    [call] = choice["message"]["tool_calls"]
    assert call["id"].startswith("call_")
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("f", {"a": 1})
    assert "function_call" not in choice["message"]
    assert choice["message"]["functions_state_id"] == "s-1"
    again = wire(
        at(), messages=[*HELLO, choice["message"], {"role": "tool", "tool_call_id": call["id"], "content": "{}"}]
    )
    assert again["messages"][1]["function_call"] == function
    assert again["messages"][1]["functions_state_id"] == "s-1"
    assert again["messages"][2] == {"role": "function", "name": "f", "content": "{}"}


def test_a_streamed_call_is_the_same() -> None:
    function = {"name": "f", "arguments": {"a": 1}}
    delta = {"role": "assistant", "content": "", "function_call": function, "functions_state_id": "s-1"}
    data = sse(chunk({"content": "so"}), chunk(delta, "function_call"))

    events = events_of(at(), data)
    message = collect(events)["choices"][0]["message"]

    assert (said(events), ended(events)) == ("so", "tool_calls")
    assert [json.loads(call["function"]["arguments"]) for call in message["tool_calls"]] == [{"a": 1}]
    assert message["functions_state_id"] == "s-1"


def test_raw_is_what_was_sent() -> None:
    sent = chunk({"function_call": {"name": "f", "arguments": {"a": 1}}}, "function_call")

    events = events_of(at(), sse(sent))

    assert all(event.raw in (None, sent) for event in events)  # type: ignore[union-attr]


def test_tokens_from_the_cache_are_counted_with_the_prompt() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5, "precached_prompt_tokens": 37}

    counts = read(at(), {**chat_answer(), "usage": usage})["usage"]

    assert (counts["prompt_tokens"], counts["completion_tokens"], counts["total_tokens"]) == (38, 4, 42)
    assert counts["prompt_tokens_details"]["cached_tokens"] == 37


def test_a_refused_topic_is_filtered_content() -> None:
    choice = read(at(), chat_answer(reason="blacklist"))["choices"][0]

    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("content_filter", "blacklist")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"choices": [5]}',
        b'{"choices": [{"message": {"function_call": {"name": 5}}}]}',
        b'{"choices": [{"message": 5, "finish_reason": ["x"]}], "usage": 5}',
    ],
)
def test_rubbish_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(at(), body)


@settings(max_examples=300, deadline=None)
@given(requests())
def test_whatever_is_asked_the_body_is_in_its_words(body: Any) -> None:
    before = json.dumps(body)

    wired = wire(at(), drop=True, **body)

    assert json.dumps(body) == before
    assert not {"tools", "tool_choice", "stop", "n", "seed", "parallel_tool_calls"} & set(wired)
    assert {message["role"] for message in wired["messages"]} <= {"system", "user", "assistant", "function"}
    assert all(message["role"] != "system" for message in wired["messages"][1:])
    for message in wired["messages"]:
        assert isinstance(message["content"], str)
        assert "tool_calls" not in message
        if message["role"] == "function":
            json.loads(message["content"])
        assert isinstance(message.get("function_call", {}).get("arguments", {}), dict)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("", {}),
        ('{"a": ', {"arguments": '{"a": '}),
        ("[1]", {"arguments": [1]}),
    ],
)
def test_arguments_go_out_as_an_object_whatever_a_model_wrote(given: Any, told: Any) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": given}}

    messages = wire(at(), messages=[*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}])["messages"]

    assert messages[1]["function_call"] == {"name": "f", "arguments": told}


@pytest.mark.parametrize("rest", [[], [{"role": "user", "content": "never mind"}]])
def test_calls_made_at_once_need_not_all_have_been_answered(rest: list[Any]) -> None:
    messages = [*HELLO, {"role": "assistant", "content": None, "tool_calls": calls("f", "g")}]
    messages.append({"role": "tool", "tool_call_id": "call_f", "content": "1"})

    told = wire(at(), messages=[*messages, *rest])["messages"]

    assert [message["role"] for message in told[1:4]] == ["assistant", "function", "assistant"]
    assert told[4:] == rest


def test_counts_without_a_sum_are_given_one() -> None:
    counts = {"prompt_tokens": 3, "completion_tokens": 2, "precached_prompt_tokens": 4}

    usage = read(at(), chat_answer(usage=counts))["usage"]

    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (7, 2, 9)
