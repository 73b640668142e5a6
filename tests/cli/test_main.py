"""The command itself: version, help, and what it says where it cannot run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lingate import __version__
from tests.cli.driver import lingate

_WITHOUT = """
import sys
from pathlib import Path
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
sys.argv = ["lingate", *{arguments}]
from lingate.cli import main
sys.exit(main())
"""


def _without(names: tuple[str, ...], *arguments: str) -> tuple[int, str, str]:
    code = _WITHOUT.format(names=names, arguments=list(arguments))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_printed(option: str) -> None:
    assert lingate(option).out == f"lingate {__version__}\n"


def test_the_version_is_printed_without_loading_anything() -> None:
    code = (
        "import sys; sys.argv = ['lingate', '--version']; before = set(sys.modules)\n"
        "from lingate.cli import main; main()\n"
        "print(sorted(name.partition('.')[0] for name in set(sys.modules) - before if 'lingate' not in name))"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "typer" not in out
    assert "asyncio" not in out
    assert "pyreqwest" not in out


def test_help_names_every_command_and_the_exit_codes() -> None:
    shown = lingate("--help").out

    for word in ("chat", "providers", "simulate", "demo", "130 Ctrl-C"):
        assert word in shown


def test_help_of_chat_has_examples_and_every_option() -> None:
    shown = lingate("chat", "-h").out

    assert "git diff | lingate chat" in shown
    options = (
        "--model --system --image --file --json --schema --temperature --max-tokens --reasoning --no-stream --api-key "
        "--api-base --timeout --retries --drop-params --config --quiet --debug"
    )
    for option in options.split():
        assert option in shown


def test_an_option_that_does_not_exist_is_exit_code_2() -> None:
    assert "--nonsense" in lingate("chat", "--nonsense", code=2).err


def test_no_arguments_show_the_help() -> None:
    assert "Usage" in lingate(code=None).out


@pytest.mark.parametrize(
    ("names", "named"),
    [(("typer",), "typer"), (("rich",), "rich"), (("typer", "rich", "prompt_toolkit"), "typer, rich, prompt-toolkit")],
)
def test_without_the_extra_one_line_says_how_to_install_it(names: tuple[str, ...], named: str) -> None:
    code, out, err = _without(names, "chat", "hello")

    assert (code, out) == (2, "")
    assert err == f"lingate: the command line needs {named}: pip install 'lingate[cli]'\n"


def test_without_the_extra_the_version_is_still_there() -> None:
    assert _without(("typer", "rich", "prompt_toolkit"), "--version") == (0, f"lingate {__version__}\n", "")


@pytest.mark.parametrize("command", ["simulate", "demo"])
def test_without_h11_the_simulator_says_what_it_needs(command: str) -> None:
    code, out, err = _without(("h11",), command)

    assert (code, out) == (2, "")
    assert err == "lingate: MissingExtraError: the simulator needs h11: pip install 'lingate[simulator]'\n"


def _shell(command: str) -> tuple[int, str, str]:
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("lingate", f"{sys.executable} -m lingate")],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("command", ["--version", "--help", "providers", "models", "hosts list", "doctor --json"])
def test_output_that_cannot_be_written_is_one_line_and_an_exit_code(command: str) -> None:
    code, _, err = _shell(f"lingate {command} > /dev/full")

    assert code == 1
    assert err == "lingate: [Errno 28] No space left on device\n"


def test_an_output_that_was_closed_before_is_one_that_nobody_reads() -> None:
    assert _shell("lingate providers openai --json >&-") == (0, "", "")
    code, out, _ = _shell("lingate providers openai --json 2>&-")
    assert (code, out[:1]) == (0, "[")


def test_a_reader_that_has_gone_is_one_exit_code_for_tables_too() -> None:
    assert _shell("{ lingate providers; echo $? >&2; } | true")[2] == "141\n"
    assert _shell("{ lingate --help; echo $? >&2; } | true")[2] == "141\n"
