"""One client, shared: threads, event loops one after another, forks; and connections that are kept or let go."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import lingate
from lingate._io.choose import Chooser
from lingate.simulator import Simulator, fingerprint
from tests.servers import RawServer, Script

QUESTION = "Say something"
CALL: dict[str, Any] = {"api_key": "test-key"}
ANSWER = b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}'


def sockets() -> int:
    """Open sockets of this process."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            continue
    return count


@pytest.fixture
def simulator() -> Any:
    with Simulator() as running:
        yield running


@pytest.mark.requirement("X10")
def test_one_client_serves_sixteen_threads(simulator: Simulator) -> None:
    with lingate.Lingate() as client, ThreadPoolExecutor(16) as pool:

        def call(number: int) -> str:
            options = {**CALL, "api_base": simulator.url}
            if number % 2:
                return client.chat("openai/sim", f"number {number}", **options).text
            return client.chat("openai/sim", f"number {number}", stream=True, **options).final().text

        texts = list(pool.map(call, range(160)))

    assert all(f"number {number}" in text for number, text in enumerate(texts))


def test_calls_that_differ_in_text_and_key_alone_are_not_mixed_up(simulator: Simulator) -> None:
    with lingate.Lingate() as client, ThreadPoolExecutor(8) as pool:

        def call(number: int) -> None:
            client.chat("openai/sim", f"number {number}", api_key=f"key-{number % 3}", api_base=simulator.url)

        list(pool.map(call, range(60)))

    sent = {
        (request.headers["authorization"], request.body["messages"][0]["content"]) for request in simulator.requests()
    }
    assert sent == {(f"Bearer {fingerprint(f'key-{n % 3}')}", f"number {n}") for n in range(60)}


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_headers_of_a_call_go_out_with_that_call_alone(simulator: Simulator, provider: str) -> None:
    with lingate.Lingate() as client:
        for number in (None, 1, 2, None):
            own = None if number is None else {"x-number": str(number)}
            client.chat(f"{provider}/sim", QUESTION, **CALL, api_base=simulator.url, extra_headers=own)

    assert [request.headers.get("x-number") for request in simulator.requests()] == [None, "1", "2", None]


def test_a_time_out_holds_for_its_own_call_alone() -> None:
    silent = Script([], "stay")
    answer = Script([ANSWER], headers={"content-type": "application/json"})
    with RawServer(answer) as server, lingate.Lingate(retries=0) as client:
        options = {**CALL, "api_base": server.url}
        assert client.chat("openai/m", QUESTION, **options).text == "hello"

        server.script = silent
        with pytest.raises(lingate.errors.LingateError) as caught:
            client.chat("openai/m", QUESTION, timeout=0.2, **options)
        assert caught.value.kind in ("timeout", "deadline")

        server.script = Script([b"", ANSWER], headers={"content-type": "application/json"})
        assert client.chat("openai/m", QUESTION, **options).text == "hello"
        assert client.chat("openai/m", QUESTION, timeout=5, extra_headers={"x-own": "1"}, **options).text == "hello"


def test_one_client_serves_three_event_loops_one_after_another(simulator: Simulator) -> None:
    client = lingate.AsyncLingate()

    async def several() -> list[str]:
        options = {**CALL, "api_base": simulator.url}
        whole = await asyncio.gather(*[client.chat("openai/sim", f"n {n}", **options) for n in range(5)])
        stream = await client.chat("openai/sim", "streamed", stream=True, **options)
        return [answer.text for answer in whole] + [(await stream.final()).text]

    results = [asyncio.run(several()) for _ in range(3)]

    assert results[0] == results[1] == results[2]
    asyncio.run(client.aclose())


def test_no_socket_is_left_after_a_client_is_closed(simulator: Simulator) -> None:
    def use() -> None:
        with lingate.Lingate() as client:
            for _ in range(5):
                client.chat("openai/sim", QUESTION, **CALL, api_base=simulator.url)
                client.chat("openai/sim", QUESTION, stream=True, **CALL, api_base=simulator.url).final()

    use()
    before = sockets()
    for _ in range(5):
        use()

    deadline = time.monotonic() + 5
    while sockets() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sockets() <= before


def test_a_closed_client_may_be_used_again(simulator: Simulator) -> None:
    client = lingate.Lingate()
    client.chat("openai/sim", QUESTION, **CALL, api_base=simulator.url)
    client.close()

    assert client.chat("openai/sim", QUESTION, **CALL, api_base=simulator.url).text
    client.close()


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_closing_a_client_leaves_calls_under_way_alone(colour: str) -> None:
    with RawServer(Script([ANSWER], pause=0.9, headers={"content-type": "application/json"})) as server:
        options = {**CALL, "api_base": server.url}
        blocking, awaited = lingate.Lingate(), lingate.AsyncLingate()
        if colour == "sync":
            asked: Any = asyncio.to_thread(blocking.chat, "openai/m", QUESTION, **options)
        else:
            asked = awaited.chat("openai/m", QUESTION, **options)
        call = asyncio.ensure_future(asked)
        await asyncio.sleep(0.3)
        blocking.close()
        await awaited.aclose()

        assert (await call).text == "hello"
        assert len(server.requests) == 1


