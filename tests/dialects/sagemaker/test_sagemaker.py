"""SageMaker endpoints: OpenAI's and TGI's bodies, whole and in frames; and as a face."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from lingate._dialects._failure import failure
from lingate._dialects.sagemaker import DIALECT
from lingate._model import Call, Event, Failed, Finish, Head, HttpRequest, Start, Target, Text, Usage
from lingate._providers.lookup import resolve
from lingate._wire.eventstream import CONTENT_TYPE, encode
from lingate.errors import (
    BadRequestError,
    ContextLengthError,
    OverloadedError,
    ProtocolError,
    RequestTimeoutError,
    StreamInterruptedError,
    UnsupportedError,
)
from tests.aws import AwsServer, Reply, client
from tests.conftest import RECORDINGS
from tests.dialects.short import collect, fed, single_bytes

CHAT = DIALECT.operations["chat"]
EMBED = DIALECT.operations["embeddings"]
JSON_HEAD = Head(200, {"content-type": "application/json", "x-amzn-requestid": "req-1"})
STREAM_HEAD = Head(200, {"content-type": CONTENT_TYPE, "x-amzn-requestid": "req-1"})
TALK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi."}]
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def to(provider: str = "sagemaker", endpoint: str = "my-endpoint") -> Target:
    return resolve(f"{provider}/{endpoint}", env={"AWS_REGION": "eu-west-1"}, api_key="k" * 20)


def request(
    provider: str = "sagemaker", endpoint: str = "my-endpoint", stream: bool = False, **body: Any
) -> HttpRequest:
    return CHAT.request(Call("chat", endpoint, {"messages": TALK, **body}, stream), to(provider, endpoint))


def parts(data: bytes, size: int = 7) -> bytes:
    """Bytes of a container in frames, cut as AWS cuts them: anywhere."""
    headers = {":event-type": "PayloadPart", ":content-type": "application/octet-stream", ":message-type": "event"}
    return b"".join(encode(headers, data[at : at + size]) for at in range(0, len(data), size))


def decode(pieces: Iterable[bytes], sent: HttpRequest) -> list[Event]:
    return fed(CHAT.decoder(sent, STREAM_HEAD), pieces)


def test_the_endpoint_stands_in_the_path_and_not_in_the_body() -> None:
    sent = request("sagemaker_chat", max_tokens=5, tools=[LOOK])

    assert sent.url == "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/my-endpoint/invocations"
    assert json.loads(sent.body) == {"messages": TALK, "max_tokens": 5, "tools": [LOOK]}
    streamed = request("sagemaker_nova", stream=True)
    assert streamed.url.endswith("/endpoints/my-endpoint/invocations-response-stream")
    assert json.loads(streamed.body) == {"messages": TALK, "stream": True, "stream_options": {"include_usage": True}}


def test_a_prompt_is_written_as_the_endpoints_name_tells() -> None:
    asked = {"max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "stop": ["x"], "details": True}

    assert json.loads(request(stream=True, **asked).body) == {
        "inputs": "Be brief.\n\nHi.",
        "parameters": {"temperature": 0.5, "top_p": 0.9, "max_new_tokens": 5, "stop": ["x"], "details": True},
        "stream": True,
    }
    assert json.loads(request(endpoint="my-llama-2-chat").body)["inputs"].startswith("<s>[INST] <<SYS>>")
    assert json.loads(request(endpoint="llama-3-8b").body)["inputs"].startswith("<|begin_of_text|>")
    assert json.loads(request(endpoint="mixtral").body)["inputs"] == "<s>[INST] Be brief.\n\nHi. [/INST]"


def test_no_temperature_at_all_is_asked_for_in_the_containers_way() -> None:
    assert json.loads(request(temperature=0).body)["parameters"] == {"do_sample": False}


@pytest.mark.parametrize(
    ("name", "value"), [("tools", [LOOK]), ("n", 2), ("reasoning_effort", "low"), ("logit_bias", {"1": 2})]
)
def test_what_a_prompt_cannot_express_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UnsupportedError) as caught:
        request(**{name: value})

    assert caught.value.param == name


@pytest.mark.parametrize(
    "body",
    [
        [{"generated_text": "Hello"}],
        {"generated_text": "Hello"},
        {"generation": "Hello"},
        [{"generation": {"role": "assistant", "content": "Hello"}}],
        {"generated_texts": ["Hello"]},
        [{"generated_text": "Be brief.\n\nHi.Hello"}],
    ],
)
def test_a_text_is_read_in_every_shape_and_without_its_prompt(body: Any) -> None:
    response, raw = CHAT.response(request(), JSON_HEAD, json.dumps(body).encode())

    assert response["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    ]
    assert raw == (body if isinstance(body, dict) else {"generations": body})
    assert response["id"] == "req-1"


def test_details_are_counted() -> None:
    details = {"finish_reason": "length", "generated_tokens": 4, "prefill": [{"id": 1}, {"id": 2}]}
    body = [{"generated_text": "Hello", "details": details}]

    response, _ = CHAT.response(request(), JSON_HEAD, json.dumps(body).encode())

    assert response["choices"][0]["finish_reason"] == "length"
    assert response["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
    assert response["provider_specific_fields"]["sagemaker"]["details"] == details


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[5]", b'{"generated_text": 5}', b"x"])
@pytest.mark.parametrize("provider", ["sagemaker", "sagemaker_chat"])
def test_an_answer_that_makes_no_sense_is_a_protocol_error(body: bytes, provider: str) -> None:
    with pytest.raises(ProtocolError):
        CHAT.response(request(provider), JSON_HEAD, body)


TGI = [
    {"index": 1, "token": {"id": 1, "text": "Hé", "special": False}, "generated_text": None},
    {"index": 2, "token": {"id": 2, "text": "llo", "special": False}, "generated_text": None},
    {
        "index": 3,
        "token": {"id": 3, "text": "</s>", "special": True},
        "generated_text": "Héllo",
        "details": {"finish_reason": "eos_token", "generated_tokens": 3, "input_length": 5},
    },
]
AS_SSE = b"".join(b"data:" + json.dumps(event, ensure_ascii=False).encode() + b"\n\n" for event in TGI)
AS_LINES = b"".join(json.dumps(event).encode() + b"\n" for event in TGI)


@pytest.mark.parametrize("data", [AS_SSE, AS_LINES, b": hello\n\n" + AS_SSE, AS_LINES[:-1]])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_of_tokens_is_read_however_it_is_cut(data: bytes, size: int) -> None:
    events = decode([parts(data, size)], request(stream=True))

    assert decode(single_bytes(parts(data, size)), request(stream=True)) == events
    response = collect(events)
    assert response["choices"][0]["message"]["content"] == "Héllo"
    assert response["choices"][0]["native_finish_reason"] == "eos_token"
    assert response["usage"] == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


OPENAI = (
    b'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"H\xc3\xa9"}}]}\n\n'
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"llo"},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n'
    b"data: [DONE]\n\n"
)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_in_openais_format_is_read_however_it_is_cut(size: int) -> None:
    sent = request("sagemaker_chat", stream=True)

    events = decode([parts(OPENAI, size)], sent)

    assert [repr(e) for e in decode(single_bytes(parts(OPENAI, size)), sent)] == [repr(e) for e in events]
    assert collect(events)["choices"][0]["message"]["content"] == "Héllo"
    assert collect(events)["usage"]["total_tokens"] == 3


@pytest.mark.parametrize(("provider", "data"), [("sagemaker", AS_SSE), ("sagemaker_chat", OPENAI)])
def test_a_stream_that_is_cut_short_is_interrupted(provider: str, data: bytes) -> None:
    for end in (0, 40, len(data) - 60):
        (*_, failed) = decode([parts(data[:end])], request(provider, stream=True))

        assert isinstance(failed, Failed)
        assert type(failed.error) is StreamInterruptedError


def test_errors_in_mid_stream_are_those_they_name() -> None:
    sent = request(stream=True)
    told = encode(
        {":message-type": "exception", ":exception-type": "ModelStreamError", ":content-type": "application/json"},
        b'{"Message":"The model died.","ErrorCode":"ModelInvocationTimeExceeded"}',
    )
    inner = parts(b'data:{"error":"Model is overloaded","error_type":"overloaded"}\n\n')

    assert type(decode([parts(AS_SSE[:60]) + told], sent)[-1].error) is RequestTimeoutError  # type: ignore[union-attr]
    assert type(decode([inner], sent)[-1].error) is OverloadedError  # type: ignore[union-attr]
    assert type(decode([parts(b"{]\n")], sent)[-1].error) is ProtocolError  # type: ignore[union-attr]
    assert type(decode([parts(b"5\n")], sent)[-1].error) is ProtocolError  # type: ignore[union-attr]


def test_an_error_of_the_container_is_found_inside_that_of_aws() -> None:
    body = {
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL",
        "Message": "Received client error (422) from primary",
        "OriginalMessage": '{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048."}',
        "OriginalStatusCode": 422,
    }

    error = failure(Head(424, {"x-amzn-errortype": "ModelError"}), json.dumps(body).encode(), to())

    assert type(error) is ContextLengthError


def test_vectors_are_read_in_every_shape() -> None:
    made = Call("embeddings", "e", {"input": "hi"})

    for provider, wire in (("sagemaker", {"inputs": ["hi"]}), ("sagemaker_chat", {"input": "hi"})):
        sent = EMBED.request(made, to(provider))
        assert json.loads(sent.body) == wire
        assert sent.url.endswith("/endpoints/my-endpoint/invocations")
        for body in (
            [[1.0, 2.0]],
            {"embedding": [1.0, 2.0]},
            {"embeddings": [[1.0, 2.0]]},
            {"data": [{"embedding": [1.0, 2.0]}]},
        ):
            response, _ = EMBED.response(sent, JSON_HEAD, json.dumps(body).encode())
            assert [item["embedding"] for item in response["data"]] == [[1.0, 2.0]]
        for bad in (b"[]", b"{}", b"x", b'["x"]'):
            with pytest.raises(ProtocolError):
                EMBED.response(sent, JSON_HEAD, bad)


def test_a_client_of_sagemaker_is_answered_in_openais_format() -> None:
    asked = {"messages": TALK, "max_tokens": 5}

    made = CHAT.parse_call(json.dumps(asked).encode(), {"model": "m", "method": "invocations-response-stream"})

    assert (made.model, made.stream, made.body) == ("m", True, asked)
    encoder = CHAT.encoder(made)
    events: list[Event] = [Start("c", "m", 1), Text("Hi"), Usage({"total_tokens": 3}), Finish("stop")]
    data = b"".join(map(encoder.event, events)) + encoder.end()
    with AwsServer(Reply(data, headers={"content-type": encoder.content_type})) as server:
        answer = client("sagemaker-runtime", server.url).invoke_endpoint_with_response_stream(
            EndpointName="m", Body=b"{}"
        )
        told = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])
    assert told.endswith(b"data: [DONE]\n\n")
    assert collect(decode([data], request("sagemaker_chat", stream=True)))["choices"][0]["message"]["content"] == "Hi"
    broken = decode([encoder.error(OverloadedError("x", provider="p"))], request("sagemaker_chat", stream=True))
    assert isinstance(broken[-1], Failed)
    with pytest.raises(BadRequestError):
        CHAT.parse_call(b"{}", {"model": "m"})


def test_the_recorded_exchange_survives_both_ways() -> None:
    file = RECORDINGS / "sagemaker.jsonl"
    if not file.is_file():
        pytest.skip(f"no {file}")
    for line in file.read_text().splitlines():
        exchange = json.loads(line)
        given, body = exchange["request"]["body"], exchange["response"]["body"]
        head, _, tail = given["inputs"].partition("<</SYS>>\n\n")
        system = head.removeprefix("<s>[INST] <<SYS>>\n").removesuffix("\n")
        messages = [
            {"role": "system", "content": system},
            {"role": "user", "content": tail.removesuffix(" [/INST]")},
        ]
        parameters = given["parameters"]
        asked = {
            "messages": messages,
            "temperature": parameters["temperature"],
            "top_p": parameters["top_p"],
            "max_tokens": parameters["max_new_tokens"],
        }

        sent = CHAT.request(Call("chat", "m", asked), to(endpoint="my-llama2-endpoint"))
        response, raw = CHAT.response(sent, JSON_HEAD, json.dumps(body).encode())

        assert json.loads(sent.body) == given
        assert sent.url.replace("eu-west-1", "us-east-1") == exchange["request"]["url"]
        assert raw == {"generations": body}
        assert given["inputs"] + response["choices"][0]["message"]["content"] == body[0]["generated_text"]


def test_frames_of_another_kind_mean_nothing() -> None:
    odd = encode({":event-type": "Heartbeat", ":message-type": "event"}, b"x")
    body = b'data: {"token": {"id": 1, "text": "hi", "special": false}}\n\n'
    end = b'data: {"token": {"id": 2, "text": "", "special": true}, "generated_text": "hi"}\n\n'

    for endpoint, provider, last in (("m", "sagemaker", end), ("m", "sagemaker_chat", b"data: [DONE]\n\n")):
        chunk = {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
        told = body if provider == "sagemaker" else b"data: " + json.dumps(chunk).encode() + b"\n\n"
        sent = request(provider, endpoint, stream=True)
        data = odd + parts(told) + odd + parts(last)
        response = collect(decode(single_bytes(data), sent))
        assert response["choices"][0]["message"]["content"] == "hi"
        assert response.get("usage") is None
