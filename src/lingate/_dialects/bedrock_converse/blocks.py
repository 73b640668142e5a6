"""Content blocks of a stream, put together again from their pieces."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._check import Malformed
from lingate._dialects._dataurl import decoded
from lingate._dialects.bedrock_converse.checks import check_blocks
from lingate._model import JsonDict
from lingate._wire.json import decode


@dataclass(slots=True)
class Block:
    """One content block as far as it has arrived.

    Attributes:
        kind: The member of the union that it is; empty until that is known.
        start: What its start event says about it.
        number: Place among the tool calls or the thinking blocks; -1 where it is neither.
        position: Characters of answer text before it.
        answer: It is the tool whose input is the structured answer.
        pieces: Text or JSON that has arrived.
        signature: Of thinking.
        redacted: Pieces of redacted thinking, as bytes.
        items: Citations, or what a tool of the provider's own gave.
        image: Pieces of an image, as bytes.
        stopped: Its end has been seen.
        odd: It holds something that cannot be put together again.
    """

    kind: str
    start: JsonDict = field(default_factory=dict)
    number: int = -1
    position: int = 0
    answer: bool = False
    pieces: list[str] = field(default_factory=list)
    signature: str = ""
    redacted: list[bytes] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)
    image: list[bytes] = field(default_factory=list)
    stopped: bool = False
    odd: bool = False

    def text(self) -> str:
        return "".join(self.pieces)

    def redacted_content(self) -> str:
        return base64.b64encode(b"".join(self.redacted)).decode()

    def whole(self) -> JsonDict:
        """The block as a whole answer would have it.

        Raises:
            ValueError: It cannot be put together: it was cut short, or is of a kind we do not know.
        """
        make = _MAKERS.get(self.kind)
        if make is None or self.odd:
            raise ValueError("no block that we know")
        return make(self)


def whole_blocks(blocks: Iterable[Block]) -> list[JsonDict] | None:
    """All blocks put together; None if one of them cannot be."""
    try:
        made = [block.whole() for block in blocks]
        check_blocks(made, "content")
    except (Malformed, ValueError):
        return None
    return made


def as_bytes(text: Any) -> bytes:
    """Base64 text as bytes.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(text, str):
        raise ValueError("must be base64 text")
    return decoded(text)


def _text(block: Block) -> JsonDict:
    if not block.items:
        return {"text": block.text()}
    cited: JsonDict = {"citations": block.items}
    if block.text():
        cited["content"] = [{"text": block.text()}]
    return {"citationsContent": cited}


def _reasoning(block: Block) -> JsonDict:
    if block.redacted:
        return {"reasoningContent": {"redactedContent": block.redacted_content()}}
    told: JsonDict = {"text": block.text()}
    if block.signature:
        told["signature"] = block.signature
    return {"reasoningContent": {"reasoningText": told}}


def _call(block: Block) -> JsonDict:
    text = block.text()
    return {"toolUse": {**block.start, "input": decode(text) if text.strip() else {}}}


def _result(block: Block) -> JsonDict:
    return {"toolResult": {**block.start, "content": block.items}}


def _image(block: Block) -> JsonDict:
    return {"image": {**block.start, "source": {"bytes": base64.b64encode(b"".join(block.image)).decode()}}}


_MAKERS = {"text": _text, "reasoningContent": _reasoning, "toolUse": _call, "toolResult": _result, "image": _image}
