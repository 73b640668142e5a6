"""Settings by which its owner changes what a gateway does with every call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.simulator import Simulator
from tests.server.asking import ask, rows
from tests.server.gateway_kit import MASTER, running_gateway
from tests.server.raw_upstream import CHAT, JSON, chat, config, whole
from tests.servers import RawServer, Script

GOOD = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
COUNT = "/v1/messages/count_tokens"


@pytest.fixture
def upstream() -> Iterator[RawServer]:
    with RawServer() as running:
        running.script = whole(GOOD)
        yield running


def wanting(upstream: RawServer, section: str, **settings: Any) -> str:
    return config(upstream.url, settings={section: settings})


def test_what_a_provider_cannot_express_is_left_out_of_every_call_and_told(upstream: RawServer, tmp_path: Path) -> None:
    said = {"type": "message", "role": "assistant", "id": "m", "model": "x", "stop_reason": "end_turn"}
    body = {**said, "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 1, "output_tokens": 1}}
    upstream.script = Script([json.dumps(body).encode()], headers=JSON)
    asked = chat("anthropic-x", max_tokens=9, logit_bias={"1": 2})

    with running_gateway(config(upstream.url), tmp_path) as gateway:
        assert ask(gateway, CHAT, asked).status_code == 400
    with running_gateway(wanting(upstream, "litellm_settings", drop_params=True), tmp_path) as gateway:
        answer = ask(gateway, CHAT, asked)
    assert answer.status_code == 200
    assert "logit_bias" in answer.headers["x-lingate-dropped"]
    assert b"logit_bias" not in upstream.requests[-1]


def test_a_fallback_that_cannot_express_a_call_was_not_tried(upstream: RawServer, tmp_path: Path) -> None:
    upstream.script = Script([b'{"error": {"message": "no"}}'], status=500, headers=JSON)
    made = json.loads(wanting(upstream, "litellm_settings", fallbacks=[{"free-for-all": ["anthropic-x"]}]))
    made["model_list"][-2]["model_info"] = {"id": "asked"}

    for stream in (False, True):
        with running_gateway(json.dumps(made), tmp_path) as gateway:
            answer = ask(gateway, CHAT, chat("free-for-all", logit_bias={"1": 2}, stream=stream))
            row = rows(gateway)[-1]
        assert answer.status_code >= 500
        assert (row["attempts"], row["deployment"], row["provider"]) == (1, "asked", "openai")
        assert answer.headers["x-lingate-attempts"] == "1"
    assert len(upstream.requests) == 2


def test_tokens_are_estimated_where_a_server_in_the_providers_place_does_not_count(
    upstream: RawServer, tmp_path: Path
) -> None:
    upstream.script = Script([b'{"detail":"Not Found"}'], status=404, headers=JSON)
    with running_gateway(config(upstream.url), tmp_path) as gateway:
        answer = ask(gateway, COUNT, chat("openai-x"))
        assert (answer.status_code, answer.json()["input_tokens"] > 0) == (200, True)
        assert rows(gateway)[-1]["estimated"]


@pytest.mark.parametrize(
    ("status", "said", "estimated"),
    [
        # Bedrock, of most models (BerriAI/litellm#37102), and where a role may do everything else.
        (400, "The provided model doesn't support counting tokens.", True),
        (403, "User: a is not authorized to perform: bedrock:CountTokens", True),
        # Anthropic; then a gateway (maximhq/bifrost#2902), and servers without the path (router-for-me/CLIProxyAPI#4410).
        (400, "Server tools are not supported in the count_tokens endpoint: code_execution_20260120.", True),
        (500, "count_tokens is not supported by this provider", True),
        (404, "Not Found", True),
        (405, "Method Not Allowed", True),
        (501, "Not Implemented", True),
        (400, "messages.0.role: must be user or assistant", False),
        (403, "Your account may not use this.", False),
    ],
)
def test_tokens_are_estimated_where_a_provider_says_that_it_does_not_count_these(
    upstream: RawServer, tmp_path: Path, status: int, said: str, estimated: bool
) -> None:
    params = {"model": "anthropic/claude-x", "api_base": upstream.url, "api_key": "sk-up"}
    entries = [{"model_name": "claude", "litellm_params": params, "model_info": {"id": name}} for name in "ab"]
    error = {"type": "error", "error": {"message": said}}
    upstream.script = Script([json.dumps(error).encode()], status=status, headers=JSON)
    with running_gateway(json.dumps({"model_list": entries}), tmp_path) as gateway:
        answer = ask(gateway, COUNT, chat("claude"))

        assert answer.status_code == (200 if estimated else status)
        assert rows(gateway)[-1]["estimated"] == estimated
        if estimated:
            assert len(upstream.requests) == 1, "another account counts no better, and asking again does not help"


def test_a_gateway_may_want_to_know_for_whom_each_call_is(upstream: RawServer, tmp_path: Path) -> None:
    with running_gateway(wanting(upstream, "general_settings", enforce_user_param=True), tmp_path) as gateway:
        refused = ask(gateway, CHAT, chat("openai-x"))
        assert (refused.status_code, "`user`" in refused.text) == (400, True)
        assert not upstream.requests
        assert ask(gateway, CHAT, chat("openai-x", user="ann")).status_code == 200
        assert rows(gateway)[-1]["end_user"] == "ann"


def test_a_gateway_may_serve_only_what_has_a_price(upstream: RawServer, tmp_path: Path) -> None:
    text = wanting(upstream, "litellm_settings", block_requests_for_models_without_pricing=True)
    with running_gateway(text, tmp_path) as gateway:
        refused = ask(gateway, CHAT, chat("free-for-all"))
        assert (refused.status_code, "price" in refused.text) == (403, True)
        assert not upstream.requests
        assert ask(gateway, CHAT, chat("openai-x")).status_code == 200


def test_keys_may_come_in_a_header_of_the_owners_choice(upstream: RawServer, tmp_path: Path) -> None:
    text = wanting(upstream, "general_settings", litellm_key_header_name="X-Company-Key")
    with running_gateway(text, tmp_path, auth=True) as gateway:
        for headers, status in (
            ({"x-company-key": MASTER, "authorization": "Bearer of-a-proxy"}, 200),
            ({"X-Company-Key": f"Bearer {MASTER}"}, 200),
            ({"x-company-key": "sk-wrong", "authorization": f"Bearer {MASTER}"}, 401),
            ({"authorization": f"Bearer {MASTER}"}, 200),
        ):
            assert httpx2.get(f"{gateway.url}/v1/models", headers=headers).status_code == status


def test_headers_of_a_client_reach_the_provider_where_the_owner_wants_that(tmp_path: Path) -> None:
    brought = {"x-trace": "7", "accept-language": "de"}
    with Simulator() as simulator:
        for wanted in (False, True):
            settings = {"general_settings": {"forward_client_headers_to_llm_api": wanted}}
            with running_gateway(config(simulator.url, settings=settings), tmp_path) as gateway:
                assert ask(gateway, CHAT, chat("openai-x"), brought).status_code == 200
            told = {name.lower(): value for name, value in simulator.requests()[-1].headers.items()}
            assert told.get("x-trace") == ("7" if wanted else None)
            assert told.get("accept-language") != "de"


def test_tokens_are_estimated_where_the_provider_does_not_count_them(upstream: RawServer, tmp_path: Path) -> None:
    with running_gateway(config(upstream.url), tmp_path) as gateway:
        answer = ask(gateway, COUNT, chat("ollama-x"))
        assert answer.status_code == 200
        assert answer.json()["input_tokens"] == 3
        row = rows(gateway)[-1]
    assert not upstream.requests
    assert (row["status"], row["error"], row["estimated"], row["cost"], row["attempts"]) == (200, None, 1, None, 0)


ANTHROPIC = {"type": "message", "role": "assistant", "id": "m", "model": "x", "stop_reason": "end_turn"}


@pytest.mark.parametrize("fallbacks", ["default", [{"model": "claude-b", "max_tokens": 5}]])
def test_fallbacks_of_anthropics_own_reach_anthropic_and_those_of_the_gateway_do_not(
    upstream: RawServer, tmp_path: Path, fallbacks: Any
) -> None:
    said = {**ANTHROPIC, "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 1, "output_tokens": 1}}
    upstream.script = Script([json.dumps(said).encode()], headers=JSON)
    path = "/v1/messages?beta=true"

    with running_gateway(config(upstream.url), tmp_path) as gateway:
        assert ask(gateway, path, chat("anthropic-x", max_tokens=9, fallbacks=fallbacks)).is_success
        assert json.loads(upstream.requests[-1])["fallbacks"] == fallbacks
        assert ask(gateway, path, chat("anthropic-x", max_tokens=9, fallbacks=["openai-x"])).is_success
        assert b"fallbacks" not in upstream.requests[-1]
        assert ask(gateway, path, chat("anthropic-x", max_tokens=9, fallbacks="gpt")).status_code == 400
        assert ask(gateway, CHAT, chat("anthropic-x", fallbacks=fallbacks)).status_code == 400


def test_a_key_may_name_only_its_own_models_among_those_that_anthropic_is_to_fall_back_to(
    upstream: RawServer, tmp_path: Path
) -> None:
    with running_gateway(config(upstream.url), tmp_path, auth=True) as gateway:
        admin = {"authorization": f"Bearer {MASTER}"}
        made = httpx2.post(f"{gateway.url}/admin/keys", json={"models": ["anthropic-*"]}, headers=admin).json()
        asked = chat("anthropic-x", max_tokens=9, fallbacks=[{"model": "anthropic-y"}, {"model": "claude-b"}])
        refused = ask(gateway, "/v1/messages", asked, headers={"authorization": f"Bearer {made['token']}"})
    assert (refused.status_code, "'claude-b'" in refused.text) == (403, True)
    assert not upstream.requests


def test_features_that_a_client_of_anthropics_asks_for_reach_claude_on_converse(
    upstream: RawServer, tmp_path: Path
) -> None:
    output = {"message": {"role": "assistant", "content": [{"text": "hi"}]}}
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    upstream.script = Script(
        [json.dumps({"output": output, "stopReason": "end_turn", "usage": usage}).encode()], headers=JSON
    )
    place = {"api_base": upstream.url, "api_key": "k" * 20, "aws_region_name": "us-east-1"}
    entry = {"model": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", **place}
    served = json.dumps({"model_list": [{"model_name": "claude", "litellm_params": entry}]})
    wanted = {"anthropic-beta": "claude-code-20250219,context-1m-2025-08-07"}

    with running_gateway(served, tmp_path) as gateway:
        answer = ask(gateway, "/v1/messages?beta=true", chat("claude", max_tokens=9), wanted)

    more = json.loads(upstream.requests[-1])["additionalModelRequestFields"]
    assert more == {"anthropic_beta": ["context-1m-2025-08-07"]}
    assert answer.headers["x-lingate-dropped"] == "anthropic-beta: claude-code-20250219"
