"""The one method of `openai.AsyncOpenAI` that fast-agent's chat code calls, answered by Lingate."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NoReturn, Self

from openai.types.chat import ChatCompletion, ChatCompletionChunk

import lingate
from lingate.errors import LingateError, UnsupportedError
from lingate.hosts.fast_agent._errors import as_openai
from lingate.hosts.fast_agent._recall import Recall

Translate = Callable[[LingateError], Exception]

_recall = Recall()

_shared: lingate.AsyncLingate | None = None


class SurfaceError(UnsupportedError, NotImplementedError):
    """Something of the openai client that is not chat was asked for."""


def shared_client() -> lingate.AsyncLingate:
    """The client behind all agents of this process. fast-agent tries again by itself, so this one does not."""
    global _shared
    if _shared is None:
        _shared = lingate.AsyncLingate(os.environ.get("LINGATE_CONFIG") or None, retries=0)
    return _shared


def _as_named(model: str) -> tuple[str, Mapping[str, Any]]:
    return model, {}


class LingateClient:
    """As much of `openai.AsyncOpenAI` as fast-agent needs: `async with`, and `chat.completions.create`.

    Args:
        defaults: Arguments of every call that does not bring its own: `api_key`, `api_base`, `timeout`,
            `extra_headers`, `drop_params`, ...
        place_of: Turns the model that fast-agent names into `provider/model`, and into further arguments for it, such
            as its key: these win over the defaults.
        client: Asked instead of the one client of this process.
        translate: Turns what Lingate raises into what is raised here.
    """

    def __init__(
        self,
        defaults: Mapping[str, Any] | None = None,
        *,
        place_of: Callable[[str], tuple[str, Mapping[str, Any]]] = _as_named,
        client: lingate.AsyncLingate | None = None,
        translate: Translate = as_openai,
    ) -> None:
        self._defaults = {name: value for name, value in (defaults or {}).items() if value is not None}
        self._place_of = place_of
        self._lingate = client or shared_client()
        self._translate = translate
        self.chat = _Chat(self)

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

    async def _create(self, given: dict[str, Any]) -> ChatCompletion | ChunkStream:
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
        if stream:
            return ChunkStream(answer, self._translate)
        _recall.keep(answer.message.to_dict())
        return ChatCompletion.construct(**answer.to_dict())


class _Chat:
    def __init__(self, client: LingateClient) -> None:
        self.completions = _Completions(client)


class _Completions:
    def __init__(self, client: LingateClient) -> None:
        self._client = client

    async def create(self, **given: Any) -> ChatCompletion | ChunkStream:
        """Ask a model: OpenAI's parameters, and Lingate's own such as `api_base`.

        Raises:
            openai.APIError: The call failed; the subclass says how.
        """
        return await self._client._create(given)


class ChunkStream:
    """A streamed answer as chunks of the openai package."""

    def __init__(self, stream: lingate.AsyncChatStream, translate: Translate) -> None:
        self._stream = stream
        self._translate = translate

    def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        return self._chunks()

    async def _chunks(self) -> AsyncIterator[ChatCompletionChunk]:
        try:
            async with self._stream as stream:
                async for chunk in stream:
                    yield ChatCompletionChunk.construct(**chunk.to_dict())
                _recall.keep((await stream.final()).message.to_dict())
        except LingateError as error:
            raise self._translate(error) from error

    async def close(self) -> None:
        """Let the provider go."""
        await self._stream.aclose()


def _plain(message: Any) -> Any:
    dump = getattr(message, "model_dump", None)
    return message if dump is None else dump(exclude_none=True)


def _lift_reasoning(call: dict[str, Any]) -> None:
    """Make fast-agent's reasoning setting a parameter of ours: it puts it into the raw body, as a word, number or flag."""
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
