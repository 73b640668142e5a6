"""Embeddings of more inputs than the provider takes at once: one call, one row, all that was paid for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.server.asking import ask, rows
from tests.server.gateway_kit import running_gateway
from tests.server.raw_upstream import JSON
from tests.servers import RawServer, Script


def config(model: str, base: str) -> str:
    params = {"model": model, "api_base": base, "api_key": "sk-up", "max_retries": 0, "input_cost_per_token": 0.001}
    return json.dumps(
        {
            "model_list": [{"model_name": "it", "litellm_params": params}],
            "router_settings": {"disable_cooldowns": True},
        }
    )


def says(upstream: RawServer, answer: Any) -> None:
    upstream.requests.clear()
    upstream.script = Script([json.dumps(answer).encode()], headers=JSON)


TEN = {
    "data": [{"index": at, "embedding": [float(at)]} for at in range(10)],
    "usage": {"prompt_tokens": 7, "total_tokens": 7},
}


@pytest.fixture
def asked(upstream: RawServer) -> RawServer:
    says(upstream, TEN)
    return upstream


def test_one_row_has_what_all_requests_used(tmp_path: Path, asked: RawServer) -> None:
    with running_gateway(config("dashscope/text-embedding-v4", f"{asked.url}/v1"), tmp_path) as gateway:
        answer = ask(gateway, "/v1/embeddings", {"model": "it", "input": ["x"] * 20})
        (row,) = rows(gateway)

    assert answer.status_code == 200
    data = answer.json()["data"]
    assert [item["embedding"] for item in data] == [[float(at)] for at in range(10)] * 2
    assert [item["index"] for item in data] == list(range(20))
    assert answer.json()["usage"] == {"prompt_tokens": 14, "total_tokens": 14}
    assert len(asked.requests) == 2
    assert (row["prompt_tokens"], row["attempts"], row["status"]) == (14, 1, 200)
    assert row["cost"] == pytest.approx(0.014)


def test_what_was_used_until_a_request_failed_is_paid_for(tmp_path: Path, asked: RawServer) -> None:
    with running_gateway(config("dashscope/text-embedding-v4", f"{asked.url}/v1"), tmp_path) as gateway:
        answer = ask(gateway, "/v1/embeddings", {"model": "it", "input": ["x"] * 15})
        (row,) = rows(gateway)

    assert answer.status_code == 502  # five inputs were answered with ten vectors
    assert len(asked.requests) == 2
    assert (row["prompt_tokens"], row["error"]) == (14, "protocol")
    assert row["cost"] == pytest.approx(0.014)


def test_what_was_used_before_another_went_in_its_place_is_paid_for_too(tmp_path: Path, asked: RawServer) -> None:
    made = json.loads(config("dashscope/text-embedding-v4", f"{asked.url}/v1"))
    with RawServer() as upstream:
        other = {"model": "openai/e", "api_base": f"{upstream.url}/v1", "api_key": "k", "input_cost_per_token": 0.001}
        made["model_list"].append({"model_name": "other", "litellm_params": other})
        made["router_settings"]["fallbacks"] = [{"it": ["other"]}]
        vectors = [{"index": at, "embedding": [1.0]} for at in range(15)]
        says(upstream, {"data": vectors, "usage": {"prompt_tokens": 9, "total_tokens": 9}})
        with running_gateway(json.dumps(made), tmp_path) as gateway:
            answer = ask(gateway, "/v1/embeddings", {"model": "it", "input": ["x"] * 15})
            (row,) = rows(gateway)

    assert answer.status_code == 200
    assert answer.json()["usage"] == {"prompt_tokens": 9, "total_tokens": 9}
    assert (row["prompt_tokens"], row["fallbacks"]) == (14 + 9, 1)
    assert row["cost"] == pytest.approx(0.023)


@pytest.mark.parametrize("answers", [True, False], ids=["answered", "refused"])
@pytest.mark.parametrize(("price", "cost"), [(1.0, 0.014), (None, None)], ids=["priced", "not"])
def test_what_was_used_before_costs_what_its_own_deployment_takes(
    tmp_path: Path, asked: RawServer, answers: bool, price: float | None, cost: float | None
) -> None:
    made = json.loads(config("dashscope/text-embedding-v4", f"{asked.url}/v1"))
    with RawServer() as upstream:
        prices = {} if price is None else {"input_cost_per_token": price}
        other = {"model": "openai/e", "api_base": f"{upstream.url}/v1", "api_key": "k", "max_retries": 0, **prices}
        made["model_list"].append({"model_name": "other", "litellm_params": other, "model_info": {"id": "second"}})
        made["router_settings"]["fallbacks"] = [{"it": ["other"]}]
        vectors = [{"index": at, "embedding": [1.0]} for at in range(15)]
        says(upstream, {"data": vectors, "usage": {"prompt_tokens": 9, "total_tokens": 9}})
        if not answers:
            upstream.script = Script([b'{"error": {"message": "no"}}'], status=500, headers=JSON)
        with running_gateway(json.dumps(made), tmp_path) as gateway:
            answer = ask(gateway, "/v1/embeddings", {"model": "it", "input": ["x"] * 15})
            (row,) = rows(gateway)

    assert (row["attempts"], row["fallbacks"], row["deployment"]) == (2, 1, "second")
    if answers:
        assert answer.json()["usage"] == {"prompt_tokens": 9, "total_tokens": 9}
        assert row["prompt_tokens"] == 14 + 9
        assert row["cost"] == (None if price is None else pytest.approx(0.014 + 9))
        assert answer.headers.get("x-lingate-response-cost") == (None if price is None else "9.014")
    else:
        assert answer.status_code == 502
        assert (row["prompt_tokens"], row["cost"]) == (14, pytest.approx(0.014))


def test_a_client_that_has_left_is_asked_no_further_part_for(tmp_path: Path, asked: RawServer) -> None:
    assert asked.script is not None
    asked.script.pause = 0.5
    with running_gateway(config("dashscope/text-embedding-v4", f"{asked.url}/v1"), tmp_path) as gateway:
        body = {"model": "it", "input": ["x"] * 40}
        with pytest.raises(httpx2.TimeoutException):
            httpx2.post(gateway.url + "/v1/embeddings", json=body, timeout=0.2)
        until = time.monotonic() + 8
        while not (found := rows(gateway)) and time.monotonic() < until:
            time.sleep(0.05)

    assert len(asked.requests) == 1
    assert [(row["status"], row["prompt_tokens"], row["cost"]) for row in found] == [(499, 7, pytest.approx(0.007))]


def test_what_a_client_said_of_each_input_goes_out_with_it(tmp_path: Path, upstream: RawServer) -> None:
    says(upstream, {"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 2}})
    requests = [{"content": {"parts": [{"text": text}]}, "taskType": f"TASK_{text}"} for text in "AB"]

    with running_gateway(
        config("vertex_ai/gemini-embedding-2", f"{upstream.url}/publishers/google"), tmp_path
    ) as gateway:
        answer = ask(gateway, "/v1beta/models/it:batchEmbedContents", {"requests": requests})
        (row,) = rows(gateway)

    assert answer.status_code == 200
    assert answer.json()["embeddings"] == [{"values": [0.5]}] * 2
    assert [json.loads(body) for body in upstream.requests] == requests
    assert row["prompt_tokens"] == 4
