"""Which names there are, where they live, and what to use instead of those there are not. Data, read by the checker too."""

from __future__ import annotations

import difflib
import dis
import sys

_BY_HOME = {
    "_calls": """completion acompletion embedding aembedding responses aresponses text_completion atext_completion
        image_generation aimage_generation image_edit aimage_edit image_variation aimage_variation transcription
        atranscription speech aspeech rerank arerank moderation amoderation batch_completion""",
    "_streams": "CustomStreamWrapper TextCompletionStreamWrapper stream_chunk_builder",
    "_tokens": "token_counter acount_tokens",
    "_costs": "completion_cost cost_per_token response_cost_calculator",
    "_models": """get_model_info get_max_tokens get_llm_provider get_supported_openai_params validate_environment
        models_by_provider model_cost model_list provider_list register_model get_valid_models check_valid_key
        open_ai_chat_completion_models""",
    "_records": """ModelResponse ModelResponseStream Choices StreamingChoices Message Delta Usage Function FunctionCall
        ChatCompletionMessageToolCall ChatCompletionDeltaToolCall EmbeddingResponse Embedding ImageResponse ImageObject
        TextCompletionResponse TextChoices TranscriptionResponse RerankResponse ModerationResponse ResponsesAPIResponse
        HttpxBinaryResponseContent PromptTokensDetailsWrapper CompletionTokensDetailsWrapper""",
    "router": "Router router",
    "exceptions": """exceptions APIConnectionError APIError APIResponseValidationError AuthenticationError BadGatewayError
        BadRequestError BudgetExceededError ConflictError ContentPolicyViolationError ContextWindowExceededError
        ImageFetchError InternalServerError InvalidRequestError JSONSchemaValidationError LITELLM_EXCEPTION_TYPES
        LiteLLMUnknownProvider MidStreamFallbackError ModelNotMappedError NotFoundError OpenAIError PaymentRequiredError
        PermissionDeniedError RateLimitError RejectedRequestError RouterRateLimitError ServiceUnavailableError Timeout
        UnprocessableEntityError UnsupportedParamsError""",
    "_callbacks": "CustomLogger",
    "types": "types",
    "utils": "utils",
    "integrations": "integrations",
}


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


HOMES: dict[str, str] = {name: home for home, names in _BY_HOME.items() for name in names.split()}
"""The submodule of every name that is loaded on first use."""

SETTINGS = words(
    """callbacks input_callback success_callback failure_callback _async_success_callback _async_failure_callback drop_params
    num_retries request_timeout api_key api_base api_version organization headers default_fallbacks
    context_window_fallbacks model_alias_map turn_off_message_logging set_verbose suppress_debug_info modify_params
    telemetry enable_json_schema_validation cache max_budget disable_streaming_logging ssl_verify client_session
    aclient_session _current_cost"""
)
"""The settings of the module itself."""

CAPABILITIES = words(
    """supports_function_calling supports_parallel_function_calling supports_tool_choice supports_response_schema
    supports_vision supports_pdf_input supports_audio_input supports_audio_output supports_reasoning
    supports_prompt_caching supports_web_search supports_system_messages supports_assistant_prefill
    supports_computer_use"""
)
"""The questions about models that are answered."""

SUBMODULES: dict[str, frozenset[str]] = {
    "exceptions": frozenset(name for name, home in HOMES.items() if home == "exceptions" and name != home),
    "router": frozenset({"Router"}),
    "utils": frozenset(
        name for name, home in HOMES.items() if home in ("_records", "_models", "_costs", "_tokens", "_streams")
    )
    | CAPABILITIES,
    "types": frozenset(),
    "types.utils": frozenset(name for name, home in HOMES.items() if home == "_records"),
    "integrations": frozenset(),
    "integrations.custom_logger": frozenset({"CustomLogger"}),
}
"""The modules below `litellm` that can be imported from, with the names in them."""

_INSTEAD = {
    "*": "import the names you use",
    "Cache": "Lingate's SDK does not cache answers: keep a dict of your own, or use the gateway's cache",
    "enable_cache": "Lingate's SDK does not cache answers: keep a dict of your own, or use the gateway's cache",
    "disable_cache": "there is no cache to switch off",
    "CustomLLM": "describe the provider with lingate.register(name, url=..., dialect=...)",
    "custom_provider_map": "describe the provider with lingate.register(name, url=..., dialect=...)",
    "completion_with_retries": "pass num_retries to completion: one engine retries for every provider",
    "acompletion_with_retries": "pass num_retries to acompletion: one engine retries for every provider",
    "batch_completion_models": "pass fallbacks to completion, or use Router",
    "batch_completion_models_all_responses": "call batch_completion once a model",
    "trim_messages": "cut the history in your application; token_counter says how long it is",
    "encode": "tokens are counted, not made: use token_counter",
    "decode": "tokens are counted, not made: use token_counter",
    "create_tokenizer": "pass any object with encode() to token_counter as custom_tokenizer",
    "BudgetManager": "use the gateway's budgets, or sum up response._hidden_params['response_cost']",
    "proxy": "the server is `lingate serve`, not a module to import",
    "experimental": "experimental names have no drop-in",
    "anthropic": "use lingate.chat; the gateway serves /v1/messages",
    "anthropic_messages": "use lingate.chat; the gateway serves /v1/messages",
    "api_manager": "nothing replaces it",
    "create_file": "files of a provider are managed with its own client",
    "create_batch": "batches of a provider are managed with its own client",
    "create_fine_tuning_job": "fine-tuning is done with the provider's own client",
    "_turn_on_debug": 'logging.getLogger("lingate").setLevel("DEBUG")',
    "get_secret": "read os.environ",
    "in_memory_llm_clients_cache": "clients pool connections by themselves",
    "logging": "callbacks, success_callback and failure_callback are told of every call",
    "LlmProviders": "provider_list has the names, as text",
}


def instead(name: str) -> str:
    """The message for a name that is not here."""
    text = f"lingate.compat.litellm has no {name!r}"
    # Of a dotted name, the part that says most is known: the class at its end or the area at its head.
    known = (name, name.rpartition(".")[2], name.partition(".")[0])
    found = next((_INSTEAD[part] for part in known if part in _INSTEAD), None)
    if found is None:
        close = difflib.get_close_matches(name, [*HOMES, *SETTINGS, *CAPABILITIES], 1, 0.75)
        found = f"did you mean {close[0]!r}?" if close else "docs/migrating-from-litellm.md lists what there is"
    return f"{text}: {found}"


def missing(name: str) -> Exception:
    """The error for a name that is not here.

    `from ... import name` turns an `AttributeError` into an `ImportError` with a text of its own; so that the reader
    learns what to use instead there too, that statement gets an `ImportError` from here.
    """
    caller = sys._getframe(2)
    code = caller.f_code.co_code
    if 0 <= caller.f_lasti < len(code) and code[caller.f_lasti] == dis.opmap["IMPORT_FROM"]:
        return ImportError(instead(name), name=name)
    return AttributeError(instead(name))


def covered(name: str) -> bool:
    """Whether `litellm.<name>` is here; the name may have dots."""
    if name in HOMES or name in SETTINGS or name in CAPABILITIES or name in SUBMODULES:
        return True
    module, _, last = name.rpartition(".")
    return bool(module) and last in SUBMODULES.get(module, ())
