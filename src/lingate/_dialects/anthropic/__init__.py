"""The Anthropic Messages wire format, both directions: towards an upstream, and as a face of a server."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from lingate._dialects._base import Dialect, StreamDecoder, StreamEncoder
from lingate._dialects._faults import anthropic_error
from lingate._dialects.anthropic.decoder import Decoder
from lingate._dialects.anthropic.face_request import PAGING, parse_chat, parse_count, parse_models
from lingate._dialects.anthropic.face_response import render_count, render_message, render_models
from lingate._dialects.anthropic.face_stream import Encoder
from lingate._dialects.anthropic.facts import MODELS_PATH, NAME
from lingate._dialects.anthropic.request import chat_request, count_request, headers_for
from lingate._dialects.anthropic.response import read_count, read_message, read_models
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode
from lingate.errors import LingateError, UnsupportedError


class Chat:
    """`POST /v1/messages`."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        return chat_request(call, target)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        return read_message(sent, head, body)

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return Decoder(sent, head)

    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        return parse_chat(body, path_args)

    def render(self, response: JsonDict) -> bytes:
        return render_message(response)

    def encoder(self, call: Call) -> StreamEncoder:
        return Encoder(call)


class _NoStream:
    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        raise UnsupportedError("this operation has no stream", param="stream", provider=sent.target.provider)

    def encoder(self, call: Call) -> StreamEncoder:
        raise UnsupportedError("this operation has no stream", param="stream")


class CountTokens(_NoStream):
    """`POST /v1/messages/count_tokens`."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        return count_request(call, target)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        return read_count(sent, head, body)

    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        return parse_count(body, path_args)

    def render(self, response: JsonDict) -> bytes:
        return render_count(response)


class Models(_NoStream):
    """`GET /v1/models`, a page at a time: `after_id` in the call asks for the next one."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        asked = {name: value for name, value in call.body.items() if name in PAGING and value is not None}
        query = urlencode({"limit": 1000, **asked})
        url = f"{target.url}{target.row.paths.get('models', MODELS_PATH)}?{query}"
        headers = {name: value for name, value in headers_for(call, target).items() if name != "content-type"}
        return HttpRequest("GET", url, headers, b"", call, target)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        return read_models(sent, head, body)

    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        return parse_models(body, path_args)

    def render(self, response: JsonDict) -> bytes:
        return render_models(response)


def render_error(error: LingateError) -> tuple[int, bytes]:
    """Status and body of an error of ours."""
    status, body = anthropic_error(error)
    return status, encode(body)


DIALECT = Dialect(
    name=NAME,
    operations={"chat": Chat(), "models": Models(), "count_tokens": CountTokens()},
    render_error=render_error,
)
