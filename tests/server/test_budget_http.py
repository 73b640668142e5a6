"""Budgets and limits through a running gateway, in front of the simulator: what is spent is never more than what was allowed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.simulator import Simulator
from tests.server.asking import budget_of, new_key
from tests.server.gateway_kit import ADMIN, Running, running_gateway

CALL = {"model": "priced", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}


def config(simulator: str, **more: Any) -> str:
    def entry(name: str, **params: Any) -> dict[str, Any]:
        upstream = {"model": "openai/sim-words-5", "api_base": f"{simulator}/v1", "api_key": "sk-up", "max_retries": 0}
        return {"model_name": name, "litellm_params": {**upstream, **params}}

    models = [
        entry("priced", input_cost_per_token=0.001, output_cost_per_token=0.01),
        entry("broken", model="openai/sim-fault-server-error", input_cost_per_token=0.001, output_cost_per_token=0.01),
        entry("unpriced"),
        entry("shared", input_cost_per_token=0.001, output_cost_per_token=0.01),
        entry("shared", model="openai/sim-words-6"),
    ]
    return json.dumps({"model_list": models, **more})


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_gateway(config(simulator.url), tmp_path_factory.mktemp("gateway"), auth=True) as running:
        yield running


def ask(gateway: Running, key: dict[str, str], **more: Any) -> httpx2.Response:
    return httpx2.post(f"{gateway.url}/v1/chat/completions", json={**CALL, **more}, headers=key, timeout=20)


def spent(gateway: Running, key_id: str) -> float:
    gateway.flush()
    found = httpx2.get(f"{gateway.url}/admin/spend", params={"key_id": key_id, "by": "key_id"}, headers=ADMIN)
    return float(found.raise_for_status().json()["totals"]["cost"])


async def at_once(gateways: list[Running], key: dict[str, str], count: int) -> Counter[int]:
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx2.AsyncClient(base_url=one.url, timeout=60)) for one in gateways
        ]

        async def call(number: int) -> int:
            client = clients[number % len(clients)]
            return (await client.post("/v1/chat/completions", json=CALL, headers=key)).status_code

        return Counter(await asyncio.gather(*map(call, range(count))))


async def test_200_calls_at_once_on_a_budget_for_50_do_not_overspend(gateway: Running) -> None:
    _, free = new_key(gateway, max_budget=1000)
    one = await asyncio.to_thread(ask, gateway, free)
    cost = float(one.headers["x-litellm-response-cost"])
    key_id, key = await asyncio.to_thread(new_key, gateway, max_budget=round(50 * cost, 9))

    found = await at_once([gateway], key, 200)
    rest = await at_once([gateway], key, 60)

    total = await asyncio.to_thread(spent, gateway, key_id)
    assert set(found) | set(rest) <= {200, 429}
    assert found[200] >= 1
    assert total == pytest.approx((found[200] + rest[200]) * cost)
    assert total <= 50 * cost + 1e-9
    assert (await asyncio.to_thread(budget_of, gateway, key_id))["reserved"] == 0


def test_failed_streamed_and_left_calls_settle_what_they_used(gateway: Running) -> None:
    key_id, key = new_key(gateway, max_budget=100)

    assert ask(gateway, key, model="broken").status_code == 502
    with httpx2.stream(
        "POST", f"{gateway.url}/v1/chat/completions", json={**CALL, "stream": True}, headers=key, timeout=20
    ) as response:
        assert b"[DONE]" in b"".join(response.iter_bytes())

    budget = budget_of(gateway, key_id)
    assert budget["reserved"] == 0
    assert budget["spent"] == pytest.approx(spent(gateway, key_id), abs=1e-6)
    assert budget["spent"] > 0


def test_an_unpriced_model_is_refused_under_a_budget(gateway: Running) -> None:
    _, key = new_key(gateway, max_budget=100)
    refused = ask(gateway, key, model="unpriced")

    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "budget_exceeded"
    assert "price of unpriced is unknown" in refused.text


def test_a_refusal_for_want_of_a_price_names_the_deployment_that_has_none(gateway: Running) -> None:
    _, key = new_key(gateway, max_budget=100)

    for asked in ({"model": "shared"}, {"model": "priced", "fallbacks": ["shared"]}):
        said = ask(gateway, key, **asked).json()["error"]["message"]
        assert "input_cost_per_token and output_cost_per_token of openai/sim-words-6" in said


def test_a_call_that_asks_for_too_long_an_answer_is_told_that_a_shorter_one_fits(gateway: Running) -> None:
    _, key = new_key(gateway, max_budget=1.0)
    refused = ask(gateway, key, max_tokens=500)

    assert refused.status_code == 429
    assert refused.json()["error"]["message"].endswith("(a smaller max_tokens fits)")


def test_a_call_without_a_bound_is_given_the_one_that_the_budget_pays_for(
    gateway: Running, simulator: Simulator
) -> None:
    _, key = new_key(gateway, max_budget=2.0)
    body = {name: value for name, value in CALL.items() if name != "max_tokens"}

    answer = httpx2.post(f"{gateway.url}/v1/chat/completions", json=body, headers=key, timeout=20)

    assert answer.status_code == 200
    sent = simulator.requests()[-1].body
    assert 0 < (sent.get("max_tokens") or sent["max_completion_tokens"]) < 200


def test_rates_come_with_headers_and_retry_after(gateway: Running) -> None:
    _, key = new_key(gateway, rpm_limit=2, tpm_limit=10_000)

    answers = [ask(gateway, key) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers[:2]] == ["1", "0"]
    assert answers[0].headers["x-ratelimit-limit-tokens"] == "10000"
    left = [int(answer.headers["x-ratelimit-remaining-tokens"]) for answer in answers[:2]]
    assert left[0] - left[1] == answers[0].json()["usage"]["total_tokens"], (
        "what was used counts, not what was reserved"
    )
    assert 1 <= int(answers[2].headers["retry-after"]) <= 61
    assert answers[2].json()["error"]["type"]


@pytest.mark.parametrize(
    ("bounds", "most"),
    [
        ({"max_tokens": 50}, 50),
        ({"max_tokens": None, "max_completion_tokens": 60}, 60),
        ({"max_tokens": 5, "n": 20}, 100),
    ],
    ids=["old name", "new name", "answers"],
)
def test_all_output_that_a_call_allows_is_counted_in_advance(
    gateway: Running, bounds: dict[str, Any], most: int
) -> None:
    _, key = new_key(gateway, tpm_limit=1_000)

    answer = httpx2.post(f"{gateway.url}/v1/chat/completions", json={**CALL, **bounds}, headers=key, timeout=20)

    assert answer.status_code == 200
    assert (
        0 < 1_000 - most - int(answer.headers["x-ratelimit-remaining-tokens"]) < 20
    )  # what else there is is the prompt


@pytest.mark.parametrize(
    ("text", "tokens"), [("word " * 20_000, 33_334), ("A" * 100_000, 1_366)], ids=["text", "picture"]
)
def test_a_long_text_is_counted_by_its_length_and_a_picture_is_not(gateway: Running, text: str, tokens: int) -> None:
    _, key = new_key(gateway, tpm_limit=100_000)
    body = {**CALL, "messages": [{"role": "user", "content": text}]}

    answer = httpx2.post(f"{gateway.url}/v1/chat/completions", json=body, headers=key, timeout=20)

    assert 100_000 - int(answer.headers["x-ratelimit-remaining-tokens"]) == pytest.approx(tokens, abs=20)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages/count_tokens", {"messages": [{"role": "user", "content": "word " * 60}]}),
        ("/v1/responses/input_tokens", {"input": "word " * 60}),
        (
            "/v1beta/models/priced:countTokens",
            {"contents": [{"parts": [{"text": "word " * 60}]}], "generationConfig": {"maxOutputTokens": 90}},
        ),
    ],
)
def test_tokens_that_are_only_counted_are_not_used(gateway: Running, path: str, body: dict[str, Any]) -> None:
    _, key = new_key(gateway, tpm_limit=50, max_budget=1)
    for _ in range(2):
        told = httpx2.post(f"{gateway.url}{path}", json={"model": "priced", **body}, headers=key, timeout=20)
        assert (told.status_code, told.headers["x-ratelimit-remaining-tokens"]) == (200, "50")
    assert ask(gateway, key).status_code == 200


def test_a_restart_keeps_what_was_spent(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(config(simulator.url), tmp_path, auth=True) as first:
        key_id, key = new_key(first, max_budget=1.0)
        while ask(first, key).status_code == 200:
            pass
        before = budget_of(first, key_id)["spent"]
    with running_gateway(config(simulator.url), tmp_path, auth=True) as second:
        assert ask(second, key).status_code == 429
        assert budget_of(second, key_id)["spent"] == pytest.approx(before, abs=1e-6)


def test_lists_have_what_was_spent_before_a_restart_too(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(config(simulator.url), tmp_path, auth=True) as first:
        httpx2.post(f"{first.url}/admin/teams", json={"id": "red", "max_budget": 5.0}, headers=ADMIN).raise_for_status()
        _, key = new_key(first, max_budget=1.0, team_id="red")
        assert ask(first, key).status_code == 200
    with running_gateway(config(simulator.url), tmp_path, auth=True) as second:
        for many in ("keys", "teams"):
            (listed,) = httpx2.get(f"{second.url}/admin/{many}", headers=ADMIN).json()["data"]
            one = httpx2.get(f"{second.url}/admin/{many}/{listed['id']}", headers=ADMIN).json()
            assert listed["budgets"][0]["spent"] == listed["spend"] > 0
            assert listed == one


async def test_three_replicas_on_postgres_and_redis_do_not_overspend(
    simulator: Simulator, tmp_path: Path, postgres: str, redis: str
) -> None:
    env = {"LINGATE_REDIS_URL": redis}
    with contextlib.ExitStack() as stack:
        replicas = []
        for number in range(3):
            folder = tmp_path / str(number)
            folder.mkdir()
            replicas.append(
                stack.enter_context(
                    running_gateway(config(simulator.url), folder, auth=True, env=env, database=postgres)
                )
            )
        _, free = await asyncio.to_thread(new_key, replicas[0], max_budget=1000)
        cost = float((await asyncio.to_thread(ask, replicas[0], free)).headers["x-litellm-response-cost"])
        key_id, key = await asyncio.to_thread(new_key, replicas[0], max_budget=round(50 * cost, 9))

        found = await at_once(replicas, key, 200)
        rest = await at_once(replicas, key, 60)

        for replica in replicas:
            await asyncio.to_thread(replica.flush)
        total = await asyncio.to_thread(spent, replicas[0], key_id)
        assert set(found) | set(rest) <= {200, 429}
        assert total == pytest.approx((found[200] + rest[200]) * cost)
        assert 0 < total <= 50 * cost + 1e-9
