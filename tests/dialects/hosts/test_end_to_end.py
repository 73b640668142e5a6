"""Over HTTP, against the simulator: the whole way from a call to its answer, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import lingate
from lingate.errors import RateLimitError
from lingate.simulator import Simulator

KEY = "sk-canary-4711"
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


def environment(url: str) -> dict[str, str]:
    return {
        "AZURE_API_KEY": KEY,
        "AZURE_API_BASE": url,
        "AZURE_AI_API_KEY": KEY,
        "AZURE_AI_API_BASE": url,
        "VERTEXAI_API_BASE": f"{url}/v1/projects/p/locations/us-east5",
        "SNOWFLAKE_TOKEN": KEY,
        "SNOWFLAKE_API_BASE": url,
        "DATABRICKS_HOST": url,
        "DATABRICKS_TOKEN": KEY,
        "CLOUDFLARE_API_TOKEN": KEY,
        "CLOUDFLARE_API_BASE": f"{url}/client/v4/accounts/a/ai/v1",
        "HF_TOKEN": KEY,
        "HF_API_BASE": url,
    }


MODELS = [
    "azure/dep",
    "azure/gpt-5-mini",
    "azure/responses/dep",
    "azure_ai/dep",
    "azure_ai/claude-sonnet-4-5",
    "vertex_ai/claude-sonnet-4-5",
    "vertex_ai/meta/llama-4-maas",
    "snowflake/claude-sonnet-4-6",
    "snowflake_anthropic/claude-sonnet-4-5",
    "databricks/databricks-gpt-oss-20b",
    "cloudflare/@cf/meta/llama-3.1-8b-instruct",
    "huggingface/together/deepseek-ai/DeepSeek-V3",
]
_each = pytest.mark.parametrize("model", MODELS)


def client(simulator: Simulator) -> lingate.Lingate:
    return lingate.Lingate(env=environment(simulator.url), retries=0)


def options(model: str) -> Any:
    # Signing in is tested elsewhere.
    return {"extra_headers": {"authorization": "Bearer t"}} if model.startswith("vertex_ai") else {}


@_each
def test_a_chat_whole_and_streamed(simulator: Simulator, model: str) -> None:
    with client(simulator) as made:
        whole = made.chat(model, "say hello", **options(model))
        stream = made.chat(model, "say hello", stream=True, **options(model))
        text = "".join(chunk.text for chunk in stream)

    assert "say hello" in whole.text
    assert text == whole.text
    assert whole.usage is not None
    assert whole.usage.total_tokens > 0
    assert stream.final().choices[0].finish_reason == whole.choices[0].finish_reason == "stop"


@_each
def test_a_tool_and_its_result(simulator: Simulator, model: str) -> None:
    with client(simulator) as made:
        asked = made.chat(model, "use weather", tools=[TOOL], **options(model))
        assert asked.choices[0].finish_reason == "tool_calls"
        [call] = asked.tool_calls
        assert call.function.name == "weather"
        result = {"role": "tool", "tool_call_id": call.id, "content": "24 degrees"}
        messages = [{"role": "user", "content": "use weather"}, asked.choices[0].message, result]
        told = made.chat(model, messages, tools=[TOOL], **options(model))

    assert "24 degrees" in told.text


@pytest.mark.parametrize("model", ["azure/dep", "azure_ai/claude-sonnet-4-5", "vertex_ai/claude-sonnet-4-5"])
def test_an_answer_by_a_schema(simulator: Simulator, model: str) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA}}

    with client(simulator) as made:
        answer = made.chat(model, "x", response_format=form, **options(model))

    assert isinstance(json.loads(answer.text)["a"], int)


@_each
def test_an_error_is_the_same_everywhere(simulator: Simulator, model: str) -> None:
    headers = {**options(model).get("extra_headers", {}), "x-sim-fault": "429"}

    with client(simulator) as made, pytest.raises(RateLimitError) as caught:
        made.chat(model, "x", extra_headers=headers)

    assert caught.value.provider == model.partition("/")[0]
    assert KEY not in str(caught.value)


def test_azure_s_dated_surface_and_its_other_operations(simulator: Simulator) -> None:
    with client(simulator) as made:
        assert "hi" in made.chat("azure/dep", "hi", api_version="2024-10-21").text
        assert len(made.embed("azure/dep", ["a", "b"], api_version="2024-10-21").data) == 2
        assert made.responses("azure/dep", "hi").output_text
        fallback = [{"model": "azure/dep", "api_version": "2024-06-01"}]
        made.chat("azure/sim-fault-500", "hi", fallbacks=fallback)

    assert simulator.requests()[-1].path == "/openai/deployments/dep/chat/completions"


async def test_the_same_awaited(simulator: Simulator) -> None:
    async with lingate.AsyncLingate(env=environment(simulator.url)) as made:
        for model in ("azure/dep", "vertex_ai/claude-sonnet-4-5"):
            assert "hello" in (await made.chat(model, "hello", **options(model))).text
