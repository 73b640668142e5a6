"""The SDK, this format and a server of it over real sockets: whole, streamed, with tools, and broken in several ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import lingate
from lingate.errors import AuthenticationError, OverloadedError, StreamInterruptedError
from lingate.simulator import Simulator

TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "Find a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def options(simulator: Simulator) -> dict[str, Any]:
    return {"api_key": "AIza-test", "api_base": simulator.url + "/v1beta", "retries": 0}


def test_whole_and_streamed_answers_agree(options: dict[str, Any]) -> None:
    client = lingate.Lingate()
    whole = client.chat("gemini/sim", "one two three", **options)
    stream = client.chat("gemini/sim", "one two three", stream=True, **options)
    text = "".join(event.text or "" for event in stream)

    assert "one two three" in (whole.text or "")
    assert text == whole.text == stream.final().text
    assert whole.usage == stream.final().usage
    assert (whole.choices[0].finish_reason, stream.final().choices[0].finish_reason) == ("stop", "stop")


def test_a_tool_turn(options: dict[str, Any]) -> None:
    client = lingate.Lingate()
    messages: list[Any] = [{"role": "user", "content": "find Rome"}]
    first = client.chat("gemini/sim", messages, tools=[TOOL], **options)
    (call,) = first.tool_calls or []
    messages += [
        first.choices[0].message.to_dict(),
        {"role": "tool", "tool_call_id": call.id, "content": "it is there"},
    ]

    second = client.chat("gemini/sim", messages, tools=[TOOL], **options)
    streamed = client.chat("gemini/sim", messages[:1], tools=[TOOL], stream=True, **options)
    list(streamed)

    assert first.choices[0].finish_reason == "tool_calls"
    assert "it is there" in (second.text or "")
    (again,) = streamed.final().tool_calls or []
    assert again.function == call.function


def test_a_schema_reasoning_and_vectors(options: dict[str, Any]) -> None:
    client = lingate.Lingate()
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    shaped = client.chat("gemini/sim", "x", response_format=schema, **options)
    thought = client.chat("gemini/sim", "x", reasoning_effort="low", **options)
    vectors = client.embed("gemini/sim-dims-4", ["a", "b"], **options)

    assert isinstance(json.loads(shaped.text or "")["n"], int)
    assert thought.choices[0].message.reasoning_content
    assert (thought.usage.reasoning_tokens or 0) > 0 if thought.usage else False
    assert [len(item.embedding) for item in vectors.data] == [4, 4]


def test_google_cloud_speaks_the_same_at_its_own_address(simulator: Simulator) -> None:
    base = f"{simulator.url}/v1/projects/p/locations/l/publishers/google"

    found = lingate.Lingate().chat("vertex_ai/sim", "one two", api_key="k", api_base=base, retries=0)

    assert "one two" in (found.text or "")


@pytest.mark.parametrize("fault", ["cut-2", "eof-2", "no-terminal"])
def test_a_stream_that_does_not_end_well_is_interrupted(options: dict[str, Any], fault: str) -> None:
    stream = lingate.Lingate().chat(f"gemini/sim-fault-{fault}", "one two three four", stream=True, **options)

    with pytest.raises(StreamInterruptedError) as caught:
        list(stream)

    assert caught.value.partial is not None


def test_errors_of_the_server_are_the_errors_they_are(options: dict[str, Any]) -> None:
    client = lingate.Lingate()
    with pytest.raises(OverloadedError):
        list(client.chat("gemini/sim-fault-error-event-2", "one two three", stream=True, **options))
    with Simulator(keys=["right"]) as strict, pytest.raises(AuthenticationError):
        client.chat("gemini/sim", "x", api_key="wrong", api_base=strict.url + "/v1beta", retries=0)
