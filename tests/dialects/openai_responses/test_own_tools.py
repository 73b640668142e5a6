"""Calls of custom tools with which a provider reports what its own tools did: https://docs.x.ai/developers/tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import Call, ToolStart
from tests.dialects.openai_responses.support import (
    CHAT,
    HELLO,
    JSON_HEAD,
    NATIVE,
    answer,
    decode,
    function_call,
    message,
    parse,
    sse,
    streamed,
    target,
)
from tests.dialects.short import collect

SEARCHED = {
    "type": "custom_tool_call",
    "id": "ctc_1_xs_call_1",
    "call_id": "xs_call_1",
    "name": "x_keyword_search",
    "input": '{"query":"q"}',
    "status": "completed",
}
SEARCH = {"type": "x_search"}
SQL = {"type": "custom", "custom": {"name": "sql"}}
ASKED = {**SEARCHED, "call_id": "call_2", "id": "ctc_2", "name": "sql", "input": "select 1"}


def request_with(*tools: dict[str, Any], stream: bool = False, **more: Any) -> Any:
    body = {"messages": HELLO, "tools": list(tools), **more}
    return CHAT.request(Call("chat", "m-1", body, stream=stream), target())


def whole(body: dict[str, Any], *tools: dict[str, Any]) -> dict[str, Any]:
    canonical, _ = CHAT.response(request_with(*tools), JSON_HEAD, json.dumps(body).encode())
    choice: dict[str, Any] = canonical["choices"][0]
    return choice


def in_stream(body: dict[str, Any], *tools: dict[str, Any]) -> dict[str, Any]:
    data = sse(*streamed(body))
    request = request_with(*tools, stream=True)
    events = decode([data], request)
    assert [type(event) for event in decode([data[n : n + 1] for n in range(len(data))], request)] == [
        type(event) for event in events
    ]
    choice: dict[str, Any] = collect(events)["choices"][0]
    return choice


@pytest.mark.parametrize("read", [whole, in_stream])
def test_a_custom_call_that_nobody_offered_is_the_providers_own_search(read: Any) -> None:
    choice = read(answer(SEARCHED, message()), SEARCH)

    assert "tool_calls" not in choice["message"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("hi", "stop")
    assert choice["message"]["provider_specific_fields"]["openai_responses"]["items"] == [SEARCHED, message()]


@pytest.mark.parametrize("read", [whole, in_stream])
def test_the_callers_calls_beside_the_providers_search_are_the_callers(read: Any) -> None:
    choice = read(answer(SEARCHED, function_call(), ASKED), SEARCH, SQL)

    assert [call["id"] for call in choice["message"]["tool_calls"]] == ["call_1", "call_2"]
    assert choice["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("tools", [(), ({"type": "tool_search"}, {"type": "web_search"}), ({"type": "mcp"},)])
@pytest.mark.parametrize("read", [whole, in_stream])
def test_where_the_request_does_not_name_all_tools_a_custom_call_is_the_callers(read: Any, tools: Any) -> None:
    choice = read(answer(ASKED), *tools)

    assert [call["id"] for call in choice["message"]["tool_calls"]] == ["call_2"]


def test_tools_in_extra_body_count_instead_of_the_others() -> None:
    call = Call("chat", "m-1", {"messages": HELLO}, extra_body={"tools": [SEARCH]})
    body = json.dumps(answer(SEARCHED, message())).encode()

    canonical, _ = CHAT.response(CHAT.request(call, target()), JSON_HEAD, body)

    assert "tool_calls" not in canonical["choices"][0]["message"]


def test_the_search_goes_back_with_the_next_turn() -> None:
    said = whole(answer(SEARCHED, message()), SEARCH)["message"]
    turn = [*HELLO, said, {"role": "user", "content": "more"}]

    wire = json.loads(CHAT.request(Call("chat", "m-1", {"messages": turn, "tools": [SEARCH]}), target()).body)

    assert SEARCHED in wire["input"]


def test_a_client_of_this_format_sees_the_search_as_the_provider_told_it() -> None:
    call = parse({"input": "hi", "tools": [SEARCH]})
    body = answer(SEARCHED, message(), tools=[SEARCH])

    canonical, _ = NATIVE.response(NATIVE.request(call, target()), JSON_HEAD, json.dumps(body).encode())

    assert json.loads(NATIVE.render(canonical))["output"] == [SEARCHED, message()]


def test_no_event_of_a_stream_begins_a_call_for_it() -> None:
    data = sse(*streamed(answer(SEARCHED, message())))

    assert not [event for event in decode([data], request_with(SEARCH, stream=True)) if isinstance(event, ToolStart)]
