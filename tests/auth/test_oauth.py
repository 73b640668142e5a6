"""Keys exchanged for tokens: what is posted where, how long a token is used, and what is told when there is none."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

import lingate
from lingate._auth import signer
from lingate._auth.oauth import OAuthSigner
from lingate._io.signing import sign
from lingate._model import Call, Head, HttpRequest, TokenSigner
from lingate._providers.lookup import resolve
from lingate.errors import (
    AuthenticationError,
    ConfigError,
    ConnectError,
    InternalServerError,
    MissingCredentialError,
    ProtocolError,
    RateLimitError,
    RequestTimeoutError,
)
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply
from tests.auth.tokens import Asked, TokenServer

KEY = "sk-canary-4711/with+signs="
ANSWER = {
    "id": "c1",
    "model": "m-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
}


def token(asked: Asked) -> tuple[int, Any]:
    return 200, {"access_token": "tok-1", "token_type": "Bearer", "expires_in": 3600}


def watsonx(url: str, **more: str) -> dict[str, str]:
    base = {"WATSONX_APIKEY": KEY, "WATSONX_IAM_URL": f"{url}/identity/token", "WATSONX_PROJECT_ID": "p"}
    return {**base, "WATSONX_API_BASE": url, **more}


def signer_for(model: str, env: dict[str, str]) -> tuple[Any, HttpRequest]:
    to = resolve(model, env=env, sign=signer)
    call = Call("chat", to.model, {"messages": []})
    assert isinstance(to.signer, OAuthSigner)
    return to.signer, HttpRequest("POST", to.url, to.headers, b"", call, to)


class Script:
    """Gives one answer after the other to an exchange, and counts."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []

    def __call__(self, request: HttpRequest, limit: float) -> tuple[Head, bytes]:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return Head(status, {}), body if isinstance(body, bytes) else json.dumps(body).encode()


