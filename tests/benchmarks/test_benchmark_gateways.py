"""The gateways' bars on canned figures, and the clients that measure against a server that answers from a script."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from benchmarks.load import Line, LoadError, Target, streams, until_answered
from benchmarks.report import figure, table
from benchmarks.upstream import free_port

from benchmarks import gateways_report, rivals, rivals_upstream


def _found() -> dict[str, Any]:
    cpu = {"direct": 12.0, "nginx": 15.0, "lingate": 150.0, "tensorzero": 160.0, "portkey": 1000.0, "litellm": 7000.0}
    through = {"direct_p50": 0.1, "direct_p99": 0.2, "through_p50": 0.4, "through_p99": 0.9}
    crowd = {"finished": 500, "failures": {}, "events": 9, "p50_ms": 2.0, "p99_ms": 9.0, "max_ms": 30.0, "cpu_us": 40.0}
    names = [name for name in cpu if name != "direct"]
    return {
        "facts": {name: {"label": name.title(), "version": "1", "note": "as it comes"} for name in names},
        "start": {name: [0.5, 0.6, 0.4] for name in names if name != "nginx"},
        "memory": {"lingate": {"idle_mb": 80.0, "loaded_mb": 100.0, "served": 50_000}},
        "requests": {name: [{"cpu_us": us, "rps": 9.0, "errors": 0}] * 3 for name, us in cpu.items()},
        "talks": {name: [{"cpu_us": us, "rps": 9.0, "errors": 0}] * 3 for name, us in cpu.items()},
        "latency": {name: [through] * 3 for name in names},
        "soon": {name: [through] * 3 for name in names},
        "token": {name: [{**through, "through_p50": 2.1}] * 3 for name in names},
        "events": {name: [{"cpu_us": us / 4, "finished": 40, "failures": {}}] for name, us in cpu.items()},
        "apart": {
            "nginx": [{"cpu_us": 9, "finished": 40, "failures": {}}],
            "lingate": [{"cpu_us": 20, "finished": 40, "failures": {}}],
        },
        "crowd": {"direct": {**crowd, "seconds": 10.0}, "lingate": {**crowd, "seconds": 60.0}},
    }


def _verdicts(found: dict[str, Any]) -> dict[str, str]:
    lines = "\n".join(gateways_report.render(found, table, figure)).splitlines()
    titles = {limit.title for limit in gateways_report.LIMITS}
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {row[0]: row[-1] for row in rows if row[0] in titles}


def test_every_bar_is_judged_by_its_figure() -> None:
    verdicts = _verdicts(_found())

    assert verdicts.pop("added time to first token, after 20 ms") == "NOT HELD"
    assert verdicts.pop("CPU a stream event, streams in step: Lingate / nginx") == "NOT HELD"
    assert len(verdicts) == len(gateways_report.LIMITS) - 2
    assert set(verdicts.values()) == {"held"}


def test_what_was_not_measured_is_not_held() -> None:
    found = _found()
    found["requests"] = {}
    found["memory"]["lingate"]["served"] = 49_999
    del found["crowd"]["lingate"]

    assert list(_verdicts(found).values()).count("not measured") == 7


def test_failed_streams_are_errors() -> None:
    found = _found()
    found["crowd"]["lingate"]["failures"] = {"closed before its end": 2}

    text = "\n".join(gateways_report.render(found, table, figure))

    assert _verdicts(found)["500 streams: errors"] == "NOT HELD"
    assert "Lingate: 2 x closed before its end" in text


def test_a_run_that_could_not_be_says_why() -> None:
    assert "there is no wrk" in "\n".join(gateways_report.render({"skip": "there is no wrk"}, table, figure))


def test_every_gateway_is_asked_in_its_own_way() -> None:
    bases = {way: f"http://127.0.0.1:1/{way}/v1" for way in rivals_upstream.WAYS}

    for rival in rivals.RIVALS:
        ways = rivals_upstream.WAYS if rival.crowd else ("whole", "soon", "token", "flow")
        place = rivals.Place(rivals.ROOT, 1, bases, rivals.ROOT)
        asked = {(rival.model(way), *rival.headers(place, way, "k").values()) for way in ways}
        assert len(asked) == len(ways), rival.name
        assert rival.command(place)


@contextmanager
def _serving(*pieces: bytes) -> Iterator[Target]:
    """A server that writes these pieces to whoever asks, a moment apart."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                asked = b""
                while not asked.endswith(b"{}"):
                    asked += connection.recv(4096)
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(0.01)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield Target(listening.getsockname()[1], "/", {}, b"{}")
        finally:
            thread.join(5)


_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_an_answer_is_read_to_its_end_and_timed_to_its_mark() -> None:
    with _serving(_HEAD + b"5\r\nfirst\r\n", b"4\r\nlast\r\n", b"0\r\n\r\n") as target:
        line = Line(target)
        try:
            took, data = line.ask(b"last")
        finally:
            line.close()

    assert data.endswith(b"0\r\n\r\n")
    assert 0.005 < took < 20


def test_an_answer_that_is_cut_is_no_answer() -> None:
    with _serving(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") as target:
        line = Line(target)
        try:
            with pytest.raises(LoadError, match="closed"):
                line.ask()
        finally:
            line.close()


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\nwhole", b"whole"),
        (
            _HEAD.replace(b"\r\n\r\n", b"\r\nContent-Type: a/b\r\n\r\n") + b"5\r\nfirst\r\n0\r\n\r\n",
            b"first\r\n0\r\n\r\n",
        ),
    ],
    ids=["whole", "streamed"],
)
def test_the_floor_passes_an_answer_on_as_it_is(answer: bytes, came: bytes) -> None:
    port = free_port()
    process = subprocess.Popen([sys.executable, str(rivals.FLOOR), str(port)])
    try:
        with _serving(answer) as upstream:
            asked = Target(port, "/", {"x-base": f"http://127.0.0.1:{upstream.port}/v1"}, b"{}")
            data = until_answered(asked, lambda: process.poll() is None, 20.0)
    finally:
        process.terminate()
        process.wait(10)

    assert b"content-type: a/b" in data
    assert data.endswith(b"\r\n" + came)


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
def test_events_are_counted_and_timed_however_they_are_cut() -> None:
    stamp = f'"t{time.time():.3f};"'.encode()

    with _serving(_HEAD + stamp[:9], stamp[9:] + stamp[:1], stamp[1:] + b"[DO", b"NE]") as target:
        done = streams(target, 1, 2, ramp=0.0, deadline=5.0)

    assert (done.finished, done.events, done.failures) == (1, 2, {})
    assert all(-0.01 < late < 1 for late in done.late)


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([_HEAD + b"[DONE]"], "2 of 2 events did not come"),
        ([_HEAD, b"some"], "closed before its end"),
        ([b"HTTP/1.1 429 Too Many\r\n\r\n"], "HTTP/1.1 429 Too Many"),
    ],
    ids=["missing", "cut", "refused"],
)
def test_a_stream_that_goes_wrong_is_a_failure_with_its_reason(pieces: list[bytes], why: str) -> None:
    with _serving(*pieces) as target:
        done = streams(target, 1, 2, ramp=0.0, deadline=5.0)

    assert (done.finished, done.failures) == (0, {why: 1})
