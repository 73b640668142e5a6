# Connections that go to the very address that was checked, whatever the name resolves to a moment later.

# The name stays in the request and in TLS: only where the connection goes is fixed. Redirects are not followed, and
# requests to any other host are refused, so that an answer cannot lead elsewhere either.

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple

from lingate._call.policy import MOST_ANSWER
from lingate._io.transport import AsyncByteStream
from lingate._io.via_pyreqwest_aio import AsyncPyreqwest
from lingate.errors import BadRequestError, ConnectError, RequestTimeoutError

if TYPE_CHECKING:
    from lingate._call.policy import Timeout
    from lingate._model import Head, HttpRequest

# Reading an address that a caller brings, and looking it up in the list of those that are allowed.

# Programs differ in what they make of odd URLs, and every difference is a way around a check. So only the plain form is
# taken, and what is sent is written anew from its parts.

_LONGEST = 2048
_URL = re.compile(r"(https?)://(\[[0-9a-fA-F:.]+\]|[^/?#@:\[\]]*)(?::([0-9]{1,5}))?(/[^?#]*)?", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    # Where a caller wants its call to go.

    scheme: str
    """`http` or `https`."""
    host: str
    """Name in lower case, or an address in its usual form (IPv6 without brackets)."""
    port: int
    """The port."""
    path: str
    """Path without a slash at its end."""
    literal: bool
    """The host is an address."""

    @property
    def authority(self) -> str:
        # Host and port as a URL has them; the scheme's own port is left out.
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        # What every URL of requests to this place begins with.
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        return self.origin + self.path


def read_place(text: object) -> Place:
    # Read an `api_base`.
    # Raises BadRequestError: It is not written as it must be.
    if not isinstance(text, str) or not text or len(text) > _LONGEST:
        raise _refused("must be a URL")
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise _refused("must be plain ASCII without spaces; write a name of other letters in its xn-- form")
    found = _URL.fullmatch(text)
    if found is None:
        raise _refused("must be http:// or https://, a host, perhaps a port and a path, and nothing else")
    scheme, host, port, path = found[1].lower(), found[2].lower(), found[3], found[4] or ""
    number = _PORTS[scheme] if port is None else int(port)
    if not 0 < number < 65536:
        raise _refused("has no such port")
    name, literal = _host(host)
    return Place(scheme, name, number, path.rstrip("/"), literal)


def _host(host: str) -> tuple[str, bool]:
    # A host in its usual form, and whether it is an address.
    if host.startswith("["):
        try:
            return _usual(IPv6Address(host[1:-1])), True
        except ValueError:
            raise _refused("has a host that is no address") from None
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # Resolvers read `0x7f.1`, `017700000001` and `2130706433` as addresses; here an address has four plain numbers.
        try:
            return str(IPv4Address(host)), True
        except ValueError:
            raise _refused("has a host that is neither a name nor an address in its usual form") from None
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("has a host that is no name")
    return host, False


def _usual(address: IPv6Address) -> str:
    # As URLs have it. From 3.13 on Python itself writes the last part of some with dots.
    inner = address.ipv4_mapped
    if inner is None:
        return str(address)
    high, low = divmod(int(inner), 1 << 16)
    return f"::ffff:{high:x}:{low:x}"


def _refused(why: str) -> BadRequestError:
    return BadRequestError(f"api_base {why}")


class _Entry(NamedTuple):
    host: str
    port: int | None
    below: bool


class Allowed:
    # The hosts that callers may name.

    # entries: `api.example.com`, `*.example.com` (all below it), `10.0.0.7:8000`. Without a port the usual ones are
    # meant: 443 for https and 80 for http.

    def __init__(self, entries: tuple[str, ...]) -> None:
        self._entries = tuple(map(_entry, entries))

    def find(self, place: Place) -> bool | None:
        # Whether a place is listed: None if not, else whether by its very name.
        found: bool | None = None
        for entry in self._entries:
            if place.port != (_PORTS[place.scheme] if entry.port is None else entry.port):
                continue
            if not entry.below and place.host == entry.host:
                return True
            if entry.below and not place.literal and place.host.endswith(entry.host):
                found = False
        return found


def _entry(text: str) -> _Entry:
    host, port = text.strip().lower(), None
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?", host)
    if found is not None:
        host, port = found[1], found[2]
    host = host.strip("[]")
    if ":" in host:
        try:
            host = _usual(IPv6Address(host))
        except ValueError:
            pass  # it matches nothing
    below = host.startswith("*.")
    return _Entry(host[1:] if below else host, None if port is None else int(port), below)


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


# Which addresses may be connected to for a caller: those of the public Internet, nothing that merely looks like it.

# What is not known to be public is refused: of IPv6 only `2000::/3` is handed out, and parts of that stand for
# something else. Sources: the IANA registries of special-purpose addresses (RFC 6890), and the clouds' documentation of
# their metadata services.

Address = IPv4Address | IPv6Address

_KINDS = tuple(
    (ip_network(network), what)
    for network, _, what in (
        line.strip().partition(" ")
        for line in """\
        0.0.0.0/8 this host
        10.0.0.0/8 private
        100.64.0.0/10 shared by a carrier
        127.0.0.0/8 loopback
        169.254.0.0/16 link-local
        172.16.0.0/12 private
        192.0.0.0/24 reserved
        192.0.2.0/24 for documentation
        192.31.196.0/24 reserved
        192.52.193.0/24 reserved
        192.88.99.0/24 a 6to4 relay
        192.168.0.0/16 private
        192.175.48.0/24 reserved
        198.18.0.0/15 for benchmarks
        198.51.100.0/24 for documentation
        203.0.113.0/24 for documentation
        224.0.0.0/4 multicast
        240.0.0.0/4 reserved
        2001::/32 Teredo
        2001::/23 reserved
        2001:db8::/32 for documentation
        2002::/16 6to4
        2620:4f:8000::/48 reserved
        3ffe::/16 no longer in use
        3fff::/20 for documentation
        ::1/128 loopback
        ::/128 unspecified
        ::ffff:0:0/96 an IPv4 address in disguise
        ::ffff:0:0:0/96 an IPv4 address in disguise
        ::/96 an IPv4 address in disguise
        64:ff9b:1::/48 local NAT64
        fc00::/7 private
        fe80::/10 link-local
        fec0::/10 site-local
        ff00::/8 multicast""".splitlines()
    )
)
"""Networks and what they are for; the first that an address is in counts."""

_PUBLIC_V6 = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)

