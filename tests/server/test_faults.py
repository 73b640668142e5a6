"""What clients see when something goes wrong: upstreams that fail, clients that leave, requests that make no sense."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lingate.errors import PayloadTooLargeError
from lingate.server.http import check_values
from lingate.simulator import Simulator
from tests.server.gateway_kit import Running, running_gateway
from tests.server.ledger_rows import rows_of

CHAT = "/v1/chat/completions"


def _config(simulator: str) -> str:
    bases = {"openai": f"{simulator}/v1", "anthropic": simulator, "gemini": f"{simulator}/v1beta"}
    entries = [
        {
            "model_name": f"{name}-*",
            "litellm_params": {"model": f"{name}/sim-*", "api_base": base, "api_key": "sk-up", "max_retries": 0},
        }
        for name, base in bases.items()
    ]
    return json.dumps(
        {"model_list": entries, "lingate": {"limits": {"max_body": "1MB", "max_values": 9000}, "reload": 0.05}}
    )


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path: Path = tmp_path_factory.mktemp("faults")
    with running_gateway(_config(simulator.url), path) as running:
        yield running


def _connect(gateway: Running) -> http.client.HTTPConnection:
    at = urlsplit(gateway.url)
    return http.client.HTTPConnection(at.hostname or "", at.port, timeout=20)


def _post(
    gateway: Running, path: str, body: Any, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = _connect(gateway)
    try:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request("POST", path, data, {"content-type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def _chat(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], **fields}


FACES = {
    "openai": (CHAT, _chat, b"[DONE]", b'"error"'),
    "anthropic": (
        "/v1/messages",
        lambda model, **f: _chat(model, max_tokens=99, **f),
        b"message_stop",
        b"event: error",
    ),
    "ollama": ("/api/chat", _chat, b'"done":true', b'"error"'),
    "responses": (
        "/v1/responses",
        lambda model, **f: {"model": model, "input": "hello", **f},
        b"response.completed",
        b'"error"',
    ),
}


@pytest.mark.parametrize("fault", ["cut-3", "reset-3", "error-event"])
@pytest.mark.parametrize("upstream", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("face", sorted(FACES))
def test_a_stream_that_breaks_ends_with_an_error_and_not_as_if_it_were_whole(
    gateway: Running, face: str, upstream: str, fault: str
) -> None:
    path, ask, terminator, error = FACES[face]
    status, _, body = _post(gateway, path, ask(f"{upstream}-fault-{fault}", stream=True))
    if status == 200:
        assert terminator not in body
        assert error in body
    else:
        assert status >= 500


@pytest.mark.parametrize("fault", ["cut-3", "reset-3", "error-event", "no-terminal"])
def test_a_relayed_stream_of_a_response_that_breaks_ends_as_failed_too(gateway: Running, fault: str) -> None:
    # Codex reads no other end, and learns from its code whether it may ask again.
    asked = {"model": f"openai-fault-{fault}", "input": "hello", "stream": True}
    body = _post(gateway, "/v1/responses", asked)[2]
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")]
    first, told, failed = events[0], *events[-2:]
    assert [first["type"], told["type"], failed["type"]] == ["response.created", "error", "response.failed"]
    assert failed["response"]["error"]["code"] == told["code"]
    assert failed["response"]["status"] == "failed"
    assert {name: failed["response"][name] for name in ("id", "model")}.items() <= first["response"].items()


def test_gemini_streams_that_break_say_so(gateway: Running) -> None:
    asked = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    path = "/v1beta/models/anthropic-fault-cut-3:streamGenerateContent?alt=sse"
    status, _, body = _post(gateway, path, asked)
    assert status == 200
    assert b'"error"' in body
    assert b"finishReason" not in body


class TestAClientThatLeaves:
    def _leave(self, gateway: Running, simulator: Simulator, model: str, read: int) -> float:
        """Ask for a stream, read a little, go; gives the seconds until the simulator saw its own client go."""
        before = len(simulator.stats()["disconnects"])
        at = urlsplit(gateway.url)
        body = json.dumps(_chat(model, stream=True)).encode()
        with socket.create_connection((at.hostname, at.port)) as wire:
            wire.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            got = b""
            while got.count(b"data: ") < read:
                got += wire.recv(65536)
        left = time.monotonic()
        while len(simulator.stats()["disconnects"]) == before:
            assert time.monotonic() - left < 30, "the upstream was not let go"
            time.sleep(0.002)
        return time.monotonic() - left

    @pytest.mark.parametrize("upstream", ["openai", "anthropic", "gemini"])
    def test_lets_the_upstream_go_and_has_its_tokens_in_the_ledger(
        self, gateway: Running, simulator: Simulator, upstream: str
    ) -> None:
        model = f"{upstream}-words-400-delay-10"
        # Several times: another process may have had the processor.
        assert any(self._leave(gateway, simulator, model, 5) < 0.1 for _ in range(20))
        row = rows_of(gateway, model=model)[-1]
        assert row["status"] == 499
        assert row["error"] == "client_left"
        assert row["prompt_tokens"] > 0
        assert row["completion_tokens"] > 0
        assert row["estimated"]

    def test_of_an_answer_in_one_piece_is_accounted_for_when_it_is_there(
        self, gateway: Running, simulator: Simulator
    ) -> None:
        model = "openai-first-400"
        at = urlsplit(gateway.url)
        body = json.dumps(_chat(model)).encode()
        with socket.create_connection((at.hostname, at.port)) as wire:
            wire.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            time.sleep(0.2)
        time.sleep(0.5)
        row = rows_of(gateway, model=model)[-1]
        assert row["status"] == 499
        assert row["completion_tokens"] == simulator.requests()[-1].completion_tokens > 0


NONSENSE: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"{",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "bad UTF-8": b'{"model": "openai-x", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "deep nesting": b'{"model": "openai-x", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "no model": b'{"messages": [{"role": "user", "content": "x"}]}',
    "a model that is a number": b'{"model": 1, "messages": [{"role": "user", "content": "x"}]}',
    "an unknown model": b'{"model": "nobody", "messages": [{"role": "user", "content": "x"}]}',
    "no messages": b'{"model": "openai-x"}',
    "messages of the wrong type": b'{"model": "openai-x", "messages": "hello"}',
    "a message of the wrong type": b'{"model": "openai-x", "messages": [1]}',
    "a role of the wrong type": b'{"model": "openai-x", "messages": [{"role": 1, "content": "x"}]}',
    "an unknown role": b'{"model": "openai-x", "messages": [{"role": "boss", "content": "x"}]}',
    "stream of the wrong type": b'{"model": "openai-x", "stream": "yes", "messages": [{"role": "user", "content": "x"}]}',
    "tools of the wrong type": b'{"model": "openai-x", "tools": 5, "messages": [{"role": "user", "content": "x"}]}',
    "metadata of the wrong type": b'{"model": "openai-x", "metadata": 5, "messages": [{"role": "user", "content": "x"}]}',
    "tags of the wrong type": b'{"model": "openai-x", "tags": {"a": 1}, "messages": [{"role": "user", "content": "x"}]}',
    "NaN": b'{"model": "openai-x", "temperature": NaN, "messages": [{"role": "user", "content": "x"}]}',
    "a huge number": b'{"model": "openai-x", "max_tokens": 1e999, "messages": [{"role": "user", "content": "x"}]}',
    "a lone surrogate": b'{"model": "openai-x", "messages": [{"role": "user", "content": "\\ud800"}], "n": "x"}',
}


class TestARequestThatMakesNoSense:
    @pytest.mark.parametrize("what", sorted(NONSENSE))
    @pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses", "/api/chat", "/v1/embeddings"])
    def test_is_refused_and_says_why(self, gateway: Running, path: str, what: str) -> None:
        if (path, what) == ("/api/chat", "no messages"):
            return  # Ollama's way to have a model loaded: test_client_formats.py
        status, headers, body = _post(gateway, path, NONSENSE[what])
        if what in ("tags of the wrong type", "a lone surrogate", "NaN", "a huge number") and status < 300:
            return  # what it says can be made sense of there
        assert 400 <= status < 500, body
        assert headers["content-type"] == "application/json"
        told = json.loads(body)
        error = told["error"]
        assert error if isinstance(error, str) else error["message"]

    def test_too_large_is_refused_while_it_arrives_and_is_not_kept(self, gateway: Running) -> None:
        before = _memory()
        at = urlsplit(gateway.url)
        piece = b"x" * 65536
        for framing in (b"content-length: 104857600", b"transfer-encoding: chunked"):
            with socket.create_connection((at.hostname, at.port)) as wire:
                wire.sendall(b"POST " + CHAT.encode() + b" HTTP/1.1\r\nhost: x\r\n" + framing + b"\r\n\r\n")
                frame = piece if framing.startswith(b"content") else b"10000\r\n" + piece + b"\r\n"
                sender = threading.Thread(target=_send, args=(wire, frame, 1600), daemon=True)
                sender.start()
                answer = wire.recv(65536)
                assert b" 413 " in answer.split(b"\r\n")[0]
        assert _memory() - before < 40 * 1024 * 1024

    @pytest.mark.parametrize(
        ("path", "status"), [(CHAT, 401), ("/v1/messages", 401), ("/nowhere", 404), ("/v1/models", 405)]
    )
    @pytest.mark.parametrize("framing", ["content-length", "transfer-encoding"])
    def test_who_is_refused_while_sending_gets_to_read_why(
        self, simulator: Simulator, tmp_path: Path, path: str, status: int, framing: str
    ) -> None:
        pieces = [b"x" * 65536] * 160
        said = {"content-length": str(160 * 65536)} if framing == "content-length" else {}
        with running_gateway(_config(simulator.url), tmp_path, auth=True) as running:
            at = urlsplit(running.url)
            for _ in range(3):
                wire = http.client.HTTPConnection(str(at.hostname), at.port, timeout=20)
                wire.request("POST", path, iter(pieces), said, encode_chunked=not said)
                assert wire.getresponse().status == status
                wire.close()

    @pytest.mark.parametrize(("size", "with_the_head"), [(30_000, 10_000), (300, 0), (1, 0)])
    def test_a_connection_goes_on_after_a_refusal_that_came_before_the_bodys_end(
        self, simulator: Simulator, tmp_path: Path, size: int, with_the_head: int
    ) -> None:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n".encode()
        with running_gateway(_config(simulator.url), tmp_path, auth=True) as running:
            at = urlsplit(running.url)
            with socket.create_connection((str(at.hostname), at.port or 80), timeout=20) as wire:
                for _ in range(3):
                    wire.sendall(head + b"x" * with_the_head)
                    assert b" 401 " in wire.recv(65536)
                    wire.sendall(b"x" * (size - with_the_head))

    @pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/responses", "/api/chat", "/v1/embeddings"])
    def test_of_too_many_values_is_refused_before_it_is_read(self, gateway: Running, path: str) -> None:
        body = (
            b'{"model": "openai-x", "messages": [{"role": "user", "content": "x"}], "input": [1' + b",1" * 9001 + b"]}"
        )
        status, _, told = _post(gateway, path, body)
        assert status == 413
        assert b"more than 9000 values" in told

    def test_is_no_text_a_picture_or_a_form_however_long(self, gateway: Running) -> None:
        said = [{"role": "user", "content": "tell me, " * 8000}]
        assert _post(gateway, CHAT, {"model": "openai-x", "messages": said})[0] == 200
        form = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nopenai-x\r\n--x\r\n'
        form += (
            b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + b",,," * 9000 + b"\r\n--x--\r\n"
        )
        kind = {"content-type": "multipart/form-data; boundary=x"}
        assert _post(gateway, "/v1/audio/transcriptions", form, kind)[0] == 200

    @pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads memory from /proc")
    def test_of_millions_of_values_costs_no_memory(self, simulator: Simulator, tmp_path: Path) -> None:
        config = {**json.loads(_config(simulator.url)), "lingate": {}}
        with running_gateway(json.dumps(config), tmp_path) as running:
            body = b'{"model": "openai-x", "messages": [' + b"[]," * 9_000_000 + b"[]]}"
            Path("/proc/self/clear_refs").write_text("5")
            before = _most_memory()
            assert _post(running, CHAT, body)[0] == 413
            assert _most_memory() - before < 4 * len(body)

    def test_a_flood_of_headers_is_refused(self, gateway: Running) -> None:
        at = urlsplit(gateway.url)
        with socket.create_connection((at.hostname, at.port)) as wire:
            flood = b"".join(b"x-%d: %s\r\n" % (number, b"y" * 1000) for number in range(1000))
            _send(wire, b"POST " + CHAT.encode() + b" HTTP/1.1\r\nhost: x\r\n" + flood + b"\r\n", 1)
            answer = wire.recv(65536)
        assert answer.split(b" ")[1] in (b"400", b"431")

    def test_an_unknown_path_is_told_where_to_look(self, gateway: Running) -> None:
        status, _, body = _post(gateway, "/v1/nothing", {})
        assert status == 404
        assert b"GET /" in body


@given(st.recursive(st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
@example(["a,b", {'"': "\\", "\\,": [1, 2]}])
def test_values_are_counted_by_the_commas_that_are_in_no_text(value: Any) -> None:
    body = json.dumps([value], ensure_ascii=False).encode()
    commas = _commas(value)
    check_values(body, commas)
    if commas:
        with pytest.raises(PayloadTooLargeError, match=f"more than {commas - 1} values"):
            check_values(body, commas - 1)


def _commas(value: Any) -> int:
    if not isinstance(value, (list, dict)):
        return 0
    inner = value if isinstance(value, list) else value.values()
    return max(len(value) - 1, 0) + sum(map(_commas, inner))


@pytest.mark.parametrize("text", [b'"', b'"' * 9, b'"\\' * 5, b'"a,\\', b'"a"' * 9])
def test_a_text_without_its_end_is_no_reason_to_look_for_long(text: bytes) -> None:
    check_values(b",,," + text, 3)
    with pytest.raises(PayloadTooLargeError):
        check_values(b",,,," + text, 3)


def _send(wire: socket.socket, data: bytes, times: int) -> None:
    for _ in range(times):
        try:
            wire.sendall(data)
        except OSError:
            return


def _most_memory() -> int:
    """The most bytes that were resident since that was asked to be counted anew."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def _memory() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class TestConfigurationsThatChange:
    def test_no_call_fails_while_it_is_reloaded_again_and_again(self, gateway: Running, simulator: Simulator) -> None:
        stop = threading.Event()
        statuses: list[int] = []

        def call() -> None:
            while not stop.is_set():
                statuses.append(_post(gateway, CHAT, _chat("openai-large"))[0])

        callers = [threading.Thread(target=call) for _ in range(4)]
        for caller in callers:
            caller.start()
        before = gateway.gateway.reloads.count
        config = gateway.gateway.live.config
        for _ in range(500):
            gateway.loop.call_soon_threadsafe(gateway.gateway.reload, config)
            time.sleep(0.002)
        stop.set()
        for caller in callers:
            caller.join(10)
        assert gateway.gateway.reloads.count - before == 500
        assert len(statuses) > 20
        assert set(statuses) == {200}

    def test_a_bad_one_is_not_taken_over_and_is_told_on_the_health_page(
        self, gateway: Running, simulator: Simulator
    ) -> None:
        good = gateway.config.read_text()
        gateway.config.write_text(json.dumps({"model_lst": []}))
        try:
            self._wait(gateway, lambda told: told is not None)
            assert _post(gateway, CHAT, _chat("openai-large"))[0] == 200
        finally:
            gateway.config.write_text(good)
        self._wait(gateway, lambda told: told is None)

    def _wait(self, gateway: Running, done: Any) -> None:
        until = time.monotonic() + 10
        while True:
            connection = _connect(gateway)
            connection.request("GET", "/health/ready")
            told = json.loads(connection.getresponse().read())["config"]["error"]
            connection.close()
            if done(told):
                return
            assert time.monotonic() < until, told
            time.sleep(0.05)
