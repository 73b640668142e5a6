"""The functions that call providers. Each has an awaited twin that begins with `a`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lingate import _default
from lingate._client import AsyncLingate, Lingate
from lingate.compat import litellm as settings
from lingate.compat.litellm import _shapes
from lingate.compat.litellm._callbacks import Watch
from lingate.compat.litellm._params import Request, environment, prepare
from lingate.compat.litellm._streams import CustomStreamWrapper
from lingate.errors import LingateError

_MOST_CLIENTS = 64
_clients: dict[tuple[type, frozenset[tuple[str, str]]], Any] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Kind:
    """One function: which method of the client it is, and in which shape it answers."""

    name: str
    method: str
    shape: Callable[[Any, Request], Any]
    piece: Callable[[dict[str, Any], Request], Any] = _shapes.chunk


_CHAT = _Kind("completion", "chat", _shapes.chat)
_TEXT = _Kind("text_completion", "complete", _shapes.text, _shapes.text_chunk)
_RESPONSES = _Kind("responses", "responses", _shapes.responses, _shapes.event)
_EMBEDDING = _Kind("embedding", "embed", _shapes.embedding)
_IMAGE = _Kind("image_generation", "images", _shapes.image)
_TRANSCRIPTION = _Kind("transcription", "transcribe", _shapes.transcription)
_SPEECH = _Kind("speech", "speech", _shapes.speech)
_RERANK = _Kind("rerank", "rerank", _shapes.rerank)
_MODERATION = _Kind("moderation", "moderate", _shapes.moderation)


def _of(cls: type[Any], request: Request, default: Callable[[], Any]) -> Any:
    """The client for a call: the default one, or one whose environment has the call's own variables."""
    if not request.env:
        return default()
    key = cls, frozenset(request.env.items())
    with _lock:
        if key not in _clients:
            if len(_clients) >= _MOST_CLIENTS:
                _clients.clear()
            _clients[key] = cls(env=environment(request.env))
        return _clients[key]


def _client(request: Request, awaited: bool) -> tuple[Any, str, dict[str, Any]]:
    """The client to ask, the model and the options to ask it with."""
    if request.mocked:
        from lingate.compat.litellm._replies import mocked_model, scripted

        kept: dict[str, Any] = {
            name: request.options[name] for name in ("stream", "stream_options") if name in request.options
        }
        return scripted(request, awaited), mocked_model(), kept
    if awaited:
        return _of(AsyncLingate, request, _default._aclient), request.model, request.options
    return _of(Lingate, request, _default._client), request.model, request.options


