"""Clients that do not read: the gateway waits for them instead of keeping what they do not take."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lingate.server.rsgi import Backpressure
from lingate.simulator import Simulator
from tests.server.gateway_kit import Running, running_gateway

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="queues of sockets are seen on Linux only")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        with server:
            server.setblocking(False)
            yield server, client


def _fill(server: socket.socket) -> int:
    sent = 0
    try:
        while True:
            sent += server.send(bytes(65536))
    except BlockingIOError:
        return sent


def _backpressure(client: socket.socket) -> Backpressure:
    host, port = client.getsockname()
    return Backpressure(f"{host}:{port}")


def _seen(pressure: Backpressure) -> int:
    """What is waiting, as soon as it is seen: files are not looked through all the time."""
    deadline = time.monotonic() + 10
    while not (found := pressure.waiting()):
        assert time.monotonic() < deadline, "the queue was never seen"
        time.sleep(0.005)
    return found


def test_what_a_client_has_not_taken_is_seen(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    pressure = _backpressure(client)
    assert pressure.waiting() == 0
    _fill(server)

    assert _seen(pressure) > 512 * 1024


def test_a_client_that_has_gone_is_not_waited_for(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    pressure = _backpressure(client)
    _fill(server)
    assert _seen(pressure) > 0
    server.close()

    assert pressure.waiting() == 0


async def test_the_wait_ends_when_the_client_reads(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    sent = _fill(server)
    pressure = _backpressure(client)
    _seen(pressure)
    waiting = asyncio.create_task(pressure.relieved())
    await asyncio.sleep(0.1)
    assert not waiting.done()

    def read() -> None:
        left = sent
        while left > 0:
            left -= len(client.recv(65536))

    await asyncio.to_thread(read)
    await asyncio.wait_for(waiting, 5)


def test_the_number_of_a_file_that_is_somebody_elses_now_is_not_believed(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    server, client = pair
    pressure = _backpressure(client)
    _fill(server)
    _seen(pressure)
    number = server.fileno()
    moved = socket.socket(fileno=os.dup(number))
    with moved, socket.socket() as other:
        os.dup2(other.fileno(), number)
        assert _seen(pressure) > 0


def test_many_that_come_together_look_through_the_files_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    look = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: looks.append(path) or look(path))
    time.sleep(0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients = [socket.create_connection(listener.getsockname()) for _ in range(100)]
        servers = [listener.accept()[0] for _ in clients]
        try:
            for client in clients:
                assert _backpressure(client).waiting() == 0
        finally:
            for end in (*clients, *servers):
                end.close()
    assert len(looks) <= 3


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with Simulator() as simulator:
        params = {"model": "openai/sim-*", "api_base": f"{simulator.url}/v1", "api_key": "sk-up", "max_retries": 0}
        config = json.dumps({"model_list": [{"model_name": "any-*", "litellm_params": params}]})
        with running_gateway(config, tmp_path) as running:
            yield running


def test_a_stream_waits_for_a_client_that_does_not_read_and_goes_on_when_it_does(gateway: Running) -> None:
    at = urlsplit(gateway.url)
    asked = {"model": "any-words-20000", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    body = json.dumps(asked).encode()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.settimeout(20)
        client.connect((at.hostname, at.port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        time.sleep(3)
        assert gateway.gateway.in_flight == 1

        received = b""
        while b"[DONE]" not in received[-4096:]:
            piece = client.recv(1 << 20)
            assert piece, "the stream was cut"
            received += piece

    assert len(received) > 3_000_000
    assert received.count(b'"content"') > 19_000
    deadline = time.monotonic() + 10
    while gateway.gateway.in_flight:
        assert time.monotonic() < deadline
        time.sleep(0.02)
