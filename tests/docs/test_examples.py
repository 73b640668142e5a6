"""Every example runs, as a program of its own, against the simulator."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lingate
from lingate.simulator import Simulator

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
SAYS: dict[str, tuple[str, ...]] = {
    "choosing": ("credentials: anthropic", "openai/gpt-6.1-sol: 1,050,000 tokens, $2.0 in, $10.0 out"),
    "failures": ("rate limit: wait 0.2 seconds; tries: 2", "answered by openai after ['rate_limit'"),
    "first_call": ('You said: "Why is the sky blue?"', 'You said: "And at sunset?"', "tokens: "),
    "from_litellm": ('You said: "Why is the sky blue?"', "as before: 429"),
    "many_at_once": ('groq/llama-3.3-70b-versatile: You said: "Say hello."', "mistral/mistral-small-latest: "),
    "search": ("nearest: ['the moon pulls the tide', 'the tide rises at noon']", "best: the moon pulls the tide"),
    "structured": ("openai/gpt-4o-mini ['born', 'name']", "anthropic/claude-sonnet-4-6 ['born', 'name']"),
    "testing": ("a 500, then an answer: {'200': 1, '500': 1}",),
    "tools": ("called: weather {", "answer: ", "rain"),
}


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    with Simulator() as running:
        yield running


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == SAYS.keys()


@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs_and_says_what_it_should(name: str, simulator: Simulator, tmp_path: Path) -> None:
    # The one provider that is in trouble, in the examples about that.
    config = tmp_path / "lingate.toml"
    config.write_text('[providers.deepseek]\nheaders = {x-sim-fault = "429=0.2"}\n')
    env = {
        **os.environ,
        "LINGATE_CONFIG": str(config),
        "PYTHONPATH": str(Path(lingate.__file__).resolve().parent.parent),
    }
    for provider in ("OPENAI", "ANTHROPIC", "GROQ", "MISTRAL", "DEEPSEEK", "COHERE"):
        env[f"{provider}_API_KEY"] = "test-key"
        env[f"{provider}_API_BASE"] = simulator.url

    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        capture_output=True,
        text=True,
        check=False,
        env=env,
        cwd=tmp_path,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    for text in SAYS[name]:
        assert text in done.stdout
