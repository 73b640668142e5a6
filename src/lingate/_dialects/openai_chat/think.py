"""Reasoning that arrives as `<think>...</think>` at the head of the content, cut wherever a stream may be cut.

OpenAI's open models have it in `<reasoning>` on Bedrock.
"""

from __future__ import annotations

_TAGS = {"<think>": "</think>", "<reasoning>": "</reasoning>"}


class ThinkSplitter:
    """Tells reasoning from text. `feed` and `finish` return `(is_reasoning, text)` pieces, never empty ones.

    Only a tag at the very beginning counts: later on it is something the model quotes. Line breaks after a tag belong
    to the tag.
    """

    __slots__ = ("_close", "_held", "_state")

    def __init__(self) -> None:
        self._close = ""
        self._held = ""
        self._state = "head"

    @property
    def settled(self) -> bool:
        """The reasoning is over: from here on everything is text and `feed` need not be asked."""
        return self._state == "body"

    def feed(self, text: str) -> list[tuple[bool, str]]:
        pieces: list[tuple[bool, str]] = []
        rest = self._held + text
        self._held = ""
        if self._state == "head":
            rest = self._head(rest)
        if self._state == "open":
            rest = rest.lstrip("\r\n")
            self._state = "think" if rest else "open"
        if self._state == "think":
            rest = self._think(rest, pieces)
        if self._state == "gap":
            rest = rest.lstrip("\r\n")
            self._state = "body" if rest else "gap"
        if self._state == "body" and rest:
            pieces.append((False, rest))
        return pieces

    def finish(self) -> list[tuple[bool, str]]:
        """What was held back because it might have been a tag."""
        held, self._held = self._held, ""
        return [(self._state == "think", held)] if held else []

    def _head(self, text: str) -> str:
        start = text.lstrip()
        for tag, close in _TAGS.items():
            if start.startswith(tag):
                self._state, self._close = "open", close
                return start[len(tag) :]
            if tag.startswith(start):
                self._held = text
                return ""
        self._state = "body"
        return text

    def _think(self, text: str, pieces: list[tuple[bool, str]]) -> str:
        reasoning, close, rest = text.partition(self._close)
        if close:
            self._state = "gap"
        else:
            kept = _overlap(text, self._close)
            reasoning, self._held = text[: len(text) - kept], text[len(text) - kept :]
        if reasoning:
            pieces.append((True, reasoning))
        return rest


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text might be the beginning of the tag."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:size])), 0)


def split_think(text: str) -> tuple[str, str]:
    """Reasoning and text of a whole content."""
    splitter = ThinkSplitter()
    pieces = splitter.feed(text) + splitter.finish()
    return "".join(piece for is_reasoning, piece in pieces if is_reasoning), "".join(
        piece for is_reasoning, piece in pieces if not is_reasoning
    )
