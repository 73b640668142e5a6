"""The HTTP side: framing, keep-alive, limits, shutting down."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from lingate.simulator import RecordedRequest, Simulator, fingerprint
from lingate.simulator.backend import Backend, Config
from lingate.simulator.server import Server
from lingate.simulator.stats import Stats
from tests.servers import until
from tests.simulator.wire import ANTHROPIC, OPENAI, QUESTION, ask, chat, connect, read_reply, request_bytes


@pytest.mark.parametrize("prefix", ["", "/v1", "/openai/v1", "/groq/openai/v1", "/openai/deployments/mine"])
@pytest.mark.parametrize("path", ["/chat/completions", "/chat/completions/", "/messages"])
def test_known_paths_are_known_behind_any_prefix(simulator: Simulator, prefix: str, path: str) -> None:
    assert chat(simulator, prefix + path).status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/nothing"), ("GET", "/v1/chat/completions"), ("POST", "/v1/xmessages"), ("PUT", "/")]
)
def test_an_unknown_path_is_a_404_that_says_where_to_look(simulator: Simulator, method: str, path: str) -> None:
    reply = ask(simulator, path, {}, method=method)

    assert reply.status == 404
    assert "GET /" in reply.json["error"]["message"]


def test_the_front_page_names_every_path_and_option(simulator: Simulator) -> None:
    page = ask(simulator, "/", method="GET").body.decode()

    for known in ("/chat/completions", "/messages", "x-sim-fault", "/simulator/stats"):
        assert known in page


def test_the_table_of_faults_is_served(simulator: Simulator) -> None:
    rows = {row["name"]: row for row in ask(simulator, "/simulator/faults", method="GET").json}

    assert rows["rate_limit"]["aliases"] == ["429"]
    assert rows["cut"]["default"] == 3
    assert all(row["about"] for row in rows.values())


@pytest.mark.parametrize("status", [0, 99999])
def test_a_page_of_no_status_of_http_is_refused(simulator: Simulator, status: int) -> None:
    reply = chat(simulator, OPENAI, headers={"x-sim-fault": f"html={status}"})

    assert (reply.status, reply.json["error"]["message"]) == (400, f"html needs a status from 200 to 599, got {status}")


def test_a_connection_serves_one_request_after_another(simulator: Simulator) -> None:
    request = request_bytes(OPENAI, {"model": "sim", "messages": QUESTION, "stream": True})
    with connect(simulator) as connection:
        bodies = []
        for _ in range(3):
            connection.sendall(request)
            bodies.append(read_reply(connection).body)

    assert bodies[0] == bodies[1] == bodies[2]
    assert simulator.stats()["connections"]["total"] == 1


def test_requests_sent_ahead_are_answered_in_order(simulator: Simulator) -> None:
    requests = [request_bytes(OPENAI, {"model": f"sim-{n}", "messages": QUESTION}) for n in range(2)]
    with connect(simulator) as connection:
        connection.sendall(b"".join(requests))
        data = b""
        while data.count(b'"finish_reason"') < 2:
            data += connection.recv(65536)

    assert data.index(b'"model":"sim-0"') < data.index(b'"model":"sim-1"')


def test_a_request_in_pieces_is_read(simulator: Simulator) -> None:
    request = request_bytes(OPENAI, {"model": "sim", "messages": QUESTION})
    with connect(simulator) as connection:
        for at in range(0, len(request), 7):
            connection.sendall(request[at : at + 7])
        assert read_reply(connection).status == 200


def test_a_chunked_request_is_read(simulator: Simulator) -> None:
    body = json.dumps({"model": "sim", "messages": QUESTION}).encode()
    head = f"POST {OPENAI} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with connect(simulator) as connection:
        connection.sendall(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        assert read_reply(connection).status == 200


def test_a_client_that_waits_for_a_go_ahead_gets_one(simulator: Simulator) -> None:
    body = json.dumps({"model": "sim", "messages": QUESTION}).encode()
    head = f"POST {OPENAI} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with connect(simulator) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert read_reply(connection).status == 200


def test_an_old_client_gets_a_body_that_ends_with_the_connection(simulator: Simulator) -> None:
    body = json.dumps({"model": "sim", "messages": QUESTION, "stream": True}).encode()
    with connect(simulator) as connection:
        connection.sendall(f"POST {OPENAI} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        reply = read_reply(connection)

    assert (reply.status, reply.ended) == (200, "whole")
    assert reply.events[-1] == b"[DONE]"


def test_head_has_no_body(simulator: Simulator) -> None:
    reply = ask(simulator, "/", method="HEAD")

    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) > 0


@pytest.mark.parametrize("garbage", [b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"POST / HTTP/9\r\n\r\n"])
def test_what_is_not_http_is_refused_and_the_connection_closed(simulator: Simulator, garbage: bytes) -> None:
    with connect(simulator) as connection:
        connection.sendall(garbage)
        reply = read_reply(connection)
        assert reply.status == 400
        assert connection.recv(10) == b""


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{}", b'{"model":"sim"}', b'{"model":5,"messages":[]}'])
def test_a_body_that_makes_no_sense_is_a_400_in_the_form_of_the_dialect(
    simulator: Simulator, path: str, body: bytes
) -> None:
    reply = ask(simulator, path, body)

    assert reply.status == 400
    assert reply.json["error"]["type"] == "invalid_request_error"


class _Small:
    """A server whose bodies may have 1,000 bytes, on this test's own loop."""

    async def __aenter__(self) -> tuple[str, int]:
        self.server = Server(Backend(Config(max_body=1000), Stats(10)))
        url = await self.server.listen("127.0.0.1", 0)
        return "127.0.0.1", int(url.rsplit(":", 1)[1])

    async def __aexit__(self, *error: object) -> None:
        await self.server.close()


