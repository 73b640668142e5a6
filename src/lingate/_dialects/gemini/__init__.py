"""The Gemini generateContent wire format, both directions: towards an upstream, and as a face of a server."""

from __future__ import annotations

from lingate._dialects._base import Dialect, StreamDecoder, StreamEncoder
from lingate._dialects._faults import google_error
from lingate._dialects._streamless import Streamless
from lingate._dialects.gemini.decoder import Decoder
from lingate._dialects.gemini.embeddings import embed_request, embed_response, parse_embed, render_embed
from lingate._dialects.gemini.face_request import parse_chat, parse_count
from lingate._dialects.gemini.face_response import render_answer, render_count
from lingate._dialects.gemini.face_stream import Encoder
from lingate._dialects.gemini.facts import NAME
from lingate._dialects.gemini.models import models_request, parse_models, read_models, render_models
from lingate._dialects.gemini.request import chat_request, count_request
from lingate._dialects.gemini.response import read_answer, read_count
from lingate._model import Call, Head, HttpRequest
from lingate._wire.json import encode
from lingate.errors import LingateError


class Chat:
    """`generateContent` and `streamGenerateContent`."""

    request = staticmethod(chat_request)
    response = staticmethod(read_answer)
    parse_call = staticmethod(parse_chat)
    render = staticmethod(render_answer)

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return Decoder(sent, head)

    def encoder(self, call: Call) -> StreamEncoder:
        return Encoder(call)


class CountTokens(Streamless):
    """`countTokens`."""

    request = staticmethod(count_request)
    response = staticmethod(read_count)
    parse_call = staticmethod(parse_count)
    render = staticmethod(render_count)


class Embeddings(Streamless):
    """`embedContent`, `batchEmbedContents` and `predict`."""

    request = staticmethod(embed_request)
    response = staticmethod(embed_response)
    parse_call = staticmethod(parse_embed)
    render = staticmethod(render_embed)


class Models(Streamless):
    """`GET /models`."""

    request = staticmethod(models_request)
    response = staticmethod(read_models)
    parse_call = staticmethod(parse_models)
    render = staticmethod(render_models)


def render_error(error: LingateError) -> tuple[int, bytes]:
    """Status and body of an error of ours."""
    status, body = google_error(error)
    return status, encode(body)


DIALECT = Dialect(
    name=NAME,
    operations={"chat": Chat(), "embeddings": Embeddings(), "models": Models(), "count_tokens": CountTokens()},
    render_error=render_error,
)
