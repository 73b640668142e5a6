"""`lingate demo`: what Lingate does, shown against a simulator in this process, over real HTTP. No keys, no network."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lingate._client import Lingate
from lingate.cli.demo_steps import STEPS, DemoError, Shown, Stage, Wire
from lingate.cli.screen import Screen, dollars, duration
from lingate.errors import LingateError
from lingate.simulator import Simulator

_DELAY = 0.012
"""Seconds before each token: slow enough to be seen arriving."""


@dataclass(frozen=True, slots=True)
class _Result:
    wire: Wire
    step: str
    seconds: float
    shown: Shown
    problem: str | None


def run(screen: Screen) -> int:
    """Show every step in every wire format.

    Returns:
        0 if each did what it says, else 1.
    """
    # An empty environment: no key, base URL or proxy of the user's takes part in this.
    with Simulator(delay=_DELAY) as simulator, Lingate(env={}) as client:
        screen.answer(f"A simulated provider listens on {simulator.url}; the calls below go there over HTTP.\n")
        wires = (
            Wire("OpenAI", "openai/gpt-4o-mini", f"{simulator.url}/v1", embeddings="openai/text-embedding-3-small"),
            Wire("Anthropic", "anthropic/claude-sonnet-4-6", simulator.url),
        )
        results = []
        for wire in wires:
            screen.answer(f"\n{wire.title} wire format, {wire.model}\n")
            stage = Stage(client, wire, lambda line: screen.answer(f"      {line}\n"), screen.answer)
            results += [_perform(name, step, stage, screen) for name, step in STEPS]
        stats = simulator.stats()
    failed = [result for result in results if result.problem]
    _table(results, screen)
    requests, billed = stats["requests"], stats["billed"]["total"]
    screen.answer(f"\n{len(results) - len(failed)} of {len(results)} steps did what they say; ")
    screen.answer(f"{requests['total']} requests, {billed} tokens billed by the simulator.\n")
    return 1 if failed else 0


def _perform(name: str, step: Callable[[Stage], Shown], stage: Stage, screen: Screen) -> _Result:
    screen.answer(f"\n  {name}\n")
    started = time.perf_counter()
    problem = None
    shown = Shown()
    try:
        shown = step(stage)
    except (DemoError, LingateError) as error:
        problem = f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - started
    screen.end()
    screen.answer(f"      {'FAILED: ' + problem if problem else 'ok'}, {duration(seconds)}\n")
    return _Result(stage.wire, name, seconds, shown, problem)


def _table(results: Sequence[_Result], screen: Screen) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("wire", "step", "result"):
        table.add_column(title, no_wrap=True)
    for title in ("tokens in", "out", "list price", "time"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in results:
        shown = one.shown
        table.add_row(
            one.wire.title,
            one.step,
            "FAILED" if one.problem else "ok",
            _number(shown.prompt_tokens),
            _number(shown.completion_tokens),
            "-" if shown.cost is None else dollars(shown.cost),
            duration(one.seconds),
            style="red" if one.problem else None,
        )
    screen.answer("\n")
    Console(file=sys.stdout, width=None if screen.terminal else 110).print(table)


def _number(count: int) -> str:
    return str(count) if count else "-"
