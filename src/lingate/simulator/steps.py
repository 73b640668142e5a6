"""What the server does for one request, as data: faults edit these steps, the connection performs them. And whole answers so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from lingate._dialects._base import Dialect
from lingate._wire import json
from lingate.errors import LingateError, RateLimitError


@dataclass(slots=True)
class Begin:
    """Send status and headers. `length` None means chunked: the size of the body is not announced."""

    status: int
    headers: list[tuple[str, str]]
    length: int | None = None


@dataclass(slots=True)
class Send:
    """Send bytes of the body.

    Attributes:
        data: The bytes.
        tokens: Completion tokens in them.
        event: Whether they complete an event; comments and parts of events do not.
        terminal: Whether they are the stream's terminal event.
        billed: Whether they are part of the answer, so that a provider would charge for the prompt.
    """

    data: bytes
    tokens: int = 0
    event: bool = True
    terminal: bool = False
    billed: bool = True


@dataclass(slots=True)
class Wait:
    seconds: float


@dataclass(slots=True)
class Hang:
    """Send nothing more and keep the connection open until the client leaves."""


@dataclass(slots=True)
class Drop:
    """Close the connection without ending the response: with a FIN, or with an RST."""

    reset: bool = False


Step: TypeAlias = Begin | Send | Wait | Hang | Drop

Steps: TypeAlias = Iterator[Step]
"""Running out of steps ends the response properly."""


JSON = "application/json"


def body_steps(
    status: int, content_type: str, body: bytes, headers: Iterable[tuple[str, str]] = (), tokens: int = 0
) -> Steps:
    """A head and a body of known size."""
    yield Begin(status, [("content-type", content_type), *headers], len(body))
    if body:
        yield Send(body, tokens)


def json_steps(status: int, value: Any) -> Steps:
    return body_steps(status, JSON, json.encode(value))


def error_steps(face: Dialect, error: LingateError, status: int | None = None) -> Steps:
    """An error in the form of a dialect. A status given wins: providers of one form differ in theirs."""
    usual, body = face.render_error(error)
    return body_steps(status or usual, JSON, body, _error_headers(error))


def _error_headers(error: LingateError) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    if isinstance(error, RateLimitError):
        # Both families of names that clients look for: OpenAI's and Anthropic's.
        for prefix in ("x-ratelimit-", "anthropic-ratelimit-requests-"):
            suffix = "-requests" if prefix.startswith("x-") else ""
            headers += [(f"{prefix}limit{suffix}", "60"), (f"{prefix}remaining{suffix}", "0")]
    if error.retry_after is not None:
        headers.append(("retry-after", str(math.ceil(error.retry_after))))
        if error.retry_after != int(error.retry_after):
            headers.append(("retry-after-ms", f"{error.retry_after * 1000:.0f}"))
        if isinstance(error, RateLimitError):
            headers.append(("x-ratelimit-reset-requests", f"{error.retry_after:g}s"))
    return headers
