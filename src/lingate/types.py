"""Shapes that users write: parameters of the calls, messages and tools. For type checkers; nothing is validated by them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import IO, Any, Literal, TypedDict

__all__ = [
    "CallOptions",
    "ChatParams",
    "CompletionParams",
    "EmbeddingParams",
    "FileParam",
    "ImageParams",
    "MessageParam",
    "ModerationParams",
    "RerankParams",
    "ResponsesParams",
    "SpeechParams",
    "ToolParam",
    "TranscriptionParams",
]

FileParam = (
    str
    | os.PathLike[str]
    | bytes
    | IO[bytes]
    | tuple[str | None, str | os.PathLike[str] | bytes | IO[bytes]]
    | tuple[str | None, str | os.PathLike[str] | bytes | IO[bytes], str]
)
"""A file: its path, an open file, bytes, a `data:` URL, or a tuple of a name, one of these and, as a third, a media type."""


class CallOptions(TypedDict, total=False):
    """Arguments that every call takes.

    Keys:
        api_key: Instead of the environment's or the configuration's.
        api_base: Base URL instead of the provider's own.
        api_version: Version of the API, at providers whose addresses hold one (Azure).
        timeout: Seconds in total, or a `lingate.Timeout`.
        retries: Further tries after the first, or a `lingate.RetryPolicy`. Default 2.
        fallbacks: Models to try in order when this one fails: `provider/model`, or a dict with `model` and, as needed,
            `api_key`, `api_base`, `api_version`, `params` (changes to the request) and `on` (kinds of error, such as
            `context_window`).
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


class CompletionParams(_RequestOptions, total=False):
    """Parameters of completions, as OpenAI names them."""

    best_of: int | None
    echo: bool | None
    frequency_penalty: float | None
    logit_bias: Mapping[str, float] | None
    logprobs: int | None
    max_tokens: int | None
    n: int | None
    presence_penalty: float | None
    seed: int | None
    stop: str | Sequence[str] | None
    stream_options: Mapping[str, Any] | None
    suffix: str | None
    temperature: float | None
    top_p: float | None
    user: str | None


class ImageParams(_RequestOptions, total=False):
    """Image parameters, as OpenAI names them. `image`, `mask` and `markup` are files."""

    background: str | None
    image: FileParam | list[FileParam] | None
    input_fidelity: str | None
    markup: FileParam | None
    mask: FileParam | None
    moderation: str | None
    n: int | None
    output_compression: int | None
    output_format: str | None
    quality: str | None
    response_format: Literal["url", "b64_json"] | None
    size: str | None
    style: str | None
    user: str | None


class SpeechParams(_RequestOptions, total=False):
    """Speech parameters, as OpenAI names them."""

    instructions: str | None
    response_format: str | None
    speed: float | None
    voice: str | Mapping[str, Any] | None


class TranscriptionParams(_RequestOptions, total=False):
    """Transcription parameters, as OpenAI names them. `translate` is ours: the transcript is to be in English."""

    chunking_strategy: str | Mapping[str, Any] | None
    include: Sequence[str] | None
    language: str | None
    prompt: str | None
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] | None
    temperature: float | None
    timestamp_granularities: Sequence[Literal["word", "segment"]] | None
    translate: bool | None


class ModerationParams(_RequestOptions, total=False):
    """Moderation parameters: none but those that every call takes."""


class EmbeddingParams(_RequestOptions, total=False):
    """Embedding parameters, as OpenAI names them."""

    dimensions: int | None
    encoding_format: Literal["float", "base64"] | None
    user: str | None


class RerankParams(_RequestOptions, total=False):
    """Rerank parameters, as Cohere and Jina name them."""

    max_tokens_per_doc: int | None
    return_documents: bool | None
    top_n: int | None


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