_NEVER = frozenset(
    ip_address(text)
    for text in (
        "168.63.129.16",  # Azure's virtual machine agent: a public address that leads into the host
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",
        "fd20:ce::254",  # Google
        "fd00:42::42",  # Scaleway
    )
)
"""Services from which machines read their own credentials: refused also where private addresses are allowed."""

_PRIVATE = tuple(
    map(
        ip_network,
        (
            *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
            *("::1/128", "fc00::/7"),
        ),
    )
)


def why_not(address: Address, *, private: bool = False) -> str | None:
    # Why an address may not be connected to, in a word or two; None if it may.
    # address: What a name resolved to, or what was written.
    # private: The owner has named this host, and hosts of their own network are wanted.
    if address in _NEVER:
        return "a metadata service"
    if private and any(address in network for network in _PRIVATE):
        return None
    kind = next((what for network, what in _KINDS if address in network), None)
    if isinstance(address, IPv4Address):
        return kind
    if address.scope_id is not None:
        return "link-local"
    if address in _NAT64:
        # A network without IPv4 reaches every IPv4 host by this prefix: what counts is the address inside.
        return why_not(IPv4Address(int(address) & 0xFFFFFFFF), private=private)
    if address not in _PUBLIC_V6:
        return kind or "reserved"
    return "ISATAP" if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP else kind


def checked(found: Iterable[str], *, private: bool) -> Iterator[tuple[str, str | None]]:
    # Each address that a name has, with why it may not be connected to.
    for text in found:
        try:
            yield text, why_not(ip_address(text), private=private)
        except ValueError:
            yield text, "not an address"
