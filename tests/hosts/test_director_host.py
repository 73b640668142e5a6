"""Director's own code with the adapter, and a pull request's on the drop-in; run where a checkout is given."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import lingate
from lingate.hosts import _check, registry
from lingate.hosts._disk import tree_of, write
from lingate.hosts._recipe import install
from lingate.simulator import Simulator
from tests.hosts.checkouts import checkout
from tests.hosts.director_kit import called, completion
from tests.hosts.pulls import port, run_driver
from tests.servers import RawServer


@pytest.mark.requirement("director R2", "director R13", "director R15")
def test_directors_own_engine_answers_runs_agents_and_reports_errors() -> None:
    path, python = checkout("DIRECTOR")
    lines: list[_check.Outcome] = []

    passed, text = _check.check(registry.recipe("director"), path=path, python=python, values={}, each=lines.append)

    assert passed, text
    assert [line for line in lines if line.outcome != "ok"] == []
    assert len(lines) == 8


@pytest.mark.requirement("director R5", "director R15")
@pytest.mark.parametrize("name", ["list_videos", "made_up"])
def test_directors_own_engine_survives_odd_calls_of_agents(simulator: Simulator, tmp_path: Path, name: str) -> None:
    path, python = checkout("DIRECTOR")
    root = port(path, tmp_path / "checkout")
    write(root, install(registry.recipe("director"), tree_of(root)))

    with RawServer(
        completion({"content": None, "tool_calls": [called("not JSON", name)]}, finish_reason=None)
    ) as server:
        found = run_driver("drive_director_engine.py", root, python, tmp_path, simulator.url, server.url)

    if name == "made_up":
        assert (found["status"], found["agent_calls"], len(server.requests)) == ("error", [], 1)
        assert "agent that does not exist" in found["text"]
    else:
        assert found["agent_calls"] == [{}] * len(found["agent_calls"])
        assert len(found["agent_calls"]) == 10


@pytest.fixture
def gateway(simulator: Simulator, tmp_path: Path) -> Iterator[str]:
    """A gateway without a configuration; its providers are the simulator."""
    pytest.importorskip("granian", reason="the gateway needs lingate[server]")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code = f"from lingate.server.launch import *; serve(Options(port={port}, auth=False), os.environ, print)"
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(Path(lingate.__file__).parent.parent),
        "ANTHROPIC_API_KEY": "key",
        "ANTHROPIC_BASE_URL": simulator.url,
    }
    with subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/health/live", timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        yield url
        process.terminate()


@pytest.mark.requirement("X12")
def test_directors_own_openai_class_runs_agents_through_the_gateway(
    gateway: str, simulator: Simulator, tmp_path: Path
) -> None:
    path, python = checkout("DIRECTOR")
    variables = {"LLM": "openai", "MODEL": "anthropic/sim-words-9", "OPENAI_API_BASE": f"{gateway}/v1"}

    found = run_driver("drive_director_engine.py", path, python, tmp_path, simulator.url, **variables)

    assert (found["llm"], found["status"], len(found["agent_calls"])) == ("OpenAI", "success", 1)
    assert found["text"] != ""
    assert [item.path for item in simulator.requests()] == ["/v1/messages"] * 3


def test_the_pull_requests_own_provider_runs_on_the_drop_in(simulator: Simulator, tmp_path: Path) -> None:
    path, python = checkout("DIRECTOR_PULL")
    root = port(path, tmp_path / "checkout", "backend/director/llm/litellm.py")

    found = run_driver("drive_director_pull.py", root, python, tmp_path, simulator.url)

    assert found["class"] == "LiteLLM"
    assert found["answer"]["status"] == 1
    assert "cats" in found["answer"]["content"]
    assert found["answer"]["total_tokens"] > 0
    assert found["tool"]["finish_reason"] == "tool_calls"
    assert found["tool"]["tool_calls"][0]["tool"]["name"] == "search_videos"
    assert isinstance(json.loads(found["json"]["content"]), dict)
    assert (found["error"]["status"], found["error"]["content"][:6]) == (0, "Error:")
    assert found["engine"] == {"agent_calls": 1, "status": "success", "requests": 3}
