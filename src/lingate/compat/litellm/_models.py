# What is known about models and providers: the provider table, the price catalogue and the facts about families.

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from functools import lru_cache
from typing import Any

import lingate
from lingate._providers import lookup
from lingate._providers.catalog import entry_of, models_of
from lingate._providers.naming import provider_of, row_of
from lingate._providers.rows_models import MODEL_FACTS, MODES
from lingate._wire.shapes import without
from lingate.compat import litellm as names_of
from lingate.compat.litellm._names import CAPABILITIES, instead, words
from lingate.compat.litellm._params import resolve, translated
from lingate.errors import LingateError, UnknownProviderError

_CHAT = """frequency_penalty logit_bias logprobs top_logprobs max_tokens max_completion_tokens modalities prediction n
    presence_penalty seed stop stream stream_options temperature top_p tools tool_choice function_call functions
    parallel_tool_calls audio web_search_options service_tier safety_identifier prompt_cache_key store
    response_format user reasoning_effort thinking verbosity extra_headers max_retries"""
_CHAT_PARAMS = _CHAT.split()
OPENAI_CHAT_COMPLETION_PARAMS = [
    *_CHAT_PARAMS,
    *sorted(
        words(
            "api_base api_key api_version base_url default_headers deployment_id organization request_timeout timeout"
        )
    ),
]
"""What LiteLLM takes for arguments of chat: OpenAI's parameters, and where the call goes."""
_EMBEDDING_PARAMS = ["dimensions", "encoding_format", "user"]
_TRANSCRIPTION_PARAMS = ["language", "prompt", "response_format", "temperature", "timestamp_granularities"]

_SAMPLE: Mapping[str, Any] = {
    "frequency_penalty": 0.1,
    "presence_penalty": 0.1,
    "logit_bias": {"1": 1},
    "logprobs": True,
    "top_logprobs": 1,
    "n": 2,
    "seed": 1,
    "stop": ["."],
    "user": "u",
    "prediction": {"type": "content", "content": "x"},
    "prompt_cache_key": "k",
    "safety_identifier": "k",
    "web_search_options": {},
}
"""Parameters that not every wire format can express."""


_PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
}
_FACTS = """max_tokens max_input_tokens max_output_tokens input_cost_per_token output_cost_per_token
    cache_read_input_token_cost cache_creation_input_token_cost litellm_provider mode"""
_UNKNOWN = words(
    """output_vector_size supports_native_streaming supported_endpoints supports_url_context tpm rpm
    supports_embedding_image_input input_cost_per_token_batches output_cost_per_token_batches"""
)


def get_llm_provider(
    model: str,
    custom_llm_provider: str | None = None,
    api_base: str | None = None,
    api_key: str | None = None,
    **_: Any,
) -> tuple[str, str, str | None, str | None]:
    # Tell which provider a model name means, from tables alone: no network, no sign-in.
    # Returns: The model as the provider names it, the provider, and key and base URL as they were given.
    # Raises LiteLLMUnknownProvider: Nothing tells.
    try:
        return *resolve(model, custom_llm_provider, api_base), api_key, api_base
    except LingateError as error:
        raise translated(error, str(model)) from error


def get_model_info(model: str, custom_llm_provider: str | None = None, **_: Any) -> dict[str, Any]:
    # What is known about a model: limits, prices in US dollars a token, mode, and `supports_...`.
    # A fact that is not known is None.
    # Raises ModelNotMappedError: Nothing is known about it.
    found: dict[str, Any] = {}
    try:
        name, provider = resolve(model, custom_llm_provider)
    except UnknownProviderError:
        info, own = None, registered(model, model, None)
    else:
        info, own = _info(name, provider), registered(model, name, provider)
        found["supported_openai_params"] = _supported(name, provider, "chat_completion")
    if info is None and own is None:
        text = f"This model isn't mapped yet. model={model}, custom_llm_provider={custom_llm_provider}."
        # Aider says nothing of errors that name the file.
        raise names_of.ModelNotMappedError(f"{text} It is in no model_prices_and_context_window.json: register_model")
    return {"key": model, **(info or _unknown()), **(own or {}), **found}


