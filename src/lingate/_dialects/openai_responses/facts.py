# The tables of OpenAI's Responses format: names, words and limits. No logic beyond look-ups.

# Sources: the types of the openai package (3.51), https://platform.openai.com/docs/api-reference/responses and recorded
# traffic of six hosts.

from __future__ import annotations

from lingate._model import Traits

NAME = "openai_responses"
"""The dialect's name: on `Opaque` events and as the key inside `provider_specific_fields`."""

PATH = "/responses"

DEFAULTS: Traits = {"structured": "json_schema"}
"""What holds where neither the provider's row nor the model family says otherwise."""

ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
"""Words of `include`."""

MIN_OUTPUT_TOKENS = 16
"""400 "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16"."""

MAX_CALL_ID = 64
"""400 "string too long. Expected a string with maximum length 64"; other providers' ids are longer."""

INCOMPLETE = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""`incomplete_details.reason` -> OpenAI's `finish_reason`. An unknown reason is `length`: it never means a whole answer."""

INCOMPLETE_REASON = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""`finish_reason` -> `incomplete_details.reason`."""

PENDING = ("queued", "in_progress")
"""Statuses of an answer that is still being made (`background`)."""

ASKED = frozenset(
    {
        "background",
        "frequency_penalty",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "parallel_tool_calls",
        "presence_penalty",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "store",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
"""Fields of a response that repeat the request. They are of no use in a chat answer."""

ANSWERED = frozenset({"id", "object", "created_at", "completed_at", "model", "output", "usage", "status", "error"})
"""Fields of a response that the canonical form has a place for."""

WITHOUT_INPUT = ("previous_response_id", "conversation", "prompt")
"""With one of these a request may have no input of its own."""

CALLS = {"function_call": "function", "custom_tool_call": "custom"}
"""Items that ask the caller to run a tool of the caller's own -> type of the canonical tool call."""

RESULTS = {"function_call_output": "function_call", "custom_tool_call_output": "custom_tool_call"}
"""Items with the result of such a call -> the call's own type."""

CANONICAL_ITEMS = frozenset({"message", "reasoning", *CALLS, *RESULTS})
"""Items that the canonical form has a place for."""

BYGONE_ITEMS = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_call",
        "search_results",
    }
)
"""What tools of the provider's own did: history that another provider can do without, as the answer builds on it."""

SEARCH_TOOLS = ("web_search", "web_search_preview")
"""Types of the one built-in tool that other formats have too; dated variants begin with the same words."""

BUILT_IN_TOOLS = frozenset(
    {
        "apply_patch",
        "code_interpreter",
        "computer",
        "computer_use_preview",
        "computer-preview",
        "file_search",
        "image_generation",
        "local_shell",
        "mcp",
        "namespace",
        "programmatic_tool_calling",
        "shell",
        "tool_search",
    }
)
"""Tools that only a provider of this format can run, or that only its items can describe."""
