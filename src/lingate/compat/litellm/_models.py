"""What is known about models and providers: the provider table, the price catalogue and the facts about families."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, cast

import lingate
from lingate._providers import lookup
from lingate._providers.naming import provider_of
from lingate._providers.rows_models import MODEL_FACTS, MODES
from lingate.compat import litellm as names_of
from lingate.compat.litellm import _catalogue
from lingate.compat.litellm._names import CAPABILITIES, instead
from lingate.compat.litellm._resolve import resolve, row_of
from lingate.errors import LingateError, UnknownProviderError

_CHAT_PARAMS = [
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "max_tokens",
    "max_completion_tokens",
    "modalities",
    "prediction",
    "n",
    "presence_penalty",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "tools",
    "tool_choice",
    "function_call",
    "functions",
    "parallel_tool_calls",
    "audio",
    "web_search_options",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "store",
    "response_format",
    "user",
    "reasoning_effort",
    "thinking",
    "verbosity",
    "extra_headers",
    "max_retries",
]
_EMBEDDING_PARAMS = ["dimensions", "encoding_format", "user"]
_TRANSCRIPTION_PARAMS = ["language", "prompt", "response_format", "temperature", "timestamp_granularities"]

_registered: dict[str, dict[str, Any]] = {}


def get_llm_provider(
    model: str,
    custom_llm_provider: str | None = None,
    api_base: str | None = None,
    api_key: str | None = None,
    **_: Any,
) -> tuple[str, str, str | None, str | None]:
    """Tell which provider a model name means, from tables alone: no network, no sign-in.

    Returns:
        The model as the provider names it, the provider, and key and base URL as they were given.

    Raises:
        LiteLLMUnknownProvider: Nothing tells.
    """
    try:
        name, provider = resolve(model, custom_llm_provider, api_base)
    except LingateError as error:
        from lingate.compat.litellm._errors import translate

        raise translate(error, str(model), None) from error
    return name, provider, api_key, api_base


def get_model_info(model: str, custom_llm_provider: str | None = None, **_: Any) -> dict[str, Any]:
    """What is known about a model: limits, prices in US dollars a token, mode, and `supports_...`.

    A fact that is not known is None.

    Raises:
        ModelNotMappedError: Nothing is known about it.
    """
    own = _registered.get(model)
    try:
        name, provider = resolve(model, custom_llm_provider)
    except UnknownProviderError:
        if own is None:
            raise _not_mapped(model, custom_llm_provider) from None
        return {"key": model, **_unknown(), **own}
    info = _info(name, provider)
    if info is None and own is None and name not in _registered:
        raise _not_mapped(model, custom_llm_provider)
    params = _supported(name, provider, "chat_completion")
    known = {**(info or _unknown()), **(_registered.get(name) or {}), **(own or {})}
    return {"key": model, **known, "supported_openai_params": params}


def _not_mapped(model: str, provider: str | None) -> Exception:
    text = f"This model isn't mapped yet. model={model}, custom_llm_provider={provider}."
    return cast("Exception", names_of.ModelNotMappedError(text))


def _unknown() -> dict[str, Any]:
    return {
        "max_tokens": None,
        "max_input_tokens": None,
        "max_output_tokens": None,
        "input_cost_per_token": None,
        "output_cost_per_token": None,
        "cache_read_input_token_cost": None,
        "cache_creation_input_token_cost": None,
        "litellm_provider": None,
        "mode": None,
        **dict.fromkeys(CAPABILITIES, None),
    }


@lru_cache(maxsize=4096)
def _facts(name: str) -> tuple[int | None, int | None, tuple[str, ...]] | None:
    plain = name.rpartition("/")[2]
    for pattern, limit, output, abilities in MODEL_FACTS:
        if re.fullmatch(pattern, name, re.IGNORECASE) or re.fullmatch(pattern, plain, re.IGNORECASE):
            return limit, output, abilities
    return None


def _info(name: str, provider: str) -> dict[str, Any] | None:
    row = row_of(provider)
    prices = _catalogue.prices(row.name if row else provider, name)
    facts = _facts(name)
    if facts is None and prices is None:
        return None
    limit, output, abilities = facts or (None, None, ())
    limit = limit or (prices or {}).get("context_window")
    mode = next((mode for pattern, mode in MODES if re.fullmatch(pattern, name, re.IGNORECASE)), "chat")
    found = {**_unknown(), "litellm_provider": provider, "mode": mode}
    found.update({key: value for key, value in (prices or {}).items() if key in found})
    found.update(max_input_tokens=limit, max_output_tokens=output, max_tokens=output or limit)
    if facts is not None:
        found.update({key: key.removeprefix("supports_") in abilities or None for key in CAPABILITIES})
    return found


def get_max_tokens(model: str) -> int | None:
    """The most tokens an answer of a model can have; the context window where only that is known.

    Raises:
        Exception: Nothing is known about the model.
    """
    found: int | None = get_model_info(model)["max_tokens"]
    return found


def supports(question: str) -> Callable[..., bool]:
    """The function `supports_...` of that name: `supports_vision(model)`. What is not known is False.

    Raises:
        AttributeError: There is no such question.
    """
    if question not in CAPABILITIES:
        raise AttributeError(instead(question))

    def answer(model: str, custom_llm_provider: str | None = None) -> bool:
        try:
            return bool(get_model_info(model, custom_llm_provider).get(question))
        except names_of.ModelNotMappedError:
            return False

    answer.__name__ = answer.__qualname__ = question
    answer.__doc__ = f"Whether a model is known to have {question.removeprefix('supports_').replace('_', ' ')}."
    return answer


def get_supported_openai_params(
    model: str, custom_llm_provider: str | None = None, request_type: str = "chat_completion", **_: Any
) -> list[str] | None:
    """List OpenAI's parameters that can be expressed for a model; None where the provider is not known."""
    try:
        name, provider = resolve(model, custom_llm_provider)
    except UnknownProviderError:
        return None
    return _supported(name, provider, request_type)


