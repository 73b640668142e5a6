"""Bodies made by hand, by whose they are: what is written, what is refused, what answers and streams say."""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._dialects.bedrock_invoke import DIALECT
from lingate._dialects.bedrock_invoke.facts import format_of
from lingate._model import Call, Event, Failed, Finish, Start, Text, ToolArgs, ToolStart, Usage, replaced
from lingate._wire.eventstream import encode
from lingate.errors import (
    BadRequestError,
    ConfigError,
    LingateError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    UnsupportedError,
)
from tests.aws import AwsServer, Reply, client
from tests.dialects.bedrock_converse.oracle import check_params
from tests.dialects.bedrock_invoke.support import (
    CHAT,
    CLAUDE,
    COHERE,
    COMMAND_R,
    COUNT,
    EMBED,
    JSON_HEAD,
    LLAMA,
    METRICS,
    MISTRAL,
    NOVA,
    RERANK,
    STREAM_HEAD,
    TITAN,
    at_bedrock,
    call,
    chunks,
    decode,
    dropped,
    head,
    read,
    send,
    wire,
)
from tests.dialects.short import collect, single_bytes

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi."},
    {"role": "assistant", "content": "Hello!"},
    {"role": "user", "content": [{"type": "text", "text": "Who are you?"}]},
]
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {}}}}
GPT = "openai.gpt-oss-20b-1:0"


@pytest.mark.parametrize(
    ("model", "form"),
    [
        (CLAUDE, "anthropic"),
        ("claude/arn", "anthropic"),
        (NOVA, "nova"),
        ("amazon.titan-embed-text-v2:0", "titan"),
        ("us.meta.llama4-maverick-17b-instruct-v1:0", "llama"),
        ("cohere.embed-v4:0", "cohere"),
        (COMMAND_R, "command_r"),
        (MISTRAL, "mistral_text"),
        ("mistral.mistral-small-2402-v1:0", "mistral_text"),
        ("mistral.mistral-large-2407-v1:0", "openai_chat"),
        ("ai21.jamba-1-5-large-v1:0", "openai_chat"),
        ("ai21.j2-mid-v1", "jurassic"),
        (GPT, "openai_chat"),
        ("us.deepseek.r1-v1:0", "deepseek_r1"),
        ("deepseek.v3-v1:0", "openai_chat"),
        ("us.writer.palmyra-x5-v1:0", "openai_chat"),
        ("google.gemma-3-27b-it", "openai_chat"),
        ("llama/arn:aws:bedrock:us-east-1:1:imported-model/x", "llama"),
        ("qwen3/arn:aws:bedrock:us-east-1:1:imported-model/x", "openai_chat"),
        ("arn:aws:bedrock:us-east-1:1:imported-model/x", ""),
    ],
)
def test_the_name_or_what_stands_before_it_tells_whose_body_a_model_takes(model: str, form: str) -> None:
    assert format_of(at_bedrock(model)) == form


def test_a_model_of_unknown_format_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnsupportedError, match="not known which body") as caught:
        wire("arn:aws:bedrock:us-east-1:1:imported-model/x")

    assert "body_format" in str(caught.value.hint)


# Claude


def test_claudes_body_has_a_version_and_neither_model_nor_stream() -> None:
    made = call(max_tokens=5)
    made.stream = True

    body, sent = send(made, CLAUDE)

    assert body == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "hi"}],
    }
    assert sent.url.endswith("/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke-with-response-stream")
    assert not {name for name in sent.headers if name.startswith("anthropic")}


def test_beta_features_stand_in_claudes_body() -> None:
    made = call(context_management={"edits": []}, anthropic_beta=["given"])
    known = ["context-1m-2025-08-07", "tool-search-tool-2025-10-19"]
    made.extra_headers = {"Anthropic-Beta": ", ".join([*known, "prompt-caching-scope-2026-01-05"])}

    body, sent = send(made, CLAUDE)

    assert body["anthropic_beta"] == ["given", *known, "context-management-2025-06-27"]
    assert "Anthropic-Beta" not in sent.headers
    # Claude Code asks for more than AWS knows, which is a 400 there.
    assert sent.dropped == ["anthropic-beta: prompt-caching-scope-2026-01-05"]


