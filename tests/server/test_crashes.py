"""What the ledger has when the gateway is killed under load, and what clients see when it is asked to end."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingate.server.store import Store
from lingate.simulator import Simulator
from tests.server.gateway_kit import MASTER
from tests.server.serve_process import Serve
from tests.services import PostgresServer

KILLS = 20
OUTAGE = float(os.environ.get("LINGATE_TEST_OUTAGE", "4"))
"""Seconds that the database is away. A minute shows no more, and takes as long."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


def _config(simulator: Simulator, path: Path, **own: Any) -> Path:
    params = {"model": "openai/sim-*", "api_base": f"{simulator.url}/v1", "api_key": "sk-up", "max_retries": 0}
    file = path / "config.yaml"
    file.write_text(json.dumps({"model_list": [{"model_name": "sim-*", "litellm_params": params}], "lingate": own}))
    return file


class Caller(threading.Thread):
    """Calls without pause, half of them streamed, and notes what it has seen whole: the call's id and its tokens."""

    def __init__(self, port: int, number: int) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, int] = {}
        self.failed = 0
        self._port = port
        self._dice = random.Random(number)
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.is_set():
            try:
                call_id, tokens = self._call()
            except (OSError, http.client.HTTPException, ValueError):
                self.failed += 1
                time.sleep(0.01)
            else:
                self.seen[call_id] = tokens

    def stop(self) -> None:
        self._ending.set()
        self.join(20)

    def _call(self) -> tuple[str, int]:
        stream = self._dice.random() < 0.5
        words = self._dice.randrange(1, 30)
        body: dict[str, Any] = {"model": f"sim-words-{words}", "messages": [{"role": "user", "content": "x"}]}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            headers = {"authorization": f"Bearer {MASTER}", "content-type": "application/json"}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            answer = connection.getresponse()
            data = answer.read()
            if answer.status != 200:
                raise ValueError(data)
            if stream:
                lines = data.decode().strip().split("\n\n")
                if lines[-1] != "data: [DONE]":
                    raise ValueError("cut")
                usage = json.loads(lines[-2][6:])["usage"]
            else:
                usage = json.loads(data)["usage"]
            return answer.headers["x-lingate-call-id"], usage["total_tokens"]
        finally:
            connection.close()


def _more_seen(callers: list[Caller]) -> None:
    """Wait for three further calls: what a life of the gateway is worth, however slow the machine."""
    wanted = 3 + sum(len(caller.seen) for caller in callers)
    until = time.monotonic() + 10
    while sum(len(caller.seen) for caller in callers) < wanted:
        assert time.monotonic() < until, "the gateway answers nobody"
        time.sleep(0.02)


