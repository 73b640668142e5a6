# What a message was read from, as far as it does not say it itself: only the format that it came in has a place for that.

# What a provider's own tools were asked and gave is not among the calls that the caller executes. It goes back to that
# provider, and to no other.

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from lingate._wire.shapes import as_dict, as_dicts, dig

_SAID = {
    "anthropic": ("content", r"text|(redacted_)?thinking|tool_use"),
    "bedrock_converse": ("content", r"text|reasoningContent|toolUse|citationsContent|image|cachePoint"),
    "gemini": ("parts", r"text|thought(Signature)?|functionCall|inlineData|fileData|mediaResolution|partMetadata"),
    "openai_responses": ("items", r"message|role|content|reasoning|(function|custom_tool)_call"),
}
"""Where formats keep what a message was read from, and which kinds of it an assistant's message says itself."""

_DETAILS = ("citations", "context", "transformations", "scheduling", "willContinue")
"""What is said about a block of a user's: that it be cited, what it is, and how it may be made smaller; when a result counts."""

_ON_MEDIA = (
    "audioMetadata",
    "documentMetadata",
    "mediaProcessing",
    "mediaResolution",
    "spreadsheetMetadata",
    "videoMetadata",
)
"""What Google's clients say of a picture, sound, film or document: which part of it, and how closely to look."""


def note_native_only(messages: list[Any], dialect: str, note: Callable[[str], None]) -> None:
    # Tell what of messages is left out because only another format has a place for it.
    for n, message in enumerate(messages):
        if type(message) is dict and "provider_specific_fields" in message:
            note_native_only_of(message, n, dialect, note)


def note_native_only_of(message: dict[str, Any], n: int, dialect: str, note: Callable[[str], None]) -> None:
    # The same for one message, which stands at place `n`.
    for name, fields in as_dict(message["provider_specific_fields"]).items():
        if name not in _SAID or name == dialect:
            continue
        for field in as_dict(dig(fields, "fields")):
            note(f"messages[{n}].{field}")
        key, said = _SAID[name]
        blocks = as_dicts(dig(fields, key))
        every = list(_with_inner(blocks))
        for word in _ON_MEDIA:
            if any(word in block for block in every):
                note(f"messages[{n}] ({word})")
        lost = _kinds(blocks, said) if message.get("role") == "assistant" else _details(every)
        if lost:
            note(f"messages[{n}].content ({', '.join(dict.fromkeys(lost))})")


def _with_inner(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    # The blocks, and those inside of results and documents.
    for block in blocks:
        yield block
        for inner in (block.get("content"), dig(block, "source", "content"), dig(block, "functionResponse", "parts")):
            yield from as_dicts(inner)


def _kinds(blocks: list[dict[str, Any]], said: str) -> list[str]:
    kinds = [str(kind) for block in blocks for kind in ([block["type"]] if "type" in block else block)]
    served = [str(kind) for block in blocks if (kind := dig(block, "toolUse", "type"))]
    return [kind for kind in kinds + served if not re.fullmatch(said, kind)]


def _details(blocks: list[dict[str, Any]]) -> list[str]:
    kinds = [(block, str(block.get("type") or next(iter(block), ""))) for block in blocks]
    return [
        f"{name} of {kind}" for block, kind in kinds for name in _DETAILS if as_dict(block.get(kind, block)).get(name)
    ]
