"""`lingate migrate`: what becomes of a configuration of LiteLLM's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lingate.cli import files
from lingate.cli.failures import on_screen
from lingate.errors import ConfigError, MissingExtraError


def migrate(
    config: Annotated[str, typer.Argument(help="LiteLLM's config.yaml.")],
    write: Annotated[
        str | None, typer.Option("--write", "-w", help="Write the file without what has no effect, to this path.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="On errors, show the traceback.")] = False,
) -> None:
    """Say what of a LiteLLM configuration carries over to the gateway, and what to use instead of the rest."""
    with on_screen(debug=debug) as screen:
        if not Path(config).is_file():
            raise ConfigError(f"there is no file {config}")
        try:
            from lingate.server.config import cleaned
            from lingate.server.config import migrate as report_on
        except ImportError as error:
            raise MissingExtraError(f"this needs {error.name}: pip install 'lingate[server]'") from error

        report = report_on(config)
        screen.answer("\n".join(report.lines()) + "\n")
        if write is not None:
            files.write(Path(write), cleaned(config).encode(), like=Path(config))
            screen.note(f"written: {write}")
        if not report.ok:
            raise typer.Exit(2)
