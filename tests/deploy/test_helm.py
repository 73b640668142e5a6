"""The Helm chart: rendered by helm itself and checked against Kubernetes's own schemas."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lingate._version import __version__
from lingate.server.config import load
from tests.conftest import ROOT
from tests.deploy.test_containers import run, tool

CHART = ROOT / "deploy" / "helm" / "lingate"
GIVEN = ("masterKey=sk-x", "databaseUrl=postgresql://u:p@db/lingate")
VARIANTS: dict[str, tuple[str, ...]] = {
    "as it comes": GIVEN,
    "one gateway on SQLite": ("masterKey=sk-x", "replicaCount=1"),
    "no volumes": (*GIVEN, "persistence.enabled=false"),
    "a secret of one's own": ("existingSecret=mine",),
    "everything": (
        *GIVEN,
        "redisUrl=redis://r:6379",
        "autoscaling.enabled=true",
        "ingress.enabled=true",
        "ingress.className=nginx",
        "ingress.tlsSecret=tls",
        "persistence.storageClass=fast",
        "secretEnv.OPENAI_API_KEY=sk-o",
        "imagePullSecrets[0].name=pull",
        "nodeSelector.pool=edge",
        "fullnameOverride=front",
    ),
}


def _render(*settings: str) -> subprocess.CompletedProcess[str]:
    command = [tool("helm"), "template", "test", str(CHART), "--kube-version", "1.29.0", "--set", ",".join(settings)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _objects(*settings: str) -> dict[str, list[dict[str, Any]]]:
    done = _render(*settings)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for item in yaml.safe_load_all(done.stdout):
        if item:
            found.setdefault(item["kind"], []).append(item)
    return found


def test_helm_lints_the_chart() -> None:
    run(tool("helm"), "lint", "--strict", CHART, "--set", ",".join(GIVEN))


@pytest.mark.parametrize("name", VARIANTS)
def test_what_it_makes_is_what_kubernetes_takes(name: str, tmp_path: Path) -> None:
    objects = [item for items in _objects(*VARIANTS[name]).values() for item in items]
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all(objects))

    run(Path(sys.executable).parent / "kubernetes-validate", "--version", "1.29", "--strict", file)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_pod_has_time_to_drain_and_its_selector_finds_it(name: str) -> None:
    objects = _objects(*VARIANTS[name])
    (workload,) = objects.get("StatefulSet", []) + objects.get("Deployment", [])
    pod = workload["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    config = yaml.safe_load(objects["ConfigMap"][0]["data"]["gateway.yaml"])
    before = int(container["lifecycle"]["preStop"]["exec"]["command"][1])

    assert pod["spec"]["terminationGracePeriodSeconds"] >= before + config["lingate"]["drain"] + 10
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    wanted = workload["spec"]["selector"]["matchLabels"].items()
    assert wanted <= pod["metadata"]["labels"].items()
    for service in objects["Service"]:
        assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


def test_its_configuration_is_one_the_gateway_takes(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(_objects(*GIVEN)["ConfigMap"][0]["data"]["gateway.yaml"])
    config = load(str(file), {"OPENAI_API_KEY": "sk-o"})

    assert config.own.host == "0.0.0.0"
    assert config.own.port == 4000
    assert config.own.drain == 30
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("masterKey=sk-x",), "several gateways need one database"),
        (("replicaCount=1",), "set masterKey"),
        (("masterKey=sk-x", "replicaCount=1", "autoscaling.enabled=true"), "several gateways need one database"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(settings: tuple[str, ...], message: str) -> None:
    done = _render(*settings)

    assert done.returncode != 0
    assert message in done.stderr


def test_the_chart_is_for_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["appVersion"] == __version__


def test_each_value_is_used_and_each_used_value_is_there() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    text = "".join(path.read_text() for path in sorted((CHART / "templates").iterdir()))
    used = {match.split(".")[0] for match in re.findall(r"\.Values\.([\w.]+)", text)}

    assert used == values.keys()
    for name, inner in values.items():
        for key in inner if isinstance(inner, dict) and name not in ("config", "resources") else ():
            assert f".Values.{name}.{key}" in text
