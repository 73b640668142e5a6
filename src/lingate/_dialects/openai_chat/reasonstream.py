"""Reasoning of one choice in a stream: text, signatures and encrypted parts, told as blocks."""

from __future__ import annotations

from typing import Any

from lingate._dialects.openai_chat.content import (
    DetailJoiner,
    detail_redacted,
    detail_signature,
    detail_text,
    received,
    text_of,
    told_reasoning,
)
from lingate._model import Event, Extra, JsonDict, Thinking


class ReasonStream:
    """The reasoning of one choice.

    `reasoning_details` number their blocks themselves. All other reasoning is one block until a signature or an
    encrypted part closes it; what comes then is the next block. Gateways, ours among them, say the same reasoning in
    several fields and not always in the same delta: it is told once.

    Args:
        choice: Number of the choice.
    """

    __slots__ = ("_block", "_choice", "_closed", "_details", "_empty", "_proofs", "_told")

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._block = 0
        self._empty = True
        self._closed = False
        self._told = False
        self._details: DetailJoiner | None = None
        self._proofs: set[str] = set()

    def add(self, delta: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        """Take the reasoning of one delta, which may say the same thing in several fields."""
        text = told_reasoning(delta)
        details = delta.get("reasoning_details")
        details = [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []
        if text:
            self._told = True
            index = _index(details[0]) if details else None
            if index is None:
                self.say(text, raw, events)
            else:
                events.append(Thinking(text, self._choice, index, raw=raw))
        for detail in details:
            self._detail(detail, raw, events)
        blocks = delta.get("thinking_blocks")
        if isinstance(blocks, list):
            for block in blocks:
                if isinstance(block, dict):
                    if not self._told and (piece := text_of(block.get("thinking"))):
                        self.say(piece, raw, events)
                    self.close(block, raw, events)

    def say(self, text: str, raw: JsonDict | None, events: list[Event]) -> None:
        """Tell a piece of reasoning."""
        if self._closed:
            self._next()
        self._empty = False
        events.append(Thinking(text, self._choice, self._block, raw=raw))

    def close(self, block: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        """Tell what completes a block, if this does: its signature, or an encrypted block of its own."""
        signature, redacted = received(block.get("signature")), received(block.get("data"))
        if not self._is_new(signature, redacted):
            return
        if self._closed or (redacted is not None and not self._empty):
            self._next()
        self._closed = True
        events.append(Thinking("", self._choice, self._block, signature, redacted, raw))

    def settle(self, raw: JsonDict | None, events: list[Event]) -> None:
        """Nothing more will come: the details as they must go back with the next turn."""
        if self._details is not None:
            events.append(Extra({"reasoning_details": self._details.joined()}, self._choice, raw))

    def _next(self) -> None:
        self._block += 1
        self._empty, self._closed = True, False

    def _is_new(self, signature: str | None, redacted: str | None) -> bool:
        """Whether there is a proof that has not been told; a second one would go on the end of the first."""
        proof = redacted if signature is None else signature
        if proof is None or proof in self._proofs:
            return False
        self._proofs.add(proof)
        return True

    def _detail(self, detail: JsonDict, raw: JsonDict, events: list[Event]) -> None:
        if self._details is None:
            self._details = DetailJoiner()
        self._details.add(detail)
        block = _index(detail) or 0
        if not self._told and (text := detail_text(detail)):
            events.append(Thinking(text, self._choice, block, raw=raw))
        signature, redacted = detail_signature(detail), detail_redacted(detail)
        if self._is_new(signature, redacted):
            events.append(Thinking("", self._choice, block, signature, redacted, raw))


def _index(source: Any) -> int | None:
    index = source.get("index")
    return index if type(index) is int else None
