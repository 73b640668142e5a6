"""Addresses and keys that callers bring: what is refused, what goes out, and where the connection really leads."""

from __future__ import annotations

import http.server
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.simulator import Simulator
from lingate.simulator.stats import fingerprint
from tests.server.asking import ask, deltas, rows
from tests.server.gateway_kit import Running, running_gateway

CHAT = "/v1/chat/completions"
KEY = "sk-the-callers-own-canary"
OWNERS = "sk-the-owners-canary"

WRITTEN = [
    # not a place of the Internet's, written plainly
    "http://127.0.0.1/v1",
    "http://127.0.0.1:80/v1",
    "http://localhost/v1",
    "http://0.0.0.0/v1",
    "http://10.0.0.1/v1",
    "http://172.16.0.1/v1",
    "http://192.168.1.1/v1",
    "http://169.254.169.254/latest/meta-data",
    "http://[::1]/v1",
    "http://[::]/v1",
    "http://[fe80::1]/v1",
    "http://[fd00:ec2::254]/v1",
    "http://metadata.google.internal/computeMetadata/v1",
    # the same in other words
    "http://2130706433/v1",
    "http://0x7f000001/v1",
    "http://0x7f.0.0.1/v1",
    "http://017700000001/v1",
    "http://0177.0.0.1/v1",
    "http://127.1/v1",
    "http://127.0.1/v1",
    "http://127.000.000.001/v1",
    "http://0/v1",
    "http://1.1.1.256/v1",
    "http://3232235777/v1",
    "http://[::ffff:127.0.0.1]/v1",
    "http://[::ffff:7f00:1]/v1",
    "http://[::127.0.0.1]/v1",
    "http://[64:ff9b::127.0.0.1]/v1",
    "http://[2002:7f00:1::]/v1",
    "http://[fe80::1%25eth0]/v1",
    "http://[::1/v1",
    "http://\uff11\uff12\uff17.0.0.1/v1",
    "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/v1",
    # a listed name, and something beside it
    "http://listed.example@127.0.0.1/v1",
    "http://listed.example:80@127.0.0.1/v1",
    "http://127.0.0.1#@listed.example/v1",
    "http://127.0.0.1?@listed.example/v1",
    "http://127.0.0.1\\@listed.example/v1",
    "http://listed.example\\.other.example/v1",
    "http://listed.example%2eother.example/v1",
    "http://listed%2eexample/v1",
    "http://listed.example%00.other.example/v1",
    "http://listed.example./v1",
    "http://listed..example/v1",
    "http://.listed.example/v1",
    "http://listed.example /v1",
    " http://listed.example/v1",
    "http://listed.example\t/v1",
    "http://listed.example\r\nx-evil: 1/v1",
    "http://lis\u0000ted.example/v1",
    "http://l\u0131sted.example/v1",
    "http://li\u00adsted.example/v1",
    "http://listed\u3002example/v1",
    "http://user:pass@listed.example/v1",
    "http://listed.example/v1?key=1",
    "http://listed.example/v1#fragment",
    "http://notlisted.example/v1",
    "http://listed.example.evil.example/v1",
    "http://evillisted.example/v1",
    "http://wild.example/v1",
    "http://evilwild.example/v1",
    # ports and schemes
    "http://listed.example:22/v1",
    "http://listed.example:0/v1",
    "http://listed.example:99999/v1",
    "http://listed.example:-1/v1",
    "https://listed.example:80/v1",
    "ftp://listed.example/v1",
    "file:///etc/passwd",
    "gopher://listed.example:70/_",
    "data:text/plain,hello",
    "unix:///var/run/docker.sock",
    "//listed.example/v1",
    "listed.example/v1",
    "http:listed.example/v1",
    "http:///v1",
    "http://",
    "",
]
"""`api_base` as it may be written; the gateway allows listed.example, *.wild.example and a few addresses."""

RESOLVED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",
    "169.254.169.254",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:a00:1::",
    "2002:808:808::",
    "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:8.8.8.8",
    "3ffe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "not an address",
]
"""What the name of a listed host may resolve to."""

