# Paths that lead elsewhere, by `general_settings.pass_through_endpoints`: which request goes where, and what of it.

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit

from lingate._call.policy import Timeout
from lingate._model import Call, HttpRequest, ProviderRow, Target
from lingate.server.faces import Face, Found, format_at
from lingate.server.http import HOP, Request

if TYPE_CHECKING:
    from lingate.server.config.settings import General, PassThrough

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CARRIED = frozenset({"accept", "content-type", "content-encoding"})
"""What a request's body cannot be read without."""
_STAYS = re.compile(rf"{'|'.join(HOP)}|forwarded|x-(?:real-ip|forwarded-.*|lingate-.*|litellm-.*)").fullmatch
"""Headers that never go on, by their names in lower case."""
_OPEN = re.compile(r"accept.*|content-.*|user-agent|.*(?:version|beta|model|format)").fullmatch
"""Headers and parameters of the owner's that hold no secret, and may well be in an answer."""
_SHORTEST_SECRET = 8
_SECONDS = 600.0


class PassThroughRoute:
    # One path and where it leads. `found` stands in a face's place.

    __slots__ = ("endpoint", "found", "path", "query", "target", "timeout")

    def __init__(self, endpoint: PassThrough, seconds: float) -> None:
        self.endpoint = endpoint
        self.path = endpoint.path.rstrip("/")
        self.found = Found(Face(format_at(self.path), "chat"), {})
        address, _, query = endpoint.target.partition("?")
        self.query = parse_qsl(query, keep_blank_values=True)
        said = (*endpoint.headers.items(), *endpoint.default_query_params.items(), *self.query)
        texts = [text for name, text in said if not _OPEN(name.lower())]
        words = {word for text in texts for word in (text, text.rpartition(" ")[2]) if len(word) >= _SHORTEST_SECRET}
        words |= {form for word in words for form in (quote_plus(word), quote(word, ""))}  # as addresses have them
        row = ProviderRow(urlsplit(address).hostname or address)
        self.target = Target(row=row, model=self.path, url=address, secrets=tuple(sorted(words, key=len, reverse=True)))
        self.timeout = Timeout(total=endpoint.timeout or seconds or _SECONDS)

    def request(self, asked: Request, body: bytes, rest: str, is_ours: Callable[[str], bool]) -> HttpRequest:
        # What goes on: all but keys of this gateway, which are for nobody else.
        endpoint, target = self.endpoint, self.target
        fixed = {name for name, _ in self.query}
        query = [*self.query]
        for name, value in parse_qsl(asked.query, keep_blank_values=True):
            if name not in fixed and not is_ours(value):
                query.append((name, value))
        said = {name for name, _ in query}
        query += [item for item in endpoint.default_query_params.items() if item[0] not in said]
        url = target.url.rstrip("/") + quote(rest, safe="/:@!$&'()*+,;=~") if rest else target.url
        headers = {
            name.lower(): value
            for name, value in asked.headers()
            if (name.lower() in _CARRIED or (endpoint.forward_headers and not _STAYS(name.lower())))
            and not is_ours(value)
        }
        headers |= {name.lower(): value for name, value in endpoint.headers.items()}
        # As a call with headers of its own it is not kept as a draft: paths and queries are without number.
        call = Call("chat", self.path, {}, extra_headers=headers)
        return HttpRequest(asked.method, f"{url}?{urlencode(query)}" if query else url, headers, body, call, target)


def pass_through_routes_of(general: General) -> list[PassThroughRoute]:
    # All that a configuration has; longer paths go before those that they begin with.
    seconds = general.pass_through_request_timeout
    found = [PassThroughRoute(endpoint, seconds) for endpoint in general.pass_through_endpoints]
    return sorted(found, key=lambda route: len(route.path), reverse=True)


def pass_through_route_for(
    pass_through_routes: list[PassThroughRoute], request: Request
) -> tuple[PassThroughRoute, str] | None:
    # Where a request leads, and what its path has beyond the route's.
    for route in pass_through_routes:
        endpoint, rest = route.endpoint, request.path.removeprefix(route.path)
        if rest == request.path or request.method not in (endpoint.methods or _METHODS):
            continue
        if endpoint.include_subpath and (not rest or rest[0] == "/"):
            return route, rest
        if rest in ("", "/"):
            return route, ""
    return None
