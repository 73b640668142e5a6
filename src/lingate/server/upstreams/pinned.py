# Connections that go to the very address that was checked, whatever the name resolves to a moment later.

# The name stays in the request and in TLS: only where the connection goes is fixed. Redirects are not followed, and
# requests to any other host are refused, so that an answer cannot lead elsewhere either.

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from lingate._call.policy import MOST_ANSWER
from lingate._io.transport import AsyncByteStream
from lingate._io.via_pyreqwest_aio import AsyncPyreqwest
from lingate.errors import BadRequestError, ConnectError, RequestTimeoutError
from lingate.server.upstreams.allow_list import Place
from lingate.server.upstreams.networks import checked

if TYPE_CHECKING:
    from lingate._call.policy import Timeout
    from lingate._model import Head, HttpRequest

_log = logging.getLogger("lingate.upstreams")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a name; raises OSError if it has none."""

_PATIENCE = 5.0
"""Seconds for a name to resolve."""
_MOST_PLACES = 64
"""Places whose connections are kept open for the next call."""


async def resolve(host: str, port: int) -> Sequence[str]:
    # The addresses of a name, as the system finds them.
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Pinned:
    # An `AsyncTransport` to one place, at one address.

    # most: Bytes of the longest answer that is read in one piece.

    def __init__(self, place: Place, address: str, most: int) -> None:
        self._origin = place.origin
        pin = None if place.literal else (place.host, address, place.port)
        self._inner = AsyncPyreqwest(pin=pin, proxies=False, most=most)

    def bound(self, most: int) -> None:
        # Take no answer that is longer, from now on.
        self._inner.most = most

    async def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        self._check(request)
        return await self._inner.send(request, timeout)

    async def open(self, request: HttpRequest, timeout: Timeout) -> AsyncByteStream:
        self._check(request)
        return await self._inner.open(request, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _check(self, request: HttpRequest) -> None:
        url, origin = request.url, self._origin
        if not url.startswith(origin) or url[len(origin) : len(origin) + 1] not in ("", "/", "?"):
            raise BadRequestError("the answer leads to another host than the api_base names")


class Pins:
    # Finds the addresses of places, checks them, and keeps connections to them.

    def __init__(self, resolve: Resolve = resolve) -> None:
        self.resolve = resolve
        self._pinned: OrderedDict[tuple[str, str], Pinned] = OrderedDict()

    async def transport(self, place: Place, *, private: bool, most: int = MOST_ANSWER) -> Pinned:
        # What carries requests to a place.
        # Its name is resolved each time, and each of its addresses checked.
        # private: Addresses of private networks will do.
        # most: Bytes of the longest answer that is read in one piece.
        # Raises BadRequestError: One of the addresses may not be connected to.
        # Raises ConnectError: The name has none.
        found = (place.host,) if place.literal else await self._resolved(place)
        for address, why in checked(found, private=private):
            if why is not None:
                # Which one, and why, would tell the caller about this network.
                _log.warning("an api_base at %s is refused: %s is %s", place.host, address, why)
                raise BadRequestError("api_base leads to an address that is not allowed")
        key = (place.origin, found[0])
        pinned = self._pinned.get(key)
        if pinned is None:
            pinned = self._pinned[key] = Pinned(place, found[0], most)
            if len(self._pinned) > _MOST_PLACES:
                # Not closed: a call may be under way on it. It goes when the last of them has ended.
                self._pinned.popitem(last=False)
        else:
            self._pinned.move_to_end(key)
            pinned.bound(most)
        return pinned

    async def _resolved(self, place: Place) -> Sequence[str]:
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await self.resolve(place.host, place.port)
        except TimeoutError:
            raise RequestTimeoutError("the name in api_base did not resolve in time") from None
        except (OSError, UnicodeError):
            found = ()
        if not found:
            raise ConnectError("the name in api_base does not resolve")
        return found

    async def aclose(self) -> None:
        for pinned in list(self._pinned.values()):
            await pinned.aclose()
        self._pinned.clear()
