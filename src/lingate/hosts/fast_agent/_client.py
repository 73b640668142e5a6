# The one method of `openai.AsyncOpenAI` that fast-agent's chat code calls, answered by Lingate, with errors as it knows them.

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any, NoReturn, Self

import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

import lingate
from lingate.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    ConflictError,
    ContextLengthError,
    DeadlineExceededError,
    InternalServerError,
    LimitError,
    LingateError,
    MissingCredentialError,
    NotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    PermissionDeniedError,
    ProtocolError,
    QuotaExceededError,
    RateLimitError,
    RequestTimeoutError,
    TransportError,
    UnsupportedError,
)
from lingate.hosts._shared import note_dropped

MakeKeyError = Callable[[str, str], Exception]
"""Makes fast-agent's own error for a credential, from a message and details."""

# The openai package of fast-agent's version speaks of httpx; from version 3 on of either.
_http: Any = import_module("httpx" if find_spec("httpx") is not None else "httpx2")

# First match counts. Whatever is wrong with the request itself is a 400 there: fast-agent tries nothing else but that only once.
_KINDS = (
    (MissingCredentialError, openai.AuthenticationError, 401),
    (PayloadTooLargeError, openai.BadRequestError, 413),
    (BadRequestError, openai.BadRequestError, 400),
    (ConfigError, openai.BadRequestError, 400),
    (AuthenticationError, openai.AuthenticationError, 401),
    (PermissionDeniedError, openai.PermissionDeniedError, 403),
    (NotFoundError, openai.NotFoundError, 404),
    (ConflictError, openai.ConflictError, 409),
    (RateLimitError, openai.RateLimitError, 429),
    (LimitError, openai.RateLimitError, 429),
    (OverloadedError, openai.InternalServerError, 503),
    (InternalServerError, openai.InternalServerError, 500),
    (ProtocolError, openai.InternalServerError, 502),
)
_CODES = (
    (ContextLengthError, "context_length_exceeded"),
    (QuotaExceededError, "insufficient_quota"),
)
# With one of these in its text, fast-agent tries again although the credential is wrong.
_TRANSIENT = ("429", "503", "quota", "exhausted", "overloaded", "unavailable", "timeout")


def as_openai(error: LingateError, key_error: MakeKeyError | None = None) -> Exception:
    # The error of the openai package that means the same, with message, status and code.
    # `key_error` makes the one for a missing or refused credential instead.
    if key_error is not None and isinstance(error, (MissingCredentialError, AuthenticationError)):
        return key_error(*_about_key(error))
    message = str(error)
    request = _http.Request("POST", "http://lingate/chat/completions")
    if isinstance(error, (RequestTimeoutError, DeadlineExceededError)):
        late = openai.APITimeoutError(request)
        late.message, late.args = message, (message,)
        return late
    if isinstance(error, TransportError):
        return openai.APIConnectionError(message=message, request=request)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), error.code or error.kind)
    body = {"message": message, "type": error.kind, "code": code, "param": getattr(error, "param", None)}
    for kind, theirs, status in _KINDS:
        if isinstance(error, kind):
            headers = {} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"}
            if error.request_id is not None:
                headers["x-request-id"] = error.request_id
            response = _http.Response(error.status or status, request=request, headers=headers)
            return theirs(message, response=response, body=body)
    return openai.APIError(message, request, body=body)


def _about_key(error: LingateError) -> tuple[str, str]:
    whose, found = error.provider or "the provider", str(error)
    missing = isinstance(error, MissingCredentialError)
    title = f"No credential for {whose}" if missing else f"{whose} refused the credential"
    if any(word in found.lower() for word in _TRANSIENT):
        found = "Check the key and what it may be used for."
    return title, found


_MOST = 512
_KNOWN = frozenset({"role", "content", "tool_calls", "refusal", "function_call"})


class Recall:
    # Remembers the last answers that called tools. Safe to share between threads.

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: OrderedDict[tuple[str, ...], dict[str, Any]] = OrderedDict()

    def keep(self, message: Mapping[str, Any]) -> None:
        # Remember an answer, if it called tools and holds more than a host keeps.
        calls = message.get("tool_calls")
        if not calls:
            return
        more = {name: value for name, value in message.items() if name not in _KNOWN and value}
        if not more and all(call.keys() <= {"id", "type", "function", "index"} for call in calls):
            return
        with self._lock:
            self._messages[_key(calls)] = {**more, "tool_calls": list(calls)}
            if len(self._messages) > _MOST:
                self._messages.popitem(last=False)

    def restored(self, message: Any) -> Any:
        # A message of the history with what it lacks; as it is where nothing is known of it, or it was changed.
        calls = message.get("tool_calls") if isinstance(message, Mapping) else None
        if not calls:
            return message
        with self._lock:
            kept = self._messages.get(_key(calls))
        if kept is None:
            return message
        whole = [{**own, **given} for own, given in zip(kept["tool_calls"], calls, strict=True)]
        return {**kept, **message, "tool_calls": whole}


