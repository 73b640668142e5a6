"""fast-agent's adapter in fast-agent itself: the package where it is installed (`.venv-hosts`), a checkout where one is given.

fast-agent needs Python 3.12 or newer; `make test` runs this file with such a Python, in an environment of its own.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lingate
from lingate.hosts import _check, registry
from lingate.hosts._disk import tree_of, write
from lingate.hosts._recipe import detect, install
from lingate.simulator import Simulator
from tests.hosts.checkouts import checkout
from tests.hosts.pulls import run_driver

pytestmark = pytest.mark.slow


def package() -> Path:
    """Where the installed fast-agent is."""
    found = importlib.util.find_spec("fast_agent")
    if found is None or not found.submodule_search_locations:
        pytest.skip(
            f"fast-agent is not installed in Python {sys.version_info.major}.{sys.version_info.minor} "
            "(it needs 3.12): `make test` makes .venv-hosts for it"
        )
    return Path(next(iter(found.submodule_search_locations)))


def run(route: str, path: Path, python: str | None) -> list[_check.Outcome]:
    lines: list[_check.Outcome] = []
    passed, text = _check.check(
        registry.recipe("fast-agent", route), path=path, python=python, values={}, each=lines.append, timeout=300
    )
    failed = [f"{line.says}: {line.why}" for line in lines if line.outcome == "failed"]
    assert passed, "\n".join([*failed, text[-4000:]])
    return lines


@pytest.mark.requirement(
    "fast-agent R5", "fast-agent R6", "fast-agent R7", "fast-agent R9", "fast-agent R13", "X1", "X5", "X8", "X9", "X14"
)
def test_the_published_package_runs_agents_in_process_and_through_overlays(tmp_path: Path) -> None:
    package()

    lines = run("overlays", tmp_path, None)

    assert {line.outcome for line in lines} == {"ok"}
    assert len(lines) > 10


@pytest.mark.requirement(
    "fast-agent R1",
    "fast-agent R2",
    "fast-agent R3",
    "fast-agent R4",
    "fast-agent R5",
    "fast-agent R6",
    "fast-agent R7",
    "fast-agent R8",
    "fast-agent R9",
    "fast-agent R12",
    "fast-agent R13",
)
def test_the_published_package_takes_the_provider_and_its_picker_row(tmp_path: Path) -> None:
    shutil.copytree(package(), tmp_path / "fast_agent", ignore=shutil.ignore_patterns("__pycache__"))
    recipe = registry.recipe("fast-agent", "installed")

    lines = run("installed", tmp_path, None)

    assert detect(recipe, tree_of(tmp_path)).version is not None, "the published version is not one that is known"
    assert "failed" not in {line.outcome for line in lines}
    assert sum(line.outcome == "ok" for line in lines) > 12


@pytest.mark.requirement("fast-agent R4")
def test_without_lingate_the_patched_host_starts_and_the_row_is_inactive(tmp_path: Path) -> None:
    shutil.copytree(package(), tmp_path / "fast_agent", ignore=shutil.ignore_patterns("__pycache__"))
    write(tmp_path, install(registry.recipe("fast-agent", "installed"), tree_of(tmp_path)))
    code = (
        "import sys\n"
        "sys.modules['lingate'] = None\n"  # importing it is an ImportError from here on
        "from fast_agent.ui.model_picker_common import build_snapshot\n"
        "rows = build_snapshot(config_payload={}).providers\n"
        "print([row.option_key for row in rows if row.option_key == 'lingate'], 'anthropic' in [r.option_key for r in rows])\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "FAST_AGENT_HOME": str(tmp_path / "home")}

    done = subprocess.run(
        [sys.executable, "-c", code], check=False, env=env, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[] True"


@pytest.mark.requirement("fast-agent R9")
def test_the_launcher_runs_fast_agents_own_command_line(tmp_path: Path) -> None:
    package()
    with Simulator() as simulator:
        env = {
            **os.environ,
            "OPENAI_API_KEY": "key",
            "OPENAI_BASE_URL": f"{simulator.url}/v1",
            "FAST_AGENT_HOME": str(tmp_path),
            "HOME": str(tmp_path),
            "PYTHONPATH": str(Path(lingate.__file__).parents[1]),
        }
        command = [sys.executable, "-m", "lingate.hosts.fast_agent", "go"]
        command += ["--model", "lingate/openai/sim-words-20", "--message", "Tell me about rivers."]

        done = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=90, cwd=tmp_path)

        assert done.returncode == 0, done.stderr
        assert "rivers" in done.stdout
        assert simulator.requests()[-1].body["model"] == "sim-words-20"


@pytest.mark.requirement("fast-agent R1", "fast-agent R2", "fast-agent R3", "fast-agent R11", "fast-agent R12")
@pytest.mark.parametrize("route", ["overlays", "provider"])
def test_a_checkouts_own_code_runs(route: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, python = checkout("FAST_AGENT")
    if route == "overlays":
        monkeypatch.setenv("PYTHONPATH", str(path / "src"))
        path = tmp_path

    lines = run(route, path, python)

    assert "failed" not in {line.outcome for line in lines}
    assert sum(line.outcome == "ok" for line in lines) > 12


@pytest.mark.requirement("fast-agent R9", "X1", "X5", "X13")
def test_overlays_reach_providers_of_two_formats_through_a_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulator: Simulator
) -> None:
    path, python = checkout("FAST_AGENT")
    pytest.importorskip("granian", reason="the gateway: lingate[server]")
    from tests.server.gateway_kit import running_gateway

    for name, base in (("OPENAI", f"{simulator.url}/v1"), ("ANTHROPIC", simulator.url)):
        monkeypatch.setenv(f"{name}_API_KEY", "key")
        monkeypatch.setenv(f"{name}_BASE_URL", base)
    (tmp_path / "home").mkdir()
    with running_gateway("litellm_settings:\n  drop_params: true\n", tmp_path) as gateway:
        recipe = registry.recipe("fast-agent")
        changes = install(recipe, tree_of(tmp_path / "home"), {"url": f"{gateway.url}/v1"})
        wanted = [c for c in changes if c.path.endswith(("openai-gpt-6-luna.yaml", "claude-haiku-5-5.yaml"))]
        write(tmp_path / "home", wanted)

        found = run_driver("drive_fast_agent_gateway.py", path, python, tmp_path, simulator.url)

    assert len(found) == len(wanted) == 2
    for answers in found.values():
        assert answers["class"] == "GenericLLM"
        assert "rivers" in answers["text"]
        assert "kept " in answers["tool"]
        assert isinstance(answers["city"], str)
        assert answers["usage"] > 20


@pytest.mark.requirement("fast-agent R11")
def test_a_patched_checkout_offers_lingate_as_an_extra(tmp_path: Path) -> None:
    import tomllib

    path, _ = checkout("FAST_AGENT")
    for name in ("pyproject.toml", "src"):
        source = path / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path / name)
    recipe = registry.recipe("fast-agent", "provider")

    write(tmp_path, install(recipe, tree_of(tmp_path)))

    extras = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["lingate"] == ["lingate"]
    assert "lingate" in extras["all-providers"]
