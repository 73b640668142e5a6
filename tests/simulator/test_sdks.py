"""The official packages, and the HTTP client that Lingate itself uses, against the simulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import jsonschema
import openai
import pytest
from pyreqwest.client import ClientBuilder

from lingate.simulator import Simulator
from tests.simulator.wire import OPENAI, QUESTION, TOOL_SCHEMA

MESSAGES: Any = QUESTION
TOOL: Any = {"type": "function", "function": {"name": "find", "parameters": TOOL_SCHEMA}}
CLAUDE_TOOL: Any = {"name": "find", "input_schema": TOOL_SCHEMA}


@pytest.fixture
def oai(simulator: Simulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=simulator.url + "/v1", api_key="sk-any", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(simulator: Simulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=simulator.url, api_key="sk-any", max_retries=0) as client:
        yield client


def test_openai_whole_and_streamed_answers_agree(oai: openai.OpenAI) -> None:
    whole = oai.chat.completions.create(model="sim", messages=MESSAGES)
    chunks = list(
        oai.chat.completions.create(model="sim", messages=MESSAGES, stream=True, stream_options={"include_usage": True})
    )

    assert "one two three" in (whole.choices[0].message.content or "")
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage


def test_openai_parallel_tools_come_whole_out_of_a_stream(oai: openai.OpenAI) -> None:
    with oai.chat.completions.stream(model="sim-parallel-3", messages=MESSAGES, tools=[TOOL]) as stream:
        message = stream.get_final_completion().choices[0]

    calls = message.message.tool_calls or []
    assert (len(calls), message.finish_reason) == (3, "tool_calls")
    for call in calls:
        jsonschema.validate(json.loads(call.function.arguments), TOOL_SCHEMA)


def test_openai_responses_whole_and_streamed_agree(oai: openai.OpenAI) -> None:
    whole = oai.responses.create(model="sim", input="one two three")
    with oai.responses.stream(model="sim", input="one two three") as stream:
        types = [event.type for event in stream]
        final = stream.get_final_response()

    assert "one two three" in whole.output_text
    assert final.output_text == whole.output_text
    assert final.usage == whole.usage
    assert (types[0], types[-1]) == ("response.created", "response.completed")


def test_openai_responses_loop_ends_and_its_tokens_can_be_counted(oai: openai.OpenAI) -> None:
    tool: Any = {"type": "function", "name": "find", "parameters": TOOL_SCHEMA, "strict": False}
    items: list[Any] = [{"role": "user", "content": "find it"}]

    first = oai.responses.create(model="sim", input=items, tools=[tool])
    (call,) = [item for item in first.output if item.type == "function_call"]
    jsonschema.validate(json.loads(call.arguments), TOOL_SCHEMA)
    items += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "found it"}]
    second = oai.responses.create(model="sim", input=items, tools=[tool])

    assert "found it" in second.output_text
    counted = oai.responses.input_tokens.count(model="sim", input=items, tools=[tool])
    assert counted.input_tokens == (second.usage.input_tokens if second.usage else 0)


def test_openai_agents_loop_ends(oai: openai.OpenAI) -> None:
    messages = list(MESSAGES)
    first = oai.chat.completions.create(model="sim", messages=messages, tools=[TOOL]).choices[0].message
    assert first.tool_calls
    messages.append(first.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "found it"})

    second = oai.chat.completions.create(model="sim", messages=messages, tools=[TOOL]).choices[0]

    assert second.finish_reason == "stop"
    assert 'find answered: "found it"' in (second.message.content or "")


def test_openai_structured_output_satisfies_its_schema(oai: openai.OpenAI) -> None:
    format_: Any = {"type": "json_schema", "json_schema": {"name": "place", "schema": TOOL_SCHEMA, "strict": True}}

    made = oai.chat.completions.create(model="sim", messages=MESSAGES, response_format=format_)

    jsonschema.validate(json.loads(made.choices[0].message.content or ""), TOOL_SCHEMA)


def test_openai_embeddings_have_their_size_in_both_encodings(oai: openai.OpenAI) -> None:
    packed = oai.embeddings.create(model="sim", input=["a b", "c"], dimensions=64)
    plain = oai.embeddings.create(model="sim", input=["a b", "c"], dimensions=64, encoding_format="float")

    assert [len(item.embedding) for item in packed.data] == [64, 64]
    assert packed.data[1].embedding == pytest.approx(plain.data[1].embedding, abs=1e-6)


def test_openai_models_are_listed_and_found(oai: openai.OpenAI) -> None:
    names = [model.id for model in oai.models.list()]

    assert "sim-small" in names
    assert oai.models.retrieve("sim-small").id == "sim-small"
    with pytest.raises(openai.NotFoundError):
        oai.models.retrieve("nothing")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("400", openai.BadRequestError),
        ("401", openai.AuthenticationError),
        ("403", openai.PermissionDeniedError),
        ("404", openai.NotFoundError),
        ("409", openai.ConflictError),
        ("429", openai.RateLimitError),
        ("529", openai.InternalServerError),
        ("reset_head", openai.APIConnectionError),
        ("context", openai.BadRequestError),
    ],
)
def test_openai_raises_what_was_asked_for(oai: openai.OpenAI, fault: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        oai.chat.completions.create(model=f"sim-fault-{fault}", messages=MESSAGES)


def test_openai_retries_reach_the_answer(simulator: Simulator) -> None:
    with openai.OpenAI(base_url=simulator.url, api_key="sk-any", max_retries=2) as client:
        made = client.chat.completions.create(model="sim-fault-429-0.01-flaky-2", messages=MESSAGES)

    assert made.choices[0].finish_reason == "stop"
    assert simulator.stats()["by_status"] == {"429": 2, "200": 1}


def test_claude_whole_and_streamed_answers_agree(claude: anthropic.Anthropic) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    whole = claude.messages.create(model="sim", max_tokens=2000, messages=MESSAGES, thinking=thinking)
    with claude.messages.stream(model="sim", max_tokens=2000, messages=MESSAGES, thinking=thinking) as stream:
        streamed = stream.get_final_message()

    assert [block.type for block in whole.content] == ["thinking", "text"]
    assert _plain(streamed.content[0])["signature"]
    assert [_plain(block) for block in streamed.content] == [_plain(block) for block in whole.content]
    assert streamed.usage.input_tokens == whole.usage.input_tokens
    assert streamed.usage.output_tokens == whole.usage.output_tokens


def _plain(block: Any) -> dict[str, Any]:
    return {name: value for name, value in block.to_dict(mode="json").items() if value is not None}


def test_claude_tools_and_their_results(claude: anthropic.Anthropic) -> None:
    first = claude.messages.create(model="sim", max_tokens=500, messages=MESSAGES, tools=[CLAUDE_TOOL])
    (use,) = (block for block in first.content if block.type == "tool_use")
    jsonschema.validate(use.input, TOOL_SCHEMA)
    turns: Any = [
        *MESSAGES,
        {"role": "assistant", "content": [block.to_dict() for block in first.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "found it"}]},
    ]

    second = claude.messages.create(model="sim", max_tokens=500, messages=turns, tools=[CLAUDE_TOOL])

    assert (first.stop_reason, second.stop_reason) == ("tool_use", "end_turn")
    assert 'find answered: "found it"' in second.content[0].to_dict(mode="json")["text"]  # type: ignore[typeddict-item]


def test_claude_structured_output_satisfies_its_schema(claude: anthropic.Anthropic) -> None:
    config: Any = {"format": {"type": "json_schema", "schema": {**TOOL_SCHEMA, "additionalProperties": False}}}

    made = claude.messages.create(model="sim", max_tokens=200, messages=MESSAGES, output_config=config)

    jsonschema.validate(json.loads(_plain(made.content[0])["text"]), TOOL_SCHEMA)


def test_claude_sees_images(claude: anthropic.Anthropic) -> None:
    gif = "R0lGODlhAgADAIAAAAAAAP///ywAAAAAAgADAAACAoRRADs="
    source = {"type": "base64", "media_type": "image/gif", "data": gif}
    turns: Any = [{"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": "look"}]}]

    made = claude.messages.create(model="sim", max_tokens=200, messages=turns)

    assert "image/gif, 35 bytes, 2x3 pixels" in _plain(made.content[0])["text"]


@pytest.mark.parametrize("stream", [False, True])
def test_claude_is_told_which_stop_sequence_ended_the_answer(claude: anthropic.Anthropic, stream: bool) -> None:
    options: Any = {"model": "sim", "max_tokens": 99, "messages": MESSAGES, "stop_sequences": ["no", "three"]}
    if stream:
        with claude.messages.stream(**options) as opened:
            made: Any = opened.get_final_message()
    else:
        made = claude.messages.create(**options)

    assert (made.stop_reason, made.stop_sequence) == ("stop_sequence", "three")
    assert made.content[0].text == 'You said: "one two '


def test_claude_caches_what_is_marked(claude: anthropic.Anthropic) -> None:
    system: Any = [{"type": "text", "text": "rules " * 100, "cache_control": {"type": "ephemeral"}}]
    first = claude.messages.create(model="sim", max_tokens=50, system=system, messages=MESSAGES).usage
    second = claude.messages.create(model="sim", max_tokens=50, system=system, messages=MESSAGES).usage

    assert (first.cache_read_input_tokens, second.cache_creation_input_tokens) == (0, 0)
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens
    assert (first.cache_creation_input_tokens or 0) >= 100
    assert first.input_tokens == second.input_tokens


def test_claude_counts_tokens_as_it_bills_them(claude: anthropic.Anthropic) -> None:
    counted = claude.messages.count_tokens(model="sim", messages=MESSAGES, tools=[CLAUDE_TOOL])
    made = claude.messages.create(model="sim", max_tokens=500, messages=MESSAGES, tools=[CLAUDE_TOOL])

    assert counted.input_tokens == made.usage.input_tokens


def test_claude_models_are_listed_and_found(claude: anthropic.Anthropic) -> None:
    assert "sim-small" in [model.id for model in claude.models.list()]
    assert claude.models.retrieve("sim-small").display_name == "sim-small"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("401", anthropic.AuthenticationError),
        ("404", anthropic.NotFoundError),
        ("429", anthropic.RateLimitError),
        ("529", anthropic.InternalServerError),
        ("close_head", anthropic.APIConnectionError),
        ("context", anthropic.BadRequestError),
    ],
)
def test_claude_raises_what_was_asked_for(claude: anthropic.Anthropic, fault: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        claude.messages.create(model=f"sim-fault-{fault}", max_tokens=50, messages=MESSAGES)


async def test_pyreqwest_reads_a_stream_event_by_event(simulator: Simulator) -> None:
    body = {"model": "sim-words-20", "messages": MESSAGES, "stream": True}
    async with ClientBuilder().error_for_status(True).build() as client:
        request = client.post(simulator.url + OPENAI).body_json(body).streamed_read_buffer_limit(0).build_streamed()
        async with request as response:
            data = b""
            while (chunk := await response.body_reader.read_chunk()) is not None:
                data += bytes(chunk)

    assert data.endswith(b"data: [DONE]\n\n")
    assert simulator.stats()["streams"]["finished"] == 1