class TestOverTheNetwork:
    """The whole way: the exchange and the call over HTTP, in both colours."""

    def _answer(self, asked: Asked) -> tuple[int, Any]:
        return token(asked) if asked.path == "/identity/token" else (200, ANSWER)

    def test_a_key_is_exchanged_once_and_the_token_is_sent(self) -> None:
        with TokenServer(self._answer) as server, lingate.Lingate(env=watsonx(server.url)) as client:
            for _ in range(3):
                assert client.chat("watsonx/m", "hi").text == "hello"

        exchange, *calls = server.asked
        assert exchange.form == {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": KEY}
        assert exchange.headers["content-type"] == "application/x-www-form-urlencoded"
        assert [call.headers["authorization"] for call in calls] == ["Bearer tok-1"] * 3

    async def test_the_same_awaited_by_many_at_once(self) -> None:
        with TokenServer(self._answer) as server:
            async with lingate.AsyncLingate(env=watsonx(server.url)) as client:
                answers = await asyncio.gather(*(client.chat("watsonx/m", "hi") for _ in range(20)))

        assert {answer.text for answer in answers} == {"hello"}
        assert [asked.path for asked in server.asked].count("/identity/token") == 1

    async def test_clients_that_begin_at_once_have_a_token_each(self) -> None:
        def slow(asked: Asked) -> tuple[int, Any]:
            time.sleep(0.1 if asked.path == "/identity/token" else 0)
            return self._answer(asked)

        with TokenServer(slow) as server:
            clients = [lingate.AsyncLingate(env=watsonx(server.url), retries=0) for _ in range(3)]
            answers = await asyncio.gather(*(client.chat("watsonx/m", "hi") for client in clients))

        assert [answer.text for answer in answers] == ["hello"] * 3

    def test_a_stream_is_signed_too(self) -> None:
        chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}

        def answer(asked: Asked) -> tuple[int, Any]:
            return token(asked) if asked.path == "/identity/token" else (200, f"data: {json.dumps(chunk)}\n\n".encode())

        with TokenServer(answer) as server, lingate.Lingate(env=watsonx(server.url)) as client:
            stream = client.chat("watsonx/m", "hi", stream=True)
            assert "".join(piece.text for piece in stream) == "hi"

        assert server.asked[1].headers["authorization"] == "Bearer tok-1"

    @pytest.mark.parametrize("colour", ["sync", "async"])
    async def test_a_refused_key_is_an_error_that_does_not_hold_it(self, colour: str) -> None:
        refusal = {"errorCode": "BXNIM0415E", "errorMessage": f"Provided API key {KEY} could not be found."}
        with TokenServer(lambda _: (400, refusal)) as server, pytest.raises(AuthenticationError) as caught:
            if colour == "sync":
                await asyncio.to_thread(lingate.Lingate(env=watsonx(server.url)).chat, "watsonx/m", "hi")
            else:
                async with lingate.AsyncLingate(env=watsonx(server.url)) as client:
                    await client.chat("watsonx/m", "hi")

        assert (caught.value.status, caught.value.code) == (400, "BXNIM0415E")
        assert KEY not in str(caught.value)
        assert KEY not in str(caught.value.detail)
        assert len(server.asked) == 1

    @pytest.mark.parametrize("colour", ["sync", "async"])
    async def test_what_the_exchange_took_is_not_there_for_the_call(self, colour: str) -> None:
        def slow(asked: Asked) -> tuple[int, Any]:
            time.sleep(1.2 if asked.path == "/identity/token" else 1.5)
            return self._answer(asked)

        options: dict[str, Any] = {"timeout": 2, "retries": 0}  # enough for each of them, not for both
        with TokenServer(slow) as server, pytest.raises(RequestTimeoutError):
            if colour == "sync":
                blocking = lingate.Lingate(env=watsonx(server.url), **options)
                await asyncio.to_thread(blocking.chat, "watsonx/m", "hi")
            else:
                async with lingate.AsyncLingate(env=watsonx(server.url), **options) as client:
                    await client.chat("watsonx/m", "hi")

    @pytest.mark.parametrize("colour", ["sync", "async"])
    @pytest.mark.parametrize("stream", [False, True])
    async def test_a_token_that_is_refused_before_its_time_is_replaced_once(
        self, colour: str, stream: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = time.time()
        monkeypatch.setattr("lingate._io.signing.time", SimpleNamespace(time=lambda: now))
        tokens = [Reply({"access_token": f"t{n}", "expires_in": 3600}) for n in range(3)]
        replies = [tokens[0], Reply(ANSWER), Reply({}, 401), tokens[1], Reply(ANSWER), Reply({}, 401)]
        env, options = watsonx("https://x.example"), {"stream": True} if stream else {}
        blocking, awaited = FakeTransport(*replies), AsyncFakeTransport(*replies)
        one = lingate.Lingate(transport=blocking, env=env, retries=0)
        other = lingate.AsyncLingate(transport=awaited, env=env, retries=0)

        async def text() -> str:
            answer = one.chat("watsonx/m", "hi", **options) if colour == "sync" else None
            answer = answer or await other.chat("watsonx/m", "hi", **options)
            if stream:
                answer = answer.final() if colour == "sync" else await answer.final()
            return str(answer.text)

        assert await text() == "hello"
        now += 60
        assert await text() == "hello"
        with pytest.raises(AuthenticationError):
            await text()

        requests = (blocking if colour == "sync" else awaited).requests
        asked = ["token" if sent.url.endswith("/token") else "chat" for sent in requests]
        assert asked == ["token", "chat", "chat", "token", "chat", "chat"]
        assert requests[-1].headers["authorization"] == "Bearer t1"

    def test_nobody_there_is_a_connection_error(self) -> None:
        env = {**watsonx("http://127.0.0.1:9"), "WATSONX_API_BASE": "http://127.0.0.1:9"}

        with lingate.Lingate(env=env, retries=0) as client, pytest.raises(ConnectError):
            client.chat("watsonx/m", "hi")


class TestWhatIsPosted:
    def test_the_call_s_own_transport_sends_it(self) -> None:
        transport = FakeTransport(Reply({"access_token": "t", "expires_in": 60}), Reply(ANSWER))
        client = lingate.Lingate(transport=transport, env=watsonx("https://us-south.ml.cloud.ibm.com"))

        assert client.chat("watsonx/m", "hi").text == "hello"
        assert [sent.url.partition("?")[0] for sent in transport.requests] == [
            "https://us-south.ml.cloud.ibm.com/identity/token",
            "https://us-south.ml.cloud.ibm.com/ml/v1/text/chat",
        ]

    async def test_also_where_it_is_awaited(self) -> None:
        transport = AsyncFakeTransport(Reply({"access_token": "t", "expires_in": 60}), Reply(ANSWER))
        client = lingate.AsyncLingate(transport=transport, env=watsonx("https://us-south.ml.cloud.ibm.com"))

        assert (await client.chat("watsonx/m", "hi")).text == "hello"
        assert len(transport.requests) == 2

    def test_ibm_s_address_is_the_public_one_unless_it_is_told(self) -> None:
        made, request = signer_for("watsonx/m", {"WATSONX_APIKEY": KEY, "WATSONX_REGION": "us-south"})
        script = Script((200, {"access_token": "t", "expiration": time.time() + 3600}))

        made.exchange(script, request, time.time())

        assert script.requests[0].url == "https://iam.cloud.ibm.com/identity/token"

    def test_gigachat(self) -> None:
        made, request = signer_for("gigachat/m", {"GIGACHAT_CREDENTIALS": KEY, "GIGACHAT_SCOPE": "GIGACHAT_API_CORP"})
        script = Script((200, {"access_token": "t", "expires_at": int((time.time() + 1800) * 1000)}))

        made.exchange(script, request, time.time())
        made.prepare(time.time())

        [sent] = script.requests
        assert sent.url == "https://ngw.devices.sberbank.ru:9443/api/v2/oauth"
        assert sent.headers["authorization"] == f"Basic {KEY}"
        assert len(sent.headers["rquid"]) == 36
        assert sent.body == b"scope=GIGACHAT_API_CORP"
        assert made.sign(request, time.time()) == {"authorization": "Bearer t"}

    @pytest.mark.parametrize(
        "env",
        [
            {
                "AICORE_SERVICE_KEY": json.dumps(
                    {
                        "clientid": "id!b1|x",
                        "clientsecret": "s/1=",
                        "url": "https://auth.example",
                        "serviceurls": {"AI_API_URL": "https://api.example"},
                    }
                )
            },
            {
                "AICORE_CLIENT_ID": "id!b1|x",
                "AICORE_CLIENT_SECRET": "s/1=",
                "AICORE_AUTH_URL": "https://auth.example/oauth/token",
                "AICORE_BASE_URL": "https://api.example/v2",
            },
        ],
    )
    def test_sap(self, env: dict[str, str]) -> None:
        made, request = signer_for("sap/gpt-4o", {**env, "AICORE_DEPLOYMENT_ID": "d"})
        script = Script((200, {"access_token": "t", "expires_in": 43199}))

        made.exchange(script, request, time.time())

        [sent] = script.requests
        assert sent.url == "https://auth.example/oauth/token"
        assert sent.headers["authorization"] == "Basic " + b64encode(b"id!b1|x:s/1=").decode()
        assert sent.body == b"grant_type=client_credentials"

    def test_databricks_signs_in_where_the_model_is_unless_there_is_a_key(self) -> None:
        env = {
            "DATABRICKS_HOST": "https://adb.example",
            "DATABRICKS_CLIENT_ID": "id",
            "DATABRICKS_CLIENT_SECRET": "secret/",
        }
        made, request = signer_for("databricks/m", env)
        script = Script((200, {"access_token": "t", "expires_in": 3600}))

        made.exchange(script, request, time.time())

        assert script.requests[0].url == "https://adb.example/oidc/v1/token"
        assert script.requests[0].headers["authorization"] == "Basic " + b64encode(b"id:secret/").decode()
        assert script.requests[0].body == b"grant_type=client_credentials&scope=all-apis"
        assert resolve("databricks/m", env={**env, "DATABRICKS_TOKEN": "k"}, sign=signer).signer is None


class TestHowLongATokenIsUsed:
    def _signer(self) -> tuple[Any, HttpRequest]:
        return signer_for("watsonx/m", watsonx("https://x.example"))

    @pytest.mark.parametrize(
        ("told", "life"),
        [
            ({"expires_in": 3600}, 3600),
            ({"expires_in": "3600"}, 3600),
            ({"expiration": 1_000_003_600}, 3600),
            ({"expires_at": 1_000_003_600_000}, 3600),
            ({"expires_at": "1000003600"}, 3600),
            ({}, 300),
            ({"expires_in": None, "expires_at": "soon"}, 300),
            ({"expires_in": True}, 300),
        ],
    )
    def test_until_shortly_before_it_expires(self, told: Any, life: int) -> None:
        now = 1_000_000_000.0
        made, request = self._signer()
        made.exchange(Script((200, {"access_token": "t", **told})), request, now)

        margin = min(300, life / 2)
        assert made.ready(now + life - margin - 1)
        assert not made.ready(now + life - margin)

    @pytest.mark.parametrize("name", ["access_token", "tok", "token"])
    def test_the_token_may_have_other_names(self, name: str) -> None:
        made, request = self._signer()
        made.exchange(Script((200, {name: "t", "expires_in": 60})), request, 0.0)

        assert made.sign(request, 0.0) == {"authorization": "Bearer t"}

    def test_a_token_that_is_still_good_outlives_a_failure_to_renew_it(self) -> None:
        made, request = self._signer()
        script = Script((200, {"access_token": "old", "expires_in": 3600}), (503, b""), (200, {"access_token": "new"}))
        made.exchange(script, request, 0.0)

        made.exchange(script, request, 3400.0)
        assert made.sign(request, 3400.0) == {"authorization": "Bearer old"}
        made.exchange(script, request, 3500.0)
        assert made.sign(request, 3500.0) == {"authorization": "Bearer new"}

    def test_one_exchange_serves_all_threads_that_wait(self) -> None:
        made, request = self._signer()
        begun = threading.Event()
        sent: list[HttpRequest] = []

        def slow(asked: HttpRequest, limit: float) -> tuple[Head, bytes]:
            sent.append(asked)
            begun.wait(5)
            return Head(200, {}), b'{"access_token": "t", "expires_in": 60}'

        with ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(made.exchange, slow, request, 0.0) for _ in range(8)]
            time.sleep(0.1)
            begun.set()
            for one in waiting:
                one.result(5)

        assert len(sent) == 1

    def test_a_rotated_key_is_exchanged_anew(self) -> None:
        transport = FakeTransport(
            Reply({"access_token": "a", "expires_in": 3600}), Reply(ANSWER), Reply({"access_token": "b"}), Reply(ANSWER)
        )
        env = watsonx("https://x.example")
        client = lingate.Lingate(transport=transport, env=env)

        client.chat("watsonx/m", "hi")
        env["WATSONX_APIKEY"] = "another"
        client.chat("watsonx/m", "hi")

        assert [sent.headers.get("authorization") for sent in transport.requests] == [
            None,
            "Bearer a",
            None,
            "Bearer b",
        ]


