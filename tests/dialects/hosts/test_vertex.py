"""Models on Vertex AI that are not Google's: their addresses and formats."""

from __future__ import annotations

import json
import re
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import given, settings

from lingate._dialects.anthropic import DIALECT as ANTHROPIC
from lingate._model import Call
from lingate.errors import ConfigError
from tests.dialects.gemini.strategies import requests
from tests.dialects.hosts.support import (
    HELLO,
    TOOL,
    Recorder,
    ask,
    call,
    chunk,
    events_of,
    form,
    place,
    read,
    sse,
    wire,
)
from tests.dialects.short import collect

TOKEN = {"authorization": "Bearer ey.token"}


def at(model: str, location: str = "us-east5", **given: Any) -> Any:
    env = {"VERTEXAI_PROJECT": "p1", "VERTEXAI_LOCATION": location}
    return place(f"vertex_ai/{model}", env, headers=TOKEN, **given)


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("us-east5", "us-east5-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_claude_is_asked_on_the_host_of_its_location_as_by_anthropic_s_own_client(location: str, host: str) -> None:
    seen = Recorder()
    theirs = anthropic.AnthropicVertex(
        project_id="p1",
        region=location,
        access_token="ey.token",
        http_client=httpx2.Client(transport=seen),
        max_retries=0,
    )
    with pytest.raises(anthropic.AuthenticationError):
        theirs.messages.create(model="claude-sonnet-4-5@20250929", max_tokens=5, messages=HELLO)  # type: ignore[arg-type]

    ours = ask(at("claude-sonnet-4-5@20250929", location), max_tokens=5)

    assert ours.url == str(seen.request.url).replace("%40", "@")
    assert host in ours.url
    # The version that the recordings show; from 2.0 on their client asks for a newer one.
    assert json.loads(ours.body) == {**seen.body, "anthropic_version": "vertex-2023-10-16"}
    assert ours.headers["authorization"] == seen.request.headers["authorization"]


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("asia", "aiplatform.googleapis.com"),
    ],
)
def test_google_s_own_models_are_asked_on_the_host_of_their_location(location: str, host: str) -> None:
    start = f"https://{host}/v1/projects/p1/locations/{location}"

    for name in ("gemini-2.5-flash", "google/gemini-2.5-flash", "models/gemini-2.5-flash"):
        assert ask(at(name, location)).url == f"{start}/publishers/google/models/gemini-2.5-flash:generateContent"
    assert ask(at("endpoints/77", location)).url == f"{start}/endpoints/77:generateContent"
    # A full name has a location of its own.
    assert ask(at("projects/p2/locations/us-east1/endpoints/7", location)).url == (
        "https://us-east1-aiplatform.googleapis.com/v1/projects/p2/locations/us-east1/endpoints/7:generateContent"
    )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/v1/",
        "/v1/projects/p1/locations/us-east5",
        "/v1/projects/p1/locations/us-east5/publishers/google/",
        "/v1/projects/p1/locations/us-east5/publishers/google/models",
        "/v1/projects/p1/locations/us-east5/publishers/google/models/gemini-1:generateContent",
    ],
)
def test_a_base_url_is_a_host_or_as_much_of_an_address_as_was_copied(path: str) -> None:
    for host in ("https://aiplatform.googleapis.com", "https://private.example"):
        start = f"{host}/v1/projects/p1/locations/us-east5/publishers"

        assert ask(at("gemini-2.5-flash", api_base=host + path)).url == (
            f"{start}/google/models/gemini-2.5-flash:generateContent"
        )
    assert ask(at("claude-x", api_base=host + path)).url == f"{start}/anthropic/models/claude-x:rawPredict"


@pytest.mark.parametrize("name", ["claude-3-7-sonnet@20250219", "anthropic/claude-3-7-sonnet@20250219"])
def test_a_stream_and_a_count_have_methods_of_their_own(name: str) -> None:
    start = "https://us-east5-aiplatform.googleapis.com/v1/projects/p1/locations/us-east5/publishers/anthropic/models/"
    to = at(name)

    sent = ask(to, stream=True)

    assert sent.url == f"{start}claude-3-7-sonnet@20250219:streamRawPredict"
    assert json.loads(sent.body)["stream"] is True
    assert "model" not in json.loads(sent.body)
    count = ask(to, operation="count_tokens", messages=HELLO)
    assert count.url == f"{start}count-tokens:rawPredict"
    assert json.loads(count.body)["model"] == "claude-3-7-sonnet@20250219"


def test_a_count_goes_without_the_betas_and_the_version_that_its_method_refuses() -> None:
    asked = call(at("claude-sonnet-4-6@default"), operation="count_tokens", messages=HELLO)
    asked.extra_headers = {"Anthropic-Beta": "interleaved-thinking-2025-05-14"}
    count = form(at("claude-sonnet-4-6@default"), "count_tokens").request(asked, at("claude-sonnet-4-6@default"))

    assert json.loads(count.body)["model"] == "claude-sonnet-4-6"
    assert "anthropic-beta" not in count.headers


