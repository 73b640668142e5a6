"""Reranking as hosts of OpenAI's formats serve it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects.openai_chat import DIALECT
from lingate._model import Call, Head, ProviderRow, Target
from lingate.errors import BadRequestError, InternalServerError, ProtocolError, UnsupportedError, UpstreamError

RERANK = DIALECT.operations["rerank"]
HEAD = Head(200, {"content-type": "application/json"})
ASK = {"query": "q", "documents": ["a", "b"]}


def _target(**row: Any) -> Target:
    return Target(row=ProviderRow(**{"name": "acme", **row}), model="m-1", url="https://api.acme.test/v1")


def _sent(body: dict[str, Any], drop_params: bool = False, **row: Any) -> Any:
    return RERANK.request(Call("rerank", "m-1", body, drop_params=drop_params), _target(**row))


def _read(body: Any, **asked: Any) -> dict[str, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RERANK.response(_sent({**ASK, **asked}), HEAD, data)[0]


def test_a_call_is_a_post_of_the_canonical_form() -> None:
    sent = _sent({**ASK, "top_n": 1, "return_documents": True, "rank_fields": None, "instruction": "x"})

    assert (sent.method, sent.url) == ("POST", "https://api.acme.test/v1/rerank")
    assert json.loads(sent.body) == {"model": "m-1", **ASK, "top_n": 1, "return_documents": True, "instruction": "x"}


def test_rows_rename_refuse_and_move() -> None:
    sent = _sent({**ASK, "top_n": 1}, rename={"top_n": "top_k"}, paths={"rerank": "/reranks"})

    assert sent.url.endswith("/v1/reranks")
    assert json.loads(sent.body)["top_k"] == 1
    with pytest.raises(UnsupportedError, match="return_documents"):
        _sent({**ASK, "return_documents": True}, unsupported=("return_documents",))
    dropped = _sent({**ASK, "return_documents": True}, True, unsupported=("return_documents",))
    assert dropped.dropped == ["return_documents"]


RESULTS = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]

# Bodies as the hosts' own documentation has them.
SHAPES: dict[str, tuple[Any, dict[str, Any]]] = {
    "Jina": (
        {"model": "j", "usage": {"total_tokens": 7, "prompt_tokens": 7}, "results": RESULTS},
        {"prompt_tokens": 7, "total_tokens": 7},
    ),
    "Voyage": (
        {"object": "list", "data": RESULTS, "model": "v", "usage": {"total_tokens": 7}},
        {"prompt_tokens": 7, "total_tokens": 7},
    ),
    "Together": (
        {"object": "rerank", "id": "i", "model": "t", "results": RESULTS, "usage": {"prompt_tokens": 7}},
        {"prompt_tokens": 7},
    ),
    "SiliconFlow": (
        {"id": "i", "results": RESULTS, "meta": {"tokens": {"input_tokens": 7, "output_tokens": 0}}},
        {"prompt_tokens": 7, "total_tokens": 7},
    ),
    "SGLang": ([{"score": 0.9, "index": 1}, {"score": 0.1, "index": 0}], {}),
    "NIM": ({"rankings": [{"index": 1, "logit": 0.9}, {"index": 0, "logit": 0.1}]}, {}),
}


@pytest.mark.parametrize(("body", "usage"), SHAPES.values(), ids=SHAPES)
def test_every_host_s_ranking_has_one_form(body: Any, usage: dict[str, Any]) -> None:
    response = _read(body)

    assert response["results"] == RESULTS
    assert response["object"] == "rerank"
    assert response["id"]
    assert response["model"] == (body.get("model", "m-1") if isinstance(body, dict) else "m-1")
    assert (response["usage"] or {}) == usage


@pytest.mark.parametrize("document", ["b", {"text": "b"}])
def test_documents_are_objects_whoever_sends_them(document: Any) -> None:
    result = {"index": 1, "relevance_score": 0.9, "document": document}

    assert _read({"results": [result]})["results"][0]["document"] == {"text": "b"}
    bare = {"results": [{"index": 1, "relevance_score": 0.9}]}
    assert _read(bare, return_documents=True)["results"][0]["document"] == {"text": "b"}
    assert "document" not in _read(bare)["results"][0]
    strange = {"results": [{"index": 7, "relevance_score": 0.9}]}
    assert "document" not in _read(strange, return_documents=True)["results"][0]


def test_raw_is_what_came() -> None:
    body = {"results": RESULTS, "new": 1}

    response, raw = RERANK.response(_sent(ASK), HEAD, json.dumps(body).encode())

    assert raw == body
    assert response["new"] == 1


@pytest.mark.parametrize("body", [b"", b"x", 7, {}, {"results": 7}, [7], {"results": [{"index": 0}]}, {"data": [{}]}])
def test_garbage_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        _read(body)


def test_an_error_in_a_200_is_an_error() -> None:
    with pytest.raises(InternalServerError):
        _read({"error": {"message": "internal server error"}})
    with pytest.raises(UpstreamError):
        _read({"detail": "no"})


def test_the_face_takes_and_gives_the_canonical_form() -> None:
    made = RERANK.parse_call(json.dumps({"model": "x/y", **ASK, "top_n": 2, "user": None}).encode(), {})

    assert (made.operation, made.model, made.body) == ("rerank", "x/y", {**ASK, "top_n": 2})
    response = _read({"id": "i", "results": RESULTS})
    assert json.loads(RERANK.render(response)) == response


@pytest.mark.parametrize(
    "change", [{"query": None}, {"documents": []}, {"documents": [1]}, {"top_n": 0}, {"return_documents": "yes"}]
)
def test_a_request_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError, match=next(iter(change))):
        RERANK.parse_call(json.dumps({"model": "m", **ASK, **change}).encode(), {})


def test_there_are_no_streams() -> None:
    with pytest.raises(UnsupportedError):
        RERANK.encoder(Call("rerank", "m", {}))
    with pytest.raises(UnsupportedError):
        RERANK.decoder(_sent(ASK), HEAD)
