"""Functions in namespaces, and tools that items bring, on providers that have one list of tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._format_choice import form_of
from lingate._dialects.openai_responses import DIALECT
from lingate._dialects.openai_responses.face_response import response_object
from lingate._model import Head, ProviderRow, Target
from lingate._wire.json import encode
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.openai_responses.oracle import check_response
from tests.dialects.openai_responses.support import parse

PLACE = Target(row=ProviderRow(name="acme", dialect="openai_chat"), model="m-1", url="https://api.acme.test/v1")
FORM = form_of(PLACE, "responses")
PLAIN = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
SPACE = {"type": "namespace", "name": "mcp__maps", "description": "Maps", "tools": [{**PLAIN, "description": "Look"}]}
BROUGHT = {"type": "additional_tools", "role": "developer", "tools": [{**SPACE, "name": "mcp__sky__"}]}
HI = {"role": "user", "content": "hi"}


def sent(**body: Any) -> Any:
    return FORM.request(parse({"input": [HI], **body}), PLACE)


def wire(**body: Any) -> Any:
    return json.loads(sent(**body).body)


def names(**body: Any) -> list[str]:
    return [tool["function"]["name"] for tool in wire(**body)["tools"]]


def calls(*called: str) -> list[dict[str, Any]]:
    return [
        {"index": n, "id": f"c{n}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for n, name in enumerate(called)
    ]


def test_functions_of_a_namespace_are_offered_under_its_name_and_theirs() -> None:
    assert names(tools=[PLAIN, SPACE]) == ["look", "mcp__maps__look"]
    assert wire(tools=[SPACE])["tools"][0]["function"]["description"] == "Look"


def test_tools_that_an_item_brings_are_offered_like_the_others() -> None:
    made = wire(input=[BROUGHT, HI], tools=[PLAIN])

    assert [tool["function"]["name"] for tool in made["tools"]] == ["look", "mcp__sky__look"]
    assert made["messages"] == [HI]
    assert names(input=[{**BROUGHT, "tools": [PLAIN]}, HI]) == ["look"]


def test_a_tool_that_is_brought_again_is_offered_once() -> None:
    # Codex sends some among its tools and in an item, and that item again: router-for-me/CLIProxyAPI#4788.
    brought = {**BROUGHT, "tools": [SPACE, PLAIN]}

    assert names(input=[brought, HI, brought], tools=[PLAIN, SPACE]) == ["look", "mcp__maps__look"]


def test_calls_in_the_history_are_of_the_functions_that_are_offered() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c1", "output": "sea"}

    plain = wire(input=[HI, call, result], tools=[PLAIN, SPACE])["messages"][1]
    spaced = wire(input=[HI, {**call, "namespace": "mcp__maps"}, result], tools=[PLAIN, SPACE])["messages"][1]

    assert plain["tool_calls"][0]["function"]["name"] == "look"
    assert spaced["tool_calls"][0]["function"]["name"] == "mcp__maps__look"


@pytest.mark.parametrize(("tools", "name"), [([SPACE], "mcp__maps__look"), ([PLAIN, SPACE], "look"), ([PLAIN], "look")])
def test_a_function_of_a_namespace_is_demanded_and_allowed_by_the_name_that_it_is_offered_under(
    tools: list[dict[str, Any]], name: str
) -> None:
    demanded = {"type": "function", "name": "look"}

    one = wire(tools=tools, tool_choice=demanded)["tool_choice"]
    some = wire(tools=tools, tool_choice={"type": "allowed_tools", "mode": "required", "tools": [demanded]})

    assert one == {"type": "function", "function": {"name": name}}
    assert some["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in some["tools"]] == [name]


def test_a_call_comes_back_with_its_namespace() -> None:
    asked = sent(input=[BROUGHT, HI], tools=[PLAIN, SPACE])
    called = calls("look", "mcp__maps__look", "mcp__sky__look", "else")
    choice = {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": called}}
    body = {"id": "i", "object": "chat.completion", "created": 1, "model": "m-1", "choices": [choice]}

    made, _ = FORM.response(asked, Head(200, {}), json.dumps(body).encode())
    shown = response_object(made)

    check_response(encode(shown))
    found = [(item.get("namespace"), item["name"]) for item in shown["output"]]
    assert found == [(None, "look"), ("mcp__maps", "look"), ("mcp__sky__", "look"), (None, "else")]


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_streamed_call_comes_back_with_its_namespace(size: int) -> None:
    asked = sent(tools=[PLAIN, SPACE], stream=True)
    deltas = [{"tool_calls": [call]} for call in calls("look", "mcp__maps__look")]
    data = b"".join(
        b"data: "
        + json.dumps({"id": "i", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}).encode()
        + b"\n\n"
        for delta, reason in [*((delta, None) for delta in deltas), ({}, "tool_calls")]
    )
    data += b"data: [DONE]\n\n"
    decoder, encoder = FORM.decoder(asked, Head(200, {})), DIALECT.operations["responses"].encoder(asked.call)

    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    events = [event for piece in pieces for event in decoder.feed(piece)]
    assert decoder.done
    written = b"".join(map(encoder.event, [*events, *decoder.finish()])) + encoder.end()

    told = [json.loads(line[6:]) for line in written.decode().splitlines() if line.startswith("data: ")]
    items = [
        event["item"] for event in told if event["type"] in ("response.output_item.added", "response.output_item.done")
    ]
    assert {(item.get("namespace"), item["name"]) for item in items} == {(None, "look"), ("mcp__maps", "look")}


def test_what_others_cannot_run_is_refused_in_a_namespace_too() -> None:
    free = {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "regex", "definition": "a+"}}
    other = Target(row=ProviderRow(name="acme", dialect="anthropic"), model="m-1", url="https://api.acme.test")
    with pytest.raises(UnsupportedError, match="grammar"):
        form_of(other, "responses").request(parse({"input": [HI], "tools": [{**SPACE, "tools": [free]}]}), other)
    with pytest.raises(ConfigError, match="must be a string"):
        sent(tools=[{**SPACE, "tools": [{"type": "function"}]}])
    with pytest.raises(ConfigError):
        sent(input=[{**BROUGHT, "tools": [5]}, HI])


@pytest.mark.parametrize("inner", [{"type": "web_search"}, {"type": "function", "function": {}}])
def test_what_is_no_function_in_a_namespace_has_no_name_to_change(inner: dict[str, Any]) -> None:
    assert sent(tools=[PLAIN, {**SPACE, "tools": [inner]}], drop_params=True).call.body["tools"][1]["tools"] == [inner]
