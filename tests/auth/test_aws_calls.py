"""Whole calls to AWS: what arrives is signed as AWS's own package would sign it, and no secret comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lingate
from lingate._wire.eventstream import CONTENT_TYPE, encode
from lingate.errors import (
    AuthenticationError,
    ConfigError,
    MissingCredentialError,
    PermissionDeniedError,
)
from lingate.testing import FakeTransport
from lingate.testing import Reply as Fake
from tests.aws import ACCESS_KEY, SECRET_KEY, Asked, AwsServer, Reply, is_signed

TOKEN = "session-token-canary-0123456789"
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
ENV = {**KEYS, "AWS_REGION": "eu-north-1"}
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
USAGE = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}


def frame(kind: str, **payload: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return encode(headers, json.dumps(payload).encode())


WHOLE = Reply(
    json.dumps(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
            "stopReason": "end_turn",
            "usage": USAGE,
        }
    ).encode()
)
STREAM = Reply(
    frame("messageStart", role="assistant")
    + frame("contentBlockDelta", contentBlockIndex=0, delta={"text": "hi"})
    + frame("contentBlockStop", contentBlockIndex=0)
    + frame("messageStop", stopReason="end_turn")
    + frame("metadata", usage=USAGE),
    headers={"content-type": CONTENT_TYPE},
)


def either(asked: Asked) -> Reply:
    return STREAM if asked.path.endswith("-stream") else WHOLE


@pytest.fixture
def server() -> Iterator[AwsServer]:
    with AwsServer(either) as running:
        yield running


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("bedrock/us.amazon.nova-2-lite-v1:0", "/model/us.amazon.nova-2-lite-v1%3A0/converse"),
        (
            f"bedrock/{ARN}",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2F"
            "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
        ),
        ("bedrock/a name with spaces & ü", "/model/a%20name%20with%20spaces%20%26%20%C3%BC/converse"),
    ],
)
def test_a_call_is_signed_over_the_path_that_goes_out(server: AwsServer, model: str, path: str) -> None:
    with lingate.Lingate(env=ENV) as client:
        assert client.chat(model, "hello", api_base=server.url).text == "hi"
        assert client.chat(model, "hello", stream=True, api_base=server.url).final().text == "hi"

    whole, stream = server.asked
    assert (whole.path, stream.path) == (path, f"{path}-stream")
    assert is_signed(whole, "bedrock", "eu-north-1")
    assert is_signed(stream, "bedrock", "eu-north-1")


@pytest.mark.parametrize(
    ("model", "region", "host"),
    [
        ("bedrock/amazon.nova-lite-v1:0", "eusc-de-east-1", "bedrock-runtime.eusc-de-east-1.amazonaws.eu"),
        ("bedrock/eusc-de-east-1/amazon.nova-lite-v1:0", "eu-west-1", "bedrock-runtime.eusc-de-east-1.amazonaws.eu"),
        ("sagemaker_chat/e", "cn-northwest-1", "runtime.sagemaker.cn-northwest-1.amazonaws.com.cn"),
        ("sagemaker_chat/e", "us-gov-east-1", "runtime.sagemaker.us-gov-east-1.amazonaws.com"),
    ],
)
def test_partitions_other_than_the_usual_one_have_domains_of_their_own(model: str, region: str, host: str) -> None:
    transport = FakeTransport(Fake({"message": "no"}, 400))
    client = lingate.Lingate(transport=transport, env={**ENV, "AWS_REGION": region}, retries=0)

    with pytest.raises(lingate.errors.BadRequestError):
        client.chat(model, "hi")

    [sent] = transport.requests
    assert sent.url.split("/")[2] == host
    assert f"/{host.split('.')[-3 if host.endswith(('.eu', '.com')) else -4]}/" in sent.headers["authorization"]


def test_an_awaited_call_is_signed_too(server: AwsServer) -> None:
    async def run() -> tuple[str, str]:
        async with lingate.AsyncLingate(env=ENV) as client:
            whole = await client.chat("bedrock/m", "hello", api_base=server.url)
            stream = await client.chat("bedrock/m", "hello", stream=True, api_base=server.url)
            return whole.text, (await stream.final()).text

    assert asyncio.run(run()) == ("hi", "hi")
    assert [is_signed(asked, "bedrock", "eu-north-1") for asked in server.asked] == [True, True]


@pytest.mark.parametrize(
    ("model", "service"),
    [
        ("bedrock/invoke/anthropic.claude-3-haiku-20240307-v1:0", "bedrock"),
        ("sagemaker/endpoint", "sagemaker"),
        ("sagemaker_chat/endpoint", "sagemaker"),
        ("bedrock_mantle/openai.gpt-oss-120b", "bedrock-mantle"),
        ("bedrock_mantle/anthropic.claude-sonnet-5", "bedrock-mantle"),
        ("anthropic-aws/claude-sonnet-4-5", "aws-external-anthropic"),
    ],
)
def test_each_provider_signs_for_its_own_service(model: str, service: str) -> None:
    env = {**ENV, "ANTHROPIC_AWS_WORKSPACE_ID": "ws"}
    with AwsServer(Reply(b'{"message": "no"}', 403)) as server, lingate.Lingate(env=env) as client:
        with pytest.raises(PermissionDeniedError):
            client.chat(model, "hello", api_base=server.url)

        assert is_signed(server.asked[0], service, "eu-north-1")
        assert "x-api-key" not in server.asked[0].headers


def test_each_try_is_signed_anew() -> None:
    def reply(asked: Asked) -> Reply:
        busy = Reply(b'{"message": "busy"}', 503, {"retry-after": "1", "content-type": "application/json"})
        return busy if len(failing.asked) < 2 else WHOLE

    with AwsServer(reply) as failing, lingate.Lingate(env=ENV, retries=1) as client:
        assert client.chat("bedrock/m", "hello", api_base=failing.url).text == "hi"

    first, second = failing.asked
    assert first.headers["x-amz-date"] != second.headers["x-amz-date"]
    assert first.headers["authorization"] != second.headers["authorization"]
    assert is_signed(second, "bedrock", "eu-north-1")


def test_a_fallback_to_another_region_is_signed_for_that() -> None:
    with AwsServer(Reply(b'{"message": "no"}', 503)) as first, AwsServer(WHOLE) as second:
        config = {
            "providers": {
                "north": {"dialect": "bedrock_converse", "url": first.url, "env": {"AWS_REGION": "eu-north-1"}},
                "south": {"dialect": "bedrock_converse", "url": second.url, "env": {"AWS_REGION": "eu-south-1"}},
            }
        }
        with lingate.Lingate(config, env=KEYS, retries=0) as client:
            assert client.chat("north/m", "hello", fallbacks=["south/m"]).text == "hi"

    assert is_signed(first.asked[0], "bedrock", "eu-north-1")
    assert is_signed(second.asked[0], "bedrock", "eu-south-1")


def test_two_accounts_are_two_providers_of_one_client() -> None:
    with AwsServer(WHOLE) as server:
        config = {
            "providers": {
                "other": {
                    "dialect": "bedrock_converse",
                    "url": server.url,
                    "env": {"AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "s2"},
                }
            }
        }
        with lingate.Lingate(config, env=ENV) as client:
            client.chat("bedrock/m", "hello", api_base=server.url)
            client.chat("other/m", "hello")

    first, second = server.asked
    assert f"Credential={ACCESS_KEY}/" in first.headers["authorization"]
    assert "Credential=AKIAOTHER/" in second.headers["authorization"]
    assert is_signed(second, "bedrock", "eu-north-1", "s2")


def test_keys_that_change_in_the_environment_are_used_at_once(server: AwsServer) -> None:
    env = dict(ENV)
    with lingate.Lingate(env=env) as client:
        client.chat("bedrock/m", "hello", api_base=server.url)
        env["AWS_ACCESS_KEY_ID"] = "AKIAROTATED"
        client.chat("bedrock/m", "hello", api_base=server.url)

    assert "Credential=AKIAROTATED/" in server.asked[1].headers["authorization"]


def test_a_bearer_token_needs_no_signature(server: AwsServer) -> None:
    with lingate.Lingate(env={**ENV, "AWS_BEARER_TOKEN_BEDROCK": "bearer-of-env"}) as client:
        client.chat("bedrock/m", "hello", api_base=server.url)
        client.chat("bedrock/m", "hello", api_base=server.url, api_key="bearer-of-call")

    assert [asked.headers["authorization"] for asked in server.asked] == [
        "Bearer bearer-of-env",
        "Bearer bearer-of-call",
    ]
    assert all("x-amz-date" not in asked.headers for asked in server.asked)


def test_the_callers_own_authorization_stays_alone(server: AwsServer) -> None:
    with lingate.Lingate(env=ENV) as client:
        client.chat("bedrock/m", "hello", api_base=server.url, extra_headers={"Authorization": "Mine"})

    assert server.asked[0].headers["authorization"] == "Mine"
    assert "x-amz-date" not in server.asked[0].headers


def test_headers_of_aws_that_the_caller_gives_are_signed(server: AwsServer) -> None:
    headers = {"X-Amzn-Bedrock-Trace": "ENABLED", "x-amz-meta": "a  b "}
    with lingate.Lingate(env=ENV) as client:
        client.chat("bedrock/m", "hello", api_base=server.url, extra_headers=headers)

    (asked,) = server.asked
    assert "x-amz-meta" in asked.headers["authorization"]
    assert is_signed(asked, "bedrock", "eu-north-1")


def refused(client: lingate.Lingate, stream: Any, url: str) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as caught:
        client.chat("bedrock/m", "hello", stream=stream, api_base=url)
    return caught.value


@pytest.mark.parametrize("stream", [False, True])
def test_what_aws_says_about_a_signature_comes_back_without_secrets(stream: Any) -> None:
    told = f"The request signature for {ACCESS_KEY} with token {TOKEN} does not match"
    body = json.dumps({"message": told, "__type": "InvalidSignatureException"}).encode()
    reply = Reply(
        body, 403, {"content-type": "application/json", "x-amzn-errortype": "InvalidSignatureException:http://x"}
    )
    with AwsServer(reply) as server, lingate.Lingate(env={**ENV, "AWS_SESSION_TOKEN": TOKEN}) as client:
        error = refused(client, stream, server.url)

    shown = f"{error} {error!r} {vars(error)}"
    assert "does not match" in shown
    assert TOKEN not in shown
    assert SECRET_KEY not in shown


def test_nothing_about_aws_is_looked_for_before_a_call() -> None:
    with lingate.Lingate(env={}) as client:
        assert client is not None
    with lingate.Lingate(env={}) as client, pytest.raises(ConfigError, match="AWS_REGION"):
        client.chat("bedrock/m", "hello")


def test_missing_credentials_are_an_error_of_the_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with lingate.Lingate(env={"AWS_REGION": "eu-north-1"}) as client, pytest.raises(MissingCredentialError) as caught:
        client.chat("bedrock/m", "hello", api_base="http://127.0.0.1:9")

    assert caught.value.provider == "bedrock"
    assert "AWS_BEARER_TOKEN_BEDROCK" in str(caught.value)
    assert [attempt.kind for attempt in caught.value.attempts] == [caught.value.kind]


def test_missing_credentials_let_a_fallback_answer(
    server: AwsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    fallback = {"model": "bedrock/m", "api_key": "bearer", "api_base": server.url}
    with lingate.Lingate(env={"AWS_REGION": "eu-north-1"}) as client:
        answer = client.chat("bedrock/m", "hello", api_base="http://127.0.0.1:9", fallbacks=[fallback])

    assert answer.text == "hi"


def test_fetched_credentials_are_shared_by_the_calls_of_a_client(
    server: AwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {
        "AccessKeyId": ACCESS_KEY,
        "SecretAccessKey": SECRET_KEY,
        "Token": TOKEN,
        "Expiration": "2999-01-01T00:00:00Z",
    }
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    async def run(client: lingate.AsyncLingate) -> list[str]:
        calls = [client.chat("bedrock/m", f"number {n}", api_base=server.url) for n in range(20)]
        return [answer.text for answer in await asyncio.gather(*calls)]

    with AwsServer(Reply(json.dumps(body).encode())) as container:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url)
        client = lingate.AsyncLingate(env={"AWS_REGION": "eu-north-1"})
        first = asyncio.run(run(client))
        second = asyncio.run(run(client))
        assert len(container.asked) == 1

    assert first + second == ["hi"] * 40
    assert {asked.headers["x-amz-security-token"] for asked in server.asked} == {TOKEN}
    assert all(is_signed(asked, "bedrock", "eu-north-1") for asked in server.asked)
