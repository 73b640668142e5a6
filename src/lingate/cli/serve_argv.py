# `lingate serve` without typer: what reads the other commands would stay in the gateway's memory for as long as it runs.
#
# Only command lines that are plain are read here. Help, mistakes and everything else is typer's, which knows the same options.

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lingate.cli.screen import Screen
from lingate.errors import LingateError

_VALUES = {
    "--config": "config",
    "-c": "config",
    "--host": "host",
    "--port": "port",
    "-p": "port",
    "--state-dir": "state",
}
_SWITCHES = {"--no-auth": "no_auth", "--debug": "debug"}
_HIGHEST_PORT = 65535


def read(arguments: Sequence[str]) -> dict[str, Any] | None:
    # The options of `lingate serve` and their values; None where typer is to read them.
    found: dict[str, Any] = {}
    files: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, given, value = argument.partition("=")
        if argument in _SWITCHES:
            found[_SWITCHES[argument]] = True
            continue
        if argument and not argument.startswith("-"):
            files.append(argument)
            continue
        if name not in _VALUES or (given and not name.startswith("--")):
            return None
        if not given:
            value = next(rest, "")
        if not value or value.startswith("-"):
            return None
        found[_VALUES[name]] = value
    if files:
        if len(files) > 1 or "config" in found:
            return None
        found["config"] = files[0]
    port = found.get("port")
    if port is not None:
        if not (port.isascii() and port.isdigit() and 1 <= int(port) <= _HIGHEST_PORT):
            return None
        found["port"] = int(port)
    return found


def serve(options: dict[str, Any]) -> int:
    debug, auth = options.pop("debug", False), not options.pop("no_auth", False)

    def run(screen: Screen) -> None:
        from lingate.cli.serve import Options, run

        run(screen, Options(auth=auth, **options))

    return carried_out(run, debug=debug)


def carried_out(command: Callable[[Screen], None], *, debug: bool = False) -> int:
    # Run a command, and give its exit code. What reports errors is loaded for errors only.
    screen = Screen()
    try:
        command(screen)
    except (LingateError, KeyboardInterrupt, OSError) as error:
        import typer

        from lingate.cli.failures import reported

        try:
            with reported(screen, debug=debug):
                raise error
        except typer.Exit as end:
            return end.exit_code
    return 0
