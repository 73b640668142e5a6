"""Entra ID's access tokens: from which credential, for which scope, how often."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import lingate
from lingate._auth import signer
from lingate._auth.azure import AzureSigner
from lingate._model import Call, HttpRequest
from lingate._providers.lookup import resolve
from lingate.errors import AuthenticationError, ConnectError, MissingCredentialError
from lingate.testing import FakeTransport, Reply
from tests.auth.tokens import Asked, TokenServer

ANSWER = {
    "id": "c1",
    "model": "m-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
}
BASE = {"AZURE_API_BASE": "https://r.openai.azure.com"}
SCOPE = "https://cognitiveservices.azure.com/.default"


class Entra:
    """A private authority."""

    def __init__(self) -> None:
        self.url = ""
        self.refusal: dict[str, str] | None = None

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        tenant = asked.path.split("/")[1]
        if "openid-configuration" in asked.path:
            return 200, {
                "token_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/token",
                "authorization_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/authorize",
                "issuer": f"{self.url}/{tenant}/v2.0",
            }
        if self.refusal is not None:
            return 401, self.refusal
        return 200, {"access_token": "ey.1", "expires_in": 3600, "token_type": "Bearer"}


@pytest.fixture
def entra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    answer = Entra()
    with TokenServer(answer, tmp_path) as server:
        answer.url = server.url
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "cert.pem"))
        yield server, answer


def principal(url: str, **more: str) -> dict[str, str]:
    known = {"AZURE_TENANT_ID": "t1", "AZURE_CLIENT_ID": "c1", "AZURE_CLIENT_SECRET": "s-canary-4711"}
    return {**BASE, **known, "AZURE_AUTHORITY_HOST": url, **more}


def signer_for(env: dict[str, str], model: str = "azure/dep") -> tuple[AzureSigner, HttpRequest]:
    to = resolve(model, env=env, sign=signer)
    assert isinstance(to.signer, AzureSigner)
    return to.signer, HttpRequest("POST", to.url, {}, b"", Call("chat", "m", {}), to)


def posts(server: TokenServer) -> list[Asked]:
    return [asked for asked in server.asked if asked.method == "POST"]


def test_a_service_principal_gets_one_token_for_many_calls(entra: Any) -> None:
    server, _ = entra
    transport = FakeTransport(Reply(ANSWER))
    client = lingate.Lingate(transport=transport, env=principal(server.url))

    for _ in range(3):
        assert client.chat("azure/dep", "hi").text == "hello"

    [asked] = posts(server)
    assert asked.path == "/t1/oauth2/v2.0/token"
    assert asked.form["grant_type"] == "client_credentials"
    assert (asked.form["client_id"], asked.form["scope"]) == ("c1", SCOPE)
    assert [sent.headers["authorization"] for sent in transport.requests] == ["Bearer ey.1"] * 3
    assert "api-key" not in transport.requests[0].headers


async def test_the_same_awaited_by_many_at_once(entra: Any) -> None:
    from lingate.testing import AsyncFakeTransport

    server, _ = entra
    client = lingate.AsyncLingate(transport=AsyncFakeTransport(Reply(ANSWER)), env=principal(server.url))

    answers = await asyncio.gather(*(client.chat("azure/dep", "hi") for _ in range(10)))

    assert {one.text for one in answers} == {"hello"}
    assert len(posts(server)) == 1


def test_workload_identity_shows_the_token_in_a_file(entra: Any, tmp_path: Path) -> None:
    server, _ = entra
    (tmp_path / "federated").write_text("their-token")
    env = principal(server.url, AZURE_FEDERATED_TOKEN_FILE=str(tmp_path / "federated"))
    del env["AZURE_CLIENT_SECRET"]
    made, request = signer_for(env)

    assert made.sign(request, time.time()) == {"authorization": "Bearer ey.1"}
    assert posts(server)[0].form["client_assertion"] == "their-token"


def test_a_managed_identity_is_found_by_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = {
        "access_token": "ey.2",
        "expires_on": str(int(time.time()) + 3600),
        "resource": "r",
        "token_type": "Bearer",
    }
    with TokenServer(lambda _: (200, reply)) as server:
        for name, value in (("IDENTITY_ENDPOINT", f"{server.url}/msi"), ("IDENTITY_HEADER", "h1")):
            monkeypatch.setenv(name, value)
        made, request = signer_for({**BASE, "IDENTITY_ENDPOINT": f"{server.url}/msi"})

        assert made.sign(request, time.time()) == {"authorization": "Bearer ey.2"}
    assert server.asked[0].headers["x-identity-header"] == "h1"
    assert unquote(server.asked[0].path).endswith("resource=https://cognitiveservices.azure.com")


@pytest.mark.parametrize(
    ("model", "more", "scope"),
    [
        ("azure/dep", {}, SCOPE),
        ("azure_ai/dep", {}, "https://ai.azure.com/.default"),
        ("azure/dep", {"AZURE_SCOPE": "https://own.example/.default"}, "https://own.example/.default"),
        (
            "azure/dep",
            {"AZURE_API_BASE": "https://r.openai.azure.us/openai/v1"},
            "https://cognitiveservices.azure.us/.default",
        ),
    ],
)
def test_the_scope_is_the_row_s_or_the_user_s(entra: Any, model: str, more: dict[str, str], scope: str) -> None:
    server, _ = entra
    made, request = signer_for(
        principal(server.url, AZURE_AI_API_BASE="https://r.services.ai.azure.com", **more), model
    )

    made.sign(request, time.time())

    assert posts(server)[0].form["scope"] == scope


def test_a_refusal_is_an_error_that_does_not_hold_the_secret(entra: Any) -> None:
    server, answer = entra
    answer.refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
    made, request = signer_for(principal(server.url))

    with pytest.raises(AuthenticationError) as caught:
        made.sign(request, time.time())
    assert "AADSTS7000215" in str(caught.value.detail)
    assert "s-canary-4711" not in str(caught.value) + str(caught.value.detail)


def test_nobody_there_is_a_connection_error() -> None:
    made, request = signer_for(principal("https://127.0.0.1:9"))

    with pytest.raises(ConnectError):
        made.sign(request, time.time())


def test_half_a_service_principal_is_named() -> None:
    env = principal("https://127.0.0.1:9")
    del env["AZURE_TENANT_ID"]

    with pytest.raises(MissingCredentialError, match="AZURE_TENANT_ID"):
        resolve("azure/dep", env=env, sign=signer)


@pytest.mark.parametrize("header", ["Api-Key", "Authorization"])
def test_a_credential_among_the_call_s_headers_needs_no_signing_in(entra: Any, header: str) -> None:
    server, _ = entra
    transport = FakeTransport(Reply({"choices": [{"message": {"content": "hi"}}]}))
    client = lingate.Lingate(transport=transport, env=principal(server.url), retries=0)

    client.chat("azure/dep", "hi", extra_headers={header: "mine"})

    assert server.asked == []
    [sent] = transport.requests
    assert {name: text for name, text in sent.headers.items() if name != "content-type"} == {header: "mine"}


def test_a_key_or_a_token_needs_no_signing_in() -> None:
    for given in ({"AZURE_API_KEY": "k"}, {"AZURE_AD_TOKEN": "ey.0"}):
        assert resolve("azure/dep", env={**principal("https://x"), **given}, sign=signer).signer is None
    assert resolve("azure/dep", env=BASE, headers={"Authorization": "Bearer x"}, sign=signer).signer is None


def test_a_token_is_renewed_shortly_before_it_expires(entra: Any) -> None:
    server, _ = entra
    made, _request = signer_for(principal(server.url))
    now = time.time()
    made.prepare(now)

    assert made.ready(now + 3200)
    assert not made.ready(now + 3400)


def test_neither_secret_nor_token_is_in_any_repr(entra: Any) -> None:
    server, _ = entra
    made, request = signer_for(principal(server.url))
    made.prepare(time.time())

    for text in (repr(made), repr(made.key), repr(request.target)):
        assert "s-canary-4711" not in text
        assert "ey.1" not in text
