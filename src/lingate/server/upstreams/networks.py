# Which addresses may be connected to for a caller: those of the public Internet, nothing that merely looks like it.

# What is not known to be public is refused: of IPv6 only `2000::/3` is handed out, and parts of that stand for
# something else. Sources: the IANA registries of special-purpose addresses (RFC 6890), and the clouds' documentation of
# their metadata services.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

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
