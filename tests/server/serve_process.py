"""`lingate serve` as the program that users start, for what only a process can show: signals, kills, restarts."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.server.gateway_kit import MASTER
from tests.services import free_port


class Serve:
    """A gateway process, which can be killed and started again on the same state.

    Args:
        config: Its configuration file.
        state: Its state directory.
        database: URL of its database; None for SQLite in `state`.
        env: Variables besides those of the test.
    """

    def __init__(
        self, config: Path, state: Path, database: str | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.port = free_port()
        self.log = state.parent / "serve.log"
        self._command = [
            sys.executable,
            "-m",
            "lingate",
            "serve",
            f"--config={config}",
            f"--port={self.port}",
            f"--state-dir={state}",
        ]
        self._env = {**os.environ, "LINGATE_MASTER_KEY": MASTER, **(env or {})}
        if database is not None:
            self._env["LINGATE_DATABASE_URL"] = database
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return when it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._env, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, "the gateway did not start"
            time.sleep(0.02)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/live")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """End it at once."""
        self.signal(signal.SIGKILL)
        self.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        """Return its exit code when it has ended."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self) -> None:
        """Let it end in good order, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGTERM)
            self.wait()
