"""Embeddings and the list of models."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects.openai_chat import DIALECT
from lingate._model import Call
from lingate.errors import BadRequestError, NotFoundError, ProtocolError, UnsupportedError
from tests.dialects.openai_chat.support import JSON, target

EMBEDDINGS: Any = DIALECT.operations["embeddings"]
MODELS: Any = DIALECT.operations["models"]


def embed(body: Any) -> Any:
    sent = EMBEDDINGS.request(Call("embeddings", "m", {"input": "x"}), target())
    return EMBEDDINGS.response(sent, JSON, json.dumps(body).encode())[0]


def listed(body: Any) -> Any:
    sent = MODELS.request(Call("models", "", {}), target())
    return MODELS.response(sent, JSON, json.dumps(body).encode())[0]


class TestEmbeddings:
    def test_the_call_is_sent_with_the_rows_names_and_refusals(self) -> None:
        made = Call("embeddings", "m-1", {"input": ["a"], "dimensions": 5, "user": None, "extra": 1})
        to = target(rename={"dimensions": "output_dimension"}, paths={"embeddings": "/embed"})

        sent = EMBEDDINGS.request(made, to)

        assert sent.url == "https://api.acme.test/v1/embed"
        assert json.loads(sent.body) == {"model": "m-1", "input": ["a"], "output_dimension": 5, "extra": 1}
        with pytest.raises(UnsupportedError):
            EMBEDDINGS.request(made, target(unsupported=("dimensions",)))

    @pytest.mark.parametrize("vector", [[0.5, 1], "AAAA", {"int8": [1]}])
    def test_vectors_are_kept_and_holes_filled(self, vector: Any) -> None:
        got = embed({"data": [{"embedding": vector, "new": 1}, {"embedding": vector, "index": 7}], "id": "x"})

        assert got == {
            "id": "x",
            "object": "list",
            "model": "m-1",
            "data": [
                {"object": "embedding", "index": 0, "embedding": vector, "new": 1},
                {"object": "embedding", "index": 7, "embedding": vector},
            ],
            "usage": None,
        }

    def test_the_total_is_the_prompt(self) -> None:
        assert embed({"data": [], "usage": {"total_tokens": 4}})["usage"] == {"total_tokens": 4, "prompt_tokens": 4}

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"error": {"message": "no such model", "code": 404}}, NotFoundError),
            ({}, ProtocolError),
            ({"data": 5}, ProtocolError),
            ({"data": [5]}, ProtocolError),
            ({"data": [{}]}, ProtocolError),
            ([], ProtocolError),
        ],
    )
    def test_what_is_no_answer_is_an_error(self, body: Any, kind: Any) -> None:
        with pytest.raises(kind):
            embed(body)

    @pytest.mark.parametrize("given", ["x", ["x", "y"], [1, 2], [[1], [2, 3]]])
    def test_every_form_of_input_is_taken(self, given: Any) -> None:
        got = EMBEDDINGS.parse_call(json.dumps({"model": "m", "input": given, "new": 1}).encode(), {})

        assert got == Call("embeddings", "m", {"input": given, "new": 1})

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({}, "input: "),
            ({"input": ""}, "input: "),
            ({"input": []}, "input: "),
            ({"input": ["x", 1]}, r"input\[1\]: "),
            ({"input": [None]}, r"input\[0\]: "),
            ({"input": "x", "encoding_format": "hex"}, "encoding_format: "),
            ({"input": "x", "dimensions": 0}, "dimensions: "),
            ({"input": "x", "model": None}, "model: "),
        ],
    )
    def test_what_is_wrong_is_refused_with_its_place(self, fields: Any, where: str) -> None:
        with pytest.raises(BadRequestError, match=where):
            EMBEDDINGS.parse_call(json.dumps({"model": "m", **fields}).encode(), {})

    def test_there_are_no_streams(self) -> None:
        made = Call("embeddings", "m", {"input": "x"})
        with pytest.raises(UnsupportedError):
            EMBEDDINGS.encoder(made)
        with pytest.raises(UnsupportedError):
            EMBEDDINGS.decoder(EMBEDDINGS.request(made, target()), JSON)
        assert json.loads(EMBEDDINGS.render({"data": []})) == {"data": []}


class TestModels:
    def test_the_list_is_asked_for(self) -> None:
        sent = MODELS.request(Call("models", "", {}), target(paths={"models": "/v2/models"}))

        assert (sent.method, sent.url, sent.body) == ("GET", "https://api.acme.test/v1/v2/models", b"")

    @pytest.mark.parametrize(
        "body",
        [
            {"object": "list", "data": [{"id": "a", "owned_by": "x", "created": 5}, {"id": "b"}]},
            [{"id": "a", "owned_by": "x", "created": 5}, {"id": "b"}],
            {"models": [{"name": "a", "owned_by": "x", "created": 5}, "b"]},
        ],
    )
    def test_every_layout_is_the_same_list(self, body: Any) -> None:
        got = listed(body)

        assert [(model["id"], model["object"], model["created"], model["owned_by"]) for model in got["data"]] == [
            ("a", "model", 5, "x"),
            ("b", "model", 0, "acme"),
        ]
        assert got["object"] == "list"

    def test_unknown_fields_are_kept(self) -> None:
        got = listed({"data": [{"id": "a", "context_length": 5}], "has_more": False})

        assert got["data"][0]["context_length"] == 5
        assert got["has_more"] is False

    @pytest.mark.parametrize("body", [{}, 5, {"data": [5]}, {"data": [{}]}, {"data": {}}])
    def test_what_is_no_list_is_a_protocol_error(self, body: Any) -> None:
        with pytest.raises(ProtocolError):
            listed(body)

    def test_what_is_not_json_is_a_protocol_error(self) -> None:
        with pytest.raises(ProtocolError):
            MODELS.response(MODELS.request(Call("models", "", {}), target()), JSON, b"<html>")

    def test_an_error_is_classified(self) -> None:
        with pytest.raises(NotFoundError):
            listed({"error": {"message": "not found", "code": 404}})

    def test_as_a_face(self) -> None:
        assert MODELS.parse_call(b"", {}) == Call("models", "", {})
        assert MODELS.parse_call(b"", {"model": "m"}).model == "m"

    def test_there_are_no_streams(self) -> None:
        made = Call("models", "", {})
        for ask in (lambda: MODELS.encoder(made), lambda: MODELS.decoder(MODELS.request(made, target()), JSON)):
            with pytest.raises(UnsupportedError):
                ask()


def test_a_list_of_no_models_may_be_null() -> None:
    assert listed({"object": "list", "data": None})["data"] == []
