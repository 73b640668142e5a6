"""The `rerank` method, in both colours."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

import lingate
from lingate.errors import ConfigError, UnsupportedError
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply
from tests.servers import RawServer, Script

RESULTS = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
BODY = {"id": "r", "results": RESULTS, "meta": {"billed_units": {"search_units": 1}}}


def test_documents_come_back_in_order() -> None:
    transport = FakeTransport(Reply(BODY))

    made = lingate.Lingate(transport=transport).rerank(
        "cohere/rerank-v3.5", "q", ("a", "b"), api_key="k", top_n=2, return_documents=True
    )

    assert isinstance(made, lingate.RerankResponse)
    assert made.order == [1, 0]
    assert [(item.index, item.relevance_score, item.document) for item in made.results] == [
        (1, 0.9, {"text": "b"}),
        (0, 0.1, {"text": "a"}),
    ]
    assert (made.provider, made.id, made.model, made.raw) == ("cohere", "r", "rerank-v3.5", BODY)
    assert made.usage is not None
    assert made.usage["billed_units"] == {"search_units": 1}
    assert pickle.loads(pickle.dumps(made)) == made


async def test_the_same_awaited_and_at_a_host_of_another_kind() -> None:
    transport = AsyncFakeTransport(
        Reply({"object": "list", "data": RESULTS, "model": "rerank-2", "usage": {"total_tokens": 3}})
    )

    made = await lingate.AsyncLingate(transport=transport).rerank(
        "voyage/rerank-2", "q", ["a", "b"], api_key="k", top_n=2, extra_body={"truncation": False}
    )

    assert made.order == [1, 0]
    assert made.usage is not None
    assert made.usage.total_tokens == 3
    sent = transport.requests[0]
    assert sent.url == "https://api.voyageai.com/v1/rerank"


@pytest.mark.parametrize(
    ("query", "documents", "params"),
    [
        ("", ["a"], {}),
        (7, ["a"], {}),
        ("q", [], {}),
        ("q", "a", {}),
        ("q", [1], {}),
        ("q", ["a"], {"top_n": 0}),
        ("q", ["a"], {"top_n": "1"}),
        ("q", ["a"], {"extra_headers": 7}),
    ],
)
def test_arguments_that_make_no_sense_are_a_config_error(query: Any, documents: Any, params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        lingate.Lingate(transport=FakeTransport()).rerank("cohere/x", query, documents, api_key="k", **params)


def test_a_provider_without_it_says_so() -> None:
    with pytest.raises(UnsupportedError, match="rerank"):
        lingate.Lingate(transport=FakeTransport()).rerank("anthropic/claude", "q", ["a"], api_key="k")


async def test_the_default_clients_have_it_too() -> None:
    script = Script([json.dumps(BODY).encode()], headers={"content-type": "application/json"})
    with RawServer(script) as server:
        asked = {"api_key": "k", "api_base": server.url}

        assert lingate.rerank("cohere/x", "q", ["a", "b"], **asked).order == [1, 0]
        assert (await lingate.arerank("cohere/x", "q", ["a", "b"], **asked)).order == [1, 0]
