# vui's backends, on vui's own base classes. Imported by `lingate.hosts.vui` when one of them is asked for.

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from vui.serving.stream.llm_backend import LLMBackend, VLLMBackend

import lingate
from lingate.errors import (
    ConnectError,
    DeadlineExceededError,
    LingateError,
    MissingCredentialError,
    RequestTimeoutError,
    StreamInterruptedError,
    TransportError,
    UnknownProviderError,
)
from lingate.hosts._shared import DEFAULT_MODEL, note_dropped, words
from lingate.hosts._vui_parts import Health, check_answer, window_of

DEFAULT_URL = "http://localhost:4000"
# What vui assumes of a model it knows nothing of; its gauge divides by it.
DEFAULT_WINDOW = 8192

_TIMEOUT = lingate.Timeout(total=120, connect=10, read=120)  # as vui's own backends
# vui gives its probe three seconds.
_PROBE_TIMEOUT = lingate.Timeout(total=2.5, connect=2.0, read=2.5)
_NO_ANSWER = (ConnectError, RequestTimeoutError, DeadlineExceededError, MissingCredentialError, UnknownProviderError)
# First match counts.
_HTTPX = (
    (ConnectError, httpx.ConnectError),
    (StreamInterruptedError, httpx.RemoteProtocolError),
    (RequestTimeoutError, httpx.ReadTimeout),
    (DeadlineExceededError, httpx.ReadTimeout),
    (TransportError, httpx.ReadError),
)


def as_httpx(error: LingateError) -> Exception:
    # What vui understands: it tells "unreachable" from other troubles by httpx's types.
    return next((theirs(str(error)) for ours, theirs in _HTTPX if isinstance(error, ours)), error)


class LingateBackend(LLMBackend):  # type: ignore[misc]  # vui has no types and is not here
    # Any provider, in vui's process: no gateway, no second server.

    # model: `provider/model`; default `VUI_LINGATE_MODEL`, then openai/gpt-4o-mini.
    # base_url: Where vui asks for `/api/version` to see whether the language model is there. Default: a listener on
    # loopback that answers for this backend.
    # sampling: vui's sampling defaults to change. `top_k` is sent only if it is given here or with a call, since
    # vui's own default of 20 is meant for one local model.
    # max_model_len: Size of the context window for vui's gauge; default: what is known of the model, else 8192.
    # params: Further parameters of every call, such as `{"reasoning_effort": "low"}`.
    # client: Asked instead of a client of its own.

    name = "lingate"

    def __init__(
        self,
        model: str | None = None,
        base_url: str | None = None,
        *,
        sampling: Mapping[str, Any] | None = None,
        max_model_len: int | None = None,
        params: Mapping[str, Any] | None = None,
        client: lingate.AsyncLingate | None = None,
    ) -> None:
        self._health: Health | None = None
        self._base_url: str | None = None
        chosen = model or os.environ.get("VUI_LINGATE_MODEL") or DEFAULT_MODEL
        super().__init__(model=chosen, base_url=base_url, sampling=dict(sampling or {}))
        self._own_top_k = "top_k" in (sampling or {})
        self._window = max_model_len
        self._extra = dict(params or {})
        self._lingate = client or lingate.AsyncLingate(
            os.environ.get("LINGATE_CONFIG") or None, timeout=_TIMEOUT, drop_params=True
        )
        self._trouble = False
        self.max_model_len = self._window or window_of(chosen) or DEFAULT_WINDOW

    @property
    def base_url(self) -> str:
        # Where `/api/version` is answered.
        if self._base_url is None:
            self._health = self._health or Health(self._is_there)
            return self._health.url
        return self._base_url

    @base_url.setter
    def base_url(self, value: str | None) -> None:
        self._base_url = value.rstrip("/") if value else None

    def _is_there(self) -> bool:
        # Whether the provider can be reached, asked only after a call could not: its list of models costs nothing.
        if self._trouble:
            with lingate.Lingate(os.environ.get("LINGATE_CONFIG") or None, timeout=_PROBE_TIMEOUT, retries=0) as asked:
                try:
                    asked.models(self.model.partition("/")[0])
                except _NO_ANSWER:
                    return False
                except LingateError:
                    pass  # an answer all the same
            self._trouble = False
        return True

    def warn_of_missing_key(self) -> None:
        # Say on stderr that the model's provider has no key in the environment, if so.
        found = lingate.credentials(self.model)
        if found.required and not found.present:
            names = " or ".join(found.variables[:3])
            sys.stderr.write(f"[lingate] no credential for {self.model} in the environment: set {names}\n")

    def _call(self, max_tokens: int, stop: list[str] | None, tools: Any = None, **given: Any) -> dict[str, Any]:
        sampling = self._resolve_sampling(**given)
        if given["top_k"] is None and not self._own_top_k:
            del sampling["top_k"]
        return {"max_tokens": max_tokens, **sampling, "stop": stop, "tools": tools, "drop_params": True, **self._extra}

    @contextmanager
    def _told_to_vui(self) -> Iterator[None]:
        # Raise errors as vui knows them, and remember whether the provider could be reached.
        try:
            yield
        except LingateError as error:
            self._trouble = isinstance(error, _NO_ANSWER)
            told = as_httpx(error)
            if told is error:
                raise
            raise told from error
        self._trouble = False

    def _count(self, usage: Any) -> dict[str, int]:
        prompt = (usage and usage.prompt_tokens) or 0
        completion = (usage and usage.completion_tokens) or 0
        return {
            "prompt": prompt,
            "completion": completion,
            "ctx_used": prompt + completion,
            "ctx_max": self.max_model_len,
        }

    def _tell(self, stats: dict[str, Any] | None, usage: Any) -> None:
        if stats is not None and usage is not None:
            counts = self._count(usage)
            stats.update(prompt_tokens=counts.pop("prompt"), completion_tokens=counts.pop("completion"), **counts)

    async def stream(
        self,
        messages: list[dict[str, Any]],
        *,
        max_tokens: int = 512,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        presence_penalty: float | None = None,
        stop: list[str] | None = None,
        stats: dict[str, Any] | None = None,
    ) -> AsyncIterator[str]:
        # The answer's text, piece by piece. Leaving the loop lets the provider go at once.
        # Raises httpx.TransportError: The provider could not be reached, or the answer broke off.
        # Raises LingateError: It refused, or the call cannot be made.
        sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "presence_penalty": presence_penalty}
        params = self._call(max_tokens, stop, **sampling)
        with self._told_to_vui():
            answer = await self._lingate.chat(
                self.model, messages, stream=True, stream_options={"include_usage": True}, **params
            )
            note_dropped(self.model, answer.dropped)
            async with answer:
                async for chunk in answer:
                    if text := words(chunk):
                        yield text
        self._tell(stats, answer.usage)

    async def complete(
        self,
        messages: list[dict[str, Any]],
        *,
        max_tokens: int = 1024,
        temperature: float | None = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        presence_penalty: float | None = None,
        tools: list[dict[str, Any]] | None = None,
        stop: list[str] | None = None,
        stats: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        # The whole answer: `content`, `tool_calls` with their arguments as dicts, `usage` and `done_reason`.
        # Raises httpx.TransportError: The provider could not be reached, or the answer broke off.
        # Raises LingateError: It refused, the call cannot be made, or the arguments of a tool call are no JSON object.
        sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "presence_penalty": presence_penalty}
        params = self._call(max_tokens, stop, tools, **sampling)
        with self._told_to_vui():
            answer = await self._lingate.chat(self.model, messages, **params)
        note_dropped(self.model, answer.dropped)
        self._tell(stats, answer.usage)
        calls = [
            {**call.to_dict(), "function": {"name": call.function.name, "arguments": call.arguments}}
            for call in answer.tool_calls
        ]
        return {
            "content": words(answer),
            "tool_calls": calls or None,
            "usage": self._count(answer.usage),
            "done_reason": answer.finish_reason,
        }

    async def prefill(self, messages: list[dict[str, Any]]) -> None:
        """Nothing: there is no cache to warm behind an API, and vui calls this several times a second."""

    async def list_models(self) -> list[str]:
        # The models of the current provider, as `provider/model`; the current one where they cannot be listed.
        provider = self.model.partition("/")[0]
        try:
            found = await self._lingate.models(provider, timeout=_PROBE_TIMEOUT, retries=0)
        except LingateError:
            return [self.model]
        return [f"{provider}/{name}" for name in found.ids] or [self.model]

    async def set_model(self, name: str) -> None:
        # Answer with another model from the next call on.
        self.model = name
        self.max_model_len = self._window or window_of(name) or DEFAULT_WINDOW

    async def aclose(self) -> None:
        # Close connections and the listener; the backend may be used again.
        await super().aclose()
        await self._lingate.aclose()
        if self._health is not None:
            self._health.close()
            self._health = None


