"""Budgets of providers and deployments: who has spent theirs is asked no more, and others are."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.server.config import ConfigFileError, load
from lingate.simulator import Simulator
from tests.server.gateway_kit import ADMIN, Running, running_gateway
from tests.servers import RawServer, Script


def _config(simulator: str, *, routing: dict[str, Any] | None = None, **params: dict[str, Any]) -> str:
    """`cheap` at openai and, after it, at groq; `alone` at openai only. Each call costs some 6 cents."""

    def entry(name: str, id: str, model: str, **more: Any) -> dict[str, Any]:
        own = {"model": model, "api_base": f"{simulator}/v1", "api_key": "sk-up", "max_retries": 0}
        prices = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01}
        return {"model_name": name, "litellm_params": {**own, **prices, **more}, "model_info": {"id": id}}

    models = [
        entry("cheap", "first", "openai/sim-words-5", order=1, **params.get("first", {})),
        entry("cheap", "second", "groq/sim-words-5", order=2, **params.get("second", {})),
        entry("alone", "alone", "openai/sim-words-5", **params.get("alone", {})),
    ]
    return json.dumps({"model_list": models, "router_settings": routing or {}, "lingate": {"reload": 0}})


def _ask(gateway: Running, model: str) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}
    return httpx2.post(f"{gateway.url}/v1/chat/completions", json=body, headers=ADMIN, timeout=20)


def _who(gateway: Running, model: str = "cheap") -> str:
    return _ask(gateway, model).raise_for_status().headers["x-lingate-model-id"]


def _budget(limit: float, period: str = "1d") -> dict[str, Any]:
    return {"provider_budget_config": {"openai": {"budget_limit": limit, "time_period": period}}}


def test_a_provider_that_has_spent_its_budget_is_asked_no_more_and_the_others_are(
    simulator: Simulator, tmp_path: Path
) -> None:
    with running_gateway(_config(simulator.url, routing=_budget(0.1)), tmp_path, auth=True) as gateway:
        assert [_who(gateway) for _ in range(4)] == ["first", "first", "second", "second"]
        refused = _ask(gateway, "alone")
        shown = httpx2.get(f"{gateway.url}/provider/budgets", headers=ADMIN).json()["providers"]
        models = httpx2.get(f"{gateway.url}/admin/models", headers=ADMIN).json()["data"]

    assert refused.status_code == 429
    first, second, _ = models
    assert (first["healthy"], first["problem"]) == (False, "has spent the budget of provider openai")
    assert 0 < first["cooling"] <= 86400
    assert (second["healthy"], second["problem"]) == (True, None)
    assert "alone is not available: its deployment has spent the budget of provider openai" in refused.text
    assert 0 < int(refused.headers["retry-after"]) <= 86400
    assert refused.headers["x-should-retry"] == "false"
    assert shown["openai"]["budget_limit"] == 0.1
    assert shown["openai"]["time_period"] == "1d"
    assert shown["openai"]["spend"] >= 0.1
    assert shown["openai"]["budget_reset_at"].startswith("20")


def test_a_provider_is_the_same_by_each_of_its_names(simulator: Simulator, tmp_path: Path) -> None:
    entry = {
        "model_name": "t",
        "litellm_params": {
            "model": "together/sim-words-5",
            "api_base": f"{simulator.url}/v1",
            "api_key": "k",
            "input_cost_per_token": 0.001,
            "output_cost_per_token": 0.01,
        },
    }
    for name in ("together", "together_ai"):
        budgets = {"provider_budget_config": {name: {"max_budget": 0.01, "budget_duration": "1d"}}}
        folder = tmp_path / name
        folder.mkdir()
        with running_gateway(
            json.dumps({"model_list": [entry], "router_settings": budgets}), folder, auth=True
        ) as gateway:
            assert _ask(gateway, "t").status_code == 200
            assert "has spent the budget of provider together_ai" in _ask(gateway, "t").text


def test_a_provider_that_the_owner_describes_keeps_its_name(simulator: Simulator, tmp_path: Path) -> None:
    entry = {
        "model_name": "t",
        "litellm_params": {
            "model": "together/sim-words-5",
            "input_cost_per_token": 0.001,
            "output_cost_per_token": 0.01,
        },
    }
    text = {
        "model_list": [entry],
        "router_settings": {"provider_budget_config": {"together": {"budget_limit": 0.01, "time_period": "1d"}}},
        "lingate": {"providers": {"together": {"api_base": f"{simulator.url}/v1", "api_key": "k"}}},
    }
    with running_gateway(json.dumps(text), tmp_path, auth=True) as gateway:
        assert _ask(gateway, "t").status_code == 200
        assert "has spent the budget of provider together" in _ask(gateway, "t").text


def test_a_deployment_has_a_budget_of_its_own(simulator: Simulator, tmp_path: Path) -> None:
    text = _config(simulator.url, first={"max_budget": 0.01, "budget_duration": "1d"})
    with running_gateway(text, tmp_path, auth=True) as gateway:
        assert [_who(gateway) for _ in range(3)] == ["first", "second", "second"]
        assert _who(gateway, "alone") == "alone"


def test_what_was_spent_outlives_a_restart(simulator: Simulator, tmp_path: Path) -> None:
    text = _config(simulator.url, routing=_budget(0.1), second={"max_budget": 0.01})
    with running_gateway(text, tmp_path, auth=True) as gateway:
        assert [_who(gateway) for _ in range(3)] == ["first", "first", "second"]
    with running_gateway(text, tmp_path, auth=True) as gateway:
        refused = _ask(gateway, "cheap")
    assert "has spent the budget of" in refused.text


def test_a_new_period_begins_with_a_new_budget(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(_config(simulator.url, routing=_budget(0.01, "2s")), tmp_path, auth=True) as gateway:
        for _ in range(10):  # a busy machine may take longer than a period for two calls
            time.sleep(2.05 - time.time() % 2)
            period = time.time() // 2
            asked = [_who(gateway) for _ in range(2)]
            if time.time() // 2 == period:
                break
        assert asked == ["first", "second"]
        time.sleep(2.05 - time.time() % 2)
        assert _who(gateway) == "first"


def test_a_reload_keeps_what_was_spent_and_takes_the_new_limit(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(_config(simulator.url, routing=_budget(0.01)), tmp_path, auth=True) as gateway:

        def reload(text: str) -> None:
            gateway.config.write_text(text)
            httpx2.post(f"{gateway.url}/admin/config/reload", headers=ADMIN).raise_for_status()

        assert [_who(gateway) for _ in range(2)] == ["first", "second"]
        reload(_config(simulator.url, routing=_budget(0.01), alone={"rpm": 100}))
        assert _who(gateway) == "second"
        reload(_config(simulator.url, routing=_budget(0.08)))
        assert [_who(gateway) for _ in range(2)] == ["first", "second"]
        reload(_config(simulator.url))
        assert _who(gateway) == "first"
        assert httpx2.get(f"{gateway.url}/provider/budgets", headers=ADMIN).json() == {"providers": {}}


def test_a_budget_that_a_reload_brings_knows_what_was_spent_before(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(_config(simulator.url), tmp_path, auth=True) as gateway:
        assert _who(gateway) == "first"
        gateway.config.write_text(_config(simulator.url, routing=_budget(0.01)))
        httpx2.post(f"{gateway.url}/admin/config/reload", headers=ADMIN).raise_for_status()
        deadline = time.monotonic() + 10
        while _who(gateway) != "second":
            assert time.monotonic() < deadline


def test_a_stream_and_a_client_that_leaves_count(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(_config(simulator.url, routing=_budget(0.01)), tmp_path, auth=True) as gateway:
        body = {"model": "cheap", "messages": [{"role": "user", "content": "hello"}], "stream": True}
        with httpx2.stream("POST", f"{gateway.url}/v1/chat/completions", json=body, headers=ADMIN) as answer:
            next(answer.iter_lines())
        deadline = time.monotonic() + 10
        while gateway.gateway.in_flight:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert _who(gateway) == "second"


def test_without_a_known_price_a_deployment_with_a_budget_is_not_asked(simulator: Simulator, tmp_path: Path) -> None:
    entry = {
        "model_name": "unpriced",
        "litellm_params": {"model": "openai/nobody-knows-it", "api_base": f"{simulator.url}/v1", "api_key": "k"},
    }
    text = {"model_list": [entry], "router_settings": _budget(5)}
    with running_gateway(json.dumps(text), tmp_path, auth=True) as gateway:
        refused = _ask(gateway, "unpriced")
        assert "its deployment has a budget and no known price" in refused.text
        gateway.config.write_text(json.dumps({**text, "lingate": {"unpriced": "allow"}}))
        httpx2.post(f"{gateway.url}/admin/config/reload", headers=ADMIN).raise_for_status()
        assert "budget" not in _ask(gateway, "unpriced").text


def test_another_replica_learns_what_was_spent(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lingate.server.gateway._LEARNING", 0.1)
    database = f"sqlite:///{tmp_path}/shared.db"
    text = _config(simulator.url, routing=_budget(0.01))
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with (
        running_gateway(text, one, auth=True, database=database) as first,
        running_gateway(text, two, auth=True, database=database) as second,
    ):
        assert _who(first) == "first"
        first.flush()
        deadline = time.monotonic() + 10
        while not second.gateway.live.router.spend_budgets.all()[0].spent:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert _who(second) == "second"


def test_a_providers_budget_that_runs_out_is_told(simulator: Simulator, tmp_path: Path) -> None:
    with RawServer(Script([b"ok"])) as channel:
        text = json.loads(_config(simulator.url, routing=_budget(0.01)))
        text["general_settings"] = {"alerting": ["slack"], "alert_types": ["budget_alerts"]}
        env = {"SLACK_WEBHOOK_URL": channel.url}
        with running_gateway(json.dumps(text), tmp_path, auth=True, env=env) as gateway:
            _who(gateway)
        (body,) = channel.requests
    assert "*budget_alerts* provider openai has spent $0.0" in json.loads(body)["text"]


@pytest.mark.parametrize(
    ("budgets", "said"),
    [
        (
            {"opnai": {"budget_limit": 1}},
            "router_settings.provider_budget_config.opnai is no provider; did you mean 'openai'",
        ),
        ({"openai": {"time_period": "1d"}}, "provider_budget_config.openai needs a budget_limit in US dollars"),
        ({"openai": {"budget_limit": 1, "time_period": "daily"}}, "time_period must be a period such as 1h"),
        ({"openai": {"budget_limit": -1}}, "budget_limit must be a number from 0"),
        (
            {"openai": {"budget_limt": 1}},
            "provider_budget_config.openai.budget_limt is unknown; did you mean 'budget_limit'",
        ),
    ],
)
def test_what_is_wrong_about_a_providers_budget_is_said_at_its_place(
    tmp_path: Path, budgets: dict[str, Any], said: str
) -> None:
    text = json.loads(_config("http://127.0.0.1:9", routing={"provider_budget_config": budgets}))
    (tmp_path / "gateway.yaml").write_text(json.dumps(text))
    with pytest.raises(ConfigFileError) as caught:
        load(str(tmp_path / "gateway.yaml"), {})
    assert said in str(caught.value)