def test_what_converse_has_fields_for_goes_into_headers() -> None:
    fields = {
        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1", "trace": "enabled"},
        "performanceConfig": {"latency": "optimized"},
        "service_tier": "flex",
    }

    for model in (CLAUDE, NOVA, TITAN):
        body, sent = send(call(**fields), model)

        assert not body.keys() & fields.keys()
        assert {name: value for name, value in sent.headers.items() if name.startswith("x-amzn")} == {
            "x-amzn-bedrock-guardrailidentifier": "g",
            "x-amzn-bedrock-guardrailversion": "1",
            "x-amzn-bedrock-trace": "ENABLED",
            "x-amzn-bedrock-performanceconfig-latency": "optimized",
            "x-amzn-bedrock-service-tier": "flex",
        }


def test_claudes_structured_answer_comes_in_its_own_way() -> None:
    assert wire(CLAUDE, response_format=SCHEMA)["output_config"]["format"]["type"] == "json_schema"


def test_a_client_of_invoke_model_is_answered_in_claudes_words() -> None:
    asked = {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["context-1m-2025-08-07", "tool-search-tool-2025-10-19"],
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "hi"}],
    }
    path = {"model": CLAUDE, "method": "invoke-with-response-stream"}

    made = CHAT.parse_call(json.dumps(asked).encode(), path)

    assert (made.model, made.stream) == (CLAUDE, True)
    assert made.extra_headers == {"anthropic-beta": "context-1m-2025-08-07,tool-search-tool-2025-10-19"}
    assert json.loads(CHAT.request(made, at_bedrock(CLAUDE)).body) == asked
    encoder = CHAT.encoder(made)
    events: list[Event] = [
        Start("msg_1", "m", 1),
        Text("Hi"),
        ToolStart(0, "t", "look"),
        ToolArgs(0, '{"a":1}'),
        Usage({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
        Finish("tool_calls"),
    ]
    data = b"".join(map(encoder.event, events)) + encoder.end()
    with AwsServer(Reply(data, headers={"content-type": encoder.content_type})) as server:
        answer = client("bedrock-runtime", server.url).invoke_model_with_response_stream(modelId="m", body=b"{}")
        told = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    assert [event["type"] for event in told][:3] == ["message_start", "content_block_start", "content_block_delta"]
    assert told[-1]["type"] == "message_stop"
    response = collect(decode([data], CLAUDE))
    assert response["choices"][0]["message"]["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"a":1}'}


def test_an_error_of_ours_is_one_of_the_services() -> None:
    encoder = CHAT.encoder(call())
    begun = encoder.event(Text("Hi"))

    (*_, failed) = decode([begun + encoder.error(OverloadedError("x", provider="p"))], CLAUDE)

    assert isinstance(failed, Failed)
    assert type(failed.error) is OverloadedError
    status, body = DIALECT.render_error(RateLimitError("x", provider="p"))
    assert (status, json.loads(body)["__type"]) == (429, "ThrottlingException")


@pytest.mark.parametrize("body", ["{", "[]", '{"inputText": "x"}', '{"anthropic_version": "x", "messages": []}'])
def test_a_clients_body_that_is_not_claudes_is_refused(body: str) -> None:
    with pytest.raises(BadRequestError):
        CHAT.parse_call(body.encode(), {"model": "m"})


def test_counts_of_both_bodies_are_taken() -> None:
    converse = b'{"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}}}'

    assert COUNT.parse_call(converse, {"model": "m"}).body["messages"] == [{"role": "user", "content": "hi"}]
    assert COUNT.render({"input_tokens": 5}) == b'{"inputTokens":5}'
    with pytest.raises(BadRequestError, match="base64"):
        COUNT.parse_call(b'{"input": {"invokeModel": {"body": "?"}}}', {"model": "m"})


# Nova


def test_novas_body_is_converses_with_the_models_own_fields_in_it() -> None:
    body = wire(NOVA, messages=TALK, max_tokens=5, temperature=0.5, top_k=3, tools=[LOOK])

    assert body["schemaVersion"] == "messages-v1"
    assert body["system"] == [{"text": "Be brief."}]
    assert body["inferenceConfig"] == {"maxTokens": 5, "temperature": 0.5, "topK": 3}
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    del body["schemaVersion"], body["inferenceConfig"]["topK"]
    check_params(body)


def test_novas_stream_is_converses_in_chunks() -> None:
    data = chunks(
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi"}}},
        {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t", "name": "look"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": "{}"}}}},
        {"contentBlockStop": {"contentBlockIndex": 1}},
        {"messageStop": {"stopReason": "tool_use"}},
        {"metadata": {"usage": {"inputTokens": 1, "outputTokens": 2}}, **METRICS},
    )

    response = collect(decode(single_bytes(data), NOVA))

    assert response["choices"][0]["finish_reason"] == "tool_calls"
    assert response["usage"]["total_tokens"] == 3


