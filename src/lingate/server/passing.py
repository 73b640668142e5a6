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
from lingate.server.entry import own_fields
from lingate.server.errors import OverloadError, internal
from lingate.server.http import ClientGoneError, Headers
from lingate.server.identity import allow, identify, token_of
from lingate.server.passages import Passage
from lingate.server.records import Estimate
from lingate.server.turn import Turn

_log = logging.getLogger("lingate.gateway")

_KEPT = ("content-disposition", "content-encoding", "retry-after", "location", "last-modified", "etag")
"""Of an answer's headers, besides its type. Others may be about the owner's account."""
_LINES = ("text/event-stream", "application/x-ndjson", "application/stream+json", "application/jsonl")
"""Answers that say themselves when they break off, since an error fits in; others are whole before they are sent."""


async def passed(turn: Turn, passage: Passage, rest: str) -> None:
    # Send a request on, and its answer back.
    # Raises PermissionDeniedError: The key may not use the path.
    # Raises LingateError: A limit is reached, or there is no answer.
    gateway, request, row, endpoint = turn.gateway, turn.request, turn.row, passage.endpoint
    row.face = row.operation = "pass_through"
    row.model = passage.path
    if gateway.is_full(turn.live):
        raise OverloadError.of(gateway)
    token = token_of(request.header, request.query, turn.live.key_header) if gateway.auth else None
    if endpoint.auth:
        await identify(turn)
    else:
        turn.caller = gateway.access.keys.anonymous
        allow(gateway, request, turn.caller)
        if token and gateway.access.known(token) is None:
            token = None  # it is for somebody else
    if not may_use(turn.caller, passage.path):
        raise PermissionDeniedError(
            f"this key may not use {passage.path}: it is bound to models, and this is none of them"
        )
    if {".", ".."} & {*rest.split("/")}:
        raise NotFoundError("a path with dots leads nowhere", kind="no_such_path")

    def is_ours(value: str) -> bool:
        # Programs that do not know which header is read send their key in several, or another one in each.
        words, access = {value, *value.split()}, gateway.access
        return bool(token and token in value) or any(access.known(word) or access.refusal(word) for word in words)

    sent = passage.request(request, await request.body(turn.live.max_body), rest, is_ours)
    turn.call = sent.call
    own_fields(turn, turn.call)  # those in headers: the body is not ours to read
    free = None if endpoint.cost_per_request is None else 0.0
    estimate = Estimate(passage.path, 0, 0, free, free, fixed=endpoint.cost_per_request or 0.0)
    await turn.admit(estimate)
    row.deployment, row.provider, row.attempts = endpoint.id or passage.path, passage.target.provider, 1
    asked, stream = monotonic(), None
    try:
        stream = await turn.transport.open(sent, passage.timeout)
        await _answered(turn, passage, stream, asked)
    finally:
        row.upstream = monotonic() - asked
        if stream is not None:
            await stream.aclose()


async def _answered(turn: Turn, passage: Passage, stream: AsyncByteStream, asked: float) -> None:
    head = stream.head
    kind = head.headers.get("content-type") or "application/octet-stream"
    kept = [(name, value) for name in _KEPT if (value := head.headers.get(name)) is not None]
    for secret in passage.target.secrets:  # some repeat them in where they lead on to, and in their errors
        kept = [(name, value.replace(secret, "***")) for name, value in kept]
    until = asked + passage.timeout.total
    if head.status < 400:
        turn.pay(passage.endpoint.cost_per_request)
        if kind.partition(";")[0].strip().lower() in _LINES:
            turn.call.stream = turn.row.stream = True  # a client that leaves ends it from here on
            piece = await stream.read(max(0.001, until - monotonic()))
            turn.row.upstream = monotonic() - asked
            await _flow(turn, stream, piece, kind, kept)
            return
    pieces: list[bytes] = []
    try:
        async with asyncio.timeout(max(0.0, until - monotonic())):
            while (piece := await stream.read()) is not None:
                pieces.append(piece)
    except TimeoutError:
        raise RequestTimeoutError(f"{passage.target.provider} did not finish its answer in time") from None
    turn.row.upstream = monotonic() - asked
    body = b"".join(pieces)
    if head.status < 400:
        turn.answered(head.status)
    else:
        turn.settle(head.status, failure(head, body, passage.target))
    for secret in passage.target.secrets:
        body = body.replace(secret.encode(), b"***")
    turn.reply.whole(head.status, [*turn.headers(kind), *kept], body)
    turn.started = True


async def _flow(turn: Turn, stream: AsyncByteStream, piece: bytes | None, kind: str, kept: Headers) -> None:
    # Send an answer as it comes, from its first piece on.
    row, status, began = turn.row, stream.head.status, monotonic()
    row.ttft = began - turn.began
    sink = await turn.reply.stream(status, [*turn.headers(kind), *kept])
    turn.started = turn.flowing = True
    error: LingateError | None = None
    try:
        try:
            while piece is not None:
                await sink.send(piece)
                piece = await stream.read()
        except LingateError as broken:
            error = untied(broken)
        except asyncio.CancelledError:
            if not turn.interrupted:
                raise
            error = OverloadError("the gateway is shutting down")
        except ClientGoneError:
            raise
        except Exception:
            _log.exception("call %s failed in mid-stream", row.id)
            error = internal()
        turn.flowing = False  # what is left is the end, and not to be interrupted
        row.upstream += monotonic() - began
        turn.settle(status, error)
        if error is not None:
            told: bytes = turn.found.face.spoken.render_error(error)[1]
            await sink.send(b"\n\nevent: error\ndata: %s\n\n" % told if "event-stream" in kind else b"\n%s\n" % told)
    finally:
        sink.close()
