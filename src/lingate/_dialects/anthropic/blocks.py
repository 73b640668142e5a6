# Content blocks: what they must have for us to read them, and those of a stream put together again from their pieces.

# Unknown types and unknown fields are nobody's fault.

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._model import JsonDict
from lingate._wire.json import decode, encode_str
from lingate._wire.shapes import as_dict

_REQUIRED = {
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
    # Raises Malformed: a block cannot be read.
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


@dataclass(slots=True)
class Block:
    # One content block as far as it has arrived.

    start: JsonDict
    """The block as its start event had it."""
    kind: str
    """Its type."""
    number: int = -1
    """Place among the tool calls or the thinking blocks; -1 where it is neither."""
    position: int = 0
    """Characters of answer text before it."""
    answer: bool = False
    """It is the tool whose input is the structured answer."""
    pieces: list[str] = field(default_factory=list)
    """Text, thinking or JSON that has arrived."""
    fields: JsonDict = field(default_factory=dict)
    """Other fields that deltas have added."""
    stopped: bool = False
    """Its end has been seen."""

    def add_field(self, name: str, value: Any) -> None:
        # Take a value of a delta: text goes on, anything else replaces; secrets come whole.
        before = self.fields.get(name, self.start.get(name))
        goes_on = isinstance(before, str) and isinstance(value, str) and name != "encrypted_content"
        self.fields[name] = before + value if goes_on else value

    def add_citation(self, citation: Any) -> None:
        self.fields.setdefault("citations", []).append(citation)

    def arguments(self) -> str:
        # JSON text of the input.
        # Pieces that add up to nothing mean the input of the start event, mostly `{}`.
        return "".join(self.pieces) or encode_str(as_dict(self.start.get("input")))

    def whole(self) -> JsonDict:
        # The block as a whole answer would have it.
        # Raises ValueError: the input is not JSON.
        block = {**self.start, **self.fields}
        if self.kind == "text":
            block["text"] = "".join(self.pieces)
        elif self.kind == "thinking":
            block["thinking"] = "".join(self.pieces)
        elif any(self.pieces):
            block["input"] = decode("".join(self.pieces))
        return block
