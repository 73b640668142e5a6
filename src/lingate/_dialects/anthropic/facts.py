# The tables of the Anthropic Messages format: names, words and limits. No logic beyond look-ups.

# Sources: the types of the anthropic package (2.10), https://docs.claude.com/en/api/messages and recorded traffic.

from __future__ import annotations

from lingate._model import Traits

NAME = "anthropic"
"""The dialect's name: on `Opaque` events and as the key inside `provider_specific_fields`."""

VERSION = "2023-06-01"
"""The `anthropic-version` that is spoken. The next, 2026-10-21, answers the same and takes no sampling parameters."""

CHAT_PATH = "/v1/messages"
MODELS_PATH = "/v1/models"

DEFAULTS: Traits = {
    # max_tokens is required by the format. 4096 is the smallest limit of any Claude model, so it never is too much.
    "default_max_tokens": 4096,
    "max_temperature": 1.0,
    "sampling": "any",
    "structured": "tool",
    "thinking": "budget",
    "late_system": "user",
    "prefill": True,
    "cache_control": True,
}
"""What holds where neither the provider's row nor the model family says otherwise."""

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "compaction": "length",
    "refusal": "content_filter",
}
"""`stop_reason` -> OpenAI's `finish_reason`."""

STOP_REASON = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
"""OpenAI's `finish_reason` -> `stop_reason`, where the native word was not kept."""

MAX_CACHE_MARKS = 4
"""The API refuses a request with more `cache_control` breakpoints."""

TOOL_BETAS = {
    "computer_20241022": "computer-use-2024-10-22",
    "bash_20241022": "computer-use-2024-10-22",
    "text_editor_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
    "code_execution_20250522": "code-execution-2025-05-22",
    "advisor_20260301": "advisor-tool-2026-03-01",
    "mcp_toolset": "mcp-client-2025-11-20",
}
"""`anthropic-beta` values without which the API does not know a tool's `type`."""

TOOL_FIELD_BETAS = {"defer_loading": "tool-search-tool-2025-10-19", "input_examples": "tool-examples-2025-10-29"}
"""`anthropic-beta` values that fields of tools are of at AWS and Google; the API itself has them in `advanced-tool-use`, or
knows them without."""

FIELD_BETAS = {
    "mcp_servers": "mcp-client-2025-04-04",
    "context_management": "context-management-2025-06-27",
    "output_format": "structured-outputs-2025-11-13",
}
"""`anthropic-beta` values that a top-level field needs."""

FILES_BETA = "files-api-2025-04-14"
SKILLS_BETA = "skills-2025-10-02"
FAST_BETA = "fast-mode-2026-02-01"
TASK_BUDGET_BETA = "task-budgets-2026-03-13"
SCOPE_BETA = "prompt-caching-scope-2026-01-05"
COMPACT_BETA = "compact-2026-01-12"
TOOL_CHANGES_BETA = "mid-conversation-tool-changes-2026-07-01"
SYSTEM_BETAS = {
    "clear_at": "mid-conversation-system-clear-at-2026-08-21",
    "output_config": "mid-conversation-output-config-2026-07-01",
}
"""`anthropic-beta` values that fields of a system message among the others need."""
