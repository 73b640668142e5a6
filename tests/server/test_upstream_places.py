"""How the gateway reads an address, against how the HTTP client reads it, and which addresses it takes for public."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyreqwest.http import Url

from lingate._call.policy import Timeout
from lingate._model import Call, HttpRequest
from lingate._providers.lookup import resolve as resolve_target
from lingate.errors import BadRequestError
from lingate.server.upstreams.pinned import Allowed, Pins, read_place, resolve, why_not

HOSTS = st.one_of(
    st.from_regex(r"[a-zA-Z0-9._%@:\[\]\\x-]{1,30}", fullmatch=True),
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.ip_addresses(v=4).map(lambda address: str(int(address))),
    st.text(max_size=20),
    st.sampled_from(
        ["api.example.com", "API.Example.COM", "xn--bcher-kva.example", "a.b", "1.2.3.4", "0x1.2", "1.2.3"]
    ),
)
ADDRESSES = st.one_of(
    st.tuples(
        st.sampled_from(["http", "https", "HTTP", "ftp", "hTTps"]), HOSTS, st.sampled_from(["", ":80", ":8000", ":0"])
    )
    .map(lambda parts: f"{parts[0]}://{parts[1]}{parts[2]}")
    .flatmap(
        lambda base: st.sampled_from(["", "/", "/v1", "/v1/", "/../x", "//evil", "/@evil"]).map(lambda end: base + end)
    ),
    st.text(max_size=60),
)


@given(ADDRESSES)
@example("http://a.example:080/v1")
@example("https://A.Example/v1")
@example("http://[0:0:0:0:0:ffff:7f00:1]/v1")
def test_the_client_sees_the_same_host_and_port_as_the_check(text: str) -> None:
    try:
        place = read_place(text)
    except BadRequestError:
        return

    read = Url(place.url)

    assert read.scheme == place.scheme
    assert (read.host_str or "").strip("[]") == place.host
    assert (read.port_or_known_default or read.port) == place.port
    assert not read.username
    assert Url(text).host_str == read.host_str


@given(st.one_of(st.ip_addresses(), st.ip_addresses(network="2000::/3"), st.ip_addresses(network="::/64")))
def test_what_python_does_not_call_public_is_refused(address: IPv4Address | IPv6Address) -> None:
    if why_not(address) is not None or address in IPV4_BEHIND_NAT64:
        return

    assert address.is_global
    assert not address.is_multicast
    assert not address.is_reserved


class _Nat64:
    def __contains__(self, address: object) -> bool:
        return isinstance(address, IPv6Address) and int(address) >> 32 == 0x0064FF9B << 64


IPV4_BEHIND_NAT64 = _Nat64()


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "172.32.0.1"])
def test_public_addresses_are_taken(text: str) -> None:
    assert why_not(ip_address(text)) is None


@pytest.mark.parametrize("text", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "100.64.0.1", "::1", "fd12::1"])
def test_private_ones_are_taken_where_the_owner_wants_them(text: str) -> None:
    assert why_not(ip_address(text)) is not None
    assert why_not(ip_address(text), private=True) is None


@pytest.mark.parametrize(
    "text",
    ["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "0.0.0.0", "224.0.0.1", "::", "fe80::1",
     "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b:1::7f00:1", "64:ff9b::169.254.169.254"],
)  # fmt: skip
def test_these_are_never_taken(text: str) -> None:
    assert why_not(ip_address(text), private=True) is not None


@pytest.mark.parametrize(
    ("entries", "url", "found"),
    [
        (("api.example",), "https://api.example/v1", True),
        (("API.Example",), "https://api.EXAMPLE", True),
        (("api.example",), "https://api.example:443", True),
        (("api.example",), "https://api.example:8443", None),
        (("api.example:8443",), "https://api.example:8443", True),
        (("api.example:8443",), "https://api.example", None),
        (("*.example",), "https://a.b.example", False),
        (("*.example",), "https://example", None),
        (("*.example", "a.example"), "https://a.example", True),
        (("*.0.0.1", "*"), "http://127.0.0.1", None),
        (("[::1]:8000",), "http://[0:0::1]:8000", True),
        (("::1",), "http://[::1]", True),
        ((), "https://api.example", None),
    ],
)
def test_a_host_is_looked_up_with_its_port(entries: tuple[str, ...], url: str, found: bool | None) -> None:
    assert Allowed(entries).find(read_place(url)) is found


async def test_the_system_is_asked_for_addresses() -> None:
    assert set(await resolve("localhost", 80)) <= {"127.0.0.1", "::1"}
    assert await resolve("localhost", 80)


async def test_connections_are_kept_for_a_bounded_number_of_places() -> None:
    async def one(host: str, port: int) -> list[str]:
        return ["93.184.216.34"]

    pins = Pins(one)
    first = await pins.transport(read_place("https://0.example"), private=False)

    assert await pins.transport(read_place("https://0.example/v1"), private=False) is first
    for number in range(1, 100):
        await pins.transport(read_place(f"https://{number}x.example"), private=False)
    assert await pins.transport(read_place("https://0.example"), private=False) is not first
    await pins.aclose()


async def test_a_request_to_any_other_place_is_refused() -> None:
    async def one(host: str, port: int) -> list[str]:
        return ["93.184.216.34"]

    place = read_place("https://a.example/v1")
    pinned = await Pins(one).transport(place, private=False)
    target = resolve_target("openai/x", env={}, api_key="k", api_base=place.url)

    for url in ("https://b.example/v1", "https://a.example.evil/v1", "http://a.example/v1", "https://a.example:444/v1"):
        request = HttpRequest("POST", url, {}, b"{}", Call("chat", "x", {}), target)
        with pytest.raises(BadRequestError, match="another host"):
            await pinned.send(request, Timeout())
        with pytest.raises(BadRequestError, match="another host"):
            await pinned.open(request, Timeout())
