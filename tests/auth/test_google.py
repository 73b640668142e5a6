"""Google Cloud's access tokens: from which credential, for which project, how often."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

import lingate
from lingate._auth import need, signer
from lingate._auth.google import GoogleSigner
from lingate._model import Call, HttpRequest
from lingate._providers.lookup import find, resolve
from lingate.errors import (
    AuthenticationError,
    ConfigError,
    ConnectError,
    MissingCredentialError,
    MissingExtraError,
)
from tests.auth.tokens import Asked, TokenServer, private_pem

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


def account(url: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "p1",
        "private_key_id": "k1",
        "private_key": private_pem(),
        "client_email": "robot@p1.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{url}/token",
        **more,
    }


def environment(url: str, credentials: str, **more: str) -> dict[str, str]:
    base = f"{url}/v1/projects/p1/locations/us-east5"
    return {"VERTEXAI_API_BASE": base, "VERTEXAI_CREDENTIALS": credentials, **more}


def answer(asked: Asked) -> tuple[int, Any]:
    if asked.path == "/token":
        return 200, {"access_token": "ya29.1", "expires_in": 3600, "token_type": "Bearer"}
    return 200, MESSAGE


def signer_for(env: dict[str, str]) -> tuple[GoogleSigner, HttpRequest]:
    to = resolve("vertex_ai/claude-x", env=env, sign=signer)
    assert isinstance(to.signer, GoogleSigner)
    return to.signer, HttpRequest("POST", to.url, {}, b"", Call("chat", "m", {}), to)


def test_a_service_account_gets_one_token_for_many_calls() -> None:
    with TokenServer(answer) as server:
        env = environment(server.url, json.dumps(account(server.url)))
        with lingate.Lingate(env=env) as client:
            for _ in range(3):
                assert client.chat("vertex_ai/claude-x", "hi").text == "hello"

    assert [asked.path for asked in server.asked].count("/token") == 1
    assert "assertion" in server.asked[0].form
    assert {asked.headers["authorization"] for asked in server.asked[1:]} == {"Bearer ya29.1"}


async def test_the_same_awaited_by_many_at_once() -> None:
    with TokenServer(answer) as server:
        env = environment(server.url, json.dumps(account(server.url)))
        async with lingate.AsyncLingate(env=env) as client:
            answers = await asyncio.gather(*(client.chat("vertex_ai/claude-x", "hi") for _ in range(10)))

    assert {one.text for one in answers} == {"hello"}
    assert [asked.path for asked in server.asked].count("/token") == 1


@pytest.mark.parametrize("variable", ["VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_a_credential_may_be_in_a_file(variable: str, tmp_path: Path) -> None:
    with TokenServer(answer) as server:
        file = tmp_path / "account.json"
        mark = "\ufeff" if variable == "VERTEXAI_CREDENTIALS" else ""  # as PowerShell writes files
        file.write_text(mark + json.dumps(account(server.url)), encoding="utf-8")
        made, request = signer_for({**environment(server.url, ""), variable: str(file)})

        assert made.sign(request, time.time())["authorization"] == "Bearer ya29.1"


def test_federation_exchanges_the_token_of_another_identity(tmp_path: Path) -> None:
    subject = tmp_path / "subject"
    subject.write_text("their-token")
    with TokenServer(answer) as server:
        config = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/locations/global/workforcePools/a/providers/b",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{server.url}/token",
            "credential_source": {"file": str(subject)},
        }
        made, request = signer_for(environment(server.url, json.dumps(config)))

        assert made.sign(request, time.time())["authorization"] == "Bearer ya29.1"
    assert server.asked[0].form["subject_token"] == "their-token"


def test_requests_are_charged_to_the_project_that_is_told() -> None:
    with TokenServer(answer) as server:
        plain = environment(server.url, json.dumps(account(server.url)))
        made, request = signer_for(plain)
        other, _ = signer_for({**plain, "GOOGLE_CLOUD_QUOTA_PROJECT": "q1"})

        assert "x-goog-user-project" not in made.sign(request, time.time())
        assert other.sign(request, time.time())["x-goog-user-project"] == "q1"


def test_the_machine_s_own_credentials_are_the_last_that_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TokenServer(answer) as server:
        (tmp_path / "application_default_credentials.json").write_text(json.dumps(account(server.url)))
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        made, request = signer_for(environment(server.url, ""))

        assert made.sign(request, time.time())["authorization"] == "Bearer ya29.1"


def test_without_any_the_variables_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    made, request = signer_for(environment("http://127.0.0.1:9", ""))

    with pytest.raises(MissingCredentialError, match="VERTEXAI_CREDENTIALS or GOOGLE_APPLICATION_CREDENTIALS"):
        made.sign(request, time.time())


@pytest.mark.parametrize(
    "text", ["/no/such/file.json", "{broken", '{"type": "service_account"}', '{"type": "impersonated_service_account"}']
)
def test_a_credential_that_cannot_be_read_is_an_error_without_its_text(text: str) -> None:
    made, request = signer_for(environment("http://127.0.0.1:9", text))

    with pytest.raises(ConfigError) as caught:
        made.sign(request, time.time())
    assert "broken" not in str(caught.value)


def test_a_refusal_and_a_silence_are_told_apart() -> None:
    refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    with TokenServer(lambda _: (400, refusal)) as server:
        made, request = signer_for(environment(server.url, json.dumps(account(server.url))))
        with pytest.raises(AuthenticationError) as caught:
            made.sign(request, time.time())
        nobody = server.url
    made, request = signer_for(environment(nobody, json.dumps(account(nobody))))
    with pytest.raises(ConnectError):
        made.sign(request, time.time())

    assert caught.value.code == "invalid_grant"
    assert "PRIVATE KEY" not in str(caught.value) + str(caught.value.detail)


def test_a_token_is_renewed_shortly_before_it_expires() -> None:
    with TokenServer(answer) as server:
        made, _request = signer_for(environment(server.url, json.dumps(account(server.url))))
        now = time.time()
        made.prepare(now)

        assert made.ready(now + 3200)
        assert not made.ready(now + 3400)


def test_a_key_of_the_express_mode_goes_out_as_it_is() -> None:
    to = resolve(
        "vertex_ai/gemini-2.5-pro",
        env={"GOOGLE_VERTEX_API_KEY": "AIza"},
        api_base="https://aiplatform.googleapis.com/v1/publishers/google",
        sign=signer,
    )

    assert to.signer is None
    assert to.headers["x-goog-api-key"] == "AIza"


def test_a_missing_package_is_an_error_with_the_command_that_gets_it() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'lingate\[vertex\]'"):
        need("no_such_package.inside", "lingate[vertex]", find("vertex_ai"))


def test_a_token_is_in_no_repr() -> None:
    with TokenServer(answer) as server:
        made, request = signer_for(environment(server.url, json.dumps(account(server.url))))
        made.prepare(time.time())

    for text in (repr(made), repr(request.target)):
        assert "ya29" not in text
        assert "PRIVATE KEY" not in text
