"""fast-agent's LLM class on Lingate. Importing this imports fast-agent; `lingate.hosts.fast_agent` does so when needed."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from fast_agent.core.exceptions import ProviderKeyError
from fast_agent.llm.model_database import ModelDatabase, ModelParameters
from fast_agent.llm.model_factory import ModelFactory
from fast_agent.llm.provider.openai.llm_openai import OpenAILLM
from fast_agent.llm.provider_types import Provider

import lingate
from lingate.hosts._shared import DEFAULT_MODEL, LONGEST_ANSWER, WINDOW, known_of
from lingate.hosts.fast_agent import catalog
from lingate.hosts.fast_agent._client import LingateClient, as_openai
from lingate.hosts.fast_agent._settings import HostSettings, destination, settings_of, through_gateway

__all__ = ["LingateLLM", "register"]

ROUTED = "lingate/"
"""What stands before `provider/model` where fast-agent has no provider of ours and `generic` is used."""


# Where fast-agent is patched there is one of ours.
_OWN_PROVIDER: Any = getattr(Provider, "LINGATE", Provider.GENERIC)


@lru_cache(maxsize=1024)
def _facts(model: str) -> tuple[int | None, int | None, tuple[str, ...], bool]:
    # Context window, longest answer, what it reads (empty: not known), and whether it reasons.
    offer = next((item for item in lingate.catalog() if item.model == model), None)
    info = known_of(model)
    reads = catalog.mime_types(offer.inputs) if offer is not None else ()
    if not reads and info.get("supports_vision"):
        reads = catalog.mime_types(("text", "image", *(["pdf"] if info.get("supports_pdf_input") else [])))
    window = (offer and offer.context) or info.get("max_input_tokens")
    return window, info.get("max_output_tokens"), reads, bool(info.get("supports_reasoning"))


def parameters_of(model: str, provider: Any = None) -> ModelParameters:
    # What fast-agent wants to know of a model: limits, what it reads, how it reasons.
    own = ModelDatabase.get_model_params(model)
    if own is not None:
        return own.model_copy(update={"stream_mode": "manual", "json_mode": "schema"})
    window, output, reads, reasons = _facts(model)
    return ModelParameters(
        context_window=window or WINDOW,
        max_output_tokens=output or LONGEST_ANSWER,
        tokenizes=list(reads or catalog.mime_types(("text", "image"))),
        json_mode="schema",
        reasoning="reasoning_content" if reasons else None,
        stream_mode="manual",
        default_provider=provider or _OWN_PROVIDER,
    )


class LingateLLM(OpenAILLM):  # type: ignore[misc]  # fast-agent is not here
    """Any provider, through the SDK: streams, tools, structured output and reasoning as fast-agent does them for OpenAI.

    Settings are those of the section `lingate` (`api_base` and `api_key` of a gateway, `default_model`, `drop_params`,
    `extra_kwargs`, `default_headers`).
    """

    config_section = "lingate"

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("provider", None)
        kwargs.setdefault("reasoning_field", "reasoning_effort")
        spec = kwargs.get("resolved_model_spec")
        provider = _OWN_PROVIDER if spec is None else spec.provider
        if spec is not None and spec.overlay is None:
            known = parameters_of(_model_of(spec.wire_model_name), provider)
            kwargs["resolved_model_spec"] = replace(spec, model_params=known)
        super().__init__(provider=provider, **kwargs)

    def _settings(self) -> HostSettings:
        return settings_of(self._config())

    def _config(self) -> Any:
        return self.context.config if self.context else None

    def _initialize_default_params(self, kwargs: dict[str, Any]) -> Any:
        fallback = self._settings().default_model or DEFAULT_MODEL
        params = self._initialize_default_params_with_model_fallback(kwargs, fallback)
        model = _model_of(params.model or fallback)
        own = ModelDatabase.get_model_params(model)
        # fast-agent sends what it takes for the limit; a guess could be more than the model allows.
        return params.model_copy(update={"max_tokens": _facts(model)[1] if own is None else own.max_output_tokens})

    def _api_key(self) -> str:
        # Each call finds its own credential; fast-agent only wants a string.
        return self._init_api_key or ""

    def _provider_base_url(self) -> str | None:
        return self._settings().api_base

    def _provider_default_headers(self) -> dict[str, str] | None:
        found = self._settings().default_headers
        return dict(found) if found else None

    def _get_model_stream_mode(self, model_name: str | None) -> Any:
        # The stricter way wants every field that OpenAI's chunks have, other providers' have fewer.
        return "manual"

    def _get_model_json_mode(self, model_name: str | None) -> str | None:
        return "schema"

    def _get_model_reasoning(self, model_name: str | None) -> str | None:
        # `..._thinking` is how the providers' own formats say it; here reasoning always comes as OpenAI-like text.
        found: str | None = super()._get_model_reasoning(model_name)
        return "reasoning_content" if found is None or found.endswith("_thinking") else found

    def _openai_client(self) -> Any:
        idle = self.default_request_params.streaming_timeout
        defaults = {
            "extra_headers": self._default_headers(),
            "drop_params": self._settings().drop_params,
            "timeout": None if idle is None else lingate.Timeout(read=idle),
        }
        return LingateClient(defaults, place_of=self._place, translate=partial(as_openai, key_error=ProviderKeyError))

    def _place(self, model: str) -> tuple[str, dict[str, str]]:
        # Where a model is asked; looked up for each call, so that no key goes to another model's provider.
        if not self._init_base_url:
            return destination(_model_of(model), self._config(), os.environ)
        # Of an overlay, which names a gateway.
        return through_gateway(_model_of(model), self._init_base_url, self._init_api_key)

    async def _normalize_chat_completion_files(self, client: Any, messages: Any) -> Any:
        # OpenAI's uploads are of no use at other providers; files stay in the message.
        return messages

    def _prepare_api_request(self, messages: Any, tools: Any, request_params: Any) -> dict[str, Any]:
        arguments: dict[str, Any] = super()._prepare_api_request(messages, tools, request_params)
        for name, value in self._settings().extra_kwargs.items():
            arguments.setdefault(name, value)
        return arguments


def _model_of(name: str) -> str:
    return name.removeprefix(ROUTED)


class _Routes(dict[str, Any]):
    # fast-agent's table of models with classes of their own, in which all of ours are found.

    def get(self, key: Any, default: Any = None) -> Any:
        found = super().get(key)
        if found is None and isinstance(key, str) and key.startswith(ROUTED):
            return LingateLLM
        return default if found is None else found


def register() -> None:
    # Answer `generic.lingate/<provider>/<model>` in this process, and tell fast-agent what is known of the usual models.
    if not isinstance(ModelFactory.MODEL_SPECIFIC_CLASSES, _Routes):
        ModelFactory.MODEL_SPECIFIC_CLASSES = _Routes(ModelFactory.MODEL_SPECIFIC_CLASSES)
    for entry in catalog.curated():
        name = f"{ROUTED}{entry.model}"
        if ModelDatabase.get_model_params(name) is None:
            ModelDatabase.register_runtime_model_params(name, parameters_of(entry.model, Provider.GENERIC))