Lookup = dict[str, list[Sequence[str]]]


def config(simulator: str, **own: Any) -> str:
    return json.dumps(
        {
            "model_list": [
                {
                    "model_name": "mine",
                    "litellm_params": {
                        "model": "openai/sim-words-5",
                        "api_base": f"{simulator}/v1",
                        "api_key": OWNERS,
                        "extra_headers": {"x-owners": OWNERS},
                    },
                }
            ],
            "general_settings": {"allow_client_side_credentials": True},
            "lingate": {
                "allowed_hosts": [
                    "listed.example",
                    "*.wild.example",
                    "127.0.0.1",
                    "10.0.0.1",
                    "169.254.169.254",
                    "[::1]",
                    "[::ffff:127.0.0.1]",
                    "[64:ff9b::127.0.0.1]",
                ],
                **own,
            },
        }
    )


class Names:
    """A resolver whose answers a test writes; each is given once, the last one for ever."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        found = self.answers.get(host)
        if not found:
            raise OSError("no such name")
        return found.pop(0) if len(found) > 1 else found[0]


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_gateway(config(simulator.url), tmp_path_factory.mktemp("ssrf")) as running:
        running.gateway.pins.resolve = Names()
        yield running


def _brought(**fields: Any) -> dict[str, Any]:
    return {"model": "mine", "messages": [{"role": "user", "content": "hi"}], "api_key": KEY, **fields}


def test_there_are_at_least_sixty_vectors() -> None:
    assert len({*WRITTEN}) >= 60
    assert len({*RESOLVED}) >= 40


@pytest.mark.parametrize("address", WRITTEN, ids=[f"{at:02}" for at in range(len(WRITTEN))])
def test_an_address_that_is_not_plainly_a_listed_host_is_refused(
    gateway: Running, simulator: Simulator, address: str
) -> None:
    before = simulator.stats()["requests"]["total"]

    found = ask(gateway, CHAT, _brought(api_base=address))

    assert found.status_code == 400, found.text
    assert "api_base" in found.json()["error"]["message"]
    assert simulator.stats()["requests"]["total"] == before


@pytest.mark.parametrize("address", RESOLVED)
@pytest.mark.parametrize("host", ["listed.example", "deep.below.wild.example"])
def test_a_listed_host_that_resolves_to_such_an_address_is_refused(gateway: Running, host: str, address: str) -> None:
    names = Names()
    names.answers[host] = [["93.184.216.34", address]]
    gateway.gateway.pins.resolve = names

    found = ask(gateway, CHAT, _brought(api_base=f"https://{host}/v1"))

    assert found.status_code == 400
    assert "not allowed" in found.json()["error"]["message"]
    assert address not in found.text
    assert names.asked == [host]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"])
@pytest.mark.parametrize("field", ["api_base", "base_url"])
def test_no_face_is_a_way_around(gateway: Running, path: str, field: str) -> None:
    body = (
        {"model": "mine", "input": "hi"}
        if path in ("/v1/responses", "/v1/embeddings")
        else {"model": "mine", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
    )

    found = ask(gateway, path, {**body, "api_key": KEY, field: "http://127.0.0.1/v1"})

    assert found.status_code == 400
    assert "api_base" in found.text


def test_a_form_is_no_way_around_either(gateway: Running) -> None:
    found = httpx2.post(
        f"{gateway.url}/v1/audio/transcriptions",
        data={"model": "mine", "api_key": KEY, "api_base": "http://127.0.0.1/v1"},
        files={"file": ("a.wav", b"RIFF0000WAVE")},
    )

    assert found.status_code == 400
    assert "api_base" in found.text


@pytest.mark.parametrize("field", ["api_base", "base_url", "api_key"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1beta/models/mine:generateContent", "/api/chat"])
def test_unless_the_owner_allows_it_nothing_may_be_brought(
    simulator: Simulator, tmp_path_factory: pytest.TempPathFactory, field: str, path: str
) -> None:
    text = config(simulator.url).replace(
        '"allow_client_side_credentials": true', '"allow_client_side_credentials": false'
    )
    with running_gateway(text, tmp_path_factory.mktemp("closed")) as gateway:
        body = {
            "model": "mine",
            "messages": [{"role": "user", "content": "hi"}],
            "contents": [{"parts": [{"text": "x"}]}],
        }
        found = ask(gateway, path, {**body, field: "https://listed.example/v1"})

    assert found.status_code == 400
    assert f"does not take {field} from callers" in found.text
    assert "general_settings.allow_client_side_credentials" in found.text


def test_an_address_without_a_key_is_refused_since_the_owners_would_go_there(gateway: Running) -> None:
    body = _brought(api_base="https://listed.example/v1")
    del body["api_key"]

    found = ask(gateway, CHAT, body)

    assert found.status_code == 400
    assert "needs an api_key" in found.text


@pytest.fixture
def local(simulator: Simulator, tmp_path: Path) -> Iterator[Running]:
    """A gateway whose callers may name hosts on this machine, at the simulator's port."""
    port = simulator.url.rpartition(":")[2]
    hosts = [f"127.0.0.1:{port}", f"models.example:{port}", f"*.wild.example:{port}", "listed.example"]
    text = config(simulator.url, allowed_hosts=hosts, allow_private_hosts=True)
    with running_gateway(text, tmp_path) as running:
        yield running


