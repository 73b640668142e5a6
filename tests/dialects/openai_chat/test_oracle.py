"""The official openai package as the judge of what we send and render."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from openai._streaming import SSEDecoder
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParams
from pydantic import TypeAdapter

from lingate._model import Call, Head
from tests.dialects.openai_chat.support import CHAT, decode, target
from tests.dialects.openai_chat.test_recordings import CHAT_DIALECTS, ends_of, exchanges, has_failed
from tests.dialects.short import collect

# Several recorded requests hold what the host takes and OpenAI's types do not name: those are not ours to judge.
_OPENAI = ("openai-chat", "azure-openai", "xai", "cerebras", "deepseek", "together", "vllm", "llamacpp")


@pytest.fixture(scope="module")
def params() -> TypeAdapter[Any]:
    return TypeAdapter(CompletionCreateParams)


def validated(value: Any) -> Any:
    """Everything in a validated value: pydantic validates iterables only when they are read."""
    if isinstance(value, Mapping):
        return {name: validated(item) for name, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [validated(item) for item in value]
    return value


@pytest.mark.parametrize("dialect", _OPENAI)
def test_what_we_send_is_what_openais_types_say(dialect: str, params: TypeAdapter[Any]) -> None:
    for item in exchanges(dialect, "chat/completions"):
        call = CHAT.parse_call(json.dumps(item["request"]["body"]).encode(), {"model": "m"})
        for name in ("thinking", "service_tier"):
            call.body.pop(name, None)
        if "schema" in (call.body.get("response_format") or ()):
            del call.body["response_format"]  # as Together and llama.cpp take it

        to = target(traits={"custom_tools": True})
        validated(params.validate_python(json.loads(CHAT.request(call, to).body)))


@pytest.mark.parametrize(
    "traits",
    [
        {},
        {"structured": "tool", "system_role": "developer", "late_system": "user", "text_content": True},
        {"structured": "json_object", "max_tokens_param": "max_completion_tokens", "sampling": "one"},
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_translated_calls_are_valid_too(traits: Any, stream: bool, params: TypeAdapter[Any]) -> None:
    body = {
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": "https://x/y.png"}, "text"]},
            {
                "role": "assistant",
                "content": [],
                "reasoning_content": "hm",
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": {}}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": {"a": 1}},
            {"role": "system", "content": "late"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}, "strict": True}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "thinking": {"type": "enabled", "budget_tokens": 4000},
        "temperature": 0.5,
        "top_p": 0.5,
        "max_completion_tokens": 10,
        "stop": list("abcdef"),
    }

    sent = CHAT.request(Call("chat", "m", body, stream=stream, drop_params=True), target(traits=traits))

    validated(params.validate_python(json.loads(sent.body)))


@pytest.mark.parametrize("dialect", CHAT_DIALECTS)
def test_what_we_render_reads_the_same_in_the_openai_package(dialect: str) -> None:
    for item in exchanges(dialect, "chat/completions"):
        body = item["response"]["body"]
        if isinstance(body, str) or has_failed(body):
            continue
        sent = CHAT.request(Call("chat", "m", {"messages": []}), target())
        ours, _ = CHAT.response(sent, Head(200, {}), json.dumps(body).encode())
        ours.pop("service_tier", None)  # the hosts have words of their own
        for choice in ours["choices"]:
            choice.pop("delta", None)
            if any(note.get("type") != "url_citation" for note in choice["message"].get("annotations") or ()):
                del choice["message"]["annotations"]  # and kinds

        theirs = ChatCompletion.model_validate_json(CHAT.render(ours))

        for choice, read in zip(ours["choices"], theirs.choices, strict=True):
            assert read.message.content == choice["message"]["content"]
            assert read.finish_reason == choice["finish_reason"]
            calls = [call.model_dump(exclude_unset=True) for call in read.message.tool_calls or ()]
            assert calls == (choice["message"].get("tool_calls") or [])
        assert (theirs.usage and theirs.usage.total_tokens) == (ours["usage"] and ours["usage"]["total_tokens"])


@pytest.mark.parametrize("dialect", CHAT_DIALECTS)
def test_what_we_stream_adds_up_to_the_same_in_the_openai_package(dialect: str) -> None:
    for item in exchanges(dialect, "chat/completions"):
        body = item["response"]["body"]
        if not isinstance(body, str) or '"error"' in body:
            continue
        events = decode(body.encode(), ends_of(body))
        ours = collect(events)
        encoder = CHAT.encoder(
            Call("chat", "m", {"messages": [], "stream_options": {"include_usage": True}}, stream=True)
        )
        served = b"".join(encoder.event(event) for event in events) + encoder.end()

        theirs = accumulated(served)

        for choice, read in zip(ours["choices"], theirs.choices, strict=True):
            assert (read.message.content or "") == (choice["message"]["content"] or "")
            assert read.finish_reason == choice["finish_reason"]
            calls = [(call.id, call.function.name, call.function.arguments) for call in read.message.tool_calls or ()]  # type: ignore[union-attr]
            assert calls == [
                (call["id"], call["function"]["name"], call["function"]["arguments"])
                for call in choice["message"].get("tool_calls", ())
            ]
            assert (getattr(read.message, "reasoning_content", None) or "") == choice["message"].get(
                "reasoning_content", ""
            )
        assert (theirs.usage and theirs.usage.total_tokens) == (ours["usage"] and ours["usage"]["total_tokens"])


def accumulated(served: bytes) -> Any:
    """A served stream as the openai package collects it."""
    state: Any = ChatCompletionStreamState()
    ended = False
    for event in SSEDecoder().iter_bytes(iter([served])):
        ended = event.data == "[DONE]"
        if not ended:
            data = event.json()
            data.pop("service_tier", None)
            state.handle_chunk(ChatCompletionChunk.model_validate(data))
    assert ended
    return state.current_completion_snapshot


def test_embeddings_read_the_same_in_the_openai_package() -> None:
    from lingate._dialects.openai_chat import DIALECT

    embeddings: Any = DIALECT.operations["embeddings"]
    body = {"data": [{"embedding": [0.5, 1.0]}], "usage": {"prompt_tokens": 2, "total_tokens": 2}}
    sent = embeddings.request(Call("embeddings", "m", {"input": "x"}), target())
    ours, _ = embeddings.response(sent, Head(200, {}), json.dumps(body).encode())

    theirs = CreateEmbeddingResponse.model_validate_json(embeddings.render(ours))

    assert theirs.data[0].embedding == [0.5, 1.0]
    assert theirs.usage.total_tokens == 2
