"""The same calls through litellm itself and through the drop-in, compared value by value.

litellm is not a dependency, not even of the tests: set `LINGATE_LITELLM_PYTHON` to an interpreter that has it (and the
`mcp` package, without which its 1.106 cannot send tools).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lingate
from lingate.simulator import Simulator

# Read before the fixture that cleans the environment.
PYTHON = os.environ.get("LINGATE_LITELLM_PYTHON")
EXERCISE = Path(__file__).with_name("exercise.py")

DIFFERENT = {
    "answers.json": "fields that OpenAI left out are not filled with None",
    "failures.permission": "a 403 has its class",
    "failures.overloaded": "a 529 has its class",
    "models.provider.command-a-03-2025": "one name for Cohere's chat and its other endpoints",
    "models.provider.no-such": "a subclass of BadRequestError says that the provider is not known",
}
"""What differs on purpose, and why; docs/migrating-from-litellm.md tells users."""


def _answers(python: str, module: str, url: str, folder: Path) -> Any:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    if python == sys.executable:
        env["PYTHONPATH"] = str(Path(lingate.__file__).resolve().parent.parent)
    done = subprocess.run(
        [python, str(EXERCISE), module, url],
        capture_output=True,
        text=True,
        check=False,
        env=env,
        cwd=folder,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else key)
    else:
        yield name, value


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        # Prices are sums of floats in another order; limits of a family differ by one between its models.
        return ours == pytest.approx(theirs, rel=1e-4)
    return bool(ours == theirs)


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="set LINGATE_LITELLM_PYTHON to an interpreter that has litellm")
def test_both_answer_the_same_but_for_what_is_listed(tmp_path: Path) -> None:
    with Simulator() as simulator:
        theirs = dict(_flat(_answers(str(PYTHON), "litellm", simulator.url, tmp_path)))
        ours = dict(_flat(_answers(sys.executable, "lingate.compat.litellm", simulator.url, tmp_path)))

    different = {name: (ours.get(name), value) for name, value in theirs.items() if not _same(ours.get(name), value)}

    assert different.keys() <= DIFFERENT.keys(), different
    assert ours.keys() == theirs.keys()


def test_the_drop_in_passes_through_the_whole_exercise(tmp_path: Path) -> None:
    with Simulator() as simulator:
        found = _answers(sys.executable, "lingate.compat.litellm", simulator.url, tmp_path)

    assert found["answers"]["stream_text"] == found["answers"]["content"] == found["answers"]["built"][0]
    assert found["failures"]["rate_limit"][:2] == ["RateLimitError", 429]
