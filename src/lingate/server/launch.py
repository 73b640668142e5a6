# From options and environment to a running gateway: what `lingate serve` does.

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from lingate.errors import ConfigError
from lingate.server import ui
from lingate.server.config import GatewayConfig, load
from lingate.server.gateway import Gateway
from lingate.server.logs import Logs, writing
from lingate.server.routing.names import present_text
from lingate.server.run import address_of, run
from lingate.server.store import Store

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