def registered(model: str, name: str, provider: str | None) -> dict[str, Any] | None:
    # What `model_cost` says of a model, if it was asked for or changed since the start: `register_model` does that.
    if not _tables.cache_info().currsize:
        return None
    costs = _tables()["model_cost"]
    for key in (model, f"{provider}/{name}", name):
        found: dict[str, Any] | None = costs.get(key)
        # Without its provider, the name may be that of another provider's model.
        if found is not None and (key != name or provider is None or found.get("litellm_provider") in (None, provider)):
            return found
    return None


@lru_cache(maxsize=4096)
def _prices(provider: str, model: str) -> Mapping[str, Any] | None:
    # Context window and prices of a model, None where the catalogue has none of it.
    entry = entry_of(provider, model)
    if entry is None:
        return None
    window, rates = entry
    return {"context_window": window, **{_PRICES[kind]: rate for kind, rate in rates.items() if kind in _PRICES}}


def own_prices(model: str, name: str, provider: str) -> Mapping[str, Any] | None:
    # The prices of a model that an application has set; None where they are the catalogue's.
    own = registered(model, name, provider)
    if own is None:
        return None
    row = row_of(provider)
    known = _prices(row.name if row else provider, name) or {}
    return own if any(own.get(kind) != known.get(kind) for kind in _PRICES.values()) else None


def _unknown() -> dict[str, Any]:
    return dict.fromkeys((*_FACTS.split(), *CAPABILITIES, *_UNKNOWN))


@lru_cache(maxsize=4096)
def _facts(name: str) -> tuple[int | None, int | None, tuple[str, ...]] | None:
    plain = name.rpartition("/")[2]
    for pattern, limit, output, abilities in MODEL_FACTS:
        if re.fullmatch(pattern, name, re.IGNORECASE) or re.fullmatch(pattern, plain, re.IGNORECASE):
            return limit, output, abilities
    return None


def _info(name: str, provider: str) -> dict[str, Any] | None:
    row = row_of(provider)
    prices = _prices(row.name if row else provider, name)
    facts = _facts(name)
    if facts is None and prices is None:
        return None
    limit, output, abilities = facts or (None, None, ())
    limit = limit or (prices or {}).get("context_window")
    mode = next((mode for pattern, mode in MODES if re.fullmatch(pattern, name, re.IGNORECASE)), "chat")
    found = {**_unknown(), "litellm_provider": provider, "mode": mode}
    found.update(without(prices or {}, ("context_window",)))
    found.update(max_input_tokens=limit, max_output_tokens=output, max_tokens=output or limit)
    if facts is not None:
        found.update({key: key.removeprefix("supports_") in abilities or None for key in CAPABILITIES})
    return found


def get_max_tokens(model: str) -> int | None:
    # The most tokens an answer of a model can have; the context window where only that is known.
    # Raises Exception: Nothing is known about the model.
    return get_model_info(model)["max_tokens"]  # type: ignore[no-any-return]


def supports(question: str) -> Callable[..., bool]:
    # The function `supports_...` of that name: `supports_vision(model)`. What is not known is False.
    # Raises AttributeError: There is no such question.
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
    # List OpenAI's parameters that can be expressed for a model; None where the provider is not known.
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
    if request_type == "chat_completion":
        facts = _facts(name)
        if facts is not None and "function_calling" not in facts[2]:
            refused |= {"tools", "tool_choice", "functions", "function_call", "parallel_tool_calls"}
        if not reasons(name):
            refused |= {"reasoning_effort", "thinking"}
        refused |= _left_out(name, provider)
    return [param for param in params if param not in refused]


def reasons(name: str) -> bool:
    # Whether a model may take parameters about reasoning: all but those that are known not to.
    facts = _facts(name)
    return facts is None or "reasoning" in facts[2]


@lru_cache(maxsize=256)
def _left_out(name: str, provider: str) -> frozenset[str]:
    # What is left out of a call with all parameters: the request is made, and goes nowhere.
    from lingate.testing import FakeTransport, Reply

    transport = FakeTransport(Reply({}))
    client = lingate.Lingate(transport=transport, env={}, retries=0)
    for base in (None, "https://nowhere.invalid"):
        if not transport.requests:
            with suppress(LingateError):
                client.chat(f"{provider}/{name}", "x", api_key="k", api_base=base, drop_params=True, **_SAMPLE)
    return frozenset(transport.requests[0].dropped) if transport.requests else frozenset()


