"""What drives a gateway: wrk for many requests, own clients on plain sockets for latency and for streams.

The clients do as little as can be done, so that what they measure is the other side: requests are bytes made once, answers
are looked through for a few marks.
"""

from __future__ import annotations

import json
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_SECONDS = 60.0
_RETRY = 0.004
_STAMP = re.compile(rb'"t(\d{10}\.\d{3});"')
_STAMP_ROOM = 20
"""A stamp that two reads share begins in so many last bytes of the first."""

_DONE = b"[DONE]"


class LoadError(RuntimeError):
    """The answers are not what they must be, or there are none."""


@dataclass(frozen=True)
class Target:
    """One way of asking one gateway.

    Attributes:
        port: Where it listens on 127.0.0.1.
        path: Of the request.
        headers: Of the request.
        body: Of the request.
    """

    port: int
    path: str
    headers: dict[str, str]
    body: bytes

    def parts(self) -> tuple[bytes, bytes]:
        """Head and body of the request as they go out."""
        fields = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(self.body)),
            **self.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.path} HTTP/1.1\r\n{lines}\r\n".encode(), self.body


def find_wrk() -> str:
    """wrk's program.

    Raises:
        LoadError: There is none.
    """
    found = shutil.which("wrk")
    if found is None:
        raise LoadError("there is no wrk to send requests (apt-get install wrk)")
    return found


