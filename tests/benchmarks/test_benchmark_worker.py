"""A worker's protocol, with a peer that answers at once: what it counts, and that a wrong answer is not a fast one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_PEER = """
from benchmarks.exchange import ANSWER
from benchmarks.worker import Driver, main

class Instant(Driver):
    def connect(self, base): return base
    def call(self, client): print("noise on standard output"); return client
    def stream(self, client): return iter([ANSWER[:9], "", ANSWER[9:]])
    def close(self, client): pass
    async def aconnect(self, base): return base
    async def acall(self, client): return client
    async def aclose(self, client): pass
    def text(self, answer): return ANSWER if answer == "right" else "something else"
    def piece(self, chunk): return chunk

main(Instant())
"""


def _ask(*commands: dict[str, Any]) -> list[dict[str, Any]]:
    sent = "".join(json.dumps({"seconds": 0.001, **command}) + "\n" for command in commands)
    done = subprocess.run(
        [sys.executable, "-c", _PEER], input=sent, capture_output=True, text=True, check=True, cwd=_ROOT
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_worker_measures_each_command_and_answers_in_one_line() -> None:
    replies = _ask(
        {"base": "right", "stream": False, "flight": 0},
        {"base": "right", "stream": True, "flight": 0},
        {"base": "right", "stream": False, "flight": 20},
    )

    assert [set(reply) for reply in replies] == [{"cpu_us", "wall_us", "operations"}] * 3
    assert all(reply["cpu_us"] > 0 for reply in replies)
    assert replies[2]["operations"] % 20 == 0


def test_a_wrong_answer_is_an_error_not_a_measurement() -> None:
    (reply,) = _ask({"base": "wrong", "stream": False, "flight": 0})

    assert reply == {"error": "ValueError: the answer is not what the upstream sent: 'something else'"}
