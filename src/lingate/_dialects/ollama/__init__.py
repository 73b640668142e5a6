"""Ollama's own format (PROVIDERS.md, section 4.7), both directions: towards an upstream, and as a face of a server.

`/api/generate` is a face only: towards an upstream `/api/chat` does the same and more.
"""

from __future__ import annotations

from lingate._dialects._base import Dialect, StreamDecoder, StreamEncoder
from lingate._dialects._streamless import Streamless
from lingate._dialects.ollama.decoder import Decoder
from lingate._dialects.ollama.embeddings import embed_request, parse_embed, read_embed, render_embed
from lingate._dialects.ollama.face_request import parse_chat, parse_generate
from lingate._dialects.ollama.face_response import render_chat, render_error, render_generate
from lingate._dialects.ollama.face_stream import Encoder
from lingate._dialects.ollama.facts import NAME
from lingate._dialects.ollama.models import models_request, parse_models, read_models, render_models
from lingate._dialects.ollama.request import chat_request
from lingate._dialects.ollama.response import read_chat
from lingate._model import Call, Head, HttpRequest, Target
from lingate.errors import UnsupportedError


class Chat:
    """`POST /api/chat`."""

    request = staticmethod(chat_request)
    response = staticmethod(read_chat)
    parse_call = staticmethod(parse_chat)
    render = staticmethod(render_chat)

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return Decoder(sent, head)

    def encoder(self, call: Call) -> StreamEncoder:
        return Encoder(call)


class Generate:
    """`POST /api/generate`, as a face: its requests are chat calls of one turn. Its answers can be read too."""

    face_only = True

    response = staticmethod(read_chat)
    parse_call = staticmethod(parse_generate)
    render = staticmethod(render_generate)

    def request(self, call: Call, target: Target) -> HttpRequest:
        raise UnsupportedError(
            "prompts without messages are not sent in this format: ask for a chat", provider=target.provider
        )

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return Decoder(sent, head)

    def encoder(self, call: Call) -> StreamEncoder:
        return Encoder(call, flat=True)


class Embeddings(Streamless):
    """`POST /api/embed`, and as a face `POST /api/embeddings`."""

    request = staticmethod(embed_request)
    response = staticmethod(read_embed)
    parse_call = staticmethod(parse_embed)
    render = staticmethod(render_embed)


class Models(Streamless):
    """`GET /api/tags`."""

    request = staticmethod(models_request)
    response = staticmethod(read_models)
    parse_call = staticmethod(parse_models)
    render = staticmethod(render_models)


DIALECT = Dialect(
    name=NAME,
    operations={"chat": Chat(), "completions": Generate(), "embeddings": Embeddings(), "models": Models()},
    render_error=render_error,
)
