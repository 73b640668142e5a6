# Browsers of other sites: what they are told about who may call from there.

from __future__ import annotations

from collections.abc import Awaitable

from lingate.server.config.settings import Cors
from lingate.server.http import Headers, Reply, Request, Sink

_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_ASKED = (
    "authorization, content-type, accept, user-agent, x-api-key, api-key, x-goog-api-key, cache-control, traceparent, "
    "http-referer, x-title"
)
_ASKED_BY_PACKAGES = ("x-stainless-", "openai-", "anthropic-", "x-goog-", "x-lingate-", "x-litellm-")
"""How the headers begin by which the vendors' packages tell of themselves; there are more with every version."""
_TOLD = "x-lingate-call-id, x-request-id, request-id, x-lingate-response-cost, x-lingate-cache, x-lingate-dropped, retry-after"


class _SharedReply:
    def __init__(self, reply: Reply, headers: Headers) -> None:
        self._reply = reply
        self._headers = headers

    def gone(self) -> Awaitable[None]:
        return self._reply.gone()

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self._reply.whole(status, [*headers, *self._headers], body)

    async def stream(self, status: int, headers: Headers) -> Sink:
        return await self._reply.stream(status, [*headers, *self._headers])


class Sharing:
    # What the configuration allows.

    def __init__(self, settings: Cors) -> None:
        self._all = "*" in settings.allow_origins
        self._origins = frozenset(settings.allow_origins)
        self._asked = ", ".join((_ASKED, *settings.allow_headers))
        self._max_age = str(int(settings.max_age))

    def headers(self, origin: str | None) -> Headers:
        # The headers that let a page of this origin read an answer; none where it may not, or is no page.
        if origin is None or not (self._all or origin in self._origins):
            return []
        # Never with credentials: keys are sent by the page's own code, and cookies are nobody's business here.
        allowed = "*" if self._all else origin
        return [("access-control-allow-origin", allowed), ("access-control-expose-headers", _TOLD), ("vary", "origin")]

    def shared(self, request: Request, reply: Reply) -> Reply:
        # A reply whose answers the page that asks may read, if it may.
        headers = self.headers(request.header("origin"))
        return _SharedReply(reply, headers) if headers else reply

    def preflight(self, request: Request, reply: Reply) -> None:
        # Answer a browser that asks whether it may call.
        headers = self.headers(request.header("origin"))
        if headers:
            headers += [
                ("access-control-allow-methods", _METHODS),
                ("access-control-allow-headers", self._may_send(request)),
                ("access-control-max-age", self._max_age),
            ]
        reply.whole(204 if headers else 403, headers, b"")

    def _may_send(self, request: Request) -> str:
        asked = (request.header("access-control-request-headers") or "").lower().split(",")
        return ", ".join(
            (self._asked, *(name for name in map(str.strip, asked) if name.startswith(_ASKED_BY_PACKAGES)))
        )
