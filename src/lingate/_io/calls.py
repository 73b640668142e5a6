"""Arguments of the public methods taken apart, answers put together: what is the same about a call in both colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lingate._call.plan import Completed, Context, Route
from lingate._call.stream import StreamState, cut_at_stops
from lingate._endpoints import chat, embeddings, models
from lingate._endpoints._arguments import require_model
from lingate._io.session import Options, Session
from lingate._io.transport import AsyncByteStream, ByteStream
from lingate._views import ChatResponse, EmbeddingResponse, ModelList
from lingate.errors import ConfigError

if TYPE_CHECKING:
    from lingate._io.responses_stream import AsyncResponsesStream, ResponsesStream
    from lingate._views_responses import ResponsesResponse

_OPTIONS = ("api_key", "api_base", "api_version", "timeout", "retries", "fallbacks")


class Prepared(NamedTuple):
    """A call ready to be planned."""

    routes: list[Route]
    context: Context
    stream: bool
    include_usage: bool
    format_class: type | None


def _split(params: dict[str, Any]) -> Options:
    """Take our own arguments out of the provider's."""
    options = Options()
    for name in _OPTIONS:
        if name in params:
            setattr(options, name, params.pop(name))
    return options


def prepare_chat(session: Session, model: Any, messages: Any, params: dict[str, Any]) -> Prepared:
    """Read the arguments of a chat call."""
    options = _split(params)
    stream = params.pop("stream", None) or False
    if not isinstance(stream, bool):
        raise ConfigError(f"stream must be True or False, not {stream!r}")
    wanted = params.get("stream_options")
    include_usage = bool(isinstance(wanted, Mapping) and wanted.get("include_usage"))
    drop = params.pop("drop_params", None)
    call, format_class = chat.prepare(
        require_model(model),
        messages,
        params,
        stream=stream,
        drop_params=session.config.drop_params if drop is None else drop,
        extra_headers=params.pop("extra_headers", None),
        extra_body=params.pop("extra_body", None),
    )
    routes = session.routes(model, call, options)
    return Prepared(routes, session.context(options), stream, include_usage, format_class)


def prepare_responses(session: Session, model: Any, given: Any, params: dict[str, Any]) -> Prepared:
    """Read the arguments of a call of the Responses API."""
    # Few programs need it, and importing Lingate's client is to be quick for all of them.
    from lingate._endpoints import responses

    options = _split(params)
    stream = params.pop("stream", None) or False
    if not isinstance(stream, bool):
        raise ConfigError(f"stream must be True or False, not {stream!r}")
    drop = params.pop("drop_params", None)
    extra_headers, extra_body = params.pop("extra_headers", None), params.pop("extra_body", None)
    call = responses.prepare(
        require_model(model),
        given,
        params,
        stream=stream,
        drop_params=session.config.drop_params if drop is None else drop,
        extra_headers=extra_headers,
        extra_body=extra_body,
    )
    return Prepared(session.routes(model, call, options), session.context(options), stream, False, None)


def prepare_embeddings(session: Session, model: Any, inputs: Any, params: dict[str, Any]) -> Prepared:
    """Read the arguments of an embeddings call."""
    options = _split(params)
    drop = params.pop("drop_params", None)
    call = embeddings.prepare(
        require_model(model),
        inputs,
        params,
        drop_params=session.config.drop_params if drop is None else drop,
        extra_headers=params.pop("extra_headers", None),
        extra_body=params.pop("extra_body", None),
    )
    return Prepared(session.routes(model, call, options), session.context(options), False, False, None)


def prepare_models(session: Session, provider: Any, params: dict[str, Any]) -> Prepared:
    """Read the arguments of a model listing."""
    options = _split(params)
    if not isinstance(provider, str) or not provider or "/" in provider:
        raise ConfigError(
            f"models() takes the name of a provider, such as the part of a model before the slash, not {provider!r}"
        )
    call = models.prepare(extra_headers=params.pop("extra_headers", None))
    if params:
        raise ConfigError(f"models() has no argument {', '.join(sorted(params))}")
    return Prepared(session.routes(f"{provider}/*", call, options), session.context(options), False, False, None)


def _facts(done: Completed, context: Context) -> tuple[Any, ...]:
    target = done.sent.target
    return done.raw, target.row.name, target.model, tuple(context.trail), tuple(done.sent.dropped)


def chat_response(done: Completed, prepared: Prepared) -> ChatResponse:
    """The view of a whole chat answer."""
    data = cut_at_stops(done.data, done.sent.stop) if done.sent.stop else done.data
    return ChatResponse(data, *_facts(done, prepared.context), format_class=prepared.format_class)


def responses_response(done: Completed, prepared: Prepared) -> ResponsesResponse:
    """The view of an answer of the Responses API."""
    from lingate._dialects.openai_responses.face_response import response_object
    from lingate._views_responses import ResponsesResponse

    return ResponsesResponse(response_object(done.data), *_facts(done, prepared.context))


def responses_stream(state: StreamState, stream: ByteStream) -> ResponsesStream:
    """The stream of an answer of the Responses API."""
    from lingate._io.responses_stream import ResponsesStream

    return ResponsesStream(state, stream)


def async_responses_stream(state: StreamState, stream: AsyncByteStream) -> AsyncResponsesStream:
    """The same for `async for`."""
    from lingate._io.responses_stream import AsyncResponsesStream

    return AsyncResponsesStream(state, stream)


def embedding_response(done: Completed, prepared: Prepared) -> EmbeddingResponse:
    """The view of an embeddings answer."""
    return EmbeddingResponse(done.data, *_facts(done, prepared.context))


def model_list(done: Completed, prepared: Prepared) -> ModelList:
    """The view of a model listing."""
    return ModelList(done.data, *_facts(done, prepared.context))
