"""The dashboard and the alerts: that they ask for metrics that there are, and that the documentation has all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as read_text

from lingate.simulator import Simulator
from tests.conftest import ROOT
from tests.deploy.test_containers import run, tool
from tests.server.gateway_kit import running_gateway

DEPLOY = ROOT / "deploy"
WITH_REDIS = "lingate_redis_connected"
BOARD = json.loads((DEPLOY / "grafana" / "lingate.json").read_text())
ALERTS = DEPLOY / "prometheus" / "alerts.yaml"


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> str:
    with Simulator() as simulator:
        params = {"model": "openai/sim-x", "api_base": f"{simulator.url}/v1", "api_key": "sk-up"}
        models = [{"model_name": "x", "litellm_params": params}]
        config = json.dumps({"model_list": models, "litellm_settings": {"cache": True}})
        with running_gateway(config, tmp_path_factory.mktemp("metrics")) as gateway:
            for stream in (False, True):
                body = {"model": "x", "messages": [{"role": "user", "content": "hello"}], "stream": stream}
                assert httpx2.post(f"{gateway.url}/v1/chat/completions", json=body).status_code == 200
            return httpx2.get(f"{gateway.url}/metrics").text


@pytest.fixture(scope="module")
def metrics(exposed: str) -> dict[str, set[str]]:
    """Names of samples, each with its labels."""
    found: dict[str, set[str]] = {}
    for family in read_text(exposed):
        names = {f"{family.name}_total"} if family.type == "counter" else {family.name}
        if family.type == "histogram":
            names = {f"{family.name}_{end}" for end in ("bucket", "sum", "count")}
        for name in names:
            found[name] = set()
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def _asked() -> Iterator[tuple[str, str]]:
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def test_dashboard_and_alerts_ask_for_metrics_that_there_are(metrics: dict[str, set[str]]) -> None:
    for title, expression in _asked():
        names = set(re.findall(r"\b((?:lingate|process)_\w+)", expression))
        assert names, title
        assert names <= {*metrics, WITH_REDIS}, f"{title}: {names - metrics.keys()}"


def test_they_filter_by_labels_that_these_have(metrics: dict[str, set[str]]) -> None:
    for title, expression in _asked():
        for name, labels in re.findall(r"\b(lingate_\w+)\{([^}]*)\}", expression):
            given = set(re.findall(r"(\w+)(?:=~|!=|=)", labels)) - {"instance"}
            if metrics[name]:
                assert given <= metrics[name], f"{title}: {name} has no {given - metrics[name]}"


def test_the_dashboard_can_be_imported() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    variables = {item["name"] for item in BOARD["templating"]["list"]}

    assert len(set(ids)) == len(ids)
    assert BOARD["uid"] == "lingate"
    for panel in BOARD["panels"]:
        where = panel["gridPos"]
        assert where["x"] + where["w"] <= 24
        for target in panel.get("targets", ()):
            used = set(re.findall(r"\$\{?(\w+)", target["expr"])) - {"__rate_interval"}
            assert used <= variables


def test_promtool_takes_the_alerts() -> None:
    run(tool("promtool"), "check", "rules", ALERTS)


def test_promtool_takes_the_metrics(exposed: str, tmp_path: Path) -> None:
    import subprocess

    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=exposed, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_documentation_has_every_metric(exposed: str) -> None:
    text = (ROOT / "docs" / "observability.md").read_text()
    names: list[Any] = [family.name for family in read_text(exposed) if family.name.startswith("lingate_")]

    assert [name for name in (*names, WITH_REDIS) if f"`{name}" not in text] == []
