"""Single steps inside Lingate, timed without a network. Run by Lingate's interpreter; prints one JSON line.

`--quick` takes fewer repetitions.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import lingate
from benchmarks.exchange import ANSWER, API_KEY, DONE, EVENTS, MESSAGES, MODEL, completion, events
from lingate._dialects._base import dialect
from lingate._model import Head, HttpRequest

_JSON = Head(200, {"content-type": "application/json"})
_SSE = Head(200, {"content-type": "text/event-stream"})
_REFUSED = Head(400, {"content-type": "application/json"})


class Memory:
    """A transport that answers from memory and remembers what it was asked."""

    def __init__(self, head: Head, pieces: list[bytes]) -> None:
        self.head = head
        self.pieces = pieces
        self.asked: HttpRequest | None = None

    def send(self, request: HttpRequest, timeout: Any) -> tuple[Head, bytes]:
        self.asked = request
        return self.head, b"".join(self.pieces)

    def open(self, request: HttpRequest, timeout: Any) -> MemoryStream:
        self.asked = request
        return MemoryStream(self.head, self.pieces)

    def close(self) -> None:
        """Nothing is held."""


class MemoryStream:
    """The body of an answer, one piece a read."""

    def __init__(self, head: Head, pieces: list[bytes]) -> None:
        self.head = head
        self._rest = iter(pieces)

    def read(self) -> bytes | None:
        return next(self._rest, None)

    def finish(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


def main() -> None:
    steps: list[tuple[str, int, Callable[[], Callable[[], object]]]] = [
        ("one call, from arguments to the answer's text", 1, _call),
        ("one chunk to its view, 100 in one read", EVENTS, lambda: _stream([b"".join(events()) + DONE])),
        ("one chunk to its view, one a read", EVENTS, lambda: _stream([*events(), DONE])),
        ("one chunk to events (decoder alone)", EVENTS, _decode),
    ]
    found = [_step(title, per, make) for title, per, make in steps]
    print(json.dumps(found))


def _step(title: str, per: int, make: Callable[[], Callable[[], object]]) -> dict[str, Any]:
    try:
        return {"title": title, "us": _time(make()) / per}
    except Exception as error:  # one step that fails must not hide the others
        return {"title": title, "note": f"{type(error).__name__}: {error}"}


def _time(work: Callable[[], object]) -> float:
    """CPU time of one execution in microseconds: the median of the repetitions."""
    repetitions, seconds = (3, 0.02) if "--quick" in sys.argv else (9, 0.1)
    work()
    count = 1
    while (spent := _spent(work, count)) < seconds / 2:
        count *= 2
    count = max(1, int(count * seconds / spent))
    return median(_spent(work, count) / count for _ in range(repetitions)) * 1e6


def _spent(work: Callable[[], object], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        work()
    return time.process_time() - start


def _call() -> Callable[[], object]:
    client = lingate.Lingate(transport=Memory(_JSON, [completion()]))

    def work() -> None:
        assert client.chat(f"openai/{MODEL}", MESSAGES, api_key=API_KEY).choices[0].message.content == ANSWER

    return work


def _stream(pieces: list[bytes]) -> Callable[[], object]:
    client = lingate.Lingate(transport=Memory(_SSE, pieces))

    def work() -> None:
        chunks = client.chat(f"openai/{MODEL}", MESSAGES, api_key=API_KEY, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices])
        assert text == ANSWER

    return work


def _asked(model: str, messages: list[dict[str, Any]]) -> HttpRequest:
    memory = Memory(_REFUSED, [b'{"error": {"message": "benchmark"}}'])
    try:
        lingate.Lingate(transport=memory).chat(model, messages, api_key=API_KEY, retries=0)
    except lingate.errors.BadRequestError:
        assert memory.asked is not None
    if memory.asked is None:
        raise RuntimeError("the call did not reach the transport")
    return memory.asked


def _decode() -> Callable[[], object]:
    asked = _asked(f"openai/{MODEL}", MESSAGES)
    form = dialect(asked.target.row.dialect).operation("chat", asked.target.provider)
    body = b"".join(events()) + DONE

    def work() -> None:
        decoder = form.decoder(asked, _SSE)
        decoder.feed(body)
        assert decoder.done

    return work


if __name__ == "__main__":
    main()
