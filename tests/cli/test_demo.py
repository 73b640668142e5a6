"""`lingate demo`: every step does what it says, without keys, and the exit code tells."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lingate._client import Lingate
from lingate.cli.demo import STEPS, DemoError, Stage, Wire
from lingate.cli.demo_gateway import (
    GATEWAY_STEPS,
    AnthropicSide,
    Gateway,
    OpenAISide,
    OwnAnthropicSide,
    OwnOpenAISide,
    RefusedError,
    Visit,
    running,
)
from lingate.errors import LingateError
from lingate.simulator import Simulator
from tests.cli.driver import KEY, Done, lingate
from tests.servers import RawServer, Script


@pytest.fixture(scope="module")
def shown() -> Done:
    """What the demonstration shows, run once; the user's own credentials and addresses must not matter to it."""
    return lingate(
        "demo",
        patience=90.0,
        OPENAI_API_KEY=KEY,
        OPENAI_BASE_URL="http://127.0.0.1:1",
        ANTHROPIC_BASE_URL="http://127.0.0.1:1",
        LINGATE_DATABASE_URL="postgresql://127.0.0.1:1/nobody",
        LINGATE_MASTER_KEY=KEY,
    )


def test_all_steps_are_done_in_both_wire_formats(shown: Done) -> None:
    for wire in ("OpenAI", "Anthropic"):
        for name, _ in STEPS:
            row = next(line for line in shown.out.splitlines() if line.startswith(wire) and name in line)
            assert " ok " in row
    assert f"{2 * len(STEPS)} of {2 * len(STEPS)} steps did what they say" in shown.out
    assert "try 3" in shown.out
    assert "StreamInterruptedError" in shown.out
    assert KEY not in shown.out + shown.err
    assert "\x1b" not in shown.out


def test_the_gateway_is_driven_through_two_faces_by_the_vendors_packages(shown: Done) -> None:
    steps = len(GATEWAY_STEPS) + 2  # starting and stopping it, and its ledger
    assert f"Gateway: {steps} of {steps} steps did what they say" in shown.out
    assert re.search(r"\(openai \d.*, model claude\)", shown.out)
    assert re.search(r"\(anthropic \d.*, model gpt\)", shown.out)
    assert "status 429, Retry-After 7 s" in shown.out
    assert "the budget of key demo is $0.01" in shown.out


def test_it_ends_with_the_ledger_which_has_what_the_provider_billed(shown: Done) -> None:
    rows = [line.split() for line in shown.out.splitlines() if re.match(r"(openai_chat|anthropic) +[a-z]", line)]

    assert [(row[0], row[1], row[-2], row[-1]) for row in rows] == [
        ("openai_chat", "claude", "200", "ok"),
        ("anthropic", "gpt", "200", "ok"),
        ("openai_chat", "claude", "200", "ok"),
        ("openai_chat", "claude", "200", "ok"),
        ("openai_chat", "gpt", "200", "ok"),
        ("openai_chat", "embedder", "200", "ok"),
        ("openai_chat", "shaky", "200", "ok"),
        ("openai_chat", "crowded", "429", "rate_limit"),
        ("anthropic", "claude", "402", "budget"),
    ]
    assert re.search(r"9 calls, (\d+) tokens in the ledger; the simulator has billed \1\n", shown.out)
    assert re.search(r"^demo +9 +2 ", shown.out, re.MULTILINE)


def test_its_tables_fit_a_terminal_of_80_columns(shown: Done) -> None:
    # A narrow terminal would get columns of single letters; a pipe has them as wide as they are.
    lines = re.findall(
        r"^(?:wire |OpenAI |Anthropic |face |openai_chat |anthropic |by ).*  .*$", shown.out, re.MULTILINE
    )

    assert len(lines) > 25
    assert max(map(len, lines)) <= 80


@pytest.fixture(scope="module")
def paced() -> Iterator[Simulator]:
    """A simulator whose streams can be told from answers in one piece."""
    with Simulator(delay=0.01) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def gateway(paced: Simulator) -> Iterator[tuple[Gateway, str]]:
    with running(paced.url) as started:
        yield started, started.key()


def _visit(simulator: Simulator, openai: OpenAISide, anthropic: AnthropicSide) -> Visit:
    return Visit(
        openai, anthropic, lambda: int(simulator.stats()["requests"]["total"]), lambda line: None, lambda text: None
    )


def test_without_the_vendors_packages_lingates_own_client_does_the_same(
    paced: Simulator, gateway: tuple[Gateway, str]
) -> None:
    running_, key = gateway
    openai, anthropic = OwnOpenAISide(running_.url, key), OwnAnthropicSide(running_.url, key)
    visit = _visit(paced, openai, anthropic)

    for _, step in GATEWAY_STEPS:
        step(visit)

    openai.close()
    anthropic.close()
    assert len(running_.rows(visit.calls)) == visit.calls == 9


@pytest.mark.parametrize("name", [name for name, _ in GATEWAY_STEPS])
def test_a_step_that_is_refused_fails(paced: Simulator, gateway: tuple[Gateway, str], name: str) -> None:
    openai, anthropic = OwnOpenAISide(gateway[0].url, "sk-wrong"), OwnAnthropicSide(gateway[0].url, "sk-wrong")

    with pytest.raises((DemoError, RefusedError)):
        dict(GATEWAY_STEPS)[name](_visit(paced, openai, anthropic))

    openai.close()
    anthropic.close()


def test_rows_that_do_not_come_are_missed(gateway: tuple[Gateway, str]) -> None:
    with pytest.raises(DemoError, match="rows for 999 calls"):
        gateway[0].rows(999)


def test_a_gateway_that_does_not_start_fails_the_demonstration_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "granian.py").write_text("raise ModuleNotFoundError(\"No module named 'granian'\", name='granian')\n")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))

    done = lingate("demo", code=1, patience=60.0, PYTHONPATH=path)

    assert "the gateway did not start: lingate: MissingExtraError" in done.err
    assert "Gateway: 0 of 1 steps did what they say" in done.out
    assert f"All in all: {2 * len(STEPS)} of {2 * len(STEPS) + 1} steps" in done.out


# These two ask for faults of their own.
_FAULTY = ("errors retried", "cut stream reported")


def _perform(step: Callable[[Stage], object], wire: Wire) -> None:
    with Lingate(env={}, retries=0) as client:
        step(Stage(client, wire, lambda line: None, lambda text: None))


@pytest.mark.parametrize("fault", ["empty_answer", "server_error"])
@pytest.mark.parametrize("name", [name for name, _ in STEPS if name not in _FAULTY])
def test_a_step_whose_answers_are_wrong_fails(simulator: Simulator, fault: str, name: str) -> None:
    wire = Wire(
        "OpenAI", f"openai/sim-fault-{fault}", f"{simulator.url}/v1", embeddings="openai/sim-fault-server-error"
    )

    with pytest.raises((DemoError, LingateError)):
        _perform(dict(STEPS)[name], wire)


@pytest.mark.parametrize("name", _FAULTY)
def test_a_step_that_shows_a_fault_fails_where_there_is_none(name: str) -> None:
    stream = name == "cut stream reported"
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "delta" if stream else "message": {"role": "assistant", "content": "Yes"},
    }
    body = json.dumps({"id": "x", "model": "m", "choices": [choice]})
    sent = f"data: {body}\n\ndata: [DONE]\n\n" if stream else body
    kind = "text/event-stream" if stream else "application/json"
    with RawServer(Script([sent.encode()], headers={"content-type": kind})) as server, pytest.raises(DemoError):
        _perform(dict(STEPS)[name], Wire("OpenAI", "openai/m", server.url))
