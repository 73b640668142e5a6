# What the server does for one request, as data: faults edit these steps, the connection performs them. And whole answers so.

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from lingate._dialects._base import Dialect
from lingate._model import Record
from lingate._wire import json
from lingate.errors import LingateError, RateLimitError


class Begin(Record):
    # Send status and headers. `length` None means chunked: the size of the body is not announced.

    status: int
    headers: list[tuple[str, str]]
    length: int | None = None


class Send(Record):
    # Send bytes of the body.

    data: bytes
    """The bytes."""
    tokens: int = 0
    """Completion tokens in them."""
    event: bool = True
    """Whether they complete an event; comments and parts of events do not."""
    terminal: bool = False
    """Whether they are the stream's terminal event."""
    billed: bool = True
    """Whether they are part of the answer, so that a provider would charge for the prompt."""


class Wait(Record):
    seconds: float


class Hang(Record):
    # Send nothing more and keep the connection open until the client leaves.
    pass


class Drop(Record):
    # Close the connection without ending the response: with a FIN, or with an RST.

    reset: bool = False


Step = Begin | Send | Wait | Hang | Drop

Steps = Iterator[Step]
"""Running out of steps ends the response properly."""


JSON = "application/json"


def body_steps(
    status: int, content_type: str, body: bytes, headers: Iterable[tuple[str, str]] = (), tokens: int = 0
) -> Steps:
    yield Begin(status, [("content-type", content_type), *headers], len(body))
    if body:
        yield Send(body, tokens)


def json_steps(status: int, value: Any) -> Steps:
    return body_steps(status, JSON, json.encode(value))


def error_steps(face: Dialect, error: LingateError, status: int | None = None) -> Steps:
    # An error in the form of a dialect.
    # A status given wins: providers of one form differ in theirs.
    usual, body = face.render_error(error)
    limited, after = isinstance(error, RateLimitError), error.retry_after
    headers = dict(_LIMITS) if limited else {}
    if after is not None:
        headers["retry-after"] = str(math.ceil(after))
        if after != int(after):
            headers["retry-after-ms"] = f"{after * 1000:.0f}"
        if limited:
            headers["x-ratelimit-reset-requests"] = f"{after:g}s"
    return body_steps(status or usual, JSON, body, headers.items())


_LIMITS = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "0",
    "anthropic-ratelimit-requests-limit": "60",
    "anthropic-ratelimit-requests-remaining": "0",
}
"""Both families of names that clients look for: OpenAI's and Anthropic's."""
