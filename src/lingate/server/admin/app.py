# The admin API as a starlette application: sign-in, checking, errors.

# What is done is in the modules of its endpoints.

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from lingate.errors import LingateError
from lingate.server.access.access import may_call, may_come_from
from lingate.server.access.inputs import NETWORK
from lingate.server.access.ips import client_address
from lingate.server.access.records import SPAN, Actor
from lingate.server.access.service import RefusedError
from lingate.server.admin import for_records, for_spend, for_system, litellm
from lingate.server.admin.endpoint import (
    Call,
    ConfigStatus,
    DeploymentInfo,
    Endpoint,
    Failure,
    Parts,
    Problem,
    Text,
    document,
)
from lingate.server.asgi import AsgiApplication
from lingate.server.config.reading import closest
from lingate.server.identity import token_of
from lingate.server.ledger.query import Usage
from lingate.server.records import Caller
from lingate.server.store import StoreError

if TYPE_CHECKING:
    from lingate.server.gateway import Gateway
    from lingate.server.routing.deployment import Deployment


_log = logging.getLogger("lingate.admin")
ENDPOINTS = (
    *for_records.ENDPOINTS,
    *for_spend.ENDPOINTS,
    *for_system.ENDPOINTS,
    *litellm.ENDPOINTS,
)
"""Everything there is, in the order of the document."""


def build(parts: Parts) -> Starlette:
    by_path: dict[str, dict[str, Endpoint]] = defaultdict(dict)
    for endpoint in (*ENDPOINTS, for_system.TAIL):
        by_path[endpoint.path][endpoint.method] = endpoint
    # Ids of end users and the like may hold slashes: longer paths are tried first, and an id takes the rest.
    paths = sorted(by_path, key=lambda path: (path.count("{"), -path.count("/")))
    routes: list[BaseRoute] = [
        Route(spelt, _route(parts, by_path[path]), methods=list(by_path[path]))
        for path in paths
        for spelt in (_pattern(path), *(() if "{" in path else (f"{path}/",)))
    ]
    described = msgspec.json.encode(document(ENDPOINTS))

    async def describe(_: Request) -> Response:
        return Response(described, media_type="application/json")

    routes.append(Route("/admin/openapi.json", describe))
    made = Starlette(routes=routes, exception_handlers={HTTPException: _refused_by_router})
    made.router.redirect_slashes = False  # it would lead to http, by the Host header, and take the key along
    return made


def _pattern(path: str) -> str:
    plain = path.startswith(("/admin/keys/", "/admin/spend/"))
    return path if plain else path.replace("{id}", "{id:path}")


def _route(parts: Parts, methods: dict[str, Endpoint]) -> Any:
    async def answer(request: Request) -> Response:
        endpoint = methods["GET" if request.method == "HEAD" else request.method]
        try:
            return await _answer(parts, endpoint, request)
        except StoreError as error:
            return _failure(503, str(error), "store_unavailable", headers={"retry-after": "2"})
        except LingateError as error:
            param = error.param if isinstance(error, RefusedError) else None
            return _failure(error.status or 400, str(error), None, param, error.code)
        except msgspec.ValidationError as error:
            return _failure(400, _readable(str(error), endpoint), None, _param(str(error)))
        except msgspec.DecodeError as error:
            return _failure(400, f"the body is not JSON: {error}")
        except RecursionError:
            return _failure(400, "the body is nested too deeply")

    return answer


_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 409: "conflict_error"}


async def _answer(parts: Parts, endpoint: Endpoint, request: Request) -> Response:
    caller, actor = await _signed_in(parts, endpoint, request)
    if "\x00" in request.scope["path"]:
        raise RefusedError("there is nothing at this path", status=404)
    query = _query(endpoint, request)
    body = await _body(endpoint, request)
    result = await endpoint.handler(parts, Call(caller, actor, dict(request.path_params), query, body))
    if isinstance(result, Text):
        shown = {"cache-control": "no-store", "x-accel-buffering": "no"}
        if result.filename:
            shown["content-disposition"] = f'attachment; filename="{result.filename}"'
        return StreamingResponse(result.pieces, endpoint.status, shown, media_type=result.content_type)
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(result), endpoint.status, headers, media_type="application/json")


async def _signed_in(parts: Parts, endpoint: Endpoint, request: Request) -> tuple[Caller, Actor]:
    access = parts.access
    peer = request.client.host if request.client else None
    address = client_address(peer, ",".join(request.headers.getlist("x-forwarded-for")) or None, access.trusted)
    if access.allowed is not None and address not in access.allowed:
        raise RefusedError("this address may not use the gateway", status=403)
    token = token_of(request.headers.get, "", parts.key_header())
    if token is None:
        raise RefusedError("send the master key or an administrator's key: Authorization: Bearer sk-...", status=401)
    caller = access.known(token) or await access.find(token)
    if caller is None:
        raise RefusedError(access.refusal(token) or "this key is not valid", status=401)
    if not caller.admin and not endpoint.anyone:
        raise RefusedError("this takes the master key or an administrator's key", status=403)
    path = request.scope["path"]  # older versions of starlette make that of `request.url` of the Host header, too
    if not may_come_from(caller, address) or (caller.admin and not may_call(caller, path, request.method)):
        raise RefusedError("this key may not be used here", status=403)
    return caller, Actor(caller.key_id if caller.key_id else caller.user_id or "?", address)


