"""What every transport must do, run against each: pyreqwest and httpx2, blocking and awaited."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

import lingate
from lingate._io.via_httpx2 import AsyncHttpx, SyncHttpx
from lingate._io.via_loop import LoopTransport
from lingate._io.via_pyreqwest import SyncPyreqwest, limits_of
from lingate._io.via_pyreqwest_aio import AsyncPyreqwest
from lingate.errors import (
    ConfigError,
    ConnectError,
    InternalServerError,
    LingateError,
    ProtocolError,
    RateLimitError,
    RequestTimeoutError,
    StreamInterruptedError,
)
from lingate.simulator import Simulator
from tests.auth.tokens import TokenServer
from tests.servers import RawServer, Script

MADE: dict[str, tuple[Callable[[], Any], bool]] = {
    "pyreqwest": (SyncPyreqwest, False),
    "pyreqwest awaited": (AsyncPyreqwest, True),
    "event loop": (LoopTransport, True),
    "httpx2": (SyncHttpx, False),
    "httpx2 awaited": (AsyncHttpx, True),
}
ANSWER = b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}'
PIECE = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(params=MADE)
async def ask(request: pytest.FixtureRequest, simulator: Simulator) -> Any:
    """Makes one call on the transport, whole or streamed to its end."""
    make, awaited = MADE[request.param]
    transport = make()

    async def call(model: str, *, stream: bool = False, api_base: str | None = None, **options: Any) -> Any:
        given = {"api_key": "k", "api_base": api_base or simulator.url, "retries": 0, **options}
        if awaited:
            client = lingate.AsyncLingate(transport=transport)
            answer = await client.chat(model, "hi there", stream=stream, **given)
            return await answer.final() if stream else answer
        blocking = lingate.Lingate(transport=transport)
        answer = await asyncio.to_thread(blocking.chat, model, "hi there", stream=stream, **given)
        return await asyncio.to_thread(answer.final) if stream else answer

    yield call
    if awaited:
        await transport.aclose()
    else:
        transport.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_arrives_with_its_headers(ask: Any, stream: bool) -> None:
    answer = await ask("openai/sim", stream=stream)

    assert "hi there" in answer.text
    assert answer.attempts[-1].status == 200
    assert answer.request_id


@pytest.mark.parametrize("stream", [False, True])
async def test_a_status_is_an_error_with_its_wait(ask: Any, stream: bool) -> None:
    with pytest.raises(RateLimitError) as caught:
        await ask("openai/sim-fault-rate_limit-7", stream=stream)
    assert caught.value.retry_after == 7

    with pytest.raises(InternalServerError):
        await ask("anthropic/sim-fault-server_error", stream=stream)


@pytest.mark.parametrize("stream", [False, True])
async def test_nobody_listening_is_a_connection_error(ask: Any, stream: bool) -> None:
    with pytest.raises(ConnectError, match=r"cannot connect to openai: .*base URL http://127\.0\.0\.1:1/v1"):
        await ask("openai/m", stream=stream, api_base="http://127.0.0.1:1/v1")


async def test_a_server_without_tls_that_is_asked_by_https_is_told_as_that(simulator: Simulator) -> None:
    # By the client that is installed; httpx2 says no more than that it could not connect.
    given = {"api_base": f"{simulator.url}/v1".replace("http:", "https:"), "api_key": "k", "retries": 0}
    for stream in (False, True):
        with pytest.raises(ConnectError, match=r"cannot connect to openai: .*it speaks no TLS: write http://"):
            await asyncio.to_thread(lingate.Lingate().chat, "openai/m", "hi", stream=stream, **given)
        with pytest.raises(ConnectError, match=r"cannot connect to openai: .*it speaks no TLS: write http://"):
            await lingate.AsyncLingate().chat("openai/m", "hi", stream=stream, **given)


@pytest.mark.parametrize(
    ("authority", "remedy"),
    [(False, "name the certificates to trust in SSL_CERT_FILE"), (True, "make one with basicConstraints=CA:FALSE")],
)
async def test_a_certificate_that_is_not_trusted_is_told_with_what_to_do(
    authority: bool, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = json.loads(ANSWER)
    with TokenServer(lambda _: (200, answer), tmp_path, authority=authority) as server:
        given: Any = {"api_base": server.url, "api_key": "k", "retries": 0}
        with pytest.raises(ConnectError, match=remedy):
            await asyncio.to_thread(lingate.Lingate().chat, "openai/m", "hi", **given)
        with pytest.raises(ConnectError, match=remedy):
            await lingate.AsyncLingate().chat("openai/m", "hi", stream=True, **given)
        if not authority:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
            assert (await lingate.AsyncLingate().chat("openai/m", "hi", **given)).text == "hello"


async def test_a_machine_without_certificates_to_trust_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    said = r"no certificates to trust .* in SSL_CERT_FILE"
    for stream in (False, True):
        with pytest.raises(ConfigError, match=said):
            await asyncio.to_thread(lingate.Lingate().chat, "openai/m", "hi", stream=stream, api_key="k")
        with pytest.raises(ConfigError, match=said):
            await lingate.AsyncLingate().chat("openai/m", "hi", stream=stream, api_key="k")


@pytest.mark.parametrize("misnamed", [False, True])
async def test_a_certificate_that_is_not_taken_is_not_tried_again_but_a_fallback_is(
    misnamed: bool, ask: Any, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TokenServer(lambda _: (200, json.loads(ANSWER)), tmp_path, authority=False) as server:
        if misnamed:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        place = {"api_base": server.url.replace("127.0.0.1", "localhost") if misnamed else server.url}
        elsewhere = [{"model": "openai/sim", "api_base": simulator.url, "api_key": "k"}]
        with pytest.raises(ConnectError, match=r"cannot connect to openai: .*certificate") as caught:
            await ask("openai/m", retries=2, **place)
        answer = await ask("openai/m", retries=2, fallbacks=elsewhere, **place)

    assert [attempt.kind for attempt in caught.value.attempts] == ["connect"]
    assert [attempt.kind for attempt in answer.attempts] == ["connect", "ok"]


@pytest.mark.parametrize("named", ["missing", "none"])
async def test_a_file_of_certificates_that_cannot_be_read_is_told_as_that(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / named))
    for make, awaited in MADE.values():
        with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
            if awaited:
                await lingate.AsyncLingate(transport=make()).chat("openai/m", "hi", api_key="k")
            else:
                await asyncio.to_thread(lingate.Lingate(transport=make()).chat, "openai/m", "hi", api_key="k")


@pytest.mark.parametrize("transport", [SyncPyreqwest, SyncHttpx])
async def test_a_proxy_that_refuses_is_told_as_that(transport: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(Script([b"<html>"], status=407)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:hunter22@"))
        client = lingate.Lingate(transport=transport(), retries=0)
        with pytest.raises(
            ConnectError, match=r"cannot connect to openai: .*(the proxy that HTTPS_PROXY|407)"
        ) as caught:
            await asyncio.to_thread(client.chat, "openai/m", "hi", api_key="sk-key", api_base="https://far.test/v1")

    assert not any(secret in f"{caught.value!r} {caught.value}" for secret in ("hunter22", "sk-key"))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["reset_head", "close_head"])
async def test_a_connection_lost_before_the_answer_is_a_transport_error(ask: Any, stream: bool, fault: str) -> None:
    with pytest.raises(ConnectError, match="the connection to openai broke: "):
        await ask(f"openai/sim-fault-{fault}", stream=stream)


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_whole_answer_that_breaks_off_is_an_interruption_and_tried_again(ask: Any, ending: Any) -> None:
    headers = {"content-type": "application/json"}
    with RawServer(Script([ANSWER[:40]], ending, headers=headers)) as server:
        with pytest.raises(StreamInterruptedError, match="the connection to openai broke in mid-answer"):
            await ask("openai/m", api_base=server.url)
        with pytest.raises(StreamInterruptedError) as caught:
            await ask("openai/m", api_base=server.url, retries=lingate.RetryPolicy(retries=1, base=0))

    assert [attempt.kind for attempt in caught.value.attempts] == ["stream_interrupted"] * 2


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_is_not_encoded_as_it_says_makes_no_sense_and_is_not_tried_again(
    ask: Any, stream: bool
) -> None:
    kind = "text/event-stream" if stream else "application/json"
    script = Script([PIECE if stream else ANSWER], headers={"content-type": kind, "content-encoding": "gzip"})
    with RawServer(script) as server, pytest.raises(ProtocolError, match="not encoded as it says") as caught:
        await ask("openai/m", stream=stream, api_base=server.url, retries=2)

    assert len(caught.value.attempts) == 1


async def test_a_compressed_answer_that_breaks_off_is_an_interruption(ask: Any) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    script = Script([gzip.compress(ANSWER)[:40]], "close", headers=headers)
    with RawServer(script) as server, pytest.raises(StreamInterruptedError):
        await ask("openai/m", api_base=server.url)


@pytest.mark.parametrize("fault", ["cut", "reset"])
async def test_a_connection_lost_in_mid_stream_is_an_interruption(ask: Any, fault: str) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        await ask(f"openai/sim-fault-{fault}", stream=True)

    assert caught.value.partial.text


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_does_not_come_meets_the_time_out(ask: Any, stream: bool) -> None:
    began = time.monotonic()

    with pytest.raises(LingateError) as caught:
        await ask("openai/sim-fault-hang_head", stream=stream, timeout=0.3)

    assert caught.value.kind in ("timeout", "deadline")
    assert "connecting" not in str(caught.value)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("waiting_for", ["the answer", "the head", "a piece"])
@pytest.mark.parametrize("make", [AsyncPyreqwest, LoopTransport, AsyncHttpx])
async def test_a_cancellation_together_with_what_was_waited_for_is_not_lost(make: Any, waiting_for: str) -> None:
    whole = waiting_for == "the answer"
    script = Script([ANSWER if whole else PIECE, b"" if whole else PIECE], pause=0.05)
    with RawServer(script) as server:
        client = lingate.AsyncLingate(transport=make(), retries=0)
        options = {"api_key": "k", "api_base": server.url}
        for _ in range(8):  # by chance: futures that are ready together are taken in any order
            waited: Any = client.chat("openai/m", "hi", stream=not whole, **options)
            if waiting_for == "a piece":
                stream = await waited
                assert [(await anext(stream)).text for _ in range(2)] == ["", "x"]
                waited = anext(stream)
            task = asyncio.ensure_future(waited)
            await asyncio.sleep(0.02)
            time.sleep(0.1)  # the loop is busy while what the task waits for arrives  # noqa: ASYNC251
            if task.cancel():  # else it was done before, on a busy machine
                with pytest.raises(asyncio.CancelledError):
                    await task
        await client.aclose()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("make", [AsyncPyreqwest, LoopTransport, AsyncHttpx])
async def test_a_scope_of_anyio_knows_its_own_cancellation(make: Any, stream: bool) -> None:
    with RawServer(Script([PIECE, PIECE], "stay")) as server:
        client = lingate.AsyncLingate(transport=make(), retries=0)

        async def ask() -> None:
            answer: Any = await client.chat("openai/m", "hi", stream=stream, api_key="k", api_base=server.url)
            await answer.final()

        with anyio.move_on_after(0.2) as scope:
            await ask()
        assert scope.cancelled_caught
        with pytest.raises(TimeoutError), anyio.fail_after(0.2):
            await ask()
        await client.aclose()


@pytest.mark.parametrize("make", [AsyncPyreqwest, LoopTransport, AsyncHttpx])
async def test_a_stream_can_be_closed_while_another_task_waits_for_a_piece(make: Any) -> None:
    with RawServer(Script([PIECE, PIECE], "stay")) as server:
        client = lingate.AsyncLingate(transport=make(), retries=0)
        stream = await client.chat("openai/m", "hi", stream=True, api_key="k", api_base=server.url)
        reading = asyncio.create_task(stream.final())
        await asyncio.sleep(0.1)

        async with asyncio.timeout(20):
            await stream.aclose()
            with pytest.raises(StreamInterruptedError) as caught:
                await reading

        assert caught.value.partial.text == "xx"
        assert reading.cancelling() == 0
        await client.aclose()


async def test_closing_a_stream_does_not_wait_for_what_another_thread_reads() -> None:
    with RawServer(Script([PIECE] * 4, pause=3.0)) as server:
        client = lingate.Lingate(transport=SyncPyreqwest(), retries=0)
        stream = client.chat("openai/m", "hi", stream=True, api_key="k", api_base=server.url)
        reading = asyncio.create_task(asyncio.to_thread(list, stream))
        await asyncio.sleep(0.2)

        async with asyncio.timeout(2):
            await asyncio.to_thread(stream.close)
        assert len(await reading) < 4


async def test_silence_in_mid_stream_meets_the_read_time_out(ask: Any) -> None:
    with RawServer(Script([PIECE, PIECE], "stay")) as server, pytest.raises(RequestTimeoutError) as caught:
        await ask("openai/m", stream=True, api_base=server.url, timeout=lingate.Timeout(read=0.3))

    assert "nothing for too long" in str(caught.value)


async def test_a_redirect_is_an_error_and_the_key_goes_nowhere(ask: Any) -> None:
    with RawServer(Script([b""])) as elsewhere, RawServer() as server:
        server.script = Script([b"moved"], status=307, headers={"location": elsewhere.url})

        with pytest.raises(LingateError):
            await ask("openai/m", api_base=server.url)

        assert elsewhere.connections == 0


async def test_a_header_that_is_not_ascii_costs_nobody_the_answer(ask: Any) -> None:
    headers = {"content-type": "application/json", "x-request-id": "caf\u00e9", "x-other": "\u00e9", "retry-after": "7"}
    with RawServer(Script([ANSWER], headers=headers)) as server:
        assert (await ask("openai/m", api_base=server.url)).text == "hello"

        server.script = Script([b"slow down"], status=429, headers=headers)
        with pytest.raises(RateLimitError) as caught:
            await ask("openai/m", api_base=server.url)
    assert caught.value.retry_after == 7


async def test_text_that_is_no_header_is_refused(ask: Any) -> None:
    with pytest.raises(lingate.errors.ConfigError):
        await ask("openai/m", api_base="http://127.0.0.1:1\r\nx: y")


async def test_a_client_of_ones_own_is_used_and_left_open(simulator: Simulator) -> None:
    import httpx2

    with httpx2.Client(headers={"x-mine": "yes"}) as own:
        transport = SyncHttpx(own)
        lingate.Lingate(transport=transport).chat("openai/own-client", "hi", api_key="k", api_base=simulator.url)
        transport.close()

        assert not own.is_closed
    assert any(dict(request.headers).get("x-mine") == "yes" for request in simulator.requests())


def test_any_number_of_different_timeouts_and_places_is_served_by_few_clients() -> None:
    body = {"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}}]}
    script = Script([json.dumps(body).encode()], headers={"content-type": "application/json"})
    with RawServer(script) as server, lingate.Lingate(retries=0) as client:
        for number in [*range(1, 40), 1]:
            timeout = lingate.Timeout(total=20, connect=5 + number / 10)
            answer = client.chat("openai/m", "hi", api_key="k", api_base=f"{server.url}/{number}", timeout=timeout)
            assert answer.text == "hi"


async def test_calls_with_less_time_left_each_go_by_the_same_connection(ask: Any) -> None:
    with RawServer(Script([ANSWER], headers={"content-type": "application/json"})) as server:
        for left in range(20, 10, -1):
            assert (await ask("openai/m", api_base=server.url, timeout=left / 4)).text == "hello"

        assert server.connections == 1


@pytest.mark.parametrize(
    ("total", "connect", "read", "limits"),
    [
        (5, 5, 5, (10, 600)),
        (20, 20, 30, (20, 600)),
        (700, 10, 700, (10, 700)),
        (5, 1, 2, (1, 2)),
        (600, 10, 600, (10, 600)),
    ],
)
def test_what_the_total_bounds_has_the_usual_time_outs_unless_those_are_shorter(
    total: float, connect: float, read: float, limits: tuple[float, float]
) -> None:
    timeout = lingate.Timeout(total=total, connect=connect, read=read)

    assert limits_of(timeout, total) == limits
    assert limits_of(timeout, None) == (connect, read)


async def test_a_second_try_has_what_the_first_has_left(ask: Any) -> None:
    def late_and_never(server: RawServer) -> None:
        server.script = Script([b"{}"], status=503, pause=0.6)
        while len(server.requests) < 1:
            time.sleep(0.01)
        time.sleep(0.3)
        server.script = Script([ANSWER], pause=0.9)  # enough for a try that had all the time again

    with RawServer(Script([])) as server:
        changing = asyncio.get_running_loop().run_in_executor(None, late_and_never, server)
        await asyncio.sleep(0.05)
        with pytest.raises(LingateError):
            await ask("openai/m", api_base=server.url, timeout=1.2, retries=lingate.RetryPolicy(retries=1, base=0.01))
        await changing


async def test_an_answer_that_drips_meets_the_time_out_for_the_whole(ask: Any) -> None:
    pieces = [bytes([byte]) for byte in ANSWER]
    with (
        RawServer(Script(pieces, pause=0.1, headers={"content-type": "application/json"})) as server,
        pytest.raises(RequestTimeoutError),
    ):
        await ask("openai/m", api_base=server.url, timeout=0.5)


async def test_a_connection_that_is_not_taken_meets_its_own_time_out(ask: Any) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as held:
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        limits = lingate.Timeout(total=5, connect=0.3, read=3)

        with pytest.raises(RequestTimeoutError, match="connecting to openai took too long"):
            await ask("openai/sim", api_base=f"http://127.0.0.1:{full.getsockname()[1]}/v1", timeout=limits)
