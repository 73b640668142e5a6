"""Where AWS credentials come from. AWS's own services are a server on loopback here."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from lingate._auth.aws import AwsSigner, signer
from lingate._model import Call, HttpRequest, ProviderRow, Target
from lingate.errors import (
    AuthenticationError,
    ConfigError,
    ConnectError,
    LingateError,
    MissingCredentialError,
)
from tests.aws import ACCESS_KEY, SECRET_KEY, Asked, AwsServer, Reply, authorization

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
URL = "https://bedrock-runtime.eu-west-3.amazonaws.com"
ROW = ProviderRow(
    name="here", dialect="bedrock_converse", key_env=("HERE_KEY",), sign_env=("AWS_ACCESS_KEY_ID", "AWS_PROFILE")
)
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
XML = {"content-type": "text/xml"}


def made(env: dict[str, str], url: str = URL) -> AwsSigner:
    return signer("bedrock", ROW, env, None, url)


def headers(signing: AwsSigner) -> dict[str, str]:
    target = Target(row=ROW, model="m", url=URL, signer=signing)
    request = HttpRequest("POST", f"{URL}/model/m/converse", {}, b"{}", Call("chat", "m", {}), target)
    return dict(signing.sign(request, NOW))


def key_of(signing: AwsSigner) -> str:
    return headers(signing)["authorization"].partition("Credential=")[2].partition("/")[0]


@pytest.fixture(autouse=True)
def aws_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No settings of the developer's own and no instance metadata."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def sts(access_key: str = "ASIAROLE", life: float = 3600) -> Any:
    """Answers to every kind of AssumeRole."""

    def reply(asked: Asked) -> Reply:
        action = parse_qs(asked.body.decode())["Action"][0]
        expiry = (datetime.now(UTC) + timedelta(seconds=life)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = f"""<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>
            <AccessKeyId>{access_key}</AccessKeyId><SecretAccessKey>role secret</SecretAccessKey>
            <SessionToken>role token</SessionToken><Expiration>{expiry}</Expiration></Credentials>
            <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser>
            </{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"""
        return Reply(body.encode(), headers=XML)

    return reply


def refusal(code: str, status: int = 403) -> Reply:
    body = f"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
        <Code>{code}</Code><Message>it says no</Message></Error><RequestId>1</RequestId></ErrorResponse>"""
    return Reply(body.encode(), status, XML)


def asked_of(server: AwsServer, at: int = -1) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(server.asked[at].body.decode()).items()}


# Access keys.


def test_access_keys_sign_at_once() -> None:
    signing = made(KEYS)

    assert signing.ready(NOW)
    given = headers(signing)
    assert set(given) == {"authorization", "x-amz-date"}
    stamp = {"x-amz-date": "20260102T030405Z"}
    expected = authorization("POST", f"{URL}/model/m/converse", stamp, b"{}", "bedrock", "eu-west-3")
    assert given["authorization"] == expected


def test_the_session_token_of_temporary_keys_goes_along() -> None:
    assert headers(made({**KEYS, "AWS_SESSION_TOKEN": "tok"}))["x-amz-security-token"] == "tok"
    assert "x-amz-security-token" not in headers(made({**KEYS, "AWS_SESSION_TOKEN": " "}))


@pytest.mark.parametrize("missing", sorted(KEYS))
def test_half_of_an_access_key_is_an_error_that_names_the_other_half(missing: str) -> None:
    env = {name: value for name, value in KEYS.items() if name != missing}

    with pytest.raises(MissingCredentialError, match=missing) as caught:
        made(env)

    assert caught.value.variables == (missing,)
    assert SECRET_KEY not in str(caught.value)


def test_no_secret_shows_in_the_repr_of_a_signers_key() -> None:
    shown = repr(made({**KEYS, "AWS_SESSION_TOKEN": "the token", "AWS_EXTERNAL_ID": "the id"}).key)

    assert "wJalr" not in shown
    assert "the token" not in shown
    assert "the id" not in shown


def test_signers_are_interchangeable_if_and_only_if_they_sign_alike() -> None:
    assert made(KEYS).key == made(dict(KEYS)).key
    assert made(KEYS).key != made({**KEYS, "AWS_SECRET_ACCESS_KEY": "another"}).key
    assert made(KEYS).key != made(KEYS, URL.replace("eu-west-3", "us-east-1")).key
    assert made(KEYS).key != made({**KEYS, "AWS_ROLE_NAME": "arn:aws:iam::1:role/r"}).key


