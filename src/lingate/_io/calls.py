# Arguments of the public methods taken apart, answers put together: what is the same about a call in both colours.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lingate._call.plan import Completed, Context, Route
from lingate._call.stream import cut_at_stops
from lingate._endpoints import chat, retrieval
from lingate._endpoints._arguments import require_model, text_mapping
from lingate._io.session import Options, Session
from lingate._model import Call, Fixed, Record
from lingate._views import ChatResponse, EmbeddingResponse, Response
from lingate.errors import ConfigError

if TYPE_CHECKING:
    from lingate._views_responses import ResponsesResponse

R = TypeVar("R", bound=Response)


class Prepared(Record):
    # A call ready to be planned.

    routes: list[Route]
    context: Context
    stream: bool
    include_usage: bool
    format_class: type | None


# Settings by the names that other packages give them. As fields of a request that nobody knows they would be sent to the
# provider that was not meant.
_ELSEWHERE = {"base_url": "api_base", "max_retries": "retries", "num_retries": "retries"}


def _own(
    session: Session,
    /,
    api_key: Any = None,
    api_base: Any = None,
    api_version: Any = None,
    timeout: Any = None,
    retries: Any = None,
    fallbacks: Any = None,
    drop_params: Any = None,
    extra_headers: Any = None,
    extra_body: Any = None,
    **params: Any,
) -> tuple[Options, dict[str, Any]]:
    # Our own arguments, and the provider's. Taken apart by the interpreter, which is quicker at it than a loop.
    if drop_params is None:
        drop_params = session.config.drop_params
    elif drop_params is not True and drop_params is not False:
        raise ConfigError(f"drop_params must be True or False, not {drop_params!r:.60}")
    if not _ELSEWHERE.keys().isdisjoint(params):
        name = next(name for name in params if name in _ELSEWHERE)
        raise ConfigError(f"{name} is called {_ELSEWHERE[name]} here", hint="as a field of the request: extra_body")
    options = Options(
        api_key, api_base, api_version, timeout, retries, fallbacks, drop_params, extra_headers, extra_body
    )
    return options, params


def _streaming(stream: Any, params: dict[str, Any]) -> tuple[bool, bool]:
    # Whether the answer is wanted in pieces, and usage at the end of them.
    if not stream:
        return False, False
    if not isinstance(stream, bool):
        raise ConfigError(f"stream must be True or False, not {stream!r:.60}")
    wanted = params.get("stream_options")
    return stream, isinstance(wanted, Mapping) and bool(wanted.get("include_usage"))


def prepare_chat(session: Session, model: Any, messages: Any, stream: Any, params: dict[str, Any]) -> Prepared:
    options, params = _own(session, **params)
    stream, include_usage = _streaming(stream, params) if stream else (False, False)
    call, format_class = chat.prepare(
        require_model(model),
        messages,
        params,
        stream=stream,
        drop_params=options.drop_params,
        extra_headers=options.extra_headers,
        extra_body=options.extra_body,
    )
    return Prepared(session.routes(model, call, options), session.context(options), stream, include_usage, format_class)


def prepare_call(
    session: Session,
    make: Callable[..., Call],
    model: Any,
    given: Any,
    params: dict[str, Any],
    *,
    streams: bool = False,
) -> Prepared:
    # Read the arguments of a call that is about one thing.
    options, params = _own(session, **params)
    stream, include_usage = _streaming(params.pop("stream", None), params) if streams else (False, False)
    extras: dict[str, Any] = {"stream": stream} if streams else {}
    call = make(
        require_model(model),
        given,
        params,
        drop_params=options.drop_params,
        extra_headers=options.extra_headers,
        extra_body=options.extra_body,
        **extras,
    )
    return Prepared(session.routes(model, call, options), session.context(options), stream, include_usage, None)


def prepare_responses(session: Session, model: Any, given: Any, params: dict[str, Any]) -> Prepared:
    # Read the arguments of a call of the Responses API.
    # Few programs need it, and importing Lingate's client is to be quick for all of them.
    from lingate._endpoints import responses

    return prepare_call(session, responses.prepare, model, given, params, streams=True)


def prepare_models(session: Session, provider: Any, params: dict[str, Any]) -> Prepared:
    if not isinstance(provider, str) or not provider or "/" in provider:
        raise ConfigError(
            f"models() takes the name of a provider, such as the part of a model before the slash, not {provider!r}"
        )
    options, params = _own(session, **params)
    call = Call("models", "", {}, extra_headers=text_mapping(options.extra_headers, "extra_headers"))
    if options.extra_body is not None:
        params["extra_body"] = options.extra_body
    if params:
        raise ConfigError(f"models() has no argument {', '.join(sorted(params))}")
    return Prepared(session.routes(f"{provider}/*", call, options), session.context(options), False, False, None)


def answer(view: Callable[..., R], done: Completed, prepared: Prepared) -> R:
    return view(cut_at_stops(done.data, done.sent.stop), *_facts(done, prepared.context))


def _facts(done: Completed, context: Context) -> tuple[Any, ...]:
    target = done.sent.target
    return done.raw, target.row.name, target.model, tuple(context.trail), tuple(done.sent.dropped)


def chat_response(done: Completed, prepared: Prepared) -> ChatResponse:
    # The view of a whole chat answer.
    sent = done.sent
    return ChatResponse(
        cut_at_stops(done.data, sent.stop) if sent.stop else done.data,
        done.raw,
        sent.target.row.name,
        sent.target.model,
        tuple(prepared.context.trail),
        tuple(sent.dropped),
        prepared.format_class,
    )


def responses_response(done: Completed, prepared: Prepared) -> ResponsesResponse:
    # The view of an answer of the Responses API.
    from lingate._dialects.openai_responses.face_response import response_object
    from lingate._views_responses import ResponsesResponse

    return ResponsesResponse(response_object(done.data), *_facts(done, prepared.context))


class Kind(Fixed, Generic[R], frozen=True):
    # An operation that is about one thing.

    make: Callable[..., Call]
    """Makes the call, from the model, what the operation is about, parameters and extras."""
    view: Callable[..., R]
    """Class of its answers."""
    files: bool = False
    """Making a call may read files."""
    streams: bool = False
    """The answer may come in pieces."""

    def prepare(self, session: Session, model: Any, given: Any, params: dict[str, Any]) -> Prepared:
        return prepare_call(session, self.make, model, given, params, streams=self.streams)

    async def prepare_async(self, session: Session, model: Any, given: Any, params: dict[str, Any]) -> Prepared:
        # The same, with files read beside the event loop.
        if not self.files:
            return self.prepare(session, model, given, params)
        from asyncio import to_thread

        return await to_thread(self.prepare, session, model, given, params)

    def answer(self, done: Completed, prepared: Prepared) -> R:
        return answer(self.view, done, prepared)


EMBEDDINGS = Kind(retrieval.prepare_embedding, EmbeddingResponse)
