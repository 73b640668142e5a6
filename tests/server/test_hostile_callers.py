"""Who has a cheap key, or is a provider, and wants more than that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate._dialects._format_choice import form_of
from lingate._dialects._redact import redact
from lingate._model import Call, Head
from lingate._providers.lookup import resolve
from lingate.errors import UnsupportedError
from lingate.server.access.oidc import read
from tests.effort import least_cpu
from tests.server.asking import ask, rows
from tests.server.gateway_kit import ADMIN, Running, running_gateway
from tests.server.raw_upstream import CHAT, chat, chunk, config, whole
from tests.servers import RawServer, Script

USED = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
MOST = 200_000
EVIL = "dear"


@pytest.fixture(scope="module")
def gateway(upstream: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    own = config(upstream.url, limits={"max_answer": MOST}, metrics_auth=True)
    with running_gateway(own, tmp_path_factory.mktemp("outsiders"), auth=True) as running:
        yield running


def key(gateway: Running, **fields: Any) -> dict[str, str]:
    """The header of a new key."""
    return {"authorization": f"Bearer {ask(gateway, '/admin/keys', fields, ADMIN).json()['token']}"}


class TestPathsOfAKey:
    @pytest.mark.parametrize("host", ["x/admin/spend?", "x/admin/spend#", "x/admin/spend/../", "[x", "x:y"])
    def test_are_not_written_into_the_host(self, gateway: Running, host: str) -> None:
        mine = key(gateway, admin=True, allowed_routes=["/admin/spend*"])
        answer = httpx2.get(f"{gateway.url}/admin/keys", headers={**mine, "host": host})
        assert answer.status_code == 403

    @pytest.mark.parametrize("path", ["/admin/keys/", "/admin/keys", "/key/list/", "/admin/teams/", "/admin/keys/x/"])
    def test_are_not_led_to_another_line(self, gateway: Running, path: str) -> None:
        answer = httpx2.get(gateway.url + path, headers={**ADMIN, "host": "elsewhere.example"})
        assert answer.status_code == (404 if "x" in path else 200)

    def test_that_only_tell_do_not_call_models_that_are_below_them(self, gateway: Running, upstream: RawServer) -> None:
        mine, before = key(gateway, allowed_routes=["info_routes"]), upstream.connections
        assert httpx2.get(f"{gateway.url}/v1/models/openai-x", headers=mine).status_code == 200
        called = ask(gateway, "/v1/models/openai-x:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}, mine)
        assert (called.status_code, upstream.connections) == (403, before)

    @pytest.mark.parametrize(
        ("limits", "status"),
        [
            ({}, 200),
            ({"allowed_routes": ["/metrics"]}, 200),
            ({"allowed_routes": ["/admin/*"]}, 403),
            ({"allowed_ips": ["10.0.0.1"]}, 403),
        ],
    )
    def test_and_its_addresses_hold_for_metrics_too(
        self, gateway: Running, limits: dict[str, Any], status: int
    ) -> None:
        mine = key(gateway, admin=True, **limits)
        assert httpx2.get(f"{gateway.url}/metrics", headers=mine).status_code == status


class TestTheModelThatIsAsked:
    @pytest.mark.parametrize(
        ("path", "more"), [(CHAT, {}), ("/v1/embeddings", {"input": "hello"})], ids=["chat", "vectors"]
    )
    def test_is_the_one_that_was_checked_whatever_a_format_has_beside_it(
        self, gateway: Running, upstream: RawServer, path: str, more: dict[str, Any]
    ) -> None:
        upstream.script = whole(USED)
        mine = key(gateway, models=["ollama-cheap"])
        beside = {
            "ollama": {"model": EVIL, "stream": True, "messages": [{"role": "user", "content": EVIL}], "keep_alive": 5}
        }
        ask(gateway, path, {**chat("ollama-cheap"), **more, "provider_specific_fields": beside}, mine)
        sent = json.loads(upstream.requests[-1])
        assert (sent["model"], sent["keep_alive"]) == ("sim-cheap", 5)
        assert EVIL not in str(sent)

    @pytest.mark.parametrize(
        "more",
        [
            {"models": ["openai-cheap", EVIL]},
            {"models": EVIL},
            {"providerOptions": {"gateway": {"models": [EVIL]}}},
            {"provider_specific_fields": {"openai": {"models": [EVIL]}}},
            {"tools": [{"type": "advisor", "name": "advisor", "model": EVIL}]},
        ],
    )
    def test_has_none_beside_it_that_the_key_may_not_use(
        self, gateway: Running, upstream: RawServer, more: dict[str, Any]
    ) -> None:
        upstream.script = whole(USED)
        asked = {**chat("openai-cheap"), **more}
        assert ask(gateway, CHAT, asked, key(gateway, models=["openai-cheap"])).status_code == 403
        assert ask(gateway, CHAT, asked, key(gateway, models=["openai-cheap", EVIL])).status_code == 200
        assert ask(gateway, CHAT, asked, key(gateway)).status_code == 200

    def test_of_each_text_of_many_is_the_one_of_the_path(self) -> None:
        target = resolve("gemini/cheap", env={}, api_key="k")
        own = [{"model": EVIL, "taskType": "X"}, {"content": EVIL}]
        call = Call(
            "embeddings", "cheap", {"input": ["a", "b"], "provider_specific_fields": {"gemini": {"requests": own}}}
        )
        sent = json.loads(form_of(target, "embeddings").request(call, target).body)
        assert [item["model"] for item in sent["requests"]] == ["models/cheap"] * 2
        assert sent["requests"][0]["taskType"] == "X"
        assert EVIL not in str(sent)

    def test_is_the_agent_where_agents_answer(self) -> None:
        target = resolve("langgraph/cheap", env={}, api_key="k", api_base="http://127.0.0.1:1")
        call = Call("chat", "cheap", {**chat("x"), "assistant_id": EVIL})
        with pytest.raises(UnsupportedError, match="assistant_id"):
            form_of(target, "chat").request(call, target)
        call.drop_params = True
        assert json.loads(form_of(target, "chat").request(call, target).body)["assistant_id"] == "cheap"


@pytest.mark.parametrize("many", [{"n": 100.0}, {"best_of": "100"}, {"generationConfig": {"candidateCount": "100"}}])
def test_a_number_of_answers_is_reserved_for_however_it_is_written(
    gateway: Running, upstream: RawServer, many: dict[str, Any]
) -> None:
    upstream.script = whole(USED)
    mine, asked = key(gateway, max_budget=1.0), chat("openai-x", max_tokens=20)
    assert ask(gateway, CHAT, asked, mine).status_code == 200
    assert ask(gateway, CHAT, {**asked, **many}, mine).json()["error"]["code"] == "budget_exceeded"


class TestAnUpstreamThatMeansHarm:
    @pytest.mark.parametrize(
        "piece", [b": still there\n\n", chunk({"role": "assistant"}), b"data: " + b"x" * 900, b"data: {}\r\n"]
    )
    def test_is_let_go_before_its_stream_begins(self, gateway: Running, upstream: RawServer, piece: bytes) -> None:
        upstream.script = Script([piece * 20] * (2 * MOST // len(piece * 20)), ending="stay")
        answer = ask(gateway, CHAT, chat("openai-x", stream=True), ADMIN)
        assert answer.status_code == 502

    @pytest.mark.parametrize(("model", "path"), [("openai-x", CHAT), ("openai-x", "/v1/messages")])
    def test_has_a_stream_that_never_ends_ended(
        self, gateway: Running, upstream: RawServer, model: str, path: str
    ) -> None:
        upstream.script = Script([chunk({"content": "x" * 1000})] * (2 * MOST // 1000), ending="stay")
        answer = ask(gateway, path, chat(model, stream=True, max_tokens=9), ADMIN)
        assert answer.status_code == 200
        assert MOST // 2 < len(answer.content) < 2 * MOST
        assert "could not be understood" in answer.text.rpartition("data:")[2]
        assert "[DONE]" not in answer.text
        assert "message_stop" not in answer.text

    @pytest.mark.parametrize(
        "kind", ["image/svg+xml", "application/xhtml+xml", "multipart/x-mixed-replace; boundary=a"]
    )
    def test_sends_no_sound_that_a_browser_takes_for_a_page(
        self, gateway: Running, upstream: RawServer, kind: str
    ) -> None:
        upstream.script = Script([b"<svg onload='alert(1)'/>"], headers={"content-type": kind})
        answer = ask(gateway, "/v1/audio/speech", {"model": "openai-x", "input": "a", "voice": "b"}, ADMIN)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")

    @pytest.mark.parametrize(
        ("place", "url", "followed"),
        [
            (None, "https://api.replicate.com/v1/predictions/1", True),
            (None, "https://stream.replicate.com/1", True),
            (None, "http://api.replicate.com/v1/predictions/1", False),
            (None, "https://replicate.example/1", False),
            (None, "https://169.254.169.254/latest/meta-data", False),
            (None, "https://me@stream.replicate.com/1", False),
            (None, "https://stream.replicate.com:8080/1", False),
            (None, "https://elsewhere.example\\.replicate.com/1", False),
            (None, "https://elsewhere.example#.replicate.com/1", False),
            (None, "https://[", False),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/1", True),
            ("http://127.0.0.1:8000", "http://127.0.0.1:4000/1", False),
            ("https://127.0.0.1", "https://10.0.0.1/1", False),
        ],
    )
    def test_leads_no_further_than_to_its_own_hosts(self, place: str | None, url: str, followed: bool) -> None:
        target = resolve("replicate/owner/name", env={}, api_key="k", api_base=place)
        form: Any = form_of(target, "chat")
        sent = form.request(Call("chat", target.model, {"messages": chat("x")["messages"]}), target)
        body = json.dumps({"status": "starting", "urls": {"get": url}}).encode()
        found = form.further(sent, Head(201, {}), body)
        assert (None if found is None else found.request.url) == (url if followed else None)

    @pytest.mark.parametrize("said", ["r" * 9000, "an sk-up of ours"], ids=["long", "a key"])
    def test_names_its_answer_as_it_may_be_written_down(self, gateway: Running, upstream: RawServer, said: str) -> None:
        upstream.script = whole(USED)
        upstream.script.headers = {**upstream.script.headers, "x-request-id": said}
        assert ask(gateway, CHAT, chat("openai-x"), ADMIN).status_code == 200
        found = rows(gateway)[-1]["request_id"]
        assert len(found) <= 200
        assert "sk-up" not in found

    @pytest.mark.parametrize(
        "text", ["eyJ-", "eyJa_", "Bearer ", "https://a:", "sk-", "key=", "-", "key ", "key  is  : ", "ark_", "key\n1"]
    )
    def test_costs_no_time_by_what_its_errors_say(self, text: str) -> None:
        said = text * (16_000 // len(text))
        assert least_cpu(redact, said, ("sk-up",)) < 0.25

    def test_sends_no_transcript_that_a_browser_takes_for_a_page(self, gateway: Running, upstream: RawServer) -> None:
        upstream.script = Script([b"<x/>"], headers={"content-type": "text/xml"})
        answer = httpx2.post(
            f"{gateway.url}/v1/audio/transcriptions",
            headers=ADMIN,
            data={"model": "openai-x", "response_format": "text"},
            files={"file": ("a.wav", b"RIFF")},
        )
        assert (answer.status_code, answer.text) == (200, "<x/>")
        assert answer.headers["content-type"].startswith("text/plain")


async def test_keys_of_an_issuer_are_not_followed_to_where_anybody_can_change_them(tmp_path: Path) -> None:
    there = {"location": "http://127.0.0.2:9/keys"}
    with RawServer(Script([], status=302, headers=there)) as server:
        with pytest.raises(ValueError, match="https"):
            await read(f"{server.url}/keys")
        server.script = Script([b"{}"])
        assert await read(f"{server.url}/keys") == b"{}"


def test_limits_by_model_hold_however_a_provider_is_spelt(upstream: RawServer, tmp_path: Path) -> None:
    upstream.script = whole(USED)
    base = {"api_base": f"{upstream.url}/v1", "api_key": "sk-up"}
    own = json.dumps({"lingate": {"providers": {"openai": base, "together_ai": base}, "unpriced": "allow"}})
    with running_gateway(own, tmp_path, auth=True, env={}) as gateway:
        mine = key(gateway, model_rpm_limit={"openai/gpt-4o": 1, "together_ai/*": 1})
        names = ["OpenAI/gpt-4o", "openai/gpt-4o", "OPENAI/gpt-4o", "TOGETHER/x", "together/y", "together_ai/z"]
        assert [ask(gateway, CHAT, chat(name), mine).status_code for name in names] == [200, 429, 429] * 2


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_a_limit_of_the_keys_own_is_told_as_that(gateway: Running, upstream: RawServer, path: str) -> None:
    upstream.script = whole(USED)
    mine, asked = key(gateway, alias=f"slow{len(path)}", rpm_limit=1), chat("openai-x", max_tokens=9)
    assert ask(gateway, path, asked, mine).status_code == 200
    refused = ask(gateway, path, asked, mine)
    assert refused.status_code == 429
    assert f"key slow{len(path)} may use 1 requests a minute" in refused.json()["error"]["message"]
