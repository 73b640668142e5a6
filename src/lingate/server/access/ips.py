# Where a request comes from, and whether it may come from there.

# Headers are believed from trusted proxies only.

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    # An address as a peer or a header writes it (with a port, in brackets, IPv4 mapped into IPv6); None if it is none.
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


class Networks:
    # Raises ValueError: One of them is neither.

    __slots__ = ("_networks",)

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(map(_network, networks))

    def __contains__(self, address: object) -> bool:
        parsed = parse_address(address) if isinstance(address, str) else None
        return parsed is not None and any(parsed in network for network in self._networks)


def _network(text: str) -> IPv4Network | IPv6Network:
    # IPv4 mapped into IPv6, as a gateway at `::` shows its peers, is IPv4, as their addresses are.
    found = ip_network(text, strict=False)
    mapped = found.network_address.ipv4_mapped if isinstance(found, IPv6Network) else None
    return found if mapped is None or found.prefixlen < 96 else IPv4Network((int(mapped), found.prefixlen - 96))


def client_address(peer: str | None, forwarded_for: str | None, trusted: Networks | None) -> str | None:
    # Who sent a request: the peer, or behind trusted proxies the last in `X-Forwarded-For` that is not one of them.
    # Anybody can write the front of that header, so it is read from its end, and only if the peer itself is trusted.
    if trusted is None or forwarded_for is None:
        return peer
    for text in reversed(forwarded_for.split(",")):
        address = parse_address(text)
        if address is None or peer not in trusted:
            break
        peer = str(address)
    return peer
