"""Names of tools that a host refuses go out as others, and come back as the caller's."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lingate._call.collect import Collector
from lingate._dialects._format_choice import form_of
from lingate._dialects.anthropic import DIALECT as ANTHROPIC
from lingate._model import Call, Head, HttpRequest, Target
from lingate._providers import lookup
from lingate.errors import ConfigError

LONG = "mcp__plugin_oh-my-claudecode_omc-tools__" + "lsp_diagnostics_directory"
OTHER = "mcp__a.b/c"
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
HEAD = Head(200, {"content-type": "application/json"})
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in (LONG, "short")]
TURNS: list[Any] = [
    {"role": "user", "content": "go"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": OTHER, "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "no such tool"},
]


def asked(model: str, api_base: str | None = None, **more: Any) -> tuple[HttpRequest, Target]:
    env = {"AWS_REGION": "eu-west-1", "VERTEXAI_PROJECT": "p"}
    target = lookup.resolve(model, env=env, api_key="k", api_base=api_base)
    body = {"messages": TURNS, "tools": TOOLS, **more}
    return form_of(target, "chat").request(Call("chat", model, body), target), target


def answered(name: str) -> dict[str, Any]:
    call = {"id": "c2", "type": "function", "function": {"name": name, "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call, {**call, "id": "c3"}]}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}


def test_a_name_that_is_too_long_goes_out_short_wherever_it_stands() -> None:
    choice = {"type": "function", "function": {"name": LONG}}
    body = json.loads(asked("openai/gpt-4o", tool_choice=choice)[0].body)

    short = body["tools"][0]["function"]["name"]
    assert NAME.fullmatch(short)
    assert short[:55] == LONG[:55]
    assert body["tools"][1]["function"]["name"] == "short"
    assert body["tool_choice"]["function"]["name"] == short
    assert NAME.fullmatch(body["messages"][1]["tool_calls"][0]["function"]["name"])
    assert (
        json.loads(asked("bedrock/amazon.nova-pro-v1:0")[0].body)["toolConfig"]["tools"][0]["toolSpec"]["name"] == short
    )
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [choice]}}
    body = json.loads(asked("openai/gpt-4o", tool_choice=allowed)[0].body)
    assert body["tool_choice"]["allowed_tools"]["tools"][0]["function"]["name"] == short
    assert TURNS[1]["tool_calls"][0]["function"]["name"] == OTHER


@pytest.mark.parametrize("model", ["gemini/gemini-3.8-flash", "vertex_ai/gemini-2.5-pro"])
def test_names_that_google_refuses_go_out_as_others(model: str) -> None:
    taken = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
    names = [OTHER, "1st", "-a", "a.b:c", "a" * 128, "a" * 129]
    tools = [{"type": "function", "function": {"name": name}} for name in names]

    body = json.loads(asked(model, tools=tools)[0].body)

    out = [one["name"] for one in body["tools"][0]["functionDeclarations"]]
    assert all(map(taken.fullmatch, out))
    assert [name for name in out if name in names] == ["a.b:c", "a" * 128]
    assert body["contents"][1]["parts"][0]["functionCall"]["name"] == out[0]
    assert body["contents"][2]["parts"][0]["functionResponse"]["name"] == out[0]


@pytest.mark.parametrize("model", ["anthropic/claude-opus-5", "vertex_ai/claude-opus-5", "azure_ai/claude-opus-5"])
def test_names_that_claude_refuses_go_out_as_others(model: str) -> None:
    # "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'": home-assistant/core#147760, and of a
    # model's own inventions that the history repeats vercel/ai#10202.
    tools = [{"type": "function", "function": {"name": name}} for name in (OTHER, "1st", "a" * 128, "a" * 129)]

    sent, target = asked(model, tools=tools, api_base="https://here.test")

    body = json.loads(sent.body)
    out = [one["name"] for one in body["tools"]]
    assert all(map(re.compile("[a-zA-Z0-9_-]{1,128}").fullmatch, out))
    assert out[1:3] == ["1st", "a" * 128]
    assert body["messages"][1]["content"][0]["name"] == out[0]
    answer = {"content": [{"type": "tool_use", "id": "c2", "name": out[0], "input": {}}], "stop_reason": "tool_use"}
    canonical, _ = form_of(target, "chat").response(sent, HEAD, json.dumps(answer).encode())
    assert canonical["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == OTHER


@pytest.mark.parametrize("name", [LONG, "short"])
def test_calls_in_an_answer_have_the_names_that_the_caller_gave(name: str) -> None:
    sent, target = asked("openai/gpt-4o")
    short = {caller: out for out, caller in (sent.renamed or {}).items()}.get(name, name)

    canonical, raw = form_of(target, "chat").response(sent, HEAD, json.dumps(answered(short)).encode())

    calls = canonical["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == [name, name]
    assert raw["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == short


@pytest.mark.parametrize("size", [1, 10_000])
def test_calls_in_a_stream_have_the_names_that_the_caller_gave(size: int) -> None:
    sent, target = asked("openai/gpt-4o")
    short = next(out for out, caller in (sent.renamed or {}).items() if caller == LONG)
    call = {"index": 0, "id": "c2", "type": "function", "function": {"name": short, "arguments": "{}"}}
    chunk = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    data = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
    decoder, collector = form_of(target, "chat").decoder(sent, HEAD), Collector()

    for at in range(0, len(data), size):
        for event in decoder.feed(data[at : at + size]):
            collector.add(event)

    assert decoder.done
    assert collector.response()["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == LONG


def test_names_that_are_taken_stay_and_so_does_everything_at_other_hosts() -> None:
    sent, _ = asked("openai/gpt-4o", tools=TOOLS[1:], messages=TURNS[:1])
    assert sent.renamed is None
    body = json.loads(asked("together_ai/x")[0].body)
    assert body["tools"][0]["function"]["name"] == LONG


def test_a_coding_agent_gets_its_own_name_back_from_a_model_of_another_format() -> None:
    tool = {"name": LONG, "input_schema": {"type": "object"}}
    asks = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "tools": [tool]}
    face = ANTHROPIC.operations["chat"]
    call = face.parse_call(json.dumps(asks).encode(), {})
    target = lookup.resolve("openai/gpt-4o", env={}, api_key="k")
    form = form_of(target, "chat")
    sent = form.request(call, target)

    canonical, _ = form.response(sent, HEAD, json.dumps(answered(next(iter(sent.renamed or {})))).encode())

    assert json.loads(face.render(canonical))["content"][0]["name"] == LONG


def test_an_answer_without_calls_stays_as_it_is() -> None:
    sent, target = asked("openai/gpt-4o")
    message = {"role": "assistant", "content": "no tool is needed"}

    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    canonical, _ = form_of(target, "chat").response(sent, HEAD, json.dumps(body).encode())

    assert canonical["choices"][0]["message"] == message


def test_what_is_no_tool_is_for_others_to_judge() -> None:
    sent, _ = asked("openai/gpt-4o", tools=[TOOLS[0], 5])

    assert json.loads(sent.body)["tools"][1] == 5


def test_tools_with_long_names_change_nothing_about_a_call_without_messages() -> None:
    with pytest.raises(ConfigError, match="messages"):
        asked("bedrock/amazon.nova-pro-v1:0", messages=None)
