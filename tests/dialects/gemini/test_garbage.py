"""Whatever an upstream or a client sends, the outcome is an answer or an error of ours, never a crash."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingate._dialects._replay import replay
from lingate._model import Call, Failed
from lingate.errors import LingateError
from tests.dialects.gemini.support import CHAT, COUNT, EMBED, JSON_HEAD, MIDDLE, MODELS, OLD, call, decode, sse, target

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=4)
FIELDS = [
    "candidates",
    "content",
    "parts",
    "text",
    "thought",
    "thoughtSignature",
    "functionCall",
    "name",
    "args",
    "id",
    "partialArgs",
    "jsonPath",
    "stringValue",
    "willContinue",
    "functionResponse",
    "response",
    "inlineData",
    "mimeType",
    "data",
    "fileData",
    "fileUri",
    "executableCode",
    "finishReason",
    "finishMessage",
    "index",
    "groundingMetadata",
    "groundingChunks",
    "groundingSupports",
    "segment",
    "groundingChunkIndices",
    "web",
    "uri",
    "citationMetadata",
    "citations",
    "startIndex",
    "endIndex",
    "logprobsResult",
    "chosenCandidates",
    "topCandidates",
    "token",
    "logProbability",
    "usageMetadata",
    "promptTokenCount",
    "totalTokenCount",
    "promptTokensDetails",
    "modality",
    "tokenCount",
    "promptFeedback",
    "blockReason",
    "modelVersion",
    "responseId",
    "createTime",
    "error",
    "message",
    "code",
    "status",
    "contents",
    "role",
    "systemInstruction",
    "tools",
    "functionDeclarations",
    "parameters",
    "type",
    "properties",
    "toolConfig",
    "functionCallingConfig",
    "mode",
    "allowedFunctionNames",
    "generationConfig",
    "temperature",
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "thinkingConfig",
    "thinkingBudget",
    "speechConfig",
    "voiceConfig",
    "embeddings",
    "values",
    "embedding",
    "predictions",
    "statistics",
    "token_count",
    "models",
    "requests",
    "instances",
    "totalTokens",
]
garbage = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=25,
)


def _wrapped(value: Any) -> Any:
    """The same deep inside an answer, where most of the reading happens."""
    return {"candidates": [{"content": {"parts": [value, {"functionCall": value}, {"inlineData": value}]}}]}


bodies = st.one_of(
    garbage,
    garbage.map(_wrapped),
    garbage.map(
        lambda value: (
            {"candidates": [{"finishReason": "STOP", "content": {"parts": [{"text": "x"}]}, **value}]}
            if isinstance(value, dict)
            else value
        )
    ),
    garbage.map(
        lambda value: {"candidates": [{"finishReason": "STOP"}], "usageMetadata": value, "promptFeedback": value}
    ),
)
SENT = CHAT.request(call(), target())


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies)
def test_any_json_as_an_answer(value: Any) -> None:
    data = json.dumps(value).encode()
    for form in (CHAT, COUNT, EMBED, MODELS):
        try:
            response, _ = form.response(SENT, JSON_HEAD, data)
        except LingateError:
            continue
        form.render(response)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(bodies, max_size=4))
def test_any_json_as_events(values: list[Any]) -> None:
    for data in (sse(*values), json.dumps(values).encode()):
        events = decode([data])
        assert not any(isinstance(event, Failed) for event in events[:-1])
        encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
        for event in events:
            if isinstance(event, Failed):
                assert isinstance(event.error, LingateError)
                assert encoder.error(event.error)
            else:
                encoder.event(event)
        encoder.end()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=60), st.sampled_from([b"", b"data: ", b"[", b"{"]))
def test_any_bytes_as_a_stream_or_an_answer(data: bytes, start: bytes) -> None:
    events = decode([start + data])
    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, LingateError)
    try:
        CHAT.response(SENT, JSON_HEAD, start + data)
    except LingateError:
        return
    raise AssertionError("garbage was taken for an answer")


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    garbage,
    st.sampled_from(
        ["contents", "generationConfig", "tools", "toolConfig", "systemInstruction", "requests", "instances", ""]
    ),
)
def test_any_json_as_a_request(value: Any, field: str) -> None:
    valid = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
    body = {**valid, field: value} if field else value
    for form in (CHAT, COUNT, EMBED):
        try:
            made = form.parse_call(json.dumps(body).encode(), {"model": "m"})
            form.request(made, target())
            form.request(made, target({"thinking": "level"}))
        except LingateError:
            continue


CANONICAL = [
    "type",
    "text",
    "image_url",
    "url",
    "detail",
    "input_audio",
    "data",
    "format",
    "file",
    "file_data",
    "file_id",
    "filename",
    "video_url",
    "id",
    "function",
    "name",
    "arguments",
    "extra_content",
    "google",
    "thought_signature",
    "provider_specific_fields",
    "gemini",
    "parts",
    "with_results",
    "thinking",
    "signature",
    "mode",
    "tools",
    "allowed_tools",
    "json_schema",
    "schema",
    "budget_tokens",
    "voice",
    "functionDeclarations",
    "properties",
    "anyOf",
    "enum",
    "$ref",
    "items",
    "required",
    "generationConfig",
    "toolConfig",
    "thinkingConfig",
]
WORDS = ["function", "text", "image_url", "file", "input_audio", "allowed_tools", "json_schema", "enabled", "object"]
WORDS += ["data:image/png;base64,QQ==", "gemini#a#QQ==", "files/1", "{}", "#"]
words = st.recursive(
    scalars | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(CANONICAL), inner, max_size=5),
    max_leaves=25,
)
MESSAGE = ["content", "tool_calls", "tool_call_id", "name", "thinking_blocks", "images", "audio", "refusal"]
messages = st.lists(
    st.builds(
        lambda role, own, fields: {"role": role, "content": "x", "provider_specific_fields": {"gemini": own}, **fields},
        st.sampled_from(["user", "assistant", "tool", "system", "function"]),
        words | garbage,
        st.dictionaries(st.sampled_from(MESSAGE), words | garbage, max_size=4),
    ),
    min_size=1,
    max_size=4,
)
PARAMS = [
    "tools",
    "tool_choice",
    "response_format",
    "reasoning_effort",
    "thinking",
    "stop",
    "n",
    "temperature",
    "modalities",
    "audio",
    "service_tier",
    "web_search_options",
    "provider_specific_fields",
    "max_tokens",
    "functions",
]


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    messages,
    st.dictionaries(st.sampled_from(PARAMS), words | garbage, max_size=3),
    st.sampled_from([OLD, MIDDLE, {}]),
)
def test_any_canonical_request(messages: list[Any], params: dict[str, Any], traits: Any) -> None:
    made = Call("chat", "m", {"messages": messages, **params}, drop_params=True)
    try:
        CHAT.request(made, target(traits))
    except LingateError:
        return


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies)
def test_any_answer_that_is_read_can_be_replayed(value: Any) -> None:
    try:
        response, _ = CHAT.response(SENT, JSON_HEAD, json.dumps(value).encode())
    except LingateError:
        return
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
    data = b"".join(encoder.event(event) for event in replay(response)) + encoder.end()
    assert not isinstance(decode([data])[-1], Failed)