# Models that take a prompt


@pytest.mark.parametrize(
    ("model", "field", "prompt"),
    [
        (TITAN, "inputText", "Be brief.\n\nUser: Hi.\nBot: Hello!\nUser: Who are you?\nBot:"),
        (COHERE, "prompt", "Be brief.\n\nUser: Hi.\nChatbot: Hello!\nUser: Who are you?\nChatbot:"),
        ("ai21.j2-mid-v1", "prompt", "Be brief.\n\nUser: Hi.\nAssistant: Hello!\nUser: Who are you?\nAssistant:"),
        (
            LLAMA,
            "prompt",
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nHi.<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nHello!<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nWho are you?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        (
            "us.meta.llama4-scout-17b-instruct-v1:0",
            "prompt",
            "<|begin_of_text|><|header_start|>system<|header_end|>\n\nBe brief.<|eot|>"
            "<|header_start|>user<|header_end|>\n\nHi.<|eot|>"
            "<|header_start|>assistant<|header_end|>\n\nHello!<|eot|>"
            "<|header_start|>user<|header_end|>\n\nWho are you?<|eot|>"
            "<|header_start|>assistant<|header_end|>\n\n",
        ),
        (
            "meta.llama2-13b-chat-v1",
            "prompt",
            "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi. [/INST] Hello!</s>[INST] Who are you? [/INST]",
        ),
        (MISTRAL, "prompt", "<s>[INST] Be brief.\n\nHi. [/INST] Hello!</s>[INST] Who are you? [/INST]"),
    ],
)
def test_a_conversation_is_written_as_each_model_was_trained_to_read_it(model: str, field: str, prompt: str) -> None:
    assert wire(model, messages=TALK)[field] == prompt


def test_command_r_has_its_own_place_for_each_part_of_a_conversation() -> None:
    assert wire(COMMAND_R, messages=TALK, top_p=0.5, stop=["x"]) == {
        "message": "Who are you?",
        "chat_history": [{"role": "USER", "message": "Hi."}, {"role": "CHATBOT", "message": "Hello!"}],
        "preamble": "Be brief.",
        "p": 0.5,
        "stop_sequences": ["x"],
    }


def test_an_answer_that_was_begun_is_continued() -> None:
    begun = [*TALK, {"role": "assistant", "content": "I am"}]

    assert wire(LLAMA, messages=begun)["prompt"].endswith("assistant<|end_header_id|>\n\nI am")
    assert wire(TITAN, messages=begun)["inputText"].endswith("Bot: I am")


def test_parameters_have_the_names_of_the_format() -> None:
    asked = {"max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "stop": ["END"]}

    assert wire(TITAN, **asked)["textGenerationConfig"] == {
        "maxTokenCount": 5,
        "temperature": 0.5,
        "topP": 0.9,
        "stopSequences": ["END"],
    }
    assert wire(MISTRAL, top_k=3, **asked) == {
        "prompt": "<s>[INST] hi [/INST]",
        "max_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "stop": ["END"],
    }
    body, sent = send(call(**asked), LLAMA)
    assert body.keys() == {"prompt", "max_gen_len", "temperature", "top_p"}
    assert (sent.stop, sent.dropped) == (("END",), ["stop"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("tools", [LOOK]), ("response_format", SCHEMA), ("reasoning_effort", "low"), ("top_k", 5), ("seed", 1), ("n", 2)],
)
def test_what_a_prompt_cannot_express_is_refused_or_left_out_on_demand(name: str, value: Any) -> None:
    if name == "seed":
        assert wire(TITAN, seed=1)["seed"] == 1  # not ours to know: the model says so if it minds
        return
    with pytest.raises(UnsupportedError) as caught:
        wire(TITAN, **{name: value})
    assert caught.value.param == name
    assert dropped(TITAN, drop_params=True, **{name: value}) == [name]


def test_more_than_text_is_refused_where_the_model_reads_text() -> None:
    image = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}, {"type": "text", "text": "?"}]

    with pytest.raises(UnsupportedError, match="takes text alone"):
        wire(TITAN, messages=[{"role": "user", "content": image}])
    assert wire(TITAN, drop_params=True, messages=[{"role": "user", "content": image}])["inputText"] == "?"
    with pytest.raises(UnsupportedError, match="knows no tools"):
        wire(TITAN, messages=[*TALK, {"role": "tool", "tool_call_id": "x", "content": "y"}])


