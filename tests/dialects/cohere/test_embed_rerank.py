"""Embeddings and rankings of this format, both directions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import Call
from lingate.errors import BadRequestError, ConfigError, InternalServerError, ProtocolError, UnsupportedError
from tests.dialects.cohere.oracle import check, parse_embed, parse_rerank, plain
from tests.dialects.cohere.support import EMBED, JSON_HEAD, RERANK, target

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aa"}}


def _embed(drop_params: bool = False, **body: Any) -> tuple[dict[str, Any], list[str]]:
    sent = EMBED.request(Call("embeddings", "m", body, drop_params=drop_params), target())
    return json.loads(sent.body), sent.dropped


def _vectors(body: Any) -> dict[str, Any]:
    sent = EMBED.request(Call("embeddings", "m", {"input": "x"}), target())
    return EMBED.response(sent, JSON_HEAD, json.dumps(body).encode())[0]


def _rerank(drop_params: bool = False, **body: Any) -> tuple[dict[str, Any], list[str]]:
    sent = RERANK.request(Call("rerank", "m", body, drop_params=drop_params), target())
    return json.loads(sent.body), sent.dropped


def _ranking(body: Any, **asked: Any) -> dict[str, Any]:
    sent = RERANK.request(Call("rerank", "m", {"query": "q", "documents": ["a", "b"], **asked}), target())
    return RERANK.response(sent, JSON_HEAD, json.dumps(body).encode())[0]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"input": "x"}, {"texts": ["x"]}),
        ({"input": ["x", "y"]}, {"texts": ["x", "y"]}),
        ({"input": "x", "dimensions": 256}, {"texts": ["x"], "output_dimension": 256}),
        ({"input": "x", "encoding_format": "base64"}, {"texts": ["x"], "embedding_types": ["base64"]}),
        ({"input": "x", "truncate": "END"}, {"texts": ["x"], "truncate": "END"}),
        ({"input": [IMAGE]}, {"images": ["data:image/png;base64,aa"]}),
        (
            {"input": ["x", IMAGE]},
            {"inputs": [{"content": [{"type": "text", "text": "x"}]}, {"content": [IMAGE]}]},
        ),
    ],
)
def test_what_is_to_be_embedded_stands_where_its_kind_belongs(asked: dict[str, Any], sent: dict[str, Any]) -> None:
    body, dropped = _embed(**asked)

    check(body, "embed")
    assert body == {"model": "command-test", "input_type": "search_document", **sent}
    assert dropped == []


def test_the_kind_of_input_is_the_caller_s_to_say() -> None:
    assert _embed(input="x", input_type="search_query")[0]["input_type"] == "search_query"
    assert _embed(input="x", user="me")[1] == ["user"]


def test_tokens_cannot_be_embedded() -> None:
    for tokens in ([1, 2], [[1], [2]]):
        with pytest.raises(UnsupportedError, match="input"):
            _embed(input=tokens)
    for nothing in ([], None, 7.5):
        with pytest.raises(ConfigError):
            _embed(input=nothing)


def test_vectors_of_several_kinds_show_the_usual_one_and_keep_the_rest() -> None:
    body = {"id": "e", "embeddings": {"int8": [[1]], "float": [[0.5]]}, "texts": ["x"], "meta": {"tokens": {}}}

    response = _vectors(body)

    assert response["data"] == [{"object": "embedding", "index": 0, "embedding": [0.5]}]
    assert response["provider_specific_fields"]["cohere"]["embeddings"] == {"int8": [[1]]}
    assert plain(parse_embed(EMBED.render(response)).embeddings) == {"float_": [[0.5]], "int8": [[1]]}


def test_vectors_of_the_first_version_are_read_too() -> None:
    assert _vectors({"id": "e", "embeddings": [[0.5]]})["data"][0]["embedding"] == [0.5]
    assert _vectors({"embeddings": {"base64": ["AAA="]}})["data"][0]["embedding"] == "AAA="


def test_images_are_counted_with_the_text() -> None:
    billed = {"input_tokens": 3, "image_tokens": 7}

    usage = _vectors({"embeddings": {"float": [[1.0]]}, "meta": {"billed_units": billed}})["usage"]

    assert (usage["prompt_tokens"], usage["total_tokens"]) == (10, 10)


@pytest.mark.parametrize("body", [{}, {"embeddings": 7}, {"embeddings": {}}, {"embeddings": {"float": [7]}}, []])
def test_an_answer_without_vectors_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        _vectors(body)
    with pytest.raises(InternalServerError, match="out of hamsters"):
        _vectors({"message": "out of hamsters"})


def test_the_face_takes_what_the_package_sends() -> None:
    asked = {"model": "m", "input_type": "search_query", "texts": ["a"], "output_dimension": 4}

    made = EMBED.parse_call(json.dumps({**asked, "embedding_types": ["float"]}).encode(), {})

    assert (made.operation, made.model) == ("embeddings", "m")
    assert made.body == {"input": ["a"], "dimensions": 4, "encoding_format": "float", "input_type": "search_query"}
    images = EMBED.parse_call(json.dumps({"model": "m", "images": ["data:image/png;base64,aa"]}).encode(), {})
    assert images.body == {"input": [IMAGE]}
    mixed = {"model": "m", "inputs": [{"content": [IMAGE]}], "embedding_types": ["int8", "float"]}
    assert _embed(**EMBED.parse_call(json.dumps(mixed).encode(), {}).body)[0]["inputs"] == mixed["inputs"]


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m"},
        {"texts": ["a"]},
        {"model": "m", "texts": "a"},
        {"model": "m", "texts": []},
        {"model": "m", "texts": [1]},
        {"model": "m", "texts": ["a"], "images": ["b"]},
        {"model": "m", "inputs": ["a"]},
        {"model": "m", "texts": ["a"], "output_dimension": "x"},
        {"model": "m", "texts": ["a"], "embedding_types": "float"},
    ],
)
def test_a_request_for_vectors_that_is_none_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        EMBED.parse_call(json.dumps(body).encode(), {})


def test_another_provider_s_vectors_are_shown_as_the_package_reads_them() -> None:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]

    made = parse_embed(EMBED.render({"object": "list", "data": data, "usage": {"prompt_tokens": 3}}))

    assert made.embeddings.float_ == [[0.5, 0.25]]
    assert made.meta.billed_units.input_tokens == 3


# --- rankings


def test_a_ranking_is_asked_for_in_texts() -> None:
    documents = ["a", {"text": "b"}, {"title": "c", "text": "d"}]

    body, dropped = _rerank(query="q", documents=documents, top_n=2, return_documents=True, max_tokens_per_doc=9)

    check(body, "rerank")
    assert body["documents"] == ["a", "b", '{"title":"c","text":"d"}']
    assert (body["query"], body["top_n"], body["max_tokens_per_doc"]) == ("q", 2, 9)
    assert dropped == ["documents[2] (sent as JSON text)"]


def test_a_ranking_of_images_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"documents\[0\]"):
        _rerank(query="q", documents=[{"image": "https://x.test"}])
    with pytest.raises(ConfigError):
        _rerank(query="q", documents=[7])


def test_documents_that_were_asked_for_are_put_into_the_ranking() -> None:
    results = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
    meta = {"billed_units": {"search_units": 1}}

    response = _ranking({"id": "r", "results": results, "meta": meta}, return_documents=True)

    assert [item["document"] for item in response["results"]] == [{"text": "b"}, {"text": "a"}]
    assert (response["id"], response["model"], response["object"]) == ("r", "command-test", "rerank")
    assert response["usage"] == {"billed_units": {"search_units": 1}}
    assert _ranking({"results": results})["results"] == results


@pytest.mark.parametrize(
    "body", [{}, [], {"results": [7]}, {"results": [{"index": 0}]}, {"results": [{"relevance_score": 1}]}]
)
def test_an_answer_without_a_ranking_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        _ranking(body)
    with pytest.raises(InternalServerError, match="out of hamsters"):
        _ranking({"message": "out of hamsters"})


def test_a_ranking_survives_the_way_through_the_face() -> None:
    response = {
        "object": "rerank",
        "id": "r",
        "model": "m",
        "results": [{"index": 1, "relevance_score": 0.5, "document": {"text": "b"}}],
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    }

    judged = parse_rerank(RERANK.render(response))

    assert (judged.id, judged.results[0].index, judged.results[0].relevance_score) == ("r", 1, 0.5)
    assert judged.meta.tokens.input_tokens == 5
    again = _ranking(json.loads(RERANK.render(response)))
    assert again["results"] == response["results"]
    assert again["usage"]["prompt_tokens"] == 5


@pytest.mark.parametrize(
    "change",
    [
        {"query": None},
        {"query": 7},
        {"documents": None},
        {"documents": []},
        {"documents": [7]},
        {"top_n": 0},
        {"top_n": "1"},
        {"return_documents": 1},
    ],
)
def test_a_request_for_a_ranking_that_is_none_is_refused(change: dict[str, Any]) -> None:
    body = {"model": "m", "query": "q", "documents": ["a"], **change}

    with pytest.raises(BadRequestError):
        RERANK.parse_call(json.dumps(body).encode(), {})


@pytest.mark.parametrize("form", [EMBED, RERANK])
def test_neither_has_streams(form: Any) -> None:
    made = Call("rerank", "m", {})

    with pytest.raises(UnsupportedError, match="no streams"):
        form.encoder(made)
    with pytest.raises(UnsupportedError, match="no streams"):
        form.decoder(RERANK.request(Call("rerank", "m", {"documents": ["a"]}), target()), JSON_HEAD)


def test_nothing_is_left_of_tokens_that_cannot_be_embedded() -> None:
    with pytest.raises(ConfigError, match="nothing else to embed"):
        EMBED.request(Call("embeddings", "m", {"input": [1, 2]}, drop_params=True), target())


@pytest.mark.parametrize("documents", [None, "a", {"text": "a"}])
def test_documents_that_are_no_list_make_no_sense(documents: Any) -> None:
    with pytest.raises(ConfigError, match="documents"):
        RERANK.request(Call("rerank", "m", {"query": "q", "documents": documents}), target())