@pytest.mark.parametrize("size", [1001, 5_000_000])
async def test_a_body_that_is_too_large_is_a_413_that_the_client_can_read(size: int) -> None:
    async with _Small() as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(request_bytes(ANTHROPIC, b"x" * size))
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 2)
        writer.close()
        await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"request_too_large" in answer


async def test_an_answer_under_way_may_finish_within_the_grace_period() -> None:
    server = Server(Backend(Config(), Stats(10)))
    port = int((await server.listen("127.0.0.1", 0)).rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    idle = await asyncio.open_connection("127.0.0.1", port)
    body = {"model": "sim-words-10-delay-10", "messages": QUESTION, "stream": True}
    writer.write(request_bytes(OPENAI, body))
    await reader.readuntil(b"\n\n")

    await server.close(grace=5)
    rest = await reader.read()
    writer.close()
    idle[1].close()

    assert rest.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


async def test_an_answer_that_is_not_done_when_the_grace_period_ends_is_closed() -> None:
    server = Server(Backend(Config(), Stats(10)))
    port = int((await server.listen("127.0.0.1", 0)).rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes(OPENAI, {"model": "sim-fault-hang_head", "messages": QUESTION}))
    await asyncio.to_thread(until, lambda: server.backend.stats.snapshot()["in_flight"]["now"] == 1)

    await server.close(grace=0.05)

    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


def test_a_client_that_sends_without_end_ahead_of_an_answer_is_left(simulator: Simulator) -> None:
    with connect(simulator) as connection:
        connection.sendall(request_bytes(OPENAI, {"model": "sim-fault-hang_head", "messages": QUESTION}))
        until(lambda: simulator.stats()["in_flight"]["now"] == 1)
        with pytest.raises(OSError):
            for _ in range(64):
                connection.sendall(b"x" * 65536)
                time.sleep(0.001)


def test_closing_ends_what_is_under_way_and_counts_it_as_closed() -> None:
    with Simulator() as simulator:
        connection = connect(simulator)
        connection.sendall(request_bytes(OPENAI, {"model": "sim-fault-hang_head", "messages": QUESTION}))
        until(lambda: simulator.stats()["in_flight"]["now"] == 1)
    connection.close()

    stats = simulator.stats()
    assert (stats["requests"]["closed"], stats["connections"]["open"], stats["disconnects"]) == (1, 0, [])


def test_an_address_that_is_taken_is_an_os_error(simulator: Simulator) -> None:
    port = int(simulator.url.rsplit(":", 1)[1])

    with pytest.raises(OSError, match="in use"):
        Simulator(port=port).start()


def test_closing_twice_or_unstarted_does_nothing() -> None:
    simulator = Simulator()
    simulator.close()
    simulator.start()
    simulator.close()
    simulator.close()

    with pytest.raises(RuntimeError, match="before"):
        simulator.start()


async def test_it_runs_in_an_async_block_too() -> None:
    async with Simulator() as simulator:
        reply = await asyncio.to_thread(chat, simulator)

    assert reply.status == 200


def test_no_thread_or_socket_is_left_behind() -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    before, threads = open_files(), threading.active_count()
    for _ in range(5):
        with Simulator() as simulator:
            chat(simulator, stream=True)

    assert open_files() <= before
    assert threading.active_count() == threads


@pytest.mark.parametrize(
    ("options", "headers", "status"),
    [
        ({}, {}, 200),
        ({"require_key": True}, {}, 401),
        ({"require_key": True}, {"authorization": "Bearer "}, 401),
        ({"require_key": True}, {"authorization": "Bearer any"}, 200),
        ({"require_key": True}, {"x-api-key": "any"}, 200),
        ({"keys": {"good"}}, {}, 401),
        ({"keys": {"good"}}, {"authorization": "Bearer bad"}, 401),
        ({"keys": {"good"}}, {"authorization": "Bearer good"}, 200),
        ({"keys": {"good"}}, {"api-key": "good"}, 200),
        ({"keys": {"good"}}, {"x-goog-api-key": "good"}, 200),
    ],
)
@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC])
def test_keys_are_checked_as_far_as_asked_for(
    options: dict[str, object], headers: dict[str, str], status: int, path: str
) -> None:
    with Simulator(**options) as simulator:  # type: ignore[arg-type]
        reply = chat(simulator, path, headers=headers)

    assert reply.status == status
    assert status == 200 or reply.json["error"]["type"] == "authentication_error"


