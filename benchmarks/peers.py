"""Who is measured, and the virtual environment that each of them gets under `.bench/`."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / ".bench"
LINGATE = "lingate"
BARE = "pyreqwest"
_PIP_SECONDS = 900


@dataclass(frozen=True)
class Peer:
    """One competitor.

    Attributes:
        name: Key of its results.
        label: How tables call it.
        requires: What pip installs: the smallest set that can make the calls.
        package: The distribution whose version stands for the peer.
        startup: Three pieces of code run in a fresh interpreter: import, make a client, make a first call. `BASE`,
            `KEY`, `MODEL` and `MESSAGES` are there.
    """

    name: str
    label: str
    requires: tuple[str, ...]
    package: str
    startup: tuple[str, str, str]

    @property
    def worker(self) -> str:
        return f"benchmarks.worker_{self.name}"


PEERS: tuple[Peer, ...] = (
    Peer(
        name=LINGATE,
        label="Lingate",
        requires=(str(ROOT),),
        package="lingate",
        startup=(
            "import lingate",
            "client = lingate.Lingate()",
            "client.chat('openai/' + MODEL, MESSAGES, api_base=BASE, api_key=KEY).choices[0].message.content",
        ),
    ),
    Peer(
        name=BARE,
        label="bare pyreqwest",
        requires=("pyreqwest", "msgspec"),
        package="pyreqwest",
        startup=(
            "import msgspec, pyreqwest.client",
            "client = pyreqwest.client.SyncClientBuilder().build()",
            "msgspec.json.decode(client.post(BASE + '/chat/completions')"
            ".body_bytes(msgspec.json.encode({'model': MODEL, 'messages': MESSAGES})).build().send().bytes())",
        ),
    ),
    Peer(
        name="openai",
        label="openai",
        requires=("openai",),
        package="openai",
        startup=(
            "import openai",
            "client = openai.OpenAI(api_key=KEY, base_url=BASE)",
            "client.chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message.content",
        ),
    ),
    Peer(
        name="litellm",
        label="LiteLLM",
        requires=("litellm",),
        package="litellm",
        startup=(
            "import litellm",
            "client = litellm.completion",
            "client('openai/' + MODEL, MESSAGES, api_base=BASE, api_key=KEY).choices[0].message.content",
        ),
    ),
    Peer(
        name="any_llm",
        label="any-llm",
        requires=("any-llm-sdk[openai]",),
        package="any-llm-sdk",
        startup=(
            "import any_llm",
            "client = any_llm.AnyLLM.create('openai', api_key=KEY, api_base=BASE)",
            "client.completion(model=MODEL, messages=MESSAGES).choices[0].message.content",
        ),
    ),
    Peer(
        name="aisuite",
        label="aisuite",
        requires=("aisuite[openai]",),
        package="aisuite",
        startup=(
            "import aisuite",
            "client = aisuite.Client({'openai': {'api_key': KEY, 'base_url': BASE}})",
            "client.chat.completions.create(model='openai:' + MODEL, messages=MESSAGES).choices[0].message.content",
        ),
    ),
)


@dataclass
class Environment:
    """A peer's virtual environment.

    Attributes:
        python: Its interpreter; None when it could not be made.
        facts: Versions, number of distributions and size of the peer's own install.
        skip: Why it could not be made.
    """

    python: Path | None
    facts: dict[str, Any] = field(default_factory=dict)
    skip: str | None = None


# Counted by RECORD, so what pip brought and compiled for this peer, and neither pip itself nor uvloop.
_CENSUS = """
import importlib.metadata as m, json, pathlib
found = {d.metadata["Name"]: d for d in m.distributions() if d.metadata["Name"] not in ("pip", "setuptools", "wheel")}
size = sum(p.stat().st_size for d in found.values() for f in d.files or () if (p := pathlib.Path(f.locate())).is_file())
print(json.dumps({"bytes": size, "versions": {name: d.version for name, d in sorted(found.items())}}))
"""


def prepare(peer: Peer, *, refresh: bool, say: Callable[[str], None]) -> Environment:
    """Make or reuse the peer's environment. A failure is an answer, with pip's reason, never an exception."""
    home = BENCH / "venvs" / peer.name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / "bench.json"
    wanted = _fingerprint(peer)
    if not refresh and stamp.exists():
        facts = json.loads(stamp.read_text())
        if facts["fingerprint"] == wanted:
            return Environment(python, facts)
    say(f"{peer.label}: installing {' '.join(peer.requires).replace(str(ROOT), 'the checkout')}")
    shutil.rmtree(home, ignore_errors=True)
    try:
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(python), "-m", "pip", "install", "--quiet", *peer.requires])
        facts = json.loads(_run([str(python), "-c", _CENSUS])) | {"fingerprint": wanted}
        if os.name != "nt":
            _run([str(python), "-m", "pip", "install", "--quiet", "uvloop"])
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return Environment(None, skip=_reason(error))
    stamp.write_text(json.dumps(facts, indent=1))
    return Environment(python, facts)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PIP_SECONDS)
    return done.stdout


def _reason(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"pip took longer than {_PIP_SECONDS} s"
    lines = [line.strip() for line in (error.stderr or error.stdout or "").splitlines() if line.strip()]
    # The build's own exception says more than what pip writes after it.
    told = [line for line in lines if re.match(r"(\w+\.)*\w*(Error|Exception): ", line)]
    told = told or [line for line in lines if line.startswith("ERROR")] or lines or [f"exit status {error.returncode}"]
    return told[-1].replace(str(ROOT), "the checkout")


def _fingerprint(peer: Peer) -> str:
    digest = hashlib.sha256(repr((sys.version, peer.requires)).encode())
    if any(requirement.startswith(str(ROOT)) for requirement in peer.requires):
        sources = (path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        for path in [ROOT / "pyproject.toml", *sorted(sources)]:
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