def _rows(database: str) -> list[tuple[str, int, int]]:
    """Id, status and tokens of every row."""
    statement = "select id, status, coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0) from ledger"
    if database.startswith("sqlite"):
        with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
            found = list(connection.execute(statement))
        connection.close()
        return found

    async def ask() -> list[tuple[str, int, int]]:
        store = Store(database)
        try:
            async with store.read() as connection:
                return [tuple(row) for row in await connection.exec_driver_sql(statement)]  # type: ignore[misc]
        finally:
            await store.close()

    return asyncio.run(ask())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_after_twenty_kills_under_load_every_call_that_a_client_saw_is_in_the_ledger_once(
    kind: str, simulator: Simulator, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    database = f"sqlite:///{state}/lingate.db" if kind == "sqlite" else request.getfixturevalue("postgres")
    serve = Serve(_config(simulator, tmp_path), state, database)
    dice = random.Random(7)
    callers = [Caller(serve.port, number) for number in range(6)]
    serve.start()
    try:
        for caller in callers:
            caller.start()
        for _ in range(KILLS):
            _more_seen(callers)
            time.sleep(dice.random() * 0.4)
            serve.kill()
            serve.start()
        _more_seen(callers)
    finally:
        for caller in callers:
            caller.stop()
        serve.stop()
    seen = {call_id: tokens for caller in callers for call_id, tokens in caller.seen.items()}
    rows = _rows(database)
    assert len(seen) > 50
    assert max(Counter(call_id for call_id, _, _ in rows).values()) == 1
    whole = {call_id: tokens for call_id, status, tokens in rows if status == 200}
    assert {call_id: whole.get(call_id) for call_id in seen} == seen
    # Beyond those are only calls whose clients lost the connection between the row and the last byte.
    assert len(whole) - len(seen) <= KILLS * len(callers)
    billed = simulator.stats()["billed"]["completed"]["total"]
    assert sum(seen.values()) <= sum(whole.values()) <= billed


@pytest.mark.slow
def test_a_database_that_stops_under_load_costs_no_call_and_no_row(
    simulator: Simulator, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    database = postgres_server.database()
    serve = Serve(_config(simulator, tmp_path), state, database)
    callers = [Caller(serve.port, number) for number in range(4)]
    serve.start()
    try:
        for caller in callers:
            caller.start()
        time.sleep(1)
        postgres_server.stop()
        time.sleep(OUTAGE)
        before = sum(len(caller.seen) for caller in callers)
        postgres_server.start()
        time.sleep(3)
    finally:
        for caller in callers:
            caller.stop()
        serve.stop()
    assert before > 20
    assert sum(caller.failed for caller in callers) == 0
    seen = {call_id: tokens for caller in callers for call_id, tokens in caller.seen.items()}
    rows = _rows(database)
    assert len(rows) == len(seen)
    assert {call_id: tokens for call_id, _, tokens in rows} == seen


def test_streams_under_way_when_it_is_asked_to_end_are_finished_or_told(simulator: Simulator, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    serve = Serve(_config(simulator, tmp_path, drain=4), state)
    serve.start()
    ends: list[bytes] = []
    begun = threading.Semaphore(0)

    def stream(length: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", serve.port, timeout=30)
        body = {
            "model": f"sim-{length}",
            "stream": True,
            "messages": [{"role": "user", "content": "x"}],
        }
        headers = {"authorization": f"Bearer {MASTER}", "content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        answer = connection.getresponse()
        data = answer.read(20)
        begun.release()
        ends.append(data + answer.read())
        connection.close()

    # Half of them end within the time for draining, half do not: those say little, so that the others are not late
    # on a machine that is busy.
    lengths = ("words-20-delay-20", "words-300-delay-200")
    readers = [threading.Thread(target=stream, args=(lengths[at % 2],)) for at in range(200)]
    for reader in readers:
        reader.start()
    for _ in readers:
        assert begun.acquire(timeout=30)
    serve.signal(signal.SIGTERM)
    for reader in readers:
        reader.join(30)
    assert serve.wait() == 0
    assert len(ends) == 200
    finished = sum(end.endswith(b"data: [DONE]\n\n") for end in ends)
    told = sum(b'"error"' in end and b"[DONE]" not in end for end in ends)
    assert finished + told == 200
    assert finished >= 90
    assert told >= 90
    database = f"sqlite:///{state}/lingate.db"
    assert len(_rows(database)) == 200


def test_it_refuses_to_listen_beyond_loopback_without_keys(tmp_path: Path) -> None:
    from lingate.server.launch import Options, serve

    said: list[str] = []
    with pytest.raises(Exception, match="loopback"):
        serve(Options(host="0.0.0.0", auth=False, state=str(tmp_path)), {}, said.append)


def test_it_makes_a_master_key_at_its_first_start_and_tells_it_once(simulator: Simulator, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    serve = Serve(_config(simulator, tmp_path), state, env={"LINGATE_MASTER_KEY": ""})
    serve.start()
    serve.stop()
    lines = [line for line in serve.log.read_text().splitlines() if "master key:" in line]
    assert len(lines) == 1
    key = lines[0].rpartition(" ")[2]
    serve.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", serve.port, timeout=10)
        connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
        connection.request("GET", "/v1/models", headers={"authorization": "Bearer sk-wrong"})
        assert connection.getresponse().status == 401
        connection.close()
    finally:
        serve.stop()
    assert len([line for line in serve.log.read_text().splitlines() if "master key:" in line]) == 1
    for file in state.rglob("*"):
        if file.is_file():
            assert key.encode() not in file.read_bytes()
