# LiteLLM's arguments as Lingate's: names that are its own are taken out, all others belong to the provider.

from __future__ import annotations

import os
import re
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from lingate._call.policy import Timeout
from lingate._endpoints._arguments import plain
from lingate._providers.lookup import credential
from lingate._providers.naming import PARAMETERS, provider_of, row_of
from lingate._providers.settings import wrong_type
from lingate._wire.json import encode_str
from lingate._wire.shapes import drop, not_null, without
from lingate.compat import litellm as settings
from lingate.compat.litellm._names import words
from lingate.errors import ConfigError, LingateError, UnknownProviderError

_LOCAL = words(
    """custom_llm_provider base_url headers num_retries max_retries request_timeout stream_timeout force_timeout
    additional_drop_params context_window_fallback_dict metadata retry_policy litellm_metadata litellm_call_id litellm_trace_id
    mock_response mock_timeout mock_tool_calls no-log model_info input_cost_per_token
    output_cost_per_token logger_fn aws_bedrock_runtime_endpoint use_litellm_proxy callbacks input_callback success_callback
    failure_callback cache caching cache_control_injection_points deployment_id"""
)
"""What has a meaning in a call here and does not go to the provider."""

_TYPES = {
    **dict.fromkeys(
        words("metadata litellm_metadata model_info headers extra_headers context_window_fallback_dict"), Mapping
    ),
    **dict.fromkeys(words("fallbacks additional_drop_params cache_control_injection_points"), Iterable),
    "custom_llm_provider": str,
}
_WANTED = {Mapping: "a mapping", Iterable: "a list", str: "a string"}
_PROXY = "litellm_proxy/"

_IGNORED = re.compile(
    r"""(acompletion|aembedding|atext_completion|async_call|aresponses|caching_groups|cache_key|ttl|client
    |shared_session|ssl_verify|verbose|allowed_openai_params|modify_params|custom_prompt_dict|roles|bos_token|eos_token
    |final_prompt_value|hf_model_name|user_continue_message|assistant_continue_message|ensure_alternating_roles
    |merge_reasoning_content_in_choices|enable_json_schema_validation|guardrails|prompt_id|prompt_variables
    |prompt_version|prompt_label|litellm_.*|langfuse_.*|langsmith_.*|.*_cost_per_.*|.*_token_cost.*|tiered_pricing
    |max_budget|budget_duration|rpm|tpm|max_parallel_requests|weight|order|cooldown_time|retry_strategy
    |id|model_config|model_list|routing_strategy|proxy_server_request|secret_fields|preset_cache_key
    |use_in_pass_through|allowed_model_region|supports_system_message|complete_response|stream_response
    |fallback_depth|max_fallbacks|turn_off_message_logging|configurable_clientside_auth_params|api_type
    |tags|tag_regex|mock_delay|base_model|model_alias_map|(aws|azure|vertex|s3|gcs|newrelic|posthog|dd|wandb|arize)_.*
    |max_file_size_mb|keepalive_seconds|provider_specific_header|use_client|use_chat_completions_api|use_xai_oauth
    |silent_model|itpm|otpm|cost_per_(query|second)|default_api_key_[rt]pm_limit|\w+_by_service_tier
    |provider_affinity_header|_.*|(auto|adaptive|quality|complexity)_router_.*|enable_tag_filtering)""",
    re.VERBOSE,
)
"""What is LiteLLM's own and means nothing here: taken, and not sent."""


def resolve(model: Any, provider: str | None = None, api_base: str | None = None) -> tuple[str, str]:
    # What the provider calls a model, and the provider: see `provider_of`. Where nothing tells, an `UnknownProviderError`.
    if not isinstance(model, str) or not model.strip():
        raise UnknownProviderError(f"model must be a name such as 'provider/model', not {model!r}")
    found = provider_of(model, provider, api_base)
    if found is None:
        raise UnknownProviderError(
            f"LLM Provider NOT provided. Pass in the LLM provider you are trying to call. You passed model={model}",
            hint="write it as provider/model, or pass custom_llm_provider",
        )
    return found


def translated(error: LingateError, model: str, retries: int | None = None) -> Exception:
    # The exception a user of LiteLLM expects, see `translate`.
    # The exceptions load the openai package, where it is installed: not before there is one to raise.
    from lingate.compat.litellm._errors import translate

    return translate(error, model, retries)


