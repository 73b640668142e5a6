# What happens to a request: one way through for every face, whatever server it came in by.

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from lingate._call.plan import complete
from lingate._call.stream import cut_at_stops
from lingate._dialects._base import media_type
from lingate._io.aio import perform
from lingate._wire.json import encode
from lingate.errors import BadRequestError, LingateError
from lingate.server import faces, pages
from lingate.server.admin import is_admin_path
from lingate.server.encodings import plain
from lingate.server.entry import read_call
from lingate.server.errors import OverloadError, internal
from lingate.server.http import ClientGoneError, Reply, Request, check_values
from lingate.server.identity import identify
from lingate.server.passages import passage_for
from lingate.server.passing import passed
from lingate.server.relay import may_relay, renamed, rendered
from lingate.server.reserving import reserve
from lingate.server.streams import stream
from lingate.server.turn import Turn
from lingate.server.upstreams import bring

if TYPE_CHECKING:
    from lingate.server.gateway import Gateway

_log = logging.getLogger("lingate.gateway")


async def handle(gateway: Gateway, request: Request, reply: Reply) -> None:
    # Answer one request, whatever happens.
    # Whatever wakes this task up comes down all its coroutines, with each event of a stream: as few as can be are
    # nested.
    passages = gateway.live.passages
    passage = passage_for(passages, request) if passages and not is_admin_path(request.path) else None
    found = faces.found_for(request) if passage is None else passage[0].found
    if found is None:
        await pages.answer(gateway, request, reply)
        await request.linger()
        return
    turn = Turn.of(gateway, request, reply, found)
    if gateway.tracing is not None:
        turn.span = gateway.tracing.begin(request, found.face.name)
    gateway.entered(turn)
    try:
        if passage is not None:
            await passed(turn, *passage)
        elif await _enters(turn):
            await (_answer(turn) if turn.wish is None else turn.wish.answers.serve(turn, turn.wish, _answer))
    except LingateError as error:
        turn.refuse(error)
    except ClientGoneError:
        turn.abandon()
    except RecursionError:
        turn.refuse(BadRequestError("the request is nested too deeply"))
    except asyncio.CancelledError:
        if turn.stalled:
            turn.refuse(BadRequestError("the request's body took too long to arrive"))
        elif turn.interrupted:
            turn.cut()
        else:
            turn.abandon()
            if not turn.abandoned:
                raise
    except Exception:
        _log.exception("%s %s failed (call %s)", request.method, request.path, turn.row.id)
        turn.refuse(internal())
    finally:
        turn.close()
        gateway.left(turn)
    await request.linger()


async def _enters(turn: Turn) -> bool:
    # Read a request and reserve what it needs; False if it is answered already.
    gateway = turn.gateway
    if gateway.is_full(turn.live):
        raise OverloadError.of(gateway)
    await identify(turn)
    if turn.found.face.name == "models":
        pages.models(turn)
        return False
    body = await turn.request.body(turn.live.max_body)
    encoding = turn.request.header("content-encoding")
    if encoding is not None:
        body = plain(body, encoding, turn.live.max_body)
    check_values(body, turn.live.max_values)
    read_call(turn, body)
    if turn.found.face.dialect == "ollama" and pages.loads(turn):
        return False
    if turn.brought is not None:
        await bring(turn, turn.brought)
    await reserve(turn)
    return True


def _answer(turn: Turn) -> Coroutine[Any, Any, None]:
    return stream(turn) if turn.call.stream else _whole(turn)


async def _whole(turn: Turn) -> None:
    try:
        done = await perform(complete(turn.ride, turn.context), turn.transport)
    except LingateError as error:
        if not pages.can_estimate(turn, error):
            raise
        pages.estimate(turn)
        return
    turn.dropped = done.sent.dropped
    response = cut_at_stops(done.data, done.sent.stop)
    if turn.keep:
        turn.made = response
    if response.get("created") == 0:
        response["created"] = int(turn.row.at)  # the provider does not say when
    turn.noted(response, turn.context.trail[-1].request_id)
    same = (
        done.body and may_relay(turn, done.sent) and (done.data == done.raw or turn.found.face.dialect != "openai_chat")
    )
    if not same:
        body = rendered(turn, response)
    else:
        body = done.body if (told := renamed(turn, done.raw)) is done.raw else encode(told)
    turn.answered()
    turn.answer(200, media_type(turn.found.face.name, response), body)
