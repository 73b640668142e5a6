"""Embeddings of more inputs than the provider takes at once: one call, one row, all that was paid for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
