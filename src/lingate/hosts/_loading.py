"""Imports what needs a host's packages, starts hosts, and says what is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from lingate.errors import ConfigError, MissingExtraError

__all__ = ["launch", "load"]


def load(module: str, *, of: str, hint: str) -> Any:
    """Import a module of a host, or one of ours that imports the host.

    Args:
        module: Its name.
        of: What it is a part of, in the host's own spelling.
        hint: What to do where it is not installed.

    Raises:
        MissingExtraError: A package that it imports is not installed; the message names it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "lingate":
            raise
        raise MissingExtraError(f"{of} cannot be imported here: there is no {error.name}", hint=hint) from error


def launch(main: Callable[[], None]) -> None:
    """Start a host. What keeps it from starting is one line for its user, and exit code 2.

    Args:
        main: The launcher.
    """
    try:
        main()
    except ConfigError as error:
        sys.stderr.write(f"lingate: {type(error).__name__}: {error}\n")
        raise SystemExit(2) from None
