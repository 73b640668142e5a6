# What the gateway answers by itself: lists of models, health, version, metrics; the admin side is handed on.

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from lingate._dialects._base import dialect
from lingate._model import JsonDict
from lingate._version import __version__
from lingate._wire import json
from lingate.errors import BadRequestError, LingateError, NotFoundError, UnsupportedError
from lingate.server import faces, ui
from lingate.server.access import may_use
from lingate.server.admin import is_admin_path
from lingate.server.entry import LATEST
from lingate.server.errors import internal
from lingate.server.exchange import Exchange
from lingate.server.http import ClientGoneError, Headers, Reply, Request, plain
from lingate.server.identity import allow, caller_of, check_forwarded
from lingate.server.records import Caller

if TYPE_CHECKING:
    from lingate.server.gateway import Gateway

_log = logging.getLogger("lingate.gateway")

_JSON = "application/json"
_MOST_ADMIN = 1024 * 1024
_MOST_TOLD = 200

_Page: TypeAlias = "Callable[[Gateway], tuple[int, str, bytes]]"


async def answer(gateway: Gateway, request: Request, reply: Reply) -> None:
    try:
        await _answer(gateway, request, reply)
    except LingateError as error:
        _refuse(gateway, request, reply, error)
    except ClientGoneError:
        return
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        _refuse(gateway, request, reply, internal())


async def _answer(gateway: Gateway, request: Request, reply: Reply) -> None:
    method, path = request.method.replace("HEAD", "GET"), faces.tidied(request.path)
    page = _PAGES.get((method, request.path.rstrip("/") or "/")) or _PAGES.get((method, path))
    if request.method == "OPTIONS" and gateway.live.sharing is not None:
        gateway.live.sharing.preflight(request, reply)
    elif page is not None:
        status, kind, body = page(gateway)
        reply.whole(status, _headers(gateway, request, kind), body)
    elif request.method in ("GET", "HEAD") and gateway.live.config.own.ui and ui.is_ours(request.path):
        reply.whole(*ui.answer(request.path))
    elif method == "GET" and path == "/metrics":
        await _metrics(gateway, request, reply)
    elif is_admin_path(request.path):
        check_forwarded(gateway, request)
        sharing = gateway.live.sharing
        shared = reply if sharing is None else sharing.shared(request, reply)
        await gateway.serve_admin(request, await _body(gateway, request), shared)
    elif method == "POST" and path == "/api/show":
        request.path = path
        await _show(gateway, request, reply)
    else:
        raise _nobody(request)


def _nobody(request: Request) -> LingateError:
    methods = faces.methods_of(request.path)
    if not methods:
        there = f"there is no {request.method} {request.path[:_MOST_TOLD]} here; GET / lists what there is"
        return NotFoundError(there, kind="no_such_path")
    path = request.path[:_MOST_TOLD]
    if "websocket" in (request.header("upgrade") or "").lower():
        # By this status clients that would rather have a WebSocket know at once that there is HTTP only.
        return BadRequestError(f"{path} has no WebSocket: send a POST", kind="no_upgrade")
    return BadRequestError(f"{path} takes {' and '.join(methods)} only", kind="method")


def _refuse(gateway: Gateway, request: Request, reply: Reply, error: LingateError) -> None:
    # Answer with an error in the format that is spoken around there.
    status, body = dialect(faces.format_at(request.path)).render_error(error)
    headers = _headers(gateway, request, _JSON)
    if error.kind == "method":
        headers.append(("allow", ", ".join(faces.methods_of(request.path))))
    elif error.kind == "no_upgrade":
        headers += (("connection", "upgrade"), ("upgrade", "HTTP/1.1"))
    elif error.retry_after is not None:
        headers.append(("retry-after", str(max(1, math.ceil(error.retry_after)))))
    reply.whole(status, headers, body)


def _headers(gateway: Gateway, request: Request, content_type: str) -> Headers:
    # The head of a page: browsers of other sites may read it if they may read answers.
    headers: Headers = [("content-type", content_type)]
    if gateway.live.sharing is not None:
        headers += gateway.live.sharing.headers(request.header("origin"))
    return headers


async def _body(gateway: Gateway, request: Request) -> bytes:
    try:
        async with asyncio.timeout(gateway.live.config.own.limits.body_seconds):
            body = await request.body(_MOST_ADMIN)
    except TimeoutError:
        raise BadRequestError("the request's body took too long to arrive") from None
    return plain(body, request.header("content-encoding") or "", _MOST_ADMIN)


def models(exchange: Exchange) -> None:
    # Answer with the list of models that the caller may use, or one of them, in the format that the client speaks.
    # Raises NotFoundError: There is no such model for this caller.
    gateway, caller, router = exchange.gateway, exchange.caller, exchange.live.router
    if (spoken := _spoken(exchange)) is not None:
        exchange.found = faces.Found(faces.MODELS[spoken], exchange.found.args)
        exchange.form = exchange.found.face.form
    wanted, entry = exchange.found.args.get("model"), _entry
    if exchange.found.face.dialect == "gemini":
        wanted, entry = wanted and wanted.removeprefix("models/"), _googles_entry
    if wanted is not None:
        if not _may_know(gateway, caller, wanted):
            raise NotFoundError(router.why_not(wanted, partial(may_use, caller)))
        answer = entry(gateway, wanted)
    else:
        names = [name for name in router.models() if may_use(caller, name)]
        ends = {"has_more": False, "first_id": names[0] if names else None, "last_id": names[-1] if names else None}
        answer = {"object": "list", "data": [entry(gateway, name) for name in names], **ends}
    exchange.reply.whole(200, _headers(gateway, exchange.request, _JSON), exchange.form.render(answer))
    exchange.unaccounted()