@pytest.mark.parametrize("messages", ["x", [], [{"role": "bot"}], [5]])
def test_messages_that_are_none_are_refused(messages: Any) -> None:
    with pytest.raises(ConfigError, match="messages"):
        wire(TITAN, messages=messages)


@pytest.mark.parametrize(
    ("model", "events", "reason"),
    [
        (
            LLAMA,
            [{"generation": "Hel", "prompt_token_count": 3}, {"generation": "lo", "stop_reason": "stop", **METRICS}],
            "stop",
        ),
        (
            MISTRAL,
            [{"outputs": [{"text": "Hel"}]}, {"outputs": [{"text": "lo", "stop_reason": "length"}], **METRICS}],
            "length",
        ),
        (
            COHERE,
            [{"text": "Hel"}, {"text": "lo"}, {"is_finished": True, "finish_reason": "MAX_TOKENS", **METRICS}],
            "length",
        ),
        (
            # To who did not ask the model itself for pieces, all comes in one.
            COHERE,
            [{"generations": [{"text": "Hello", "finish_reason": "MAX_TOKENS"}], "prompt": "hi", **METRICS}],
            "length",
        ),
        (
            COMMAND_R,
            [
                {"event_type": "text-generation", "text": "Hel"},
                {"event_type": "search-results-generation"},
                {"event_type": "text-generation", "text": "lo"},
                {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": {"text": "Hello"}, **METRICS},
            ],
            "stop",
        ),
        (
            "us.deepseek.r1-v1:0",
            [{"choices": [{"text": "Hel"}]}, {"choices": [{"text": "lo", "stop_reason": "stop"}], **METRICS}],
            "stop",
        ),
        (
            GPT,
            [
                {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]},
                {"id": "c", "choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]},
                {
                    "id": "c",
                    "choices": [],
                    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
                    **METRICS,
                },
            ],
            "stop",
        ),
        (
            "mistral.mistral-large-2407-v1:0",
            [
                {"id": "c", "choices": [{"message": {"role": "assistant", "content": "Hel"}, "stop_reason": None}]},
                {"id": "c", "choices": [{"message": {"role": "assistant", "content": "lo"}, "stop_reason": "length"}]}
                | METRICS,
            ],
            "length",
        ),
    ],
)
def test_every_format_streams(model: str, events: list[Any], reason: str) -> None:
    made = call()
    made.stream = True
    data = chunks(*events)
    found = decode([data], model)

    assert [repr(e) for e in decode(single_bytes(data), model)] == [repr(e) for e in found]
    response = collect(found)
    assert response["choices"][0]["message"]["content"] == "Hello"
    assert response["choices"][0]["finish_reason"] == reason
    assert response["usage"]["total_tokens"] == 7
    for count in range(len(events)):
        assert isinstance(decode([chunks(*events[:count])], model)[-1], Failed)
    assert CHAT.request(made, at_bedrock(model)).url.endswith("invoke-with-response-stream")


def test_a_stream_is_asked_for_in_the_body_where_the_format_wants_that() -> None:
    made = call()
    made.stream = True

    assert send(made, COHERE)[0]["stream"] is True
    assert "stream" not in send(made, LLAMA)[0]


def test_open_models_take_openais_body_without_what_the_path_says() -> None:
    made = call(max_tokens=5, tools=[LOOK])
    made.stream = True

    body, _ = send(made, GPT)

    assert body == {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "tools": [LOOK]}
    answer = {
        "id": "c",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    }
    assert read(answer, GPT)["choices"][0]["message"]["content"] == "Hi"


@pytest.mark.parametrize("model", [TITAN, LLAMA, MISTRAL, COHERE, COMMAND_R, "ai21.j2-mid-v1", NOVA, CLAUDE, GPT])
@pytest.mark.parametrize(
    "body", [{}, {"results": []}, {"outputText": 5, "generation": 5, "text": 5, "content": 5}, {"completions": [5]}]
)
def test_an_answer_that_makes_no_sense_is_a_protocol_error(model: str, body: Any) -> None:
    with pytest.raises(ProtocolError):
        read(body, model)


def test_counts_come_from_the_headers_where_the_body_has_none() -> None:
    answered = head(x_amzn_bedrock_input_token_count="3", x_amzn_bedrock_output_token_count="4")

    response = read({"outputs": [{"text": "Hi", "stop_reason": "stop"}]}, MISTRAL, answered)

    assert response["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert "usage" not in read({"outputs": [{"text": "Hi", "stop_reason": "stop"}]}, MISTRAL)


@pytest.mark.parametrize("model", [CLAUDE, NOVA, TITAN, GPT])
def test_errors_in_mid_stream_are_those_they_name(model: str) -> None:
    broken = encode(
        {":message-type": "exception", ":exception-type": "throttlingException", ":content-type": "application/json"},
        b'{"message":"Slow down."}',
    )

    (failed,) = decode([broken], model)

    assert isinstance(failed, Failed)
    assert type(failed.error) is RateLimitError


@pytest.mark.parametrize("model", [CLAUDE, NOVA, TITAN, GPT])
@pytest.mark.parametrize(
    "payload", [b"{}", b'{"bytes": 5}', b'{"bytes": "?"}', b'{"bytes": "W10="}', b'{"bytes": "ew=="}', b"x"]
)
def test_chunks_that_make_no_sense_are_protocol_errors(model: str, payload: bytes) -> None:
    events = decode([encode({":message-type": "event", ":event-type": "chunk"}, payload)], model)

    assert isinstance(events[-1], Failed)
    assert type(events[-1].error) is ProtocolError


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "text",
                    "generation",
                    "outputText",
                    "results",
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "contentBlockDelta",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(_json, st.sampled_from([CLAUDE, NOVA, TITAN, LLAMA, MISTRAL, COHERE, COMMAND_R, GPT]))
def test_no_answer_and_no_stream_however_wild_raises_anything_but_our_errors(body: Any, model: str) -> None:
    try:
        read(body, model)
    except LingateError:
        pass
    decode([chunks(body, body)], model)


# Embeddings and ranking


def embed(model: str, **body: Any) -> dict[str, Any]:
    made = Call("embeddings", model, {"input": "hi", **body})
    found: dict[str, Any] = json.loads(EMBED.request(made, at_bedrock(model)).body)
    return found


def test_each_maker_has_its_own_way_to_ask_for_vectors() -> None:
    assert embed("amazon.titan-embed-text-v2:0", dimensions=256, normalize=False) == {
        "inputText": "hi",
        "dimensions": 256,
        "normalize": False,
    }
    assert embed("amazon.titan-embed-image-v1", dimensions=256)["embeddingConfig"] == {"outputEmbeddingLength": 256}
    assert embed("cohere.embed-v4:0", input=["a", "b"], dimensions=512) == {
        "texts": ["a", "b"],
        "input_type": "search_document",
        "output_dimension": 512,
    }
    assert embed("amazon.nova-2-multimodal-embeddings-v1:0", dimensions=256) == {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {
            "embeddingPurpose": "GENERIC_INDEX",
            "text": {"value": "hi", "truncationMode": "END"},
            "embeddingDimension": 256,
        },
    }


def test_only_text_is_embedded() -> None:
    with pytest.raises(UnsupportedError, match="only text"):
        embed("cohere.embed-v4:0", input=[1, 2])


def test_vectors_may_be_asked_for_as_text() -> None:
    made = Call("embeddings", "m", {"input": "hi", "encoding_format": "base64"})
    sent = EMBED.request(made, at_bedrock("amazon.titan-embed-text-v2:0"))

    response, _ = EMBED.response(sent, JSON_HEAD, b'{"embedding": [0.5, -1], "inputTextTokenCount": 2}')

    assert struct.unpack("<2f", b64decode(response["data"][0]["embedding"])) == (0.5, -1)
    assert response["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    assert "encoding_format" not in json.loads(sent.body)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"embedding": []}', b'{"embeddings": [["x"]]}', b'{"embeddings": {}}', b"[]", b"x"]
)
def test_an_answer_without_vectors_is_a_protocol_error(body: bytes) -> None:
    sent = EMBED.request(Call("embeddings", "m", {"input": "hi"}), at_bedrock("cohere.embed-v4:0"))

    with pytest.raises(ProtocolError):
        EMBED.response(sent, JSON_HEAD, body)


def test_a_number_that_no_vector_can_hold_is_a_protocol_error() -> None:
    made = Call("embeddings", "m", {"input": "hi", "encoding_format": "base64"})
    sent = EMBED.request(made, at_bedrock("amazon.titan-embed-text-v2:0"))

    with pytest.raises(ProtocolError):
        EMBED.response(sent, JSON_HEAD, b'{"embedding": [1e39]}')


def test_documents_come_back_with_the_ranking_on_our_side() -> None:
    asked = {"query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": True}
    sent = RERANK.request(Call("rerank", "m", asked), at_bedrock("amazon.rerank-v1:0"))

    response, _ = RERANK.response(sent, JSON_HEAD, b'{"results": [{"index": 1, "relevance_score": 0.9}]}')

    assert json.loads(sent.body) == {"query": "q", "documents": ["a", "b"], "top_n": 1}
    assert response["results"] == [{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}}]
    with pytest.raises(ConfigError, match="documents"):
        RERANK.request(Call("rerank", "m", {"query": "q"}), at_bedrock("amazon.rerank-v1:0"))


def test_operations_without_streams_and_faces_say_so() -> None:
    sent = EMBED.request(Call("embeddings", "m", {"input": "hi"}), at_bedrock("cohere.embed-v4:0"))

    with pytest.raises(UnsupportedError):
        EMBED.decoder(sent, STREAM_HEAD)
    with pytest.raises(UnsupportedError):
        RERANK.encoder(call())
    with pytest.raises(BadRequestError):
        EMBED.parse_call(b"{}", {})
    with pytest.raises(UnsupportedError):
        EMBED.render({})


def test_counts_of_the_headers_stand_in_for_those_of_a_body_that_has_none() -> None:
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
    counted = {"x_amzn_bedrock_input_token_count": "3", "x_amzn_bedrock_output_token_count": "4"}

    usage = read(body, GPT, head(content_type="application/json", **counted))["usage"]

    assert usage == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


BLOCKED = {"amazon-bedrock-guardrailAction": "INTERVENED", "amazon-bedrock-trace": {"guardrail": {"a": 1}}}


@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize(
    ("model", "events"),
    [
        (
            CLAUDE,
            [
                {"type": "message_start", "message": {"id": "m", "role": "assistant", "model": "c", "content": []}},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Sorry."}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stopSequences": None}},
                {"type": "message_stop", **METRICS},
            ],
        ),
        (
            NOVA,
            [
                {"messageStart": {"role": "assistant"}},
                {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Sorry."}}},
                {"messageStop": {"stopReason": "end_turn"}},
                {"metadata": {"usage": {"inputTokens": 1, "outputTokens": 2}}, **METRICS},
            ],
        ),
        (
            GPT,
            [
                {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Sorry."}}]},
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **METRICS},
            ],
        ),
    ],
)
def test_a_stream_in_whose_place_a_guardrail_has_put_its_own_was_filtered(
    model: str, events: list[Any], place: int
) -> None:
    events = list(events)
    events[place] = {**events[place], **BLOCKED}

    response = collect(decode(single_bytes(chunks(*events)), model))

    choice = response["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("content_filter", "guardrail_intervened")
    assert choice["message"]["content"] == "Sorry."
    assert place == 0 or '"guardrail": {"a": 1}' in json.dumps(response)


def test_what_a_guardrail_has_put_in_the_place_of_an_answer_was_filtered() -> None:
    body = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "Sorry."}],
        "stop_reason": "end_turn",
        "amazon-bedrock-guardrailAction": "INTERVENED",
    }

    choice = read(body, CLAUDE)["choices"][0]

    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("content_filter", "guardrail_intervened")
    assert choice["message"]["content"] == "Sorry."


