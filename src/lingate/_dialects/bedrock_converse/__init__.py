# Amazon Bedrock's Converse format, both directions: towards an upstream, and as a face of a server.

from __future__ import annotations

from lingate._dialects._base import Dialect, Form
from lingate._dialects._face_errors import aws_error
from lingate._dialects._free_text import FunctionsOnly
from lingate._dialects._tool_names import ShortNames
from lingate._dialects.bedrock_converse.face_request import parse_chat, parse_count
from lingate._dialects.bedrock_converse.face_response import Encoder, render_count, render_message
from lingate._dialects.bedrock_converse.facts import NAME
from lingate._dialects.bedrock_converse.request import chat_request, count_request
from lingate._dialects.bedrock_converse.response import read_count, read_message
from lingate._dialects.bedrock_converse.stream import stream_decoder
from lingate._wire.json import encode
from lingate.errors import LingateError


def render_error(error: LingateError) -> tuple[int, bytes]:
    status, name, text = aws_error(error)
    return status, encode({"__type": name, "message": text})


DIALECT = Dialect(
    name=NAME,
    operations={
        "chat": ShortNames(
            FunctionsOnly(Form(chat_request, read_message, parse_chat, render_message, stream_decoder, Encoder))
        ),
        "count_tokens": ShortNames(FunctionsOnly(Form(count_request, read_count, parse_count, render_count))),
    },
    render_error=render_error,
)
