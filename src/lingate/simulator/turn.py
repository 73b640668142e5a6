# Which path belongs to which dialect and operation (`ROUTES`), and one request at its face: read, answered whole or streamed.

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from urllib.parse import unquote

from lingate._dialects._base import Dialect, OperationFormat, StreamEncoder, media_type
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
from lingate.errors import LingateError
from lingate.simulator.edits import Scene, framing_of
from lingate.simulator.options import Options
from lingate.simulator.prompt import count, split
from lingate.simulator.steps import JSON, Begin, Send, Steps, Wait, body_steps


@dataclass(frozen=True)
class Route:
    """One path."""

    path: str
    """End of the path; anything may stand before it, as base URLs differ. `{name}` is (a part of) one segment."""
    dialect: str
    """Wire format spoken there."""
    operation: Operation
    """What is asked for there."""
    id_prefix: str = "sim-"
    """How ids of this format begin."""
    header: str | None = None
    """The row holds only for requests with this header."""
    args: Mapping[str, str] = field(default_factory=dict)
    """Path arguments that the path itself stands for."""
    start_event: str | None = None
    """Type of the stream's first event, if that holds a message with the prompt's token counts."""
    native: str | None = None
    """Key in `provider_specific_fields` under which the format takes the stop sequence that ended an answer."""
    renders_one: bool = False
    """The face of `models` writes a single one too, not only lists."""
    method: str = "POST"
    """HTTP method."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        pieces = re.split(r"\{(\w+)\}", self.path)
        body = "".join(f"(?P<{piece}>[^/]+?)" if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))
        return re.compile(f"(?:/.*)?{body}/?")


def _methods(
    place: str, dialect: str, methods: Mapping[str, Operation], id_prefix: str = "sim-", native: str | None = None
) -> Iterator[Route]:
    # Rows where the path's end says what is asked for, and whether the answer is a stream.
    start = "message_start" if native else None
    for method, operation in methods.items():
        args = {"method": method}
        yield Route(f"{place}{method}", dialect, operation, id_prefix, args=args, start_event=start, native=native)


_GOOGLE: dict[str, Operation] = {
    "generateContent": "chat",
    "streamGenerateContent": "chat",
    "countTokens": "count_tokens",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
}


def _chats(place: str, dialect: str, whole: str, stream: str, *more: str) -> Iterator[Route]:
    return _methods(place, dialect, {whole: "chat", stream: "chat"}, *more)


_AWS_MODEL = "/model/{model}/"
_CLAUDE_ON_VERTEX = "/publishers/anthropic/models/"
ROUTES: tuple[Route, ...] = (
    Route("/chat/completions", "openai_chat", "chat", "chatcmpl-"),
    Route("/api/chat", "ollama", "chat"),
    Route("/api/generate", "ollama", "completions"),
    Route("/api/embed", "ollama", "embeddings"),
    Route("/api/embeddings", "ollama", "embeddings"),
    Route("/api/tags", "ollama", "models", method="GET"),
    Route("/v2/chat", "cohere", "chat"),
    Route("/v2/embed", "cohere", "embeddings"),
    Route("/v2/rerank", "cohere", "rerank"),
    Route("/embeddings", "openai_chat", "embeddings"),
    Route("/completions", "openai_chat", "completions", "cmpl-"),
    Route("/images/generations", "openai_chat", "images"),
    Route("/images/edits", "openai_chat", "images", args={"task": "edits"}),
    Route("/images/variations", "openai_chat", "images", args={"task": "variations"}),
    Route("/audio/speech", "openai_chat", "speech"),
    Route("/audio/transcriptions", "openai_chat", "transcription"),
    Route("/audio/translations", "openai_chat", "transcription", args={"translate": "yes"}),
    Route("/moderations", "openai_chat", "moderations"),
    Route("/rerank", "openai_chat", "rerank"),
    Route("/responses/input_tokens", "openai_responses", "count_tokens"),
    Route("/responses", "openai_responses", "chat", "resp_"),
    Route("/messages/count_tokens", "anthropic", "count_tokens"),
    Route("/messages", "anthropic", "chat", "msg_", start_event="message_start", native="anthropic"),
    Route("/models", "anthropic", "models", header="anthropic-version", method="GET"),
    Route("/models/{model}", "anthropic", "models", header="anthropic-version", method="GET"),
    # Its path is OpenAI's too; the official package says who it is.
    Route("/v1/models", "cohere", "models", header="x-fern-language", method="GET"),
    Route("/v1beta/models", "gemini", "models", method="GET"),
    Route("/v1beta/models/{model}", "gemini", "models", renders_one=True, method="GET"),
    Route("/models", "openai_chat", "models", method="GET"),
    Route("/models/{model}", "openai_chat", "models", method="GET"),
    Route(f"{_CLAUDE_ON_VERTEX}count-tokens:rawPredict", "anthropic", "count_tokens"),
    *_chats(f"{_CLAUDE_ON_VERTEX}{{model}}:", "anthropic", "rawPredict", "streamRawPredict", "msg_vrtx_", "anthropic"),
    *_methods("/models/{model}:", "gemini", _GOOGLE),
    *_methods("/endpoints/{model}:", "gemini", _GOOGLE),
    *_chats(_AWS_MODEL, "bedrock_converse", "converse", "converse-stream"),
    *_chats(_AWS_MODEL, "bedrock_invoke", "invoke", "invoke-with-response-stream", "msg_bdrk_", "anthropic"),
    # Takes the bodies of both.
    Route(f"{_AWS_MODEL}count-tokens", "bedrock_invoke", "count_tokens"),
    *_chats("/endpoints/{model}/", "sagemaker", "invocations", "invocations-response-stream", "chatcmpl-"),
)
"""Rows in the order they are tried."""


def find_route(method: str, path: str, headers: Mapping[str, str]) -> tuple[Route, dict[str, str]] | None:
    # The row for a request and its path arguments; None if nobody serves it.
    for route in ROUTES:
        if route.method == method and (route.header is None or route.header in headers):
            found = route.pattern.fullmatch(path)
            if found:
                return route, {**route.args, **{name: unquote(value) for name, value in found.groupdict().items()}}
    return None


def token_events(response: JsonDict, start: JsonDict | None = None) -> Iterator[tuple[Event, int]]:
    # The events of a canonical chat response, each with its completion tokens; several choices take turns.
    #
    # `start` is the raw form of the first event, for formats that say more in it than the canonical one does.
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
            logprobs = event.logprobs or {}
            for at, token in enumerate(split(text)):
                cut = {key: value[at : at + 1] if isinstance(value, list) else value for key, value in logprobs.items()}
                yield Text(token, choice, logprobs=cut or None), 1
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


@dataclass
class Turn:
    """A request for one route, with the encoder of its answer if that is a stream."""

    route: Route
    face: Dialect
    args: dict[str, str]
    call: Call = field(init=False)
    encoder: StreamEncoder | None = field(init=False, default=None)

    @cached_property
    def _operation(self) -> OperationFormat:
        return self.face.operations[self.route.operation]

    def read(self, body: bytes) -> Call:
        if self.route.operation == "models":
            # There is no request body, and which model is asked for is in the path, if it is one.
            self.call = Call("models", self.args.get("model", ""), {})
            return self.call
        self.call = self._operation.parse_call(body, self.args)
        if self.call.stream:
            self.encoder = self._operation.encoder(self.call)
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
        # One model of the list is in a form that both OpenAI's and Anthropic's clients read; most faces have lists only.
        single = self.route.operation == "models" and "data" not in response and not self.route.renders_one
        body = self._operation.render(response) if not single else json.encode(response)
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
        # The stream's own first event where that tells what the prompt cost, which canonical events say at the end.
        if self.route.start_event is None:
            return None
        usage = {**json.decode(self._operation.render(response))["usage"], "output_tokens": 0}
        usage.pop("output_tokens_details", None)
        return {"type": self.route.start_event, "message": {"usage": usage}}
