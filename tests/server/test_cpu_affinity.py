"""A gateway stays on one processor, unless others want that one too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from lingate.server.cpu_affinity import CpuAffinity
from lingate.simulator import Simulator
from tests.server.gateway_kit import running_gateway
from tests.servers import until
from tests.services import free_port

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2 or not os.path.exists("/proc/thread-self/schedstat"),
    reason="this needs Linux and two processors",
)

_PATIENCE = 30.0

_WORK = textwrap.dedent("""
    import asyncio, threading, time
    from lingate.server.cpu_affinity import CpuAffinity

    async def work():
        affinity = CpuAffinity()
        affinity.take()
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        print("ready", flush=True)
        while True:  # half of the time, as a gateway with much to do
            until = time.thread_time() + 0.01
            while time.thread_time() < until:
                pass
            await asyncio.sleep(0.01)

    asyncio.run(work())
""")

_HOG = "import os\nprint(os.sched_setaffinity(0, {%d}), flush=True)\nwhile True: pass"


@contextmanager
def _running(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _processors(pid: int) -> list[set[int]]:
    """Where each thread may run."""
    return [os.sched_getaffinity(int(thread)) for thread in os.listdir(f"/proc/{pid}/task")]


def _policies(pid: int) -> set[int]:
    return {os.sched_getscheduler(int(thread)) for thread in os.listdir(f"/proc/{pid}/task")}


def _is_kept(pid: int) -> bool:
    places = _processors(pid)
    on_one = len(places) > 1 and len(places[0]) == 1 and all(place == places[0] for place in places)
    return on_one and _policies(pid) == {os.SCHED_BATCH}


def _is_free(pid: int) -> bool:
    ours = os.sched_getaffinity(0)
    return all(place == ours for place in _processors(pid)) and _policies(pid) == {os.SCHED_OTHER}


def test_it_goes_elsewhere_when_another_wants_its_processor_and_stays_where_it_then_is() -> None:
    with _running(["-c", _WORK]) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        until(lambda: _is_kept(worker.pid))
        (place,) = _processors(worker.pid)[0]

        with _running(["-c", _HOG % place]):
            until(lambda: _is_free(worker.pid))
        until(lambda: _is_kept(worker.pid))


@pytest.mark.parametrize("one", [True, False])
def test_lingate_serve_does_so_unless_it_is_told_not_to(one: bool, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"general_settings": {"master_key": "sk-0123456789"}, "lingate": {"one_cpu": one}}))
    command = ["-m", "lingate", "serve", f"--config={config}", f"--port={free_port()}", f"--state-dir={tmp_path}"]

    with _running(command) as gateway:
        assert gateway.stdout is not None
        while "Lingate gateway at" not in (line := gateway.stdout.readline()):
            assert line
        if one:
            until(lambda: _is_kept(gateway.pid))
        else:
            assert _is_free(gateway.pid)


def test_the_servers_thread_goes_first_with_the_answer_of_the_only_call_under_way(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def entry(name: str, model: str) -> dict[str, object]:
        return {
            "model_name": name,
            "litellm_params": {"model": model, "api_base": f"{simulator.url}/v1", "api_key": "sk-0123456789"},
        }

    models = [entry("quick", "openai/sim-large"), entry("slow", "openai/sim-delay-700")]
    given: list[None] = []
    # Whether others are in its way is not the matter here.
    monkeypatch.setattr(CpuAffinity, "take", lambda affinity: setattr(affinity, "kept", True))
    with running_gateway(json.dumps({"model_list": models}), tmp_path) as running, ThreadPoolExecutor() as pool:
        monkeypatch.setattr(os, "sched_yield", lambda: given.append(None))

        def ask(model: str) -> None:
            asked = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
            httpx2.post(f"{running.url}/v1/chat/completions", json=asked, timeout=30).raise_for_status()

        ask("quick")
        until(lambda: running.gateway.in_flight == 0)
        assert len(given) == 1

        slow = pool.submit(ask, "slow")
        until(lambda: running.gateway.in_flight == 1)
        ask("quick")
        slow.result()
        until(lambda: running.gateway.in_flight == 0)
        assert len(given) == 2
