"""`deploy/` as its own tools read it: Dockerfile, compose file, nginx, systemd unit. No Docker engine is needed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from lingate.server.config import load
from lingate.simulator import Simulator
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose"
KEYS = {"OPENAI_API_KEY": "sk-openai", "ANTHROPIC_API_KEY": "sk-anthropic"}


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a linter; what it said is in the failure."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command[0]} says:\n{done.stdout}{done.stderr}"
    return done


def tool(name: str) -> str:
    """A program of the test environment or of the machine, or the test is skipped."""
    beside = Path(sys.executable).parent / name
    found = (
        str(beside)
        if beside.exists()
        else shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/bin:/usr/sbin")
    )
    if found is None:
        pytest.skip(f"no {name} on this machine")
    return found


def test_the_dockerfile_has_nothing_hadolint_would_change() -> None:
    run(tool("hadolint"), DEPLOY / "Dockerfile")


def test_the_image_runs_as_nobody_special_from_a_base_that_is_pinned() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)

    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base) for base in bases)
    assert "USER 10001:10001" in text
    assert "HEALTHCHECK" in text


def test_the_image_installs_extras_that_there_are_and_copies_what_the_build_needs() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = re.search(r"'\.\[([a-z,]+)\]'", text)
    copied = {name for names in re.findall(r"^COPY ([^-].*) \S+$", text, re.MULTILINE) for name in names.split()}
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()

    assert extras is not None
    assert set(extras[1].split(",")) <= project["optional-dependencies"].keys()
    # Without its readme a package cannot be built: hatchling ends the build.
    assert copied == {"pyproject.toml", project["readme"], *project["license-files"], "src"}
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


def test_the_health_check_asks_the_gateway_and_not_the_proxy_of_the_environment() -> None:
    found = re.search(r"^HEALTHCHECK .*\n +CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    with Simulator() as answers:
        _, option, code = json.loads(found[1].replace("http://127.0.0.1:4000/health/live", answers.url))
        nobody = {
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
            "NO_PROXY": "",
            "no_proxy": "",
        }
        subprocess.run([sys.executable, option, code], env={**os.environ, **nobody}, check=True, timeout=30)


def test_the_compose_file_is_what_the_specification_says() -> None:
    run(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", COMPOSE / "compose.yaml")


def test_docker_compose_itself_reads_the_compose_file() -> None:
    docker = tool("docker")
    if subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker has no compose plugin here")
    run(
        docker,
        "compose",
        "--env-file",
        COMPOSE / "env.example",
        "-f",
        COMPOSE / "compose.yaml",
        "config",
        "--no-interpolate",
    )


def test_two_gateways_share_postgres_and_redis_and_have_time_to_drain() -> None:
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
    config = load(str(COMPOSE / "gateway.yaml"), KEYS)

    for name in ("gateway-a", "gateway-b"):
        service = services[name]
        assert "@postgres:5432/" in service["environment"]["LINGATE_DATABASE_URL"]
        assert service["environment"]["LINGATE_REDIS_URL"].startswith("redis://redis:")
        assert float(service["stop_grace_period"].removesuffix("s")) >= config.own.drain + 10
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    assert services["front"]["ports"][0].startswith("127.0.0.1:")
    for name, service in services.items():
        assert re.search(r":(\d+\.[\w.-]+|local)$", service["image"]), f"{name} is not pinned"


def test_the_configuration_of_the_compose_file_is_one() -> None:
    config = load(str(COMPOSE / "gateway.yaml"), KEYS)

    assert config.warnings == ()
    assert [entry.group for entry in config.deployments] == ["gpt-4o-mini", "claude-sonnet"]


def test_the_example_environment_names_what_the_compose_file_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (COMPOSE / "compose.yaml").read_text()))
    named = {line.partition("=")[0] for line in (COMPOSE / "env.example").read_text().splitlines() if "=" in line}

    assert asked == named


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    nginx = tool("nginx")
    text = (COMPOSE / "nginx.conf").read_text()
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid {tmp_path}/nginx.pid;\nerror_log stderr;\n{re.sub('gateway-[ab]:', '127.0.0.1:', text)}")

    run(nginx, "-t", "-c", config, "-p", tmp_path)


def test_systemd_takes_the_unit_and_finds_it_confined(tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    unit = tmp_path / "lingate.service"
    unit.write_text(
        (DEPLOY / "systemd" / "lingate.service").read_text().replace("/opt/lingate/bin/lingate", "/bin/true")
    )

    said = run(analyze, "verify", unit)
    assert said.stderr.strip() == ""
    run(analyze, "security", "--offline=true", "--threshold=20", unit)


def test_the_unit_lets_the_gateway_choose_its_processor() -> None:
    unit = (DEPLOY / "systemd" / "lingate.service").read_text()
    filters = re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE)

    refused = next(at for at, what in enumerate(filters) if what.startswith("~") and "@resources" in what)
    assert {"sched_setaffinity", "sched_setscheduler"} <= set(" ".join(filters[refused + 1 :]).split())


def test_the_unit_leaves_time_to_drain() -> None:
    unit = (DEPLOY / "systemd" / "lingate.service").read_text()
    stop = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)

    assert stop is not None
    assert int(stop[1]) >= 30 + 10
    assert "ExecReload=/bin/kill -HUP" in unit


@pytest.mark.parametrize("folder", ["compose", "prometheus", "helm/lingate"])
def test_yaml_is_clean(folder: str) -> None:
    rules = "{extends: default, rules: {line-length: {max: 130}, comments-indentation: disable}}"
    files = [path for path in sorted((DEPLOY / folder).rglob("*.yaml")) if "templates" not in path.parts]

    assert files
    run(sys.executable, "-m", "yamllint", "--strict", "-d", rules, *files)
