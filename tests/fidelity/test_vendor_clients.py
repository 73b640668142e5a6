"""The vendors' own packages, over HTTP, against the faces of the simulator: text, streams, tools, thinking, counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import jsonschema
import pytest

from lingate.simulator import Simulator
from tests.fidelity.vendors import SCHEMA, TOOL, VENDORS, Anthropic, Bedrock, Gemini, Ollama, OpenAIChat, Vendor

QUESTION = "one two three four five six"
MODES = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest, simulator: Simulator) -> Iterator[Vendor]:
    made = VENDORS[request.param](simulator.url)
    yield made
    made.close()


def test_whole_and_streamed_answers_agree(vendor: Vendor) -> None:
    history = vendor.user(QUESTION)

    whole, streamed = (vendor.ask(history, "sim", stream) for stream in (False, True))

    assert QUESTION in whole.text
    assert (streamed.text, streamed.ended, streamed.counts) == (whole.text, whole.ended, whole.counts)
    assert whole.ended == vendor.ended[0]
    assert min(whole.counts) > 0


def test_what_ends_a_line_elsewhere_is_text_like_any_other(vendor: Vendor) -> None:
    # Clients that read lines as Python's `splitlines` does take these for the end of one.
    question = "one\u2028two\u2029three\x85four"
    history = vendor.user(question)

    whole, streamed = (vendor.ask(history, "sim", stream) for stream in (False, True))

    assert question in whole.text
    assert streamed.text == whole.text


@MODES
def test_an_agents_loop_ends_with_what_the_tools_answered(vendor: Vendor, stream: bool) -> None:
    history = vendor.user(QUESTION)

    first = vendor.ask(history, "sim-parallel-2", stream, tools=True)
    history += [*first.turn, *vendor.results(first, ["sunny, 21", "rain, 15"])]
    second = vendor.ask(history, "sim-parallel-2", stream, tools=True)

    assert [name for name, _ in first.calls] == [TOOL, TOOL]
    for _, arguments in first.calls:
        jsonschema.validate(arguments, SCHEMA)
    assert first.ended == vendor.ended[1]
    assert (second.calls, second.ended) == ([], vendor.ended[0])
    assert second.text.index("sunny, 21") < second.text.index("rain, 15")


def test_calls_are_the_same_whole_and_streamed(vendor: Vendor) -> None:
    whole, streamed = (
        vendor.ask(vendor.user(QUESTION), "sim-parallel-3", stream, tools=True) for stream in (False, True)
    )

    assert streamed.calls == whole.calls
    assert len(whole.calls) == 3


@MODES
def test_thinking_is_shown_apart_from_the_answer_and_goes_back_with_the_turn(vendor: Vendor, stream: bool) -> None:
    history = vendor.user(QUESTION)

    first = vendor.ask(history, "sim", stream, tools=True, think=True)
    history += [*first.turn, *vendor.results(first, ["sunny, 21"])]
    second = vendor.ask(history, "sim", stream, tools=True, think=True)

    assert "The user wrote" in first.thoughts
    assert "sunny, 21" in second.text
    assert "The user wrote" not in second.text
    assert second.thoughts


def test_thinking_is_the_same_whole_and_streamed(vendor: Vendor) -> None:
    whole, streamed = (vendor.ask(vendor.user(QUESTION), "sim", stream, think=True) for stream in (False, True))

    assert (streamed.thoughts, streamed.text) == (whole.thoughts, whole.text)
    assert whole.thoughts


@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_the_openai_package_embeds(simulator: Simulator, encoding: Any) -> None:
    with closing(OpenAIChat(simulator.url)) as vendor:
        asked = {} if encoding is None else {"encoding_format": encoding}
        made = vendor.client.embeddings.create(model="sim-dims-64", input=["a", "b"], **asked)

    assert [item.index for item in made.data] == [0, 1]
    assert made.usage.prompt_tokens > 0
    if encoding == "base64":
        assert all(isinstance(item.embedding, str) for item in made.data)
    else:
        assert [len(item.embedding) for item in made.data] == [64, 64]


def test_the_anthropic_package_counts_what_is_billed(simulator: Simulator) -> None:
    with closing(Anthropic(simulator.url)) as vendor:
        counted = vendor.client.messages.count_tokens(model="sim", messages=vendor.user(QUESTION))
        said = vendor.ask(vendor.user(QUESTION), "sim", False)

    assert counted.input_tokens == said.counts[0]


def test_the_google_package_counts_and_embeds(simulator: Simulator) -> None:
    with closing(Gemini(simulator.url)) as vendor:
        counted = vendor.client.models.count_tokens(model="sim", contents=vendor.user(QUESTION))
        embedded = vendor.client.models.embed_content(model="sim-dims-64", contents=["a", "b"])
        said = vendor.ask(vendor.user(QUESTION), "sim", False)

    assert counted.total_tokens == said.counts[0]
    assert [len(item.values) for item in embedded.embeddings] == [64, 64]


def test_the_aws_package_counts_what_is_billed(simulator: Simulator) -> None:
    with closing(Bedrock(simulator.url)) as vendor:
        asked = {"converse": {"messages": vendor.user(QUESTION)}}
        counted = vendor.client.count_tokens(modelId="sim", input=asked)
        said = vendor.ask(vendor.user(QUESTION), "sim", False)

    assert counted["inputTokens"] == said.counts[0]


def test_the_ollama_package_embeds(simulator: Simulator) -> None:
    with closing(Ollama(simulator.url)) as vendor:
        embedded = vendor.client.embed(model="sim-dims-64", input=["a", "b"])

    assert [len(item) for item in embedded.embeddings] == [64, 64]
