"""Azure's surfaces: where each request goes, with which key, and what is different about its body."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from hypothesis import given, settings

from lingate._dialects.openai_chat import DIALECT as OPENAI_CHAT
from lingate._model import Call, Extra, Start
from lingate.errors import AuthenticationError, ConfigError, ContentFilterError, NotFoundError, UnsupportedError
from tests.dialects.gemini.strategies import requests
from tests.dialects.hosts.support import (
    HELLO,
    KEY,
    Recorder,
    ask,
    chat_answer,
    chunk,
    ended,
    events_of,
    place,
    read,
    said,
    sse,
    wire,
)
from tests.dialects.short import collect

ROOT = "https://example-resource.openai.azure.com"
ENV = {"AZURE_API_KEY": KEY, "AZURE_API_BASE": ROOT}
FOUNDRY = "https://example-resource.services.ai.azure.com"


@pytest.mark.parametrize(
    ("base", "version", "url"),
    [
        (ROOT, None, f"{ROOT}/openai/v1/chat/completions"),
        (f"{ROOT}/", None, f"{ROOT}/openai/v1/chat/completions"),
        (f"{ROOT}/openai/v1/", None, f"{ROOT}/openai/v1/chat/completions"),
        (f"{ROOT}/openai/v1/chat/completions", None, f"{ROOT}/openai/v1/chat/completions"),
        (ROOT, "v1", f"{ROOT}/openai/v1/chat/completions?api-version=v1"),
        (ROOT, "preview", f"{ROOT}/openai/v1/chat/completions?api-version=preview"),
        (ROOT, "2024-10-21", f"{ROOT}/openai/deployments/dep/chat/completions?api-version=2024-10-21"),
        (
            f"{ROOT}?api-version=2024-02-01",
            None,
            f"{ROOT}/openai/deployments/dep/chat/completions?api-version=2024-02-01",
        ),
        # What the address says itself is stronger than the environment's version.
        (f"{ROOT}/openai/v1", "2024-10-21", f"{ROOT}/openai/v1/chat/completions"),
        (
            f"{ROOT}?api-version=2024-02-01",
            "2024-10-21",
            f"{ROOT}/openai/deployments/dep/chat/completions?api-version=2024-02-01",
        ),
        (
            f"{ROOT}/openai/deployments/other",
            "2024-10-21",
            f"{ROOT}/openai/deployments/other/chat/completions?api-version=2024-10-21",
        ),
        (
            f"{ROOT}/openai/deployments/other",
            None,
            f"{ROOT}/openai/deployments/other/chat/completions?api-version=2024-10-21",
        ),
        ("https://apim.example/ai", None, "https://apim.example/ai/openai/v1/chat/completions"),
        (
            "https://apim.example/ai",
            "2024-06-01",
            "https://apim.example/ai/openai/deployments/dep/chat/completions?api-version=2024-06-01",
        ),
        ("https://r.openai.azure.us", None, "https://r.openai.azure.us/openai/v1/chat/completions"),
        (
            "https://apim.example/ai?tenant=a&api-version=2024-06-01&b",
            None,
            "https://apim.example/ai/openai/deployments/dep/chat/completions?api-version=2024-06-01&tenant=a&b",
        ),
        ("https://apim.example/ai?tenant=a", None, "https://apim.example/ai/openai/v1/chat/completions?tenant=a"),
    ],
)
def test_the_address_and_the_version_decide_on_the_surface(base: str, version: str | None, url: str) -> None:
    env = {**ENV, "AZURE_API_BASE": base, **({"AZURE_API_VERSION": version} if version else {})}

    assert ask(place("azure/dep", env)).url == url


@pytest.mark.parametrize(
    "path",
    [
        "audio/speech",
        "audio/transcriptions",
        "audio/translations",
        "images/generations",
        "images/edits",
        "embeddings",
        "completions",
    ],
)
def test_the_portal_s_address_of_one_operation_stands_for_its_deployment(path: str) -> None:
    base = f"{ROOT}/openai/deployments/other/{path}?api-version=2024-06-01"

    sent = ask(place("azure/dep", {**ENV, "AZURE_API_BASE": base}), operation="speech", input="x", voice="v")

    assert sent.url == f"{ROOT}/openai/deployments/other/audio/speech?api-version=2024-06-01"
    assert (
        ask(
            place("azure/dep", {**ENV, "AZURE_API_BASE": f"{ROOT}/openai/v1/{path}"}), operation="images", prompt="x"
        ).url
        == f"{ROOT}/openai/v1/images/generations"
    )


@pytest.mark.parametrize("variable", ["AZURE_API_VERSION", "AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"])
def test_each_known_variable_may_hold_the_version(variable: str) -> None:
    assert "2024-06-01" in ask(place("azure/dep", {**ENV, variable: "2024-06-01"})).url


def test_the_call_s_version_wins_over_the_configuration_s_and_that_over_the_environment_s() -> None:
    env = {**ENV, "AZURE_API_VERSION": "2024-01-01"}
    config = {"azure": {"api_version": "2024-02-02"}}

    assert "2024-02-02" in ask(place("azure/dep", env, config=config)).url
    assert "2024-03-03" in ask(place("azure/dep", env, config=config, api_version="2024-03-03")).url
    assert ask(place("azure/dep", env, api_version="v1")).url.endswith("/openai/v1/chat/completions?api-version=v1")


def test_a_version_is_refused_where_there_is_none_and_where_it_cannot_be_one() -> None:
    with pytest.raises(ConfigError, match="groq takes no version"):
        place("groq/m", {"GROQ_API_KEY": KEY}, api_version="2024-10-21")
    with pytest.raises(ConfigError, match="must be a version"):
        place("azure/dep", ENV, api_version="2024 & more")
    with pytest.raises(ConfigError, match=r"providers\.azure\.api_version must be a version"):
        place("azure/dep", ENV, config={"azure": {"api_version": 5}})


def test_the_key_goes_out_as_azure_wants_it_and_a_token_as_bearer() -> None:
    token = {"AZURE_API_BASE": ROOT, "AZURE_AD_TOKEN": "ey.token"}

    assert ask(place("azure/dep", ENV)).headers["api-key"] == KEY
    assert "authorization" not in ask(place("azure/dep", ENV)).headers
    assert ask(place("azure/dep", token)).headers["authorization"] == "Bearer ey.token"


def test_the_resource_s_name_is_enough() -> None:
    to = place("azure/dep", {"AZURE_RESOURCE_NAME": "mine", "AZURE_OPENAI_API_KEY": KEY})

    assert ask(to).url == "https://mine.openai.azure.com/openai/v1/chat/completions"


def test_other_operations_have_their_addresses_on_both_surfaces() -> None:
    new, old = place("azure/dep", ENV), place("azure/dep", ENV, api_version="2024-10-21")

    assert ask(new, operation="embeddings", input="x").url == f"{ROOT}/openai/v1/embeddings"
    assert ask(old, operation="embeddings", input="x").url == (
        f"{ROOT}/openai/deployments/dep/embeddings?api-version=2024-10-21"
    )
    assert ask(new, operation="models").url == f"{ROOT}/openai/v1/models"
    assert ask(old, operation="models").url == f"{ROOT}/openai/models?api-version=2024-10-21"
    assert ask(new, operation="responses", messages=HELLO).url == f"{ROOT}/openai/v1/responses"
    newer = place("azure/dep", ENV, api_version="2025-03-01-preview")
    assert ask(newer, operation="responses", messages=HELLO).url == (
        f"{ROOT}/openai/responses?api-version=2025-03-01-preview"
    )
    # Earlier versions know no Responses API: 400 "is enabled only for api-version 2025-03-01-preview and later".
    assert ask(old, operation="responses", messages=HELLO).url == f"{ROOT}/openai/v1/responses"


@pytest.mark.parametrize("model", ["responses/dep", "gpt-5-pro", "gpt-5.1-codex-mini", "o3-deep-research"])
def test_models_that_know_no_chat_are_asked_for_responses(model: str) -> None:
    to = place(f"azure/{model}", ENV)

    assert ask(to).url == f"{ROOT}/openai/v1/responses"
    assert wire(to)["model"] == model.removeprefix("responses/")
    assert ask(to, operation="responses", messages=HELLO).url == f"{ROOT}/openai/v1/responses"


def test_functions_of_later_models_are_asked_for_as_responses_while_they_think() -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    new, old = (
        place("azure/gpt-5.6-sol", ENV),
        place("azure/my-gpt-6", {**ENV, "AZURE_API_VERSION": "2025-04-01-preview"}),
    )

    assert ask(new, messages=HELLO, tools=tools).url == f"{ROOT}/openai/v1/responses"
    assert ask(old, messages=HELLO, tools=tools).url == f"{ROOT}/openai/responses?api-version=2025-04-01-preview"
    assert wire(new, messages=HELLO, tools=tools)["input"] == HELLO
    assert ask(new, messages=HELLO).url == f"{ROOT}/openai/v1/chat/completions"
    assert ask(new, messages=HELLO, tools=tools, reasoning_effort="none").url == f"{ROOT}/openai/v1/chat/completions"


def test_foundry_too_is_asked_for_functions_of_later_models_as_responses() -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    foundry = {"AZURE_AI_API_BASE": "https://res.services.ai.azure.com", "AZURE_AI_API_KEY": "k"}
    new, other = (place(f"azure_ai/{model}", foundry) for model in ("gpt-6-astra", "grok-4.7"))

    assert ask(new, messages=HELLO, tools=tools).url == "https://res.services.ai.azure.com/openai/v1/responses"
    assert wire(new, messages=HELLO, tools=tools)["input"] == HELLO
    for to, more in ((new, {}), (other, {"tools": tools})):
        assert ask(to, messages=HELLO, **more).url == "https://res.services.ai.azure.com/openai/v1/chat/completions"


class TestBodies:
    def test_a_cap_is_named_as_the_caller_named_it_where_the_deployment_does_not_tell_what_it_is(self) -> None:
        to = place("azure/my-deployment", ENV)

        assert wire(to, max_tokens=5)["max_tokens"] == 5
        assert wire(to, max_completion_tokens=5)["max_completion_tokens"] == 5
        assert "max_tokens" not in wire(to, max_completion_tokens=5)

    @pytest.mark.parametrize("model", ["gpt-5-mini", "o3", "o_series/mine", "gpt5_series/mine"])
    def test_a_deployment_that_is_known_to_reason_gets_the_cap_under_its_name(self, model: str) -> None:
        to = place(f"azure/{model}", ENV)

        assert wire(to, max_tokens=5)["max_completion_tokens"] == 5
        assert wire(to)["model"] == model.rpartition("/")[2]
        with pytest.raises(UnsupportedError):
            ask(to, temperature=0.3)

    def test_versions_from_before_they_were_known_get_neither_stream_options_nor_the_newer_cap(self) -> None:
        to = place("azure/dep", ENV, api_version="2024-02-01")

        assert "stream_options" not in wire(to, stream=True)
        assert wire(to, max_completion_tokens=5)["max_tokens"] == 5
        assert "stream_options" in wire(place("azure/dep", ENV, api_version="2024-10-21"), stream=True)

    def test_files_are_refused_or_dropped(self) -> None:
        parts = [
            {"type": "text", "text": "x"},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}},
        ]
        messages = [{"role": "user", "content": parts}]
        to = place("azure/dep", ENV)

        with pytest.raises(UnsupportedError, match="Responses API"):
            ask(to, messages=messages)
        sent = ask(to, messages=messages, drop=True)
        assert json.loads(sent.body)["messages"] == [{"role": "user", "content": parts[:1]}]
        assert sent.dropped == ["messages[].content[].file"]

    @settings(max_examples=500, deadline=None)
    @given(requests())
    def test_whatever_is_asked_the_body_is_openai_s_own(self, body: Any) -> None:
        to = place("azure/gpt-4o", ENV)
        made = Call("chat", to.model, body, drop_params=True)
        before = json.dumps(body)

        ours = json.loads(ask(to, drop=True, **body).body)
        plain = json.loads(OPENAI_CHAT.operations["chat"].request(made, to).body)

        for message in plain["messages"]:
            if isinstance(message.get("content"), list):
                message["content"] = [part for part in message["content"] if part.get("type") != "file"]
        if "max_completion_tokens" in ours:
            plain["max_completion_tokens"] = plain.pop("max_tokens")
        assert ours == plain
        assert json.dumps(body) == before


class TestAnswers:
    def test_the_filters_of_prompt_and_answer_are_kept(self) -> None:
        body = chat_answer()
        body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": {}}]
        body["choices"][0]["content_filter_results"] = {"hate": {"filtered": False, "severity": "safe"}}

        response = read(place("azure/dep", ENV), body)

        assert response["prompt_filter_results"] == body["prompt_filter_results"]
        assert response["choices"][0]["content_filter_results"] == body["choices"][0]["content_filter_results"]

    def test_a_stream_may_begin_with_a_chunk_without_choices(self) -> None:
        filters = {
            "choices": [],
            "created": 0,
            "id": "",
            "model": "",
            "object": "",
            "prompt_filter_results": [{"x": 1}],
        }
        data = sse(filters, chunk({"role": "assistant", "content": "h"}), chunk({"content": "i"}), chunk({}, "stop"))

        events = events_of(place("azure/dep", ENV), data)

        assert type(events[0]) is Start
        assert events[0].id == "c1"
        assert (said(events), ended(events)) == ("hi", "stop")
        assert collect(events)["prompt_filter_results"] == [{"x": 1}]

    def test_filters_that_come_late_are_told_too(self) -> None:
        late = chunk({}, None)
        late["choices"][0] |= {"content_filter_results": {"hate": {"filtered": False}}, "content_filter_offsets": {}}
        data = sse(chunk({"content": "h"}), late, chunk({}, "stop"))

        extras = [event for event in events_of(place("azure/dep", ENV), data) if isinstance(event, Extra)]

        assert any("content_filter_results" in event.fields for event in extras)

    def test_an_answer_cut_by_a_filter_says_so(self) -> None:
        data = sse(chunk({"content": "h"}), chunk({}, "content_filter"))

        assert ended(events_of(place("azure/dep", ENV), data)) == "content_filter"

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (
                {"code": "content_filter", "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}},
                "filter",
            ),
            ({"code": "401", "message": "Access denied due to invalid subscription key"}, "auth"),
            ({"code": "DeploymentNotFound", "message": "The API deployment does not exist."}, "absent"),
        ],
    )
    def test_errors_are_what_they_say(self, error: Any, kind: str) -> None:
        wanted = {"filter": ContentFilterError, "auth": AuthenticationError, "absent": NotFoundError}

        with pytest.raises(wanted[kind]):
            read(place("azure/dep", ENV), json.dumps({"error": error}).encode())


class TestFoundry:
    def _place(self, model: str = "dep", base: str = FOUNDRY, **given: Any) -> Any:
        return place(f"azure_ai/{model}", {"AZURE_AI_API_KEY": KEY, "AZURE_AI_API_BASE": base}, **given)

    @pytest.mark.parametrize(
        ("base", "version", "url"),
        [
            (FOUNDRY, None, f"{FOUNDRY}/openai/v1/chat/completions"),
            (FOUNDRY, "2024-05-01-preview", f"{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview"),
            (f"{FOUNDRY}/models", None, f"{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview"),
            (
                f"{FOUNDRY}/models/chat/completions?api-version=2025-01-01",
                None,
                f"{FOUNDRY}/models/chat/completions?api-version=2025-01-01",
            ),
            (
                "https://name.eastus2.models.ai.azure.com",
                None,
                "https://name.eastus2.models.ai.azure.com/chat/completions",
            ),
            (
                "https://name.eastus2.models.ai.azure.com/v1/chat/completions",
                "2024-05-01-preview",
                "https://name.eastus2.models.ai.azure.com/v1/chat/completions",
            ),
        ],
    )
    def test_the_address_decides_on_the_surface(self, base: str, version: str | None, url: str) -> None:
        assert ask(self._place(base=base, api_version=version)).url == url

    def test_the_older_surface_is_told_to_pass_on_what_it_does_not_know(self) -> None:
        old = ask(self._place(base=f"{FOUNDRY}/models"))
        own = ask(self._place(base=f"{FOUNDRY}/models", headers={"Extra-Parameters": "drop"}))

        assert old.headers["extra-parameters"] == "pass-through"
        assert own.headers["extra-parameters"] == "drop"
        assert "extra-parameters" not in ask(self._place()).headers

    def test_a_serverless_host_gets_its_key_as_bearer(self) -> None:
        headers = ask(self._place(base="https://name.eastus2.models.ai.azure.com")).headers

        assert headers["authorization"] == f"Bearer {KEY}"
        assert "api-key" not in headers

    def test_mistral_deployments_get_the_cap_under_the_older_name(self) -> None:
        assert wire(self._place("Mistral-Large-3"), max_completion_tokens=5)["max_tokens"] == 5

    @pytest.mark.parametrize("base", [FOUNDRY, f"{FOUNDRY}/models", f"{FOUNDRY}/openai/v1", f"{FOUNDRY}/anthropic"])
    def test_claude_is_asked_in_anthropic_s_format_wherever_the_base_url_points(self, base: str) -> None:
        to = self._place("claude-sonnet-4-5", base, api_version="2024-05-01-preview")

        sent = ask(to)

        assert sent.url == f"{FOUNDRY}/anthropic/v1/messages"
        assert (sent.headers["x-api-key"], sent.headers["api-key"]) == (KEY, KEY)
        assert sent.headers["anthropic-version"] == "2023-06-01"
        body = json.loads(sent.body)
        assert (body["model"], body["max_tokens"]) == ("claude-sonnet-4-5", 64_000)
        assert ask(to, operation="count_tokens", messages=HELLO).url == f"{FOUNDRY}/anthropic/v1/messages/count_tokens"

    def test_claude_needs_no_more_than_anthropic_s_own_variables(self) -> None:
        env = {"ANTHROPIC_FOUNDRY_API_KEY": KEY, "ANTHROPIC_FOUNDRY_RESOURCE": "mine"}

        assert ask(place("azure_ai/claude-opus-4-5", env)).url == (
            "https://mine.services.ai.azure.com/anthropic/v1/messages"
        )

    def test_responses_and_embeddings(self) -> None:
        old = self._place(base=f"{FOUNDRY}/models")

        assert ask(old, operation="responses", messages=HELLO).url == f"{FOUNDRY}/openai/v1/responses"
        assert ask(old, operation="embeddings", input="x").url == (
            f"{FOUNDRY}/models/embeddings?api-version=2024-05-01-preview"
        )


@pytest.mark.parametrize("version", ["2024-10-21", "2024-02-01"])
def test_addresses_and_keys_are_those_of_openai_s_own_client(version: str) -> None:
    seen = Recorder()
    theirs = openai.AzureOpenAI(
        api_key=KEY, azure_endpoint=ROOT, api_version=version, http_client=httpx2.Client(transport=seen), max_retries=0
    )
    with pytest.raises(openai.AuthenticationError):
        theirs.chat.completions.create(model="dep", messages=HELLO)  # type: ignore[arg-type]

    ours = ask(place("azure/dep", ENV, api_version=version))

    assert ours.url == str(seen.request.url)
    assert ours.headers["api-key"] == seen.request.headers["api-key"]
    assert json.loads(ours.body) == seen.body


def test_claude_s_address_and_key_are_those_of_anthropic_s_own_client() -> None:
    seen = Recorder()
    theirs = anthropic.AnthropicFoundry(
        api_key=KEY, resource="mine", http_client=httpx2.Client(transport=seen), max_retries=0
    )
    with pytest.raises(anthropic.AuthenticationError):
        theirs.messages.create(model="claude-x", max_tokens=5, messages=HELLO)  # type: ignore[arg-type]

    env = {"ANTHROPIC_FOUNDRY_API_KEY": KEY, "ANTHROPIC_FOUNDRY_RESOURCE": "mine"}
    ours = ask(place("azure_ai/claude-x", env), max_tokens=5)

    assert ours.url == str(seen.request.url)
    assert ours.headers["x-api-key"] == seen.request.headers["x-api-key"]
    assert json.loads(ours.body) == seen.body
