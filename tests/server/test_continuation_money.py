"""What an answer of several parts costs: reserved before each part, and never beyond a budget."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.server.costing import estimate_tokens
from lingate.simulator import Simulator
from tests.server.asking import ask, rows
from tests.server.gateway_kit import ADMIN, Running, running_gateway
from tests.server.test_continuation import CHAT, PRICES, config
from tests.servers import RawServer, Script

IN, OUT = PRICES.values()


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_gateway(config(simulator.url), tmp_path_factory.mktemp("parts"), auth=True) as running:
        yield running


def streamed(gateway: Running, model: str, budget: float, **more: Any) -> tuple[httpx2.Response, dict[str, Any]]:
    """An answer to a key with this budget, and what is then known of the budget."""
    made = ask(gateway, "/admin/keys", {"max_budget": budget}, ADMIN).json()
    body = {"model": model, "messages": [{"role": "user", "content": "tell me " * 40}], "stream": True, **more}
    answer = ask(gateway, CHAT, body, {"authorization": f"Bearer {made['token']}"})
    found = httpx2.get(f"{gateway.url}/admin/keys/{made['key']['id']}", headers=ADMIN).raise_for_status().json()
    return answer, found["budgets"][0]


@pytest.mark.parametrize("more", [{"max_tokens": 60}, {}], ids=["bounded", "not"])
def test_no_part_takes_a_budget_past_its_end(gateway: Running, more: dict[str, Any]) -> None:
    ends = set()
    for cents in range(20, 300, 20):
        answer, budget = streamed(gateway, "worse", cents / 100, **more)
        assert budget["reserved"] == 0
        assert budget["spent"] <= cents / 100
        if answer.status_code != 200:
            assert budget["spent"] == 0
            continue
        row = rows(gateway)[-1]
        assert budget["spent"] == pytest.approx(row["cost"], abs=1e-8)
        ends.add(row["attempts"])
        whole = answer.text.endswith("data: [DONE]\n\n")
        assert whole == (row["error"] is None)
    assert len(ends) > 1


def test_what_is_left_of_a_budget_bounds_the_rest(gateway: Running, simulator: Simulator) -> None:
    found = False
    for cents in range(60, 160, 5):
        before = simulator.stats()["requests"]["total"]
        answer, budget = streamed(gateway, "pair", cents / 100)
        asked = simulator.stats()["requests"]["total"] - before
        if answer.status_code == 200 and asked == 2:
            first, second = simulator.requests()[-2:]
            made = estimate_tokens(len(second.body["messages"][1]["content"]))
            # What was put aside for the answer pays for its second prompt, too.
            rest = first.body["max_tokens"] - made - second.prompt_tokens * IN / OUT
            assert 0 < second.body["max_tokens"] <= rest
            assert budget["spent"] <= cents / 100
            found = True
    assert found


def test_a_client_that_leaves_before_the_next_part_begins_pays_for_what_was_asked(
    simulator: Simulator, tmp_path: Path
) -> None:
    own = config(simulator.url).replace("openai/sim-words-100-delay-40", "openai/sim-first-3000")
    with running_gateway(own, tmp_path) as gateway:
        body = {"model": "slow", "messages": [{"role": "user", "content": "tell me"}], "stream": True}
        asked = simulator.stats()["requests"]["total"]
        with httpx2.stream("POST", gateway.url + CHAT, json=body, timeout=10) as answer:
            for _ in answer.iter_bytes():
                until = time.monotonic() + 5
                while simulator.stats()["requests"]["total"] < asked + 2 and time.monotonic() < until:
                    time.sleep(0.01)
                break
        until = time.monotonic() + 5
        while not (found := rows(gateway)) and time.monotonic() < until:
            time.sleep(0.05)
        (row,) = found
        first = simulator.requests()[-2].prompt_tokens
        assert (row["status"], row["attempts"], row["estimated"]) == (499, 2, 1)
        assert row["prompt_tokens"] > 2 * first  # the second was given what there was
        assert row["cost"] == pytest.approx(row["prompt_tokens"] * 0.001 + row["completion_tokens"] * 0.01)


@pytest.mark.parametrize("unpriced", [0, 1], ids=["the first", "the second"])
def test_an_answer_of_which_one_part_has_no_price_has_none(simulator: Simulator, tmp_path: Path, unpriced: int) -> None:
    text = json.loads(config(simulator.url))
    entry = [entry for entry in text["model_list"] if entry["model_name"] == "pair"][unpriced]
    for price in ("input_cost_per_token", "output_cost_per_token"):
        del entry["litellm_params"][price]
    with running_gateway(json.dumps(text), tmp_path) as gateway:
        body = {"model": "pair", "messages": [{"role": "user", "content": "tell me"}], "stream": True}
        assert ask(gateway, CHAT, body).text.endswith("data: [DONE]\n\n")
        row = rows(gateway)[-1]
    assert (row["attempts"], row["cost"]) == (2, None)
    assert "price" in row["price"]
    assert row["completion_tokens"] > 8


def test_a_part_whose_tier_has_no_price_is_taken_off_the_budget_with_those_that_have(
    upstream: RawServer, tmp_path: Path
) -> None:
    params = {"model": "openai/gpt-3.5-turbo", "api_key": "sk-up", "max_retries": 0}
    said = {"model": "gpt-3.5-turbo", "choices": [{"index": 0, "delta": {"content": "x" * 90}}]}
    upstream.script = Script([b"data: %s\n\n" % json.dumps(said).encode()], "close")
    with RawServer() as other:
        said["service_tier"] = "priority"
        other.script = Script([b"data: %s\n\n" % json.dumps(said).encode()], "close")
        entries = [
            {"model_name": "old", "litellm_params": {**params, "order": at, "api_base": f"{server.url}/v1"}}
            for at, server in enumerate((upstream, other))
        ]
        more = {"router_settings": {"disable_cooldowns": True}, "lingate": {"continue_streams": True}}
        with running_gateway(json.dumps({"model_list": entries, **more}), tmp_path, auth=True) as gateway:
            _, budget = streamed(gateway, "old", 0.004)
            (row,) = rows(gateway)
    assert (row["attempts"], row["cost"], row["completion_tokens"]) == (2, None, 2 * 30)
    assert budget["spent"] == pytest.approx(row["prompt_tokens"] * 0.5e-6 + 60 * 1.5e-6, abs=1e-8)
    assert budget["reserved"] == 0
