# `lingate serve`: the gateway, as a program of its own.

from __future__ import annotations

import os

from lingate.cli.screen import Screen
from lingate.errors import ConfigError, MissingExtraError

# The HTTP client's allocator (mimalloc, in pyreqwest) asks Linux for pages of 2 MB: four of them are resident before a
# hundredth is used. It reads this once, when the client is loaded below; an owner who wants such pages sets it to 1.
os.environ.setdefault("MIMALLOC_ALLOW_THP", "0")

try:
    from lingate.server.config import ConfigFileError, check
    from lingate.server.launch import Options, serve
except ImportError as error:
    if isinstance(error, MissingExtraError):
        raise
    raise MissingExtraError(f"the gateway needs {error.name}: pip install 'lingate[server]'") from error

__all__ = ["Options", "check_config", "run"]


def run(screen: Screen, options: Options) -> None:
    try:
        serve(options, os.environ, screen.note)
    except ConfigFileError as error:
        if len(error.problems) == 1:
            raise
        for problem in error.problems:
            screen.problem(f"error: {problem}")
        raise ConfigError(f"{options.config} has {len(error.problems)} errors") from error


def check_config(screen: Screen, path: str | None) -> int:
    # Say what a configuration holds, and what is wrong with it. Gives the exit code.
    report = check(path, os.environ)
    for line in report.lines():
        screen.answer(line + "\n")
    return 0 if report.ok else 2
