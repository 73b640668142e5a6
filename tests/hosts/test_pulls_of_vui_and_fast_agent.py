"""What two pull requests wrote for litellm, on Lingate: `import litellm` is replaced, and nothing else.

Needs checkouts of their heads: `LINGATE_HOST_VUI_PULL` (pull/18), `LINGATE_HOST_FAST_AGENT_PULL` (pull/782).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from lingate.simulator import Simulator
from tests.hosts.checkouts import checkout
from tests.hosts.pulls import run_driver

pytestmark = pytest.mark.slow

_IMPORT = re.compile(r"^(\s*)import litellm\b", re.MULTILINE)
_IMPORTING = (
    "llm/provider/litellm/llm_litellm.py",
    "llm/provider_model_catalog.py",
    "ui/model_picker_common.py",
)


def ported(path: Path, to: Path) -> Path:
    shutil.copytree(path, to, ignore=shutil.ignore_patterns(".git", "__pycache__", "tests", "docs", "examples"))
    for name in _IMPORTING:
        file = to / "src" / "fast_agent" / name
        text, count = _IMPORT.subn(r"\1import lingate.compat.litellm as litellm", file.read_text())
        assert count == 1, f"{name} imports litellm {count} times"
        file.write_text(text)
    return to


@pytest.fixture
def answers(tmp_path: Path, simulator: Simulator) -> dict[str, Any]:
    path, python = checkout("FAST_AGENT_PULL")
    return run_driver("drive_fast_agent_pull.py", ported(path, tmp_path / "host"), python, tmp_path, simulator.url)


def test_fast_agents_pull_request_answers_streams_calls_tools_and_maps_errors(answers: dict[str, Any]) -> None:
    assert answers["class"] == "LiteLLMLLM"
    assert "rivers" in answers["answer"]
    assert answers["pieces"] > 10
    assert answers["usage"]["cumulative_billing_tokens"] > 30
    assert "kept " in answers["tool"]
    assert isinstance(answers["city"]["people"], int)
    for name, words in {
        "401": "litellm.AuthenticationError",
        "429": "litellm.RateLimitError",
        "context": "litellm.ContextWindowExceededError",
        "cut-3": "litellm.APIConnectionError",
    }.items():
        found = answers["errors"][name]
        assert found["stop"].endswith("ERROR")
        assert "fast-agent-error" in found["channels"]
        assert words in found["text"]


@pytest.mark.requirement("vui R9")
def test_vuis_pull_request_which_imports_no_litellm_gets_from_a_gateway_what_it_expects_of_a_proxy(
    tmp_path: Path, simulator: Simulator
) -> None:
    path, python = checkout("VUI_PULL")

    found = run_driver("drive_vui_pull.py", path, python, tmp_path, simulator.url)

    assert found["class"] == "LiteLLMBackend"
    assert "rivers" in " ".join(found["spoken"])
    assert found["stats"]["ctx_used"] > 30
    (call,) = found["answer"]["tool_calls"]
    assert isinstance(call["function"]["arguments"], dict)
    assert found["answer"]["done_reason"] == "tool_calls"
    assert found["error"] == "HTTPStatusError"
    assert len(found["models"]) > 1
