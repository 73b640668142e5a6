"""`/metrics`: that it counts what happened, and that nobody can make it count without end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from lingate.errors import LingateError, RateLimitError
from lingate.server.config.settings import DeploymentConfig, DeploymentParams, GatewayConfig, ModelInfo
from lingate.server.exposition import Exposition
from lingate.server.metrics import Metrics
from lingate.server.records import LedgerRow
from lingate.simulator import Simulator
from tests.server.gateway_kit import MASTER, Running, running_gateway
from tests.servers import until

CHAT = "/v1/chat/completions"
PRICES = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.002}


def _config(simulator: str, **own: Any) -> str:
    params = {"api_base": f"{simulator}/v1", "api_key": "sk-up", "max_retries": 0}
    models = [
        {
            "model_name": "small",
            "litellm_params": {"model": "openai/sim-small", **PRICES, **params},
            "model_info": {"id": "the-small-one"},
        },
        {"model_name": "any-*", "litellm_params": {"model": "openai/sim-*", **params}, "model_info": {"id": "wild"}},
    ]
    return json.dumps({"model_list": models, "lingate": {"reload": 0.05, **own}})


@pytest.fixture
def gateway(simulator: Simulator, tmp_path: Path) -> Iterator[Running]:
    with running_gateway(_config(simulator.url), tmp_path) as running:
        yield running


def _ask(gateway: Running, model: str, **fields: Any) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **fields}
    return httpx2.post(gateway.url + CHAT, json=body, timeout=20)


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _scrape(gateway: Running) -> Samples:
    answer = httpx2.get(gateway.url + "/metrics", timeout=20)
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in read_text(answer.text)
        for sample in family.samples
    }


def _sum(samples: Samples, metric: str, **labels: str) -> float:
    wanted = labels.items()
    return sum(value for (name, given), value in samples.items() if name == metric and wanted <= given)


def test_calls_tokens_and_costs_are_counted_by_model_and_outcome(gateway: Running) -> None:
    used = _ask(gateway, "small").json()["usage"]
    _ask(gateway, "small", stream=True)
    _ask(gateway, "any-fault-server-error")
    _ask(gateway, "nothing-of-the-kind")

    found = _scrape(gateway)

    assert _sum(found, "lingate_calls_total", model="small", status="2xx", deployment="the-small-one", error="") == 2
    assert _sum(found, "lingate_calls_total", model="small", stream="yes", face="openai_chat", operation="chat") == 1
    assert _sum(found, "lingate_calls_total", model="any-*", status="5xx", error="server_error") == 1
    assert _sum(found, "lingate_calls_total", model="unknown", status="4xx", error="not_found") == 1
    assert _sum(found, "lingate_refused_calls_total", reason="not_found") == 1
    assert _sum(found, "lingate_tokens_total", model="small", kind="prompt") == 2 * used["prompt_tokens"]
    assert _sum(found, "lingate_cost_dollars_total", model="small") == pytest.approx(
        2 * (0.001 * used["prompt_tokens"] + 0.002 * used["completion_tokens"])
    )
    assert _sum(found, "lingate_attempts_total", model="small", provider="openai") == 2


def test_times_are_histograms_and_the_gateways_own_share_is_one_of_them(gateway: Running) -> None:
    for _ in range(5):
        _ask(gateway, "small")
    _ask(gateway, "small", stream=True)

    found = _scrape(gateway)

    assert _sum(found, "lingate_call_seconds_count", model="small", stream="no") == 5
    assert _sum(found, "lingate_overhead_seconds_count", model="small", stream="no") == 5
    assert _sum(found, "lingate_first_token_seconds_count", model="small", stream="yes") == 1
    assert _sum(found, "lingate_overhead_seconds_bucket", model="small", stream="no", le="+Inf") == 5
    own, whole = (_sum(found, f"lingate_{name}_seconds_sum", stream="no") for name in ("overhead", "call"))
    assert 0 < own < whole


def test_the_state_of_the_parts_is_there(gateway: Running) -> None:
    _ask(gateway, "small")
    gateway.flush()

    found = _scrape(gateway)

    assert _sum(found, "lingate_calls_in_flight") == 0
    assert _sum(found, "lingate_streams_open") == 0
    assert _sum(found, "lingate_journal_rows_total") == 1
    assert _sum(found, "lingate_ledger_rows_total") == 1
    assert _sum(found, "lingate_journal_pending_bytes") == 0
    assert _sum(found, "lingate_journal_dropped_rows_total") == 0
    assert _sum(found, "lingate_database_away_since_seconds") == 0
    assert _sum(found, "lingate_deployment_resting", deployment="the-small-one", model="small") == 0
    assert _sum(found, "process_resident_memory_bytes") > 1e6
    assert any(name == "lingate_build_info" for name, _ in found)


def test_a_deployment_that_rests_says_so(gateway: Running) -> None:
    for _ in range(8):
        _ask(gateway, "any-fault-server-error")

    assert _sum(_scrape(gateway), "lingate_deployment_resting", deployment="wild") == 1


def test_reloads_of_the_configuration_are_counted_and_a_bad_one_shows(gateway: Running) -> None:
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace('"small"', '"little"'))
    until(lambda: _sum(_scrape(gateway), "lingate_config_reloads_total") == 1)
    _ask(gateway, "little")
    gateway.config.write_text("model_list: 7")
    until(lambda: _sum(_scrape(gateway), "lingate_config_error") == 1)

    assert _sum(_scrape(gateway), "lingate_calls_total", model="little") == 1


def test_a_scraper_that_prefers_openmetrics_gets_that(gateway: Running) -> None:
    _ask(gateway, "small")
    answer = httpx2.get(gateway.url + "/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    families = {family.name: family for family in read_openmetrics(answer.text)}
    assert families["lingate_calls"].type == "counter"
    assert families["lingate_overhead_seconds"].type == "histogram"


def test_metrics_are_at_litellms_path_with_a_slash_too(gateway: Running) -> None:
    assert "lingate_build_info" in httpx2.get(gateway.url + "/metrics/", timeout=20).text


def test_with_metrics_auth_only_administrators_see_the_numbers(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(_config(simulator.url, metrics_auth=True), tmp_path, auth=True) as gateway:
        url = gateway.url + "/metrics"
        admin = {"authorization": f"Bearer {MASTER}"}
        made = httpx2.post(gateway.url + "/admin/keys", json={}, headers=admin).json()["token"]

        assert httpx2.get(url).status_code == 401
        assert httpx2.get(url, headers={"authorization": "Bearer sk-wrong"}).status_code == 401
        assert httpx2.get(url, headers={"authorization": f"Bearer {made}"}).status_code == 403
        assert httpx2.get(url, headers=admin).status_code == 200


def test_what_the_cache_says_and_holds_is_counted(simulator: Simulator, tmp_path: Path) -> None:
    config = {**json.loads(_config(simulator.url)), "litellm_settings": {"cache": True}}
    with running_gateway(json.dumps(config), tmp_path) as gateway:
        for _ in range(3):
            _ask(gateway, "small")
        found = _scrape(gateway)

    assert _sum(found, "lingate_cache_total", model="small", result="miss") == 1
    assert _sum(found, "lingate_cache_total", model="small", result="hit") == 2
    assert _sum(found, "lingate_attempts_total", model="small") == 1
    assert _sum(found, "lingate_cache_entries") == 1
    assert _sum(found, "lingate_cache_bytes") > 100


def test_whether_redis_is_there_is_told_where_it_is_wanted(simulator: Simulator, tmp_path: Path, redis: str) -> None:
    environment = {**os.environ, "LINGATE_REDIS_URL": redis}
    with running_gateway(_config(simulator.url), tmp_path, env=environment) as gateway:
        assert _sum(_scrape(gateway), "lingate_redis_connected") == 1


def _metrics(*groups: str) -> Metrics:
    entries = tuple(
        DeploymentConfig(
            id=f"id-{group}",
            group=group,
            provider="openai",
            model=group,
            params=DeploymentParams(model=f"openai/{group}"),
            info=ModelInfo(),
        )
        for group in groups
    )
    return Metrics(SimpleNamespace(live=SimpleNamespace(config=GatewayConfig(deployments=entries))))  # type: ignore[arg-type]


def _row(model: str, **fields: Any) -> LedgerRow:
    return LedgerRow(id="x", at=0.0, face="openai_chat", operation="chat", model=model, **fields)


def _models(metrics: Metrics) -> set[str]:
    return {labels.model for labels, _ in metrics.series()}


def test_names_behind_a_star_are_labels_once_they_have_answered_and_while_there_are_few() -> None:
    metrics = _metrics("any-*")
    answered = {"deployment": "id-any-*", "provider": "openai", "attempts": 1}

    for number in range(3000):
        metrics.observe(_row(f"any-{number}", **answered), None)
        metrics.observe(_row(f"any-x{number}", **answered, status=404, error="not_found"), None)
        metrics.observe(_row(f"nobody-{number}", status=404, error="not_found"), None)

    assert len(_models(metrics)) == 202
    assert {"any-0", "any-199", "any-*", "unknown"} <= _models(metrics)
    assert len(metrics.calls) < 1000
    assert sum(calls.count for _, calls in metrics.series()) == 9000


def test_a_key_in_the_place_of_a_model_is_no_label() -> None:
    metrics = _metrics("any-*")
    secret = "any-sk-proj-abcdefghijklmnop1234"

    metrics.observe(_row(secret, deployment="id-any-*", provider="openai", attempts=1), None)
    metrics.observe(_row("any-good", deployment="id-any-*", provider="openai", attempts=1), None)

    assert _models(metrics) == {"any-*", "any-good"}


def test_series_are_bounded_whatever_comes() -> None:
    metrics = _metrics("a")

    for number in range(6000):
        metrics.observe(_row("a", provider=f"p{number}", deployment="id-a", attempts=1), None)
        metrics.observe(_row("a", error=f"e{number}", status=500), RateLimitError("no", kind="rate_limit"))

    assert len(list(metrics.series())) < 8100
    assert sum(calls.count for _, calls in metrics.series()) == 12000


def test_sums_go_on_when_the_configuration_changes() -> None:
    metrics = _metrics("a")
    metrics.observe(_row("a", deployment="id-a", provider="openai", attempts=1), None)
    metrics.gateway.live = SimpleNamespace(config=metrics.gateway.live.config)  # type: ignore[assignment]
    metrics.observe(_row("a", deployment="id-a", provider="openai", attempts=1), None)

    assert [calls.count for _, calls in metrics.series()] == [2]


def test_what_a_call_without_a_count_of_its_input_cost_counts() -> None:
    metrics = _metrics("a")

    metrics.observe(_row("a", deployment="id-a", provider="openai", cost=0.25, attempts=1), None)
    metrics.observe(_row("a", deployment="id-a", provider="openai", completion_tokens=7, cost=0.5, attempts=1), None)
    metrics.observe(_row("a", deployment="id-a", provider="openai", attempts=1), None)

    ((_, calls),) = metrics.series()
    assert (calls.cost, calls.tokens[:2], calls.unpriced) == (0.75, [0, 7], 0)


def test_who_waits_for_an_equal_call_does_not_count_as_the_gateways_own_time() -> None:
    metrics = _metrics("a")

    metrics.observe(_row("a", seconds=5.0, cache="shared"), None)
    metrics.observe(_row("a", seconds=0.001, cache="hit"), None)

    (times,) = metrics.times.values()
    assert sum(times.own.counts) == 1
    assert sum(times.seconds.counts) == 2


def test_who_left_before_anybody_was_asked_was_not_refused() -> None:
    metrics = _metrics("a")
    for kind in ("client_left", "not_found"):
        metrics.observe(_row("a", error=kind), LingateError("no", kind=kind))

    assert metrics.refused == {"not_found": 1}


def test_everything_that_is_exposed_can_be_read_back() -> None:
    metrics = _metrics("a")
    metrics.observe(
        _row('a"quoted\n', deployment="id-a", provider="openai", cost=0.5, prompt_tokens=3, attempts=2), None
    )
    from prometheus_client import generate_latest

    text = generate_latest(Exposition(metrics)._registry).decode()

    assert {family.name for family in read_text(text)} >= {
        "lingate_calls",
        "lingate_tokens",
        "lingate_overhead_seconds",
    }