def _at(simulator: Simulator, host: str) -> str:
    return f"http://{host}:{simulator.url.rpartition(':')[2]}/v1"


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_goes_to_the_checked_address_under_its_own_name(
    local: Running, simulator: Simulator, stream: bool
) -> None:
    names = Names()
    names.answers["models.example"] = [["127.0.0.1"]]
    local.gateway.pins.resolve = names
    address = _at(simulator, "models.example")

    found = ask(local, CHAT, _brought(api_base=address, stream=stream))

    assert found.status_code == 200, found.text
    assert deltas(found) if stream else found.json()["choices"][0]["message"]["content"]
    sent = simulator.requests()[-1]
    assert sent.headers["host"] == address.removeprefix("http://").removesuffix("/v1")
    assert fingerprint(KEY) in json.dumps(sent.headers)
    assert fingerprint(OWNERS) not in json.dumps(sent.headers)
    assert "x-owners" not in sent.headers
    assert not {"api_key", "api_base"} & set(sent.body)


def test_a_name_that_changes_its_address_after_the_check_leads_nowhere_else(
    local: Running, simulator: Simulator
) -> None:
    names = Names()
    # First the address that is checked and allowed; every later look-up, as a rebinding server would have it, another.
    names.answers["models.example"] = [["127.0.0.1"], ["169.254.169.254"]]
    local.gateway.pins.resolve = names
    address = _at(simulator, "models.example")

    first = ask(local, CHAT, _brought(api_base=address))
    second = ask(local, CHAT, _brought(api_base=address))

    assert first.status_code == 200, first.text
    assert names.asked == ["models.example", "models.example"]
    assert second.status_code == 400


def test_private_addresses_are_for_hosts_listed_by_their_very_name(local: Running, simulator: Simulator) -> None:
    names = Names()
    names.answers["any.wild.example"] = [["127.0.0.1"]]
    names.answers["models.example"] = [["169.254.169.254"]]
    local.gateway.pins.resolve = names

    told = [
        ask(local, CHAT, _brought(api_base=_at(simulator, host))).status_code
        for host in ("127.0.0.1", "any.wild.example", "models.example")
    ]

    assert told == [200, 400, 400]


def test_a_redirect_is_an_error_and_is_not_followed(tmp_path: Path, simulator: Simulator) -> None:
    with _Redirects(simulator.url) as redirects:
        host = redirects.url.removeprefix("http://")
        text = config(simulator.url, allowed_hosts=[host], allow_private_hosts=True)
        before = simulator.stats()["requests"]["total"]
        with running_gateway(text, tmp_path) as gateway:
            found = ask(gateway, CHAT, _brought(api_base=f"{redirects.url}/v1"))

    assert found.status_code >= 400
    assert simulator.stats()["requests"]["total"] == before


