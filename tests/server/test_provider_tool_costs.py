"""What the ledger has of the cost of a provider's own tools, whatever format the client speaks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import pytest
from genai_prices.data_snapshot import set_custom_snapshot

from tests.own_tools import CASES, JSON, PATHS, SNAPSHOT, SSE, TOKENS, streamed
from tests.server.asking import ask, rows
from tests.server.gateway_kit import MASTER, Running, running_gateway
from tests.servers import RawServer, Script

_UNPRICED = "lingate_unpriced_calls_total{"
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def gateway(upstream: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    models = {model: dialect for dialect, model, _, _ in CASES.values()}
    entries = [
        {
            "model_name": model.rpartition("/")[2],
            "litellm_params": {
                "model": model,
                "api_base": upstream.url + PATHS.get(dialect, "/v1"),
                "api_key": "sk-up",
                "max_retries": 0,
            },
        }
        for model, dialect in models.items()
    ]
    settings = {"model_list": entries, "router_settings": {"disable_cooldowns": True}}
    set_custom_snapshot(SNAPSHOT)
    try:
        with running_gateway(json.dumps(settings), tmp_path_factory.mktemp("tools")) as running:
            yield running
    finally:
        set_custom_snapshot(None)


def _questions(model: str, stream: bool) -> list[tuple[str, dict[str, Any]]]:
    """The same question in each format."""
    action = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return [
        ("/v1/chat/completions", {"model": model, "messages": HELLO, "stream": stream}),
        ("/v1/responses", {"model": model, "input": "hello", "stream": stream}),
        ("/v1/messages", {"model": model, "messages": HELLO, "max_tokens": 100, "stream": stream}),
        (f"/v1beta/models/{model}:{action}", {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}),
        ("/api/chat", {"model": model, "messages": HELLO, "stream": stream}),
    ]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", CASES)
def test_each_face_writes_down_the_same_cost_or_why_there_is_none(
    gateway: Running, upstream: RawServer, case: str, stream: bool
) -> None:
    dialect, model, body, expected = CASES[case]
    questions = _questions(model.rpartition("/")[2], stream)
    if dialect == "chat":
        del questions[1]  # for such a client these providers would be asked in the other format
    for path, question in questions:
        upstream.script = (
            Script([streamed(dialect, body)], headers=SSE)
            if stream
            else Script([json.dumps(body).encode()], headers=JSON)
        )
        answer = ask(gateway, path, question)
        assert answer.status_code == 200, path

        told = answer.headers.get("x-lingate-response-cost")
        if stream or isinstance(expected, str):
            assert told is None  # of a part nobody is told as if it were all
        else:
            assert float(told) == pytest.approx(expected)

    for row in rows(gateway)[-len(questions) :]:
        if isinstance(expected, str):
            assert row["price"] == f"incomplete: {expected}", row["face"]
            assert row["cost"] == pytest.approx(TOKENS), row["face"]
        else:
            assert row["cost"] == pytest.approx(expected), row["face"]
            assert row["price"].startswith("genai-prices of 2026-05-04"), row["face"]


def test_sums_say_how_many_costs_are_not_whole(gateway: Running, upstream: RawServer) -> None:
    def sums() -> tuple[int, float]:
        gateway.flush()
        with closing(sqlite3.connect(gateway.state / "gateway.db")) as database:
            ((summed,),) = database.execute("SELECT coalesce(sum(unpriced), 0) FROM usage_hours").fetchall()
        text = httpx2.get(f"{gateway.url}/metrics").raise_for_status().text
        counted = sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(_UNPRICED))
        return summed, counted

    before = sums()
    for case in ("code that it runs", "searches in files"):
        _, model, body, _ = CASES[case]
        upstream.script = Script([json.dumps(body).encode()], headers=JSON)
        ask(gateway, *_questions(model.rpartition("/")[2], False)[0])

    assert sums() == (before[0] + 1, before[1] + 1)


def test_a_budget_holds_what_was_reserved_for_a_call_whose_fee_nobody_knows(
    upstream: RawServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _, model, body, _ = CASES["code that it runs"]
    upstream.script = Script([json.dumps(body).encode()], headers=JSON)
    params = {"model": model, "api_base": f"{upstream.url}/v1", "api_key": "sk-up"}
    prices = {"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6}
    settings = {"model_list": [{"model_name": "m", "litellm_params": params | prices}]}
    with running_gateway(json.dumps(settings), tmp_path_factory.mktemp("budget"), auth=True) as running:
        admin = {"authorization": f"Bearer {MASTER}"}
        made = ask(running, "/admin/keys", {"max_budget": 0.5}, admin).json()
        key = {"authorization": f"Bearer {made['token']}"}
        spent = []
        for limit in ({}, {"max_tokens": 10_000}):
            assert (
                ask(running, "/v1/chat/completions", {"model": "m", "messages": HELLO, **limit}, key).status_code == 200
            )
            found = httpx2.get(f"{running.url}/admin/keys/{made['key']['id']}", headers=admin).json()
            spent.append(found["budgets"][0]["spent"])
        (first, second) = rows(running)

    assert first["cost"] == second["cost"] == pytest.approx(TOKENS)
    assert first["price"] == "incomplete: there is no price for code interpreter"
    # The first had all of the budget reserved, which must not be gone for it.
    assert spent[0] == pytest.approx(TOKENS)
    assert spent[1] - spent[0] > 10_000 * 8e-6
