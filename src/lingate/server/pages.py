"""What the gateway answers by itself: lists of models, health, version, metrics; the admin side is handed on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lingate._dialects._base import dialect
from lingate._dialects.ollama.models import render_show, render_version
from lingate._model import JsonDict
from lingate._version import __version__
from lingate._wire import json
from lingate.errors import BadRequestError, LingateError, NotFoundError, UnsupportedError
from lingate.server import faces
from lingate.server.access import may_use
from lingate.server.admin import is_admin_path
from lingate.server.http import Reply, Request
from lingate.server.identity import allow, caller_of
from lingate.server.turn import Turn

if TYPE_CHECKING:
    from lingate.server.gateway import Gateway

_log = logging.getLogger("lingate.gateway")

_JSON = "application/json"
_MOST_ADMIN = 1024 * 1024


async def answer(gateway: Gateway, request: Request, reply: Reply) -> None:
    """Answer a request that is not for a model."""
    try:
        page = _PAGES.get((request.method.replace("HEAD", "GET"), request.path.rstrip("/") or "/"))
        if request.method == "OPTIONS" and gateway.live.sharing is not None:
            gateway.live.sharing.preflight(request, reply)
        elif page is not None:
            status, kind, body = page(gateway)
            reply.whole(status, [("content-type", kind)], body)
        elif request.path == "/metrics" and request.method in ("GET", "HEAD"):
            await _metrics(gateway, request, reply)
        elif is_admin_path(request.path):
            await gateway.serve_admin(request, await _body(gateway, request), reply)
        elif request.method == "POST" and request.path == "/api/show":
            await _show(gateway, request, reply)
        else:
            _send(reply, 404, _problem(f"there is no {request.method} {request.path} here; GET / lists what there is"))
    except LingateError as error:
        status, body = dialect("openai_chat").render_error(error)
        reply.whole(status, [("content-type", _JSON)], body)
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        _send(reply, 500, _problem("the gateway failed"))


async def _body(gateway: Gateway, request: Request) -> bytes:
    try:
        async with asyncio.timeout(gateway.live.config.own.limits.body_seconds):
            return await request.body(_MOST_ADMIN)
    except TimeoutError:
        raise BadRequestError("the request's body took too long to arrive") from None


def _problem(message: str) -> JsonDict:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


def _send(reply: Reply, status: int, body: JsonDict) -> None:
    reply.whole(status, [("content-type", _JSON)], json.encode(body))


def models(turn: Turn) -> None:
    """Answer with the list of models that the caller may use, or one of them, in the format that the client speaks.

    Raises:
        NotFoundError: There is no such model for this caller.
    """
    found = turn.found
    if turn.request.header("anthropic-version"):
        found = turn.found = faces.Found(faces.MODELS["anthropic"], found.args)
        turn.form = found.face.form
    wanted = found.args.get("model")
    entries = [_entry(turn.gateway, name) for name in turn.live.router.models() if may_use(turn.caller, name)]
    if wanted is not None:
        entries = [entry for entry in entries if entry["id"] == wanted]
        if not entries:
            raise NotFoundError(turn.live.router.why_not(wanted))
        body = turn.form.render(entries[0])
    else:
        ids = [entry["id"] for entry in entries]
        ends = {"has_more": False, "first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
        body = turn.form.render({"object": "list", "data": entries, **ends})
    turn.reply.whole(200, [("content-type", _JSON)], body)
    turn.unaccounted()


def _entry(gateway: Gateway, name: str) -> JsonDict:
    """A model in a form that is OpenAI's and Anthropic's at once."""
    return {
        "id": name,
        "object": "model",
        "created": int(gateway.started),
        "owned_by": "lingate",
        "type": "model",
        "display_name": name,
        "created_at": gateway.started_at,
    }


async def _metrics(gateway: Gateway, request: Request, reply: Reply) -> None:
    from lingate.server import exposition  # with what it needs, it is loaded by the first scrape

    await exposition.answer(gateway, request, reply)


async def _show(gateway: Gateway, request: Request, reply: Reply) -> None:
    """Ollama's page about one model."""
    caller = await caller_of(gateway, request)
    allow(gateway, request, caller)
    try:
        asked = json.decode(await _body(gateway, request))
    except ValueError:
        raise BadRequestError("the request is not JSON") from None
    name = (asked.get("model") or asked.get("name")) if isinstance(asked, dict) else None
    if not isinstance(name, str) or not may_use(caller, name) or gateway.live.router.group(name) is None:
        raise NotFoundError(f"model {name!r} not found")
    reply.whole(200, [("content-type", _JSON)], render_show(_entry(gateway, name)))


def can_estimate(turn: Turn, error: LingateError) -> bool:
    """Whether a count of tokens may be the gateway's own: the provider has no way to ask for it."""
    return turn.call.operation == "count_tokens" and isinstance(error, UnsupportedError)


def estimate(turn: Turn) -> None:
    """Answer a question for the number of tokens with our own estimate."""
    body = turn.form.render({"input_tokens": turn.prompt_tokens, "estimated": True})
    turn.row.estimated = True
    turn.settle(200, None)
    turn.answer(200, _JSON, body)


def _index(gateway: Gateway) -> tuple[int, str, bytes]:
    text = f"Lingate {__version__}\n\n" + "\n".join(faces.paths())
    text += "\n\nGET  /health/live\nGET  /health/ready\nGET  /metrics\nGET  /admin/openapi.json\n"
    return 200, "text/plain; charset=utf-8", text.encode()


def _live(gateway: Gateway) -> tuple[int, str, bytes]:
    return 200, _JSON, b'{"status":"alive"}'


def _ready(gateway: Gateway) -> tuple[int, str, bytes]:
    return (503 if gateway.draining else 200), _JSON, json.encode(gateway.health())


def _version(gateway: Gateway) -> tuple[int, str, bytes]:
    return 200, _JSON, render_version(__version__)


_PAGES: dict[tuple[str, str], Callable[[Any], tuple[int, str, bytes]]] = {
    ("GET", "/"): _index,
    ("GET", "/health"): _ready,
    ("GET", "/health/live"): _live,
    ("GET", "/health/liveliness"): _live,
    ("GET", "/health/liveness"): _live,
    ("GET", "/health/ready"): _ready,
    ("GET", "/health/readiness"): _ready,
    ("GET", "/api/version"): _version,
}
