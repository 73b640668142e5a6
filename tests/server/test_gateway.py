"""The gateway as its clients see it: who may call, what is listed, what an answer's head says, what is written down."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.server import asgi
from lingate.server.config import load
from lingate.server.gateway import Gateway
from lingate.server.store import Store
from lingate.simulator import Simulator
from tests.server.gateway_kit import ADMIN, MASTER, Running, running_gateway
from tests.server.ledger_rows import rows_of
from tests.servers import RawServer, Script


def _entry(name: str, model: str, base: str, **params: Any) -> dict[str, Any]:
    upstream = {"model": model, "api_base": base, "api_key": "sk-upstream-secret", "max_retries": 0}
    return {"model_name": name, "litellm_params": {**upstream, **params}}


def _config(simulator: str, **more: Any) -> str:
    models = [
        _entry("gpt", "openai/sim-large", f"{simulator}/v1"),
        _entry("claude", "anthropic/sim-large", simulator),
        _entry("gemini", "gemini/sim-large", f"{simulator}/v1beta"),
        _entry("failing", "openai/sim-fault-500", f"{simulator}/v1"),
        _entry("slow", "openai/sim-first-2000", f"{simulator}/v1"),
        _entry("silent", "openai/sim-delay-700", f"{simulator}/v1"),
        _entry("flaky", "openai/sim-fault-500-flaky-1", f"{simulator}/v1", max_retries=1),
    ]
    return json.dumps({"model_list": models, **more})


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    own = {"forward_headers": ["x-team-*"], "cors": {"allow_origins": ["https://app.example.com"]}}
    settings = {"sse_keepalive_ping_interval_seconds": 0.2}
    path: Path = tmp_path_factory.mktemp("gateway")
    config = _config(simulator.url, lingate=own, litellm_settings=settings)
    with running_gateway(config, path, auth=True) as running:
        yield running


def ask(
    gateway: Running, model: str = "gpt", *, headers: dict[str, str] | None = None, **fields: Any
) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **fields}
    return httpx2.post(
        f"{gateway.url}/v1/chat/completions", json=body, headers={**ADMIN, **(headers or {})}, timeout=30
    )


class TestWhoMayCall:
    @pytest.mark.parametrize(
        "headers",
        [
            {"authorization": f"Bearer {MASTER}"},
            {"Authorization": f"bearer {MASTER}"},
            {"AUTHORIZATION": MASTER},
            {"x-api-key": MASTER},
            {"x-goog-api-key": MASTER},
            {"api-key": MASTER},
            {"x-litellm-api-key": MASTER},
        ],
        ids=lambda headers: next(iter(headers)),
    )
    def test_a_key_is_taken_wherever_the_vendors_packages_put_it(
        self, gateway: Running, headers: dict[str, str]
    ) -> None:
        assert httpx2.get(f"{gateway.url}/v1/models", headers=headers).status_code == 200

    def test_googles_clients_may_put_it_into_the_query(self, gateway: Running) -> None:
        assert httpx2.get(f"{gateway.url}/v1beta/models?key={MASTER}").status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"authorization": "Bearer sk-wrong"},
            {"authorization": "Basic eDp5"},
            {"x-api-key": ""},
        ],
        ids=["none", "wrong", "basic", "empty"],
    )
    @pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat", "/admin/keys"])
    def test_anything_else_is_refused_with_401(self, gateway: Running, path: str, headers: dict[str, str]) -> None:
        answer = httpx2.post(f"{gateway.url}{path}", json={}, headers=headers)
        assert answer.status_code == 401
        assert "error" in answer.json() or "detail" in answer.json()

    def test_who_has_no_key_leaves_nothing_in_the_ledger_and_learns_nothing(self, gateway: Running) -> None:
        before = len(rows_of(gateway))
        assert ask(gateway, headers={"authorization": "Bearer sk-wrong"}).status_code == 401
        assert len(rows_of(gateway)) == before
        told = httpx2.get(f"{gateway.url}/health/ready").text
        assert str(gateway.state) not in told
        assert str(gateway.config) not in told

    def test_what_the_owner_is_warned_of_is_for_the_owner(self, simulator: Simulator, tmp_path: Path) -> None:
        env = {"LINGATE_MASTER_KEY": "short"}
        with running_gateway(_config(simulator.url), tmp_path, auth=True, env=env) as running:
            owner = {"authorization": "Bearer short"}
            told = httpx2.get(f"{running.url}/admin/status", headers=owner).json()["facts"]["config"]["warnings"]
            assert "can be guessed" in told[0]
            assert "guessed" not in httpx2.get(f"{running.url}/health/ready").text

    def test_a_wrong_key_is_refused_with_401_also_without_a_database(
        self, simulator: Simulator, tmp_path: Path
    ) -> None:
        away = "postgresql://nobody:nothing@127.0.0.1:9/none"
        with running_gateway(_config(simulator.url), tmp_path, auth=True, database=away) as running:
            assert ask(running, headers={"authorization": "Bearer sk-wrong"}).status_code == 401
            assert ask(running).status_code == 200


class TestWhatIsListed:
    @pytest.mark.parametrize(
        ("path", "headers", "names"),
        [
            ("/v1/models", {}, lambda told: [item["id"] for item in told["data"]]),
            ("/models", {"anthropic-version": "2023-06-01"}, lambda told: [item["id"] for item in told["data"]]),
            ("/v1beta/models", {}, lambda told: [item["name"].removeprefix("models/") for item in told["models"]]),
            ("/api/tags", {}, lambda told: [item["name"] for item in told["models"]]),
        ],
        ids=["openai", "anthropic", "gemini", "ollama"],
    )
    def test_models_in_each_format(self, gateway: Running, path: str, headers: dict[str, str], names: Any) -> None:
        told = httpx2.get(f"{gateway.url}{path}", headers={**ADMIN, **headers}).json()
        assert {"gpt", "claude", "gemini"} <= set(names(told))

    def test_one_model(self, gateway: Running) -> None:
        assert httpx2.get(f"{gateway.url}/v1/models/claude", headers=ADMIN).json()["id"] == "claude"
        assert httpx2.get(f"{gateway.url}/v1/models/nobody", headers=ADMIN).status_code == 404
        shown = httpx2.post(f"{gateway.url}/api/show", json={"model": "claude"}, headers=ADMIN)
        assert "capabilities" in shown.json()

    def test_a_key_sees_only_the_models_it_may_use(self, gateway: Running) -> None:
        made = httpx2.post(f"{gateway.url}/admin/keys", json={"models": ["cl*"]}, headers=ADMIN).json()
        key = {"authorization": f"Bearer {made['token']}"}
        told = httpx2.get(f"{gateway.url}/v1/models", headers=key).json()
        assert [item["id"] for item in told["data"]] == ["claude"]
        assert ask(gateway, "claude", headers=key).status_code == 200
        assert ask(gateway, "gpt", headers=key).status_code == 403
        assert ask(gateway, "claude", headers=key, fallbacks=["gpt"]).status_code == 403

    def test_health_and_version_need_no_key(self, gateway: Running) -> None:
        for path in ("/health/live", "/health/ready", "/api/version", "/"):
            assert httpx2.get(f"{gateway.url}{path}").status_code == 200
        assert httpx2.get(f"{gateway.url}/api/version").json()["version"]


class TestAnAnswer:
    def test_says_which_call_it_is_who_answered_and_what_it_cost(self, gateway: Running) -> None:
        answer = ask(gateway)
        head = answer.headers
        row = rows_of(gateway, id=head["x-lingate-call-id"])[0]
        assert head["x-litellm-call-id"] == head["x-lingate-call-id"]
        assert head["x-lingate-model-id"] == head["x-litellm-model-id"] == row["deployment"]
        assert (row["provider"], row["provider_model"], row["model"]) == ("openai", "sim-large", "gpt")
        assert row["prompt_tokens"] == answer.json()["usage"]["prompt_tokens"]
        assert row["completion_tokens"] == answer.json()["usage"]["completion_tokens"]
        assert (row["status"], row["error"], row["finish"], row["attempts"]) == (200, None, "stop", 1)
        assert 0 < row["upstream"] < row["seconds"]

    @pytest.mark.parametrize("stream", [False, True])
    def test_is_what_the_provider_sent_where_both_speak_the_same_format(
        self, gateway: Running, simulator: Simulator, stream: bool
    ) -> None:
        body = {
            "model": "sim-large",
            "max_tokens": 50,
            "stream": stream,
            "messages": [{"role": "user", "content": "hi"}],
        }
        direct = httpx2.post(f"{simulator.url}/v1/messages", json=body, headers={"x-api-key": "any"})
        relayed = httpx2.post(f"{gateway.url}/v1/messages", json={**body, "model": "claude"}, headers=ADMIN)
        assert relayed.content == direct.content.replace(b'"sim-large"', b'"claude"', 1)

    def test_keeps_fields_that_nobody_here_knows(self, tmp_path: Path) -> None:
        body = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "brand_new": {"a": [1, 2.50]},
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "hi", "odd": 1}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "other": 3},
        }
        sent = json.dumps(body).encode()
        script = Script([sent], headers={"content-type": "application/json"})
        with (
            RawServer(script) as raw,
            running_gateway(
                json.dumps({"model_list": [_entry("raw", "openai/raw", f"{raw.url}/v1")]}), tmp_path
            ) as running,
        ):
            assert ask(running, "raw").content == sent

    def test_tells_anthropics_clients_the_version_of_a_model_that_they_call_by_its_own_name(
        self, tmp_path: Path
    ) -> None:
        body = {"id": "x", "type": "message", "role": "assistant", "model": "claude-9-20260101", "content": []}
        sent = json.dumps(
            {**body, "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}
        ).encode()
        with RawServer(Script([sent], headers={"content-type": "application/json"})) as raw:
            groups = [_entry(name, "anthropic/claude-9", raw.url) for name in ("claude-9", "mine")]
            with running_gateway(json.dumps({"model_list": groups}), tmp_path) as running:
                asked = {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
                told = [
                    httpx2.post(f"{running.url}/v1/messages", json={**asked, "model": name}, headers=ADMIN).json()[
                        "model"
                    ]
                    for name in ("claude-9", "mine")
                ]
        assert told == ["claude-9-20260101", "mine"]

    def test_to_whom_it_was_given_is_written_down(self, gateway: Running) -> None:
        answer = ask(
            gateway,
            user="end-user-7",
            metadata={"tags": ["blue"], "kept": "yes"},
            headers={"x-lingate-tags": "red, green"},
        )
        row = rows_of(gateway, id=answer.headers["x-lingate-call-id"])[0]
        assert row["end_user"] == "end-user-7"
        assert set(json.loads(row["tags"])) == {"blue", "red", "green"}

    def test_streams_are_kept_alive_while_the_provider_is_silent(self, gateway: Running) -> None:
        answer = ask(gateway, "silent", stream=True, max_tokens=6)
        assert b": keep-alive\n\n" in answer.content
        assert answer.content.endswith(b"data: [DONE]\n\n")
        for line in answer.text.split("\n\n"):
            assert line == "" or line.startswith((":", "data: {", "data: [DONE]"))

    def test_browsers_of_listed_sites_may_read_it(self, gateway: Running) -> None:
        allowed = {"origin": "https://app.example.com"}
        assert ask(gateway, headers=allowed).headers["access-control-allow-origin"] == "https://app.example.com"
        assert "access-control-allow-origin" not in ask(gateway, headers={"origin": "https://evil.example"}).headers
        asked = httpx2.options(f"{gateway.url}/v1/chat/completions", headers=allowed)
        assert asked.status_code == 204
        assert "authorization" in asked.headers["access-control-allow-headers"]

    def test_only_listed_headers_reach_the_provider(self, gateway: Running, simulator: Simulator) -> None:
        ask(gateway, headers={"x-team-name": "blue", "x-other": "no", "cookie": "a=b"})
        sent = simulator.requests()[-1].headers
        assert sent["x-team-name"] == "blue"
        assert "x-other" not in sent
        assert "cookie" not in sent
        assert MASTER not in json.dumps(dict(sent))


def test_an_answer_has_a_time_also_where_the_provider_gives_none(gateway: Running) -> None:
    began = int(time.time())
    whole = ask(gateway, "claude").json()
    chunks = ask(gateway, "claude", stream=True).text.split("\n\n")
    assert began <= whole["created"] <= time.time()
    assert began <= json.loads(chunks[0].removeprefix("data: "))["created"] <= time.time()


class TestErrors:
    def test_hold_nothing_of_what_the_provider_said(self, gateway: Running) -> None:
        answer = ask(gateway, "failing")
        assert answer.status_code == 502
        assert answer.json()["error"]["message"] == "The provider failed."

    def test_of_unknown_models_are_404(self, gateway: Running) -> None:
        answer = ask(gateway, "gpt-nobody")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "model_not_found"
        assert answer.headers["x-should-retry"] == "false"

    def test_of_unknown_models_name_the_closest_that_the_caller_may_use(self, gateway: Running) -> None:
        made = httpx2.post(f"{gateway.url}/admin/keys", json={"models": ["failing"]}, headers=ADMIN)
        bound = {"authorization": f"Bearer {made.json()['token']}"}
        told = [ask(gateway, "cloude", headers=headers).json()["error"]["message"] for headers in (ADMIN, bound)]
        listed = httpx2.get(f"{gateway.url}/v1/models/cloude", headers=bound).json()

        assert told == [
            "no model is named 'cloude' here; did you mean 'claude'?",
            "no model is named 'cloude' here; known are failing",
        ]
        assert listed["error"]["message"] == told[1]


class TestWishesOfACaller:
    def test_a_time_out_ends_the_call(self, gateway: Running) -> None:
        assert ask(gateway, "slow", timeout=0.3).status_code == 504  # 200, had it waited

    def test_a_time_out_by_header_is_the_same(self, gateway: Running) -> None:
        assert ask(gateway, "slow", headers={"x-litellm-timeout": "0.3"}).status_code == 504

    def test_fallbacks_stand_in(self, gateway: Running) -> None:
        answer = ask(gateway, "failing", fallbacks=["claude"])
        assert answer.status_code == 200
        row = rows_of(gateway, id=answer.headers["x-lingate-call-id"])[0]
        assert (row["provider"], row["fallbacks"]) == ("anthropic", 1)

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_fallback_goes_by_its_own_name(self, gateway: Running, stream: bool) -> None:
        body = {"max_tokens": 50, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
        names = [
            re.search(r'"model": ?"(.+?)"', httpx2.post(f"{gateway.url}/v1/messages", json=more, headers=ADMIN).text)
            for more in ({**body, "model": "claude"}, {**body, "model": "failing", "fallbacks": ["claude"]})
        ]
        assert [name and name[1] for name in names] == ["claude", "sim-large"]

    def test_retries_are_made_as_often_as_asked(self, gateway: Running, simulator: Simulator) -> None:
        before = simulator.stats()["requests"]["total"]
        ask(gateway, "failing", num_retries=0, headers={"x-sim": "1"})
        assert simulator.stats()["requests"]["total"] - before <= 1

    @pytest.mark.parametrize(
        "override",
        [
            {"timeout": "soon"},
            {"timeout": -1},
            {"num_retries": 99},
            {"num_retries": "x"},
            {"fallbacks": "gpt"},
            {"fallbacks": [1]},
        ],
        ids=json.dumps,
    )
    def test_that_make_no_sense_are_refused(self, gateway: Running, override: dict[str, Any]) -> None:
        answer = ask(gateway, **override)
        assert answer.status_code == 400
        assert next(iter(override)) in answer.json()["error"]["message"]


def test_more_calls_than_it_takes_are_refused_and_told_when_to_come_back(simulator: Simulator, tmp_path: Path) -> None:
    config = _config(simulator.url, lingate={"limits": {"max_in_flight": 2}})
    with running_gateway(config, tmp_path) as running:

        async def many() -> list[httpx2.Response]:
            async with httpx2.AsyncClient(base_url=running.url, timeout=30) as client:
                body = {"model": "slow", "messages": [{"role": "user", "content": "x"}]}
                return await asyncio.gather(*(client.post("/v1/chat/completions", json=body) for _ in range(6)))

        answers = asyncio.run(many())
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 4
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert sum(answer.status_code == 200 for answer in answers) == 2


def test_the_same_gateway_runs_under_any_asgi_server(simulator: Simulator, tmp_path: Path) -> None:
    (tmp_path / "config.json.yaml").write_text(_config(simulator.url))

    async def drive() -> tuple[httpx2.Response, httpx2.Response, httpx2.Response]:
        gateway = Gateway(
            load(str(tmp_path / "config.json.yaml"), {}),
            state=tmp_path,
            store=Store(f"sqlite:///{tmp_path}/x.db"),
            env={},
            auth=False,
        )
        await gateway.store_ready()
        application: Any = asgi.bind(gateway.handle, gateway.start, gateway.stop)
        await gateway.start()
        try:
            transport = httpx2.ASGITransport(application)
            async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
                body = {"model": "claude", "messages": [{"role": "user", "content": "hello"}]}
                whole = await client.post("/v1/chat/completions", json=body)
                streamed = await client.post("/v1/chat/completions", json={**body, "stream": True})
                wrong = await client.post("/v1/chat/completions", json={**body, "model": "nobody"})
        finally:
            await gateway.stop()
        return whole, streamed, wrong

    whole, streamed, wrong = asyncio.run(drive())
    assert "hello" in whole.json()["choices"][0]["message"]["content"]
    assert streamed.content.endswith(b"data: [DONE]\n\n")
    assert wrong.status_code == 404