def test_features_of_claude_that_google_refuses_are_not_asked_for() -> None:
    asked = call(at("claude-sonnet-4-6"), messages=HELLO, context_management={"edits": []})
    asked.extra_headers = {"anthropic-beta": "claude-code-20250219, interleaved-thinking-2025-05-14,effort-2025-11-24"}

    sent = form(at("claude-sonnet-4-6"), "chat").request(asked, at("claude-sonnet-4-6"))

    assert sent.headers["anthropic-beta"] == "interleaved-thinking-2025-05-14,context-management-2025-06-27"
    assert sent.dropped == ["anthropic-beta: claude-code-20250219", "anthropic-beta: effort-2025-11-24"]


def test_tools_that_claude_is_shown_later_are_a_feature_by_name_at_google() -> None:
    sent = ask(at("claude-sonnet-4-6"), tools=[{**TOOL, "defer_loading": True}])

    assert sent.headers["anthropic-beta"] == "tool-search-tool-2025-10-19"


def test_a_base_url_of_the_user_s_own_is_taken_as_it_is() -> None:
    base = "https://europe-west1-aiplatform.googleapis.com/v1/projects/p2/locations/europe-west1"

    for own in (base, f"{base}/publishers/google"):
        assert ask(at("claude-x", api_base=own)).url == f"{base}/publishers/anthropic/models/claude-x:rawPredict"


def test_without_a_project_there_is_nowhere_to_go() -> None:
    express = "https://aiplatform.googleapis.com/v1/publishers/google"

    for model in ("claude-x", "meta/llama-4-maas"):
        with pytest.raises(ConfigError, match="project and location"):
            ask(at(model, api_base=express))


@pytest.mark.parametrize("name", ["meta/llama-3.1-405b-instruct-maas", "openai/gpt-oss-120b-maas", "qwen/qwen3-maas"])
def test_open_models_are_asked_at_the_endpoint_for_all_of_them(name: str) -> None:
    sent = ask(at(name))

    assert sent.url == (
        "https://us-east5-aiplatform.googleapis.com/v1/projects/p1/locations/us-east5/endpoints/openapi/chat/completions"
    )
    assert json.loads(sent.body)["model"] == name


@pytest.mark.parametrize(
    ("name", "path", "model"),
    [
        ("mistral-large@2411", "mistralai/models/mistral-large@2411", "mistral-large"),
        ("codestral-2501", "mistralai/models/codestral-2501", "codestral-2501"),
        ("mistralai/mistral-medium-3", "mistralai/models/mistral-medium-3", "mistral-medium-3"),
        ("jamba-1.5-large@001", "ai21/models/jamba-1.5-large@001", "jamba-1.5-large"),
    ],
)
def test_mistral_and_ai21_have_addresses_of_their_own(name: str, path: str, model: str) -> None:
    whole, streamed = ask(at(name)), ask(at(name), stream=True)

    assert whole.url.endswith(f"/locations/us-east5/publishers/{path}:rawPredict")
    assert streamed.url.endswith(f"/locations/us-east5/publishers/{path}:streamRawPredict")
    assert json.loads(whole.body)["model"] == model


def test_mistral_s_dialect_of_openai_s_format_is_kept() -> None:
    tool = {"type": "function", "function": {**TOOL["function"], "strict": True}}  # type: ignore[dict-item]
    body = wire(at("mistral-large@2411"), tools=[tool], tool_choice="required", max_completion_tokens=3, stream=True)

    assert body["tool_choice"] == "any"
    assert body["tools"] == [TOOL]
    assert body["max_tokens"] == 3
    assert "stream_options" not in body


def test_google_s_own_models_stay_in_google_s_format() -> None:
    assert ask(at("gemini-2.5-pro")).url.endswith("/publishers/google/models/gemini-2.5-pro:generateContent")
    assert ask(at("endpoints/123")).url.endswith("/locations/us-east5/endpoints/123:generateContent")


def test_answers_are_those_of_the_formats_inside() -> None:
    message = {
        "id": "msg_vrtx_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }

    assert read(at("claude-x"), message)["choices"][0]["message"]["content"] == "hi"
    events = events_of(at("meta/llama"), sse(chunk({"content": "hi"}), chunk({}, "stop")))
    assert collect(events)["choices"][0]["message"]["content"] == "hi"


@settings(max_examples=500, deadline=None)
@given(requests())
def test_whatever_is_asked_the_body_is_anthropic_s_but_for_model_and_version(body: Any) -> None:
    to = at("claude-sonnet-4-5")

    inside = ANTHROPIC.operations["chat"]
    try:
        plain = json.loads(inside.request(Call("chat", to.model, body, drop_params=True), to).body)
    except ConfigError as refused:
        with pytest.raises(ConfigError, match=re.escape(refused.message)):
            ask(to, drop=True, **body)
        return

    ours = json.loads(ask(to, drop=True, **body).body)

    assert ours.pop("anthropic_version") == "vertex-2023-10-16"
    del plain["model"]
    assert ours == plain
