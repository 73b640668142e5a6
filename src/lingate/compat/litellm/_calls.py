# The functions that call providers. Each has an awaited twin that begins with `a`.

from __future__ import annotations

import os
import threading
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from typing import Any

from lingate import _default
from lingate._client import AsyncLingate, Lingate
from lingate._model import Fixed
from lingate._wire.shapes import without
from lingate.compat import litellm as settings
from lingate.compat.litellm import _shapes
from lingate.compat.litellm._callbacks import Watch
from lingate.compat.litellm._params import Request, prepare, translated
from lingate.compat.litellm._streams import CustomStreamWrapper
from lingate.errors import LingateError

_Arguments = tuple[Any, tuple[Any, ...], dict[str, Any]]
"""The model, what the client's method takes before its options, and LiteLLM's keyword arguments."""
_LIST = ("model_list",)
"""Deployments that come with a call of `completion`: a router asks them."""
_MOST_CLIENTS = 64
_clients: dict[tuple[bool, frozenset[tuple[str, str]]], Any] = {}
_lock = threading.Lock()


class _Kind(Fixed, frozen=True):
    # One function: which method of the client it is, and in which shape it answers.

    name: str
    method: str
    shape: Callable[[Any, Request], Any]
    piece: Callable[[dict[str, Any], Request], Any] = _shapes.chunk


_IMAGE = _Kind("image_generation", "images", _shapes.image)


def _client(request: Request, awaited: bool) -> tuple[Any, str, dict[str, Any]]:
    # The client to ask, the model and the options to ask it with: the default client, or one with the call's variables.
    if request.mocked:
        from lingate.compat.litellm._replies import MODEL, scripted

        kept = {name: value for name, value in request.options.items() if name in ("stream", "stream_options")}
        return scripted(request, awaited), MODEL, kept
    if not request.env:
        client: Any = _default._aclient() if awaited else _default._client()
        return client, request.model, request.options
    key = awaited, frozenset(request.env.items())
    with _lock:
        if key not in _clients:
            if len(_clients) >= _MOST_CLIENTS:
                _clients.clear()
            # The process's environment is read as it is at each look-up.
            env = ChainMap(request.env, os.environ)
            _clients[key] = AsyncLingate(env=env) if awaited else Lingate(env=env)
        return _clients[key], request.model, request.options


def _begun(
    kind: _Kind, model: Any, given: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Request, Watch, BaseException | None]:
    # The call, whoever is told of it, and the exception that a mock asks for.
    if 0 < settings.max_budget <= settings._current_cost:
        raise settings.BudgetExceededError(settings._current_cost, settings.max_budget)
    try:
        request = prepare(kind.name, model, given, without(kwargs, ("_on_end",)))
    except LingateError as error:
        raise translated(error, str(model)) from error
    if settings.cache is not None:
        from lingate.compat.litellm._cache import consult

        consult(request)
    watch = Watch(request)
    watch.before()
    if not request.mocked:
        return request, watch, None
    from lingate.compat.litellm._replies import canned_error

    return request, watch, canned_error(request)


