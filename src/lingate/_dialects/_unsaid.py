"""What a message was read from, as far as it does not say it itself: only the format that it came in has a place for that."""

# What a provider's own tools were asked and gave is not among the calls that the caller executes. It goes back to that
# provider, and to no other.

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lingate._wire.shapes import as_dict, as_dicts, dig

_SAID = {
    "anthropic": ("content", r"text|(redacted_)?thinking|tool_use"),
    "bedrock_converse": ("content", r"text|reasoningContent|toolUse|citationsContent|image|cachePoint"),
    "gemini": ("parts", r"text|thought(Signature)?|functionCall|inlineData|fileData|mediaResolution|partMetadata"),
    "openai_responses": ("items", r"message|role|content|reasoning|(function|custom_tool)_call"),
}
"""Where formats keep what a message was read from, and which kinds of it an assistant's message says itself."""

_DETAILS = ("citations", "context", "transformations")
"""What is said about a block of a user's: that it be cited, what it is, and how it may be made smaller."""


def note_unsaid(messages: list[Any], dialect: str, note: Callable[[str], None]) -> None:
    # Tell what of messages is left out because only another format has a place for it.
    # `dialect`: the format that they are written in.
    # `note`: told what it is.
    for n, message in enumerate(messages):
        if type(message) is not dict or "provider_specific_fields" not in message:
            continue
        for name, fields in as_dict(message["provider_specific_fields"]).items():
            if name in _SAID and name != dialect:
                for field in as_dict(dig(fields, "fields")):
                    note(f"messages[{n}].{field}")
                key, said = _SAID[name]
                blocks = as_dicts(dig(fields, key))
                lost = _kinds(blocks, said) if message.get("role") == "assistant" else _details(blocks)
                if lost:
                    note(f"messages[{n}].content ({', '.join(dict.fromkeys(lost))})")


def _kinds(blocks: list[dict[str, Any]], said: str) -> list[str]:
    kinds = [str(kind) for block in blocks for kind in ([block["type"]] if "type" in block else block)]
    served = [str(kind) for block in blocks if (kind := dig(block, "toolUse", "type"))]
    return [kind for kind in kinds + served if not re.fullmatch(said, kind)]


def _details(blocks: list[dict[str, Any]]) -> list[str]:
    kinds = [(block, str(block.get("type") or next(iter(block), ""))) for block in blocks]
    return [
        f"{name} of {kind}" for block, kind in kinds for name in _DETAILS if as_dict(block.get(kind, block)).get(name)
    ]
