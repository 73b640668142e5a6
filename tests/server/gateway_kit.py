"""A real gateway for tests: granian on loopback, in a thread, in front of whatever the configuration names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvloop

from lingate.server.config import load
from lingate.server.gateway import Gateway
from lingate.server.launch import run
from lingate.server.store import Store
from tests.services import free_port

MASTER = "sk-master-of-tests"
ADMIN = {"authorization": f"Bearer {MASTER}"}


@dataclass
class Running:
    """A gateway under test.

    Attributes:
        url: Where it is.
        loop: That thread's loop.
        config: Path of its configuration file.
        state: Its state directory.
    """

    url: str
    _gateway: Gateway
    loop: asyncio.AbstractEventLoop
    config: Path
    state: Path

    @property
    def gateway(self) -> Gateway:
        """The gateway itself; its state is its own thread's, which may still be busy with a call that has its answer."""
        if self.loop.is_running() and asyncio._get_running_loop() is None:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self.loop).result(10)
        return self._gateway

    def flush(self) -> None:
        """Return when everything that was accounted for is in the database."""
        assert self.gateway.drainer is not None
        asyncio.run_coroutine_threadsafe(self.gateway.drainer.flush(), self.loop).result(10)


@contextlib.contextmanager
def running_gateway(
    config: str,
    tmp_path: Path,
    *,
    auth: bool = False,
    env: Mapping[str, str] | None = None,
    database: str | None = None,
) -> Iterator[Running]:
    """Run a gateway for the length of a `with`.

    Args:
        config: Its configuration, as text.
        tmp_path: Where its files are.
        auth: Whether callers need a key; the master key is `MASTER` then.
        env: Its environment, beside the configuration.
        database: URL of its database. Default: SQLite in `tmp_path`.
    """
    file = tmp_path / "gateway.yaml"
    file.write_text(config)
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    variables = {"LINGATE_MASTER_KEY": MASTER, **(os.environ if env is None else env)}
    port = free_port()
    ready = threading.Event()
    found: list[Running] = []
    stops: list[asyncio.Event] = []
    failures: list[BaseException] = []

    async def serve() -> None:
        gateway = Gateway(
            load(str(file), variables),
            state=state,
            store=Store(database or f"sqlite:///{state}/gateway.db"),
            env=variables,
            auth=auth,
        )
        stops.append(asyncio.Event())
        found.append(Running(f"http://127.0.0.1:{port}", gateway, asyncio.get_running_loop(), file, state))
        await gateway.store_ready()
        await run(gateway, "127.0.0.1", port, ready=ready.set, stopping=stops[0])

    def thread() -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve())
        except BaseException as error:
            failures.append(error)
            ready.set()

    server = threading.Thread(target=thread, daemon=True)
    server.start()
    assert ready.wait(20), "the gateway did not start"
    if failures:
        raise failures[0]
    try:
        yield found[0]
    finally:
        found[0].loop.call_soon_threadsafe(stops[0].set)
        server.join(30)
        assert not server.is_alive(), "the gateway did not stop"
    if failures:
        raise failures[0]
