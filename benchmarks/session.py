"""A worker process and the conversation with it: one JSON line each way."""

from __future__ import annotations

import json
import os
import select
import subprocess
from pathlib import Path
from typing import IO, Any

from benchmarks.peers import ROOT, Environment, Peer

_REPLY_SECONDS = 180


class WorkerError(RuntimeError):
    """The worker died or did not answer; the message says which and where its log is."""


def environment(home: Path) -> dict[str, str]:
    """What a measured process sees: no keys, no proxies, no settings of the caller's, nothing that phones home."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "DO_NOT_TRACK": "1",
        "OPENAI_API_KEY": "sk-unused",
    }


class Worker:
    """One peer's process, kept over all rounds."""

    def __init__(self, peer: Peer, where: Environment, home: Path, *flags: str) -> None:
        self.log = home / f"{peer.name}{''.join(flags)}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(where.python), "-m", peer.worker, *flags],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=home,
                env=environment(home) | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            )

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Have the worker measure one scenario.

        Raises:
            WorkerError: The process ended or is silent.
        """
        into, out = self._pipes()
        try:
            into.write(json.dumps(command).encode() + b"\n")
            into.flush()
        except BrokenPipeError as error:
            raise WorkerError(self._epitaph()) from error
        ready, _, _ = select.select([out], [], [], _REPLY_SECONDS)
        if not ready:
            self.close()
            raise WorkerError(f"no answer within {_REPLY_SECONDS} s")
        line = out.readline()
        if not line:
            raise WorkerError(self._epitaph())
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> None:
        """End the process; it is killed when it does not leave by itself."""
        into, out = self._pipes()
        into.close()
        try:
            self._process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        out.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        return into, out

    def _epitaph(self) -> str:
        status = self._process.wait(timeout=10)
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"the worker ended with status {status}"