class TestWhenThereIsNone:
    @pytest.mark.parametrize(
        ("reply", "kind", "retryable"),
        [
            ((401, {"error": "invalid_client", "error_description": "no"}), AuthenticationError, False),
            ((400, b"<html>"), AuthenticationError, False),
            ((429, {}), RateLimitError, True),
            ((500, b""), InternalServerError, True),
            ((200, {}), ProtocolError, False),
            ((200, b"[]"), ProtocolError, False),
            ((200, {"access_token": 5}), ProtocolError, False),
        ],
    )
    def test_the_reason_is_told(self, reply: Any, kind: Any, retryable: bool) -> None:
        made, request = signer_for("watsonx/m", watsonx("https://x.example"))

        with pytest.raises(kind) as caught:
            made.exchange(Script(reply), request, 0.0)
        assert caught.value.retryable is retryable
        assert caught.value.provider == "watsonx"

    def test_a_failed_exchange_is_tried_again_by_the_one_engine(self) -> None:
        transport = FakeTransport(Reply({}, 503), Reply({"access_token": "t", "expires_in": 60}), Reply(ANSWER))
        client = lingate.Lingate(transport=transport, env=watsonx("https://x.example"))

        answer = client.chat("watsonx/m", "hi")

        assert [attempt.kind for attempt in answer.attempts] == ["server_error", "ok"]

    @pytest.mark.parametrize(
        ("model", "env", "missing"),
        [
            ("watsonx/m", {"WATSONX_REGION": "x"}, "WATSONX_APIKEY"),
            ("gigachat/m", {}, "GIGACHAT_CREDENTIALS"),
            ("sap/m", {"AICORE_CLIENT_ID": "c", "AICORE_BASE_URL": "https://x", "AICORE_DEPLOYMENT_ID": "d"}, "secret"),
            ("databricks/m", {"DATABRICKS_HOST": "https://x", "DATABRICKS_CLIENT_ID": "c"}, "secret"),
        ],
    )
    def test_what_is_missing_is_named(self, model: str, env: dict[str, str], missing: str) -> None:
        with pytest.raises(MissingCredentialError, match=missing):
            resolve(model, env=env, sign=signer)

    def test_a_row_without_an_exchange_or_an_address_for_it(self) -> None:
        config = {"mine": {"url": "https://x.example", "auth": "oauth"}}
        with pytest.raises(ConfigError, match="no exchange"):
            resolve("mine/m", env={}, config=config, sign=signer)
        exchange = {"url": "{NOT_SET}", "form": {"key": "{key}"}}
        with pytest.raises(ConfigError, match="address where tokens are given"):
            resolve(
                "mine/m", env={}, config={"mine": {**config["mine"], "exchange": exchange}}, api_key="k", sign=signer
            )
        with pytest.raises(ConfigError, match=r"exchange\.url is missing"):
            resolve("mine/m", env={}, config={"mine": {**config["mine"], "exchange": {}}}, sign=signer)

    def test_a_user_s_own_row_may_have_an_exchange(self) -> None:
        exchange = {
            "url": "{origin}/token",
            "form": {"k": "{key}"},
            "headers": {"x-tenant": "{TENANT}", "x-no": "{NO}"},
        }
        config = {"mine": {"url": "https://x.example/v1", "auth": "oauth", "key_env": ["MINE"], "exchange": exchange}}
        to = resolve("mine/m", env={"MINE": "k1", "TENANT": "t"}, config=config, sign=signer)
        request = HttpRequest("POST", to.url, to.headers, b"", Call("chat", "m", {}), to)
        script = Script((200, {"token": "t"}))

        assert isinstance(to.signer, TokenSigner)
        to.signer.exchange(script, request, 0.0)

        [sent] = script.requests
        assert (sent.url, sent.body) == ("https://x.example/token", b"k=k1")
        assert sent.headers["x-tenant"] == "t"
        assert "x-no" not in sent.headers

    def test_without_a_transport_there_is_no_token(self) -> None:
        made, request = signer_for("watsonx/m", watsonx("https://x.example"))

        with pytest.raises(ConfigError, match="by the transport of a call"):
            made.sign(request, 0.0)

    def test_the_caller_s_own_authorization_needs_no_token(self) -> None:
        transport = FakeTransport(Reply(ANSWER))
        client = lingate.Lingate(transport=transport, env=watsonx("https://x.example"))

        client.chat("watsonx/m", "hi", extra_headers={"Authorization": "Bearer mine"})

        assert [sent.headers["Authorization"] for sent in transport.requests] == ["Bearer mine"]


def test_neither_key_nor_token_is_in_any_repr() -> None:
    made, request = signer_for("watsonx/m", watsonx("https://x.example"))
    transport = FakeTransport(Reply({"access_token": "tok-secret", "expires_in": 60}))

    headers = sign(request, 5.0, transport)

    assert headers == {"authorization": "Bearer tok-secret"}
    for text in (repr(made), repr(request), repr(request.target), repr(transport.requests[0])):
        assert KEY not in text
        assert "tok-secret" not in text
