"""`lingate hosts`, as users run it, on a stand-in for a host."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from lingate.cli.app import run
from lingate.hosts import registry
from tests.cli.driver import started

STAND_INS = Path(__file__).with_name("stand_ins")


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def hosts(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Runs `lingate hosts ...`."""
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: str) -> Done:
        capsys.readouterr()
        code = run(["hosts", *arguments])
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return command


@pytest.fixture
def deepwiki(tmp_path: Path) -> Path:
    """A folder that looks like deepwiki, in a version that nobody knows."""
    root = tmp_path / "deepwiki"
    shutil.copytree(STAND_INS / "deepwiki", root, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_every_host_is_listed_with_what_it_gains(hosts: Callable[..., Done]) -> None:
    listed = hosts("list")

    assert listed.code == 0
    for name in registry.HOSTS:
        assert any(line.startswith(registry.spoken(name)) for line in listed.out.splitlines())


@pytest.mark.parametrize("name", list(registry.HOSTS))
def test_what_is_done_and_how_it_is_undone_is_shown(hosts: Callable[..., Done], name: str) -> None:
    shown = hosts("show", registry.spoken(name))

    assert shown.code == 0
    assert "To undo: " in shown.out
    assert f"lingate hosts uninstall {registry.spoken(name)}" in shown.out


def test_lines_that_are_added_are_told_from_those_that_stay(hosts: Callable[..., Done]) -> None:
    lines = hosts("show", "deepwiki", "--route", "chat").out.splitlines()

    assert '    +     CLIENT_CLASSES["LingateClient"] = LingateClient' in lines
    assert '          "DashscopeClient": DashscopeClient' in lines


def test_an_unknown_version_is_refused_unless_forced(hosts: Callable[..., Done], deepwiki: Path) -> None:
    before = contents(deepwiki)

    refused = hosts("install", "deepwiki", "--path", str(deepwiki), "--yes")

    assert refused.code == 2
    assert "is not known (known: 04e7c13, 2026-05-15)" in refused.err
    assert contents(deepwiki) == before
    assert hosts("install", "deepwiki", "--path", str(deepwiki), "--yes", "--force").code == 0
    assert contents(deepwiki) != before


def test_the_diff_comes_first_and_nobody_to_ask_is_a_no(hosts: Callable[..., Done], deepwiki: Path) -> None:
    before = contents(deepwiki)

    refused = hosts("install", "deepwiki", "--path", str(deepwiki), "--force")

    assert refused.code == 2
    assert "+++ b/api/config.py" in refused.out
    assert "nothing was changed" in refused.err
    assert contents(deepwiki) == before


def test_installing_again_says_so_and_uninstalling_gives_everything_back(
    hosts: Callable[..., Done], deepwiki: Path
) -> None:
    before = contents(deepwiki)
    path = ["--path", str(deepwiki)]

    hosts("install", "deepwiki", *path, "--yes", "--force")
    again = hosts("install", "deepwiki", *path, "--yes", "--force")
    gone = hosts("uninstall", "deepwiki", *path, "--yes")
    nothing = hosts("uninstall", "deepwiki", *path, "--yes")

    assert "has Lingate already" in again.out
    assert "is as it was" in gone.err
    assert "does not have Lingate" in nothing.out
    assert contents(deepwiki) == before


def test_the_current_folder_is_where_it_is_looked_for(
    hosts: Callable[..., Done], deepwiki: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = hosts("install", "deepwiki", "--yes")
    monkeypatch.chdir(deepwiki)
    right = hosts("install", "deepwiki", "--yes", "--force")

    assert wrong.code == 2
    assert "is not deepwiki-open: api/config.py is not there (--path names its folder)" in wrong.err
    assert right.code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["install", "deepwiki", "--path", "/nowhere/at/all"], "/nowhere/at/all is not a folder"),
        (["install", "deepwicki"], "did you mean deepwiki?"),
        (["install", "deepwiki", "--route", "none"], "no route 'none'"),
        (["check", "deepwiki", "--set", "novalue"], "--set takes NAME=VALUE"),
        (["check", "deepwiki", "--python", "/no/python"], "/no/python is no Python that can be run"),
        (["check", "deepwiki", "--python", "/bin/true"], "/bin/true is no Python that can be run"),
    ],
)
def test_mistakes_are_told_with_what_to_do(hosts: Callable[..., Done], arguments: list[str], says: str) -> None:
    done = hosts(*arguments)

    assert done.code == 2
    assert says in done.err


@pytest.mark.skipif(find_spec("adalflow") is None, reason="adalflow is not installed")
def test_a_check_says_line_by_line_what_works_and_leaves_the_host_alone(
    hosts: Callable[..., Done], deepwiki: Path
) -> None:
    before = contents(deepwiki)

    done = hosts("check", "deepwiki", "--path", str(deepwiki))

    lines = done.out.splitlines()
    assert "a version that is not known, not installed" in done.err
    assert [line for line in lines if line.startswith("ok")]
    # The stand-in has no server: that is a failure, told with its reason.
    assert any(line.startswith("failed  deepwiki starts with the patch: ModuleNotFoundError") for line in lines)
    assert done.code == 1
    assert contents(deepwiki) == before


def python_that(path: Path, does: str) -> str:
    """A program that says where it is as Python does, and then does something else."""
    path.write_text(f'#!/bin/sh\nif [ "$1" = -c ]; then echo "$0"; echo /none; exit 0; fi\n{does}\n')
    path.chmod(0o755)
    return str(path)


def test_a_python_without_the_hosts_packages_is_told(hosts: Callable[..., Done], tmp_path: Path) -> None:
    broken = python_that(tmp_path / "python", "echo \"No module named 'msgspec'\" >&2; exit 1")

    done = hosts("check", "deepwiki", "--python", broken)

    assert done.code == 1
    assert "failed  the check ran to its end: No module named 'msgspec': install lingate" in done.out


def test_a_check_without_end_is_ended(hosts: Callable[..., Done], tmp_path: Path) -> None:
    stuck = python_that(tmp_path / "python", "exec sleep 60")

    done = hosts("check", "deepwiki", "--python", stuck, "--timeout", "0.3")

    assert done.code == 1
    assert "it was still running after 0.3 s" in done.out


@pytest.mark.parametrize("ended_by", ["Ctrl-C", "a reader that goes"])
def test_a_check_that_is_left_ends_at_once_and_the_host_with_it(tmp_path: Path, ended_by: str) -> None:
    line = """echo '{"outcome": "ok", "says": "begun"}'"""
    host = python_that(
        tmp_path / "python", f"echo $$ > {tmp_path}/pid; while {line}; do sleep 0.1; done; exec sleep 60"
    )

    command = started("hosts", "check", "deepwiki", "--python", host)
    assert command.stdout is not None
    assert command.stdout.readline() == b"ok      begun\n"
    if ended_by == "Ctrl-C":
        command.send_signal(signal.SIGINT)
        command.stdout.read()
    command.stdout.close()

    assert command.wait(20) == (130 if ended_by == "Ctrl-C" else 141)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    command.communicate()


def test_a_python_is_found_from_where_the_command_is_run(
    hosts: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)

    done = hosts("check", "deepwiki", "--python", "bin/python")

    assert "the adapter can be imported" in done.out
