"""Chats with functions that a host takes as responses only: OpenAI's from GPT-5.4 on, while the model thinks."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lingate
from lingate.testing import FakeTransport, Reply, Streamed

ENV = {"OPENAI_API_KEY": "sk-test-0001"}
HI = [{"role": "user", "content": "hi"}]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"at":1}'}
USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
BEGUN = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt", "status": "in_progress", "output": []}
RESPONSE = {**BEGUN, "status": "completed", "output": [CALL], "usage": USAGE}
CHAT = {
    "id": "c",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
}


def _path(model: str, api_base: str | None = None, **params: Any) -> str:
    transport = FakeTransport(Reply(RESPONSE), Reply(CHAT))
    client = lingate.Lingate(transport=transport, env=ENV)
    try:
        client.chat(model, HI, api_base=api_base, **{"tools": TOOLS, **params})
    except lingate.errors.ProtocolError:
        pass  # answered in the other format
    return transport.requests[0].url.rpartition("/v1")[2]


@pytest.mark.parametrize(
    ("model", "params", "path"),
    [
        ("openai/gpt-5.6-sol", {}, "/responses"),
        ("openai/gpt-6-sol", {}, "/responses"),
        ("openai/gpt-6-astra", {"reasoning_effort": "none"}, "/responses"),
        ("openai/gpt-6.1-sol", {"thinking": {"type": "disabled"}}, "/responses"),
        ("openai/gpt-6.1-terra", {"reasoning_effort": "none"}, "/chat/completions"),
        ("openai/gpt-6-luna", {"tools": None, "reasoning_effort": "max"}, "/responses"),
        ("openai/gpt-6-astra", {"tools": None, "reasoning_effort": "none"}, "/chat/completions"),
        ("openai/gpt-5.4", {"tools": None, "reasoning_effort": "max"}, "/chat/completions"),
        ("openai/gpt-5.5", {"reasoning_effort": "high"}, "/responses"),
        ("openai/gpt-5.4", {"reasoning_effort": "low"}, "/responses"),
        ("openai/gpt-5.4", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, "/responses"),
        ("openai/gpt-5.4", {}, "/chat/completions"),
        ("openai/gpt-5.5", {}, "/chat/completions"),
        ("openai/gpt-5.4", {"reasoning_effort": "none"}, "/chat/completions"),
        ("openai/gpt-5.6", {"reasoning_effort": "none"}, "/chat/completions"),
        ("openai/gpt-5.6", {"thinking": {"type": "disabled"}}, "/chat/completions"),
        ("openai/gpt-5.6", {"reasoning_effort": "low", "tools": []}, "/chat/completions"),
        ("openai/gpt-5.2", {"reasoning_effort": "low"}, "/chat/completions"),
        ("openai/gpt-6", {"api_base": "http://127.0.0.1:9/v1"}, "/chat/completions"),
        ("openai/gpt-6", {"api_base": "https://eu.api.openai.com/v1"}, "/responses"),
    ],
)
def test_chats_with_functions_are_responses_while_the_model_thinks(
    model: str, params: dict[str, Any], path: str
) -> None:
    assert _path(model, **params) == path


def test_the_answer_is_a_chats() -> None:
    transport = FakeTransport(Reply(RESPONSE))
    answer = lingate.Lingate(transport=transport, env=ENV).chat(
        "openai/gpt-5.6", HI, tools=TOOLS, reasoning_effort="max"
    )

    body = json.loads(transport.requests[0].body)
    assert body["tools"] == [{"type": "function", **TOOLS[0]["function"], "strict": False}]  # type: ignore[dict-item]
    assert (body["reasoning"]["effort"], body["input"], body["store"]) == ("max", HI, False)
    assert [call.function.arguments for call in answer.tool_calls] == ['{"at":1}']
    assert answer.usage.total_tokens == 5
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("size", [1, 10_000])
def test_its_stream_is_a_chats(size: int) -> None:
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": BEGUN},
        {"type": "response.output_item.added", "output_index": 0, "item": {**CALL, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "fc_1", "delta": '{"at":1}'},
        {"type": "response.output_item.done", "output_index": 0, "item": CALL},
        {"type": "response.completed", "response": RESPONSE},
    ]
    data = b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)
    transport = FakeTransport(Streamed([data[at : at + size] for at in range(0, len(data), size)]))

    stream = lingate.Lingate(transport=transport, env=ENV).chat("openai/gpt-5.6", HI, tools=TOOLS, stream=True)

    assert [chunk.choices[0].finish_reason for chunk in stream if chunk.choices][-1] == "tool_calls"
    assert [call.function.arguments for call in stream.final().tool_calls] == ['{"at":1}']