def test_a_name_that_does_not_resolve_is_a_connection_error(local: Running, simulator: Simulator) -> None:
    local.gateway.pins.resolve = Names()

    found = ask(local, CHAT, _brought(api_base=_at(simulator, "models.example")))

    assert found.status_code in (502, 503, 504)


def test_a_key_alone_goes_to_the_owners_address(local: Running, simulator: Simulator) -> None:
    found = ask(local, CHAT, _brought())

    assert found.status_code == 200
    sent = json.dumps(simulator.requests()[-1].headers)
    assert fingerprint(KEY) in sent
    assert f"Bearer {fingerprint(OWNERS)}" not in sent


def test_a_callers_key_is_written_down_nowhere(
    local: Running, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answers = [
            ask(local, CHAT, _brought(**{"model": model, **more}))
            for model in ("mine", "nobody")
            for more in ({}, {"api_base": _at(simulator, "127.0.0.1")}, {"api_base": "http://10.0.0.9/v1"})
        ]
        found = rows(local)

    assert len(found) == len(answers)
    assert KEY not in json.dumps(found)
    assert not any(KEY in answer.text or KEY in str(answer.headers) for answer in answers)
    assert not any(KEY in record.getMessage() for record in caplog.records if record.name.startswith("lingate"))
    for file in local.state.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def test_what_is_brought_has_no_part_in_the_fate_of_the_owners_deployment(local: Running, simulator: Simulator) -> None:
    names = Names()
    names.answers["listed.example"] = [[]]
    local.gateway.pins.resolve = names
    for _ in range(8):
        assert ask(local, CHAT, _brought(api_key="sk-wrong", api_base="https://listed.example/v1")).status_code >= 500

    body = _brought()
    del body["api_key"]
    assert ask(local, CHAT, body).status_code == 200


class _Redirects:
    """A server whose every answer leads elsewhere."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.url = ""

    def __enter__(self) -> _Redirects:
        target = self._target

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.send_response(307)
                self.send_header("location", f"{target}/v1/chat/completions")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"api_key": ""}, "api_key must be a text"),
        ({"api_key": ["sk"]}, "api_key must be a text"),
        ({"api_base": "https://listed.example/v1", "base_url": "https://listed.example/v2"}, "must not differ"),
        ({"api_base": "https://listed.example:0/v1"}, "no such port"),
        ({"api_base": "https://[12345::1]/v1"}, "no address"),
        ({"api_base": "https://[:::1]/v1"}, "no address"),
    ],
    ids=str,
)
def test_what_is_brought_and_not_written_as_it_must_be_is_refused(
    gateway: Running, more: dict[str, Any], why: str
) -> None:
    found = ask(gateway, CHAT, _brought(**more))
    assert (found.status_code, why in found.text) == (400, True)


@pytest.mark.parametrize("base", [False, True], ids=["key", "address"])
@pytest.mark.parametrize("model", ["gigachat/m", "sap/m", "watsonx/m"])
def test_who_is_not_signed_in_to_with_a_key_alone_is_not_asked_in_the_owners_name(
    simulator: Simulator, tmp_path: Path, model: str, base: bool
) -> None:
    text = json.loads(config(simulator.url))
    place = f"http://127.0.0.1:{simulator.url.rpartition(':')[2]}"
    text["lingate"] |= {"allowed_hosts": [place.partition("//")[2]], "allow_private_hosts": True}
    text["model_list"][0]["litellm_params"] = {"model": model, "api_base": place}
    env = {
        "GIGACHAT_ACCESS_TOKEN": OWNERS,
        "WATSONX_TOKEN": OWNERS,
        "WATSONX_PROJECT_ID": "p",
        "AICORE_AUTH_URL": place,
        "AICORE_CLIENT_ID": "id",
        "AICORE_CLIENT_SECRET": OWNERS,
    }
    with running_gateway(json.dumps(text), tmp_path, env=env) as gateway:
        before = simulator.stats()["requests"]["total"]
        found = ask(gateway, CHAT, _brought(**({"api_base": place} if base else {})))
    assert (found.status_code, "not signed in to with an api_key alone" in found.text) == (400, True), found.text
    assert simulator.stats()["requests"]["total"] == before
