# Which names there are, where they live, and what to use instead of those there are not. Data, read by the checker too.

from __future__ import annotations

import difflib
import dis
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

_BY_HOME = {
    "_calls": """completion acompletion embedding aembedding responses aresponses text_completion atext_completion
        image_generation aimage_generation image_edit aimage_edit image_variation aimage_variation transcription
        atranscription speech aspeech rerank arerank moderation amoderation batch_completion
        batch_completion_models batch_completion_models_all_responses completion_with_retries acompletion_with_retries
        mock_completion""",
    "_streams": "CustomStreamWrapper TextCompletionStreamWrapper stream_chunk_builder",
    "_tokens": """token_counter acount_tokens trim_messages encode decode create_tokenizer
        create_pretrained_tokenizer""",
    "_costs": "completion_cost cost_per_token response_cost_calculator",
    "_models": """get_model_info get_max_tokens get_llm_provider get_supported_openai_params validate_environment
        models_by_provider model_cost get_model_cost_map model_list provider_list LlmProviders register_model
        get_valid_models check_valid_key open_ai_chat_completion_models OPENAI_CHAT_COMPLETION_PARAMS
        get_secret get_secret_str get_secret_bool""",
    "_records": """ModelResponse ModelResponseBase ModelResponseStream Choices StreamingChoices Message Delta Usage Function
        FunctionCall ChoiceLogprobs ChatCompletionTokenLogprob TopLogprob ChatCompletionAudioResponse ServerToolUse
        PromptTokensDetails CompletionTokensDetails ChatCompletionMessageToolCall ChatCompletionDeltaToolCall
        EmbeddingResponse Embedding ImageResponse ImageObject
        TextCompletionResponse TextChoices TranscriptionResponse RerankResponse ModerationResponse ResponsesAPIResponse
        ResponseAPIUsage BaseLiteLLMOpenAIResponseObject OutputFunctionToolCall ResponseFunctionToolCall ResponsesAPIStreamEvents
        ResponseCompletedEvent ResponseFailedEvent ResponseIncompleteEvent ErrorEvent OutputTextDeltaEvent RefusalDeltaEvent
        ReasoningSummaryTextDeltaEvent OutputItemDoneEvent GenericResponseOutputItem
        HttpxBinaryResponseContent PromptTokensDetailsWrapper CompletionTokensDetailsWrapper""",
    "_typed": """AllMessageValues AnthropicThinkingParam BaseModel ChatCompletionAnnotation ChatCompletionAssistantMessage
        ChatCompletionAssistantToolCall ChatCompletionAudioObject ChatCompletionAudioParam ChatCompletionCachedContent
        ChatCompletionDeveloperMessage ChatCompletionFileObject ChatCompletionFileObjectFile
        ChatCompletionFunctionMessage ChatCompletionImageObject ChatCompletionImageUrlObject ChatCompletionModality
        ChatCompletionPredictionContentParam ChatCompletionRedactedThinkingBlock ChatCompletionSystemMessage
        ChatCompletionTextObject ChatCompletionThinkingBlock ChatCompletionToolCallChunk
        ChatCompletionToolCallFunctionChunk ChatCompletionToolChoiceFunctionParam ChatCompletionToolChoiceObjectParam
        ChatCompletionToolMessage ChatCompletionToolParam ChatCompletionToolParamFunctionChunk ChatCompletionUsageBlock
        ChatCompletionUserMessage ChatCompletionVideoObject ChatCompletionVideoUrlObject CostPerToken
        DeploymentTypedDict GenericLiteLLMParams GenericStreamingChunk ModelInfo OpenAIMessageContent
        OpenAIMessageContentListBlock OpenAIWebSearchOptions PartType ResponseInputParam StandardLoggingPayload""",
    "router": "Router RetryPolicy AllowedFailsPolicy router",
    "exceptions": """exceptions APIConnectionError APIError APIResponseValidationError AuthenticationError AzureOpenAIError
        BadGatewayError BadRequestError BudgetExceededError ConflictError ContentPolicyViolationError
        ContextWindowExceededError
        ImageFetchError InternalServerError InvalidRequestError JSONSchemaValidationError LITELLM_EXCEPTION_TYPES
        LiteLLMUnknownProvider MidStreamFallbackError ModelNotMappedError NotFoundError OpenAIError PaymentRequiredError
        PermissionDeniedError RateLimitError RejectedRequestError RouterRateLimitError ServiceUnavailableError Timeout
        UnprocessableEntityError UnsupportedParamsError""",
    "_callbacks": "CustomLogger",
    "_cache": "Cache LiteLLMCacheType enable_cache disable_cache update_cache",
    "caching": "caching",
    "files": "files",
    "types": "types",
    "utils": "utils",
    "integrations": "integrations",
    "main": "main",
    "cost_calculator": "cost_calculator",
    "constants": "constants",
    "litellm_core_utils": "litellm_core_utils",
    "_logging": "_logging verbose_logger verbose_router_logger verbose_proxy_logger _turn_on_debug _disable_debugging",
}


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


