# An endpoint as data: what it takes, what it gives, who may call it.

# Requests are checked and the document is made from it.

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from lingate._model import Record
from lingate.server.access.audit import Actor
from lingate.server.admin.parts import Parts
from lingate.server.records import Caller


class Call(Record):
    """One request, checked."""

    caller: Caller
    """Who sends it."""
    actor: Actor
    """The same for the audit log."""
    path: dict[str, str]
    """Parameters in the path."""
    query: Any = None
    """The endpoint's `query` struct."""
    body: Any = None
    """The endpoint's `body` struct."""


class Text(NamedTuple):
    """An answer that is not JSON, in pieces."""

    content_type: str
    pieces: AsyncIterator[bytes]
    filename: str


Handler = Callable[[Parts, Call], Awaitable[Any]]


class Endpoint(Record):
    """One method of one path."""

    method: str
    """`GET`, `POST`, `PATCH` or `DELETE`."""
    path: str
    """With parameters in braces."""
    summary: str
    """What it does, one line."""
    handler: Handler
    """Does it."""
    tag: str
    """Its chapter."""
    body: type[msgspec.Struct] | None = None
    """Struct of the JSON body."""
    query: type[msgspec.Struct] | None = None
    """Struct of the query."""
    result: Any = None
    """Type of the answer."""
    status: int = 200
    """Status of success."""
    errors: tuple[int, ...] = ()
    """What may be refused, beside 400 and 401."""
    anyone: bool = False
    """Every key may call it, not just administrators'."""
    content_type: str = "application/json"
    """Of the answer."""
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Changes a body before it is checked: other names for the same things."""


class Problem(Record):
    """What is wrong.

    Attributes:
        message: For people.
        type: Kind of error, for programs.
        param: The field that is wrong.
        code: More precise than the type.
    """

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class Failure(Record):
    """The body of every answer that is an error."""

    error: Problem