# Regions.


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://bedrock-runtime.eu-west-3.amazonaws.com", "eu-west-3"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/", "us-gov-west-1"),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://bedrock-runtime.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("https://bedrock-runtime.eusc-de-east-1.api.amazonwebservices.eu", "eusc-de-east-1"),
        ("https://vpce-0ab-1.bedrock-runtime.us-west-2.vpce.amazonaws.com", "us-west-2"),
        ("https://bedrock-mantle.ap-southeast-2.api.aws/v1", "ap-southeast-2"),
        ("https://aws-external-anthropic.us-east-2.api.aws", "us-east-2"),
        ("https://runtime.sagemaker.sa-east-1.amazonaws.com", "sa-east-1"),
        ("https://us-east-9.proxy.example", "il-central-1"),
        ("http://127.0.0.1:8080", "il-central-1"),
    ],
)
def test_the_region_is_the_hosts_and_else_the_environments(url: str, region: str) -> None:
    given = headers(made({**KEYS, "AWS_REGION": "il-central-1"}, url))

    assert f"/{region}/bedrock/" in given["authorization"]


@pytest.mark.parametrize(
    ("env", "region"),
    [
        ({"AWS_REGION_NAME": "a", "AWS_REGION": "b", "AWS_DEFAULT_REGION": "c"}, "a"),
        ({"AWS_REGION": "b", "AWS_DEFAULT_REGION": "c"}, "b"),
        ({"AWS_DEFAULT_REGION": " c "}, "c"),
    ],
)
def test_the_variables_of_the_region_have_an_order(env: dict[str, str], region: str) -> None:
    assert f"/{region}/bedrock/" in headers(made({**KEYS, **env}, "http://127.0.0.1:1"))["authorization"]


def test_an_unknown_region_is_an_error_that_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="AWS_REGION"):
        made(KEYS, "http://127.0.0.1:1")


# Profiles and processes.


def test_a_profile_of_the_shared_files_signs(aws_files: Path) -> None:
    (aws_files / "credentials").write_text(
        "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s\n"
        "[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = s\naws_session_token = worktoken\n"
    )

    assert key_of(made({})) == "AKIADEFAULT"
    assert key_of(made({"AWS_PROFILE": "work"})) == "AKIAWORK"
    assert key_of(made({"AWS_DEFAULT_PROFILE": "work"})) == "AKIAWORK"
    assert headers(made({"AWS_PROFILE": "work"}))["x-amz-security-token"] == "worktoken"


def test_a_profile_named_on_purpose_wins_over_keys_and_keys_over_the_usual_profile(aws_files: Path) -> None:
    (aws_files / "credentials").write_text("[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = s\n")

    assert key_of(made({**KEYS, "AWS_PROFILE_NAME": "work"})) == "AKIAWORK"
    assert key_of(made({**KEYS, "AWS_PROFILE": "work"})) == ACCESS_KEY


def test_keys_of_the_process_are_not_taken_when_we_were_given_an_environment(
    aws_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (aws_files / "credentials").write_text("[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = s\n")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    assert key_of(made({"AWS_PROFILE": "work"})) == "AKIAWORK"
    with pytest.raises(MissingCredentialError):
        headers(made({}))


def test_a_profile_that_does_not_exist_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"here: .*nobody"):
        headers(made({"AWS_PROFILE": "nobody"}))


def test_no_credentials_at_all_is_an_error_that_says_what_to_set() -> None:
    signing = made({})
    assert not signing.ready(NOW)

    with pytest.raises(MissingCredentialError, match="HERE_KEY or AWS_ACCESS_KEY_ID") as caught:
        headers(signing)

    assert caught.value.variables == ("HERE_KEY", "AWS_ACCESS_KEY_ID", "AWS_PROFILE")