def test_requests_are_recorded_with_bytes_and_without_credentials(simulator: Simulator) -> None:
    headers = {"Authorization": "Bearer sk-canary", "X-Api-Key": "sk-canary", "X-Custom": "seen"}
    chat(simulator, "/v1/chat/completions?key=sk-canary&x=1", "sim-words-3", headers=headers, stream=True)

    (record,) = simulator.requests()
    shown = ask(simulator, "/simulator/requests", method="GET").body

    assert json.loads(record.raw) == record.body
    assert (record.body["model"], record.model, record.stream) == ("sim-words-3", "sim-words-3", True)
    assert record.headers["x-custom"] == "seen"
    assert record.headers["authorization"] == f"Bearer {fingerprint('sk-canary')}"
    assert record.headers["x-api-key"] == fingerprint("sk-canary")
    assert "x=1" in record.query
    assert b"canary" not in shown
    assert "canary" not in repr(record)


def test_the_last_requests_are_kept_and_forgotten_on_reset(simulator: Simulator) -> None:
    for number in range(3):
        chat(simulator, OPENAI, f"sim-{number}")

    assert [record.model for record in simulator.requests()] == ["sim-0", "sim-1", "sim-2"]
    assert ask(simulator, "/simulator/reset").json == {"reset": True}
    assert simulator.requests() == []


def test_each_request_is_reported_when_it_is_over() -> None:
    seen: list[RecordedRequest] = []
    with Simulator(on_request=seen.append) as simulator:
        chat(simulator, OPENAI, "sim-a")
        chat(simulator, OPENAI, "sim-fault-cut", stream=True)

    assert [(record.model, record.outcome) for record in seen] == [("sim-a", "complete"), ("sim-fault-cut", "dropped")]


def test_without_h11_the_error_names_the_package_to_install() -> None:
    code = (
        "import sys; sys.modules['h11'] = None\n"
        "from lingate.errors import MissingExtraError\n"
        "from lingate.simulator import FAULTS, Simulator\n"
        "try: Simulator().start()\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "pip install 'lingate[simulator]'" in done.stdout


def test_serve_runs_until_it_is_told_to_stop() -> None:
    code = "from lingate.simulator import serve; serve(port=0, ready=lambda url: print(url, flush=True))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        port = int(url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(request_bytes("/", method="GET"))
            assert connection.recv(20).startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
