# What clients of Anthropic's format send that no other format has, and that no answer depends on.

# Coding agents send it with every request, whatever model is behind the address, and most providers refuse a request for a
# field that they do not know. Sources: https://platform.claude.com/docs/en/api/messages and its pages on context editing,
# fast mode, refusals and fallback, tool search and fine-grained tool streaming.

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lingate._wire.shapes import as_dict, as_list, dig

ANTHROPICS_HINTS: dict[str, type | tuple[type, ...]] = {
    "context_management": dict,
    "speed": str,
    "fallbacks": (str, list),
    "fallback_credit_token": (str, dict),
    "diagnostics": dict,
    "billing_policy": dict,
}
"""Fields of a request that say how the provider spares context, how quick it is, whom it asks where a model declines, what
it tells of its cache or whom it bills, and what type they have there."""

ANTHROPICS_OWN: dict[str, type | tuple[type, ...]] = {
    "compaction": dict,
    "container": (str, dict),
    "inference_geo": str,
    "mcp_servers": list,
}
"""Fields that ask for another answer, for tools or for where it is made, which nobody else can do, and their types there."""

KEPT_ELSEWHERE = ("cachedContent", "continuationToken")
"""Fields that name a part of the prompt which its own provider keeps: they cannot be left out, nor mean anything elsewhere."""

CACHE_MARK = "prompt_cache_breakpoint"
"""How OpenAI's clients mark in a part of content where what is to be cached ends; others refuse what they do not know."""

ANTHROPICS_TOOL_FIELDS = ("eager_input_streaming", "defer_loading", "allowed_callers", "input_examples")
"""Fields of a tool that say how its arguments are streamed, when it is shown, and to whom."""


_SERVER_TOOL = re.compile(
    r"(?:web_search|web_fetch|code_execution|computer|bash|text_editor|memory|advisor|\w+_toolset)_20\d{6}"
    r"|tool_search_tool_\w+|mcp_toolset"
)


def is_anthropics_tool(tool: Any) -> bool:
    # Whether a tool is one that Anthropic's API brings.
    kind = dig(tool, "type")
    return isinstance(kind, str) and kind != "function" and _SERVER_TOOL.fullmatch(kind) is not None


def ignorable_tool(tool: Any) -> str:
    # What a tool is called that only another provider's API brings: Anthropic's by type, Google's by field; "" for others.
    if not isinstance(tool, dict):
        return ""
    kind = tool.get("type")
    if kind is None:
        return "" if "function" in tool or "name" in tool else str(next((name for name in tool if name != "type"), ""))
    return str(kind) if is_anthropics_tool(tool) else ""


_PARTS = {
    "anthropic": {
        "image": "source",
        "document": "source",
        "container_upload": "file_id",
        "tool_addition": "tool",
        "tool_removal": "tool",
        "browser_state": "tabs",
    },
    "openai_responses": {"input_image": "file_id"},
}
"""Parts of content that clients send and only their own format knows, and a field by which to tell them from others' of that
type."""


def ignorable_part(part: Any, own: str = "") -> str:
    # The type of a part that only another format than `own` knows; "" for others. Google's and Bedrock's names have capitals.
    kind = dig(part, "type")
    if not isinstance(kind, str):
        return ""
    theirs = any(name != own and kinds.get(kind) in part for name, kinds in _PARTS.items())
    return kind if theirs or kind != kind.lower() else ""


def is_anthropics_hint(name: str, value: Any) -> bool:
    # Whether a field is one of Anthropic's: others have fields of these names, too.
    return isinstance(value, ANTHROPICS_HINTS.get(name, ()))


def is_anthropics_own(name: str, value: Any) -> bool:
    return isinstance(value, ANTHROPICS_OWN.get(name, ()))


def without_anthropics(fields: dict[str, Any], note: Callable[[str], None], refuse: Callable[[str, str], None]) -> None:
    # Take what is only Anthropic's off a request.
    # `note`, `refuse`: told the name of what is taken off; and why.
    for name in (ANTHROPICS_HINTS.keys() | ANTHROPICS_OWN.keys()) & fields.keys():
        if is_anthropics_hint(name, fields[name]):
            note(name)
        elif is_anthropics_own(name, fields[name]):
            refuse(name, ": it asks for what only its client's own format has")
        else:
            continue
        del fields[name]


_HOLDERS = {
    "anthropic": ("output_config",),
    "gemini": ("generationConfig", "toolConfig"),
    "ollama": ("options",),
}
"""Formats of clients, and in which fields of theirs the words of their own are."""

_SAID = ("tools", "functionCallingConfig", "thinkingConfig", "think", "effort", "format", "output_format")
_SAID_BY = {
    "responseFormat": "response_format",
    "responseMimeType": "response_format",
    "responseSchema": "response_format",
    "responseJsonSchema": "response_format",
    "speechConfig": "audio",
}


def note_others_words(fields: dict[str, Any], note: Callable[[str], None], own: str = "") -> None:
    # Tell what a client of another format says that only its own has a place for: safety settings, GPUs, task budgets.
    for dialect, holders in _HOLDERS.items():
        words = as_dict(dig(fields, "provider_specific_fields", dialect)) if dialect != own else {}
        for name, value in words.items():
            inner = as_dict(value) if name in holders else None
            for word in [name] if inner is None else inner:
                if word not in _SAID and _SAID_BY.get(word) not in fields:
                    note(name if inner is None else f"{name}.{word}")
    if own == "gemini":
        return
    for n, tool in enumerate(as_list(fields.get("tools"))):
        for word in as_dict(dig(tool, "provider_specific_fields", "gemini")):
            note(f"tools[{n}].{word}")
