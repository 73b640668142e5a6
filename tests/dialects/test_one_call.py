"""One tool call at a time, where a format cannot ask for that: the first is told, whole and streamed, and the rest is not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import lingate
from lingate._call.collect import Collector
from lingate._dialects._replay import replay
from lingate._model import Head, ToolArgs, ToolStart
from lingate.simulator import Simulator
from tests.dialects.test_free_text import OK, answer, asked

MODELS = (
    "gemini/gemini-2.5-flash",
    "cohere/command-a-03-2025",
    "ollama/llama3.2",
    "bedrock/amazon.nova-pro-v1:0",
)
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
BOTH = answer(("look", '{"a":1}'), ("look", '{"b":2}'))
NOTE = "parallel_tool_calls (calls behind the first are left out of the answer)"
each = pytest.mark.parametrize("model", MODELS)


@each
@pytest.mark.parametrize("wanted", [False, True, None])
def test_only_the_first_call_of_a_whole_answer_is_told_to_who_wants_one(model: str, wanted: bool | None) -> None:
    form, sent = asked(model, tools=[LOOK], parallel_tool_calls=wanted)

    response, _ = form.response(sent, OK, form.render(BOTH))

    calls = [call["function"]["arguments"] for call in response["choices"][0]["message"]["tool_calls"]]
    assert calls == (['{"a":1}'] if wanted is False else ['{"a":1}', '{"b":2}'])
    assert response["choices"][0]["finish_reason"] == "tool_calls"
    assert sent.dropped == ([NOTE] if wanted is False else [])


@each
@pytest.mark.parametrize("wanted", [False, True])
def test_only_the_first_call_of_a_stream_is_told_to_who_wants_one(model: str, wanted: bool) -> None:
    form, sent = asked(model, tools=[LOOK], parallel_tool_calls=wanted)
    encoder = form.encoder(sent.call)
    data = b"".join(map(encoder.event, replay(BOTH))) + encoder.end()
    head = Head(200, {"content-type": encoder.content_type})
    told: list[list[Any]] = []
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        decoder = form.decoder(sent, head)
        told.append([event for piece in pieces for event in decoder.feed(piece)] + decoder.finish())

    for events in told:
        assert {event.tool for event in events if isinstance(event, ToolStart | ToolArgs)} == (
            {0} if not wanted else {0, 1}
        )
        collector = Collector()
        for event in events:
            collector.add(event)
        choice = collector.response()["choices"][0]
        assert len(choice["message"]["tool_calls"]) == (1 if not wanted else 2)
        assert choice["finish_reason"] == "tool_calls"


@each
def test_without_tools_there_is_nothing_to_say(model: str) -> None:
    assert asked(model, tools=None, parallel_tool_calls=False)[1].dropped == []


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.mark.parametrize(("model", "base"), [("gemini/sim-parallel-3", "/v1beta"), ("ollama/sim-parallel-3", "")])
def test_over_http_a_conversation_goes_on_after_the_one_call(simulator: Simulator, model: str, base: str) -> None:
    options: Any = {
        "api_base": simulator.url + base,
        "api_key": "sk-x",
        "tools": [LOOK],
        "parallel_tool_calls": False,
    }
    whole = lingate.chat(model, "look", **options)
    streamed = lingate.chat(model, "look", stream=True, **options).final()
    other = asyncio.run(lingate.achat(model, "look", **options))

    for one in (whole, streamed, other):
        assert [call.function.name for call in one.tool_calls] == ["look"]
        result = {"role": "tool", "tool_call_id": one.tool_calls[0].id, "content": "a sea"}
        history = [{"role": "user", "content": "look"}, one.message, result]
        assert "a sea" in lingate.chat(model, history, **options).text
