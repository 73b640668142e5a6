"""What clients of Anthropic's format send that no other format has, and that no answer depends on.

Coding agents send it with every request, whatever model is behind the address, and most providers refuse a request for a
field that they do not know. Sources: https://platform.claude.com/docs/en/api/messages and its pages on context editing,
fast mode, tool search and fine-grained tool streaming.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lingate._wire.shapes import as_dict, dig

ANTHROPICS_HINTS: dict[str, type] = {"context_management": dict, "speed": str}
"""Fields of a request that say how the provider spares context, or how quick it is, and what type they have there."""

ANTHROPICS_TOOL_FIELDS = ("eager_input_streaming", "defer_loading", "allowed_callers", "input_examples")
"""Fields of a tool that say how its arguments are streamed, when it is shown, and to whom."""


_SERVER_TOOL = re.compile(
    r"(?:web_search|web_fetch|code_execution|computer|bash|text_editor|memory|advisor)_20\d{6}"
    r"|tool_search_tool_\w+|mcp_toolset"
)


def is_anthropics_tool(tool: Any) -> bool:
    """Whether a tool is one that Anthropic's API brings."""
    kind = dig(tool, "type")
    return isinstance(kind, str) and kind != "function" and _SERVER_TOOL.fullmatch(kind) is not None


def is_anthropics_hint(name: str, value: Any) -> bool:
    """Whether a field is one of Anthropic's: others have fields of these names, too."""
    return isinstance(value, ANTHROPICS_HINTS.get(name, ()))


def without_anthropics(fields: dict[str, Any], note: Callable[[str], None]) -> None:
    """Take what is only Anthropic's off a request.

    Args:
        fields: The canonical request, which is changed.
        note: Told the name of what is taken off.
    """
    for name in ANTHROPICS_HINTS.keys() & fields.keys():
        if is_anthropics_hint(name, fields[name]):
            del fields[name]
            note(name)


_SAID_OTHERWISE = ("tools", "toolConfig", "generationConfig")


def note_googles(fields: dict[str, Any], note: Callable[[str], None]) -> None:
    """Tell what a request of Google's format says that no other has a place for: safety settings, labels."""
    for name in as_dict(dig(fields, "provider_specific_fields", "gemini")):
        if name not in _SAID_OTHERWISE:
            note(name)