class LingateGatewayBackend(VLLMBackend):  # type: ignore[misc]  # as above
    # A Lingate gateway (`lingate serve`, or any that speaks OpenAI's API) as vui's language model.

    # model: What the gateway calls it; default `VUI_LINGATE_MODEL`, then openai/gpt-4o-mini.
    # base_url: The gateway's URL; default `VUI_LINGATE_URL`, then http://localhost:4000. A `/v1` at its end is
    # taken off, since vui puts it on.
    # api_key: Sent as a bearer token; default `VUI_LINGATE_KEY`; neither: no such header.

    name = "lingate"

    def __init__(
        self,
        model: str | None = None,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        max_model_len: int = DEFAULT_WINDOW,
        sampling: Mapping[str, Any] | None = None,
    ) -> None:
        url = base_url or os.environ.get("VUI_LINGATE_URL") or DEFAULT_URL
        super().__init__(
            model=model or os.environ.get("VUI_LINGATE_MODEL") or DEFAULT_MODEL,
            base_url=url.rstrip("/").removesuffix("/v1").rstrip("/"),
            max_model_len=max_model_len,
            sampling=dict(sampling or {}),
        )
        self._key = api_key or os.environ.get("VUI_LINGATE_KEY")

    def _client_inst(self) -> httpx.AsyncClient:
        client: httpx.AsyncClient = super()._client_inst()
        if self._key:
            client.headers["Authorization"] = f"Bearer {self._key}"
        client.event_hooks = {"response": [check_answer]}
        return client

    def _body(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        # The rest is for the gateway to fit to the provider; these two mean nothing outside of vLLM.
        body: dict[str, Any] = super()._body(*args, **kwargs)
        body.pop("top_k", None)
        body.pop("chat_template_kwargs", None)
        return body

    async def prefill(self, messages: list[dict[str, Any]]) -> None:
        """Nothing: a request here is billed, and vui calls this several times a second."""

    async def set_model(self, name: str) -> None:
        # Answer with another model from the next call on.
        self.model = name
