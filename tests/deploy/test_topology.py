"""What the compose file describes, put up on loopback: nginx with its own configuration, two gateways, Postgres, Redis."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
import pytest

from lingate.server import launch
from lingate.simulator import Simulator
from tests.deploy.test_containers import COMPOSE, tool
from tests.server.gateway_kit import ADMIN, MASTER, Running, running_gateway
from tests.servers import until
from tests.services import free_port


class Front:
    """nginx before two gateways.

    Attributes:
        url: Where it listens.
        gateways: What is behind it, each with what ends it.
    """

    def __init__(self, url: str, gateways: list[tuple[Running, contextlib.ExitStack]]) -> None:
        self.url = url
        self.gateways = gateways

    def client(self, **options: Any) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=MASTER, timeout=20, **options)


@contextlib.contextmanager
def _nginx(tmp_path: Path, ports: list[int]) -> Iterator[str]:
    port = free_port()
    text = (COMPOSE / "nginx.conf").read_text().replace("listen 8080", f"listen 127.0.0.1:{port}")
    for name, at in zip(("gateway-a", "gateway-b"), ports, strict=True):
        assert f"server {name}:4000" in text
        text = text.replace(f"server {name}:4000", f"server 127.0.0.1:{at}")
    folders = "".join(
        f"    {kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {\n", f"http {{\n{folders}", 1)
    config = tmp_path / "nginx.conf"
    config.write_text(f"daemon off;\npid {tmp_path}/nginx.pid;\nerror_log stderr;\n{text}")
    process = subprocess.Popen(
        [tool("nginx"), "-c", config, "-p", tmp_path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if httpx2.get(f"http://127.0.0.1:{port}/health/live").status_code == 200:
                    break
            assert process.poll() is None, "nginx did not start"
            assert time.monotonic() < deadline, "nginx does not answer"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def front(tmp_path: Path, postgres: str, redis: str) -> Iterator[Front]:
    tool("nginx")
    with contextlib.ExitStack() as everything:
        simulator = everything.enter_context(Simulator())
        params = {"model": "openai/sim-*", "api_base": f"{simulator.url}/v1", "api_key": "sk-up", "max_retries": 0}
        config = json.dumps({"model_list": [{"model_name": "any-*", "litellm_params": params}]})
        environment = {**os.environ, "LINGATE_REDIS_URL": redis}
        gateways = []
        for _ in range(2):  # one state directory for both, as in the compose file
            own = everything.enter_context(contextlib.ExitStack())
            running = own.enter_context(
                running_gateway(config, tmp_path, auth=True, env=environment, database=postgres)
            )
            gateways.append((running, own))
        ports = [urlsplit(running.url).port or 0 for running, _ in gateways]
        url = everything.enter_context(_nginx(tmp_path, ports))
        yield Front(url, gateways)


def _ask(client: openai.OpenAI, model: str = "any-small") -> Any:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])


def _count(running: Running) -> int:
    return sum(calls.count for _, calls in running.gateway.metrics.series())


def test_calls_are_spread_and_a_key_made_at_one_gateway_is_good_at_both(front: Front) -> None:
    made = httpx2.post(f"{front.url}/admin/keys", json={"alias": "ci"}, headers=ADMIN).json()["token"]
    for running, _ in front.gateways:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key=made, max_retries=0) as client:
            assert _ask(client).choices[0].finish_reason == "stop"
    with front.client(max_retries=0) as client:
        for _ in range(20):
            _ask(client)

    assert sum(_count(running) for running, _ in front.gateways) == 22
    assert all(_count(running) > 2 for running, _ in front.gateways)


def test_streams_come_through_as_they_are_made(front: Front) -> None:
    with front.client(max_retries=0) as client:
        began = time.monotonic()
        stream = client.chat.completions.create(
            model="any-words-12-delay-50", messages=[{"role": "user", "content": "hello"}], stream=True
        )
        arrivals = [time.monotonic() - began for chunk in stream if chunk.choices and chunk.choices[0].delta.content]

    assert len(arrivals) >= 6
    assert arrivals[-1] - arrivals[0] > 0.25


def test_one_gateway_may_stop_while_calls_come_in_and_none_is_lost(front: Front) -> None:
    failures: list[BaseException] = []
    answers: list[str] = []
    enough = threading.Event()

    def talk() -> None:
        with front.client(max_retries=5) as client:
            while not enough.is_set():
                try:
                    answers.append(_ask(client).id)
                except openai.OpenAIError as error:
                    failures.append(error)

    threads = [threading.Thread(target=talk) for _ in range(3)]
    for thread in threads:
        thread.start()
    stopped, own = front.gateways[0]
    until(lambda: _count(stopped) > 0)
    own.close()
    before = len(answers)
    until(lambda: len(answers) > before)
    enough.set()
    for thread in threads:
        thread.join(30)

    assert failures == []
    assert len(answers) > before
    rest = front.gateways[1][0]
    rest.flush()
    rows = _answered(front.url)
    assert rows == len(answers)


def _answered(url: str) -> int:
    """Calls that the ledger says were answered, of both gateways."""
    found, cursor = 0, None
    while True:
        query = {"limit": 500, **({"cursor": cursor} if cursor else {})}
        page = httpx2.get(f"{url}/admin/spend/rows", params=query, headers=ADMIN).json()
        found += sum(row["status"] == 200 for row in page["data"])
        cursor = page.get("next_cursor")
        if not cursor:
            return found


def test_the_numbers_are_not_for_those_outside(front: Front) -> None:
    assert httpx2.get(f"{front.url}/metrics").status_code == 404
    assert httpx2.get(f"{front.gateways[0][0].url}/metrics").status_code == 200


def test_the_front_lets_go_of_unused_connections_before_a_gateway_does() -> None:
    seconds = re.search(r"^ *keepalive_timeout (\d+)s;", (COMPOSE / "nginx.conf").read_text(), re.MULTILINE)

    assert seconds is not None
    assert int(seconds[1]) * 1000 < launch.IDLE
