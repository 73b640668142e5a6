"""What callers send that is not quite a request, or more than one: headers, bodies that break off, pages of other sites."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from lingate.simulator import Simulator
from tests.server.asking import ask, rows
from tests.server.gateway_kit import MASTER, Running, running_gateway

ASK: dict[str, Any] = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}
CONFIG = """
model_list:
  - model_name: gpt
    litellm_params: {{model: openai/sim-words-2, api_base: "{url}/v1", api_key: k}}
general_settings: {{forward_client_headers_to_llm_api: true, litellm_key_header_name: X-Corp-Key}}
lingate: {{forward_headers: [x-auth-token, x-team-*]}}
"""


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_gateway(CONFIG.format(url=simulator.url), tmp_path_factory.mktemp("callers"), auth=True) as running:
        yield running


KEY = {"x-corp-key": f"Bearer {MASTER}"}


def test_the_key_of_a_caller_is_never_passed_on_whatever_its_header_is_called(
    gateway: Running, simulator: Simulator
) -> None:
    sent = {
        **KEY,
        "x-plain": "a",
        "x-max-tokens": "b",
        "x-auth-token": "named by the owner",
        "x-team-secret": "of a pattern of the owner's",
        "x-client-secret": "s",
        "x-api-key": "s",
        "x-amz-security-token": "s",
        "x-lingate-tags": "t",
        "x-forwarded-for": "10.0.0.7",
        "proxy-authorization": "Basic s",
    }
    assert ask(gateway, "/v1/chat/completions", ASK, sent).status_code == 200
    got = simulator.requests()[-1].headers
    assert {name for name in got if name in sent} == {"x-plain", "x-max-tokens", "x-auth-token", "x-team-secret"}
    assert MASTER not in json.dumps(dict(got))


def test_the_owners_header_for_keys_holds_for_the_admin_api_too(gateway: Running) -> None:
    vendor = {"authorization": "Basic of-a-proxy-before"}
    assert httpx2.get(f"{gateway.url}/admin/keys", headers={**vendor, **KEY}).status_code == 200
    assert httpx2.get(f"{gateway.url}/key/list", headers={**vendor, "x-litellm-api-key": MASTER}).status_code == 200
    assert httpx2.get(f"{gateway.url}/admin/keys", headers={**vendor, "api-key": MASTER}).status_code == 200
    assert httpx2.get(f"{gateway.url}/admin/keys", headers={"x-corp-key": "sk-other"}).status_code == 401


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/admin/keys"])
@pytest.mark.parametrize("size", [100, 400_000], ids=["small", "large"])
def test_a_body_that_breaks_off_is_its_clients_leaving_and_no_failure_of_ours(
    gateway: Running, path: str, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    before = len(rows(gateway))
    body = json.dumps(ASK | {"user": "x" * size}).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nx-corp-key: {MASTER}\r\ncontent-length: {len(body) + 9}\r\n\r\n"
    where = urlsplit(gateway.url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert [row["status"] for row in rows(gateway)[before:]] == ([499] if path.startswith("/v1") else [])


@pytest.mark.parametrize(
    "path", ["/v1/messages", "/v1beta/models/gpt:generateContent", "/v1beta/models/gpt:embedContent", "/api/chat"]
)
def test_what_is_nested_too_deeply_is_a_wrong_request_at_every_face(
    gateway: Running, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    deep = json.dumps(ASK)[:-1] + ', "x": ' + "[" * 950 + "]" * 950 + "}"
    answer = httpx2.post(gateway.url + path, content=deep, headers={**KEY, "content-type": "application/json"})
    assert answer.status_code < 500
    deeper = json.dumps(ASK)[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}"
    answer = httpx2.post(gateway.url + path, content=deeper, headers={**KEY, "content-type": "application/json"})
    assert answer.status_code == 400
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_number_of_too_many_digits_is_told_in_our_own_words(gateway: Running) -> None:
    body = json.dumps(ASK)[:-1] + ', "max_tokens": ' + "9" * 5000 + "}"
    answer = httpx2.post(f"{gateway.url}/v1/chat/completions", content=body, headers=KEY)
    assert answer.status_code == 400
    assert "too many digits" in answer.text
    assert "sys." not in answer.text


def test_messages_for_ollamas_generate_are_refused_by_name(gateway: Running) -> None:
    answer = ask(gateway, "/api/generate", {"model": "gpt", "messages": [[[]]]}, KEY)
    assert answer.status_code == 400
    assert "messages" in answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("embedContent", {"content": {"parts": [{"text": "x"}]}, "api_base": "http://10.0.0.1"}),
        ("embedContent", {"content": {"parts": [{"text": "x"}]}, "apiBase": "http://10.0.0.1"}),
        ("batchEmbedContents", {"requests": [{"content": {"parts": [{"text": "x"}]}}], "api_base": "http://10.0.0.1"}),
    ],
)
def test_an_address_that_a_caller_brings_is_refused_in_googles_embeddings_too(
    gateway: Running, path: str, body: dict[str, Any]
) -> None:
    answer = ask(gateway, f"/v1beta/models/gpt:{path}", body, KEY)
    assert answer.status_code == 400
    assert "api_base" in answer.text


class TestPagesOfOtherSites:
    """Any page may send a request to this machine without asking: `text/plain` needs no preflight."""

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("https://evil.example", 403),
            ("http://evil.example:4000", 403),
            ("http://localhost.evil.example", 403),
            ("http://127.0.0.1@evil.example", 403),
            ("null", 403),
            ("https://app.example", 200),
            ("http://localhost:3000", 200),
            ("http://127.0.0.1:4000", 200),
            ("vscode-webview://abc", 200),
            (None, 200),
        ],
    )
    def test_may_not_call_a_gateway_without_keys(
        self, simulator: Simulator, tmp_path: Path, origin: str | None, status: int
    ) -> None:
        config = CONFIG.format(url=simulator.url) + "  cors: {allow_origins: ['https://app.example']}\n"
        config = config.replace("lingate: {forward_headers: [x-auth-token, x-team-*]}", "lingate:")
        with running_gateway(config, tmp_path, auth=False) as running:
            headers = {"content-type": "text/plain", **({"origin": origin} if origin else {})}
            answer = httpx2.post(f"{running.url}/v1/chat/completions", content=json.dumps(ASK), headers=headers)
            assert answer.status_code == status

    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("evil.example", 403),
            ("evil.example:4000", 403),
            ("localhost.evil.example", 403),
            ("127.0.0.1.evil.example:80", 403),
            ("app.example", 200),
            ("localhost:4000", 200),
            ("127.0.0.1", 200),
            ("[::1]:4000", 200),
            ("host.docker.internal:4000", 200),
            ("gateway", 200),
        ],
    )
    def test_may_not_read_one_by_a_name_of_theirs_that_leads_here(
        self, simulator: Simulator, tmp_path: Path, host: str, status: int
    ) -> None:
        config = CONFIG.format(url=simulator.url) + "  cors: {allow_origins: ['http://app.example']}\n"
        config = config.replace("lingate: {forward_headers: [x-auth-token, x-team-*]}", "lingate:")
        with running_gateway(config, tmp_path, auth=False) as running:
            assert httpx2.get(f"{running.url}/v1/models", headers={"host": host}).status_code == status

    def test_may_call_with_a_key(self, gateway: Running) -> None:
        assert ask(gateway, "/v1/chat/completions", ASK, {**KEY, "origin": "https://x.example"}).status_code == 200
