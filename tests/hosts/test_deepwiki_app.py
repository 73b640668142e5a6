"""deepwiki's own server with the patch, and the pull request's client without litellm: where checkouts are given.

`LINGATE_HOST_DEEPWIKI=/checkout LINGATE_HOST_DEEPWIKI_PYTHON=/its/python`, and `LINGATE_HOST_DEEPWIKI_PR=/checkout of
pull request 514`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import lingate
from lingate.hosts import _check, registry
from lingate.hosts._deepwiki_recipe import samples
from lingate.hosts._disk import tree_of, write
from lingate.hosts._recipe import detect, install
from lingate.simulator import Simulator
from tests.hosts.checkouts import checkout
from tests.hosts.gateways import gateway

SOURCE = str(Path(lingate.__file__).resolve().parent.parent)


def copied(name: str, tmp_path: Path) -> tuple[Path, str | None]:
    """A copy of a checkout, because deepwiki writes its logs into its own folder, and its Python."""
    path, python = checkout(name)
    unused = shutil.ignore_patterns(".git", "node_modules", "logs", "__pycache__")
    return Path(shutil.copytree(path, tmp_path / "checkout", ignore=unused)), python


def outcomes(path: Path | None, python: str | None) -> dict[str, str]:
    told: dict[str, str] = {}
    well, printed = _check.check(
        registry.recipe("deepwiki"),
        path=path,
        python=python,
        values={},
        each=lambda one: told.update({one.says: one.outcome}),
    )
    assert well, (told, printed[-4000:])
    return told


@pytest.mark.slow
@pytest.mark.requirement("deepwiki R1", "deepwiki R2", "deepwiki R14", "deepwiki R22", "deepwiki R23")
def test_deepwikis_own_server_answers_over_both_ways_and_asks_again_without_context() -> None:
    path, python = checkout("DEEPWIKI")
    before = detect(registry.recipe("deepwiki"), tree_of(path))

    assert (before.version, before.state) == (next(iter(registry.recipe("deepwiki").known)), "not installed")

    told = outcomes(path, python)

    assert set(told.values()) == {"ok"}
    for way in ("HTTP", "WebSocket"):
        assert f"{way}: a prompt that is too long is asked again without context" in told
    assert detect(registry.recipe("deepwiki"), tree_of(path)) == before


@pytest.mark.skipif(find_spec("adalflow") is None, reason="adalflow is not installed")
def test_the_adapter_is_checked_without_a_checkout() -> None:
    assert list(outcomes(None, None).values()) == ["ok"] * 5


@pytest.mark.slow
@pytest.mark.requirement("deepwiki R2")
def test_the_sample_files_are_a_configuration_of_the_patched_deepwiki(simulator: Simulator, tmp_path: Path) -> None:
    path, python = copied("DEEPWIKI", tmp_path)
    write(path, install(registry.recipe("deepwiki"), tree_of(path)))
    folder = tmp_path / "configuration"
    shutil.copytree(path / "api" / "config", folder)
    for name, text in samples().items():
        (folder / name).write_text(text)

    done = _run(python, SAMPLED, simulator, tmp_path, path, DEEPWIKI_CONFIG_DIR=str(folder))

    assert json.loads(done) == [["lingate"], 256]


SAMPLED = """
import json, os, sys
sys.path.insert(0, os.getcwd())
from lingate.hosts._deepwiki_check import count_bytes
count_bytes()
from api.config import configs
from api.tools.embedder import get_embedder
print(json.dumps([list(configs["providers"]), len(get_embedder()("walrus").data[0].embedding)]))
"""


LAUNCHED = """
import json, os, sys
sys.path.insert(0, os.getcwd())
from lingate.hosts._deepwiki_check import count_bytes
count_bytes()
from lingate.hosts.deepwiki import register
register(retries=0)
from api.api import app
from fastapi.testclient import TestClient
from api.tools.embedder import get_embedder
from api.rag import RAG
providers = {one["id"] for one in TestClient(app).get("/models/config").json()["providers"]}
embedded = get_embedder()("walrus")
answer = RAG(provider="lingate", model="openai/sim-large").generator(prompt_kwargs={"input_str": "say walrus"})
print(json.dumps(["lingate" in providers, len(embedded.data[0].embedding), "walrus" in answer.raw_response]))
"""


@pytest.mark.slow
@pytest.mark.requirement("deepwiki R2")
def test_an_unchanged_deepwiki_has_the_client_for_retrieval_and_its_list_of_models(
    simulator: Simulator, tmp_path: Path
) -> None:
    path, python = copied("DEEPWIKI", tmp_path)

    done = _run(python, LAUNCHED, simulator, tmp_path, path, LINGATE_EMBEDDING_MODEL="openai/sim-embed")

    assert json.loads(done) == [True, 256, True]


THROUGH_A_GATEWAY = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
from lingate.hosts._deepwiki_check import count_bytes
count_bytes()
from api.config import configs
configs["embedder"]["model_kwargs"]["model"] = "openai/text-embedding-3-small"
from fastapi.testclient import TestClient
from api.api import app
repository = Path.home() / "repository"
repository.mkdir()
(repository / "guide.md").write_text("The walrus gate opens with the ivory key.")
print(json.dumps(TestClient(app).post("/chat/completions/stream", json={
    "repo_url": str(repository), "type": "local", "provider": "openai", "model": "anthropic/sim-large",
    "messages": [{"role": "user", "content": "How does the walrus gate open?"}], "included_files": "guide.md",
}).text))
"""


