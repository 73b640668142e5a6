"""The cohere and ollama packages against the simulator, and Lingate's own client through the same faces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import cohere
import jsonschema
import ollama
import pytest

import lingate
from lingate.simulator import Simulator
from tests.simulator.wire import QUESTION, TOOL_SCHEMA

MESSAGES: Any = QUESTION
TOOL: Any = {"type": "function", "function": {"name": "find", "description": "finds", "parameters": TOOL_SCHEMA}}
DOCUMENTS = ["a day at the sea", "one two three four", "nothing at all"]


@pytest.fixture
def co(simulator: Simulator) -> Iterator[cohere.ClientV2]:
    with cohere.ClientV2("k", base_url=simulator.url, timeout=10) as client:
        yield client


@pytest.fixture
def lama(simulator: Simulator) -> Iterator[ollama.Client]:
    with ollama.Client(host=simulator.url) as client:
        yield client


def test_cohere_whole_and_streamed_answers_agree(co: cohere.ClientV2) -> None:
    whole: Any = co.chat(model="sim", messages=MESSAGES, thinking=cohere.Thinking(type="enabled"))
    streamed: list[Any] = list(co.chat_stream(model="sim", messages=MESSAGES, thinking=cohere.Thinking(type="enabled")))

    assert [part.type for part in whole.message.content] == ["thinking", "text"]
    deltas = [event.delta.message.content for event in streamed if event.type == "content-delta"]
    assert "".join(delta.thinking or "" for delta in deltas) == whole.message.content[0].thinking
    assert "".join(delta.text or "" for delta in deltas) == whole.message.content[1].text
    assert streamed[-1].delta.usage == whole.usage
    assert whole.usage.tokens.input_tokens > 0


def test_cohere_agents_loop_ends(co: cohere.ClientV2) -> None:
    first: Any = co.chat(model="sim", messages=MESSAGES, tools=[TOOL])
    assert first.finish_reason == "TOOL_CALL"
    (call,) = first.message.tool_calls
    jsonschema.validate(json.loads(call.function.arguments), TOOL_SCHEMA)
    turns = [
        *MESSAGES,
        first.message,
        {
            "role": "tool",
            "tool_call_id": call.id,
            "content": [{"type": "document", "document": {"data": {"x": "found"}}}],
        },
    ]

    second: Any = co.chat(model="sim", messages=turns, tools=[TOOL])

    assert second.finish_reason == "COMPLETE"
    assert "found" in second.message.content[0].text


def test_cohere_calls_come_whole_out_of_a_stream(co: cohere.ClientV2) -> None:
    events: list[Any] = list(co.chat_stream(model="sim-parallel-2", messages=MESSAGES, tools=[TOOL]))

    for index in (0, 1):
        pieces = [e.delta.message.tool_calls for e in events if e.type == "tool-call-delta" and e.index == index]
        jsonschema.validate(json.loads("".join(piece.function.arguments for piece in pieces)), TOOL_SCHEMA)
    assert events[-1].delta.finish_reason == "TOOL_CALL"


def test_cohere_structured_output_satisfies_its_schema(co: cohere.ClientV2) -> None:
    wanted = cohere.JsonObjectResponseFormatV2(json_schema=TOOL_SCHEMA)

    made: Any = co.chat(model="sim", messages=MESSAGES, response_format=wanted)

    jsonschema.validate(json.loads(made.message.content[0].text), TOOL_SCHEMA)


def test_cohere_embeds_ranks_and_lists(co: cohere.ClientV2) -> None:
    vectors: Any = co.embed(model="sim", input_type="search_query", texts=["a", "b"], output_dimension=64)
    ranked = co.rerank(model="sim", query="one two three", documents=DOCUMENTS, top_n=2)

    assert [len(vector) for vector in vectors.embeddings.float_] == [64, 64]
    assert ranked.results[0].index == 1
    assert len(ranked.results) == 2
    assert "sim-small" in [model.name for model in co.models.list().models]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("400", cohere.BadRequestError),
        ("401", cohere.UnauthorizedError),
        ("404", cohere.NotFoundError),
        ("429", cohere.TooManyRequestsError),
    ],
)
def test_cohere_raises_what_was_asked_for(co: cohere.ClientV2, fault: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        co.chat(model=f"sim-fault-{fault}", messages=MESSAGES, request_options={"max_retries": 0})


def test_ollama_whole_and_streamed_answers_agree(lama: ollama.Client) -> None:
    whole = lama.chat("sim", MESSAGES, think=True)
    streamed = list(lama.chat("sim", MESSAGES, think=True, stream=True))

    assert whole.message.thinking
    assert "".join(item.message.thinking or "" for item in streamed) == whole.message.thinking
    assert "".join(item.message.content or "" for item in streamed) == whole.message.content
    last = streamed[-1]
    assert (last.done, last.prompt_eval_count, last.eval_count) == (True, whole.prompt_eval_count, whole.eval_count)


def test_ollama_agents_loop_ends(lama: ollama.Client) -> None:
    first = lama.chat("sim", MESSAGES, tools=[TOOL])
    (call,) = first.message.tool_calls or ()
    jsonschema.validate(call.function.arguments, TOOL_SCHEMA)
    turns = [*MESSAGES, first.message, {"role": "tool", "tool_name": "find", "content": "found it"}]

    second = lama.chat("sim", turns, tools=[TOOL])

    assert second.done_reason == "stop"
    assert 'find answered: "found it"' in (second.message.content or "")


def test_ollama_calls_come_whole_out_of_a_stream(lama: ollama.Client) -> None:
    items = list(lama.chat("sim-parallel-2", MESSAGES, tools=[TOOL], stream=True))

    calls = [call for item in items for call in item.message.tool_calls or ()]
    assert len(calls) == 2
    for call in calls:
        jsonschema.validate(call.function.arguments, TOOL_SCHEMA)


def test_ollama_structured_output_and_images(lama: ollama.Client) -> None:
    gif = "R0lGODlhAgADAIAAAAAAAP///ywAAAAAAgADAAACAoRRADs="

    made = lama.chat("sim", MESSAGES, format=TOOL_SCHEMA)
    seen = lama.chat("sim", [{"role": "user", "content": "look", "images": [gif]}])

    jsonschema.validate(json.loads(made.message.content or ""), TOOL_SCHEMA)
    assert "image/gif, 35 bytes, 2x3 pixels" in (seen.message.content or "")


def test_ollama_answers_prompts_embeds_and_lists(lama: ollama.Client) -> None:
    whole = lama.generate("sim", "one two three")
    streamed = list(lama.generate("sim", "one two three", stream=True))

    assert "one two three" in whole.response
    assert "".join(item.response or "" for item in streamed) == whole.response
    assert len(lama.embed("sim-dims-64", ["a", "b"]).embeddings) == 2
    assert len(lama.embeddings("sim-dims-64", "a").embedding) == 64
    assert "sim-small" in [model.model for model in lama.list().models]


@pytest.mark.parametrize(("fault", "status"), [("401", 401), ("404", 404), ("429", 429), ("503", 503)])
def test_ollama_raises_what_was_asked_for(lama: ollama.Client, fault: str, status: int) -> None:
    with pytest.raises(ollama.ResponseError) as raised:
        lama.chat(f"sim-fault-{fault}", MESSAGES)
    assert raised.value.status_code == status


@pytest.mark.parametrize("provider", ["cohere", "ollama"])
def test_our_own_client_gets_the_same_through_each_of_the_faces(simulator: Simulator, provider: str) -> None:
    client = lingate.Lingate()
    asked: Any = {"api_key": "k", "api_base": simulator.url, "tools": [TOOL]}

    first = client.chat(f"{provider}/sim", MESSAGES, reasoning_effort="high", **asked)
    with client.chat(f"{provider}/sim", MESSAGES, reasoning_effort="high", stream=True, **asked) as stream:
        streamed = stream.final()
    turns = [*MESSAGES, first.message, {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "found it"}]
    second = client.chat(f"{provider}/sim", turns, **asked)

    assert first.finish_reason == streamed.finish_reason == "tool_calls"
    assert first.reasoning == streamed.reasoning != ""
    assert [call.arguments for call in first.tool_calls] == [call.arguments for call in streamed.tool_calls]
    assert first.usage == streamed.usage
    assert 'find answered: "found it"' in second.text
    assert len(client.embed(f"{provider}/sim", ["a", "b"], api_key="k", api_base=simulator.url).vectors) == 2
    assert "sim-small" in client.models(provider, api_key="k", api_base=simulator.url).ids


@pytest.mark.parametrize("model", ["cohere/sim", "voyage/sim", "jina_ai/sim", "infinity/sim", "siliconflow/sim"])
def test_our_own_client_ranks_through_each_of_the_faces(simulator: Simulator, model: str) -> None:
    base = simulator.url + ("" if model.startswith("cohere") else "/v1")

    made = lingate.Lingate().rerank(
        model, "one two three", DOCUMENTS, api_key="k", api_base=base, return_documents=True
    )

    assert made.order[0] == 1
    assert made.results[0].document == {"text": DOCUMENTS[1]}


@pytest.mark.parametrize("provider", ["cohere", "ollama"])
@pytest.mark.parametrize("fault", ["cut-2", "eof-2", "error_event-2", "malformed_event-1"])
def test_a_stream_that_breaks_is_an_error_through_each_of_the_faces(
    simulator: Simulator, provider: str, fault: str
) -> None:
    client = lingate.Lingate(retries=0)

    with pytest.raises(lingate.LingateError):
        client.chat(f"{provider}/sim-fault-{fault}", MESSAGES, stream=True, api_key="k", api_base=simulator.url).final()
