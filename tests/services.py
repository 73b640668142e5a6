"""A real Postgres and a real Redis for the tests that need one, on free loopback ports, gone afterwards.

Binaries are found on PATH and where distributions put them; where there are none the test is skipped and says so.
`scripts/services.sh` installs them on Debian.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


def find_binary(name: str) -> str:
    """The path of a program, or the test is skipped."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/bin:/usr/sbin")
    for place in _PLACES:
        found = found or next((str(path) for path in sorted(Path("/").glob(f"{place[1:]}/{name}"), reverse=True)), None)
    if found is None:
        pytest.skip(f"no {name} on this machine: scripts/services.sh installs it on Debian")
    return found


def free_port() -> int:
    """A port nobody listens on at the moment, and none of those that connections are given: one may come in between."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)  # hypothesis sets what `random` gives, in each process the same
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


class Service:
    """A server process that a test can stop, freeze and start again."""

    def __init__(self, command: list[str], port: int, answers: Callable[[], bool], **options: Any) -> None:
        self.port = port
        self._command = command
        self._answers = answers
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._options,
        )
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self._command[0]} did not start")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT is Postgres's fast shutdown, SIGKILL is a crash."""
        if self._process is None:
            return
        self.resume()
        self._process.send_signal(how)
        self._process.wait(30)
        self._process = None

    def freeze(self) -> None:
        """Let it keep its connections and answer nothing."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """End `freeze`."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, which: signal.Signals) -> None:
        if self._process is None:
            return
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        for one in (pid, *map(int, children.read_text().split() if children.exists() else [])):
            # A child that serves a connection may end between the two lines.
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, which)


class PostgresServer(Service):
    """A cluster of its own, with an empty database for each test."""

    def __init__(self, directory: Path, options: dict[str, Any]) -> None:
        self._psql = find_binary("psql")
        port = free_port()
        settings = (
            f"listen_addresses=127.0.0.1 port={port} unix_socket_directories= fsync=off shared_buffers=16MB "
            "max_connections=40 log_min_messages=panic deadlock_timeout=100ms"
        )
        command = [find_binary("postgres"), "-D", str(directory)]
        for setting in settings.split():
            command += ["-c", setting]
        super().__init__(command, port, lambda: self._run("postgres", "SELECT 1"), **options)
        self._databases = 0

    def database(self) -> str:
        """The URL of an empty database."""
        self._databases += 1
        # A schema is one to Lingate, and costs nothing to make or to delete; a database is three hundred files.
        name = f"test_{self._databases}"
        assert self._run("postgres", f"CREATE SCHEMA {name}")
        return f"postgresql://lingate@127.0.0.1:{self.port}/postgres?schema={name}"

    def _run(self, database: str, statement: str) -> bool:
        command = [
            self._psql,
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "lingate",
            "-d",
            database,
            "-qc",
            statement,
        ]
        return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0


def _unprivileged() -> dict[str, Any]:
    # Postgres refuses to run as root.
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    pytest.skip("no user to run postgres as")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One running Postgres; a test that stops it starts it again."""
    initdb = find_binary("initdb")
    options = _unprivileged()
    # Not below pytest's own directory, which belongs to whoever runs the tests and is closed to others.
    root = Path(tempfile.mkdtemp(prefix="lingate-postgres-"))
    try:
        if options:
            os.chown(root, options["user"], options["group"])
        subprocess.run(
            [initdb, "-D", str(root / "data"), "-U", "lingate", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"],
            check=True,
            capture_output=True,
            cwd=root,
            **options,
        )
        server = PostgresServer(root / "data", {**options, "cwd": root})
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> str:
    """The URL of an empty database on a real Postgres."""
    return postgres_server.database()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Service]:
    """A running Redis that keeps nothing on disk."""
    binary, port = find_binary("redis-server"), free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    server = Service(command, port, answers, cwd=tmp_path)
    server.start()
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)


@pytest.fixture
def redis(redis_server: Service) -> str:
    """The URL of an empty Redis."""
    return f"redis://127.0.0.1:{redis_server.port}/0"
