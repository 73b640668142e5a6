"""Ctrl-C gets through while a blocking call waits, for its answer or for the next piece of a stream."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from lingate._io.via_pyreqwest import Interruptible
from lingate.simulator import Simulator

WHOLE = "client.chat('openai/sim-fault-hang_head', 'hi', api_key='k', api_base={url!r})"
OPENING = "client.chat('openai/sim-fault-hang_head', 'hi', stream=True, api_key='k', api_base={url!r})"
READING = """for _ in client.chat('openai/sim-fault-stall', 'hi', stream=True, api_key='k', api_base={url!r}):
        print('piece', flush=True)"""

PROGRAM = """
import lingate
client = lingate.Lingate()
client.chat('openai/sim', 'warm up', api_key='k', api_base={url!r})
print('ready', flush=True)
try:
    {call}
except KeyboardInterrupt:
    print('interrupted', flush=True)
print(client.chat('openai/sim', 'still works', api_key='k', api_base={url!r}).text)
"""


@pytest.mark.parametrize("call", [WHOLE, OPENING, READING], ids=["whole", "opening", "reading"])
def test_ctrl_c_interrupts_a_blocking_call_at_once_and_the_client_goes_on(call: str) -> None:
    with Simulator() as simulator:
        program = textwrap.dedent(PROGRAM).format(url=simulator.url, call=call.format(url=simulator.url))
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            if call is READING:
                assert process.stdout.readline() == "piece\n"
            time.sleep(0.5)
            pressed = time.monotonic()
            process.send_signal(signal.SIGINT)
            lines = [process.stdout.readline()]
            while lines[-1] == "piece\n":
                lines.append(process.stdout.readline())
            waited = time.monotonic() - pressed
            rest = process.stdout.read()  # communicate() would lose what came together with the line before
            process.wait(timeout=20)

    assert lines[-1] == "interrupted\n"
    assert waited < 20  # the answer it waited for never comes
    assert "still works" in rest
    assert process.returncode == 0


def test_ctrl_c_at_any_line_of_a_wait_leaves_no_wait_that_nobody_ends() -> None:
    interrupted = 0
    while True:
        waiting, lines, before = Interruptible(), iter(range(interrupted + 1)), sys.gettrace()

        def press(frame: FrameType, event: str, _: Any, lines: Iterator[int] = lines) -> Any:
            if frame.f_code is not Interruptible._wait.__code__:
                return None
            if event == "line" and next(lines, None) is None:
                raise KeyboardInterrupt
            return press

        sys.settrace(press)
        try:
            waiting.run(lambda: None)
            break
        except KeyboardInterrupt:
            interrupted += 1
        finally:
            sys.settrace(before)
        watch = threading.Timer(5, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
        watch.start()
        assert waiting.run(lambda: 42) == 42
        watch.cancel()
        waiting.stop()
    assert interrupted > 5
