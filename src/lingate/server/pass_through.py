# Requests that go on to an address of the owner's as they are.

# What is sent there is nothing that this gateway can read. So a call costs what the owner says it does, an answer that
# breaks off is an error and not half an answer, and of keys that are bound to models only those may use a path that
# name it.

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from lingate._dialects._failure import failure
from lingate._io.transport import AsyncByteStream, untied
from lingate.errors import LingateError, NotFoundError, PermissionDeniedError, RequestTimeoutError
from lingate.server.access import may_use
from lingate.server.access.keys import is_made
from lingate.server.entry import own_fields
from lingate.server.errors import OverloadError, internal
from lingate.server.exchange import Exchange
from lingate.server.http import ClientGoneError, Headers
from lingate.server.identity import allow, identify, token_of
from lingate.server.pass_through_routes import PassThroughRoute
from lingate.server.records import Estimate

_log = logging.getLogger("lingate.gateway")

_KEPT = ("content-disposition", "content-encoding", "retry-after", "location", "last-modified", "etag")
"""Of an answer's headers, besides its type. Others may be about the owner's account."""
_LINES = ("text/event-stream", "application/x-ndjson", "application/stream+json", "application/jsonl")
"""Answers that say themselves when they break off, since an error fits in; others are whole before they are sent."""


async def pass_through(exchange: Exchange, route: PassThroughRoute, rest: str) -> None:
    # Send a request on, and its answer back.
    # Raises PermissionDeniedError: The key may not use the path.
    # Raises LingateError: A limit is reached, or there is no answer.
    gateway, request, row, endpoint = exchange.gateway, exchange.request, exchange.row, route.endpoint
    row.face = row.operation = "pass_through"
    row.model = route.path
    if gateway.is_full(exchange.live):
        raise OverloadError.of(gateway)
    token = token_of(request.header, request.query, exchange.live.key_header) if gateway.auth else None
    if endpoint.auth:
        await identify(exchange)
    else:
        exchange.caller = gateway.access.keys.anonymous
        allow(gateway, request, exchange.caller)
        if token and gateway.access.known(token) is None:
            token = None  # it is for somebody else
    if not may_use(exchange.caller, route.path):
        raise PermissionDeniedError(
            f"this key may not use {route.path}: it is bound to models, and this is none of them"
        )
    # Some servers take a backslash for a slash, or leave out what a semicolon begins.
    if {".", ".."} & {*rest.replace("\\", "/").replace(";", "/").split("/")}:
        raise NotFoundError("a path with dots leads nowhere", kind="no_such_path")

    def is_ours(value: str) -> bool:
        # Programs that do not know which header is read send their key in several, or another one in each.
        words, access = {value, *value.split()}, gateway.access
        return bool(token and token in value) or any(
            is_made(word) or access.known(word) or access.refusal(word) for word in words
        )

    sent = route.request(request, await request.body(exchange.live.max_body), rest, is_ours)
    exchange.call = sent.call
    own_fields(exchange, exchange.call)  # those in headers: the body is not ours to read
    free = None if endpoint.cost_per_request is None else 0.0
    estimate = Estimate(route.path, 0, 0, free, free, fixed=endpoint.cost_per_request or 0.0, keys="cost_per_request")
    await exchange.admit(estimate)
    row.deployment, row.provider, row.attempts = endpoint.id or route.path, route.target.provider, 1
    asked, stream = monotonic(), None
    try:
        stream = await exchange.transport.open(sent, route.timeout)
        await _answered(exchange, route, stream, asked)
    finally:
        row.upstream = monotonic() - asked
        if stream is not None:
            await stream.aclose()


async def _answered(exchange: Exchange, route: PassThroughRoute, stream: AsyncByteStream, asked: float) -> None:
    head = stream.head
    kind = head.headers.get("content-type") or "application/octet-stream"
    kept = [(name, value) for name in _KEPT if (value := head.headers.get(name)) is not None]
    for secret in route.target.secrets:  # some repeat them in where they lead on to, and in their errors
        kept = [(name, value.replace(secret, "***")) for name, value in kept]
    until = asked + route.timeout.total
    if head.status < 400:
        exchange.charge(route.endpoint.cost_per_request)
        if kind.partition(";")[0].strip().lower() in _LINES:
            exchange.call.stream = exchange.row.stream = True  # a client that leaves ends it from here on
            piece = await stream.read(max(0.001, until - monotonic()))
            exchange.row.upstream = monotonic() - asked
            await _flow(exchange, stream, piece, kind, kept)
            return
    pieces: list[bytes] = []
    try:
        async with asyncio.timeout(max(0.0, until - monotonic())):
            while (piece := await stream.read()) is not None:
                pieces.append(piece)
    except TimeoutError:
        raise RequestTimeoutError(f"{route.target.provider} did not finish its answer in time") from None
    exchange.row.upstream = monotonic() - asked
    body = b"".join(pieces)
    if head.status < 400:
        exchange.answered(head.status)
    else:
        exchange.settle(head.status, failure(head, body, route.target))
    for secret in route.target.secrets:
        body = body.replace(secret.encode(), b"***")
    exchange.reply.whole(head.status, [*exchange.headers(kind), *kept], body)
    exchange.started = True


async def _flow(exchange: Exchange, stream: AsyncByteStream, piece: bytes | None, kind: str, kept: Headers) -> None:
    # Send an answer as it comes, from its first piece on.
    row, status, began = exchange.row, stream.head.status, monotonic()
    row.ttft = began - exchange.began
    sink = await exchange.reply.stream(status, [*exchange.headers(kind), *kept])
    exchange.started = exchange.flowing = True
    error: LingateError | None = None
    try:
        try:
            while piece is not None:
                await sink.send(piece)
                piece = await stream.read()
        except LingateError as broken:
            error = untied(broken)
        except asyncio.CancelledError:
            if not exchange.interrupted:
                raise
            error = OverloadError("the gateway is shutting down")
        except ClientGoneError:
            raise
        except Exception:
            _log.exception("call %s failed in mid-stream", row.id)
            error = internal()
        exchange.flowing = False  # what is left is the end, and not to be interrupted
        row.upstream += monotonic() - began
        exchange.settle(status, error)
        if error is not None:
            told: bytes = exchange.found.face.spoken.render_error(error)[1]
            await sink.send(b"\n\nevent: error\ndata: %s\n\n" % told if "event-stream" in kind else b"\n%s\n" % told)
    finally:
        sink.close()
