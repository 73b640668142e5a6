"""OpenAI's Responses format, both directions: towards an upstream, and as a face of a server.

Two operations. `chat` asks for a chat on this wire: what the canonical form has no word for is refused, nothing is
remembered by the provider. `responses` is the format itself: a request goes out as its client wrote it, and comes back
with everything that the provider said.
"""

from __future__ import annotations

from collections.abc import Mapping

from lingate._dialects._base import Dialect, StreamDecoder, StreamEncoder
from lingate._dialects.openai_chat.face import render_error
from lingate._dialects.openai_responses.counting import CountTokens
from lingate._dialects.openai_responses.decoder import stream_decoder
from lingate._dialects.openai_responses.face_request import parse_call
from lingate._dialects.openai_responses.face_response import render_response
from lingate._dialects.openai_responses.face_stream import Encoder
from lingate._dialects.openai_responses.facts import NAME
from lingate._dialects.openai_responses.request import write_request
from lingate._dialects.openai_responses.response import read_response
from lingate._model import Call, Head, HttpRequest, JsonDict, Operation, Target


class ResponseFormat:
    """`POST /responses`."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    def request(self, call: Call, target: Target) -> HttpRequest:
        return write_request(call, target)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        return read_response(sent, head, body)

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return stream_decoder(sent, head)

    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        return parse_call(body, path_args, self._operation)

    def render(self, response: JsonDict) -> bytes:
        return render_response(response)

    def encoder(self, call: Call) -> StreamEncoder:
        return Encoder(call)


DIALECT = Dialect(
    name=NAME,
    operations={
        "chat": ResponseFormat("chat"),
        "responses": ResponseFormat("responses"),
        "count_tokens": CountTokens(),
    },
    render_error=render_error,
)
