"""Shapes that users write: parameters of the calls, messages and tools. For type checkers; nothing is validated by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

__all__ = ["CallOptions", "ChatParams", "EmbeddingParams", "MessageParam", "ResponsesParams", "ToolParam"]


class CallOptions(TypedDict, total=False):
    """Arguments that every call takes.

    Keys:
        api_key: Instead of the environment's or the configuration's.
        api_base: Base URL instead of the provider's own.
        api_version: Version of the API, at providers whose addresses hold one (Azure).
        timeout: Seconds in total, or a `lingate.Timeout`.
        retries: Further tries after the first, or a `lingate.RetryPolicy`. Default 2.
        fallbacks: Models to try in order when this one fails: `provider/model`, or a dict with `model` and, as needed,
            `api_key`, `api_base`, `api_version`, `params` (changes to the request) and `on` (kinds of error, such as `context_window`).
        extra_headers: Sent besides ours, and instead of ours where names are equal.
    """

    api_key: str | None
    api_base: str | None
    api_version: str | None
    timeout: Any
    retries: Any
    fallbacks: Sequence[str | Mapping[str, Any]] | str | None
    extra_headers: Mapping[str, str] | None


class _RequestOptions(CallOptions, total=False):
    drop_params: bool | None
    extra_body: Mapping[str, Any] | None


class ChatParams(_RequestOptions, total=False):
    """Chat parameters, as OpenAI names them (https://platform.openai.com/docs/api-reference/chat/create).

    Any other parameter of a provider goes through `extra_body`, or straight as a keyword argument at run time.
    """

    audio: Mapping[str, Any] | None
    cache_control: Mapping[str, Any] | None
    frequency_penalty: float | None
    logit_bias: Mapping[str, float] | None
    logprobs: bool | None
    max_completion_tokens: int | None
    max_tokens: int | None
    metadata: Mapping[str, str] | None
    modalities: Sequence[str] | None
    n: int | None
    parallel_tool_calls: bool | None
    prediction: Mapping[str, Any] | None
    presence_penalty: float | None
    prompt_cache_key: str | None
    reasoning_effort: str | None
    response_format: Any
    safety_identifier: str | None
    seed: int | None
    service_tier: str | None
    stop: str | Sequence[str] | None
    store: bool | None
    stream_options: Mapping[str, Any] | None
    temperature: float | None
    thinking: Mapping[str, Any] | None
    tool_choice: str | Mapping[str, Any] | None
    tools: Sequence[Any] | None
    top_k: int | None
    top_logprobs: int | None
    top_p: float | None
    user: str | None
    verbosity: str | None
    web_search_options: Mapping[str, Any] | None


class ResponsesParams(_RequestOptions, total=False):
    """Fields of the Responses API (https://platform.openai.com/docs/api-reference/responses/create).

    `text_format` is ours: a class with `model_json_schema()`, or a JSON schema, in place of `text.format`. Any other field
    goes through `extra_body`, or straight as a keyword argument at run time.
    """

    background: bool | None
    conversation: str | Mapping[str, Any] | None
    include: Sequence[str] | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    metadata: Mapping[str, str] | None
    parallel_tool_calls: bool | None
    previous_response_id: str | None
    prompt: Mapping[str, Any] | None
    prompt_cache_key: str | None
    reasoning: Mapping[str, Any] | None
    safety_identifier: str | None
    service_tier: str | None
    store: bool | None
    stream_options: Mapping[str, Any] | None
    temperature: float | None
    text: Mapping[str, Any] | None
    text_format: Any
    tool_choice: str | Mapping[str, Any] | None
    tools: Sequence[Any] | None
    top_logprobs: int | None
    top_p: float | None
    truncation: str | None
    user: str | None


class EmbeddingParams(_RequestOptions, total=False):
    """Embedding parameters, as OpenAI names them."""

    dimensions: int | None
    encoding_format: Literal["float", "base64"] | None
    user: str | None


class MessageParam(TypedDict, total=False):
    """A message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Sequence[Mapping[str, Any]] | None
    name: str
    tool_calls: Sequence[Mapping[str, Any]]
    tool_call_id: str
    reasoning_content: str
    thinking_blocks: Sequence[Mapping[str, Any]]


class ToolParam(TypedDict, total=False):
    """A tool the model may call."""

    type: Literal["function"]
    function: Mapping[str, Any]
