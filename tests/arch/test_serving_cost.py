"""What a gateway that serves calls loads: every module stays in memory for as long as it runs. Times are in benchmarks/RESULTS.md."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lingate.simulator import Simulator
from tests.services import free_port

_MASTER = "sk-master-0123456789abcdef"
_PATIENCE = 30.0

_DATABASE = {"sqlalchemy", "greenlet", "aiosqlite", "asyncpg", "alembic", "mako"}
_COMMAND_LINE = {"typer", "click", "rich", "prompt_toolkit", "textual"}
_NOT_SET_UP = {"redis", "jwt", "cryptography", "opentelemetry", "botocore", "google", "azure", "requests", "litellm"}
_NOT_ASKED_FOR = {"starlette", "prometheus_client", "h11", "httpx"}
_PRICES = {"genai_prices", "pydantic", "pydantic_core", "httpx2"}


class _Gateway:
    """`lingate serve` in a process that tells what it loads."""

    def __init__(self, folder: Path, config: Path) -> None:
        self._port = free_port()
        self._told = folder / "imports"
        options = ["serve", f"--config={config}", f"--port={self._port}", f"--state-dir={folder / 'state'}"]
        with self._told.open("wb") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-X", "importtime", "-m", "lingate", *options],
                env=os.environ | {"LINGATE_MASTER_KEY": _MASTER},
                stdout=told,
                stderr=told,
            )

    def ask(self, method: str, path: str, body: object = None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        try:
            headers = {"content-type": "application/json", "authorization": f"Bearer {_MASTER}"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def until_it_answers(self) -> None:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                assert self.ask("GET", "/health/live") == 200
            except OSError:
                assert self.process.poll() is None, self._told.read_text()[-2000:]
                assert time.monotonic() < until
                time.sleep(0.02)
            else:
                return

    def loaded(self) -> set[str]:
        """Modules of others by their package, and ours by their whole name."""
        names = re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", self._told.read_text(), re.MULTILINE)
        return {name if name.startswith("lingate.") else name.partition(".")[0] for name in names}


@contextmanager
def _running(folder: Path, config: Path) -> Iterator[_Gateway]:
    gateway = _Gateway(folder, config)
    try:
        gateway.until_it_answers()
        yield gateway
    finally:
        gateway.process.terminate()
        try:
            gateway.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            gateway.process.kill()
            gateway.process.wait()


@pytest.mark.parametrize("stream", [False, True])
def test_a_gateway_on_sqlite_loads_nothing_that_its_calls_do_not_use(tmp_path: Path, stream: bool) -> None:
    config = tmp_path / "gateway.yaml"
    body = {"model": "small", "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    with Simulator() as simulator:
        config.write_text(
            "model_list:\n  - model_name: small\n"
            f"    litellm_params: {{model: openai/sim-small, api_base: '{simulator.url}/v1', api_key: k}}\n"
        )
        with _running(tmp_path, config):
            pass  # the first start makes the database
        with _running(tmp_path, config) as gateway:
            idle = gateway.loaded()
            assert gateway.ask("POST", "/v1/chat/completions", body) == 200
            time.sleep(2.5)  # in which the keys are read again, and the ledger gets its row
            called = gateway.loaded()

    assert "lingate.server.gateway" in idle
    assert sorted(idle & (_DATABASE | _COMMAND_LINE | _NOT_SET_UP | _NOT_ASKED_FOR | _PRICES)) == []
    assert sorted(called & (_DATABASE | _COMMAND_LINE | _NOT_SET_UP | _NOT_ASKED_FOR)) == []
    formats = {name.split(".")[2] for name in called if re.match(r"lingate\._dialects\.[a-z]", name)}
    assert formats == {"openai_chat"}
