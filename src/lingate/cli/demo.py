"""`lingate demo`: what Lingate does, shown against a simulator in this process, over real HTTP. No keys, no network."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lingate._client import Lingate
from lingate.cli.demo_steps import STEPS, DemoError, Shown, Stage, Wire
from lingate.cli.screen import Screen, count_text, dollars, duration, plain_table
from lingate.simulator import Simulator

if TYPE_CHECKING:
    from lingate.cli.demo_gateway import Gateway

_DELAY = 0.012
"""Seconds before each token: slow enough to be seen arriving."""
_MISSING = "\nThe gateway's part is left out: it needs pip install 'lingate[server]'.\n"


@dataclass(slots=True)
class _Result:
    step: str
    wire: str = ""
    seconds: float = 0.0
    shown: Shown = field(default_factory=Shown)
    problem: str | None = None


def run(screen: Screen) -> int:
    """Show every step in every wire format, and the gateway; gives the exit code."""
    with Simulator(delay=_DELAY) as simulator:
        screen.answer(f"A simulated provider listens on {simulator.url}; the calls below go there over HTTP.\n")
        results = _sdk(simulator, screen)
        stats = simulator.stats()
        requests, billed = stats["requests"], stats["billed"]["total"]
        screen.answer(f"\n{_count(results)}; {requests['total']} requests, {billed} tokens billed by the simulator.\n")
        simulator.reset()
        if find_spec("granian") is None:
            screen.answer(_MISSING)
        else:
            behind = _gateway(simulator, screen)
            screen.answer(f"\nGateway: {_count(behind)}.\n")
            results += behind
    failed = [one for one in results if one.problem]
    for one in failed:
        screen.problem(f"{one.wire}, {one.step}: {one.problem}")
    screen.answer(f"\nAll in all: {_count(results)}.\n")
    return 1 if failed else 0


def _count(results: Sequence[_Result]) -> str:
    return f"{sum(one.problem is None for one in results)} of {len(results)} steps did what they say"


def _sdk(simulator: Simulator, screen: Screen) -> list[_Result]:
    results: list[_Result] = []
    wires = (
        Wire("OpenAI", "openai/gpt-4o-mini", f"{simulator.url}/v1", embeddings="openai/text-embedding-3-small"),
        Wire("Anthropic", "anthropic/claude-sonnet-4-6", simulator.url),
    )
    # An empty environment: no key, base URL or proxy of the user's takes part in this.
    with Lingate(env={}) as client:
        for wire in wires:
            screen.answer(f"\n{wire.title} wire format, {wire.model}\n")
            stage = Stage(client, wire, _sayer(screen), screen.answer)
            for name, step in STEPS:
                with _performed(name, wire.title, results, screen) as result:
                    result.shown = step(stage)
    _table(results, screen)
    return results


def _gateway(simulator: Simulator, screen: Screen) -> list[_Result]:
    from lingate.cli.demo_clients import anthropic_side, openai_side
    from lingate.cli.demo_gateway import BUDGET, running
    from lingate.cli.demo_gateway_steps import GATEWAY_STEPS, Visit

    say = _sayer(screen)
    results: list[_Result] = []
    screen.answer("\nThe gateway: `lingate serve` on SQLite, in front of the same provider\n")
    with _performed("start and stop", "gateway", results, screen, quiet=True), running(simulator.url) as gateway:
        say(f"{gateway.url} answers {duration(gateway.seconds)} after its start; master key made, kept as a hash")
        key = gateway.key()
        say(f"a virtual key with a budget of {dollars(BUDGET)}: {key[:12]}...")
        openai, anthropic = openai_side(gateway.url, key), anthropic_side(gateway.url, key)
        try:
            visit = Visit(openai, anthropic, lambda: int(simulator.stats()["requests"]["total"]), say, screen.answer)
            for name, step in GATEWAY_STEPS:
                with _performed(name, "gateway", results, screen):
                    step(visit)
        finally:
            openai.close()
            anthropic.close()
        with _performed("ledger", "gateway", results, screen):
            _accounts(gateway, visit.calls, simulator, screen)
    return results


def _accounts(gateway: Gateway, calls: int, simulator: Simulator, screen: Screen) -> None:
    """Show what the ledger has, and hold it against what the provider has billed."""
    from lingate.cli.demo_gateway import ledger, summary

    rows = gateway.rows(calls)
    names = {row["key_id"]: row["key_alias"] for row in rows}
    _print(ledger(rows), screen)
    _print(summary("by model", {one["model"]: one for one in gateway.sums("model")}), screen)
    _print(summary("by key", {names[one["key_id"]]: one for one in gateway.sums("key_id")}), screen)
    kept = sum((row.get("prompt_tokens") or 0) + (row.get("completion_tokens") or 0) for row in rows)
    billed = simulator.stats()["billed"]["total"]
    screen.answer(f"\n      {len(rows)} calls, {kept} tokens in the ledger; the simulator has billed {billed}\n")
    if (len(rows), kept) != (calls, billed):
        raise DemoError(f"{calls} calls were made, and the simulator has billed {billed} tokens")


def _sayer(screen: Screen) -> Callable[[str], None]:
    return lambda line: screen.answer(f"      {line}\n")


@contextmanager
def _performed(
    name: str, wire: str, results: list[_Result], screen: Screen, *, quiet: bool = False
) -> Iterator[_Result]:
    if not quiet:
        screen.answer(f"\n  {name}\n")
    result = _Result(name, wire)
    started = time.perf_counter()
    try:
        yield result
    except Exception as error:
        # The vendors' packages have trees of errors of their own; whatever it was, the step has failed, and the rest goes on.
        result.problem = f"{type(error).__name__}: {error}"
    result.seconds = time.perf_counter() - started
    results.append(result)
    screen.end()
    if result.problem or not quiet:
        screen.answer(f"      {'FAILED: ' + result.problem if result.problem else 'ok'}, {duration(result.seconds)}\n")


def _table(results: Sequence[_Result], screen: Screen) -> None:
    table = plain_table("wire", "step", "result", right=("tokens in", "out", "list price", "time"))
    for one in results:
        shown = one.shown
        table.add_row(
            one.wire,
            one.step,
            "FAILED" if one.problem else "ok",
            count_text(shown.prompt_tokens),
            count_text(shown.completion_tokens),
            "-" if shown.cost is None else dollars(shown.cost),
            duration(one.seconds),
            style="red" if one.problem else None,
        )
    _print(table, screen)


def _print(table: Any, screen: Screen) -> None:
    from rich.console import Console

    screen.answer("\n")
    Console(file=sys.stdout, width=None if screen.terminal else 130).print(table)