def test_a_client_that_is_closed_while_others_ask_always_has_a_transport() -> None:
    chooser, usual = Chooser(None, "sync"), sys.gettrace()
    for line in range(1, 10):  # of what is run, before which another thread closes the client
        chooser.get()
        left = line

        def trace(frame: Any, event: str, _: Any) -> Any:
            nonlocal left
            if frame.f_code is not Chooser.get.__code__:
                return None
            left -= event == "line"
            if not left:
                sys.settrace(usual)
                chooser.drop()
            return trace

        sys.settrace(trace)
        try:
            found = chooser.get()
        finally:
            sys.settrace(usual)
        assert found is not None, line


def test_whole_streams_keep_their_connection_even_when_the_body_ends_a_little_later() -> None:
    done = (
        b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    )
    with RawServer(Script([done])) as server, lingate.Lingate() as client:
        for _ in range(10):
            client.chat("openai/m", QUESTION, stream=True, **CALL, api_base=server.url).final()
            time.sleep(0.02)

        assert server.connections <= 2


def test_an_upstream_that_never_ends_its_body_keeps_nobody_waiting() -> None:
    done = (
        b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    )
    with RawServer(Script([done], "stay")) as server, lingate.Lingate() as client:
        answers = [
            client.chat("openai/m", QUESTION, stream=True, **CALL, api_base=server.url).final() for _ in range(12)
        ]

    assert [answer.text for answer in answers] == ["x"] * 12


def disconnected_within(simulator: Simulator, seconds: float, count: int = 1) -> float:
    """How long it takes until the simulator has seen clients leave."""
    began = time.monotonic()
    while time.monotonic() - began < 5:
        if len(simulator.stats()["disconnects"]) >= count:
            return time.monotonic() - began
        time.sleep(0.002)
    raise AssertionError(f"no disconnect within {seconds} s")


SLOW = {"extra_headers": {"x-sim-delay-ms": "2000"}}


def leave_by_break(client: lingate.Lingate, options: dict[str, Any]) -> None:
    stream = client.chat("openai/sim-words-50", QUESTION, stream=True, **options)
    for _ in stream:
        break


def leave_by_exception(client: lingate.Lingate, options: dict[str, Any]) -> None:
    stream = client.chat("openai/sim-words-50", QUESTION, stream=True, **options)
    with pytest.raises(KeyError):
        for _ in stream:
            raise KeyError("stop")


def leave_by_close(client: lingate.Lingate, options: dict[str, Any]) -> None:
    with client.chat("openai/sim-words-50", QUESTION, stream=True, **options) as stream:
        next(stream)


def leave_by_forgetting(client: lingate.Lingate, options: dict[str, Any]) -> None:
    client.chat("openai/sim-words-50", QUESTION, stream=True, **options)


def leave_by_forgetting_after_next(client: lingate.Lingate, options: dict[str, Any]) -> None:
    gc.disable()  # it is to be let go by being forgotten, not when the collector comes by
    try:
        next(client.chat("openai/sim-words-50", QUESTION, stream=True, **options))
    finally:
        gc.enable()


@pytest.mark.requirement("X11")
@pytest.mark.parametrize(
    "leave", [leave_by_break, leave_by_exception, leave_by_close, leave_by_forgetting, leave_by_forgetting_after_next]
)
def test_leaving_a_stream_lets_the_upstream_go(simulator: Simulator, leave: Any) -> None:
    options = {**CALL, **SLOW, "api_base": simulator.url}
    with lingate.Lingate() as client:
        # The best of three: how long a busy machine takes to run two processes in turn says nothing about us.
        took = []
        for tries in range(3):
            leave(client, options)
            took.append(disconnected_within(simulator, 0.1, tries + 1))
            if took[-1] < 0.1:
                break

    assert min(took) < 0.1


async def left_by(how: str, client: lingate.AsyncLingate, options: dict[str, Any]) -> None:
    stream = await client.chat("openai/sim-words-50", QUESTION, stream=True, **options)
    if how == "break":
        async for _ in stream:
            break
    elif how == "exception":
        with pytest.raises(KeyError):
            async for _ in stream:
                raise KeyError("stop")
    elif how == "forgetting":
        del stream
    elif how == "aclose":
        await anext(stream)
        await stream.aclose()
    else:
        started = asyncio.Event()

        async def read() -> None:
            async for _ in stream:
                started.set()

        task = asyncio.create_task(read())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.requirement("X11")
