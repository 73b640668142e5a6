"""A real terminal for tests: a program in a window of tmux, driven by keys and read back as text."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.cli.driver import environment

OFFLINE = Path(__file__).with_name("offline.py")
_PATIENCE = 20.0
_NUMBERS = iter(range(1_000_000))
_BARE_START = 0.03
"""Seconds in which a Python starts that has nothing to do, on a machine that has nothing else to do."""


def slowness() -> float:
    """How many times slower this machine is now than one with nothing else to do: time limits grow by it."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", ""], check=True, timeout=_PATIENCE)
        times.append(time.perf_counter() - started)
    return max(1.0, sorted(times)[1] / _BARE_START)


class Window:
    """A command in a terminal of its own, with the environment it is given and no other.

    Args:
        arguments: What stands behind `lingate`.
        home: Its home folder.
        size: Columns and rows.
        cut: Whether the network is.
        env: Variables.
    """

    def __init__(
        self, *arguments: str, home: Path, size: tuple[int, int] = (100, 24), cut: bool = True, **env: str
    ) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("no tmux on PATH: the picker is not driven in a real terminal")
        self._socket = f"lingate-{os.getpid()}-{next(_NUMBERS)}"
        self._command = [*([str(OFFLINE)] if cut else ["-m", "lingate"]), *arguments]
        self._size = size
        self._env = {"HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **env}

    def __enter__(self) -> Self:
        kept = {name: value for name, value in environment().items() if name in ("PATH", "PYTHONPATH", "TMPDIR")}
        command = shlex.join([sys.executable, *self._command])
        width, height = (str(number) for number in self._size)
        # The command is started by a shell that waits for a key, so that the terminal is there before the clock runs, and
        # what it writes to its standard output is to be seen when it has ended, and how it leaves the terminal.
        left = "case $(stty -a) in *-icanon*|*-echo' '*) printf 'keys are still read one by one\\n';; esac"
        shell = f"trap : INT; stty -echo; read -r go; stty echo; {command}; printf '\\nended with %s\\n' $?; {left}; read -r go"
        done = subprocess.run(
            [
                "tmux",
                "-L",
                self._socket,
                "-f",
                "/dev/null",
                "new-session",
                "-d",
                "-s",
                "m",
                "-x",
                width,
                "-y",
                height,
                shell,
            ],
            env={**kept, **self._env, "TERM": "screen-256color", "SHELL": "/bin/sh"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-L", self._socket, *arguments], capture_output=True, text=True, check=True, timeout=_PATIENCE
        ).stdout

    def start(self) -> float:
        """Begin the command, and tell when."""
        time.sleep(0.3)
        started = time.perf_counter()
        self._tmux("send-keys", "-t", "m", "Enter")
        return started

    def press(self, *keys: str) -> None:
        """Press keys, by their names in tmux."""
        self._tmux("send-keys", "-t", "m", *keys)

    def kill(self) -> None:
        """Send SIGTERM to the command."""
        shell = self._tmux("display-message", "-p", "-t", "m", "#{pane_pid}").strip()
        subprocess.run(["pkill", "-TERM", "-P", shell], check=True, timeout=_PATIENCE)

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        self._tmux("resize-window", "-t", "m", "-x", str(width), "-y", str(height))

    def screen(self) -> str:
        """What is on the screen, without blanks at the ends of lines."""
        return "\n".join(line.rstrip() for line in self._tmux("capture-pane", "-p", "-t", "m").splitlines()) + "\n"

    def until(self, text: str) -> str:
        """The screen as soon as it holds this."""
        deadline = time.monotonic() + _PATIENCE
        while text not in (shown := self.screen()):
            assert time.monotonic() < deadline, f"{text!r} is not on\n{shown}"
        return shown

    def changed(self, before: str) -> str:
        """The screen as soon as it is another."""
        deadline = time.monotonic() + _PATIENCE
        while (shown := self.screen()) == before:
            assert time.monotonic() < deadline, f"nothing changes on\n{shown}"
        return shown
