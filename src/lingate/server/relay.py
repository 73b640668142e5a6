# When bytes of an upstream may go to the client as they are.

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lingate._dialects._base import StreamEncoder
from lingate._dialects._format_choice import form_of
from lingate._model import Event, HttpRequest, JsonDict, Start, Text
from lingate._wire.json import encode

if TYPE_CHECKING:
    from lingate.errors import LingateError
    from lingate.server.exchange import Exchange
    from lingate.server.routing import RouteChain


def may_relay(exchange: Exchange, sent: HttpRequest) -> bool:
    # Whether the provider speaks the client's format and nothing in its answer is to be changed.
    if (
        sent.answer_tool is not None
        or sent.stop
        or sent.one_call
        or sent.renamed
        or sent.target.traits.get("think_tags")
    ):
        return False
    return form_of(sent.target, exchange.call.operation) is exchange.form


def encoder_for(exchange: Exchange) -> StreamEncoder:
    # What writes a stream as the client wants it.
    encoder = exchange.form.encoder(exchange.call)
    if exchange.found.face.dialect == "ollama":
        return _on_the_clock(encoder, exchange.began)
    if exchange.found.face.dialect == "anthropic":
        from lingate._dialects.anthropic.face_response import Encoder

        if isinstance(encoder, Encoder):
            encoder.estimated = exchange.prompt_tokens
    if not exchange.found.listed:
        return encoder
    from lingate._dialects.gemini.face_response import ListEncoder  # few ask for it

    return ListEncoder(encoder)


def told_in_stream(exchange: Exchange, error: LingateError) -> tuple[str, bytes] | None:
    # Content type and events of an error that a stream of the client's format tells, although it has not begun.
    # OpenAI's streams of responses say so that the prompt is too long, and Codex makes room only if it is told so: a 400
    # ends its session (openai/codex, codex-api/src/api_bridge.rs).
    if (
        error.kind != "context_window"
        or exchange.found.face.name != "responses"
        or not (exchange.is_read and exchange.call.stream)
    ):
        return None
    encoder = encoder_for(exchange)
    begun = encoder.event(Start(f"resp_{exchange.row.id}", exchange.row.model, int(exchange.row.at)))
    return encoder.content_type, begun + encoder.error(error)


def rendered(exchange: Exchange, response: JsonDict) -> bytes:
    if exchange.found.face.dialect == "ollama":
        from lingate._dialects.ollama.face_response import timed

        response = timed(response, time.monotonic() - exchange.began)
    return exchange.form.render(renamed(exchange, response))


def renamed(exchange: Exchange, response: JsonDict) -> JsonDict:
    # A whole answer under the name that its model was asked for by.
    if exchange.asked is None:
        return response
    name = _name_for(exchange)
    return {**response, "model": name} if name and response.get("model", name) != name else response


def begun(exchange: Exchange, start: Start, data: bytes) -> bytes:
    # The first bytes of a stream under the same name; the time of its beginning is ours if its provider has none.
    if not start.created:
        start.created = int(exchange.row.at)
    name, told = _name_for(exchange), start.model
    if not (name and told):
        return data
    start.model = name
    return data.replace(encode(told), encode(name), 1)  # nothing before it can be the same


def _name_for(exchange: Exchange) -> str | None:
    # What the answering model is to be called; None if that is as it calls itself.
    # A fallback always does, and so does a model that was asked by its provider's own name: it may tell its version.
    chain: RouteChain | None = exchange.chain
    if chain is not None and (
        chain.fallbacks or (chain.deployment is not None and chain.deployment.model == exchange.asked)
    ):
        return None
    return exchange.asked


def _on_the_clock(encoder: StreamEncoder, began: float) -> StreamEncoder:
    # An encoder of Ollama's format that tells how long the answer took; it is made when the first event is here.
    from lingate._dialects.ollama.face_response import Encoder, durations

    first = time.monotonic() - began
    if isinstance(encoder, Encoder):
        encoder.took = lambda: durations(time.monotonic() - began, first)
    return encoder


def is_plain(data: bytes, events: list[Event]) -> bool:
    # Whether these bytes are whole chunks of text and nothing else.
    return data.endswith(b"\n\n") and all(type(event) is Text for event in events)
