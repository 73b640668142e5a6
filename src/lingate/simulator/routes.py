"""Which path belongs to which dialect and operation. A further dialect is served by adding its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote

from lingate._model import Operation


@dataclass(frozen=True)
class Route:
    """One path.

    Attributes:
        method: HTTP method.
        path: End of the path; anything may stand before it, as base URLs differ. `{name}` is (a part of) one segment.
        dialect: Wire format spoken there.
        operation: What is asked for there.
        id_prefix: How ids of this format begin.
        header: The row holds only for requests with this header.
        args: Path arguments that the path itself stands for.
        start_event: Type of the stream's first event, if that holds a message with the prompt's token counts.
        native: Key in `provider_specific_fields` under which the format takes the stop sequence that ended an answer.
        renders_one: The face of `models` writes a single one too, not only lists.
    """

    method: str
    path: str
    dialect: str
    operation: Operation
    id_prefix: str = "sim-"
    header: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    start_event: str | None = None
    native: str | None = None
    renders_one: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        pieces = re.split(r"\{(\w+)\}", self.path)
        body = "".join(f"(?P<{piece}>[^/]+?)" if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))
        return re.compile(f"(?:/.*)?{body}/?")


def _google(place: str) -> tuple[Route, ...]:
    """The methods of a model in Google's format; the path says which is meant."""
    methods: tuple[tuple[str, Operation], ...] = (
        ("generateContent", "chat"),
        ("streamGenerateContent", "chat"),
        ("countTokens", "count_tokens"),
        ("embedContent", "embeddings"),
        ("batchEmbedContents", "embeddings"),
    )
    return tuple(
        Route("POST", f"{place}:{method}", "gemini", operation, args={"method": method})
        for method, operation in methods
    )


_AWS = (
    Route("POST", "/model/{model}/converse", "bedrock_converse", "chat"),
    Route("POST", "/model/{model}/converse-stream", "bedrock_converse", "chat", args={"method": "converse-stream"}),
    Route("POST", "/model/{model}/invoke", "bedrock_invoke", "chat", "msg_bdrk_", native="anthropic"),
    Route(
        "POST",
        "/model/{model}/invoke-with-response-stream",
        "bedrock_invoke",
        "chat",
        "msg_bdrk_",
        args={"method": "invoke-with-response-stream"},
        start_event="message_start",
        native="anthropic",
    ),
    # Takes the bodies of both.
    Route("POST", "/model/{model}/count-tokens", "bedrock_invoke", "count_tokens"),
    Route("POST", "/endpoints/{model}/invocations", "sagemaker", "chat", "chatcmpl-"),
    Route(
        "POST",
        "/endpoints/{model}/invocations-response-stream",
        "sagemaker",
        "chat",
        "chatcmpl-",
        args={"method": "invocations-response-stream"},
    ),
)

_CLAUDE_ON_VERTEX = "/publishers/anthropic/models/"
_VERTEX = (
    Route("POST", f"{_CLAUDE_ON_VERTEX}count-tokens:rawPredict", "anthropic", "count_tokens"),
    *(
        Route(
            "POST",
            f"{_CLAUDE_ON_VERTEX}{{model}}:{method}",
            "anthropic",
            "chat",
            "msg_vrtx_",
            start_event="message_start",
            native="anthropic",
        )
        for method in ("rawPredict", "streamRawPredict")
    ),
)

ROUTES: tuple[Route, ...] = (
    Route("POST", "/chat/completions", "openai_chat", "chat", "chatcmpl-"),
    Route("POST", "/api/chat", "ollama", "chat"),
    Route("POST", "/api/generate", "ollama", "completions"),
    Route("POST", "/api/embed", "ollama", "embeddings"),
    Route("POST", "/api/embeddings", "ollama", "embeddings"),
    Route("GET", "/api/tags", "ollama", "models"),
    Route("POST", "/v2/chat", "cohere", "chat"),
    Route("POST", "/v2/embed", "cohere", "embeddings"),
    Route("POST", "/v2/rerank", "cohere", "rerank"),
    Route("POST", "/embeddings", "openai_chat", "embeddings"),
    Route("POST", "/completions", "openai_chat", "completions", "cmpl-"),
    Route("POST", "/images/generations", "openai_chat", "images"),
    Route("POST", "/images/edits", "openai_chat", "images", args={"task": "edits"}),
    Route("POST", "/images/variations", "openai_chat", "images", args={"task": "variations"}),
    Route("POST", "/audio/speech", "openai_chat", "speech"),
    Route("POST", "/audio/transcriptions", "openai_chat", "transcription"),
    Route("POST", "/audio/translations", "openai_chat", "transcription", args={"translate": "yes"}),
    Route("POST", "/moderations", "openai_chat", "moderations"),
    Route("POST", "/rerank", "openai_chat", "rerank"),
    Route("POST", "/responses/input_tokens", "openai_responses", "count_tokens"),
    Route("POST", "/responses", "openai_responses", "chat", "resp_"),
    Route("POST", "/messages/count_tokens", "anthropic", "count_tokens"),
    Route("POST", "/messages", "anthropic", "chat", "msg_", start_event="message_start", native="anthropic"),
    Route("GET", "/models", "anthropic", "models", header="anthropic-version"),
    Route("GET", "/models/{model}", "anthropic", "models", header="anthropic-version"),
    # Its path is OpenAI's too; the official package says who it is.
    Route("GET", "/v1/models", "cohere", "models", header="x-fern-language"),
    Route("GET", "/v1beta/models", "gemini", "models"),
    Route("GET", "/v1beta/models/{model}", "gemini", "models", renders_one=True),
    Route("GET", "/models", "openai_chat", "models"),
    Route("GET", "/models/{model}", "openai_chat", "models"),
    *_VERTEX,
    *_google("/models/{model}"),
    *_google("/endpoints/{model}"),
    *_AWS,
)
"""Rows in the order they are tried."""


def find_route(method: str, path: str, headers: Mapping[str, str]) -> tuple[Route, dict[str, str]] | None:
    """The row for a request and its path arguments; None if nobody serves it."""
    for route in ROUTES:
        if route.method == method and (route.header is None or route.header in headers):
            found = route.pattern.fullmatch(path)
            if found:
                return route, {**route.args, **{name: unquote(value) for name, value in found.groupdict().items()}}
    return None