def validate_environment(
    model: str | None = None, api_key: str | None = None, api_base: str | None = None, api_version: str | None = None
) -> dict[str, Any]:
    # Tell whether the environment has what a model's provider needs.
    # Returns: `keys_in_environment`, and `missing_keys`: the variables of which one is needed, the usual one first.
    # Raises LiteLLMUnknownProvider: The provider is not known.
    if model is None:
        return {"keys_in_environment": False, "missing_keys": []}
    provider = get_llm_provider(model, api_base=api_base)[1]
    row = row_of(provider)
    if row is None:
        raise names_of.BadRequestError(f"no provider is called {provider!r}", model, provider)
    found = lookup.credential(row, os.environ)
    present = found.present or not found.required or api_key is not None
    # The provider's own name, else the plainest: the others are of one cloud, or of a tool.
    keys = [name for name in found.variables if re.search("_API_KEY$|_KEY_ID$", name)] or list(found.variables)
    own = re.sub(r"\W", "_", row.name).upper()
    keys.sort(key=lambda name: (not name.startswith(own), len(name)))
    return {"keys_in_environment": present, "missing_keys": [] if present else keys[:1]}


def check_valid_key(model: str, api_key: str) -> bool:
    # Whether a provider takes a key: asks the model for one token.
    from lingate.compat.litellm._calls import completion

    try:
        completion(model, [{"role": "user", "content": "Hi"}], api_key=api_key, max_tokens=10)
    except names_of.AuthenticationError:
        return False
    return True


def register_model(model_cost: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    # Add facts about models: `{"name": {"max_tokens": ..., "input_cost_per_token": ..., "litellm_provider": ...}}`.
    # What is given here goes before what the catalogue knows: in `get_model_info`, and in what calls cost.
    found = get_model_cost_map()
    for name, facts in model_cost.items():
        found.setdefault(name, {}).update(facts)
    return found


def get_valid_models(custom_llm_provider: str | None = None, **_: Any) -> list[str]:
    return [
        name
        for provider, names in _tables()["models_by_provider"].items()
        if (custom_llm_provider in (None, provider)) and lingate.credentials(provider).present
        for name in sorted(names)
    ]


def get_secret(secret_name: str, default_value: Any = None) -> Any:
    # A variable of the environment, with or without `os.environ/` before its name; `true` and `false` are booleans.
    found = os.environ.get(secret_name.removeprefix("os.environ/"))
    return default_value if found is None else {"true": True, "false": False}.get(found.strip().lower(), found)


def get_secret_str(secret_name: str, default_value: str | None = None) -> str | None:
    # A variable of the environment, if it is neither `true` nor `false`.
    found = get_secret(secret_name, default_value)
    return None if isinstance(found, bool) else found


def get_secret_bool(secret_name: str, default_value: bool | None = None) -> bool | None:
    # A variable of the environment that is `true` or `false`; None for anything else.
    found = get_secret(secret_name, default_value)
    return found if isinstance(found, bool) else None


def get_model_cost_map(url: str = "") -> dict[str, dict[str, Any]]:
    # `model_cost`. Nothing is fetched.
    return _tables()["model_cost"]  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    # The big tables, made when the first of them is asked for.
    by_provider: dict[str, set[str]] = {}
    costs: dict[str, dict[str, Any]] = {}
    for row in lookup.rows():
        for name in models_of(row):
            bare = (provider_of(name) or ("", ""))[1] == row.name
            full = name if name.startswith(f"{row.name}/") else f"{row.name}/{name}"
            by_provider.setdefault(row.name, set()).add(name if bare else full)
            info = _info(name, row.name)
            if info is not None:
                costs.update(dict.fromkeys((full, name) if bare else (full,), info))
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
    if name == "LlmProviders":
        known = sorted({name for row in lookup.rows() for name in (row.name, *row.aliases)})
        return Enum(name, {re.sub(r"\W", "_", item).upper(): item for item in known}, type=str, module=__name__)
    raise AttributeError(instead(name))