def test_anthropics_first_format_is_read() -> None:
    body = {"type": "completion", "completion": " Hello!", "stop_reason": "stop_sequence", "stop": "\n\nHuman:"}

    choice = read(body, "anthropic.claude-v2:1")["choices"][0]

    assert (choice["message"]["content"], choice["finish_reason"]) == (" Hello!", "stop")


def test_anthropics_first_format_is_read_as_a_stream_too() -> None:
    counts = {"inputTokenCount": 16, "outputTokenCount": 11}
    data = chunks(
        {"type": "completion", "completion": " Hel", "stop_reason": None, "stop": None},
        {"completion": "lo!", "stop_reason": None, "stop": None},
        {"completion": "", "stop_reason": "max_tokens", "stop": None, "amazon-bedrock-invocationMetrics": counts},
    )

    events = decode([data], "anthropic.claude-v2:1")

    assert [type(event) for event in events if isinstance(event, Start | Finish)] == [Start, Finish]
    answer = collect(events)
    assert (answer["choices"][0]["message"]["content"], answer["choices"][0]["finish_reason"]) == (" Hello!", "length")
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == (16, 11)
    assert collect(decode(single_bytes(data), "anthropic.claude-v2:1"))["choices"] == answer["choices"]
    assert isinstance(decode([data[:-300]], "anthropic.claude-v2:1")[-1], Failed)


