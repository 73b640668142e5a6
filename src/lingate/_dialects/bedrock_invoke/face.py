# As a face: InvokeModel with Anthropic's bodies.

# Of the other makers' bodies there is no telling from an answer which one the client takes, so they are not served.

from __future__ import annotations

import base64
from collections.abc import Mapping

from lingate._dialects._check import read_json
from lingate._dialects._claude import BETA
from lingate._dialects._frames import exception_frame
from lingate._dialects.anthropic.face_request import parse_chat as parse_message
from lingate._dialects.anthropic.face_request import parse_count as parse_message_count
from lingate._dialects.anthropic.face_response import Encoder as MessageEncoder
from lingate._dialects.bedrock_converse.face_request import model_in
from lingate._dialects.bedrock_converse.face_request import parse_count as parse_converse_count
from lingate._dialects.bedrock_converse.face_response import stream_error
from lingate._dialects.bedrock_invoke.request import INVOKE_STREAM
from lingate._model import Call, Event
from lingate._wire import eventstream
from lingate._wire.json import encode
from lingate._wire.shapes import dig, without
from lingate._wire.sse import SseDecoder
from lingate.errors import BadRequestError, LingateError


def parse_chat(body: bytes, path_args: Mapping[str, str]) -> Call:
    made = parse_message(*_message(body, path_args))
    made.stream = path_args.get("method") == INVOKE_STREAM
    return _with_betas(made)


def parse_count(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a request for a token count, of a body of either API.
    given = read_json(body).get("input")
    inner = dig(given, "invokeModel")
    if not isinstance(inner, dict):
        return parse_converse_count(body, path_args)
    try:
        data = base64.b64decode(inner.get("body", ""), validate=True)
    except (ValueError, TypeError):
        raise BadRequestError("input.invokeModel.body: must be base64") from None
    return _with_betas(parse_message_count(*_message(data, path_args)))


def _message(body: bytes, path_args: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    wire = read_json(body)
    if "anthropic_version" not in wire:
        raise BadRequestError("anthropic_version: is missing; of the body formats only Anthropic's is served here")
    # The path names the model, and says whether to stream.
    rest = without(wire, ("anthropic_version", "model", "stream"))
    return encode(rest), {"model": model_in(path_args)}


def _with_betas(call: Call) -> Call:
    # Beta features as the header that they are elsewhere.
    given = call.body.pop("anthropic_beta", None)
    if isinstance(given, list) and given:
        call.extra_headers = {BETA: ",".join(map(str, given))}
    return call


class Encoder:
    # Canonical events -> frames with Anthropic's events in them.

    content_type = eventstream.CONTENT_TYPE

    def __init__(self, call: Call) -> None:
        self._inner = MessageEncoder(call)

    def event(self, event: Event) -> bytes:
        return _framed(self._inner.event(event))

    def end(self) -> bytes:
        return _framed(self._inner.end())

    def error(self, error: LingateError) -> bytes:
        return eventstream.encode(*exception_frame(*stream_error(error)))


def _framed(events: bytes) -> bytes:
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return b"".join(
        eventstream.encode(headers, encode({"bytes": base64.b64encode(data).decode()}))
        for _, data in SseDecoder().feed(events)
    )
