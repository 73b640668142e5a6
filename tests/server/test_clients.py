"""What the programs do that people point at a gateway: the addresses they make, what they ask first, how they send it."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import types as google_types

from tests.server.asking import ask
from tests.server.client_kit import HI, chat, clients_gateway
from tests.server.gateway_kit import ADMIN, MASTER, Running

PAGE = {"origin": "https://app.example"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with clients_gateway(tmp_path_factory.mktemp("clients")) as running:
        yield running


def say(gateway: Running, method: str, path: str, **more: Any) -> httpx2.Response:
    headers = {**ADMIN, **more.pop("headers", {})}
    return httpx2.request(method, gateway.url + path, headers=headers, timeout=20, **more)


class TestAddresses:
    @pytest.mark.parametrize("base", ["", "/", "/v1", "/v1/", "/v1/v1", "//v1", "/cursor", "/openai/v1", "/openai/v1/"])
    def test_of_openais_clients_are_written_in_many_ways(self, gateway: Running, base: str) -> None:
        with openai.OpenAI(base_url=gateway.url + base, api_key=MASTER, max_retries=0) as client:
            answer = client.chat.completions.create(model="org/model", messages=HI)
            assert "hello" in (answer.choices[0].message.content or "")
            assert "org/model" in [model.id for model in client.models.list()]

    @pytest.mark.parametrize("path", ["/v1/chat/completions/", "/v1/chat/completions//", "//v1//chat/completions"])
    def test_with_too_many_slashes_are_the_same_ones(self, gateway: Running, path: str) -> None:
        assert ask(gateway, path, chat(), ADMIN).status_code == 200

    @pytest.mark.parametrize("path", ["/v1beta/openai/chat/completions", "/v1/engines/org/model/chat/completions"])
    def test_of_openais_clients_at_other_hosts_are_known_too(self, gateway: Running, path: str) -> None:
        assert ask(gateway, path, chat("org/model"), ADMIN).status_code == 200

    @pytest.mark.parametrize("base", ["", "/", "/v1", "/anthropic", "/anthropic/v1/"])
    def test_of_anthropics_clients(self, gateway: Running, base: str) -> None:
        with anthropic.Anthropic(base_url=gateway.url + base, api_key=MASTER, max_retries=0) as client:
            assert client.messages.create(model="org/model", max_tokens=9, messages=HI).content

    def test_of_azures_package_are_openais_with_its_name_before_them(self, gateway: Running) -> None:
        with openai.AzureOpenAI(
            azure_endpoint=gateway.url, api_key=MASTER, api_version="2024-10-21", max_retries=0
        ) as client:
            assert client.chat.completions.create(model="org/model", messages=HI).choices
            assert "hello" in client.responses.create(model="openai-large", input="hello").output_text

    @pytest.mark.parametrize("said", ["gpt-4", "openai-large", None])
    def test_of_azures_package_say_the_model_whatever_the_body_says(self, gateway: Running, said: str | None) -> None:
        for path, more in (("chat/completions", {"messages": HI}), ("embeddings", {"input": "hello"})):
            answer = ask(gateway, f"/openai/deployments/org/model/{path}?api-version=1", {"model": said, **more}, ADMIN)
            assert (
                answer.headers["x-lingate-model-id"]
                == ask(gateway, f"/v1/{path}", {"model": "org/model", **more}, ADMIN).headers["x-lingate-model-id"]
            )

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/projects/p/locations/l/publishers/google/models/openai-large:generateContent",
            "/v1beta1/publishers/google/models/openai-large:generateContent",
            "/v1/v1beta/models/openai-large:generateContent",
            "/gemini/v1beta/models/openai-large:generateContent",
            "/v1beta/v1beta/models/openai-large:generateContent",
            "/models/openai-large:generateContent",
            "/v1beta/models/org%2Fmodel:generateContent",
            "/v1beta/models/org/model:generateContent",
        ],
    )
    def test_of_googles_clients_are_those_of_its_cloud_too(self, gateway: Running, path: str) -> None:
        answer = ask(gateway, path, {"contents": [{"parts": [{"text": "hello"}]}]}, ADMIN)
        assert "hello" in answer.json()["candidates"][0]["content"]["parts"][0]["text"]

    def test_written_another_way_are_no_way_around_what_a_key_may_call(self, gateway: Running) -> None:
        made = ask(gateway, "/admin/keys", {"allowed_routes": ["/v1/chat/completions"]}, ADMIN)
        key = {"authorization": f"Bearer {made.json()['token']}"}
        embedding = {"model": "openai-embed", "input": "a"}
        assert ask(gateway, "/v1/v1/chat/completions/", chat(), key).status_code == 200
        assert ask(gateway, "/openai/v1/chat/completions", chat(), key).status_code == 200
        for path in (
            "/v1/embeddings",
            "/v1/embeddings/",
            "/v1/v1/embeddings",
            "/openai/v1/embeddings",
            "//v1/embeddings",
        ):
            assert ask(gateway, path, embedding, key).status_code == 403


class TestWhatNobodyIsThereFor:
    @pytest.mark.parametrize(
        ("path", "said"),
        [
            ("/v1/nothing", lambda told: (told["error"]["type"], told["error"]["code"])),
            ("/v1/messages/batches", lambda told: (told["type"], told["error"]["type"])),
            ("/v1beta/nothing", lambda told: (told["error"]["code"], told["error"]["status"])),
            ("/v1beta/models/x:predict", lambda told: (told["error"]["code"], told["error"]["status"])),
            ("/api/pull", tuple),
        ],
        ids=["openai", "anthropic", "gemini", "gemini-method", "ollama"],
    )
    def test_is_told_in_the_format_spoken_there(self, gateway: Running, path: str, said: Any) -> None:
        expected = {
            "/v1/nothing": ("invalid_request_error", None),
            "/v1/messages/batches": ("error", "not_found_error"),
            "/api/pull": ("error",),
        }
        answer = ask(gateway, path, {}, ADMIN)
        assert answer.status_code == 404
        assert said(answer.json()) == expected.get(path, (404, "NOT_FOUND"))

    @pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat", "/v1/responses"])
    def test_by_another_method_is_told_by_405_and_which_one_it_takes(self, gateway: Running, path: str) -> None:
        answer = say(gateway, "GET", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        told = answer.json()["error"]
        assert "POST only" in (told if isinstance(told, str) else told["message"])

    def test_by_a_websocket_is_told_by_426_which_sends_coding_agents_to_http_at_once(self, gateway: Running) -> None:
        wanted = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        answer = say(
            gateway, "GET", "/v1/responses", headers={**wanted, "sec-websocket-key": "dGVzdHRlc3R0ZXN0dGVzdA=="}
        )
        assert answer.status_code == 426
        assert ask(gateway, "/v1/responses", {"model": "openai-large", "input": "hello"}, ADMIN).status_code == 200

    @pytest.mark.parametrize("path", ["/", "/v1/models", "/api/tags", "/v1beta/models", "/api/version", "/health/live"])
    def test_a_head_is_answered_where_the_whole_would_be(self, gateway: Running, path: str) -> None:
        answer = say(gateway, "HEAD", path)
        assert (answer.status_code, answer.content) == (200, b"")

    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/v1/chat/completions", lambda told: told["error"]["code"]),
            ("/v1/messages", lambda told: told["error"]["type"]),
            ("/v1beta/models/openai-large:generateContent", lambda told: told["error"]["code"]),
            ("/api/chat", lambda told: told["error"]),
        ],
        ids=["openai", "anthropic", "gemini", "ollama"],
    )
    def test_what_is_too_large_is_told_in_each_format(self, gateway: Running, path: str, kind: Any) -> None:
        answer = ask(gateway, path, chat(user="x" * 30_000), ADMIN)
        assert answer.status_code == 413
        assert kind(answer.json()) in ("request_too_large", 413, "the request's body is larger than 20000 bytes")


class TestBodies:
    DATA = json.dumps(chat()).encode()

    @pytest.mark.parametrize(
        ("encoding", "packed"),
        [
            ("gzip", gzip.compress(DATA)),
            ("gzip", gzip.compress(DATA[:9]) + gzip.compress(DATA[9:])),
            ("X-Gzip", gzip.compress(DATA)),
            ("deflate", zlib.compress(DATA)),
            ("deflate", zlib.compress(DATA, wbits=-15)),
            ("identity", DATA),
        ],
        ids=["gzip", "two members", "its old name", "deflate", "without its frame", "as it is"],
    )
    def test_may_be_compressed(self, gateway: Running, encoding: str, packed: bytes) -> None:
        answer = say(gateway, "POST", "/v1/chat/completions", content=packed, headers={"content-encoding": encoding})
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("encoding", "packed", "status"),
        [
            ("identity", b'{"model": "caf\xe9"}', 400),
            ("gzip", DATA, 400),
            ("gzip", gzip.compress(DATA)[:-9], 400),
            ("gzip", gzip.compress(b"") * 20 + gzip.compress(DATA), 400),
            ("deflate", b"\x00\x01\x02", 400),
            ("zstd", DATA, 415),
            ("gzip", gzip.compress(b" " * 100_000 + DATA), 413),
        ],
        ids=[
            "not in UTF-8",
            "not at all",
            "cut",
            "in twenty pieces",
            "broken",
            "in a way nobody knows",
            "more than there may be",
        ],
    )
    def test_that_are_not_what_they_say_are_refused(
        self, gateway: Running, encoding: str, packed: bytes, status: int
    ) -> None:
        answer = say(gateway, "POST", "/v1/messages", content=packed, headers={"content-encoding": encoding})
        assert (answer.status_code, answer.json()["type"]) == (status, "error")

    @pytest.mark.parametrize(
        ("version", "headers"),
        [
            (10, {}),
            (10, {"content-type": "text/plain"}),
            (11, {}),
            (11, {"content-type": "text/plain"}),
            (11, {"transfer-encoding": "chunked"}),
            (11, {"expect": "100-continue"}),
        ],
        ids=str,
    )
    def test_come_in_every_way_that_http_has(self, gateway: Running, version: int, headers: dict[str, str]) -> None:
        address = urlsplit(gateway.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
        connection._http_vsn, connection._http_vsn_str = version, f"HTTP/1.{version - 10}"  # type: ignore[attr-defined]
        body: Any = [self.DATA[:9], self.DATA[9:]] if "transfer-encoding" in headers else self.DATA
        # Absolute-form, as clients of a proxy write it.
        connection.request(
            "POST",
            f"{gateway.url}/v1/chat/completions",
            body,
            {**ADMIN, **headers},
            encode_chunked="transfer-encoding" in headers,
        )
        answer = connection.getresponse()
        assert (answer.status, b"hello" in answer.read()) == (200, True)
        connection.close()


class TestBrowsers:
    def test_may_send_what_the_vendors_packages_send_from_there(self, gateway: Running) -> None:
        asked = "authorization,content-type,x-stainless-os,x-stainless-retry-count,anthropic-dangerous-direct-browser-access"
        wanted = {**PAGE, "access-control-request-method": "POST", "access-control-request-headers": asked + ",x-evil"}
        answer = say(gateway, "OPTIONS", "/v1/chat/completions", headers=wanted)
        allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].split(",")}
        assert answer.status_code == 204
        assert set(asked.split(",")) <= allowed
        assert "x-evil" not in allowed

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/admin/keys"),
            ("GET", "/api/version"),
            ("GET", "/v1/models"),
            ("GET", "/v1/none"),
            ("POST", "/api/show"),
        ],
    )
    def test_may_read_every_answer(self, gateway: Running, method: str, path: str) -> None:
        answer = say(gateway, method, path, headers=PAGE, json={"model": "org/model"} if method == "POST" else None)
        assert answer.headers["access-control-allow-origin"] == PAGE["origin"]


class TestModels:
    def test_one_is_looked_up_by_each_package_also_where_only_a_pattern_stands_for_it(self, gateway: Running) -> None:
        for name in ("org/model", "openai-large"):
            with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=MASTER, max_retries=0) as client:
                assert client.models.retrieve(name).id == name
            with anthropic.Anthropic(base_url=gateway.url, api_key=MASTER, max_retries=0) as other:
                assert other.models.retrieve(name).id == name

    @pytest.mark.parametrize("version", ["v1beta", "v1"])
    def test_of_googles_package_say_what_they_can_do(self, gateway: Running, version: str) -> None:
        options = google_types.HttpOptions(base_url=gateway.url, api_version=version)
        client = genai.Client(api_key=MASTER, http_options=options)
        listed = {model.name: model.supported_actions for model in client.models.list()}
        assert "generateContent" in (listed["models/org/model"] or ())
        assert client.models.get(model="openai-large").name == "models/openai-large"
        client.close()

    def test_that_a_key_may_not_use_are_not_looked_up(self, gateway: Running) -> None:
        made = ask(gateway, "/admin/keys", {"models": ["gemini-*"]}, ADMIN).json()
        key = {"authorization": f"Bearer {made['token']}"}
        status = {
            name: say(gateway, "GET", f"/v1/models/{name}", headers=key).status_code
            for name in ("org/model", "gemini-x")
        }
        assert status == {"org/model": 404, "gemini-x": 200}


class TestKeys:
    def test_the_gateways_own_header_comes_before_a_vendors_token(self, gateway: Running) -> None:
        # As of programs that are signed in with a vendor, and name their key for the gateway beside that.
        theirs = {"authorization": "Bearer sk-ant-oat01-something"}
        for own in (MASTER, f"Bearer {MASTER}"):
            assert ask(gateway, "/v1/chat/completions", chat(), {**theirs, "x-litellm-api-key": own}).is_success
        assert ask(gateway, "/v1/chat/completions", chat(), theirs).status_code == 401

    @pytest.mark.parametrize("other", ["Basic eDp5", "Bearer"])
    def test_a_sign_in_that_is_for_a_proxy_is_passed_over(self, gateway: Running, other: str) -> None:
        both = {"authorization": other, "x-api-key": MASTER}
        assert ask(gateway, "/v1/chat/completions", chat(), both).is_success
        assert ask(gateway, "/v1/chat/completions", chat(), {"authorization": other}).status_code == 401