@pytest.mark.slow
@pytest.mark.requirement("deepwiki R1")
def test_an_unchanged_deepwiki_reaches_any_provider_through_a_gateway(simulator: Simulator, tmp_path: Path) -> None:
    path, python = copied("DEEPWIKI", tmp_path)
    pytest.importorskip("granian", reason="the gateway needs lingate[server]")

    with gateway(simulator, tmp_path / "state") as url:
        base = f"{url}/v1"
        text = json.loads(_run(python, THROUGH_A_GATEWAY, simulator, tmp_path, path, OPENAI_BASE_URL=base))

    assert text.startswith("You said")
    (sent,) = (one for one in simulator.requests() if one.path == "/v1/messages")
    assert "ivory key" in str(sent.body)


PULL_REQUEST = """
import asyncio, json, os, sys
sys.path.insert(0, os.getcwd())
from lingate.hosts._deepwiki_check import count_bytes
count_bytes()
from lingate.compat import litellm
sys.modules["litellm"] = litellm
import adalflow
from adalflow.core.types import ModelType
from api.litellm_client import LiteLLMClient, _is_retryable, handle_streaming_response
client = LiteLLMClient()
ask = lambda model, **more: client.convert_inputs_to_api_kwargs("say walrus", {"model": model, **more}, ModelType.LLM)
text = client.parse_chat_completion(client.call(ask("openai/sim-large"), ModelType.LLM)).data
stream = client.call(ask("openai/sim-large", stream=True), ModelType.LLM)
streamed = "".join(client.parse_chat_completion(stream).data)
async def awaited():
    pieces = await client.acall(ask("anthropic/sim-large", stream=True, max_tokens=300), ModelType.LLM)
    return "".join([piece.choices[0].delta.content or "" async for piece in pieces if piece.choices])
async_text = asyncio.run(awaited())
usage = client.track_completion_usage(client.call(ask("openai/sim-large"), ModelType.LLM)).total_tokens
vectors = adalflow.Embedder(model_client=client, model_kwargs={"model": "openai/sim-embed", "dimensions": 16})(["a", "b"])
errors = {}
for model in ("sim-fault-401", "sim-fault-404", "sim-fault-context"):
    try:
        client.call(ask("openai/" + model), ModelType.LLM)
    except Exception as error:
        errors[model] = [type(error).__name__, _is_retryable(error)]
from pathlib import Path
from fastapi.testclient import TestClient
from api.api import app
from api.config import configs
# One of its list: its default model is not in it, so that all others are a KeyError.
listed = next(iter(configs["providers"]["litellm"]["models"]))
repository = Path.home() / "repository"
repository.mkdir()
(repository / "guide.md").write_text("The walrus gate opens with the ivory key.")
served = TestClient(app).post("/chat/completions/stream", json={
    "repo_url": str(repository), "type": "local", "provider": "litellm", "model": listed,
    "messages": [{"role": "user", "content": "How does the walrus gate open?"}], "included_files": "guide.md",
}).text
retryable = _is_retryable(litellm.exceptions.RateLimitError("x", llm_provider="openai", model="m"))
print(json.dumps({
    "text": text, "streamed": streamed, "async": async_text, "usage": usage,
    "vectors": [len(item.embedding) for item in vectors.data], "errors": errors, "retryable": retryable,
    "served": served,
}))
"""


@pytest.mark.slow
def test_the_pull_requests_own_client_works_on_the_drop_in(simulator: Simulator, tmp_path: Path) -> None:
    path, python = copied("DEEPWIKI_PR", tmp_path)

    told = json.loads(_run(python, PULL_REQUEST, simulator, tmp_path, path))

    assert "walrus" in told["text"]
    assert told["streamed"] == told["text"]
    assert "walrus" in told["async"]
    assert told["usage"] > 0
    assert told["vectors"] == [16, 16]
    assert told["errors"] == {
        "sim-fault-401": ["AuthenticationError", False],
        "sim-fault-404": ["NotFoundError", False],
        "sim-fault-context": ["ContextWindowExceededError", False],
    }
    assert told["retryable"] is True
    assert told["served"].startswith("You said")


# These two ask for what its code does not do, with any litellm: clients that its constructor stopped making, and a class
# of the test's own that only has the name of an error.
TESTS = "tests/unit/test_litellm_client.py"
STALE = ("TestLiteLLMClientInit::test_default_init", "TestRetryPredicate::test_rate_limit_is_retryable")


@pytest.mark.slow
def test_the_pull_requests_own_tests_pass_on_the_drop_in(tmp_path: Path) -> None:
    path, python = copied("DEEPWIKI_PR", tmp_path)
    stale = [f"--deselect={TESTS}::{name}" for name in STALE]
    stand_in = tmp_path / "site" / "litellm"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").write_text(
        "import sys\nfrom lingate.hosts._deepwiki_check import count_bytes\n"
        "from lingate.compat import litellm\ncount_bytes()\nsys.modules['litellm'] = litellm\n"
    )
    (tmp_path / "site" / "sitecustomize.py").write_text("import litellm\n")

    done = subprocess.run(
        [python or sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS, *stale],
        capture_output=True,
        text=True,
        check=False,
        cwd=path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}:{SOURCE}", "HOME": str(tmp_path)},
        timeout=300,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def _run(python: str | None, code: str, simulator: Simulator, home: Path, cwd: Path, **more: str) -> str:
    env = {
        **os.environ,
        "PYTHONPATH": SOURCE,
        "HOME": str(home),
        "OPENAI_API_KEY": "k",
        "OPENAI_BASE_URL": f"{simulator.url}/v1",
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_BASE_URL": simulator.url,
        "GOOGLE_API_KEY": "k",
        **more,
    }
    done = subprocess.run(
        [python or sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=env,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()[-1]