HOMES = {name: home for home, names in _BY_HOME.items() for name in names.split()}
"""The submodule of every name that is loaded on first use."""

NEWER = words(
    """ConflictError MidStreamFallbackError ModelNotMappedError PaymentRequiredError PermissionDeniedError
    RejectedRequestError"""
)
"""Not in `dir()`: applications hold the errors listed there against a list of their own, and refuse to start (aider)."""

SETTINGS: Mapping[str, Any] = sys.modules[__package__].__annotations__
"""The settings of the module itself: its variables."""

IDLE: dict[str, Any] = {
    **dict.fromkeys(
        words(
            """json_logs log_raw_request_response use_aiohttp_transport disable_aiohttp_transport add_function_to_prompt
            redact_user_api_key_info disable_hf_tokenizer_download return_response_headers disable_token_counter use_client
            aiohttp_trust_env route_all_chat_openai_to_responses reasoning_auto_summary
            include_cost_in_streaming_usage disable_stop_sequence_limit enable_preview_features"""
        ),
        False,
    ),
    **dict.fromkeys(
        words(
            """langfuse_default_tags langsmith_batch_size email token num_retries_per_request fallbacks
            content_policy_fallbacks model_fallbacks secret_manager_client ssl_certificate ssl_security_level
            ssl_ecdh_curve"""
        )
    ),
    "pre_call_rules": [],
    "post_call_rules": [],
    "retry": True,
    "service_callback": [],
    "REPEATED_STREAMING_CHUNK_LIMIT": 100,
}
"""Settings that few read: those that have no effect an application could miss, and what routers fall back to."""

_KEY = re.compile(r"([a-z0-9_]+?)(_api)?_key")
_MODELS = re.compile(r"([a-z0-9_]+)_models")

CAPABILITIES = words(
    """supports_function_calling supports_parallel_function_calling supports_tool_choice supports_response_schema
    supports_vision supports_pdf_input supports_audio_input supports_audio_output supports_reasoning
    supports_prompt_caching supports_web_search supports_system_messages supports_assistant_prefill
    supports_computer_use"""
)
"""The questions about models that are answered."""


def _of(*homes: str) -> frozenset[str]:
    return frozenset(name for name, home in HOMES.items() if home in homes)


SUBMODULES = {
    "exceptions": _of("exceptions") - {"exceptions"},
    "router": _of("router") - {"router"},
    "utils": _of("_records", "_models", "_costs", "_tokens", "_streams") | CAPABILITIES,
    "main": _of("_calls", "_streams", "_records", "_tokens"),
    "files": frozenset(),
    "files.main": _of("_records"),
    "cost_calculator": _of("_costs"),
    "caching": _of("_cache"),
    "caching.caching": _of("_cache"),
    "_logging": _of("_logging") - {"_logging"},
    "types": frozenset(),
    "types.utils": _of("_records", "_typed") | {"LlmProviders"},
    "types.router": words("RetryPolicy AllowedFailsPolicy GenericLiteLLMParams"),
    "types.llms": frozenset(),
    "types.llms.base": frozenset({"BaseLiteLLMOpenAIResponseObject"}),
    "types.llms.openai": _of("_typed", "_records"),
    "types.llms.vertex_ai": frozenset({"PartType"}),
    "types.responses": frozenset(),
    "types.responses.main": _of("_records"),
    "responses": frozenset(),
    "responses.main": frozenset({"responses", "aresponses", "ResponsesAPIResponse"}),
    "constants": frozenset(),
    "litellm_core_utils": frozenset(),
    "litellm_core_utils.get_llm_provider_logic": frozenset({"get_llm_provider"}),
    "litellm_core_utils.get_supported_openai_params": frozenset({"get_supported_openai_params"}),
    "litellm_core_utils.streaming_handler": _of("_streams", "_records"),
    "integrations": frozenset(),
    "integrations.custom_logger": frozenset({"CustomLogger"}),
}
"""The modules below `litellm` that can be imported from, with the names in them."""