def _call(kind: _Kind, model: Any, given: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    if kind.name == "completion" and kwargs.get("model_list"):
        return settings.Router(kwargs["model_list"]).completion(model, *given, **without(kwargs, _LIST))
    request, watch, canned = _begun(kind, model, given, kwargs)
    if canned is not None:
        watch.ended(error=canned)
        raise canned
    try:
        client, name, options = _client(request, False)
        answer = getattr(client, kind.method)(name, *request.given, **options)
    except LingateError as error:
        failure = translated(error, request.asked, request.retries)
        watch.ended(error=failure)
        raise failure from error
    if request.stream:
        return CustomStreamWrapper(answer, request, watch, kind.piece, kind.shape, kwargs.get("_on_end"))
    response = kind.shape(answer, request)
    watch.ended(response)
    return response


async def _acall(kind: _Kind, model: Any, given: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    if kind.name == "completion" and kwargs.get("model_list"):
        return await settings.Router(kwargs["model_list"]).acompletion(model, *given, **without(kwargs, _LIST))
    request, watch, canned = _begun(kind, model, given, kwargs)
    if canned is not None:
        await watch.aended(error=canned)
        raise canned
    try:
        client, name, options = _client(request, True)
        answer = await getattr(client, kind.method)(name, *request.given, **options)
    except LingateError as error:
        failure = translated(error, request.asked, request.retries)
        await watch.aended(error=failure)
        raise failure from error
    if request.stream:
        return CustomStreamWrapper(answer, request, watch, kind.piece, kind.shape, kwargs.get("_on_end"))
    response = kind.shape(answer, request)
    await watch.aended(response)
    return response


def _twins(kind: _Kind, arguments: Callable[..., _Arguments]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    # The function that takes such arguments, and the one that is awaited.
    name = arguments.__name__.removeprefix("_")

    @wraps(arguments)
    def _blocking(*args: Any, **kwargs: Any) -> Any:
        return _call(kind, *arguments(*args, **kwargs))

    @wraps(arguments)
    async def _awaited(*args: Any, **kwargs: Any) -> Any:
        return await _acall(kind, *arguments(*args, **kwargs))

    _blocking.__name__ = _blocking.__qualname__ = name
    _awaited.__name__ = _awaited.__qualname__ = f"a{name}"
    _awaited.__doc__ = f"`{name}`, awaited."
    return _blocking, _awaited


def _completion(model: str, messages: Sequence[Any] = (), **kwargs: Any) -> _Arguments:
    """Ask a model."""
    # model: `provider/model`, or a name whose provider is well known (`gpt-4o`, `claude-sonnet-4-5`).
    # **kwargs: OpenAI's chat parameters, LiteLLM's own (`api_key`, `api_base`, `num_retries`, `fallbacks`,
    # `drop_params`, `metadata`, `mock_response`, ...), and whatever else the provider takes.
    # Returns: A `ModelResponse`, or with `stream=True` a `CustomStreamWrapper` of its chunks.
    # Raises APIError: Or another of `exceptions`; Lingate's own error is its `__cause__`.
    return model, (messages,), kwargs


completion, acompletion = _twins(_Kind("completion", "chat", _shapes.chat), _completion)


def mock_completion(model: str, messages: Sequence[Any] = (), mock_response: Any = "", **kwargs: Any) -> Any:
    """`completion`, answered without a provider."""
    return completion(model, messages, mock_response=mock_response or "This is a mock request", **kwargs)


def batch_completion(model: str, messages: Sequence[Sequence[Any]] = (), **kwargs: Any) -> list[Any]:
    """Ask a model about several conversations at once; an exception stands where one of them failed."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=int(kwargs.pop("max_workers", None) or 100)) as pool:
        asked = [pool.submit(completion, model, conversation, **kwargs) for conversation in messages]
        return [future.exception() or future.result() for future in asked]


def _at_once(kwargs: dict[str, Any]) -> list[Callable[[], Any]]:
    # The calls that `models`, or `deployments` with arguments of their own, stand for.
    kwargs.pop("model", None)
    models, others = kwargs.pop("models", None) or (), kwargs.pop("deployments", None) or ()
    named = [{"model": model} for model in ([models] if isinstance(models, str) else models)]
    return [partial(completion, **{**kwargs, **own}) for own in (*named, *others)]


def batch_completion_models(*args: Any, **kwargs: Any) -> Any:
    """Ask several `models` the same at once. The first answer counts; where there is none, the last error is raised."""
    from concurrent.futures import ThreadPoolExecutor, as_completed

    asked, error = _at_once(kwargs), None
    pool = ThreadPoolExecutor(max_workers=len(asked) or 1)
    try:
        for future in as_completed([pool.submit(call, *args) for call in asked]):
            error = future.exception()
            if error is None:
                return future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if error is not None:
        raise error
    return None


def batch_completion_models_all_responses(*args: Any, **kwargs: Any) -> list[Any]:
    """Ask several `models` the same at once: the answers of those that give one, in the order of the models."""
    from concurrent.futures import ThreadPoolExecutor

    asked = _at_once(kwargs)
    with ThreadPoolExecutor(max_workers=len(asked) or 1) as pool:
        futures = [pool.submit(call, *args) for call in asked]
    return [future.result() for future in futures if future.exception() is None]


def completion_with_retries(*args: Any, num_retries: int = 3, **kwargs: Any) -> Any:
    """`completion` with three further tries."""
    kwargs.pop("retry_strategy", None)
    return (kwargs.pop("original_function", None) or completion)(*args, num_retries=num_retries, **kwargs)


async def acompletion_with_retries(*args: Any, num_retries: int = 3, **kwargs: Any) -> Any:
    """`acompletion` with three further tries."""
    kwargs.pop("retry_strategy", None)
    return await (kwargs.pop("original_function", None) or acompletion)(*args, num_retries=num_retries, **kwargs)


def _text_completion(prompt: Any = None, model: str | None = None, **kwargs: Any) -> _Arguments:
    # Let a model go on from where a text ends.
    # Without the mark with which LiteLLM tells a provider's completions from its chats.
    return model.removeprefix("text-completion-") if isinstance(model, str) else model, (prompt,), kwargs


text_completion, atext_completion = _twins(
    _Kind("text_completion", "complete", _shapes.text, _shapes.text_chunk), _text_completion
)


def _responses(input: Any = None, model: str | None = None, **kwargs: Any) -> _Arguments:
    # Ask a model in the words of OpenAI's Responses API, whichever provider it is of.
    return model, (input,), kwargs


responses, aresponses = _twins(_Kind("responses", "responses", _shapes.responses, _shapes.event), _responses)


def _embedding(model: str, input: Any = (), **kwargs: Any) -> _Arguments:
    return model, (input,), kwargs


embedding, aembedding = _twins(_Kind("embedding", "embed", _shapes.embedding), _embedding)


def _image_generation(prompt: str | None = None, model: str | None = None, **kwargs: Any) -> _Arguments:
    return model, (prompt,), kwargs


image_generation, aimage_generation = _twins(_IMAGE, _image_generation)


def _image_edit(image: Any = None, prompt: str | None = None, model: str | None = None, **kwargs: Any) -> _Arguments:
    return model, (prompt,), {**kwargs, "image": image}


image_edit, aimage_edit = _twins(_IMAGE, _image_edit)


def _image_variation(image: Any, model: str | None = None, **kwargs: Any) -> _Arguments:
    return model, (None,), {**kwargs, "image": image}


image_variation, aimage_variation = _twins(_IMAGE, _image_variation)


def _transcription(model: str, file: Any, **kwargs: Any) -> _Arguments:
    return model, (file,), kwargs


transcription, atranscription = _twins(_Kind("transcription", "transcribe", _shapes.transcription), _transcription)


def _speech(model: str, input: str, voice: Any = None, **kwargs: Any) -> _Arguments:
    return model, (input,), {**kwargs, "voice": voice}


speech, aspeech = _twins(_Kind("speech", "speech", _shapes.speech), _speech)


def _rerank(model: str, query: str, documents: Sequence[Any], **kwargs: Any) -> _Arguments:
    # Order documents by their relevance to a query. Each result has its document, unless `return_documents` is false.
    return model, (query, documents), {"return_documents": True, **kwargs}


rerank, arerank = _twins(_Kind("rerank", "rerank", _shapes.rerank), _rerank)


def _moderation(input: Any, model: str | None = None, **kwargs: Any) -> _Arguments:
    return model or "omni-moderation-latest", (input,), kwargs


moderation, amoderation = _twins(_Kind("moderation", "moderate", _shapes.moderation), _moderation)


async def count_tokens(model: str, messages: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Ask the provider how many tokens a conversation has."""
    return await _acall(_Kind("acount_tokens", "count_tokens", _shapes.count), model, (messages,), kwargs)
