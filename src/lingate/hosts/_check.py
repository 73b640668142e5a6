# Starts a host's check: a simulator here, a scratch copy of the checkout, and a process of the host's own Python.

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import lingate
from lingate._model import Fixed
from lingate.errors import ConfigError
from lingate.hosts._disk import tree_of, write
from lingate.hosts._probe import URL_VARIABLE
from lingate.hosts._recipe import Recipe, install

_UNCOPIED = shutil.ignore_patterns(
    ".git", "node_modules", ".venv", "venv", "__pycache__", "*.pyc", "*.gguf", "*.safetensors"
)


class Outcome(Fixed, frozen=True):
    # One line of a check: `outcome` is `ok`, `failed` or `skipped`, `says` what was tried, `why` what was wrong with it.

    outcome: str
    says: str
    why: str = ""


def check(
    recipe: Recipe,
    *,
    path: Path | None,
    python: str | None,
    values: Mapping[str, str],
    each: Callable[[Outcome], None],
    timeout: float = 300.0,
) -> tuple[bool, str]:
    # Run a host's code against the simulator, and tell whether all went well, and what the host printed.
    # path: The host's checkout, which is copied, never changed; None checks the adapter alone.
    # python: The host's Python; None is the one this runs in.
    # values: For the `{{name}}`s of the recipe.
    # each: Called with each line as it comes.
    from lingate.simulator import Simulator

    if not recipe.check:
        raise ConfigError(f"{recipe.host} has no check for the route {recipe.route}")
    with tempfile.TemporaryDirectory(prefix="lingate-check-", ignore_cleanup_errors=True) as scratch:
        home = Path(scratch, "home")
        home.mkdir()
        copied = Path(scratch, "host")
        if path is not None:
            shutil.copytree(path, copied, ignore=_UNCOPIED, symlinks=True, ignore_dangling_symlinks=True)
            write(copied, install(recipe, tree_of(copied), values))
        with Simulator() as simulator:
            executable, packages = _interpreter(python) if python else (sys.executable, site.getuserbase())
            command = [executable, "-m", "lingate.hosts._probe", recipe.check]
            command += [] if path is None else [str(copied)]
            env = _environment(simulator.url, home, _only_lingate(scratch)) | {"PYTHONUSERBASE": packages}
            return _run(command, env, home, each, timeout)


def _interpreter(python: str) -> tuple[str, str]:
    # Where a Python really is, and the packages of its user: the check's empty home would hide both.
    try:
        asked = subprocess.run(  # noqa: S603 - the user names it
            [python, "-c", "import site, sys; print(sys.executable); print(site.getuserbase())"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        executable, packages = asked.stdout.splitlines()
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ConfigError(f"{python} is no Python that can be run: {error}", hint="--python names the host's") from None
    return executable, packages


def _only_lingate(scratch: str) -> Path:
    # A folder with this Lingate and nothing else: the packages beside it are not of the host's Python.
    source = Path(scratch, "source")
    source.mkdir()
    package = Path(lingate.__file__).resolve().parent
    try:
        (source / "lingate").symlink_to(package, target_is_directory=True)
    except OSError:  # Windows keeps links for the privileged
        shutil.copytree(package, source / "lingate")
    return source


def _environment(url: str, home: Path, source: Path) -> dict[str, str]:
    # The environment without any credential and with the simulator for a provider, so that nothing can be billed.
    secret = {name for info in lingate.providers(env={}) for name in (*info.variables, *info.url_variables)}
    kept = {name: value for name, value in os.environ.items() if name not in secret and "PROXY" not in name.upper()}
    return kept | {
        URL_VARIABLE: url,
        "OPENAI_API_KEY": "check",
        "OPENAI_BASE_URL": f"{url}/v1",
        "ANTHROPIC_API_KEY": "check",
        "ANTHROPIC_BASE_URL": url,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_DATA_HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(source), kept.get("PYTHONPATH")))),
        "PYTHONUNBUFFERED": "1",
    }


def _run(
    command: list[str], env: dict[str, str], home: Path, each: Callable[[Outcome], None], timeout: float
) -> tuple[bool, str]:
    with tempfile.TemporaryFile() as noise:
        process = subprocess.Popen(  # noqa: S603 - the user names it
            command, stdout=subprocess.PIPE, stderr=noise, env=env, cwd=home, text=True
        )
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        told = 0
        failed = False
        try:
            with process:
                assert process.stdout is not None
                for line in process.stdout:
                    outcome = Outcome(**json.loads(line))
                    told += 1
                    failed |= outcome.outcome == "failed"
                    each(outcome)
            late = not timer.is_alive()
        finally:  # Ctrl-C, say: the host is not to go on, and nobody to wait for the timer
            timer.cancel()
            process.kill()
        noise.seek(0)
        text = noise.read().decode(errors="replace")
    if process.returncode != 0 and not failed:
        failed = True
        each(Outcome("failed", "the check ran to its end", _why_ended(process.returncode, text, late, timeout)))
    return not failed and told > 0, text


def _why_ended(code: int, text: str, late: bool, timeout: float) -> str:
    if late:
        return f"it was still running after {timeout:g} s"
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    if "No module named" in last:
        return f"{last.strip()}: install lingate and the host's packages in this Python, or name another with --python"
    return f"exit code {code}: {last.strip()}"
