"""An endpoint as data: what it takes, what it gives, who may call it. Requests are checked and the document is made from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from lingate.server.access.audit import Actor
from lingate.server.admin.parts import Parts
from lingate.server.records import Caller


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked.

    Attributes:
        caller: Who sends it.
        actor: The same for the audit log.
        path: Parameters in the path.
        query: The endpoint's `query` struct.
        body: The endpoint's `body` struct.
    """

    caller: Caller
    actor: Actor
    path: dict[str, str]
    query: Any = None
    body: Any = None


@dataclass(frozen=True, slots=True)
class Text:
    """An answer that is not JSON, in pieces."""

    content_type: str
    pieces: AsyncIterator[bytes]
    filename: str


Handler = Callable[[Parts, Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path.

    Attributes:
        method: `GET`, `POST`, `PATCH` or `DELETE`.
        path: With parameters in braces.
        summary: What it does, one line.
        tag: Its chapter.
        handler: Does it.
        body: Struct of the JSON body.
        query: Struct of the query.
        result: Type of the answer.
        status: Status of success.
        errors: What may be refused, beside 400 and 401.
        anyone: Every key may call it, not just administrators'.
        content_type: Of the answer.
        prepare: Changes a body before it is checked: other names for the same things.
    """

    method: str
    path: str
    summary: str
    tag: str
    handler: Handler
    body: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    result: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    anyone: bool = False
    content_type: str = "application/json"
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
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


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is an error."""

    error: Problem
