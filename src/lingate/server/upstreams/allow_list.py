# Reading an address that a caller brings, and looking it up in the list of those that are allowed.

# Programs differ in what they make of odd URLs, and every difference is a way around a check. So only the plain form is
# taken, and what is sent is written anew from its parts.

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from lingate.errors import BadRequestError

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
