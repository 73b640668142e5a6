# Who sends a request, and whether they may.

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from lingate.errors import AuthenticationError, PermissionDeniedError
from lingate.server.access import may_call, may_come_from
from lingate.server.access.ips import client_address
from lingate.server.http import Request
from lingate.server.records import Caller

if TYPE_CHECKING:
    from lingate.server.exchange import Exchange
    from lingate.server.gateway import Gateway

_OURS = "x-litellm-api-key"
"""A gateway's own header for it: programs send it beside `authorization` where that holds a vendor's token of theirs."""

_HEADERS = ("x-api-key", "x-goog-api-key", "api-key")


def token_of(header: Callable[[str], str | None], query: str, own_header: str | None = None) -> str | None:
    # The key that a request brings, wherever the vendors' packages put theirs.
    if own_header is not None:
        given = header(own_header)
        if given:
            return given.removeprefix("Bearer ")
    given = header(_OURS)
    if given:
        return given.removeprefix("Bearer ")
    given = header("authorization")
    if given:
        word, space, token = given.partition(" ")
        if not space and word.lower() != "bearer":
            return word
        # Another scheme is not for us: a proxy before the gateway may have its own sign-in.
        if word.lower() == "bearer" and token.strip():
            return token.strip()
    for name in _HEADERS:
        given = header(name)
        if given:
            return given
    if "key=" in query:
        return parse_qs(query).get("key", [""])[0] or None
    return None


async def identify(exchange: Exchange) -> None:
    # Find out who calls.
    # Raises AuthenticationError: There is no valid key.
    # Raises PermissionDeniedError: The key, or the gateway, does not take calls from there.
    caller = await caller_of(exchange.gateway, exchange.request)
    row = exchange.row
    exchange.caller = caller
    row.key_id, row.key_alias, row.team_id, row.user_id = (
        caller.key_id,
        caller.key_alias,
        caller.team_id,
        caller.user_id,
    )
    row.tags = caller.tags
    allow(exchange.gateway, exchange.request, caller)


async def caller_of(gateway: Gateway, request: Request) -> Caller:
    # Who sends a request, by its key.
    # Raises AuthenticationError: There is no valid key.
    access = gateway.access
    if not gateway.auth:
        _refuse_other_sites(gateway, request)
        return access.keys.anonymous
    token = token_of(request.header, request.query, gateway.live.key_header)
    if token is None:
        raise AuthenticationError("there is no API key: send it as `Authorization: Bearer <key>`, or as x-api-key")
    caller = access.known(token) or await access.find(token)
    if caller is None:
        raise AuthenticationError(access.refusal(token) or "this API key is not valid")
    return caller


_OTHER_SITE = re.compile(r"null|https?://(?!(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?\Z).*", re.IGNORECASE)
_OWN_NAME = re.compile(r"(?:[^.]*|[\d.]+|\[.*\]|.*\.(?:localhost|local|internal))(?::\d+)?", re.IGNORECASE)
"""What this machine may be called. Any public name can be made to lead here once its page is shown (DNS rebinding)."""


def _refuse_other_sites(gateway: Gateway, request: Request) -> None:
    # Any page that a browser shows can send a request to this machine; without keys, only where it comes from tells.
    # Raises PermissionDeniedError: It is a page of another site, and `lingate.cors` does not name it.
    origin, host, sharing = request.header("origin"), request.header("host"), gateway.live.sharing
    if not origin and host and not _OWN_NAME.fullmatch(host):
        origin = f"http://{host}"  # a page says no origin where it believes that it asks its own site
    if origin and _OTHER_SITE.fullmatch(origin) and not (sharing is not None and sharing.headers(origin)):
        raise PermissionDeniedError("pages of this site may not call a gateway without keys: see lingate.cors")


def allow(gateway: Gateway, request: Request, caller: Caller) -> None:
    # Let a request pass if it may come from where it does, and call what it calls.
    # Raises PermissionDeniedError: The key, or the gateway, does not take calls from there.
    access = gateway.access
    if access.allowed is not None or caller.networks is not None:
        check_forwarded(gateway, request)
        address = client_address(request.client, _forwarded_for(request), access.trusted)
        if (access.allowed is not None and address not in access.allowed) or not may_come_from(caller, address):
            raise PermissionDeniedError("calls from this address are not allowed")
    if caller.routes and not may_call(caller, request.path, request.method):
        raise PermissionDeniedError(f"this key may not call {request.path}")


def check_forwarded(gateway: Gateway, request: Request) -> None:
    # Refuse a request that does not show where it comes from.
    # Proxies put their client's address behind what that client wrote; where nothing of it can be read they would be
    # taken for their client.
    # Raises PermissionDeniedError: It is one.
    if gateway.access.trusted is not None and request.hides("x-forwarded-for"):
        raise PermissionDeniedError("X-Forwarded-For cannot be read: it is not ASCII")


def _forwarded_for(request: Request) -> str | None:
    # All lines of the header: a proxy that adds one of its own leaves the client's before it.
    return ",".join(value for name, value in request.headers() if name.lower() == "x-forwarded-for") or None
