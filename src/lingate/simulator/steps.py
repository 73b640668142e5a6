"""What the server does for one request, as data: faults edit these steps, the connection performs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


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
    """Do nothing for some seconds."""

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