_INSTEAD = {
    name: text
    for text, names in {
        "import the names you use": "*",
        "litellm.Cache keeps answers in the process or in a file; the gateway shares a cache": "caching",
        "describe the provider with lingate.register(name, url=..., dialect=...), or serve your code in OpenAI's format": (
            "CustomLLM custom_provider_map CustomLLMError"
        ),
        "there is no vocabulary here: encode and decode have numbers of their own": "encoding",
        "write the tool's JSON schema, or let pydantic make it": "function_to_dict",
        "calls find their address by themselves; lingate.providers() lists them": "get_api_base",
        "await acompletion for each, in asyncio.gather": "abatch_completion",
        "get_supported_openai_params says what a model takes": "get_optional_params",
        "use the gateway's budgets, or sum up response._hidden_params['response_cost']": "BudgetManager",
        "the server is `lingate serve`, not a module to import": "proxy",
        "experimental names have no drop-in": "experimental",
        "use lingate.chat; the gateway serves /v1/messages": "anthropic anthropic_messages",
        "nothing replaces it": "api_manager",
        "files of a provider are managed with its own client": "create_file",
        "batches of a provider are managed with its own client": "create_batch",
        "fine-tuning is done with the provider's own client": "create_fine_tuning_job",
        "look at the messages before the call": "pre_call_rules",
        "look at the answer after the call": "post_call_rules",
        "call responses": "route_all_chat_openai_to_responses",
        "call responses with reasoning={'summary': 'auto'}": "reasoning_auto_summary",
        "connections are Lingate's: pass a transport to lingate.Lingate": "ssl_certificate ssl_security_level ssl_ecdh_curve",
        "pass api_key, or put the key into the environment": "secret_manager_client",
        "append to callbacks, success_callback and failure_callback": "logging_callback_manager",
        "how providers are spoken to is Lingate's own; lingate.register describes a further one": "llms",
        "what is inside litellm has no drop-in: use the names of its documentation": "litellm_core_utils main",
        "what is inside litellm has no drop-in: use responses() and completion()": "completion_extras responses",
        "annotate with dict or Any, or with a class that docs/migrating-from-litellm.md lists": "types",
        "connections are pooled by Lingate; pass a transport to lingate.Lingate": "HTTPHandler module_level_client",
        "vector stores of a provider are managed with its own client": "vector_stores",
        "videos are made with the provider's own client": "video_generation",
        "documents are sent as parts of messages to completion": "ocr",
        "pass web_search_options to completion, or call the search service yourself": "search",
        "response.choices[0].message.content": "get_response_string",
        "calls raise litellm's exceptions by themselves": "exception_type",
        "guardrails are of litellm's proxy": "GuardrailRaisedException BlockedPiiEntityError",
        "pass the exception itself as mock_response": "MockException",
        "clients pool connections by themselves": "in_memory_llm_clients_cache",
        "callbacks, success_callback and failure_callback are told of every call": "logging",
    }.items()
    for name in names.split()
}

_KEPT = "what a provider keeps for you (files, batches, threads, videos, containers) is managed with its own client"
_AREAS = (
    (
        r"a?(add|cancel|create|delete|get|ingest|list|query|retrieve|run|upload)"
        r"(_.*(assistant|batch|container|file|interaction|message|response|skill|thread|video).*)?"
        r"|a?(video|file)_.*|(a?video|interactions|vector_store).*",
        _KEPT,
    ),
    (
        r"integrations\..*",
        "pass a function or a CustomLogger to callbacks; servers are observed with the gateway's telemetry",
    ),
    (r"ssl_.*|.*aiohttp.*", "connections are Lingate's: pass a transport to lingate.Lingate"),
    (r"google_genai.*|a?adapter.*", "use completion; the gateway serves the other providers' own formats"),
    (
        r"(get|.*_global|register)_.*prompt.*|global_prompt.*",
        "prompts are sent as they are: the provider knows its template",
    ),
    (r"proxy_auth.*", "pass api_key with the call; a gateway takes it as a bearer token"),
    (r".*(_models|_model_names|_config|Config|_params|_callback)", "what is inside litellm has no drop-in"),
)