_WRK_END = """
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"requests": %d, "us": %d, "errors": %d}\\n', summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def wrk(target: Target, flight: int, seconds: float, folder: Path) -> dict[str, float]:
    """Send requests for a while, so many at once.

    Returns:
        `requests` that were answered, their number a second (`rps`), and `errors`.

    Raises:
        LoadError: Nothing was answered.
    """
    headers = {"Content-Type": "application/json", **target.headers}
    lines = ["wrk.method = 'POST'", f"wrk.body = {json.dumps(target.body.decode())}"]
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()]
    script = folder / "wrk.lua"
    script.write_text("\n".join(lines) + _WRK_END)
    url = f"http://127.0.0.1:{target.port}{target.path}"
    command = [
        find_wrk(),
        "-t1",
        f"-c{flight}",
        f"-d{max(1, round(seconds))}s",
        "--timeout=20s",
        "-s",
        str(script),
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + _SECONDS)
    told = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if told is None:
        raise LoadError(f"wrk: {(done.stderr or done.stdout).strip()[-200:]}")
    found = json.loads(told.removeprefix("RESULT "))
    if not found["requests"]:
        raise LoadError("no request was answered")
    return {
        "requests": found["requests"],
        "rps": found["requests"] / (found["us"] / 1e6),
        "errors": found["errors"],
    }


class Line:
    """One connection of an ordinary client that waits for each answer.

    Args:
        target: Whom it asks for what.
    """

    def __init__(self, target: Target) -> None:
        self._head, self._body = target.parts()
        self._socket = socket.create_connection(("127.0.0.1", target.port), timeout=_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def ask(self, mark: bytes | None = None) -> tuple[float, bytes]:
        """Make the request once.

        Args:
            mark: What to wait for; None for the end of the answer.

        Returns:
            Seconds until the mark, or the end, was there; and the whole answer.

        Raises:
            LoadError: The answer is an error or is cut.
        """
        receive = self._socket.recv
        began = time.perf_counter()
        # One after the other, as http.client and httpx do.
        self._socket.sendall(self._head)
        self._socket.sendall(self._body)
        data = receive(65536)
        took = time.perf_counter() - began
        seen = mark is None or mark in data
        while not _is_whole(data):
            piece = receive(65536)
            if not piece:
                raise LoadError("the connection was closed within the answer")
            data += piece
            if not seen and mark is not None and mark in data:
                took, seen = time.perf_counter() - began, True
            elif mark is None:
                took = time.perf_counter() - began
        if not data.startswith(b"HTTP/1.1 20"):
            raise LoadError(data[:300].decode(errors="replace"))
        if not seen:
            raise LoadError("the answer is not the one that was sent")
        return took, data


def _is_whole(data: bytes) -> bool:
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return False
    head = head.lower()
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        return len(rest) >= int(head[at + 17 :].split(b"\r\n", 1)[0])
    return rest.endswith(b"0\r\n\r\n")


@dataclass
class Streamed:
    """What came of many streams.

    Attributes:
        finished: Streams that came to their proper end.
        failures: What happened to the others, with how often.
        events: Events that came.
        late: Seconds from sending to arrival, of every event.
    """

    finished: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    events: int = 0
    late: list[float] = field(default_factory=list)

    def fail(self, why: str) -> None:
        """One stream ended badly."""
        self.failures[why] = self.failures.get(why, 0) + 1


class _Stream:
    __slots__ = ("events", "socket", "status", "tail")

    def __init__(self, made: socket.socket) -> None:
        self.socket = made
        self.events = 0
        self.status = b""
        self.tail = b""


def streams(target: Target, count: int, events: int, *, ramp: float, deadline: float) -> Streamed:
    """Read many streams at once, to their ends.

    Args:
        target: Whom to ask.
        count: How many streams.
        events: How many stamped events each must have.
        ramp: Seconds over which they are begun, so that their events do not come all at the same moment.
        deadline: Seconds after which those that go on have failed.
    """
    result, request = Streamed(), b"".join(target.parts())
    waiting = select.epoll()
    opened: dict[int, _Stream] = {}
    began = time.monotonic()
    starts = iter([began + ramp * number / count for number in range(count)])
    due = next(starts, None)
    try:
        while (due is not None or opened) and time.monotonic() - began < deadline:
            while due is not None and due <= time.monotonic():
                _open(target.port, request, waiting, opened, result)
                due = next(starts, None)
            wait = 1.0 if due is None else max(0.0, due - time.monotonic())
            for number, _ in waiting.poll(wait):
                if _read(opened[number], result, events):
                    waiting.unregister(number)
                    opened.pop(number).socket.close()
    finally:
        for stream in opened.values():
            result.fail("did not end in time")
            stream.socket.close()
        waiting.close()
    return result


def _open(port: int, request: bytes, waiting: select.epoll, opened: dict[int, _Stream], result: Streamed) -> None:
    try:
        made = socket.create_connection(("127.0.0.1", port), timeout=5.0)
        made.sendall(request)
    except OSError as error:
        result.fail(f"not begun: {error}")
        return
    made.setblocking(False)
    waiting.register(made.fileno(), select.EPOLLIN)
    opened[made.fileno()] = _Stream(made)


def _read(stream: _Stream, result: Streamed, events: int) -> bool:
    """Take what is there; gives whether the stream is over."""
    try:
        data = stream.socket.recv(65536)
    except BlockingIOError:
        return False
    except OSError as error:
        result.fail(str(error))
        return True
    now = time.time()
    if not stream.status:
        stream.status = data[:12]
        if stream.status != b"HTTP/1.1 200":
            result.fail(data.partition(b"\r\n")[0].decode(errors="replace") or "closed without an answer")
            return True
    elif not data:
        result.fail("closed before its end")
        return True
    joined = stream.tail + data
    end = 0
    for stamp in _STAMP.finditer(joined):
        result.late.append(now - float(stamp[1]))
        stream.events += 1
        result.events += 1
        end = stamp.end()
    stream.tail = joined[max(end, len(joined) - _STAMP_ROOM) :]
    if _DONE not in joined:
        return False
    if stream.events == events:
        result.finished += 1
    else:
        result.fail(f"{events - stream.events} of {events} events did not come")
    return True


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def until_answered(target: Target, alive: Callable[[], bool], seconds: float) -> bytes:
    """Ask again and again until there is an answer, and give it.

    Raises:
        LoadError: There is none within so many seconds, or whoever should give it has died.
    """
    until = time.monotonic() + seconds
    told = "nobody listens"
    while time.monotonic() < until and alive():
        try:
            line = Line(target)
        except OSError:
            time.sleep(_RETRY)
            continue
        try:
            answer = line.ask()[1]
        except (LoadError, OSError) as error:
            told = str(error)
            time.sleep(_RETRY)
        else:
            return answer
        finally:
            line.close()
    raise LoadError(f"no answer: {told}")
