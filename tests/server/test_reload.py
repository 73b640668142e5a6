"""What a changed configuration changes in a gateway that runs, and what it says of the rest."""

from __future__ import annotations

import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.simulator import Simulator
from tests.server.asking import ask, rows
from tests.server.collector import collecting
from tests.server.gateway_kit import ADMIN, Running, running_gateway
from tests.server.serve_process import Serve
from tests.servers import until

ASK: dict[str, Any] = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}


def _config(simulator: Simulator, **more: Any) -> str:
    params = {"model": "openai/sim-words-2", "api_base": f"{simulator.url}/v1", "api_key": "k"}
    return json.dumps({"model_list": [{"model_name": "gpt", "litellm_params": params}], **more})


def _reload(gateway: Running, config: str) -> Any:
    gateway.config.write_text(config)
    return httpx2.post(f"{gateway.url}/admin/config/reload", headers=ADMIN).json()


def test_how_long_rows_are_kept_and_how_much_may_wait_is_taken_over(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(_config(simulator), tmp_path, auth=True) as gateway:
        assert ask(gateway, "/v1/chat/completions", ASK, ADMIN).status_code == 200
        assert len(rows(gateway)) == 1
        with sqlite3.connect(gateway.state / "gateway.db") as database:
            database.execute("UPDATE ledger SET at = at - 100 * 86400")
        database.close()

        kept = {"retention": "30d", "journal_max_bytes": "5MB"}
        assert _reload(gateway, _config(simulator, lingate={"ledger": kept}))["error"] is None

        until(lambda: rows(gateway) == [])
        assert httpx2.get(f"{gateway.url}/health/ready").json()["journal"]["max_bytes"] == 5 * 1024 * 1024


def test_a_master_key_that_is_taken_out_of_the_file_is_good_no_more(simulator: Simulator, tmp_path: Path) -> None:
    written = {"authorization": "Bearer sk-written-in-the-file"}

    def asked(headers: dict[str, str]) -> int:
        return httpx2.get(f"{gateway.url}/admin/config", headers=headers).status_code

    config = _config(simulator, general_settings={"master_key": "sk-written-in-the-file"})
    with running_gateway(config, tmp_path, auth=True) as gateway:
        assert [asked(written), asked(ADMIN)] == [200, 401]
        gateway.config.write_text(_config(simulator))
        httpx2.post(f"{gateway.url}/admin/config/reload", headers=written)
        assert [asked(written), asked(ADMIN)] == [401, 200]  # the environment's

    told: list[str] = []
    with running_gateway(config, tmp_path, auth=True, env={"LINGATE_MASTER_KEY": ""}) as gateway:
        gateway.gateway.access._on_master = told.append
        gateway.config.write_text(_config(simulator))
        httpx2.post(f"{gateway.url}/admin/config/reload", headers=written)
        assert asked(written) == 401
        until(lambda: bool(told))
        assert asked({"authorization": f"Bearer {told[0]}"}) == 200  # one that was made, as at a first start


def test_what_takes_a_restart_is_told_once_it_differs_from_the_start(
    simulator: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changed = {"port": 4999, "one_cpu": False}
    redis = {"redis_url": "redis://:hunter2@127.0.0.1:1/0"}
    with running_gateway(_config(simulator), tmp_path, auth=True) as gateway:
        _reload(gateway, _config(simulator, lingate=changed, router_settings=redis))
        assert "changes of these take a restart: lingate.port, lingate.one_cpu, the address of Redis" in caplog.text
        assert "hunter2" not in caplog.text
        caplog.clear()
        _reload(gateway, _config(simulator))
        assert "restart" not in caplog.text


def test_the_log_says_that_a_new_configuration_is_used_and_what_is_new_to_be_warned_of(
    simulator: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lingate.gateway")
    params = {"model": "openai/sim-words-2", "api_key": "os.environ/NOT_SET_HERE"}
    second = {"model_name": "gpt", "litellm_params": params}
    wanting = json.loads(_config(simulator))["model_list"] + [second]
    with running_gateway(_config(simulator), tmp_path, auth=True) as gateway:
        _reload(gateway, _config(simulator, model_list=wanting))
        assert "the new configuration is used: 2 deployments" in caplog.text
        assert "variables that are not set: NOT_SET_HERE" in caplog.text
        caplog.clear()
        _reload(gateway, _config(simulator, model_list=wanting, litellm_settings={"drop_params": True}))
        assert "the new configuration is used: 2 deployments" in caplog.text
        assert "NOT_SET_HERE" not in caplog.text


def test_health_says_what_is_wrong_with_the_configuration_and_not_where_it_lies(
    simulator: Simulator, tmp_path: Path
) -> None:
    with running_gateway(_config(simulator), tmp_path, auth=True) as gateway:
        _reload(gateway, "model_lst: []")
        told = httpx2.get(f"{gateway.url}/health/ready").text
        assert "model_lst is unknown" in told
        assert str(tmp_path) not in told


def test_variables_of_the_file_say_where_traces_and_rows_go(simulator: Simulator, tmp_path: Path) -> None:
    database = tmp_path / "elsewhere.db"
    state = tmp_path / "state"
    state.mkdir()
    config = tmp_path / "gateway.yaml"
    with collecting() as collector:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "LINGATE_DATABASE_URL": f"sqlite:///{database}",
        }
        config.write_text(_config(simulator, environment_variables=variables, litellm_settings={"callbacks": ["otel"]}))
        serve = Serve(config, state)
        serve.start()
        try:
            assert httpx2.post(f"{serve.url}/v1/chat/completions", json=ASK, headers=ADMIN).status_code == 200
            collector.wait(2)
        finally:
            serve.stop()
    assert database.exists()
    assert not (state / "lingate.db").exists()
