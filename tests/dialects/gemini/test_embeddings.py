"""Embeddings and lists of models, both directions."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from google.genai import types

from lingate._model import Call
from lingate.errors import BadRequestError, ConfigError, ProtocolError, UnsupportedError
from tests.dialects.gemini.oracle import client_at
from tests.dialects.gemini.support import CLOUD, EMBED, JSON_HEAD, MODELS, target
from tests.servers import RawServer, Script


def wire(method: Any = None, drop_params: bool = False, **body: Any) -> dict[str, Any]:
    to = target({"embed_method": method} if method else {}, model="embed-x")
    made: dict[str, Any] = json.loads(
        EMBED.request(Call("embeddings", "embed-x", body, drop_params=drop_params), to).body
    )
    return made


def read(body: Any, **asked: Any) -> dict[str, Any]:
    sent = EMBED.request(Call("embeddings", "m", {"input": "x", **asked}), target())
    return EMBED.response(sent, JSON_HEAD, json.dumps(body).encode())[0]


def test_texts_are_embedded_in_one_batch() -> None:
    sent = EMBED.request(
        Call("embeddings", "m", {"input": ["a", "b"], "dimensions": 8, "user": "u"}), target(model="e")
    )

    assert sent.url == "https://api.acme.test/v1beta/models/e:batchEmbedContents"
    item = {"model": "models/e", "outputDimensionality": 8}
    assert json.loads(sent.body) == {
        "requests": [{**item, "content": {"parts": [{"text": text}]}} for text in ("a", "b")]
    }
    assert sent.dropped == ["user"]


def test_what_a_text_is_for_may_be_said_in_either_case() -> None:
    made = wire(input="a", task_type="RETRIEVAL_QUERY", title="t")

    assert made["requests"] == [
        {"model": "models/embed-x", "content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_QUERY", "title": "t"}
    ]
    assert wire(input="a", taskType="RETRIEVAL_QUERY")["requests"][0]["taskType"] == "RETRIEVAL_QUERY"


def test_the_clouds_older_method() -> None:
    made = wire("predict", input=["a", "b"], dimensions=4, task_type="CLUSTERING", auto_truncate=False)

    assert made == {
        "instances": [{"content": "a", "task_type": "CLUSTERING"}, {"content": "b", "task_type": "CLUSTERING"}],
        "parameters": {"outputDimensionality": 4, "autoTruncate": False},
    }


def test_a_clients_request_by_the_older_method_goes_on_as_it_came() -> None:
    asked = {
        "instances": [{"content": "a", "task_type": "CLUSTERING"}, {"content": "b", "title": "t"}],
        "parameters": {"outputDimensionality": 4, "autoTruncate": False},
    }

    made = EMBED.parse_call(json.dumps(asked).encode(), {"model": "m"})

    assert (made.body["input"], made.body["dimensions"]) == (["a", "b"], 4)
    again = EMBED.request(made, target({"embed_method": "predict"}, url=CLOUD))
    assert json.loads(again.body) == asked


def test_a_method_for_one_text_takes_one_text() -> None:
    sent = EMBED.request(Call("embeddings", "m", {"input": "a"}), target({"embed_method": "embedContent"}, url=CLOUD))
    assert sent.url == f"{CLOUD}/models/gemini-test:embedContent"
    assert json.loads(sent.body) == {"content": {"parts": [{"text": "a"}]}}
    assert EMBED.most(target({"embed_method": "embedContent"})) == 1


def test_contents_that_are_more_than_text_go_out_as_they_are() -> None:
    picture = {"parts": [{"inlineData": {"mimeType": "image/png", "data": "QQ=="}}]}

    assert wire(input=[picture])["requests"][0]["content"] == picture
    with pytest.raises(UnsupportedError, match="text only"):
        wire("predict", input=[picture])


@pytest.mark.parametrize("given", [[1, 2], [[1, 2]], [None]])
def test_token_numbers_cannot_be_embedded(given: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"input\[0\]"):
        wire(input=given)
    with pytest.raises(ConfigError, match="input"):
        wire(drop_params=True, input=given)
    with pytest.raises(ConfigError, match="input"):
        wire(input=[])


def test_vectors_of_every_method() -> None:
    batch = read(
        {
            "embeddings": [{"values": [1, 2.5]}, {"values": [3]}],
            "usageMetadata": {"promptTokenCount": 7, "promptTokenDetails": [{"modality": "TEXT", "tokenCount": 7}]},
        }
    )
    single = read(
        {
            "embedding": {"values": [1]},
            "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3},
            "truncated": False,
        }
    )
    predicted = read(
        {
            "predictions": [
                {"embeddings": {"values": [1], "statistics": {"token_count": 4.0}}},
                {"embeddings": {"values": [2], "statistics": {"token_count": 5}}},
            ],
            "metadata": {"billableCharacterCount": 3},
        }
    )

    assert batch == {
        "object": "list",
        "model": "gemini-test",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [1, 2.5]},
            {"object": "embedding", "index": 1, "embedding": [3]},
        ],
        "usage": {"prompt_tokens": 7, "total_tokens": 7, "prompt_tokens_details": {"text_tokens": 7}},
    }
    assert single["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert single["provider_specific_fields"] == {"gemini": {"truncated": False}}
    assert predicted["usage"] == {"prompt_tokens": 9, "total_tokens": 9}
    assert [item["embedding"] for item in predicted["data"]] == [[1], [2]]


def test_counts_that_not_every_vector_has_are_no_count_of_them_all() -> None:
    counted = {"embeddings": {"values": [1], "statistics": {"token_count": 4}}}

    assert not read({"predictions": [counted, {"embeddings": {"values": [2]}}]}).get("usage")


def test_vectors_as_text_where_a_client_asked_for_that() -> None:
    found = read({"embeddings": [{"values": [0.5, -1]}]}, encoding_format="base64")["data"][0]["embedding"]

    assert struct.unpack("<2f", base64.b64decode(found)) == (0.5, -1.0)
    assert json.loads(EMBED.render({"data": [{"embedding": found}]}))["embedding"] == {"values": [0.5, -1.0]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"embeddings": {}},
        {"embeddings": [1]},
        {"embeddings": [{"values": "x"}]},
        {"embeddings": [{"values": ["x"]}]},
        {"embedding": []},
        {"predictions": [{}]},
        {"predictions": [1]},
    ],
)
def test_what_holds_no_vectors_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        read(body)


def test_a_number_that_no_vector_can_hold_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError):
        read({"embedding": {"values": [1e39]}}, encoding_format="base64")


def test_a_count_that_is_no_number_counts_nothing() -> None:
    found = {"values": [1.0], "statistics": {"token_count": float("nan")}}

    assert "usage" not in read({"predictions": [{"embeddings": found}]})


def test_a_size_that_is_no_number_is_for_the_provider_to_refuse() -> None:
    request = {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": [1]}

    made = EMBED.parse_call(json.dumps({"requests": [request, request]}).encode(), {"model": "m"})

    assert made.body == {"input": ["a", "a"], "dimensions": [1]}


def test_requests_of_clients() -> None:
    def parse(body: Any) -> Call:
        return EMBED.parse_call(json.dumps(body).encode(), {"model": "models/e"})

    content = {"parts": [{"text": "a"}]}
    single = parse({"content": content, "output_dimensionality": 3})
    assert (single.operation, single.model, single.body) == ("embeddings", "e", {"input": "a", "dimensions": 3})
    batch = parse(
        {"requests": [{"content": content, "outputDimensionality": 3}, {"content": content, "outputDimensionality": 3}]}
    )
    assert batch.body == {"input": ["a", "a"], "dimensions": 3}
    mixed = {
        "requests": [
            {"model": "models/e", "content": content, "taskType": "CLUSTERING"},
            {"model": "models/e", "content": content},
        ]
    }
    again = EMBED.request(parse(mixed), target(model="e"))
    assert json.loads(again.body) == mixed
    for broken in ({}, {"content": 1}, {"requests": []}, {"requests": [1]}, {"instances": [{}]}, {"instances": []}):
        with pytest.raises(BadRequestError):
            parse(broken)


def test_the_vendors_client_reads_our_vectors() -> None:
    response = {
        "data": [{"embedding": [1.0, 2.0]}, {"embedding": [3.0]}],
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }
    with RawServer(Script([EMBED.render(response)], headers={"content-type": "application/json"})) as server:
        client = client_at(server.url)
        found = client.models.embed_content(
            model="m",
            contents=["a", "b"],
            config=types.EmbedContentConfig(output_dimensionality=2, task_type="CLUSTERING"),
        )
        asked = json.loads(server.requests[0])

    assert [item.values for item in found.embeddings or []] == [[1.0, 2.0], [3.0]]
    made = EMBED.parse_call(json.dumps(asked).encode(), {"model": "m"})
    assert made.body["input"] == ["a", "b"]
    assert made.body["dimensions"] == 2
    assert json.loads(EMBED.request(made, target(model="m")).body)["requests"][0]["taskType"] == "CLUSTERING"


# Models


def test_models_are_listed_a_page_at_a_time() -> None:
    sent = MODELS.request(Call("models", "", {"pageToken": "p 2"}), target(url="https://a.test/v1beta?x=1"))
    body = {
        "models": [{"name": "models/gemini-x", "displayName": "X", "supportedGenerationMethods": ["generateContent"]}],
        "nextPageToken": "p3",
    }

    found, raw = MODELS.response(sent, JSON_HEAD, json.dumps(body).encode())

    assert (sent.method, sent.url) == ("GET", "https://a.test/v1beta/models?x=1&pageSize=1000&pageToken=p+2")
    assert "content-type" not in sent.headers
    assert raw == body
    assert found == {
        "object": "list",
        "data": [{**body["models"][0], "id": "gemini-x", "object": "model", "created": 0, "owned_by": "acme"}],  # type: ignore[index]
        "has_more": True,
        "nextPageToken": "p3",
    }
    assert json.loads(MODELS.render(found)) == body


def test_other_lists_of_models() -> None:
    sent = MODELS.request(Call("models", "", {}), target())

    def read_list(body: Any) -> Any:
        return MODELS.response(sent, JSON_HEAD, json.dumps(body).encode())[0]["data"]

    assert read_list({}) == []
    assert read_list({"publisherModels": [{"name": "publishers/google/models/m"}]})[0]["id"] == "m"
    for broken in ({"models": 1}, {"models": [{}]}, {"data": []}, [], 1):
        with pytest.raises(ProtocolError):
            read_list(broken)


def test_models_of_other_providers_in_this_format() -> None:
    entry = {"id": "gpt-x", "object": "model", "created": 5, "owned_by": "x"}

    assert json.loads(MODELS.render({"object": "list", "data": [entry]})) == {
        "models": [{"name": "models/gpt-x", "displayName": "gpt-x"}]
    }
    assert json.loads(MODELS.render(entry)) == {"name": "models/gpt-x", "displayName": "gpt-x"}
    made = MODELS.parse_call(b"", {"model": "gpt-x", "pageToken": "t"})
    assert (made.model, made.body) == ("gpt-x", {"pageToken": "t"})