def _prepared(kind: _Kind, model: Any, given: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request:
    if 0 < settings.max_budget <= settings._current_cost:
        raise settings.BudgetExceededError(settings._current_cost, settings.max_budget)
    try:
        return prepare(kind.name, model, given, kwargs)
    except LingateError as error:
        raise _translated(error, str(model), None) from error


def _call(kind: _Kind, model: Any, given: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    on_end = kwargs.get("_on_end")
    request = _prepared(kind, model, given, {name: item for name, item in kwargs.items() if name != "_on_end"})
    watch = Watch(request)
    watch.before()
    canned = _canned(request)
    if canned is not None:
        watch.failed(canned)
        raise canned
    try:
        client, name, options = _client(request, False)
        answer = getattr(client, kind.method)(name, *given, **options)
    except LingateError as error:
        failure = _translated(error, request.asked, request.retries)
        watch.failed(failure)
        raise failure from error
    if request.stream:
        return CustomStreamWrapper(answer, request, watch, kind.piece, kind.shape, on_end)
    response = kind.shape(answer, request)
    watch.succeeded(response)
    return response


async def _acall(kind: _Kind, model: Any, given: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    on_end = kwargs.get("_on_end")
    request = _prepared(kind, model, given, {name: item for name, item in kwargs.items() if name != "_on_end"})
    watch = Watch(request)
    watch.before()
    canned = _canned(request)
    if canned is not None:
        await watch.afailed(canned)
        raise canned
    try:
        client, name, options = _client(request, True)
        answer = await getattr(client, kind.method)(name, *given, **options)
    except LingateError as error:
        failure = _translated(error, request.asked, request.retries)
        await watch.afailed(failure)
        raise failure from error
    if request.stream:
        return CustomStreamWrapper(answer, request, watch, kind.piece, kind.shape, on_end)
    response = kind.shape(answer, request)
    await watch.asucceeded(response)
    return response


def _canned(request: Request) -> BaseException | None:
    """The exception that a mock asks for."""
    if not request.mocked:
        return None
    from lingate.compat.litellm._replies import canned_error

    return canned_error(request)


def _translated(error: LingateError, model: str, retries: int | None) -> Exception:
    # The exceptions load the openai package, where it is installed: not before there is one to raise.
    from lingate.compat.litellm._errors import translate

    return translate(error, model, retries)


def completion(model: str, messages: Sequence[Any] = (), **kwargs: Any) -> Any:
    """Ask a model.

    Args:
        model: `provider/model`, or a name whose provider is well known (`gpt-4o`, `claude-sonnet-4-5`).
        messages: OpenAI message dicts.
        **kwargs: OpenAI's chat parameters, LiteLLM's own (`api_key`, `api_base`, `num_retries`, `fallbacks`,
            `drop_params`, `metadata`, `mock_response`, ...), and whatever else the provider takes.

    Returns:
        A `ModelResponse`, or with `stream=True` a `CustomStreamWrapper` of its chunks.

    Raises:
        APIError: Or another of `exceptions`; Lingate's own error is its `__cause__`.
    """
    return _call(_CHAT, model, (messages,), kwargs)


async def acompletion(model: str, messages: Sequence[Any] = (), **kwargs: Any) -> Any:
    """`completion`, awaited."""
    return await _acall(_CHAT, model, (messages,), kwargs)


def mock_completion(model: str, messages: Sequence[Any] = (), mock_response: Any = "", **kwargs: Any) -> Any:
    """`completion`, answered without a provider."""
    return completion(model, messages, mock_response=mock_response or "This is a mock request", **kwargs)


def batch_completion(model: str, messages: Sequence[Sequence[Any]] = (), **kwargs: Any) -> list[Any]:
    """Ask a model about several conversations at once; an exception stands where one of them failed."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=int(kwargs.pop("max_workers", None) or 100)) as pool:
        asked = [pool.submit(completion, model, conversation, **kwargs) for conversation in messages]
        return [future.exception() or future.result() for future in asked]


def text_completion(prompt: Any = None, model: str | None = None, **kwargs: Any) -> Any:
    """Let a model go on from where a text ends."""
    return _call(_TEXT, _plain_provider(model), (prompt,), kwargs)


async def atext_completion(prompt: Any = None, model: str | None = None, **kwargs: Any) -> Any:
    """`text_completion`, awaited."""
    return await _acall(_TEXT, _plain_provider(model), (prompt,), kwargs)


def _plain_provider(model: Any) -> Any:
    """The model without the mark with which LiteLLM tells a provider's completions from its chats."""
    return model.removeprefix("text-completion-") if isinstance(model, str) else model


def responses(input: Any = None, model: str | None = None, **kwargs: Any) -> Any:
    """Ask a model in the words of OpenAI's Responses API, whichever provider it is of."""
    return _call(_RESPONSES, model, (input,), kwargs)


async def aresponses(input: Any = None, model: str | None = None, **kwargs: Any) -> Any:
    """`responses`, awaited."""
    return await _acall(_RESPONSES, model, (input,), kwargs)


def embedding(model: str, input: Any = (), **kwargs: Any) -> Any:
    """Turn text into vectors."""
    return _call(_EMBEDDING, model, (input,), kwargs)


async def aembedding(model: str, input: Any = (), **kwargs: Any) -> Any:
    """`embedding`, awaited."""
    return await _acall(_EMBEDDING, model, (input,), kwargs)


def image_generation(prompt: str | None = None, model: str | None = None, **kwargs: Any) -> Any:
    """Make images from a prompt."""
    return _call(_IMAGE, model, (prompt,), kwargs)


async def aimage_generation(prompt: str | None = None, model: str | None = None, **kwargs: Any) -> Any:
    """`image_generation`, awaited."""
    return await _acall(_IMAGE, model, (prompt,), kwargs)


def image_edit(image: Any = None, prompt: str | None = None, model: str | None = None, **kwargs: Any) -> Any:
    """Change images as a prompt says."""
    return _call(_IMAGE, model, (prompt,), {**kwargs, "image": image})


async def aimage_edit(image: Any = None, prompt: str | None = None, model: str | None = None, **kwargs: Any) -> Any:
    """`image_edit`, awaited."""
    return await _acall(_IMAGE, model, (prompt,), {**kwargs, "image": image})


def image_variation(image: Any, model: str | None = None, **kwargs: Any) -> Any:
    """Vary an image."""
    return _call(_IMAGE, model, (None,), {**kwargs, "image": image})


async def aimage_variation(image: Any, model: str | None = None, **kwargs: Any) -> Any:
    """`image_variation`, awaited."""
    return await _acall(_IMAGE, model, (None,), {**kwargs, "image": image})


def transcription(model: str, file: Any, **kwargs: Any) -> Any:
    """Write down what is said."""
    return _call(_TRANSCRIPTION, model, (file,), kwargs)


async def atranscription(model: str, file: Any, **kwargs: Any) -> Any:
    """`transcription`, awaited."""
    return await _acall(_TRANSCRIPTION, model, (file,), kwargs)


def speech(model: str, input: str, voice: Any = None, **kwargs: Any) -> Any:
    """Read a text aloud."""
    return _call(_SPEECH, model, (input,), {**kwargs, "voice": voice})


async def aspeech(model: str, input: str, voice: Any = None, **kwargs: Any) -> Any:
    """`speech`, awaited."""
    return await _acall(_SPEECH, model, (input,), {**kwargs, "voice": voice})


def rerank(model: str, query: str, documents: Sequence[Any], **kwargs: Any) -> Any:
    """Order documents by their relevance to a query. Each result has its document, unless `return_documents` is false."""
    return _call(_RERANK, model, (query, documents), {"return_documents": True, **kwargs})


async def arerank(model: str, query: str, documents: Sequence[Any], **kwargs: Any) -> Any:
    """`rerank`, awaited."""
    return await _acall(_RERANK, model, (query, documents), {"return_documents": True, **kwargs})


def moderation(input: Any, model: str | None = None, **kwargs: Any) -> Any:
    """Ask whether texts break rules."""
    return _call(_MODERATION, model or "omni-moderation-latest", (input,), kwargs)


async def amoderation(input: Any, model: str | None = None, **kwargs: Any) -> Any:
    """`moderation`, awaited."""
    return await _acall(_MODERATION, model or "omni-moderation-latest", (input,), kwargs)


async def count_tokens(model: str, messages: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Ask the provider how many tokens a conversation has."""
    kind = _Kind("acount_tokens", "count_tokens", _count)
    return await _acall(kind, model, (messages,), kwargs)


def _count(view: Any, request: Request) -> Any:
    from lingate.compat.litellm._record import Record

    return Record(total_tokens=view.input_tokens, request_model=request.asked, model_used=request.name)
