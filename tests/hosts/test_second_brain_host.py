"""Second Brain's own code with the backend, and others' code for litellm on the drop-in; run where a checkout is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lingate.hosts import _check, registry
from lingate.hosts._disk import tree_of, write
from lingate.hosts._recipe import install
from lingate.simulator import Simulator
from tests.hosts.checkouts import checkout
from tests.hosts.pulls import port, ported, run_driver
from tests.hosts.second_brain_kit import HARMLESS, failing
from tests.servers import RawServer


@pytest.mark.requirement("second-brain R1", "second-brain R6", "second-brain R7", "second-brain R12")
def test_second_brains_own_validator_box_and_loop_take_the_backend() -> None:
    path, python = checkout("SECOND_BRAIN")
    lines: list[_check.Outcome] = []
    recipe = registry.recipe("second-brain", "checkout")

    passed, text = _check.check(recipe, path=path, python=python, values={}, each=lines.append)

    assert passed, text
    assert [line for line in lines if line.outcome != "ok"] == []
    assert len(lines) == 13


@pytest.mark.requirement("second-brain R10")
def test_second_brains_own_tests_pass_beside_the_backend(tmp_path: Path) -> None:
    path, python = checkout("SECOND_BRAIN")
    root = port(path, tmp_path / "checkout")
    write(root, install(registry.recipe("second-brain", "checkout"), tree_of(root)))
    names = ("llm_registry", "llm_streaming", "conversation_loop", "compaction", "cancel_immediacy")

    done = subprocess.run(
        [python or sys.executable, "-m", "pytest", "-q", *(f"tests/test_{name}.py" for name in names)],
        cwd=root,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.requirement("second-brain R6")
@pytest.mark.parametrize(("code", "status", "message"), HARMLESS)
def test_second_brains_own_loop_keeps_the_history_whatever_an_error_sounds_like(
    simulator: Simulator, tmp_path: Path, code: str | None, status: int, message: str
) -> None:
    path, python = checkout("SECOND_BRAIN")
    root = port(path, tmp_path / "checkout")

    with RawServer(failing(code, status, message)) as server:
        found = run_driver("drive_second_brain_turn.py", root, python, tmp_path, simulator.url, server.url)

    assert (found["compactions"], found["intact"]) == (0, True)
    assert f"HTTP {status}" in found["error"]
    assert len(server.requests) == (3 if status >= 500 else 1)


def test_the_pull_requests_own_provider_runs_on_the_drop_in(simulator: Simulator, tmp_path: Path) -> None:
    path, python = checkout("SECOND_BRAIN_PULL")
    files = ("plugins/services/service_llm.py", "tests/test_litellm_llm.py")
    root = port(path, tmp_path / "checkout", *files)

    found = run_driver("drive_second_brain_pull.py", root, python, tmp_path, simulator.url)

    assert "Hello there" in found["answer"]["content"]
    assert found["answer"]["prompt_tokens"] > 0
    assert len(found["stream"]) > 3
    assert "Hello there" in "".join(found["stream"])
    assert found["tool"]["tool_calls"][0]["name"] == "echo"
    assert found["tool"]["content"] == ""
    assert found["limited"]["error_code"] == found["refused"]["error_code"] == "provider_error"
    assert found["overflow"] == "context_limit"
    assert found["own tests"] == 0, found["own tests said"]


def test_the_stores_own_backend_runs_on_the_drop_in(simulator: Simulator, tmp_path: Path) -> None:
    path, python = checkout("SECOND_BRAIN")
    store, _ = checkout("SECOND_BRAIN_STORE")
    root = port(path, tmp_path / "checkout")
    text = (store / "llm" / "llm_litellm.py").read_text(encoding="utf-8")
    (root / "llm_litellm.py").write_text(ported(text), encoding="utf-8")
    assert ported(text) != text

    found = run_driver("drive_second_brain_store.py", root, python, tmp_path, simulator.url)

    assert found["valid"]
    assert "Hello there" in found["answer"]["content"]
    assert found["answer"]["prompt_tokens"] > 0
    assert "".join(found["deltas"]) == found["streamed"]["content"]
    assert len(found["deltas"]) > 3
    assert found["streamed"]["completion_tokens"] > 0
    assert found["tool"] == {"calls": 1, "replied": True}
    assert found["overflow"] == {"compactions": 1, "replied": True}
    assert "API key" in found["refused"]["error"]
