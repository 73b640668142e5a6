"""A gateway of ours in a process of its own, whose providers are a simulator."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lingate
from lingate.simulator import Simulator

_PATIENCE = 30.0


@contextmanager
def gateway(simulator: Simulator, home: Path, config: str = "") -> Iterator[str]:
    """Run `lingate serve --no-auth`.

    Args:
        simulator: What its providers are.
        home: An empty folder.
        config: The text of its configuration; it has none if this is empty.

    Yields:
        Where it listens.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(Path(lingate.__file__).resolve().parent.parent),
        "OPENAI_API_KEY": "k",
        "OPENAI_BASE_URL": f"{simulator.url}/v1",
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_BASE_URL": simulator.url,
    }
    command = [sys.executable, "-m", "lingate", "serve", "--no-auth", "--port", str(port), "--state-dir", str(home)]
    if config:
        (home / "gateway.yaml").write_text(config, encoding="utf-8")
        command += ["--config", str(home / "gateway.yaml")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            _await(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _await(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/health/live", timeout=5).close()
        except urllib.error.URLError:
            if process.poll() is not None:
                raise AssertionError(f"the gateway ended: {process.communicate()[0]}") from None
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the gateway does not answer")