def test_reasoning_of_openais_open_models_is_told_from_their_text() -> None:
    said = {"role": "assistant", "content": "<reasoning>Hm.</reasoning>Hello!"}
    body = {"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}

    message = read(body, GPT)["choices"][0]["message"]

    assert (message["content"], message["reasoning_content"]) == ("Hello!", "Hm.")


def test_a_count_wraps_what_a_chat_would_send_and_nothing_else() -> None:
    made = call(max_tokens=5)
    made.operation, made.extra_body = "count_tokens", {"top_k": 5}

    body = json.loads(COUNT.request(made, at_bedrock(CLAUDE)).body)

    assert body.keys() == {"input"}
    assert json.loads(b64decode(body["input"]["invokeModel"]["body"]))["top_k"] == 5
    check_params(body, "CountTokens")


@pytest.mark.parametrize(
    ("guard", "headers"),
    [
        ({"guardrailIdentifier": "g"}, {"guardrailidentifier": "g"}),
        ({"guardrailIdentifier": "g", "trace": "enabled"}, {"guardrailidentifier": "g", "trace": "ENABLED"}),
    ],
)
def test_a_guardrail_has_headers_for_what_is_said_about_it(guard: dict[str, str], headers: dict[str, str]) -> None:
    body, sent = send(call(guardrailConfig=guard), CLAUDE)

    told = {name.removeprefix("x-amzn-bedrock-"): value for name, value in sent.headers.items() if "bedrock-" in name}
    assert told == headers
    assert "guardrailConfig" not in body


def test_turns_about_tools_are_left_out_on_demand_where_the_model_knows_none() -> None:
    used = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [used]},
        {"role": "tool", "tool_call_id": "c", "content": "1"},
        {"role": "user", "content": "and?"},
    ]

    with pytest.raises(UnsupportedError, match="knows no tools"):
        wire(TITAN, messages=messages)
    assert dropped(TITAN, drop_params=True, messages=messages) == ["messages[1]", "messages[2]"]
    assert "hi\nUser: and?" in wire(TITAN, drop_params=True, messages=messages)["inputText"]


