"""What providers take for tools of their own, read out of answers as they send them: whole, cut anywhere, by either engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from genai_prices.data_snapshot import set_custom_snapshot
from hypothesis import given
from hypothesis import strategies as st

from lingate import AsyncLingate, Lingate
from lingate._providers.counts import counts_of, with_own_tools
from tests.own_tools import CASES, JSON, PATHS, SNAPSHOT, SSE, streamed
from tests.servers import RawServer, Script


@pytest.fixture(autouse=True)
def prices() -> Iterator[None]:
    """Prices of this file instead of the package's own."""
    set_custom_snapshot(SNAPSHOT)
    try:
        yield
    finally:
        set_custom_snapshot(None)


def _check(response: Any, expected: float | str) -> None:
    cost = response.cost_details
    if isinstance(expected, str):
        assert (cost.total, cost.reason) == (None, expected)
        assert sum(cost.parts.values()) > 0  # the tokens are known
    else:
        assert cost.total == pytest.approx(expected), cost
        assert response.cost == cost.total


@pytest.mark.parametrize("case", CASES)
def test_what_a_providers_own_tools_cost_is_in_the_cost_or_leaves_it_open(case: str) -> None:
    dialect, model, body, expected = CASES[case]
    with RawServer() as server, Lingate() as client:
        base = server.url + PATHS.get(dialect, "/v1")
        options = {"api_base": base, "api_key": "sk-up"}
        server.script = Script([json.dumps(body).encode()], headers=JSON)
        _check(client.chat(model, "hello", **options), expected)
        stream = streamed(dialect, body)
        for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
            server.script = Script(pieces, headers=SSE)
            _check(client.chat(model, "hello", stream=True, **options).final(), expected)
        if dialect == "responses":
            server.script = Script([json.dumps(body).encode()], headers=JSON)
            _check(client.responses(model, input="hello", **options), expected)


@pytest.mark.parametrize(
    "case", ["searches that it counts itself", "grounding by the search", "pages that a chat cites"]
)
async def test_the_same_for_asyncio(case: str) -> None:
    dialect, model, body, expected = CASES[case]
    with RawServer() as server:
        async with AsyncLingate() as client:
            base = server.url + PATHS.get(dialect, "/v1")
            server.script = Script([streamed(dialect, body)], headers=SSE)
            stream = await client.chat(model, "hello", stream=True, api_base=base, api_key="sk-up")
            _check(await stream.final(), expected)


_NAMES = """output items content type status action toolUse name groundingMetadata webSearchQueries groundingChunks maps
    annotations executed_tools web_search tool_usage num_requests server_tool_use""".split()  # noqa: SIM905
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "web_search_call", "url_citation"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=3),
    max_leaves=8,
)
_fields = st.dictionaries(st.sampled_from([*_NAMES, "provider_specific_fields"]), _anything, max_size=3)


@given(answer=_fields, message=_fields, own=_fields)
def test_whatever_an_answer_tells_of_tools_it_can_be_read(answer: Any, message: Any, own: Any) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    for fields in (message, {**message, "provider_specific_fields": {"x": own}}):
        found = with_own_tools({**answer, "choices": [{"message": fields}], "usage": usage})

        assert {name: found[name] for name in usage} == usage
        assert counts_of(found)


def test_a_search_whose_results_are_beside_the_answer_is_counted() -> None:
    body = {
        "model": "openai/gpt-oss-20b",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100},
        "web_search": [{"title": "Oslo", "link": "https://example.org"}],
    }
    with RawServer(Script([json.dumps(body).encode()], headers=JSON)) as server, Lingate() as client:
        response = client.chat("groq/openai/gpt-oss-20b", "hello", api_base=f"{server.url}/v1", api_key="sk-up")

        _check(response, "the price catalogue has no price for the web search of openai/gpt-oss-20b")


@pytest.mark.parametrize("name", ["server_tool_use", "server_tool_use_details"])
def test_searches_that_a_provider_counts_are_not_counted_by_what_they_left_behind(name: str) -> None:
    cited = {"message": {"annotations": [{"type": "url_citation"}]}}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, name: {"web_search_requests": 3}}

    assert counts_of(with_own_tools({"choices": [cited], "usage": usage}))["web_search"] == 3


def test_a_tool_that_only_its_calls_tell_of_leaves_the_cost_open() -> None:
    use = {"toolUseId": "t", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}
    body = {
        "output": {"message": {"role": "assistant", "content": [{"toolUse": use}, {"text": "hi"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1_000, "outputTokens": 100, "totalTokens": 1_100},
    }
    with RawServer(Script([json.dumps(body).encode()], headers=JSON)) as server, Lingate() as client:
        response = client.chat("bedrock/amazon.nova-premier-v1:0", "hello", api_base=server.url, api_key="sk-up")

        _check(response, "the price catalogue has no price for the nova grounding of amazon.nova-premier-v1")
