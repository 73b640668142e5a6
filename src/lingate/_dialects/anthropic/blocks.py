"""Content blocks of a stream, put together again from their pieces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._check import Malformed
from lingate._dialects.anthropic.checks import check_blocks
from lingate._model import JsonDict
from lingate._wire.json import decode, encode_str


@dataclass(slots=True)
class Block:
    """One content block as far as it has arrived.

    Attributes:
        start: The block as its start event had it.
        kind: Its type.
        number: Place among the tool calls or the thinking blocks; -1 where it is neither.
        position: Characters of answer text before it.
        answer: It is the tool whose input is the structured answer.
        pieces: Text, thinking or JSON that has arrived.
        fields: Other fields that deltas have added.
        stopped: Its end has been seen.
    """

    start: JsonDict
    kind: str
    number: int = -1
    position: int = 0
    answer: bool = False
    pieces: list[str] = field(default_factory=list)
    fields: JsonDict = field(default_factory=dict)
    stopped: bool = False

    def add_field(self, name: str, value: Any) -> None:
        """Take a value of a delta: text goes on, anything else replaces; secrets come whole."""
        before = self.fields.get(name, self.start.get(name))
        goes_on = isinstance(before, str) and isinstance(value, str) and name != "encrypted_content"
        self.fields[name] = before + value if goes_on else value

    def add_citation(self, citation: Any) -> None:
        self.fields.setdefault("citations", []).append(citation)

    def arguments(self) -> str:
        """JSON text of the input. Pieces that add up to nothing mean the input of the start event, mostly `{}`."""
        given = self.start.get("input")
        return "".join(self.pieces) or encode_str(given if isinstance(given, dict) else {})

    def whole(self) -> JsonDict:
        """The block as a whole answer would have it.

        Raises:
            ValueError: The input is not JSON.
        """
        block = {**self.start, **self.fields}
        if self.kind == "text":
            block["text"] = "".join(self.pieces)
        elif self.kind == "thinking":
            block["thinking"] = "".join(self.pieces)
        elif any(self.pieces):
            block["input"] = decode("".join(self.pieces))
        return block


def whole_blocks(blocks: Iterable[Block]) -> list[JsonDict] | None:
    """All blocks put together; None if one of them cannot be, because it was cut short."""
    try:
        made = [block.whole() for block in blocks]
        check_blocks(made, "content")
    except (Malformed, ValueError):
        return None
    return made