@dataclass(slots=True, kw_only=True)
class Request:
    """One call, as it is made and as callbacks are told of it."""

    call_type: str
    """LiteLLM's name of the function."""
    asked: str
    """The model as the caller wrote it."""
    name: str
    """The model as the provider names it."""
    provider: str
    given: tuple[Any, ...]
    """Arguments of the client's method before its options: messages, input, query and documents."""
    options: dict[str, Any] = field(repr=False)
    """Keyword arguments of the client's method."""
    own: dict[str, Any] = field(repr=False)
    """What was taken out: metadata, mocks, prices."""
    env: dict[str, str] = field(repr=False)
    """Variables of the environment for this call alone."""
    stream: bool
    call_id: str
    started: datetime
    proven: bool = False
    """Whether reasoning arrives in blocks whose end is a proof."""

    @property
    def model(self) -> str:
        return f"{self.provider}/{self.name}"

    @property
    def mocked(self) -> bool:
        # Whether the call is to be answered without a provider.
        return any(self.own.get(name) for name in ("mock_response", "mock_tool_calls", "mock_timeout"))

    @property
    def retries(self) -> int | None:
        found = self.options.get("retries")
        return getattr(found, "retries", found)


def prepare(call_type: str, model: Any, given: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request:
    params = not_null(kwargs)
    # The Responses API has metadata of its own, which the provider keeps; elsewhere it is for callbacks.
    local = _LOCAL - {"metadata"} if call_type == "responses" else _LOCAL
    for name in _TYPES.keys() & params.keys():
        if not isinstance(params[name], _TYPES[name]):
            raise wrong_type(name, _WANTED[_TYPES[name]], params[name])
    own = {name: params.pop(name) for name in list(params) if name in local}
    env = _environment(params)
    params = _sent(params)
    asked = settings.model_alias_map.get(model, model) if isinstance(model, str) else model
    if call_type == "completion" and isinstance(asked, str) and asked.startswith("text-completion-"):
        raise UnknownProviderError(f"{asked} goes on from a prompt, it does not chat", hint="call text_completion")
    if own.get("deployment_id"):
        asked, own["custom_llm_provider"] = f"azure/{own['deployment_id']}", None
    base = params.pop("api_base", None) or own.get("base_url") or own.get("aws_bedrock_runtime_endpoint")
    if own.get("use_litellm_proxy") or settings.use_litellm_proxy or settings.get_secret_bool("USE_LITELLM_PROXY"):
        asked, own["custom_llm_provider"] = _PROXY + str(asked).removeprefix(_PROXY), None
    name, provider = resolve(asked, own.get("custom_llm_provider"), base or settings.api_base)
    options = {**params, **_place(provider, base, params, env)}
    _add_request_options(call_type, own, options)
    options["fallbacks"] = _fallbacks((str(asked), name, f"{provider}/{name}"), provider, own, options) or None
    for path in own.get("additional_drop_params") or ():
        drop(options, str(path))
    points = own.get("cache_control_injection_points")
    if points and call_type == "completion":
        given = (_marked(given[0], points), *given[1:])
    if options["drop_params"] and call_type == "completion" and not _REASONING.isdisjoint(options):
        own["dropped"] = _drop_reasoning(name, options)
    return Request(
        call_type=call_type,
        asked=model,
        name=name,
        provider=provider,
        given=given,
        options=not_null(options),
        own=own,
        env=env,
        stream=bool(params.get("stream")),
        call_id=str(own.get("litellm_call_id") or uuid4()),
        started=datetime.now(),
    )


# LiteLLM takes `litellm.api_key` for these before the environment's, and `litellm.api_base` before their own address.
_FOREMOST = re.compile("openai|azure|anthropic|openrouter|databricks")


def _place(provider: str, base: Any, given: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    # Where a provider is asked, with which key and version: as the call says, else the provider's setting (`openai_key`,
    # `togetherai_api_key`), else the settings for all calls, as far as LiteLLM heeds them for this provider.
    row, foremost = row_of(provider), _FOREMOST.fullmatch(provider)
    names = (provider, provider.replace("_", ""), row.name if row else "")
    kept = (f"{name}{end}" for name in names for end in ("_key", "_api_key"))
    key = given.get("api_key") or next(filter(None, map(vars(settings).get, kept)), None)
    if not key and settings.api_key:
        signs = row is not None and re.search("aws|google", row.auth)
        if foremost or row is None or not (signs or credential(row, ChainMap({**env}, os.environ)).present):
            key = settings.api_key
    if foremost or row is None or row.local or row.url is None or not row.dialect.startswith("openai_"):
        base = base or settings.api_base
    versioned = row is not None and any(name.endswith("version") for name in row.query)
    version = given.get("api_version") or settings.api_version
    return {"api_base": base, "api_key": key, "api_version": version if versioned else None}


def _marked(messages: Sequence[Any], points: Sequence[Mapping[str, Any]]) -> list[Any]:
    # What is to be cached, by the place of a message or by its role, has Claude's mark.
    made = [dict(plain(message, "messages")) for message in messages]
    for point in points:
        at, mark = point.get("index"), {"cache_control": point.get("control") or {"type": "ephemeral"}}
        for place, message in enumerate(made):
            if message.get("role") != point.get("role") if at is None else int(at) not in (place, place - len(made)):
                continue
            content = message.get("content")
            if isinstance(content, str):
                message.update(mark)
            elif content:
                message["content"] = [*content[:-1], {**content[-1], **mark}]
    return made


def _add_request_options(call_type: str, own: dict[str, Any], options: dict[str, Any]) -> None:
    merged = {**(settings.headers or {}), **(own.get("headers") or {}), **(options.get("extra_headers") or {})}
    options["extra_headers"] = {str(name): str(value) for name, value in merged.items()} or None
    patience = options.get("timeout") or own.get("request_timeout") or own.get("force_timeout")
    if options.get("stream") and own.get("stream_timeout"):
        patience = own["stream_timeout"]
    options["timeout"] = _timeout(patience or settings.request_timeout)
    # The first that is set; what is None was left out of `own`.
    options["retries"] = own.get("num_retries", own.get("max_retries", settings.num_retries))
    if own.get("retry_policy"):
        from lingate.compat.litellm.router import Tries

        options["retries"] = Tries(asked=own["retry_policy"], **not_null({"retries": options["retries"]}))
    options.setdefault("drop_params", settings.drop_params)
    if call_type not in _STREAMS:
        options.pop("stream", None)
        options.pop("stream_options", None)


_REASONING = frozenset({"reasoning_effort", "thinking"})


def _drop_reasoning(name: str, options: dict[str, Any]) -> list[str]:
    # Leave out what a model is known not to take: its provider would refuse the call.
    from lingate.compat.litellm._models import reasons

    if reasons(name):
        return []
    return [param for param in _REASONING if options.pop(param, None) is not None]


_STREAMS = frozenset({"completion", "responses", "text_completion"})


def _environment(params: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    # `litellm.vertex_project = ...` is a setting of the module too, as `litellm.organization` is.
    for name, variable in PARAMETERS.items():
        value = vars(settings).get(name)
        if isinstance(value, str):
            found.setdefault(variable, value)
    for name in [name for name in params if name in PARAMETERS]:
        value = params.pop(name)
        if callable(value):
            value = value()
        found[PARAMETERS[name]] = encode_str(value) if isinstance(value, Mapping) else str(value)
    return found


def _timeout(value: Any) -> Any:
    # A number, a `lingate.Timeout` or an `httpx.Timeout` as Lingate takes it.
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise ConfigError(f"timeout must be a number of seconds, not {value!r:.40}") from None
    if value is None or isinstance(value, (int, float, Timeout)) or not hasattr(value, "read"):
        return value
    default = Timeout()
    read = value.read or default.read
    # httpx bounds the wait for each piece; a total below it would cut off what it allows.
    return Timeout(
        total=max(read, default.total), connect=getattr(value, "connect", None) or default.connect, read=read
    )


def _fallbacks(
    names: tuple[str, ...], provider: str, own: dict[str, Any], options: dict[str, Any]
) -> list[dict[str, Any]]:
    asked = options.get("fallbacks") or settings.default_fallbacks or ()
    found = [_fallback(item, provider, options) for item in ([asked] if isinstance(asked, (str, Mapping)) else asked)]
    smaller = own.get("context_window_fallback_dict") or {}
    for target in [smaller[name] for name in names if name in smaller][:1]:
        found.append({**_fallback(target, provider, options), "on": ["context_window"]})
    return found


def _fallback(item: Any, asked: str, options: dict[str, Any]) -> dict[str, Any]:
    params = dict(item) if isinstance(item, Mapping) else {"model": item}
    base = params.pop("api_base", None) or params.pop("base_url", None)
    name, provider = resolve(params.pop("model", ""), params.pop("custom_llm_provider", None), base)
    if provider == asked and not base:
        # Of the provider that the call is for: at the same address, and with the same key.
        base, params = options["api_base"], {"api_key": options["api_key"], **not_null(params)}
    route = {"model": f"{provider}/{name}", "on": params.pop("on", None), **_place(provider, base, params, {})}
    route["params"] = _sent(without(params, _LOCAL | route.keys())) or None
    return not_null(route)


def _sent(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if not _IGNORED.fullmatch(name)}
