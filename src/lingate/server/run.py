# Runs a gateway: granian in this process and on this loop, so that signals, draining and reloading are ours.

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from lingate.errors import MissingExtraError
from lingate.server.cpu_affinity import CpuAffinity
from lingate.server.gateway import Gateway
from lingate.server.rsgi import bind

try:
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server.embed import Server
except ImportError as error:
    raise MissingExtraError("the gateway needs granian: pip install 'lingate[server]'") from error

_LEAVE_LOGGING_ALONE = {"incremental": True, "handlers": {}, "loggers": {}}
"""granian configures the process's logging when a server is made, and closes the handlers that are there; not so."""


_log = logging.getLogger("lingate.gateway")

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def address_of(host: str, port: int) -> str:
    # The numeric address that stands for a host, after making sure that one can listen there.
    # Raises OSError: One cannot: no such host, not this machine's, somebody else's port, or not allowed.
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError:
        raise OSError(f"{host!r} is not the name of a host") from None
    family, _, _, _, place = min(found, key=lambda one: one[0] != socket.AF_INET)
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # granian's own socket would share the port with any other that is willing to (SO_REUSEPORT), such as a gateway
        # that was forgotten, and each would get some of the connections.
        probe.bind(place)
    return str(place[0])


async def run(
    gateway: Gateway, host: str, port: int, *, ready: Callable[[], None], stopping: asyncio.Event | None = None
) -> None:
    # Serve until SIGTERM or SIGINT, then drain; a second one cuts that short.
    # SIGHUP reads the configuration again.
    # stopping: Ends it as SIGTERM does; signals are left alone then.
    # Raises OSError: One cannot listen there.
    loop = asyncio.get_running_loop()
    hurry = asyncio.Event()
    if stopping is None:
        stopping = asyncio.Event()
        _heed_signals(loop, gateway, stopping, hurry)
    address = address_of(host, port)
    server = _server(gateway, address, port)
    await gateway.start()
    affinity = CpuAffinity()
    serving = loop.create_task(server.serve())
    try:
        await _listening(address, port, serving)
        if gateway.live.config.own.one_cpu:
            affinity.take()
        ready()
        waiting = loop.create_task(stopping.wait())
        await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await _drained(gateway, hurry)
    finally:
        affinity.leave()
        server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait({serving}, timeout=5.0)
        await gateway.stop()


def _heed_signals(
    loop: asyncio.AbstractEventLoop, gateway: Gateway, stopping: asyncio.Event, hurry: asyncio.Event
) -> None:
    def stop() -> None:
        (hurry if stopping.is_set() else stopping).set()

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    with contextlib.suppress(AttributeError):  # Windows has no SIGHUP
        loop.add_signal_handler(signal.SIGHUP, gateway.reload_soon)


def _server(gateway: Gateway, address: str, port: int) -> Server:
    logging.getLogger("_granian").setLevel(logging.ERROR)
    return Server(
        bind(gateway.handle),
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        backpressure=65535,
        log_enabled=False,
        log_dictconfig=_LEAVE_LOGGING_ALONE,
        http1_settings=HTTP1Settings(max_buffer_size=gateway.live.config.own.limits.max_headers + 65536),
    )


async def _drained(gateway: Gateway, hurry: asyncio.Event) -> None:
    # Let calls under way end, as long as the configuration says or until somebody is in a hurry.
    seconds = gateway.live.config.own.drain
    if gateway.in_flight:
        _log.info("stopping: %d calls may go on for %g s, or until a second signal", gateway.in_flight, seconds)
    hurried = asyncio.create_task(hurry.wait())
    draining = asyncio.create_task(gateway.drain(seconds))
    await asyncio.wait({hurried, draining}, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    if draining.done():
        draining.result()
        return
    draining.cancel()
    await asyncio.wait({draining})
    await gateway.drain(0.0)


async def _listening(address: str, port: int, serving: asyncio.Task[Any]) -> None:
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(_WILDCARDS.get(address, address), port)
        except OSError:
            await asyncio.sleep(0.005)
        else:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return
    try:
        serving.result()
    except RuntimeError as error:  # what granian makes of an OSError; lines below the first are a stack of Rust
        raise OSError(str(error).partition("\n")[0]) from None
