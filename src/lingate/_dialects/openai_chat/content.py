# Reasoning and content as providers spell them: plain fields, `reasoning_details`, blocks inside the content.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lingate._dialects._reading import detail_text, text_of
from lingate._dialects._round_trip import is_foreign, seal, unseal
from lingate._model import JsonDict, Record
from lingate._wire.shapes import as_dicts, as_str, dig

NAME = "openai_chat"
"""The dialect's name: on proofs of reasoning that only the provider they came from can read."""

REASONING_NAMES = ("reasoning_content", "reasoning", "reasoning_text", "thinking")
"""What fields with reasoning in plain text are called; the canonical name is the first."""


class Parts(Record):
    # A content list taken apart; `others` are the parts that are neither text nor reasoning.

    blocks: list[JsonDict]
    others: list[Any]
    text: str = ""
    reasoning: str = ""


def read_parts(content: list[Any]) -> Parts:
    # Take apart content lists: Mistral's with `thinking`, Databricks' with `reasoning`, and those with text alone.
    parts = Parts([], [])
    for part in content:
        kind = dig(part, "type")
        if isinstance(part, str):
            parts.text += part
        elif kind in ("text", "output_text") and isinstance(part.get("text"), str):
            parts.text += part["text"]
        elif kind == "thinking":
            _add_reasoning(parts, part.get("thinking"), part.get("signature"))
        elif kind == "redacted_thinking" and isinstance(part.get("data"), str):
            parts.blocks.append({"type": "redacted_thinking", "data": part["data"]})
        elif kind == "reasoning":
            _add_summary(parts, part)
        else:
            parts.others.append(part)
    return parts


def _add_summary(parts: Parts, part: JsonDict) -> None:
    summary = part.get("summary")
    for item in as_dicts(summary) if isinstance(summary, list) else [part]:
        _add_reasoning(parts, item.get("text"), item.get("signature"))


def _add_reasoning(parts: Parts, value: Any, signature: Any) -> None:
    text = text_of(value)
    parts.reasoning += text
    if isinstance(signature, str) and signature:
        parts.blocks.append({"type": "thinking", "thinking": text, "signature": signature})


def told_reasoning(source: JsonDict) -> str:
    # The reasoning in a message or delta, under whichever name it goes; gateways say it under several.
    return next((text for name in REASONING_NAMES if (text := text_of(source.get(name)))), "")


def read_reasoning(message: JsonDict) -> tuple[str, list[JsonDict]]:
    # The reasoning text of a message, and the signed or redacted blocks that must go back with it.
    details = as_dicts(message.get("reasoning_details"))
    text = told_reasoning(message)
    blocks = message.get("thinking_blocks")
    if isinstance(blocks, list) and blocks:
        blocks = [_sealed_again(block) for block in blocks if isinstance(block, dict)]
        return text or "".join(text_of(block.get("thinking")) for block in blocks), blocks
    return text or "".join(map(detail_text, details)), [block for item in details if (block := _block(item))]


def received(proof: Any) -> str | None:
    # A signature or redacted data as it is kept.
    # What a gateway has sealed is its own business, so it is sealed again.
    if not isinstance(proof, str) or not proof:
        return None
    return seal(NAME, proof) if is_foreign(proof, NAME) or unseal(proof, NAME) is not None else proof


def as_received(block: Any) -> Any:
    # A thinking block with the proof as it came.
    return _with_proofs(block, lambda proof: unseal(proof, NAME)) if isinstance(block, dict) else block


def _sealed_again(block: JsonDict) -> JsonDict:
    return _with_proofs(block, received)


def _with_proofs(block: JsonDict, change: Callable[[Any], str | None]) -> JsonDict:
    changed = {name: new for name in ("signature", "data") if (new := change(block.get(name))) is not None}
    return {**block, **changed}


def detail_redacted(detail: JsonDict) -> str | None:
    # The encrypted part, where it is a block of Anthropic's: other formats' secrets mean nothing to anybody else.
    data = detail.get("data")
    is_anthropic = str(detail.get("format") or "").startswith("anthropic")
    return data if detail.get("type") == "reasoning.encrypted" and is_anthropic and isinstance(data, str) else None


