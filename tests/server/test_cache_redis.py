"""The cache in a real Redis: shared by replicas, and never in the way when Redis is gone."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from pathlib import Path

import pytest
from redis import Redis

from lingate.server.cache.entry import Entry, unpacked
from lingate.server.cache.remote import Remote
from lingate.simulator import Simulator
from tests.server.asking import ask, deltas
from tests.server.gateway_kit import running_gateway
from tests.server.test_cache import CHAT, chat, config
from tests.services import Service

ANSWER = b'{"data":[1]}'


def _directory(path: Path) -> Path:
    path.mkdir()
    return path


def test_replicas_share_their_answers(simulator: Simulator, tmp_path: Path, redis: str) -> None:
    text = config(simulator.url, type="redis", url=redis)
    with (
        running_gateway(text, _directory(tmp_path / "a")) as one,
        running_gateway(text, _directory(tmp_path / "b")) as other,
    ):
        made = ask(one, CHAT, chat("shared", stream=True))
        _wait_for_keys(redis)
        found = ask(other, CHAT, chat("shared"))

    assert made.headers["x-lingate-cache"] == "miss"
    assert found.headers["x-lingate-cache"] == "hit"
    assert found.json()["choices"][0]["message"]["content"] == deltas(made)


def test_the_variable_for_redis_is_enough(simulator: Simulator, tmp_path: Path, redis: str) -> None:
    with running_gateway(config(simulator.url), tmp_path, env={"LINGATE_REDIS_URL": redis}) as gateway:
        ask(gateway, CHAT, chat("by variable"))
        _wait_for_keys(redis)

        assert ask(gateway, CHAT, chat("by variable")).headers["x-lingate-cache"] == "hit"


def test_redis_holds_digests_and_times_but_no_names(simulator: Simulator, tmp_path: Path, redis: str) -> None:
    text = config(simulator.url, type="redis", url=redis, ttl=90)
    with running_gateway(text, tmp_path) as gateway:
        ask(gateway, CHAT, chat("what is in the key"))
        _wait_for_keys(redis)
        with Redis.from_url(redis) as client:
            names = [name for name in client.keys("*") if name.startswith(b"lingate:answer:")]
            left = client.ttl(names[0])

    assert len(names) == 1
    assert b"what" not in names[0]
    assert 80 <= left <= 90


@pytest.mark.parametrize("data", [b"", b"{half", b"[]", b"null", b'{"choices": 3}', b'{"choices": [1]}', b"{}"])
def test_what_is_no_answer_is_none(data: bytes) -> None:
    assert unpacked(Entry(data, 1.0).packed()) is None


def test_what_others_wrote_there_is_a_miss(simulator: Simulator, tmp_path: Path, redis: str) -> None:
    text = config(simulator.url, type="redis", url=redis)
    with running_gateway(text, tmp_path) as gateway, Redis.from_url(redis) as client:
        ask(gateway, CHAT, chat("overwritten"))
        _wait_for_keys(redis)
        for name in client.keys("lingate:answer:*"):
            client.set(name, b"\x00nonsense")

        found = ask(gateway, CHAT, chat("overwritten"))

    assert (found.status_code, found.headers["x-lingate-cache"]) == (200, "miss")


def test_without_redis_calls_go_on_and_one_line_says_so(
    simulator: Simulator, tmp_path: Path, redis_server: Service, caplog: pytest.LogCaptureFixture
) -> None:
    text = config(simulator.url, type="redis", url=f"redis://127.0.0.1:{redis_server.port}/0")
    with caplog.at_level(logging.WARNING, "lingate.cache"), running_gateway(text, tmp_path) as gateway:
        ask(gateway, CHAT, chat("before"))
        redis_server.stop(signal.SIGKILL)

        found = [ask(gateway, CHAT, chat("before")) for _ in range(5)]
        warnings = [record for record in caplog.records if record.name == "lingate.cache"]
        redis_server.start()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            told = ask(gateway, CHAT, chat("after")).headers["x-lingate-cache"]
            if told == "hit":
                break
            time.sleep(0.1)

    assert {item.status_code for item in found} == {200}
    assert {item.headers["x-lingate-cache"] for item in found} == {"miss"}
    assert len(warnings) == 1
    assert told == "hit"


def test_a_redis_that_hangs_costs_nobody_the_answer(
    simulator: Simulator, tmp_path: Path, redis_server: Service
) -> None:
    text = config(simulator.url, type="redis", url=f"redis://127.0.0.1:{redis_server.port}/0")
    with running_gateway(text, tmp_path) as gateway:
        ask(gateway, CHAT, chat("warm"))
        redis_server.freeze()
        found = [ask(gateway, CHAT, chat(f"frozen {number}")) for number in range(5)]
        redis_server.resume()

    assert {item.status_code for item in found} == {200}
    assert {item.headers["x-lingate-cache"] for item in found} == {"miss"}


async def test_while_redis_hangs_one_call_at_a_time_finds_out_whether_it_still_does(redis_server: Service) -> None:
    clock = [0.0]
    store = Remote(f"redis://127.0.0.1:{redis_server.port}/0", lambda: clock[0])
    await store.get("nothing")
    redis_server.freeze()
    try:
        await store.get("nothing")
        clock[0] = 5.0
        asking = asyncio.create_task(store.get("nothing"))
        await asyncio.sleep(0)

        for _ in range(20):
            with pytest.raises(StopIteration):  # ended in its first step: it has waited for nothing
                store.get("nothing").send(None)
        await asking
    finally:
        redis_server.resume()
        await store.close()


def _wait_for_keys(url: str) -> None:
    deadline = time.monotonic() + 5
    with Redis.from_url(url) as client:
        while not client.keys("lingate:answer:*") and time.monotonic() < deadline:
            time.sleep(0.01)


async def test_a_call_that_is_cancelled_while_the_cache_is_asked_does_not_go_on(redis: str) -> None:
    store = Remote(redis)
    assert await store.get("nothing") is None
    for turns in range(1, 5):
        asked = asyncio.create_task(store.get("nothing"))
        for _ in range(turns):
            await asyncio.sleep(0)
        if asked.cancel():
            with pytest.raises(asyncio.CancelledError):
                await asked
    await store.close()


async def test_answers_that_wait_to_be_written_are_there_when_the_line_is_left(redis: str) -> None:
    one, other = Remote(redis), Remote(redis)
    for number in range(50):
        one.put(f"k{number}", Entry(ANSWER, float(number)), 60)
    await one.close()

    found = [await other.get(f"k{number}") for number in range(50)]
    await other.close()
    assert [entry.at for entry in found if entry is not None] == list(map(float, range(50)))


@pytest.mark.parametrize("turns", range(1, 6))
async def test_a_process_that_stands_still_while_it_connects_to_redis_loses_nothing(redis: str, turns: int) -> None:
    one, other = Remote(redis), Remote(redis)
    one.put("kept", Entry(ANSWER, 1.0), 60)
    for _ in range(turns):
        await asyncio.sleep(0)
    time.sleep(0.6)  # noqa: ASYNC251 - nothing else runs meanwhile
    await one.close()

    assert await other.get("kept") == Entry(ANSWER, 1.0)
    await other.close()


async def test_answers_that_redis_does_not_take_are_lost_with_one_line_in_the_log(
    redis_server: Service, caplog: pytest.LogCaptureFixture
) -> None:
    store = Remote(f"redis://127.0.0.1:{redis_server.port}/0")
    assert await store.get("nothing") is None
    redis_server.stop(signal.SIGKILL)
    for number in range(5):
        store.put(f"k{number}", Entry(ANSWER, 0.0), 60)
    await store.close()
    redis_server.start()

    assert [record.message for record in caplog.records if record.name == "lingate.cache"] == [
        "Redis does not answer (ConnectionError): nothing is cached until it does"
    ]
