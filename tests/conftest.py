"""Shared by all tests: a scrubbed environment, loopback only, and where the outside material is."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from lingate._providers import lookup

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("LINGATE_SHARED", ROOT.parent / "shared"))
RECORDINGS = Path(os.environ.get("LINGATE_RECORDINGS", SHARED / "recordings"))

_LOOPBACK = ("127.", "localhost", "::1")
_KEPT = {"PATH", "LANG", "LC_ALL", "TMPDIR", "TERM", "VIRTUAL_ENV", "CI", "PYTHONPATH", "USER", "LOGNAME"}


# Not in the environment that fast-agent's tests have. How fast a machine is, and what else it does, is no finding.
# The same code gets the same examples, so that a run says what changed; others are looked for where somebody wants that.
if find_spec("hypothesis") is not None:
    from hypothesis import HealthCheck, settings

    EXAMPLES = os.environ.get("LINGATE_EXAMPLES")
    settings.register_profile(
        "lingate",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize=EXAMPLES is None,
        max_examples=int(EXAMPLES or 100),
    )
    settings.load_profile("lingate")


# A run in the background (`make test &`) ignores Ctrl-C, and every process that tests start and interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    return str(address[0]).startswith(_LOOPBACK)


class OutsideWorldError(AssertionError):
    """A test tried to reach something that is not this machine."""


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(original: Any) -> Any:
        def check(self: socket.socket, address: Any) -> Any:
            if not _is_loopback(address):
                raise OutsideWorldError(f"a test connects to {address!r}")
            return original(self, address)

        return check

    socket.socket.connect, socket.socket.connect_ex = guarded(connect), guarded(connect_ex)  # type: ignore[method-assign]
    try:
        yield
    finally:
        socket.socket.connect, socket.socket.connect_ex = connect, connect_ex  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _clean_environ(monkeypatch: pytest.MonkeyPatch, _home: Path) -> None:
    """No key, proxy, file or setting of the developer's own reaches a test."""
    for name in list(os.environ):
        if name not in _KEPT and not name.startswith(
            ("PYTEST_", "LINGATE_RECORDINGS", "LINGATE_SHARED", "HYPOTHESIS", "COV_")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(_home))
    # The HTTP client resolves names outside Python, where the guard above cannot see: a dead proxy catches what is not loopback.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost,::1")


@pytest.fixture(autouse=True)
def _no_providers_of_other_tests() -> Iterator[None]:
    """What a test registers ends with it."""
    before = dict(lookup._users)
    yield
    lookup._users.clear()
    lookup._users.update(before)


@pytest.fixture
def recordings() -> Path:
    """The folder of recorded exchanges."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recordings at {RECORDINGS}: set LINGATE_RECORDINGS")
    return RECORDINGS


@pytest.fixture
def shared() -> Path:
    """The folder of facts beside the project."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared material at {SHARED}: set LINGATE_SHARED")
    return SHARED
