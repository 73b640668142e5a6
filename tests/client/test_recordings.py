"""Recorded exchanges through the whole client over real HTTP: blocking and awaited, whole and streamed, all say the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lingate
from lingate.errors import LingateError
from lingate.testing import FakeTransport, Streamed

# Which provider's row a recorded wire format is read with.
PROVIDERS = {
    "openai-chat": "openai",
    "groq": "groq",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "xai": "xai",
    "openrouter": "openrouter",
    "together": "together_ai",
    "cerebras": "cerebras",
    "vllm": "hosted_vllm",
    "llamacpp": "llamafile",
    "huggingface": "huggingface",
    "ollama-openai": "ollama-cloud",
    "zai": "zai",
    "vercel-ai-gateway": "vercel_ai_gateway",
    "avian": "avian",
    "crusoe": "crusoe",
    "gpustack": "openai",
    "azure-openai": "openai",
    "azure-ai-inference": "openai",
    "snowflake-cortex": "openai",
    "bedrock-mantle": "openai",
    "gemini-openai": "openai",
    "heroku": "heroku",
    "perplexity": "openai",
    "anthropic-messages": "anthropic",
}
CHAT = ("/chat/completions", "/messages", "/complete")
QUESTION = [{"role": "user", "content": "the recording has the real question"}]


def chats(folder: Path, dialect: str) -> list[dict[str, Any]]:
    """The chat exchanges of one recorded wire format."""
    if not (folder / f"{dialect}.jsonl").is_file():
        pytest.skip(f"no {dialect} at {folder}")
    found = [json.loads(line) for line in (folder / f"{dialect}.jsonl").read_text(encoding="utf-8").splitlines()]
    return [item for item in found if item["request"]["url"].split("?")[0].endswith(CHAT)]


@pytest.fixture
def replay(recordings: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The replay server for one wire format."""
    if not (recordings / f"{request.param}.jsonl").is_file():
        pytest.skip(f"no {request.param} at {recordings}")
    command = [
        sys.executable,
        str(recordings / "replay_server.py"),
        str(recordings / f"{request.param}.jsonl"),
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]
        server.terminate()


def outcome(call: Any) -> Any:
    """What a call came to, in a form that can be compared: ids and times that we make up are left out."""
    try:
        answer = call()
    except LingateError as error:
        return type(error).__name__, error.kind, error.status, error.code
    return seen(answer)


def seen(answer: Any) -> Any:
    choices = [
        {
            "text": choice.message.content,
            "reasoning": choice.message.reasoning_content,
            "tools": [(call.function.name, call.function.arguments) for call in choice.message.tool_calls or ()],
            "finish": choice.finish_reason,
        }
        for choice in answer.choices
    ]
    return choices, answer.usage.to_dict() if answer.usage else None


async def awaited(call: Any, stream: bool) -> Any:
    try:
        answer = await call
        return seen(await answer.final() if stream else answer)
    except LingateError as error:
        return type(error).__name__, error.kind, error.status, error.code


def options(item: dict[str, Any], base: str) -> dict[str, Any]:
    path = item["request"]["url"].split("?")[0].split("://", 1)[1].partition("/")[2]
    return {
        "api_key": "test-key",
        "api_base": f"{base}/{path}",
        "extra_headers": {"x-replay-id": item["id"]},
        "max_tokens": 100,
        "retries": 0,
    }


@pytest.mark.parametrize(("replay", "dialect"), [(name, name) for name in PROVIDERS], indirect=["replay"])
async def test_blocking_and_awaited_calls_read_every_recording_alike(
    replay: str, dialect: str, recordings: Path
) -> None:
    model = f"{PROVIDERS[dialect]}/recorded"
    items = chats(recordings, dialect)
    if not items:
        pytest.skip(f"no chats of {dialect} at {recordings}")
    with lingate.Lingate() as blocking:
        async with lingate.AsyncLingate() as client:
            for item in items:
                stream = "stream" in item["kind"]
                given = options(item, replay)
                one = outcome(
                    lambda given=given, stream=stream: (
                        blocking.chat(model, QUESTION, stream=True, **given).final()
                        if stream
                        else blocking.chat(model, QUESTION, **given)
                    )
                )
                other = await awaited(client.chat(model, QUESTION, stream=stream, **given), stream)

                assert one == other, item["id"]
                is_error = "error" in item["kind"]
                assert isinstance(one[0], str) == is_error, (item["id"], one)


@pytest.mark.parametrize("dialect", PROVIDERS)
def test_every_recorded_stream_gives_the_same_chunks_byte_by_byte(dialect: str, recordings: Path) -> None:
    model = f"{PROVIDERS[dialect]}/recorded"
    for item in chats(recordings, dialect):
        body = item["response"]["body"]
        if not isinstance(body, str) or item["response"]["status"] != 200 or "error" in item["kind"]:
            continue
        data = body.encode()

        def chunks(pieces: list[bytes]) -> list[dict[str, Any]]:
            client = lingate.Lingate(transport=FakeTransport(Streamed(pieces)), retries=0)
            found = [
                chunk.to_dict()
                for chunk in client.chat(model, QUESTION, stream=True, api_key="k", api_base="http://x/v1")
            ]
            return [without_made_up_ids(chunk) for chunk in found]

        assert chunks([data]) == chunks([data[at : at + 1] for at in range(len(data))]), item["id"]


def without_made_up_ids(chunk: dict[str, Any]) -> dict[str, Any]:
    for choice in chunk["choices"]:
        for call in choice["delta"].get("tool_calls") or ():
            call.pop("id", None)
    return {key: value for key, value in chunk.items() if key != "id"}


@pytest.mark.parametrize(("replay", "dialect"), [(name, name) for name in PROVIDERS], indirect=["replay"])
def test_nothing_the_provider_said_is_missing_from_raw(replay: str, dialect: str, recordings: Path) -> None:
    model = f"{PROVIDERS[dialect]}/recorded"
    with lingate.Lingate() as client:
        for item in chats(recordings, dialect):
            if "stream" in item["kind"] or "error" in item["kind"]:
                continue
            answer = client.chat(model, QUESTION, **options(item, replay))

            assert answer.raw == item["response"]["body"], item["id"]
