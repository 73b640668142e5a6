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
from lingate.server import builtin, faces
from lingate.server.admin import is_admin_path
from lingate.server.admission import reserve
from lingate.server.entry import read_call
from lingate.server.errors import OverloadError, internal
from lingate.server.exchange import Exchange
from lingate.server.http import ClientGoneError, Reply, Request, check_values, plain
from lingate.server.identity import identify
from lingate.server.pass_through import pass_through
from lingate.server.pass_through_routes import pass_through_route_for
from lingate.server.relay import may_relay, renamed, rendered
from lingate.server.streams import stream
from lingate.server.upstreams import bring

if TYPE_CHECKING:
    from lingate.server.gateway import Gateway

_log = logging.getLogger("lingate.gateway")


async def handle(gateway: Gateway, request: Request, reply: Reply) -> None:
    # Answer one request, whatever happens.
    # Whatever wakes this task up comes down all its coroutines, with each event of a stream: as few as can be are
    # nested.
    routes = gateway.live.pass_through_routes
    route = pass_through_route_for(routes, request) if routes and not is_admin_path(request.path) else None
    found = faces.found_for(request) if route is None else route[0].found
    if found is None:
        await builtin.answer(gateway, request, reply)
        await request.linger()
        return
    exchange = Exchange.of(gateway, request, reply, found)
    if gateway.tracing is not None:
        exchange.span = gateway.tracing.begin(request, found.face.name)
    gateway.entered(exchange)
    try:
        if route is not None:
            await pass_through(exchange, *route)
        elif await _enters(exchange):
            wanted = exchange.cache_request
            await (_answer(exchange) if wanted is None else wanted.cache.serve(exchange, wanted, _answer))
    except LingateError as error:
        exchange.refuse(error)
    except ClientGoneError:
        exchange.abandon()
    except RecursionError:
        exchange.refuse(BadRequestError("the request is nested too deeply"))
    except asyncio.CancelledError:
        if exchange.stalled:
            exchange.refuse(BadRequestError("the request's body took too long to arrive"))
        elif exchange.interrupted:
            exchange.cut()
        else:
            exchange.abandon()
            if not exchange.abandoned:
                raise
    except Exception:
        _log.exception("%s %s failed (call %s)", request.method, request.path, exchange.row.id)
        exchange.refuse(internal())
    finally:
        gateway.left(exchange)
        exchange.close()  # last, since whoever is told of the call may fail
    await request.linger()


async def _enters(exchange: Exchange) -> bool:
    # Read a request and reserve what it needs; False if it is answered already.
    gateway = exchange.gateway
    if gateway.is_full(exchange.live):
        raise OverloadError.of(gateway)
    await identify(exchange)
    if exchange.found.face.name == "models":
        builtin.models(exchange)
        return False
    body = await exchange.request.body(exchange.live.max_body)
    encoding = exchange.request.header("content-encoding")
    if encoding is not None:
        body = plain(body, encoding, exchange.live.max_body)
    check_values(body, exchange.live.max_values)
    read_call(exchange, body)
    if exchange.found.face.dialect == "ollama" and builtin.loads(exchange):
        return False
    if exchange.caller_upstream is not None:
        await bring(exchange, exchange.caller_upstream)
    await reserve(exchange)
    return True


def _answer(exchange: Exchange) -> Coroutine[Any, Any, None]:
    return stream(exchange) if exchange.call.stream else _whole(exchange)


async def _whole(exchange: Exchange) -> None:
    try:
        done = await perform(complete(exchange.chain, exchange.context), exchange.transport)
    except LingateError as error:
        if not builtin.can_estimate(exchange, error):
            raise
        builtin.estimate(exchange)
        return
    exchange.dropped = done.sent.dropped
    response = cut_at_stops(done.data, done.sent.stop)
    if exchange.keep:
        exchange.made = response
    if response.get("created") == 0:
        response["created"] = int(exchange.row.at)  # the provider does not say when
    exchange.note_answer(response, exchange.context.trail[-1].request_id)
    same = (
        done.body
        and may_relay(exchange, done.sent)
        and (done.data == done.raw or exchange.found.face.dialect != "openai_chat")
    )
    if not same:
        body = rendered(exchange, response)
    else:
        body = done.body if (told := renamed(exchange, done.raw)) is done.raw else encode(told)
    exchange.answered()
    exchange.answer(200, media_type(exchange.found.face.name, response), body)
