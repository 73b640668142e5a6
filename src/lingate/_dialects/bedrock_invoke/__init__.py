# Bedrock's InvokeModel: each model in its maker's own body format, streams in AWS frames. As a face: with Anthropic's bodies.

# Of the other makers' bodies there is no telling from an answer which one the client takes, so they are not served.

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from lingate._dialects._base import Dialect, Form, StreamDecoder
from lingate._dialects._check import read_json
from lingate._dialects._claude import BETA
from lingate._dialects._frames import TIER, FrameDecoder, FramedStream, exception_frame
from lingate._dialects._free_text import FunctionsOnly
from lingate._dialects.anthropic.face_request import parse_chat as parse_message
from lingate._dialects.anthropic.face_request import parse_count as parse_message_count
from lingate._dialects.anthropic.face_response import Encoder as MessageEncoder
from lingate._dialects.anthropic.face_response import render_message
from lingate._dialects.anthropic.response import read_message as read_anthropic
from lingate._dialects.bedrock_converse import render_error
from lingate._dialects.bedrock_converse.face_request import model_in
from lingate._dialects.bedrock_converse.face_request import parse_count as parse_converse_count
from lingate._dialects.bedrock_converse.face_response import render_count, stream_error
from lingate._dialects.bedrock_converse.response import read_count
from lingate._dialects.bedrock_converse.response import read_message as read_converse
from lingate._dialects.bedrock_invoke.answers import (
    AnthropicChunks,
    NovaChunks,
    OpenAiChunks,
    TextChunks,
    counted,
    read_text,
)
from lingate._dialects.bedrock_invoke.embeddings import (
    embed_request,
    most_texts,
    read_embeddings,
    read_rerank,
    rerank_request,
)
from lingate._dialects.bedrock_invoke.facts import GUARDRAIL, NAME, format_of
from lingate._dialects.bedrock_invoke.request import INVOKE_STREAM, chat_request, count_request, text_format
from lingate._dialects.openai_chat.response import response as read_openai
from lingate._model import Call, Event, Head, HttpRequest, JsonDict
from lingate._wire import eventstream
from lingate._wire.json import encode
from lingate._wire.shapes import dig, without
from lingate._wire.sse import SseDecoder
from lingate.errors import BadRequestError, LingateError, UnsupportedError


def parse_chat(body: bytes, path_args: Mapping[str, str]) -> Call:
    made = parse_message(*_message(body, path_args))
    made.stream = path_args.get("method") == INVOKE_STREAM
    return _with_betas(made)


def parse_count(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a request for a token count, of a body of either API.
    given = read_json(body).get("input")
    inner = dig(given, "invokeModel")
    if not isinstance(inner, dict):
        return parse_converse_count(body, path_args)
    try:
        data = base64.b64decode(inner.get("body", ""), validate=True)
    except (ValueError, TypeError):
        raise BadRequestError("input.invokeModel.body: must be base64") from None
    return _with_betas(parse_message_count(*_message(data, path_args)))


def _message(body: bytes, path_args: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    wire = read_json(body)
    if "anthropic_version" not in wire:
        raise BadRequestError("anthropic_version: is missing; of the body formats only Anthropic's is served here")
    # The path names the model, and says whether to stream.
    rest = without(wire, ("anthropic_version", "model", "stream"))
    return encode(rest), {"model": model_in(path_args)}


def _with_betas(call: Call) -> Call:
    # Beta features as the header that they are elsewhere.
    given = call.body.pop("anthropic_beta", None)
    if isinstance(given, list) and given:
        call.extra_headers = {BETA: ",".join(map(str, given))}
    return call


class Encoder:
    # Canonical events -> frames with Anthropic's events in them.

    content_type = eventstream.CONTENT_TYPE

    def __init__(self, call: Call) -> None:
        self._inner = MessageEncoder(call)

    def event(self, event: Event) -> bytes:
        return _framed(self._inner.event(event))

    def end(self) -> bytes:
        return _framed(self._inner.end())

    def error(self, error: LingateError) -> bytes:
        return eventstream.encode(*exception_frame(*stream_error(error)))


def _framed(events: bytes) -> bytes:
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return b"".join(
        eventstream.encode(headers, encode({"bytes": base64.b64encode(data).decode()}))
        for _, data in SseDecoder().feed(events)
    )


_READERS = {"anthropic": read_anthropic, "nova": read_converse, "openai_chat": read_openai}
_CHUNKS: Mapping[str, Callable[[HttpRequest, Head], FramedStream]] = {
    "anthropic": AnthropicChunks,
    "nova": NovaChunks,
    "openai_chat": OpenAiChunks,
}


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    form = text_format(sent.target)
    if form is not None:
        return read_text(sent, head, body, form)
    response, raw = _READERS[format_of(sent.target)](sent, head, body)
    if tier := head.headers.get(TIER):
        response["service_tier"] = tier
    if not response.get("usage") and (usage := counted(head)):
        response["usage"] = usage
    if raw.get(GUARDRAIL) == "INTERVENED":
        for choice in response["choices"]:
            choice |= {"finish_reason": "content_filter", "native_finish_reason": "guardrail_intervened"}
    return response, raw


def stream_decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    form = text_format(sent.target)
    stream: FramedStream = (
        TextChunks(sent, head, form) if form is not None else _CHUNKS[format_of(sent.target)](sent, head)
    )
    return FrameDecoder(sent, head, stream, read_chat)


def _no_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    raise BadRequestError("of this API only chats with Anthropic's bodies are served here")


def _no_answer(response: JsonDict) -> bytes:
    raise UnsupportedError("this operation is not served in this format")


DIALECT = Dialect(
    name=NAME,
    operations={
        "chat": FunctionsOnly(Form(chat_request, read_chat, parse_chat, render_message, stream_decoder, Encoder)),
        "embeddings": Form(embed_request, read_embeddings, _no_call, _no_answer, most=most_texts),
        "rerank": Form(rerank_request, read_rerank, _no_call, _no_answer),
        "count_tokens": FunctionsOnly(Form(count_request, read_count, parse_count, render_count)),
    },
    render_error=render_error,
)