def instead(name: str) -> str:
    text, last = f"lingate.compat.litellm has no {name!r}", name.rpartition(".")[2]
    if last != name and (last in HOMES or last in CAPABILITIES):
        return f"{text}: it is litellm.{last}"
    # Of a dotted name, the part that says most is known: the class at its end or the area at its head.
    known = (name, last, name.partition(".")[0], name.removeprefix("a"))
    found = next((_INSTEAD[part] for part in known if part in _INSTEAD), None)
    found = found or next((text for pattern, text in _AREAS if re.fullmatch(pattern, name)), None)
    if found is None:
        close = difflib.get_close_matches(last, [*HOMES, *SETTINGS, *CAPABILITIES], 1, 0.75)
        found = f"did you mean {close[0]!r}?" if close else "docs/migrating-from-litellm.md lists what there is"
    return f"{text}: {found}"


def missing(name: str) -> Exception:
    # The error for a name that is not here.
    # `from ... import name` turns an `AttributeError` into an `ImportError` with a text of its own; so that the reader
    # learns what to use instead there too, that statement gets an `ImportError` from here.
    caller = sys._getframe(2)
    code = caller.f_code.co_code
    if 0 <= caller.f_lasti < len(code) and code[caller.f_lasti] == dis.opmap["IMPORT_FROM"]:
        return ImportError(instead(name), name=name)
    return AttributeError(instead(name))


def exported(module: str) -> Callable[[str], Any]:
    # The `__getattr__` of a submodule: its names are loaded on first use from where they live, as are its modules.

    def load(name: str) -> Any:
        if f"{module}.{name}" in SUBMODULES:
            from importlib import import_module

            return import_module(f"{__package__}.{module}.{name}")
        if name in SUBMODULES[module]:
            return getattr(sys.modules[__package__], name)
        raise missing(f"{module}.{name}")

    return load


def models_of(name: str) -> str | None:
    # The provider whose models `anthropic_models` are, None for any other name.
    from lingate._providers.naming import row_of

    found = _MODELS.fullmatch(name)
    row = row_of(found[1]) if found else None
    return None if row is None else row.name


def without_value(name: str) -> bool:
    # Whether a setting is None as long as nobody has set it.
    from lingate._providers.naming import PARAMETERS, row_of

    # Also the key of a provider, such as `openai_key` or `togetherai_api_key`.
    key = _KEY.fullmatch(name)
    return name in PARAMETERS or (key is not None and row_of(key[1]) is not None)


_NO_EFFECT = {
    "model_fallbacks": "pass fallbacks to the call, or set default_fallbacks",
    "enable_json_schema_validation": "pass a class as response_format, and validate the answer with it",
}


def unheeded(name: str, value: Any) -> str | None:
    # What to say when a setting is made that nothing here heeds, None for all others.
    if name == "cache" and value is not None and not hasattr(value, "get_cache_key"):
        return "litellm.cache has no effect here unless it is a litellm.Cache; the gateway shares one"
    text = _NO_EFFECT.get(name) or (_INSTEAD.get(name) if name in IDLE else None)
    if text:
        return f"litellm.{name} has no effect here: {text}" if value else None
    return None if covered(name) else instead(name)


def covered(name: str) -> bool:
    # Whether `litellm.<name>` is here; the name may have dots.
    module, _, last = name.rpartition(".")
    if last.startswith("__") or name == "litellm":
        return True
    if module:
        return name in SUBMODULES or last in SUBMODULES.get(module, ())
    if name in IDLE and name in _INSTEAD:
        return False
    tables = (HOMES, SETTINGS, CAPABILITIES, SUBMODULES, IDLE)
    return any(name in table for table in tables) or without_value(name) or models_of(name) is not None