def _supported(name: str, provider: str, request_type: str) -> list[str] | None:
    row = row_of(provider)
    if row is None:
        return None
    params = {"embeddings": _EMBEDDING_PARAMS, "transcription": _TRANSCRIPTION_PARAMS}.get(request_type, _CHAT_PARAMS)
    refused = set(row.unsupported)
    for rule in row.models:
        if re.fullmatch(rule.pattern, name, re.IGNORECASE):
            refused |= set(rule.unsupported)
    facts = _facts(name)
    if request_type == "chat_completion" and facts is not None:
        if "function_calling" not in facts[2]:
            refused |= {"tools", "tool_choice", "functions", "function_call", "parallel_tool_calls"}
        if "reasoning" not in facts[2]:
            refused |= {"reasoning_effort", "thinking"}
    return [param for param in params if param not in refused]


def validate_environment(
    model: str | None = None, api_key: str | None = None, api_base: str | None = None, api_version: str | None = None
) -> dict[str, Any]:
    """Tell whether the environment has what a model's provider needs.

    Returns:
        `keys_in_environment`, and `missing_keys`: the variables of which one is needed, the usual one first.

    Raises:
        LiteLLMUnknownProvider: The provider is not known.
    """
    provider = get_llm_provider(model or "", api_base=api_base)[1]
    row = row_of(provider)
    if row is None:
        raise names_of.BadRequestError(f"no provider is called {provider!r}", model, provider)
    found = lookup.credential(row, os.environ)
    present = found.present or not found.required or api_key is not None
    return {"keys_in_environment": present, "missing_keys": [] if present else list(found.variables[:1])}


def check_valid_key(model: str, api_key: str) -> bool:
    """Whether a provider takes a key: asks the model for one token."""
    from lingate.compat.litellm._calls import completion

    try:
        completion(model, [{"role": "user", "content": "Hi"}], api_key=api_key, max_tokens=10)
    except names_of.AuthenticationError:
        return False
    return True


def register_model(model_cost: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Add facts about models: `{"name": {"max_tokens": ..., "input_cost_per_token": ..., "litellm_provider": ...}}`.

    Prices of models given here are answered by `get_model_info`. What a call costs is worked out from the catalogue, or
    from `input_cost_per_token` and `output_cost_per_token` of the call itself.
    """
    for name, facts in model_cost.items():
        _registered.setdefault(name, {}).update(facts)
        _tables()["model_cost"].setdefault(name, {}).update(facts)
    found: dict[str, dict[str, Any]] = _tables()["model_cost"]
    return found


def get_valid_models(custom_llm_provider: str | None = None, **_: Any) -> list[str]:
    """The catalogue's models of providers for which the environment holds a key."""
    return [
        name if name.startswith(f"{provider}/") else f"{provider}/{name}"
        for provider, names in _tables()["models_by_provider"].items()
        if (custom_llm_provider in (None, provider)) and lingate.credentials(provider).present
        for name in names
    ]


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    """The big tables, made when the first of them is asked for."""
    by_provider: dict[str, list[str]] = {}
    costs: dict[str, dict[str, Any]] = {}
    for row in lookup.rows():
        for name in _catalogue.names(row):
            by_provider.setdefault(row.name, []).append(name)
            info = _info(name, row.name)
            if info is not None:
                costs[f"{row.name}/{name}"] = info
    for name, info in list(costs.items()):
        bare = name.partition("/")[2]
        if (provider_of(bare) or ("", ""))[1] == info["litellm_provider"]:
            costs[bare] = info
    return {
        "models_by_provider": by_provider,
        "model_cost": costs,
        "model_list": list(costs),
        "open_ai_chat_completion_models": {name for name in costs if "/" not in name and costs[name]["mode"] == "chat"},
    }


def __getattr__(name: str) -> Any:
    if name in ("models_by_provider", "model_cost", "model_list", "open_ai_chat_completion_models"):
        return _tables()[name]
    if name == "provider_list":
        return sorted(row.name for row in lookup.rows())
    raise AttributeError(instead(name))
