"""What a content block must have for us to read it. Unknown types and unknown fields are nobody's fault."""

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed, expect

_REQUIRED: dict[str, tuple[tuple[str, type], ...]] = {
    "text": (("text", str),),
    "image": (("source", dict),),
    "document": (("source", dict),),
    "search_result": (("content", list),),
    "tool_use": (("id", str), ("name", str)),
    "server_tool_use": (("id", str), ("name", str)),
    "tool_result": (("tool_use_id", str),),
    "thinking": (("thinking", str),),
    "redacted_thinking": (("data", str),),
}


def check_blocks(blocks: Any, where: str) -> None:
    """Check a list of content blocks, nested ones included.

    Raises:
        Malformed: A block cannot be read.
    """
    if not isinstance(blocks, list):
        raise Malformed(where, "must be a list of content blocks")
    for n, block in enumerate(blocks):
        _check_block(block, f"{where}[{n}]")


def _check_block(block: Any, where: str) -> None:
    expect(block, dict, where)
    found = block.get("type")
    expect(found, str, f"{where}.type")
    for key, kind in _REQUIRED.get(found, ()):
        if not isinstance(block.get(key), kind):  # paths are put into words only where they are told
            expect(block.get(key), kind, f"{where}.{key}")
    if found == "tool_use":
        given = block.get("input", 0)
        if given is not None:  # some hosts say null where a tool takes no arguments
            expect(given, dict, f"{where}.input")
    elif found in ("image", "document"):
        _check_source(block["source"], f"{where}.source")
    elif found in ("tool_result", "search_result"):
        nested = block.get("content")
        if nested is not None and not isinstance(nested, str):
            check_blocks(nested, f"{where}.content")


_SOURCE_FIELDS = {
    "base64": ("media_type", "data"),
    "text": ("data",),
    "url": ("url",),
    "file": ("file_id",),
}


def _check_source(source: dict[str, Any], where: str) -> None:
    expect(source.get("type"), str, f"{where}.type")
    for key in _SOURCE_FIELDS.get(source["type"], ()):
        expect(source.get(key), str, f"{where}.{key}")
    if source["type"] == "content" and not isinstance(source.get("content"), str):
        check_blocks(source.get("content"), f"{where}.content")
