"""Cohere's second format (PROVIDERS.md, section 4.6), both directions: towards an upstream, and as a face of a server.

The first one (`/v1/chat` with `message` and `chat_history`) is not spoken: Cohere itself asks to move on from it.
"""

from __future__ import annotations

from lingate._dialects._base import Dialect, StreamDecoder, StreamEncoder
from lingate._dialects._streamless import Streamless
from lingate._dialects.cohere.decoder import stream_decoder
from lingate._dialects.cohere.embeddings import embed_request, parse_embed, read_embed, render_embed
from lingate._dialects.cohere.face_request import parse_chat
from lingate._dialects.cohere.face_response import render_chat, render_error
from lingate._dialects.cohere.face_stream import Encoder
from lingate._dialects.cohere.facts import NAME
from lingate._dialects.cohere.models import models_request, parse_models, read_models, render_models
from lingate._dialects.cohere.request import chat_request
from lingate._dialects.cohere.rerank import parse_rerank, read_rerank, render_rerank, rerank_request
from lingate._dialects.cohere.response import read_chat
from lingate._model import Call, Head, HttpRequest


class Chat:
    """`POST /v2/chat`."""

    request = staticmethod(chat_request)
    response = staticmethod(read_chat)
    parse_call = staticmethod(parse_chat)
    render = staticmethod(render_chat)

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return stream_decoder(sent, head)

    def encoder(self, call: Call) -> StreamEncoder:
        return Encoder(call)


class Embeddings(Streamless):
    """`POST /v2/embed`."""

    request = staticmethod(embed_request)
    response = staticmethod(read_embed)
    parse_call = staticmethod(parse_embed)
    render = staticmethod(render_embed)


class Rerank(Streamless):
    """`POST /v2/rerank`."""

    request = staticmethod(rerank_request)
    response = staticmethod(read_rerank)
    parse_call = staticmethod(parse_rerank)
    render = staticmethod(render_rerank)


class Models(Streamless):
    """`GET /v1/models`."""

    request = staticmethod(models_request)
    response = staticmethod(read_models)
    parse_call = staticmethod(parse_models)
    render = staticmethod(render_models)


DIALECT = Dialect(
    name=NAME,
    operations={"chat": Chat(), "embeddings": Embeddings(), "rerank": Rerank(), "models": Models()},
    render_error=render_error,
)
