"""Drives the command as users do: as a process with pipes, or with a terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from lingate.simulator import Simulator

COMMAND = [sys.executable, "-m", "lingate"]
KEY = "sk-canary-0123456789abcdef"
_PATIENCE = 20.0
_READY = "<ready>"
"""Stands for the code with which the command line tells a terminal that it reads keys now."""
_CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def environment(**extra: str) -> dict[str, str]:
    """The scrubbed environment of the tests, with a width and what the test adds."""
    return {**os.environ, "COLUMNS": "100", **extra}


def lingate(
    *arguments: str, stdin: str | bytes | None = None, code: int | None = 0, patience: float = _PATIENCE, **env: str
) -> Done:
    """Run a command to its end and check its exit code."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        env=environment(**env),
        timeout=patience,
        check=False,
    )
    result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert code is None or result.code == code, result
    return result


def to(simulator: Simulator, model: str = "openai/sim-large") -> list[str]:
    """Options that ask a model of the simulator."""
    base = simulator.url if model.startswith("anthropic/") else f"{simulator.url}/v1"
    return ["-m", model, "--api-base", base, "--api-key", KEY]


def started(*arguments: str, **env: str) -> subprocess.Popen[bytes]:
    """Begin a command and let it run."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**env),
    )


class Terminal:
    """A command on a pseudo-terminal."""

    def __init__(self, *arguments: str, **env: str) -> None:
        self._arguments = arguments
        # Asked for the cursor's position, nobody here would answer.
        self._env = environment(**{"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **env})
        self.shown = ""
        self._seen = 0

    def __enter__(self) -> Self:
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.execve(sys.executable, [*COMMAND, *self._arguments], self._env)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._fd)

    def type(self, text: str) -> None:
        """Type something; `\\r` is Enter, `\\x03` Ctrl-C, `\\x04` Ctrl-D."""
        os.write(self._fd, text.encode())

    def ask(self, text: str) -> None:
        """Type a line as soon as one is waited for: keys typed earlier mean what the terminal takes them for."""
        self.until(_READY)
        self.type(text)

    def until(self, text: str) -> str:
        """What is shown after what was waited for before, up to this text; without codes that only move and colour."""
        deadline = time.monotonic() + _PATIENCE
        while (at := self._plain().find(text, self._seen)) < 0:
            piece = self._read(0.2)
            assert piece is not None, f"it ended without {text!r}: {self._plain()[self._seen :]!r}"
            assert time.monotonic() < deadline, f"{text!r} is not in {self._plain()[self._seen :]!r}"
        before, self._seen = self._seen, at + len(text)
        return self._plain()[before : self._seen]

    def _plain(self) -> str:
        return _CODES.sub("", self.shown.replace("\x1b[?2004h", _READY))

    def end(self) -> tuple[int, str]:
        """Wait for the end: exit code, and what was shown last."""
        rest = ""
        while (piece := self._read(_PATIENCE)) is not None:
            assert piece, f"it has not ended: {rest!r}"
            rest += piece
        status = os.waitpid(self._pid, 0)[1]
        self._pid = 0
        return os.waitstatus_to_exitcode(status), _CODES.sub("", rest)

    def hang_up(self) -> int:
        """Close the terminal, as closing its window does, and wait for the end: the exit code."""
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), self._fd)
        deadline = time.monotonic() + _PATIENCE
        while (ended := os.waitpid(self._pid, os.WNOHANG))[0] == 0:
            assert time.monotonic() < deadline, "it has not ended"
            time.sleep(0.02)
        self._pid = 0
        return os.waitstatus_to_exitcode(ended[1])

    def _read(self, patience: float) -> str | None:
        """More of what is shown, None at its end."""
        ready, _, _ = select.select([self._fd], [], [], patience)
        if not ready:
            return ""
        try:
            piece = os.read(self._fd, 65536).decode(errors="replace")
        except OSError:  # how Linux tells that the other side has closed the terminal
            return None
        self.shown += piece
        return piece or None
