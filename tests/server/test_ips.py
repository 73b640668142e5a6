"""Addresses of clients, directly and behind proxies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate.server.access.ips import Networks, client_address

PROXIES = Networks(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "header", "found"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "127.0.0.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "garbage", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, garbage", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        (None, "198.51.100.1", None),
    ],
)
def test_the_header_is_read_from_its_end_and_only_from_trusted_proxies(
    peer: str | None, header: str | None, found: str | None
) -> None:
    assert client_address(peer, header, PROXIES) == found


def test_without_trusted_proxies_the_header_is_not_read() -> None:
    assert client_address("10.0.0.1", "198.51.100.1", None) == "10.0.0.1"


@given(st.text(max_size=40))
def test_what_is_no_address_is_in_no_network(text: str) -> None:
    everything = Networks(["0.0.0.0/0", "::/0"])

    assert (text in everything) in {True, False}
    assert None not in everything


def test_networks_know_addresses_in_all_their_spellings() -> None:
    office = Networks(["192.0.2.0/24", "2001:db8::/32"])

    assert "192.0.2.7" in office
    assert "::ffff:192.0.2.7" in office
    assert "2001:db8::1%eth0" in office
    assert "192.0.3.7" not in office
    for written in ("::ffff:192.0.2.7", "::ffff:192.0.2.0/120", "::ffff:0:0/96"):  # as a log at `::` shows peers
        assert "192.0.2.7" in Networks([written])
        assert "::ffff:192.0.2.7" in Networks([written])
        assert "2001:db8::1" not in Networks([written])
    with pytest.raises(ValueError, match="office"):
        Networks(["office"])
