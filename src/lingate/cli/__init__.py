# The `lingate` command. What it needs beyond the base install is the extra `cli`; without it, it says so in one line.

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

_NEEDED = ("typer", "rich", "prompt_toolkit")


def main() -> int:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed; the first file that is opened would be taken for it
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    try:
        code = _main()
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:  # what no command reports, as it is met while help is printed, or only now
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        gone = isinstance(error, BrokenPipeError)
        if not gone:
            print(f"lingate: {error}", file=sys.stderr)
        code = 141 if gone else 1
    except KeyboardInterrupt:  # while modules are loaded; after that the commands see to it
        code = 130
    if not sys.modules.keys().isdisjoint({"lingate._io.via_pyreqwest", "concurrent.futures.thread"}):
        # Threads of the former may outlive the last call, and abort the process when they find the interpreter gone. Those
        # of the latter, which ask providers, would be waited for.
        os._exit(code)
    return code


def _main() -> int:
    if sys.argv[1:] in (["--version"], ["-V"]):
        from lingate._version import __version__

        print(f"lingate {__version__}")
        return 0
    missing = [name.replace("_", "-") for name in _NEEDED if not _installed(name)]
    if missing:
        print(f"lingate: the command line needs {', '.join(missing)}: pip install 'lingate[cli]'", file=sys.stderr)
        return 2
    if sys.argv[1:] == ["models"]:
        # Without the module of all commands, which takes longer to load than the picker's first frame to be seen.
        from lingate.cli.models import bare

        return bare()
    if sys.argv[1:2] == ["serve"]:
        from lingate.cli import serve_argv

        options = serve_argv.read(sys.argv[2:])
        if options is not None:
            return serve_argv.serve(options)
    from lingate.cli.app import run

    return run(sys.argv[1:])


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ImportError:
        return False
