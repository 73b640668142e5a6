"""The Anthropic Messages wire format, both directions: towards an upstream, and as a face of a server."""

from __future__ import annotations

from urllib.parse import urlencode

from lingate._dialects._base import Dialect, StreamEncoder
from lingate._dialects._faults import anthropic_error
from lingate._dialects._streamless import Streamless
from lingate._dialects.anthropic.decoder import stream_decoder
from lingate._dialects.anthropic.face_request import PAGING, parse_chat, parse_count, parse_models
from lingate._dialects.anthropic.face_response import render_count, render_message, render_models
from lingate._dialects.anthropic.face_stream import Encoder
from lingate._dialects.anthropic.facts import MODELS_PATH, NAME
from lingate._dialects.anthropic.request import chat_request, count_request, headers_for
from lingate._dialects.anthropic.response import read_count, read_message, read_models
from lingate._model import Call, HttpRequest, Target
from lingate._wire.json import encode
from lingate.errors import LingateError


class Chat:
    """`POST /v1/messages`."""

    request = staticmethod(chat_request)
    response = staticmethod(read_message)
    decoder = staticmethod(stream_decoder)
    parse_call = staticmethod(parse_chat)
    render = staticmethod(render_message)

    def encoder(self, call: Call) -> StreamEncoder:
        return Encoder(call)


class CountTokens(Streamless):
    """`POST /v1/messages/count_tokens`."""

    request = staticmethod(count_request)
    response = staticmethod(read_count)
    parse_call = staticmethod(parse_count)
    render = staticmethod(render_count)


class Models(Streamless):
    """`GET /v1/models`, a page at a time: `after_id` in the call asks for the next one."""

    response = staticmethod(read_models)
    parse_call = staticmethod(parse_models)
    render = staticmethod(render_models)

    def request(self, call: Call, target: Target) -> HttpRequest:
        asked = {name: value for name, value in call.body.items() if name in PAGING and value is not None}
        query = urlencode({"limit": 1000, **asked})
        url = f"{target.url}{target.row.paths.get('models', MODELS_PATH)}?{query}"
        headers = {name: value for name, value in headers_for(call, target).items() if name != "content-type"}
        return HttpRequest("GET", url, headers, b"", call, target)


def render_error(error: LingateError) -> tuple[int, bytes]:
    """Status and body of an error of ours."""
    status, body = anthropic_error(error)
    return status, encode(body)


DIALECT = Dialect(
    name=NAME,
    operations={"chat": Chat(), "models": Models(), "count_tokens": CountTokens()},
    render_error=render_error,
)
