"""What the gateway's own transport makes of what servers do with HTTP/1.1, and what it leaves to pyreqwest."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

import lingate
from lingate._io import via_loop
from lingate._io.via_loop import LoopTransport
from lingate.errors import ConnectError, LingateError, ProtocolError, StreamInterruptedError

BODY = json.dumps(
    {
        "id": "c",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    }
).encode()
EVENTS = [
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hel"}}]}\n\n',
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}\n\n',
    b"data: [DONE]\n\n",
]
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % len(BODY)
WHOLE = LENGTH + b"\r\n" + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT_STREAM = CHUNKED % b"text/event-stream"


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


Answer = Callable[[int, bytes, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Gives each request's head and body to a function that writes the answer, byte for byte."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.left = asyncio.Event()  # a client closed its connection

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                self.requests.append(head + await reader.readexactly(int(length or 0)))
                self.asked.set()
                await self._answer(len(self.requests), self.requests[-1], writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def serving(answer: Answer | bytes) -> AsyncIterator[tuple[Server, Callable[..., Awaitable[Any]]]]:
    """The server, and what asks it by way of the transport."""

    async def same(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        assert isinstance(answer, bytes)
        writer.write(answer)

    server = Server(same if isinstance(answer, bytes) else answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    transport = LoopTransport()
    client = lingate.AsyncLingate(transport=transport, retries=0)

    async def ask(text: str = "hi", *, stream: bool = False, whole: bool = True, **options: Any) -> Any:
        found = await client.chat("openai/m", text, stream=stream, **{"api_key": "k", "api_base": base, **options})
        return await found.final() if stream and whole else found

    try:
        yield server, ask
    finally:
        await transport.aclose()
        listener.close()
        await asyncio.sleep(0.01)  # for both ends to see it


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE,
        CHUNKED % b"application/json" + chunks(BODY[:7], BODY[7:]),
        b"HTTP/1.1 100 Continue\r\n\r\n"
        + b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nx-request-id: no\r\n\r\n"
        + WHOLE,
        LENGTH + b"content-encoding: identity\r\nx-twice: a\r\nx-twice: b\r\n\r\n" + BODY,
        CHUNKED % b"application/json" + chunks(BODY)[:-2] + b"x-trailer: t\r\n\r\n",
        LENGTH.replace(b"content-length", b"CONTENT-Length") + b"\r\n" + BODY,
        (LENGTH + b"\r\n").replace(b"\r", b"") + BODY,
        CHUNKED % b"application/json" + b"%x  \r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    ],
    ids=["length", "chunks", "interim", "identity", "trailers", "case", "line feeds", "spaces"],
)
@pytest.mark.parametrize("bytewise", [False, True])
async def test_an_answer_is_the_same_however_it_is_framed_and_cut(answer: bytes, bytewise: bool) -> None:
    async def drip(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        for at in range(0, len(answer), 1 if bytewise else len(answer)):
            writer.write(answer[at : at + (1 if bytewise else len(answer))])
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(drip) as (server, ask):
        for _ in range(2):
            found = await ask()
            assert found.text == "hello"
            assert found.request_id is None

    assert server.connections == 1


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
async def test_a_body_without_a_length_ends_with_its_connection(version: bytes) -> None:
    async def answer(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(version + b" 200 OK\r\n\r\n" + (b"".join(EVENTS) if b'"stream":true' in request else BODY))
        writer.close()

    async with serving(answer) as (server, ask):
        assert (await ask()).text == "hello"
        assert (await ask(stream=True)).text == "hello"

    assert server.connections == 2


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
async def test_what_was_compressed_unasked_is_read_all_the_same(compress: Callable[[bytes], bytes]) -> None:
    name = b"gzip" if compress is gzip.compress else b"deflate"

    async def answer(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        kind, body = (
            (b"text/event-stream", b"".join(EVENTS)) if b'"stream":true' in request else (b"application/json", BODY)
        )
        packed = compress(body)
        head = (CHUNKED % kind)[:-2] + b"content-encoding: %b\r\n\r\n" % name
        writer.write(head + chunks(*(packed[at : at + 1] for at in range(len(packed)))))

    async with serving(answer) as (server, ask):
        assert (await ask()).text == "hello"
        assert (await ask(stream=True)).text == "hello"

    assert all(b"\r\naccept-encoding: identity\r\n" in request for request in server.requests)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_encoding_that_nobody_asked_for_and_nobody_reads_makes_no_sense(stream: bool) -> None:
    async with serving(LENGTH + b"content-encoding: zstd\r\n\r\n" + BODY) as (_, ask):
        with pytest.raises(ProtocolError, match="not encoded as it says"):
            await ask(stream=stream)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 200\x00 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: %b\r\n" % (b"y" * 1000) * 400,
    ],
    ids=["ssh", "tls", "nul", "upgrade", "endless head"],
)
async def test_what_is_no_answer_is_a_connection_that_broke(answer: bytes, stream: bool) -> None:
    async with serving(answer) as (_, ask):
        with pytest.raises(ConnectError, match="the connection to openai broke: "):
            await ask(stream=stream)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        EVENT_STREAM + chunks(*EVENTS[:2])[:-5] + b"no size\r\n",
        EVENT_STREAM + chunks(*EVENTS[:2])[:-5] + b"-5\r\nab\r\n",
        EVENT_STREAM.replace(b"transfer-encoding: chunked", b"content-length: 4000") + b"".join(EVENTS[:2]),
        LENGTH.replace(b"%d" % len(BODY), b"%d" % (len(BODY) + 1)) + b"\r\n" + BODY,
    ],
    ids=["size", "sign", "length", "a byte"],
)
async def test_a_body_that_is_framed_wrongly_is_an_interruption(answer: bytes, stream: bool) -> None:
    async def closed(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with serving(closed) as (_, ask):
        with pytest.raises(StreamInterruptedError):
            await ask(stream=stream)


@pytest.mark.parametrize("after", [WHOLE.replace(b"hello", b"wrong"), b"\r\nrubbish"])
@pytest.mark.parametrize("together", [True, False])
async def test_an_answer_that_nobody_asked_for_is_never_the_next_ones(after: bytes, together: bool) -> None:
    async def answer(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(WHOLE + after if together else WHOLE)
        if not together:
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.write(after)

    async with serving(answer) as (server, ask):
        for _ in range(3):
            assert (await ask()).text == "hello"
            await asyncio.sleep(0.1)

    assert server.connections == 3


async def test_a_connection_that_its_server_has_closed_is_not_used_again() -> None:
    async def answer(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(WHOLE)
        await writer.drain()
        writer.close()

    async with serving(answer) as (server, ask):
        for _ in range(3):
            assert (await ask()).text == "hello"
            await asyncio.sleep(0.05)

    assert server.connections == 3


@pytest.mark.parametrize("head", [LENGTH + b"connection: close\r\n\r\n", LENGTH.replace(b"1.1", b"1.0") + b"\r\n"])
async def test_a_server_that_says_that_it_will_close_is_believed(head: bytes) -> None:
    async with serving(head + BODY) as (server, ask):
        for _ in range(3):
            assert (await ask()).text == "hello"

    assert server.connections == 3


async def test_many_at_once_get_each_their_own_answer_and_their_connections_are_kept() -> None:
    async def echo(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        text = json.loads(request.partition(b"\r\n\r\n")[2])["messages"][-1]["content"].encode()
        await asyncio.sleep(int(text) % 7 / 100)
        body = BODY.replace(b"hello", text)
        writer.write(LENGTH.replace(b"%d" % len(BODY), b"%d" % len(body)) + b"\r\n" + body)

    async with serving(echo) as (server, ask):
        for _ in range(3):
            found = await asyncio.gather(*(ask(str(number)) for number in range(40)))
            assert [answer.text for answer in found] == [str(number) for number in range(40)]

    assert server.connections <= 40


async def test_a_call_that_is_cancelled_lets_its_connection_go() -> None:
    async def never(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENT_STREAM)
        await writer.drain()
        await asyncio.sleep(0)

    for stream in (False, True):
        async with serving(never) as (server, ask):
            task = asyncio.create_task(ask(stream=stream))
            await server.asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(20):
                await server.left.wait()


async def test_a_stream_that_nobody_reads_is_not_piled_up() -> None:
    sent = 0

    async def flood(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(EVENT_STREAM + chunks(EVENTS[0])[:-5])
        for _ in range(2000):
            writer.write(b"%x\r\n%b\r\n" % (len(line), line))
            await writer.drain()
            sent += len(line)
        writer.write(chunks(*EVENTS[1:]))

    line = b": " + b"x" * 32_000 + b"\n\n"
    async with serving(flood) as (_, ask):
        stream = await ask(stream=True, whole=False)
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 20_000_000
        assert (await stream.final()).text == "hello"


async def test_a_large_request_arrives_whole() -> None:
    text = "wörds " * 2_000_000
    async with serving(WHOLE) as (server, ask):
        assert (await ask(text)).text == "hello"

    assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2])["messages"][-1]["content"] == text


async def test_a_server_that_answers_before_it_has_read_the_request_is_heard() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        while await reader.read(1 << 20):
            pass
        writer.close()

    listener = await asyncio.start_server(refuse, "127.0.0.1", 0)
    transport = LoopTransport()
    client = lingate.AsyncLingate(transport=transport, retries=0)
    base = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    with pytest.raises(LingateError) as caught:
        await client.chat("openai/m", "x" * 30_000_000, api_key="k", api_base=base)
    assert caught.value.status == 413
    await transport.aclose()
    listener.close()
    await asyncio.sleep(0.01)


async def test_connections_that_nobody_uses_are_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(via_loop, "IDLE_SECONDS", 0.2)
    async with serving(WHOLE) as (server, ask):
        assert (await ask()).text == "hello"
        async with asyncio.timeout(20):
            await server.left.wait()
        assert (await ask()).text == "hello"


async def test_an_address_of_a_name_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(WHOLE) as (server, ask):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            held = [socket.socket() for _ in range(4)]
            for waiting in held:
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            loop = asyncio.get_running_loop()

            async def both(host: str, port: int, **kinds: Any) -> Any:
                kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
                return [(*kind, full.getsockname()), (*kind, ("127.0.0.1", port))]

            monkeypatch.setattr(loop, "getaddrinfo", both)
            assert (await ask(timeout=lingate.Timeout(total=20, connect=10))).text == "hello"
            for waiting in held:
                waiting.close()
    assert server.connections == 1


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"extra_headers": {"accept-encoding": "br"}}, b"\r\naccept-encoding: br\r\n"),
        ({"extra_headers": {"host": "elsewhere.test"}}, b"\r\nhost: elsewhere.test\r\n"),
    ],
)
async def test_what_is_out_of_the_ordinary_goes_out_all_the_same(options: dict[str, Any], seen: bytes) -> None:
    async with serving(WHOLE) as (server, ask):
        assert (await ask(**options)).text == "hello"

    assert seen in server.requests[0].lower()


async def test_proxies_of_the_environment_are_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Server(_as_it_is)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    transport = LoopTransport()
    client = lingate.AsyncLingate(transport=transport, retries=0)

    answer = await client.chat("openai/m", "hi", api_key="k", api_base="http://far.test/v1")

    assert answer.text == "hello"
    assert proxy.requests[0].startswith(b"POST http://far.test/v1/chat/completions HTTP/1.1")
    await transport.aclose()
    listener.close()
    await asyncio.sleep(0.01)


async def _as_it_is(number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(WHOLE)
