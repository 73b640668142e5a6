"""Amazon Bedrock's Converse format, both directions: towards an upstream, and as a face of a server."""

from __future__ import annotations

from lingate._dialects._base import Dialect, StreamEncoder
from lingate._dialects._faults import aws_error
from lingate._dialects._streamless import Streamless
from lingate._dialects.bedrock_converse.decoder import stream_decoder
from lingate._dialects.bedrock_converse.face_request import parse_chat, parse_count
from lingate._dialects.bedrock_converse.face_response import render_count, render_message
from lingate._dialects.bedrock_converse.face_stream import Encoder
from lingate._dialects.bedrock_converse.facts import NAME
from lingate._dialects.bedrock_converse.request import chat_request, count_request
from lingate._dialects.bedrock_converse.response import read_count, read_message
from lingate._model import Call
from lingate._wire.json import encode
from lingate.errors import LingateError


class Chat:
    """`POST /model/{modelId}/converse` and `/converse-stream`."""

    request = staticmethod(chat_request)
    response = staticmethod(read_message)
    decoder = staticmethod(stream_decoder)
    parse_call = staticmethod(parse_chat)
    render = staticmethod(render_message)

    def encoder(self, call: Call) -> StreamEncoder:
        return Encoder(call)


class CountTokens(Streamless):
    """`POST /model/{modelId}/count-tokens`."""

    request = staticmethod(count_request)
    response = staticmethod(read_count)
    parse_call = staticmethod(parse_count)
    render = staticmethod(render_count)


def render_error(error: LingateError) -> tuple[int, bytes]:
    """Status and body of an error of ours."""
    status, name, text = aws_error(error)
    return status, encode({"__type": name, "message": text})


DIALECT = Dialect(name=NAME, operations={"chat": Chat(), "count_tokens": CountTokens()}, render_error=render_error)
