# `lingate simulate`: a provider to develop against, as a program of its own.

from __future__ import annotations

import os
import signal
import threading
import time

from lingate.cli.screen import Screen, duration
from lingate.errors import ConfigError
from lingate.simulator import RecordedRequest, Simulator


def simulate(screen: Screen, *, host: str, port: int, delay: float, quiet: bool) -> None:
    # Answer requests until Ctrl-C, then say what there was.
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    simulator = Simulator(
        host=host, port=port, delay=delay, on_request=None if quiet else lambda one: _line(screen, one)
    )
    try:
        simulator.start()
    except OSError as error:
        # asyncio's own words name the address again; those of a name that is not known are not the system's.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        raise ConfigError(f"cannot listen on {host}:{port}: {why}", hint="choose another with --port") from None
    started = time.monotonic()
    url = simulator.url
    screen.answer(f"{url}\n")
    for line in (
        f"Lingate simulator at {url}; Ctrl-C ends it.",
        f"  openai     base_url={url}/v1    OPENAI_BASE_URL={url}/v1",
        f"  anthropic  base_url={url}    ANTHROPIC_BASE_URL={url}",
        f"  lingate    lingate chat hello -m openai/sim-large --api-base {url}/v1 --api-key any",
        f"  all that have no key here    LINGATE_PROXY_URL={url} LINGATE_PROXY_API_KEY=any",
        f"What it understands, faults included: curl {url}/",
    ):
        screen.note(line)
    # In steps, because waiting without an end keeps Windows from noticing Ctrl-C.
    while not stop.wait(1.0):
        pass
    simulator.close()
    seconds, stats = time.monotonic() - started, simulator.stats()
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(stats["by_status"].items())) or "none"
    billed = stats["billed"]
    screen.note(
        f"{stats['requests']['total']} requests in {duration(seconds)} ({statuses}); "
        f"{billed['prompt']} tokens in, {billed['completion']} out; {len(stats['disconnects'])} clients left early"
    )


def _line(screen: Screen, one: RecordedRequest) -> None:
    took = duration(time.monotonic() - one.at)
    tokens = one.prompt_tokens or one.completion_tokens
    words = (
        str(one.status or "---"),
        f"{one.method} {one.path}",
        one.model,
        f"{one.prompt_tokens}+{one.completion_tokens} tokens" if tokens else "",
        f"{one.events} events" if one.stream else "",
        took,
        "" if one.outcome == "complete" else one.outcome,
        f"fault: {', '.join(one.faults)}" if one.faults else "",
    )
    screen.note("  ".join(filter(None, words)))