def test_a_reason_is_enough_of_an_end_where_the_provider_sends_no_counts() -> None:
    to = at_bedrock(LLAMA)
    to = replaced(to, traits={**to.traits, "stream_end": "finish"})
    data = chunks({"generation": "hi", "stop_reason": None}, {"generation": "", "stop_reason": "length"})

    events = decode(single_bytes(data), LLAMA, CHAT.request(call(), to))

    assert isinstance(events[-1], Finish)
    assert events[-1].reason == "length"
    assert not any(isinstance(event, Usage) for event in events)


def test_counts_that_are_not_told_are_none() -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
    data = chunks({**chunk, "amazon-bedrock-invocationMetrics": {"invocationLatency": 5}})

    events = decode(single_bytes(data), "openai.gpt-oss-20b-1:0")

    assert collect(events)["choices"][0]["message"]["content"] == "hi"
    assert not any(isinstance(event, Usage) for event in events)


def test_who_asks_for_vectors_is_not_told_and_tokens_are_not_taken() -> None:
    model = at_bedrock("amazon.titan-embed-text-v2:0")
    sent = EMBED.request(Call("embeddings", "m", {"input": "hi", "user": "u"}), model)

    assert (json.loads(sent.body), sent.dropped) == ({"inputText": "hi"}, ["user"])
    with pytest.raises(UnsupportedError, match="token numbers"):
        EMBED.request(Call("embeddings", "m", {"input": [1, 2]}), model)
    with pytest.raises(ConfigError, match="nothing that can be embedded"):
        EMBED.request(Call("embeddings", "m", {"input": [1, 2]}, drop_params=True), model)


@pytest.mark.parametrize("drop", [False, True])
def test_documents_that_are_no_texts_cannot_be_left_out_of_a_ranking(drop: bool) -> None:
    asked = {"query": "q", "documents": ["a", {"title": "b"}]}

    with pytest.raises(ConfigError, match="documents"):
        RERANK.request(Call("rerank", "m", asked, drop_params=drop), at_bedrock("amazon.rerank-v1:0"))


@pytest.mark.parametrize("model", [CLAUDE, TITAN, NOVA, LLAMA])
def test_how_a_guardrail_treats_a_stream_is_said_in_the_body(model: str) -> None:
    guard = {"guardrailIdentifier": "g", "guardrailVersion": "1", "streamProcessingMode": "async"}

    body, sent = send(call(guardrailConfig=guard), model)

    assert body["amazon-bedrock-guardrailConfig"] == {"streamProcessingMode": "ASYNCHRONOUS"}
    assert sent.headers["x-amzn-bedrock-guardrailversion"] == "1"
    assert sent.dropped == []
