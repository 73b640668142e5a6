"""Which path belongs to which dialect and operation (`ROUTES`), and one request at its face: read, answered whole or streamed."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from urllib.parse import unquote

from lingate._dialects._base import Dialect, StreamEncoder, media_type
from lingate._dialects._replay import replay
from lingate._model import (
    Call,
    Event,
    Extra,
    JsonDict,
    Operation,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
    replaced,
)
from lingate._wire import json
from lingate.errors import LingateError, NotFoundError
from lingate.simulator.edits import Scene, framing_of
from lingate.simulator.options import Options
from lingate.simulator.prompt import count, split
from lingate.simulator.steps import JSON, Begin, Send, Steps, Wait, body_steps


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


def token_events(response: JsonDict, start: JsonDict | None = None) -> Iterator[tuple[Event, int]]:
    """The events of a canonical chat response, each with its completion tokens; several choices take turns.

    `start` is the raw form of the first event, for formats that say more in it than the canonical one does.
    """
    queues: dict[int, deque[tuple[Event, int]]] = {}
    tail: list[Event] = []
    for event in replay(response):
        if isinstance(event, Start):
            yield replaced(event, extra=None, raw=start), 0
            # How an answer ended is known at its end.
            tail += [Extra(event.extra)] if event.extra else []
        elif isinstance(event, Usage):
            tail.append(event)
        else:
            queues.setdefault(getattr(event, "choice", 0) or 0, deque()).extend(_pieces(event))
    while queues:
        for index in list(queues):
            yield queues[index].popleft()
            if not queues[index]:
                del queues[index]
    for event in tail:
        yield event, 0


def _pieces(event: Event) -> Iterator[tuple[Event, int]]:
    match event:
        case Text(text, choice):
            logprobs = event.logprobs
            for at, token in enumerate(split(text)):
                yield Text(token, choice, logprobs=_slice(logprobs, at) if logprobs else None), 1
        case Thinking(text, choice, block) if text:
            for token in split(text):
                yield Thinking(token, choice, block), 1
        case ToolArgs(tool, text, choice):
            for token in split(text):
                yield ToolArgs(tool, token, choice), 1
        case ToolStart():
            yield event, count(event.name)
        case _:
            yield event, 0


def _slice(logprobs: JsonDict, at: int) -> JsonDict:
    return {key: value[at : at + 1] if isinstance(value, list) else value for key, value in logprobs.items()}


@dataclass
class Turn:
    """A request for one route, with the encoder of its answer if that is a stream."""

    route: Route
    face: Dialect
    args: dict[str, str]
    call: Call = field(init=False)
    encoder: StreamEncoder | None = field(init=False, default=None)

    def read(self, body: bytes) -> Call:
        operation = self.face.operations.get(self.route.operation)
        if self.route.operation == "models":
            # There is no request body, and which model is asked for is in the path, if it is one.
            self.call = Call("models", self.args.get("model", ""), {})
            return self.call
        if operation is None:
            raise NotFoundError(f"{self.face.name} has no {self.route.operation} here")
        self.call = operation.parse_call(body, self.args)
        if self.call.stream:
            self.encoder = operation.encoder(self.call)
        return self.call

    def scene(self, key: str) -> Scene:
        framing = framing_of(self.encoder.content_type if self.encoder else JSON)
        return Scene(self.call.model, key, self.encoder is not None, framing, self._failure)

    def _failure(self, error: LingateError) -> bytes:
        if self.encoder:
            return self.encoder.error(error)
        body: bytes = self.face.render_error(error)[1]
        return body

    def steps(self, response: JsonDict, options: Options) -> Steps:
        if self.encoder:
            return self._stream(self.encoder, response, options)
        return self._whole(response, options)

    def _whole(self, response: JsonDict, options: Options) -> Steps:
        operation = self.face.operations.get(self.route.operation)
        # One model of the list is in a form that both OpenAI's and Anthropic's clients read; most faces have lists only.
        single = self.route.operation == "models" and "data" not in response and not self.route.renders_one
        body = operation.render(response) if operation and not single else json.encode(response)
        tokens = (response.get("usage") or {}).get("completion_tokens") or 0
        wait = options.first_delay + options.delay * tokens
        kind = media_type(self.route.operation, response)
        return chain([Wait(wait)] if wait else (), body_steps(200, kind, body, tokens=tokens))

    def _stream(self, encoder: StreamEncoder, response: JsonDict, options: Options) -> Iterator[Begin | Wait | Send]:
        yield Begin(200, [("content-type", encoder.content_type), ("cache-control", "no-cache")])
        split = framing_of(encoder.content_type).split
        if options.first_delay:
            yield Wait(options.first_delay)
        owed = 0  # tokens of events that the encoder has not written yet
        for event, tokens in token_events(response, self._start_raw(response)):
            if tokens and options.delay:
                yield Wait(options.delay)
            owed += tokens
            frames = split(encoder.event(event))
            for frame in frames:
                yield Send(frame, owed if frame is frames[-1] else 0)
            owed = 0 if frames else owed
        frames = split(encoder.end())
        for frame in frames:
            yield Send(frame, owed if frame is frames[-1] else 0, terminal=frame is frames[-1])

    def _start_raw(self, response: JsonDict) -> JsonDict | None:
        """The stream's own first event where that tells what the prompt cost, which canonical events say at the end."""
        operation = self.face.operations.get(self.route.operation)
        if self.route.start_event is None or operation is None:
            return None
        usage = {**json.decode(operation.render(response))["usage"], "output_tokens": 0}
        usage.pop("output_tokens_details", None)
        return {"type": self.route.start_event, "message": {"usage": usage}}
