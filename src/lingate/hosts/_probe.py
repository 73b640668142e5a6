# What a host's check runs in: a process of the host's own Python, with a simulator for a provider.

#
#     python -m lingate.hosts._probe module:function [checkout]
#
# One JSON line for each step goes to stdout; whatever the host prints goes to stderr. `lingate.hosts._check` starts it.

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

URL_VARIABLE = "LINGATE_CHECK_URL"
"""Where the simulator listens."""

_PATIENCE = 10.0


class Skipped(Exception):
    # A step cannot be made here; the message says what it needs.
    pass


def expect(held: bool, otherwise: str) -> None:
    if not held:
        raise AssertionError(otherwise)


class Probe:
    # What a check gets.

    # url: Where the simulator listens, without `/v1` and without a slash at the end. `OPENAI_BASE_URL` and
    # `ANTHROPIC_BASE_URL` point there already, keys are set, and no other credential is.
    # path: A copy of the user's checkout with the recipe installed, to do anything with; None: check the adapter alone.
    # home: An empty folder that is HOME, XDG_DATA_HOME and the current folder of this process.

    def __init__(self, url: str, path: Path | None, home: Path, out: TextIO) -> None:
        self.url = url
        self.path = path
        self.home = home
        self.failed = 0
        self._out = out

    @contextmanager
    def step(self, says: str) -> Iterator[None]:
        # One line of the report: what works if the block ends well. An exception makes it a failed one, and the check goes on.
        try:
            yield
        except Skipped as error:
            self._tell("skipped", says, str(error))
        except Exception as error:
            # The boundary of a check: whatever a host does wrong is what it is there to find.
            traceback.print_exc()
            self.failed += 1
            self._tell("failed", says, f"{type(error).__name__}: {error}".removesuffix(": "))
        else:
            self._tell("ok", says, "")

    def steps(self, made: Iterable[Callable[[Any], None]], subject: Any) -> None:
        # One step for each function, named by the first line of its docstring; each gets the subject.
        for function in made:
            with self.step(str(function.__doc__).partition("\n")[0].rstrip(".")):
                function(subject)

    def requests(self) -> list[dict[str, Any]]:
        # What the simulator was asked since `forget`: `path`, `model`, `body`, `status`, ... oldest first.
        return list(self._call("requests"))

    def outcomes(self) -> list[str]:
        # How each request ended, once none is open any more: the simulator notes a broken connection a moment later.
        until = time.monotonic() + _PATIENCE
        while True:
            found = [str(request["outcome"]) for request in self.requests()]
            if "open" not in found or time.monotonic() > until:
                return found
            time.sleep(0.02)

    def forget(self) -> None:
        # Let the simulator forget what it was asked.
        self._call("reset", b"")

    def _call(self, name: str, data: bytes | None = None) -> Any:
        request = urllib.request.Request(f"{self.url}/simulator/{name}", data)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    def _tell(self, outcome: str, says: str, why: str) -> None:
        self._out.write(json.dumps({"outcome": outcome, "says": says, "why": why}) + "\n")
        self._out.flush()


def main(arguments: list[str]) -> int:
    # Run a check and return its exit code: how many steps failed.
    # Hosts print what they like; stdout is for the report alone, so theirs becomes stderr.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module, _, function = arguments[0].partition(":")
    path = Path(arguments[1]) if len(arguments) > 1 else None
    probe = Probe(os.environ[URL_VARIABLE], path, Path.cwd(), out)
    with probe.step("the adapter can be imported in the host's Python"):
        check = getattr(import_module(module), function)
    if probe.failed == 0:
        try:
            check(probe)
        except Exception as error:
            # Outside any step: the check could not go on.
            with probe.step("the check ran to its end"):
                raise error
    out.close()
    sys.stdout.flush()
    return min(probe.failed, 100)


if __name__ == "__main__":
    # By its name, or the `Skipped` that a check raises would be another class than the one that is looked for here.
    run = import_module("lingate.hosts._probe").main
    os._exit(run(sys.argv[1:]))  # a host's threads must not keep the report waiting