def _key(calls: Any) -> tuple[str, ...]:
    # Ids, names and arguments: an id alone may come twice where a provider counts them.
    parts = []
    for call in calls:
        function = call.get("function") or {}
        parts += [str(call.get("id")), str(function.get("name")), _in_one_spelling(function.get("arguments"))]
    return tuple(parts)


def _in_one_spelling(arguments: Any) -> str:
    # Arguments in one spelling: the host reads them and writes them anew.
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (TypeError, ValueError):
        return str(arguments)


Translate = Callable[[LingateError], Exception]

_recall = Recall()
_shared: lingate.AsyncLingate | None = None


class SurfaceError(UnsupportedError, NotImplementedError):
    # Something of the openai client that is not chat was asked for.
    pass


def shared_client() -> lingate.AsyncLingate:
    # The client behind all agents of this process. fast-agent tries again by itself, so this one does not.
    global _shared
    if _shared is None:
        _shared = lingate.AsyncLingate(os.environ.get("LINGATE_CONFIG") or None, retries=0)
    return _shared


class LingateClient:
    # As much of `openai.AsyncOpenAI` as fast-agent needs: `async with`, and `chat.completions.create`.

    # defaults: Arguments of every call that does not bring its own: `api_key`, `api_base`, `timeout`,
    # `extra_headers`, `drop_params`, ...
    # place_of: Turns the model that fast-agent names into `provider/model`, and into further arguments for it, such
    # as its key: these win over the defaults.
    # client: Asked instead of the one client of this process.
    # translate: Turns what Lingate raises into what is raised here.

    def __init__(
        self,
        defaults: Mapping[str, Any] | None = None,
        *,
        place_of: Callable[[str], tuple[str, Mapping[str, Any]]] = lambda model: (model, {}),
        client: lingate.AsyncLingate | None = None,
        translate: Translate = as_openai,
    ) -> None:
        self._defaults = {name: value for name, value in (defaults or {}).items() if value is not None}
        self._place_of = place_of
        self._lingate = client or shared_client()
        self._translate = translate
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        """Nothing to close: connections are shared."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise SurfaceError(
            f"Lingate's client for fast-agent has no {name!r}: it answers chat.completions.create alone",
            hint="put files and images into the message itself",
            param=name,
        )

    async def _create(self, **given: Any) -> ChatCompletion | ChunkStream:
        # Ask a model: OpenAI's parameters, and Lingate's own such as `api_base`. What fails is an `openai.APIError`.
        model, place = self._place_of(given.pop("model"))
        call = self._defaults | dict(place) | {name: value for name, value in given.items() if value is not None}
        messages = call.pop("messages")
        stream = bool(call.pop("stream", False))
        call.setdefault("drop_params", True)
        _lift_reasoning(call)
        ask: Any = self._lingate.chat  # its overloads know no call whose arguments are counted at run time
        try:
            answer = await ask(model, [_recall.restored(_plain(one)) for one in messages], stream=stream, **call)
        except LingateError as error:
            raise self._translate(error) from error
        note_dropped(model, answer.dropped)
        if stream:
            return ChunkStream(answer, self._translate)
        _recall.keep(answer.message.to_dict())
        return ChatCompletion.construct(**_heard(answer.to_dict(), "message"))


class ChunkStream:
    # A streamed answer as chunks of the openai package.

    def __init__(self, stream: lingate.AsyncChatStream, translate: Translate) -> None:
        self._stream = stream
        self._translate = translate

    def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        return self._chunks()

    async def _chunks(self) -> AsyncIterator[ChatCompletionChunk]:
        try:
            async with self._stream as stream:
                async for chunk in stream:
                    yield ChatCompletionChunk.construct(**_heard(chunk.to_dict(), "delta"))
                answer = await stream.final()
                for call in answer.tool_calls:
                    # Raises where the model wrote no JSON, or was cut: of that fast-agent makes an exception that ends
                    # the run, of an error of a provider one that it tries again, and tells.
                    _ = call.arguments
                _recall.keep(answer.message.to_dict())
        except LingateError as error:
            raise self._translate(error) from error

    async def close(self) -> None:
        await self._stream.aclose()


def _heard(data: dict[str, Any], part: str) -> dict[str, Any]:
    # A refusal where fast-agent looks for text: it reads no other field, asks again, and then says nothing.
    for choice in data["choices"]:
        said = choice[part]
        if said.get("refusal") and not said.get("content"):
            said["content"] = said["refusal"]
    return data


def _plain(message: Any) -> Any:
    dump = getattr(message, "model_dump", None)
    return message if dump is None else dump(exclude_none=True)


def _lift_reasoning(call: dict[str, Any]) -> None:
    # Make fast-agent's reasoning setting a parameter of ours: it puts it into the raw body, as a word, number or flag.
    extra = dict(call.get("extra_body") or {})
    if "reasoning_effort" not in extra:
        return
    wanted = extra.pop("reasoning_effort")
    call["extra_body"] = extra or None
    if isinstance(wanted, bool):
        call["reasoning_effort"] = "medium" if wanted else "none"
    elif isinstance(wanted, int):
        call["thinking"] = {"type": "enabled", "budget_tokens": wanted}
        call.pop("reasoning_effort", None)
    elif wanted != "auto":
        call["reasoning_effort"] = wanted
