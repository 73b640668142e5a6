# Bedrock's InvokeModel: each model in its maker's own body format, streams in AWS frames.

from __future__ import annotations

from collections.abc import Callable, Mapping

from lingate._dialects._base import Dialect, Form, StreamDecoder
from lingate._dialects._frames import TIER, FrameDecoder, FramedStream
from lingate._dialects._free_text import FunctionsOnly
from lingate._dialects.anthropic.face_response import render_message
from lingate._dialects.anthropic.response import read_message as read_anthropic
from lingate._dialects.bedrock_converse import render_error
from lingate._dialects.bedrock_converse.face_response import render_count
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
from lingate._dialects.bedrock_invoke.face import Encoder, parse_chat, parse_count
from lingate._dialects.bedrock_invoke.facts import GUARDRAIL, NAME, format_of
from lingate._dialects.bedrock_invoke.request import chat_request, count_request, text_format
from lingate._dialects.openai_chat.response import response as read_openai
from lingate._model import Call, Head, HttpRequest, JsonDict
from lingate.errors import BadRequestError, UnsupportedError

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