def test_a_credential_process_is_run_once_for_many_threads(aws_files: Path) -> None:
    script = aws_files / "give.py"
    script.write_text(
        textwrap.dedent(f"""
            import json, time
            with open({str(aws_files / "runs")!r}, "a") as file:
                file.write("x")
            time.sleep(0.1)
            print(json.dumps({{"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "s", "SessionToken": "t",
                "Expiration": "2999-01-01T00:00:00Z"}}))
        """)
    )
    (aws_files / "config").write_text(f"[profile p]\ncredential_process = {sys.executable} {script}\n")
    signing = made({"AWS_PROFILE": "p"})

    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: key_of(signing), range(8)))

    assert keys == ["AKIAPROCESS"] * 8
    assert (aws_files / "runs").read_text() == "x"
    assert signing.ready(NOW + 59)
    assert not signing.ready(NOW + 60)


def test_a_credential_process_that_fails_is_a_credential_error(aws_files: Path) -> None:
    (aws_files / "config").write_text(f"[profile p]\ncredential_process = {sys.executable} -c exit(3)\n")

    with pytest.raises(MissingCredentialError, match="cannot be used"):
        headers(made({"AWS_PROFILE": "p"}))


@pytest.mark.parametrize(
    "printed",
    [
        "Enter MFA code:",
        "[]",
        '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "never"}',
        '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "2020-01-01T00:00:00Z"}',
    ],
)
def test_what_a_credential_process_should_not_print_is_one_too(aws_files: Path, printed: str) -> None:
    (aws_files / "said").write_text(printed)
    (aws_files / "config").write_text(f"[profile p]\ncredential_process = cat {aws_files / 'said'}\n")

    with pytest.raises(MissingCredentialError, match="cannot be used"):
        headers(made({"AWS_PROFILE": "p"}))


def test_a_sign_in_that_ran_out_says_to_sign_in_again(aws_files: Path) -> None:
    (aws_files / "config").write_text(
        "[profile s]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 1\n"
        "sso_role_name = r\n"
    )

    with pytest.raises(MissingCredentialError) as caught:
        headers(made({"AWS_PROFILE": "s"}))

    assert "sso login" in str(caught.value.hint)


# Roles.