@pytest.mark.parametrize("how", ["break", "exception", "aclose", "forgetting", "cancellation"])
async def test_leaving_an_async_stream_lets_the_upstream_go(simulator: Simulator, how: str) -> None:
    options = {**CALL, **SLOW, "api_base": simulator.url}
    async with lingate.AsyncLingate() as client:
        took = []
        for tries in range(3):
            await left_by(how, client, options)
            took.append(await asyncio.to_thread(disconnected_within, simulator, 0.1, tries + 1))
            if took[-1] < 0.1:
                break

    assert min(took) < 0.1


@pytest.mark.requirement("X11")
def test_forgetting_a_stream_whose_loop_is_closed_lets_the_upstream_go(simulator: Simulator) -> None:
    client = lingate.AsyncLingate()
    loop = asyncio.new_event_loop()
    stream = loop.run_until_complete(
        client.chat("openai/sim-fault-stall", QUESTION, stream=True, **CALL, api_base=simulator.url)
    )
    loop.close()
    del stream

    assert disconnected_within(simulator, 0.1) < 2


@pytest.mark.requirement("X11")
async def test_cancelling_a_call_that_waits_for_its_answer_lets_the_upstream_go(simulator: Simulator) -> None:
    async with lingate.AsyncLingate() as client:
        task = asyncio.create_task(
            client.chat("openai/sim-fault-stall", QUESTION, stream=True, **CALL, api_base=simulator.url)
        )
        await asyncio.sleep(0.1)
        task.cancel()
        try:
            stream = await task
        except asyncio.CancelledError:
            pass
        else:
            await stream.aclose()

        assert await asyncio.to_thread(disconnected_within, simulator, 0.1) < 2


FORK = """
import os, signal, sys, threading
{block}
import lingate

client = lingate.Lingate()
answer = client.chat("openai/sim", "before", api_key="k", api_base={url!r})
child = os.fork()
if child == 0:
    signal.alarm(20)
    try:
        for used in (client, lingate.Lingate()):
            print("child", used.chat("openai/sim", "after", api_key="k", api_base={url!r}).text.split()[0] != "")
            print("child", used.chat("openai/sim", "after", stream=True, api_key="k", api_base={url!r}).final().text != "")
    except lingate.errors.ConfigError as error:
        print("refused", error)
    sys.stdout.flush()
    os._exit(0)
_, status = os.waitpid(child, 0)
print("status", status)
print("parent", client.chat("openai/sim", "parent", api_key="k", api_base={url!r}).text != "")
"""


def forked(url: str, block: str) -> str:
    program = textwrap.dedent(FORK).format(url=url, block=block)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    ).stdout


def test_after_a_fork_the_client_works_with_the_httpx_extra(simulator: Simulator) -> None:
    pytest.importorskip("httpx2")

    out = forked(simulator.url, "")

    assert out.count("child True") == 4, out
    assert "status 0" in out
    assert "parent True" in out


def test_after_a_fork_without_the_extra_a_clear_error_names_both_remedies_and_nothing_hangs(
    simulator: Simulator,
) -> None:
    out = forked(simulator.url, "sys.modules['httpx2'] = None")

    assert "pip install 'lingate[httpx]'" in out
    assert "fork" in out
    assert "status 0" in out
    assert "parent True" in out


FORK_WHILE_SIGNING_IN = """
import os, signal, threading
import lingate
from lingate.testing import FakeTransport, Reply

class Slow(FakeTransport):
    def send(self, request, timeout):
        if "/token" in request.url and os.getpid() == parent:
            begun.set()
            threading.Event().wait()
        return super().send(request, timeout)

parent, begun = os.getpid(), threading.Event()
answer = Reply({{"choices": [{{"message": {{"content": "hello"}}}}]}})
env = {{"WATSONX_APIKEY": "k", "WATSONX_API_BASE": "http://x", "WATSONX_IAM_URL": "http://x/token", "WATSONX_PROJECT_ID": "p"}}
client = lingate.Lingate(transport=Slow(Reply({{"access_token": "t", "expires_in": 60}}), answer), env=env)
threading.Thread(target=client.chat, args=("watsonx/m", "hi"), daemon=True).start()
begun.wait(10)
child = os.fork()
if child == 0:
    signal.alarm(10)
    print("child", client.chat("watsonx/m", "hi").text, flush=True)
    os._exit(0)
print("status", os.waitpid(child, 0)[1], flush=True)
os._exit(0)
"""


def test_a_child_forked_while_a_thread_signs_in_signs_in_itself() -> None:
    program = FORK_WHILE_SIGNING_IN.format()
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True).stdout

    assert "child hello" in out
    assert "status 0" in out


def test_a_stream_read_in_another_thread_than_it_was_opened_in_works(simulator: Simulator) -> None:
    with lingate.Lingate() as client:
        stream = client.chat("openai/sim", QUESTION, stream=True, **CALL, api_base=simulator.url)
        texts: list[str] = []
        thread = threading.Thread(target=lambda: texts.append(stream.final().text))
        thread.start()
        thread.join(10)

    assert texts
    assert texts[0]