def detail_signature(detail: JsonDict) -> str | None:
    signature = detail.get("signature")
    return as_str(signature) or None


def _block(detail: JsonDict) -> JsonDict | None:
    redacted = detail_redacted(detail)
    if redacted is not None:
        return {"type": "redacted_thinking", "data": redacted}
    signature = detail_signature(detail)
    return {"type": "thinking", "thinking": detail_text(detail), "signature": signature} if signature else None


class DetailJoiner:
    # Streamed pieces of `reasoning_details` as whole ones, which must go back unchanged with the next turn.

    # Text of the same type and index continues; encrypted details always arrive whole. Pieces are joined once, at the
    # end.

    __slots__ = ("_details", "_texts")

    def __init__(self) -> None:
        self._details: list[JsonDict] = []
        self._texts: list[dict[str, list[str]]] = []

    def add(self, piece: JsonDict) -> None:
        at = self._place(piece)
        detail, texts = self._details[at], self._texts[at]
        for name, value in piece.items():
            if name in {"text", "summary"} and isinstance(value, str):
                texts.setdefault(name, []).append(value)
            if value is not None or name not in detail:
                detail[name] = value

    def _place(self, piece: JsonDict) -> int:
        if piece.get("type") != "reasoning.encrypted":
            for at in range(len(self._details) - 1, -1, -1):
                known = self._details[at]
                if known.get("type") == piece.get("type") and known.get("index") == piece.get("index"):
                    return at
        self._details.append({})
        self._texts.append({})
        return len(self._details) - 1

    def joined(self) -> list[JsonDict]:
        return [
            {**detail, **{name: "".join(pieces) for name, pieces in texts.items()}}
            for detail, texts in zip(self._details, self._texts, strict=True)
        ]


THOUGHT = {"google": {"thought": True}}
"""The `extra_content` of content that is a thought, on Google's OpenAI surface."""


def split_thought(text: str) -> tuple[str, str]:
    # The thought and the answer of content that is marked as a thought.
    thought, _, answer = text.removeprefix("<thought>").partition("</thought>")
    return thought, answer


# Reasoning at the head of the content; OpenAI's open models have it in the second on Bedrock.
_TAGS = {"<think>": "</think>", "<reasoning>": "</reasoning>"}


class ThinkSplitter:
    # Tells reasoning from text. `feed` and `finish` return `(is_reasoning, text)` pieces, never empty ones.

    # Only a tag at the very beginning counts, and one right behind reasoning, as Bedrock has each piece of a stream between
    # tags: later on it is something the model quotes. Line breaks after a tag belong to the tag.

    __slots__ = ("_close", "_held", "_state")

    def __init__(self) -> None:
        self._close = ""
        self._held = ""
        self._state = "head"

    @property
    def settled(self) -> bool:
        # The reasoning is over: from here on everything is text and `feed` need not be asked.
        return self._state == "body"

    def feed(self, text: str) -> list[tuple[bool, str]]:
        pieces: list[tuple[bool, str]] = []
        rest = self._held + text
        self._held = ""
        while rest and self._state != "body":
            if self._state == "open":
                rest = rest.lstrip("\r\n")
                self._state = "think" if rest else "open"
            elif self._state == "think":
                rest = self._think(rest, pieces)
            else:
                rest = self._head(rest)
        if rest:
            pieces.append((False, rest))
        return pieces

    def finish(self) -> list[tuple[bool, str]]:
        # What was held back because it might have been a tag.
        held, self._held = self._held, ""
        return [(self._state == "think", held)] if held else []

    def _head(self, text: str) -> str:
        text = text.lstrip("\r\n") if self._state == "gap" else text
        start = text.lstrip()
        for tag, close in _TAGS.items():
            if start.startswith(tag):
                self._state, self._close = "think" if self._state == "gap" else "open", close
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
    # How many characters at the end of the text might be the beginning of the tag.
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:size])), 0)


def split_think(text: str) -> tuple[str, str]:
    # Reasoning and text of a whole content.
    splitter = ThinkSplitter()
    pieces = splitter.feed(text) + splitter.finish()
    return "".join(piece for is_reasoning, piece in pieces if is_reasoning), "".join(
        piece for is_reasoning, piece in pieces if not is_reasoning
    )
