"""`lingate tail`: calls of a running gateway as they end, for those who may see them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from lingate.cli.tail import line_of
from lingate.errors import NotFoundError, ProtocolError
from lingate.server.feed import MOST_WATCHERS, Feed, Wanted
from lingate.server.records import LedgerRow
from lingate.simulator import Simulator
from tests.cli.driver import Terminal
from tests.server.gateway_kit import ADMIN, MASTER, Running, running_gateway


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with Simulator() as simulator:
        params = {"model": "openai/sim-*", "api_base": f"{simulator.url}/v1", "api_key": "sk-up", "max_retries": 0}
        config = json.dumps({"model_list": [{"model_name": "any-*", "litellm_params": params}]})
        with running_gateway(config, tmp_path, auth=True) as running:
            yield running


def _ask(gateway: Running, model: str, key: str = MASTER) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    headers = {"authorization": f"Bearer {key}"}
    httpx2.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=20)


class Tail:
    """`lingate tail` as a program of its own."""

    def __init__(self, gateway: Running, *options: str, key: str = MASTER) -> None:
        environment = {**os.environ, "LINGATE_MASTER_KEY": key, "LINGATE_URL": gateway.url, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lingate", "tail", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        deadline = time.monotonic() + 20
        while not len(gateway.gateway.feed) and self.process.poll() is None:
            assert time.monotonic() < deadline, "nobody watches"
            time.sleep(0.02)

    def end(self) -> tuple[list[str], str, int]:
        """Lines, what was said about them, exit code."""
        out, said = self.process.communicate(timeout=20)
        return out.splitlines(), said, self.process.returncode


def test_calls_appear_as_lines_while_they_end(gateway: Running) -> None:
    tail = Tail(gateway, "-n", "2")
    _ask(gateway, "any-small")
    _ask(gateway, "nothing-of-the-kind")
    lines, _, code = tail.end()

    assert code == 0
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3}Z lg-", lines[0]), "not the time of the reader's place"
    assert "200 openai_chat chat, any-small -> openai/sim-small" in lines[0]
    assert "not_found, key master: no model is named 'nothing-of-the-kind' here" in lines[1]


def test_whoever_watches_at_a_terminal_is_told_what_for_and_how_to_leave(gateway: Running) -> None:
    with Terminal("tail", LINGATE_URL=gateway.url, LINGATE_MASTER_KEY=MASTER) as terminal:
        assert "as they end" in terminal.until("Ctrl-C leaves")
        terminal.type("\x03")
        assert terminal.end()[0] == 130


def test_as_json_each_call_is_an_object(gateway: Running) -> None:
    tail = Tail(gateway, "--json", "-n", "1")
    _ask(gateway, "any-small")
    lines, _, _ = tail.end()
    call = json.loads(lines[0])

    assert call["model"] == "any-small"
    assert call["status"] == 200
    assert call["key_id"] == "master"
    assert call["prompt_tokens"] > 0


@pytest.mark.parametrize(
    ("options", "wanted"),
    [(["--errors"], "any-fault-server-error"), (["--model", "any-b*"], "any-big"), (["--key", "ci"], "any-keyed")],
    ids=["errors", "model", "key"],
)
def test_filters_leave_out_the_others(gateway: Running, options: list[str], wanted: str) -> None:
    made = httpx2.post(f"{gateway.url}/admin/keys", json={"alias": "ci"}, headers=ADMIN).json()["token"]
    tail = Tail(gateway, "--json", "-n", "1", *options)
    _ask(gateway, "any-small")
    _ask(gateway, wanted, made if wanted == "any-keyed" else MASTER)
    lines, _, _ = tail.end()

    assert [json.loads(line)["model"] for line in lines] == [wanted]


def test_only_administrators_may_watch(gateway: Running) -> None:
    made = httpx2.post(f"{gateway.url}/admin/keys", json={}, headers=ADMIN).json()["token"]
    _, said, code = Tail(gateway, key=made).end()
    assert code == 3
    assert "administrator" in said

    _, said, code = Tail(gateway, key="sk-wrong").end()
    assert code == 3


def test_it_ends_when_the_gateway_stops_and_does_not_hold_it_up(tmp_path: Path) -> None:
    with running_gateway("model_list: []", tmp_path, auth=True) as gateway:
        tail = Tail(gateway)
        began = time.monotonic()
    took = time.monotonic() - began
    _, said, code = tail.end()

    assert code == 0
    assert "the gateway has stopped" in said
    assert took < 15


def test_a_watcher_who_leaves_is_forgotten_and_costs_nothing_more(gateway: Running) -> None:
    before = len(gateway.gateway.observers)
    tail = Tail(gateway, "-n", "1")
    assert len(gateway.gateway.observers) == before + 1
    _ask(gateway, "any-small")
    tail.end()
    deadline = time.monotonic() + 10
    while len(gateway.gateway.feed):
        _ask(gateway, "any-small")
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert len(gateway.gateway.observers) == before


def test_an_unknown_query_and_one_watcher_too_many_are_refused(gateway: Running) -> None:
    url = f"{gateway.url}/admin/tail"
    assert httpx2.get(url, params={"modle": "x"}, headers=ADMIN).status_code == 400

    stop = threading.Event()

    def watch() -> None:
        with httpx2.stream("GET", url, headers=ADMIN, timeout=20) as answer:
            next(answer.iter_bytes())
            stop.wait(20)

    threads = [threading.Thread(target=watch) for _ in range(MOST_WATCHERS)]
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + 15
        while len(gateway.gateway.feed) < MOST_WATCHERS:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert httpx2.get(url, headers=ADMIN).status_code == 429
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


def _row(number: int, **fields: Any) -> LedgerRow:
    return LedgerRow(id=f"lg-{number}", at=0.0, model="small", **fields)


def test_only_a_star_stands_for_anything_in_a_models_name() -> None:
    row = LedgerRow(id="a", at=0.0, model="claude-x[1m]")
    assert [Wanted(model=name).has(row) for name in ("claude-x[1m]", "*[1m]", "claude-?[[]1m]")] == [True, True, False]


async def test_a_slow_reader_misses_calls_and_is_told_how_many() -> None:
    observers: list[Any] = []
    events = Feed(observers).watch(Wanted())
    await anext(events)
    for number in range(1500):
        observers[0](_row(number), None)
    piece = await anext(events)
    await events.aclose()

    assert piece.count(b"event: call\n") == 1000
    assert b'event: lost\ndata: {"calls":500}\n\n' in piece


async def test_while_nobody_watches_there_is_no_observer() -> None:
    observers: list[Any] = []
    feed = Feed(observers)
    assert observers == []
    events = [feed.watch(Wanted()), feed.watch(Wanted(errors=True))]
    for one in events:
        await anext(one)
    assert len(observers) == 1

    for one in events:
        await one.aclose()
    await asyncio.sleep(0)
    assert observers == []
    assert len(feed) == 0


async def test_the_message_of_an_error_is_shown_without_secrets() -> None:
    observers: list[Any] = []
    events = Feed(observers).watch(Wanted())
    await anext(events)
    observers[0](_row(1, error="not_found"), NotFoundError("no model sk-proj-abcdefghijklmnop1234"))
    piece = await anext(events)
    await events.aclose()

    assert b"no model [redacted]" in piece


def test_a_filter_knows_no_pattern_but_the_star() -> None:
    row = msgspec.structs.replace(_row(1), model="mine[8b]-v?")

    assert Wanted(model="mine[8b]-v?").has(row)
    assert Wanted(model="mine[8b]*").has(row)
    assert not Wanted(model="mine8-v1").has(row)
    assert not Wanted(model="mine?8b?-v?").has(row)


async def test_a_key_where_a_model_is_meant_is_shown_nowhere() -> None:
    key = "sk-proj-abcdefghijklmnop1234"
    observers: list[Any] = []
    events = Feed(observers).watch(Wanted())
    await anext(events)
    row = msgspec.structs.replace(_row(1), model=f"any/{key}", provider_model=key, deployment=f"openai/{key}")
    observers[0](row, None)
    piece = await anext(events)
    await events.aclose()

    assert key.encode() not in piece
    assert piece.count(b"[redacted]") == 3


def test_what_is_no_call_is_not_shown_as_one() -> None:
    with pytest.raises(ProtocolError):
        line_of(b"[]")


def test_a_line_cannot_move_the_cursor() -> None:
    line = line_of(json.dumps({"id": "x", "at": 0.0, "model": "a\x1b[2J\n", "message": "b\r\x07"}).encode())

    assert "\x1b" not in line
    assert "\n" not in line
    assert "\r" not in line


async def test_who_watches_while_nothing_happens_hears_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lingate.server.feed._SILENCE", 0.01)
    feed = Feed([])
    events = feed.watch(Wanted())

    assert [await anext(events) for _ in range(3)] == [b": watching\n\n", b": nothing yet\n\n", b": nothing yet\n\n"]
    feed.close()
    assert [event async for event in events if b"nothing" not in event] == []