def test_a_role_is_assumed_with_the_access_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsServer(sts()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        env = {**KEYS, "AWS_ROLE_NAME": "arn:aws:iam::1:role/r", "AWS_SESSION_NAME": "me", "AWS_EXTERNAL_ID": "ext"}
        signing = made(env)
        assert not signing.ready(NOW)
        assert server.asked == []  # nothing happens before the first call

        given = headers(signing)

        assert "Credential=ASIAROLE/" in given["authorization"]
        assert given["x-amz-security-token"] == "role token"
        assert signing.ready(NOW)
        asked = asked_of(server)
        assert asked["Action"] == "AssumeRole"
        assert asked["RoleArn"] == "arn:aws:iam::1:role/r"
        assert (asked["RoleSessionName"], asked["ExternalId"]) == ("me", "ext")
        assert f"Credential={ACCESS_KEY}/" in server.asked[0].headers["authorization"]
        assert "/eu-west-3/sts/" in server.asked[0].headers["authorization"]


def test_a_role_of_a_profile_is_assumed(aws_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (aws_files / "credentials").write_text("[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n")
    (aws_files / "config").write_text("[profile r]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n")
    with AwsServer(sts()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)

        assert key_of(made({"AWS_PROFILE": "r"})) == "ASIAROLE"
        assert "Credential=AKIABASE/" in server.asked[0].headers["authorization"]


def test_a_web_identity_is_exchanged_without_any_key(aws_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (aws_files / "token").write_text("the.web.token")
    env = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(aws_files / "token"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod"}
    with AwsServer(sts()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)

        assert key_of(made({**env, "AWS_ROLE_SESSION_NAME": "pod-7"})) == "ASIAROLE"

        asked = asked_of(server)
        assert asked["Action"] == "AssumeRoleWithWebIdentity"
        assert (asked["RoleArn"], asked["WebIdentityToken"]) == ("arn:aws:iam::1:role/pod", "the.web.token")
        assert asked["RoleSessionName"] == "pod-7"
        assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize("prefix", ["", "oidc/file/"])
def test_a_web_identity_takes_the_role_that_litellm_s_parameters_name(
    aws_files: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    (aws_files / "token").write_text("the.web.token")
    env = {"AWS_WEB_IDENTITY_TOKEN_FILE": f"{prefix}{aws_files / 'token'}", "AWS_ROLE_NAME": "arn:aws:iam::1:role/r"}
    with AwsServer(sts()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)

        assert key_of(made({**env, "AWS_SESSION_NAME": "me"})) == "ASIAROLE"

        asked = asked_of(server)
        assert (asked["Action"], asked["RoleArn"]) == ("AssumeRoleWithWebIdentity", "arn:aws:iam::1:role/r")
        assert (asked["WebIdentityToken"], asked["RoleSessionName"]) == ("the.web.token", "me")
        assert len(server.asked) == 1


def test_many_threads_assume_a_role_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsServer(sts()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        signing = made({**KEYS, "AWS_ROLE_NAME": "arn:aws:iam::1:role/r"})
        gate = threading.Barrier(16)

        def one(_: int) -> str:
            gate.wait(10)
            return key_of(signing)

        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(one, range(16))) == ["ASIAROLE"] * 16

        assert len(server.asked) == 1


def test_a_role_that_runs_out_is_assumed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsServer(sts("ASIAFIRST", life=60)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        signing = made({**KEYS, "AWS_ROLE_NAME": "arn:aws:iam::1:role/r"})
        assert key_of(signing) == "ASIAFIRST"
        server.reply = sts("ASIASECOND")

        target = Target(row=ROW, model="m", url=URL, signer=signing)
        request = HttpRequest("POST", URL, {}, b"", Call("chat", "m", {}), target)
        later = signing.sign(request, NOW + 60)

    assert "Credential=ASIASECOND/" in later["authorization"]


@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken", "InvalidClientTokenId"])
def test_a_role_that_is_refused_is_an_authentication_error(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsServer(refusal(code)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)

        with pytest.raises(AuthenticationError, match=code) as caught:
            headers(made({**KEYS, "AWS_ROLE_NAME": "arn:aws:iam::1:role/r"}))

    assert (caught.value.provider, caught.value.status, caught.value.code) == ("here", 403, code)
    assert caught.value.detail == "it says no"
    assert SECRET_KEY not in f"{caught.value!r}{caught.value}"


def test_a_service_that_cannot_be_reached_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(ConnectError, match="fetching AWS credentials failed"):
        headers(made({**KEYS, "AWS_ROLE_NAME": "arn:aws:iam::1:role/r"}))


def test_the_credentials_of_a_container_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"AccessKeyId": "ASIATASK", "SecretAccessKey": "s", "Token": "t", "Expiration": "2999-01-01T00:00:00Z"}
    with AwsServer(Reply(json.dumps(body).encode())) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/creds")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container token")

        assert key_of(made({})) == "ASIATASK"
        assert server.asked[0].headers["authorization"] == "container token"


def test_garbage_from_a_container_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsServer(Reply(b"<html>")) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/creds")

        with pytest.raises(LingateError):
            headers(made({}))


# The package.


def without_botocore(code: str) -> str:
    """What code prints in a fresh interpreter that has no botocore."""
    hide = """
        import sys
        class Hidden:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("botocore", "boto3"):
                    raise ModuleNotFoundError(name)
        sys.meta_path.insert(0, Hidden())
    """
    program = textwrap.dedent(hide) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_botocore_everything_but_keys_says_what_to_install() -> None:
    out = without_botocore("""
        import lingate
        from lingate import errors
        client = lingate.Lingate(env={"AWS_REGION": "us-east-1", "AWS_PROFILE": "work"})
        try:
            client.chat("bedrock/anthropic.claude-sonnet-4-5", "hello")
        except errors.MissingExtraError as error:
            print(error)
    """)

    assert "pip install 'lingate[bedrock]'" in out


def test_access_keys_and_bearer_tokens_need_no_botocore() -> None:
    with AwsServer(Reply(b'{"message": "no"}', 403)) as server:
        out = without_botocore(f"""
            import lingate
            from lingate import errors
            keys = {{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}}
            for env in (keys, {{"AWS_BEARER_TOKEN_BEDROCK": "bearer-token"}}):
                client = lingate.Lingate(env={{"AWS_REGION": "us-east-1", **env}}, retries=0)
                try:
                    client.chat("bedrock/anthropic.claude-sonnet-4-5", "hello", api_base={server.url!r})
                except errors.PermissionDeniedError as error:
                    print("asked")
        """)

    assert out == "asked\nasked"
    assert server.asked[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert server.asked[1].headers["authorization"] == "Bearer bearer-token"
