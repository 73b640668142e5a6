"""A process whose calls are made in threads that come and go: the first of them loads the HTTP client."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lingate.simulator import Simulator

CALLS = """
import asyncio, sys, threading
import lingate

PLACE = {"api_base": sys.argv[1] + "/v1", "api_key": "k"}

async def awaited():
    return (await lingate.achat("openai/gpt-4o", "hi", **PLACE)).text

def asked():
    said.append(lingate.chat("openai/gpt-4o", "hi", **PLACE).text if COLOUR == "sync" else asyncio.run(awaited()))

COLOUR, said = sys.argv[2], []
for _ in range(8):
    thread = threading.Thread(target=asked)
    thread.start()
    thread.join()
print(len(said))
"""


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_the_thread_that_made_the_first_call_may_end(colour: str) -> None:
    with Simulator() as simulator:
        command = [sys.executable, "-X", "faulthandler", "-c", CALLS, simulator.url, colour]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stdout) == (0, "8\n"), done.stderr[-2000:]
