"""Browsers of other sites: what they are told about who may call from there."""

from __future__ import annotations

from lingate.server.config.settings import Cors
from lingate.server.http import Headers, Reply, Request

_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_ASKED = "authorization, content-type, x-api-key, x-goog-api-key, anthropic-version, anthropic-beta"
_TOLD = "x-lingate-call-id, x-lingate-response-cost, x-lingate-cache, retry-after"


class Sharing:
    """What the configuration allows.

    Args:
        settings: `lingate.cors`.
    """

    def __init__(self, settings: Cors) -> None:
        self._all = "*" in settings.allow_origins
        self._origins = frozenset(settings.allow_origins)
        self._asked = ", ".join((_ASKED, *settings.allow_headers))
        self._max_age = str(int(settings.max_age))

    def headers(self, origin: str | None) -> Headers:
        """The headers that let a page of this origin read an answer; none where it may not, or is no page."""
        if origin is None or not (self._all or origin in self._origins):
            return []
        # Never with credentials: keys are sent by the page's own code, and cookies are nobody's business here.
        allowed = "*" if self._all else origin
        return [("access-control-allow-origin", allowed), ("access-control-expose-headers", _TOLD), ("vary", "origin")]

    def preflight(self, request: Request, reply: Reply) -> None:
        """Answer a browser that asks whether it may call."""
        headers = self.headers(request.header("origin"))
        if headers:
            headers += [
                ("access-control-allow-methods", _METHODS),
                ("access-control-allow-headers", self._asked),
                ("access-control-max-age", self._max_age),
            ]
        reply.whole(204 if headers else 403, headers, b"")