def _query(endpoint: Endpoint, request: Request) -> Any:
    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if "\x00" in value or "\x00" in name:
            raise RefusedError("a query holds no zero bytes", status=400, param=name.replace("\x00", ""))
        if name in given:
            raise RefusedError(f"{name[:100]!r} is given twice", status=400, param=name[:100])
        given[name] = value
    if endpoint.query is None:
        if given:
            raise RefusedError("this takes no query", status=400, param=next(iter(given))[:100])
        return None
    return msgspec.convert(given, endpoint.query, strict=False)


async def _body(endpoint: Endpoint, request: Request) -> Any:
    if endpoint.body is None:
        return None
    raw = await request.body() or b"{}"  # whole, and no longer than it may be: see `builtin.py`
    try:
        if endpoint.prepare is None:
            return msgspec.json.decode(raw, type=endpoint.body)
        plain = msgspec.json.decode(raw, type=dict[str, Any])
        return msgspec.convert(endpoint.prepare(plain), endpoint.body)
    except UnicodeDecodeError:
        raise RefusedError("the body is not JSON: it is not UTF-8", status=400) from None


_EXAMPLES = {
    f"matching regex '{known.pattern}'": (known.examples or [""])[0] for known in (SPAN, NETWORK, for_spend.MOMENT)
}


def _readable(message: str, of: Endpoint) -> str:
    # A complaint about a text, with an example of what would do in place of a pattern.
    _, found, rest = message.partition("Object contains unknown field `")
    if found and rest.endswith("`"):
        known = [name for kind in (of.query, of.body) for name in getattr(kind, "__struct_fields__", ())]
        return f"{rest[:-1]} is unknown{closest(rest[:-1], known)}"
    for pattern, example in _EXAMPLES.items():
        message = message.replace(pattern, f"such as {example!r}")
    return message


def _param(message: str) -> str | None:
    _, found, path = message.rpartition("at `$.")
    return path.rstrip("`") if found else None


async def _refused_by_router(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    lost = error.status_code == 404
    text = "there is nothing at this path; /admin/openapi.json lists what there is" if lost else error.detail
    return _failure(error.status_code, text, headers=dict(error.headers or {}))


def _failure(
    status: int,
    message: str,
    kind: str | None = None,
    param: str | None = None,
    code: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    kind = kind or _TYPES.get(status, "invalid_request_error")
    body = msgspec.json.encode(Failure(error=Problem(message=message, type=kind, param=param, code=code)))
    more = dict(headers or {})
    if status == 401:
        more["www-authenticate"] = "Bearer"
    return Response(body, status, more, media_type="application/json")


def administration(gateway: Gateway) -> AsgiApplication:
    # The admin side of a gateway, given of the gateway's parts what it needs.
    async def reload() -> ConfigStatus:
        await gateway.reload_file()
        return _config(gateway)

    async def alert(service: str) -> str | None:
        if gateway.alerts is None or service not in gateway.live.config.general.alerting:
            return f"general_settings.alerting does not have {service}"
        return await gateway.alerts.test(service)

    parts = Parts(
        access=gateway.access,
        store=gateway.store,
        usage=Usage(gateway.store, gateway.drainer),
        deployments=lambda: [_deployment(gateway, one) for one in gateway.live.router.deployments()],
        config=lambda: _config(gateway),
        reload=reload,
        facts=gateway.status,
        feed=gateway.feed,
        spend_budgets=lambda: gateway.live.router.spend_budgets,
        alert=alert,
        key_header=lambda: gateway.live.key_header,
    )
    return cast("AsgiApplication", build(parts))


def _config(gateway: Gateway) -> ConfigStatus:
    config, reloads = gateway.live.config, gateway.reloads
    return ConfigStatus(path=config.path, loaded_at=reloads.at, error=reloads.error, warnings=config.warnings)


def _deployment(gateway: Gateway, one: Deployment) -> DeploymentInfo:
    left, spent = (0.0, "") if one.spend_budget is None else one.spend_budget.empty()
    wait = max(one.health.until - gateway.live.router.now(), left)
    price = one.price()
    return DeploymentInfo(
        id=one.id,
        model_name=one.group,
        provider=one.provider,
        model=one.model,
        healthy=wait <= 0 and one.unusable is None,
        cooling=wait if wait > 0 else None,
        in_flight=one.load.in_flight,
        input_price=price.input,
        output_price=price.output,
        max_input=one.max_input,
        max_output=one.max_output,
        mode=one.sheet.mode,
        abilities=one.sheet.abilities,
        problem=one.unusable or spent or None,
    )
