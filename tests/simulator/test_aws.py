"""AWS's own client against the simulator, and Lingate's own through the same faces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import jsonschema
import pytest
from botocore.exceptions import ClientError, EventStreamError

import lingate
from lingate.errors import AuthenticationError, LingateError
from lingate.simulator import FAULTS, Simulator
from tests.aws import ACCESS_KEY, SECRET_KEY, client
from tests.simulator.wire import QUESTION, TOOL_SCHEMA

MESSAGES: Any = [{"role": "user", "content": [{"text": "one two three"}]}]
TOOL: Any = {"toolSpec": {"name": "find", "inputSchema": {"json": TOOL_SCHEMA}}}
OUR_TOOL: Any = {"type": "function", "function": {"name": "find", "description": "finds", "parameters": TOOL_SCHEMA}}
ENV = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1"}
CLAUDE = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500, "messages": QUESTION}
MODELS = ["bedrock/sim", "bedrock/invoke/anthropic.sim", "sagemaker_chat/sim"]


@pytest.fixture
def aws(simulator: Simulator) -> Iterator[Any]:
    with closing(client("bedrock-runtime", simulator.url)) as made:
        yield made


def test_converse_whole_and_streamed_answers_agree(aws: Any) -> None:
    whole = aws.converse(modelId="sim", messages=MESSAGES)
    events = list(aws.converse_stream(modelId="sim", messages=MESSAGES)["stream"])

    (block,) = whole["output"]["message"]["content"]
    assert "one two three" in block["text"]
    deltas = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
    assert "".join(deltas) == block["text"]
    assert len(deltas) > 5
    assert events[0] == {"messageStart": {"role": "assistant"}}
    assert events[-2] == {"messageStop": {"stopReason": whole["stopReason"]}}
    assert events[-1]["metadata"]["usage"] == whole["usage"]


def test_converse_loop_ends(aws: Any) -> None:
    model = "arn:aws:bedrock:us-east-1:1:inference-profile/sim-parallel-2"
    asked = {"modelId": model, "messages": MESSAGES, "toolConfig": {"tools": [TOOL]}}

    first = aws.converse(**asked)
    events = list(aws.converse_stream(**asked)["stream"])
    calls = [block["toolUse"] for block in first["output"]["message"]["content"]]
    assert (first["stopReason"], len(calls)) == ("tool_use", 2)
    for call in calls:
        jsonschema.validate(call["input"], TOOL_SCHEMA)
    for index in (0, 1):
        pieces = [e["contentBlockDelta"] for e in events if "contentBlockDelta" in e]
        text = "".join(p["delta"]["toolUse"]["input"] for p in pieces if p["contentBlockIndex"] == index)
        assert json.loads(text) == calls[index]["input"]
    results = [
        {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": f"found {at}"}]}}
        for at, call in enumerate(calls)
    ]
    turns = [*MESSAGES, first["output"]["message"], {"role": "user", "content": results}]

    second = aws.converse(modelId=model, messages=turns, toolConfig={"tools": [TOOL]})

    assert second["stopReason"] == "end_turn"
    assert "found 1" in second["output"]["message"]["content"][0]["text"]


def test_invoke_whole_and_streamed_answers_agree(aws: Any) -> None:
    whole = json.loads(aws.invoke_model(modelId="anthropic.sim", body=json.dumps(CLAUDE))["body"].read())
    answer = aws.invoke_model_with_response_stream(modelId="anthropic.sim", body=json.dumps(CLAUDE))
    events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]

    assert "one two three" in whole["content"][0]["text"]
    assert (
        "".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta") == whole["content"][0]["text"]
    )
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
    assert events[0]["message"]["usage"]["input_tokens"] == whole["usage"]["input_tokens"]


def test_tokens_are_counted_of_either_kind_of_body(aws: Any) -> None:
    counted = aws.count_tokens(modelId="sim", input={"converse": {"messages": MESSAGES}})
    other = aws.count_tokens(modelId="sim", input={"invokeModel": {"body": json.dumps(CLAUDE).encode()}})

    assert counted["inputTokens"] > 0
    assert other["inputTokens"] > 0


def test_sagemaker_whole_and_streamed_answers_agree(simulator: Simulator) -> None:
    asked = {"EndpointName": "sim", "ContentType": "application/json", "Body": json.dumps({"messages": QUESTION})}

    with closing(client("sagemaker-runtime", simulator.url)) as made:
        runtime: Any = made
        whole = json.loads(runtime.invoke_endpoint(**asked)["Body"].read())
        answer = runtime.invoke_endpoint_with_response_stream(**asked)
        lines = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]).decode().split("\n\n")

    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line and not line.endswith("[DONE]")]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert "one two three" in text
    assert text == whole["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("400", "ValidationException"),
        ("401", "UnrecognizedClientException"),
        ("403", "AccessDeniedException"),
        ("404", "ResourceNotFoundException"),
        ("429", "ThrottlingException"),
        ("500", "InternalServerException"),
        ("503", "ServiceUnavailableException"),
    ],
)
def test_aws_client_raises_what_was_asked_for(aws: Any, fault: str, code: str) -> None:
    with pytest.raises(ClientError) as raised:
        aws.converse(modelId=f"sim-fault-{fault}", messages=MESSAGES)
    assert raised.value.response["Error"]["Code"] == code


def test_an_error_in_mid_stream_is_one_to_aws_client(aws: Any) -> None:
    stream = aws.converse_stream(modelId="sim-fault-error_event-3", messages=MESSAGES)["stream"]
    got = []

    with closing(stream), pytest.raises(EventStreamError):
        for event in stream:
            got.append(event)

    assert len(got) == 3


def test_a_signature_counts_as_the_credential_of_its_key() -> None:
    with Simulator(keys={ACCESS_KEY}) as guarded, lingate.Lingate(env=ENV) as ours:
        assert ours.chat("bedrock/sim", "hello", api_base=guarded.url).text
        assert ACCESS_KEY not in str(guarded.requests()[-1].headers)
    with Simulator(keys={"another"}) as guarded, lingate.Lingate(env=ENV) as ours, pytest.raises(AuthenticationError):
        ours.chat("bedrock/sim", "hello", api_base=guarded.url)


@pytest.mark.parametrize("model", MODELS)
def test_our_own_client_gets_the_same_through_each_of_the_faces(simulator: Simulator, model: str) -> None:
    ours = lingate.Lingate(env=ENV)
    asked: Any = {"api_base": simulator.url, "tools": [OUR_TOOL]}

    first = ours.chat(model, QUESTION, **asked)
    with ours.chat(model, QUESTION, stream=True, **asked) as stream:
        streamed = stream.final()
    turns = [*QUESTION, first.message, {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "found it"}]
    second = ours.chat(model, turns, **asked)

    assert first.finish_reason == streamed.finish_reason == "tool_calls"
    assert [call.arguments for call in first.tool_calls] == [call.arguments for call in streamed.tool_calls]
    assert first.usage == streamed.usage
    assert 'find answered: "found it"' in second.text


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", ["cut-2", "eof-2", "error_event-2", "malformed_event-2", "no_terminal"])
def test_a_stream_that_breaks_is_an_error_through_each_of_the_faces(
    simulator: Simulator, model: str, fault: str
) -> None:
    ours = lingate.Lingate(env=ENV, retries=0)

    with pytest.raises(LingateError):
        ours.chat(f"{model}-fault-{fault}", "hello", stream=True, api_base=simulator.url).final()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", ["comments", "crlf", "drip", "no_usage", "duplicate_finish", "huge_event-1000"])
def test_what_is_only_odd_is_no_error(simulator: Simulator, model: str, fault: str) -> None:
    ours = lingate.Lingate(env=ENV, retries=0)

    got = ours.chat(f"{model}-fault-{fault}", "one two three", stream=True, api_base=simulator.url).final()

    assert "one two three" in got.text
    assert got.finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_no_fault_gives_anything_but_an_answer_or_an_error_of_ours(
    simulator: Simulator, model: str, stream: Any
) -> None:
    shown: list[str] = []
    with lingate.Lingate(env=ENV, retries=0, timeout=0.4) as ours:
        for fault in FAULTS:
            try:
                got = ours.chat(f"{model}-fault-{fault}", "hello", stream=stream, api_base=simulator.url)
                shown.append(got.final().text if stream else got.text)
            except LingateError as error:
                shown.append(f"{error!r} {error}")

    assert len(shown) == len(FAULTS)
    assert SECRET_KEY not in "".join(shown)