def _spoken(exchange: Exchange) -> str | None:
    # The format of a client whose package has its list of models where OpenAI has its own; None for OpenAI's.
    if exchange.found.face.dialect != "openai_chat":
        return None
    if exchange.request.header("anthropic-version"):
        return "anthropic"
    return (
        "gemini" if exchange.request.header("x-goog-api-key") or exchange.request.header("x-goog-api-client") else None
    )


def _may_know(gateway: Gateway, caller: Caller, name: str) -> bool:
    # Whether there is a model of this name for a caller: also one that a pattern stands for, which no list has.
    group = gateway.live.router.group(name)
    return (
        group is not None and may_use(caller, name) and (name != group.deployments[0].id or may_use(caller, group.name))
    )


def _entry(gateway: Gateway, name: str) -> JsonDict:
    # A model in a form that is OpenAI's and Anthropic's at once.
    return {
        "id": name,
        "object": "model",
        "created": int(gateway.started),
        "owned_by": "lingate",
        "type": "model",
        "display_name": name,
        "created_at": gateway.started_at,
    }


def _googles_entry(gateway: Gateway, name: str) -> JsonDict:
    # A model as Google lists it. Its clients offer those only that say they can do what is to be done.
    methods = ["generateContent", "countTokens", "embedContent"]
    return {"id": name, "version": "", "displayName": name, "supportedGenerationMethods": methods}


async def _metrics(gateway: Gateway, request: Request, reply: Reply) -> None:
    from lingate.server import exposition  # with what it needs, it is loaded by the first scrape

    await exposition.answer(gateway, request, reply)


async def _show(gateway: Gateway, request: Request, reply: Reply) -> None:
    caller = await caller_of(gateway, request)
    allow(gateway, request, caller)
    try:
        asked = json.decode(await _body(gateway, request))
    except ValueError:
        raise BadRequestError("the request is not JSON") from None
    name = (asked.get("model") or asked.get("name")) if isinstance(asked, dict) else None
    names = (name, name.removesuffix(LATEST)) if isinstance(name, str) else ()
    name = next((known for known in names if _may_know(gateway, caller, known)), None)
    if name is None:
        raise NotFoundError(f"model {names[0]!r} not found" if names else "model is missing")
    from lingate._dialects.ollama.models import render_show

    group = gateway.live.router.group(name)
    ready = group.deployments if group is not None else ()
    window = min((item.max_input for item in ready if item.max_input is not None), default=None)
    does = set.intersection(*(set(item.sheet.abilities) for item in ready)) if ready else set()
    reply.whole(200, _headers(gateway, request, _JSON), render_show(_entry(gateway, name), window, does))


def loads(exchange: Exchange) -> bool:
    # Answer a call of Ollama's clients by which they only have a model loaded; whether it is one.
    from lingate._dialects.ollama.models import loaded, only_loads

    if not only_loads(exchange.call):
        return False
    exchange.reply.whole(
        200, exchange.headers(_JSON), exchange.form.render(loaded(exchange.call, int(exchange.row.at)))
    )
    exchange.unaccounted()
    return True


def can_estimate(exchange: Exchange, error: LingateError) -> bool:
    # Whether a count of tokens may be the gateway's own: the provider, or the server in its place, has no way to ask.
    return exchange.call.operation == "count_tokens" and isinstance(error, (UnsupportedError, NotFoundError))


def estimate(exchange: Exchange) -> None:
    # Answer a question for the number of tokens with our own estimate.
    body = exchange.form.render({"input_tokens": exchange.prompt_tokens, "estimated": True})
    exchange.row.estimated = True
    exchange.settle(200, None)
    exchange.answer(200, _JSON, body)


def _index(gateway: Gateway) -> tuple[int, str, bytes]:
    text = f"Lingate {__version__}\n\n" + "\n".join(faces.paths())
    text += "\nPOST /api/show\nGET  /api/ps\nGET  /api/version"
    text += "\n\nGET  /health/live\nGET  /health/ready\nGET  /metrics\nGET  /admin/openapi.json\n"
    if gateway.live.config.own.ui:
        text += f"GET  {ui.PAGE}\n"
    return 200, "text/plain; charset=utf-8", text.encode()


def _ready(gateway: Gateway) -> tuple[int, str, bytes]:
    return (503 if gateway.draining else 200), _JSON, json.encode(gateway.health())


def _version(gateway: Gateway) -> tuple[int, str, bytes]:
    from lingate._dialects.ollama.models import render_version  # a whole dialect, which most gateways never speak

    return 200, _JSON, render_version()


def _always(body: bytes) -> _Page:
    return lambda _: (200, _JSON, body)


_live = _always(b'{"status":"alive"}')
_PAGES = {
    ("GET", "/"): _index,
    ("GET", "/ollama"): lambda _: (200, "text/plain; charset=utf-8", b"Ollama is running"),  # to the letter
    ("GET", "/health"): _ready,
    ("GET", "/health/live"): _live,
    ("GET", "/health/liveliness"): _live,
    ("GET", "/health/liveness"): _live,
    ("GET", "/health/ready"): _ready,
    ("GET", "/health/readiness"): _ready,
    ("GET", "/api/version"): _version,
    ("GET", "/api/ps"): _always(b'{"models":[]}'),  # Ollama's word for those in the memory of its machine
}
