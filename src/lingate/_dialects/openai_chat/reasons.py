"""Finish reasons: everybody's words in OpenAI's words."""

from __future__ import annotations

from typing import Any

from lingate._model import JsonDict

ERROR = "error"

# PROVIDERS.md section 3; the rest are words of other formats that OpenAI-shaped proxies let through.
_CANONICAL: dict[str, str] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "completed": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_length": "length",
    "max_output_tokens": "length",
    "max_new_tokens": "length",
    "max_context_length": "length",
    "context_length": "length",
    "context_length_exceeded": "length",
    "token_limit": "length",
    "time_limit": "length",
    "incomplete": "length",
    "repetition": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "function_call",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "image_safety": "content_filter",
    "model_armor": "content_filter",
    "prompt_blocked": "content_filter",
    "refusal": "content_filter",
    "error_toxic": "content_filter",
    "error_limit": "length",
    "user_cancel": ERROR,
    "error": ERROR,
    "failed": ERROR,
    "abort": ERROR,
    "aborted": ERROR,
    "cancelled": ERROR,
    "timeout": ERROR,
    "network_error": ERROR,
    "malformed_function_call": ERROR,
    "function_call_filter": ERROR,
    "malformed_response": ERROR,
    "unexpected_tool_call": ERROR,
    "server_error": ERROR,
    "insufficient_system_resource": ERROR,
}


def reason_of(choice: JsonDict) -> Any:
    """Why a choice ended, in the provider's word."""
    reason = choice.get("finish_reason")
    return choice.get("stop_reason") if reason is None else reason  # of Mistral's models on Bedrock


def canonical_reason(native: Any) -> str | None:
    """OpenAI's word, `error` for an answer that failed, None where the provider gave no reason.

    A word nobody has explained counts as `stop`: the provider did end the answer on purpose.
    """
    if not native or not isinstance(native, str):
        return None
    if native in _CANONICAL:
        return _CANONICAL[native]
    # Google's OpenAI surface says `content_filter: PROHIBITED_CONTENT`.
    kind, _, detail = native.lower().replace("-", "_").partition(": ")
    return _CANONICAL.get(kind) or _CANONICAL.get(detail, "stop")


def settle(reason: str | None, *, calls: bool, legacy: bool = False, whole: bool = True) -> str:
    """The reason a choice ends with, once it is known what the choice holds.

    A choice with tool calls ends with `tool_calls` whatever the provider called it: hosts execute calls on that word
    only. The exceptions are answers cut inside a call (`whole` is false: its arguments are not JSON) and filtered
    ones, whose calls must not be executed.

    Args:
        reason: The canonical reason, None where the provider gave none.
        calls: The choice holds calls that the caller is to execute.
        legacy: The call is an old-style `function_call`.
        whole: The arguments of all calls are complete JSON.
    """
    if reason == "content_filter":
        return reason
    if not calls:
        return "length" if reason == "length" else "stop"
    if reason == "length" and not whole:
        return reason
    return "function_call" if legacy else "tool_calls"
