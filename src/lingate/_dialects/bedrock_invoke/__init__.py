"""Bedrock's InvokeModel: each model in its maker's own body format, streams in AWS frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lingate._dialects._base import Dialect, StreamDecoder, StreamEncoder
from lingate._dialects._frames import FrameDecoder, FramedStream
from lingate._dialects._replay import replay
from lingate._dialects._streamless import Streamless
from lingate._dialects.anthropic.face_response import render_message
from lingate._dialects.anthropic.response import read_message as read_anthropic
from lingate._dialects.bedrock_converse import render_error
from lingate._dialects.bedrock_converse.face_response import render_count
from lingate._dialects.bedrock_converse.response import read_count
from lingate._dialects.bedrock_converse.response import read_message as read_converse
from lingate._dialects.bedrock_invoke.chunks import AnthropicChunks, NovaChunks, OpenAiChunks
from lingate._dialects.bedrock_invoke.embeddings import embed_request, read_embeddings
from lingate._dialects.bedrock_invoke.face import Encoder, parse_chat, parse_count
from lingate._dialects.bedrock_invoke.facts import GUARDRAIL, NAME, format_of
from lingate._dialects.bedrock_invoke.request import chat_request, count_request, text_format
from lingate._dialects.bedrock_invoke.rerank import read_rerank, rerank_request
from lingate._dialects.bedrock_invoke.text_answers import TextChunks, counted, read_text
from lingate._dialects.openai_chat.response import response as read_openai
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate.errors import BadRequestError, UnsupportedError

_READERS = {"anthropic": read_anthropic, "nova": read_converse, "openai_chat": read_openai}
_CHUNKS: Mapping[str, Callable[[HttpRequest, Head], FramedStream]] = {
    "anthropic": AnthropicChunks,
    "nova": NovaChunks,
    "openai_chat": OpenAiChunks,
}


class Chat:
    """`POST /model/{modelId}/invoke` and `/invoke-with-response-stream`."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        return chat_request(call, target)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        form = text_format(sent.target)
        if form is not None:
            return read_text(sent, head, body, form)
        response, raw = _READERS[format_of(sent.target)](sent, head, body)
        if not response.get("usage") and (usage := counted(head)):
            response["usage"] = usage
        if raw.get(GUARDRAIL) == "INTERVENED":
            for choice in response["choices"]:
                choice |= {"finish_reason": "content_filter", "native_finish_reason": "guardrail_intervened"}
        return response, raw

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        form = text_format(sent.target)
        stream: FramedStream = (
            TextChunks(sent, head, form) if form is not None else _CHUNKS[format_of(sent.target)](sent, head)
        )
        return FrameDecoder(sent, head, stream, lambda body: replay(*self.response(sent, head, body)))

    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        return parse_chat(body, path_args)

    def render(self, response: JsonDict) -> bytes:
        return render_message(response)

    def encoder(self, call: Call) -> StreamEncoder:
        return Encoder(call)


class _NoFace:
    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        raise BadRequestError("of this API only chats with Anthropic's bodies are served here")

    def render(self, response: JsonDict) -> bytes:
        raise UnsupportedError("this operation is not served in this format")


class CountTokens(Streamless):
    """`POST /model/{modelId}/count-tokens`."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        return count_request(call, target)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        return read_count(sent, head, body)

    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        return parse_count(body, path_args)

    def render(self, response: JsonDict) -> bytes:
        return render_count(response)


class Embeddings(Streamless, _NoFace):
    """`POST /model/{modelId}/invoke` of a model that embeds."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        return embed_request(call, target)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        return read_embeddings(sent, head, body)


class Rerank(Streamless, _NoFace):
    """`POST /model/{modelId}/invoke` of a model that ranks."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        return rerank_request(call, target)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        return read_rerank(sent, head, body)


DIALECT = Dialect(
    name=NAME,
    operations={"chat": Chat(), "embeddings": Embeddings(), "rerank": Rerank(), "count_tokens": CountTokens()},
    render_error=render_error,
)
