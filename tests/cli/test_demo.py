"""`lingate demo`: every step does what it says, without keys, and the exit code tells."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from lingate._client import Lingate
from lingate.cli.demo_steps import STEPS, DemoError, Stage, Wire
from lingate.errors import LingateError
from lingate.simulator import Simulator
from tests.cli.driver import KEY, lingate
from tests.servers import RawServer, Script


def test_all_steps_are_done_in_both_wire_formats() -> None:
    done = lingate(
        "demo", OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://127.0.0.1:1", ANTHROPIC_BASE_URL="http://127.0.0.1:1"
    )

    for wire in ("OpenAI", "Anthropic"):
        for name, _ in STEPS:
            row = next(line for line in done.out.splitlines() if line.startswith(wire) and name in line)
            assert " ok " in row
    assert f"{2 * len(STEPS)} of {2 * len(STEPS)} steps did what they say" in done.out
    assert "try 3" in done.out
    assert "StreamInterruptedError" in done.out
    assert KEY not in done.out + done.err
    assert "\x1b" not in done.out


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
