# From options and environment to a running gateway: what `lingate serve` does.

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from lingate.errors import ConfigError, MissingExtraError
from lingate.server import ui
from lingate.server.config import GatewayConfig, load
from lingate.server.gateway import Gateway
from lingate.server.logs import Logs, writing
from lingate.server.routing.names import present_text
from lingate.server.rsgi import bind
from lingate.server.store import Store

# Runs a gateway: granian in this process and on this loop, so that signals, draining and reloading are ours.

try:
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server.embed import Server
except ImportError as error:
    raise MissingExtraError("the gateway needs granian: pip install 'lingate[server]'") from error

_LEAVE_LOGGING_ALONE = {"incremental": True, "handlers": {}, "loggers": {}}
"""granian configures the process's logging when a server is made, and closes the handlers that are there; not so."""


_log = logging.getLogger("lingate.gateway")

if sys.platform != "win32":
    from resource import RLIMIT_NOFILE, getrlimit

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
    serving = loop.create_task(server.serve())
    try:
        await _listening(address, port, serving)
        if gateway.live.config.own.one_cpu:
            gateway.affinity.take()
        ready()
        waiting = loop.create_task(stopping.wait())
        await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await _drained(gateway, hurry)
    finally:
        gateway.affinity.leave()
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
    terminals = [*filter(os.isatty, range(3))]

    def hang_up() -> None:
        # The same signal tells that the terminal is gone: nobody could end it there any more.
        (stop if terminals and not any(map(os.isatty, terminals)) else gateway.reload_soon)()

    with contextlib.suppress(AttributeError):  # Windows has no SIGHUP
        loop.add_signal_handler(signal.SIGHUP, hang_up)


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
        http1_settings=HTTP1Settings(IDLE, max_buffer_size=gateway.live.config.own.limits.max_headers + 65536),
    )


IDLE = 125_000
"""Milliseconds for which a connection is kept unused: longer than by what stands before gateways (nginx and balancers 60 s,
Go 90, Caddy 120), whose next request would meet our closing it."""


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


_YOUNG = 10_000
"""Objects after which the youngest are searched: a call has some hundred, and a thousand calls may be under way."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Options(NamedTuple):
    # What the command line says; None: as the configuration does.

    config: str | None = None
    """The configuration file."""
    host: str | None = None
    """Address to listen on."""
    port: int | None = None
    """Port to listen on."""
    state: str | None = None
    """Directory of journal and SQLite database."""
    auth: bool = True
    """Whether callers need a key."""


def serve(options: Options, env: Mapping[str, str], say: Callable[[str], None]) -> None:
    # Run a gateway until it is told to stop.
    # Raises ConfigError: It cannot be started; the message says why.
    # It takes 35, and two for each call; where the runtimes find none, they end the process.
    if sys.platform != "win32" and 0 <= (most := getrlimit(RLIMIT_NOFILE)[1]) < 64:
        raise ConfigError(f"{most} open files are too few for a gateway", hint="ulimit -n 65536")
    config = load(options.config, env)
    # Its exporter reads the process's environment, and nothing else.
    os.environ.update({name: value for name, value in config.env.items() if name.startswith("OTEL_")})
    if not options.auth and (options.host or config.own.host) not in _LOOPBACK:
        raise ConfigError("without keys the gateway listens on loopback only: leave --host out, or --no-auth")
    for warning in config.warnings:
        say(f"warning: {warning}")
    with writing(config, env, sys.stderr) as logs, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(options, config, env, say, logs))


async def _serve(
    options: Options, config: GatewayConfig, env: Mapping[str, str], say: Callable[[str], None], logs: Logs
) -> None:
    state = state_directory(options.state, config, env)
    host, port = options.host or config.own.host, config.own.port if options.port is None else options.port
    with _listening_at(host, port):
        address = address_of(host, port)  # before anything is made that only a gateway that runs has a use for
    store = Store(database_url(config, state))
    gateway = Gateway(
        config, state=state, store=store, env=env, auth=options.auth, on_master=lambda key: _tell_master(key, say)
    )
    logs.attach(gateway)
    try:
        await gateway.store_ready()
        with _listening_at(host, port):
            _spare_the_collector()
            await run(gateway, address, port, ready=lambda: _introduce(gateway, host, port, say))
    finally:
        await store.close()  # its threads outlive a start that was broken off, and would complain


@contextlib.contextmanager
def _listening_at(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise ConfigError(
            f"cannot listen on {_place(host, port)}: {error.strerror or error}",
            hint="another gateway? choose another with --port" if taken else None,
        ) from None


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def state_directory(given: str | None, config: GatewayConfig, env: Mapping[str, str]) -> Path:
    # Where journal and SQLite database are; made if it is not there.
    # Raises ConfigError: It cannot be.
    named = given or config.env.get("LINGATE_STATE_DIR") or config.own.state_dir
    if not named:
        home = env.get("XDG_STATE_HOME") or os.path.join(env.get("HOME") or "~", ".local", "state")
        named = os.path.join(home, "lingate")
    try:
        path = Path(named).expanduser()
    except RuntimeError:  # a container's user may have no home
        raise ConfigError(f"there is no home directory for {named}", hint="set LINGATE_STATE_DIR") from None
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the state directory {path} cannot be made: {error.strerror}") from None
    return path


def database_url(config: GatewayConfig, state: Path) -> str:
    # Where keys and ledger are.
    return (
        config.env.get("LINGATE_DATABASE_URL")
        or config.general.database_url
        or f"sqlite:///{(state / 'lingate.db').absolute()}"
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop
    return None


def _spare_the_collector() -> None:
    # Have Python's collector pass over what lives as long as the process: searching it takes milliseconds, in mid-answer.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])


def _tell_master(key: str, say: Callable[[str], None]) -> None:
    say(f"master key: {key}")
    say("It is shown this once; the gateway keeps its hash only. With it: lingate keys create, and the admin API.")


def _introduce(gateway: Gateway, host: str, port: int, say: Callable[[str], None]) -> None:
    config = gateway.live.config
    say(f"Lingate gateway at http://{_place(host, port)}; Ctrl-C ends it.")
    if config.own.ui:
        say(f"What it does, for administrators: http://{_place(host, port)}{ui.PAGE}")
    if find_spec("genai_prices") is None:
        say(
            "Prices are not installed, and a budget pays for no model whose price is unknown: pip install 'lingate[prices]'"
        )
    if config.path is None:
        said = "No configuration: every provider whose credential is present is served as provider/model"
        say(f"{said} ({present_text(config)}).")
    else:
        besides = ", and every provider whose credential is present" if config.serve_all else ""
        count = len(config.deployments)
        say(f"{count} deployment{'s' * (count != 1)} from {config.path}{besides}; its changes are taken over at once.")
    if not gateway.auth:
        say("Callers need no key.")
    logging.getLogger("lingate.gateway").info("listening on %s", _place(host, port))
