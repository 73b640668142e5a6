# The assistant's turns: content blocks <-> text, thinking, tool calls and annotations of a canonical message.

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from lingate._dialects._reading import REASONED, SAID_FIELDS, named_reasoning
from lingate._dialects._round_trip import is_foreign
from lingate._dialects._tool_arguments import arguments_object, calls_of
from lingate._dialects._turns import kept, says_the_same
from lingate._dialects.anthropic.blocks import check_blocks
from lingate._dialects.anthropic.content import content_blocks
from lingate._dialects.anthropic.draft import Draft
from lingate._dialects.anthropic.facts import NAME
from lingate._model import JsonDict
from lingate._wire.json import encode_str
from lingate._wire.shapes import as_dicts, as_list, without

_PROOFS = ("thinking", "redacted_thinking")
_RANK = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}
_PLAIN_KEYS = {
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
    "text": {"type", "text", "citations"},
    "tool_use": {"type", "id", "name", "input", "caller"},
}
_BAD_ID = re.compile(r"[^a-zA-Z0-9_-]")
_SILENT_FIELDS = SAID_FIELDS | {"function_call", "cache_control"}


@dataclass(slots=True)
class Reading:
    # What an assistant's content blocks say in canonical words.

    texts: list[JsonDict] = field(default_factory=list)
    """The text blocks, in order."""
    thinking: list[JsonDict] = field(default_factory=list)
    """Thinking blocks as they are, signatures included."""
    calls: list[JsonDict] = field(default_factory=list)
    """Tool calls for the caller to execute. The provider's own tools are not among them."""
    annotations: list[JsonDict] = field(default_factory=list)
    """Citations of sources with an address, positions counted in the joined text."""
    exact: bool = True
    """The canonical form alone gives back these very blocks."""

    @property
    def text(self) -> str:
        return "".join(block["text"] for block in self.texts)

    @property
    def reasoning(self) -> str:
        return "".join(block["thinking"] for block in self.thinking if block["type"] == "thinking")


def read_blocks(blocks: Sequence[JsonDict]) -> Reading:
    reading = Reading()
    position = rank = 0
    for block in blocks:
        kind = block["type"]
        if kind in _PROOFS:
            reading.thinking.append(dict(block))
        elif kind == "text":
            reading.annotations.extend(url_citations(block.get("citations"), position, position + len(block["text"])))
            reading.texts.append(block)
            position += len(block["text"])
        elif kind == "tool_use":
            reading.calls.append(_call(block))
        reading.exact = reading.exact and _RANK.get(kind, -1) >= rank and is_plain_block(block)
        rank = _RANK.get(kind, rank)
    reading.exact = reading.exact and len(reading.texts) <= 1
    return reading


def is_plain_block(block: JsonDict) -> bool:
    # Whether the canonical form has a place for every field of an assistant's block.
    if not set(block) <= _PLAIN_KEYS.get(block["type"], set()) or block.get("citations"):
        return False
    return block.get("caller") in (None, {"type": "direct"})


def url_citations(citations: Any, start: int, end: int) -> list[JsonDict]:
    # OpenAI annotations for the citations of one text block.
    # Those of documents have no address and make none.
    made = []
    for citation in as_list(citations):
        url = (citation.get("url") or citation.get("source")) if isinstance(citation, dict) else None
        if isinstance(url, str):
            cited = {"start_index": start, "end_index": end, "url": url, "title": citation.get("title") or ""}
            made.append({"type": "url_citation", "url_citation": cited})
    return made


def assistant_blocks(message: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    # A canonical assistant message as blocks: the original ones if it still says the same, else made anew.
    kept = original_blocks(message)
    if kept is not None:
        return _without_foreign(list(map(_with_safe_id, kept)), where, draft)
    blocks = _thinking_blocks(message, where, draft)
    said = message.get("content") or message.get("refusal")
    if said:
        blocks += content_blocks(said, f"{where}.content", draft)
    if message.get("tool_calls"):
        # Some clients have a call among the content too (BerriAI/litellm#23510).
        told = {block.get("id") for block in blocks}
        calls = (_tool_use(*found, draft) for found in calls_of(message, where, draft))
        blocks += [call for call in calls if call["id"] not in told]
    draft.note_others(message, _SILENT_FIELDS, where)
    return _marked(blocks, message["cache_control"]) if message.get("cache_control") else blocks


def original_blocks(message: JsonDict) -> list[JsonDict] | None:
    # The blocks that an assistant message was read from, unless they are gone or the message was edited since.
    blocks = kept_blocks(message)
    if blocks is None or not says_the_same(message, read_blocks(blocks)):
        return None
    return _with_marks(list(blocks), message)


def kept_blocks(message: JsonDict) -> list[JsonDict] | None:
    # The content blocks of this format that a canonical message carries beside its own content.
    return kept(message, NAME, "content", check_blocks)


def safe_id(given: str) -> str:
    # A tool call id in the letters this format allows; other providers use more.
    if _BAD_ID.search(given) is None:
        return given
    return f"{_BAD_ID.sub('_', given)}_{crc32(given.encode('utf-8', 'replace')):08x}"


def _call(block: JsonDict) -> JsonDict:
    function = {"name": block["name"], "arguments": encode_str(block.get("input") or {})}
    mark = {"cache_control": block["cache_control"]} if block.get("cache_control") else {}
    return {"id": block["id"], "type": "function", "function": function, **mark}


def _tool_use(call: JsonDict, function: JsonDict, where: str, draft: Draft) -> JsonDict:
    block = {
        "type": "tool_use",
        "id": safe_id(call["id"]),
        "name": function["name"],
        "input": arguments_object(function.get("arguments"), f"{where}.function.arguments", draft),
    }
    if call.get("cache_control"):
        block["cache_control"] = call["cache_control"]
    return block


def _thinking_blocks(message: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    # Signed thinking goes back as it came. Unsigned thinking is another model's and would be refused, so it stays out
    # unless the provider's facts say that it is wanted.
    if message.keys().isdisjoint(REASONED):
        return []
    history = draft.traits.get("reasoning_history")
    given = [block for block in as_dicts(message.get("thinking_blocks")) if block.get("type") in _PROOFS]
    # The number of a block in a stream, which clients keep on it, is refused here.
    numberless = [without(block, ("index",)) for block in given]
    kept = _without_foreign(numberless, where, draft)
    if history == "drop":
        return []
    name, reasoning = named_reasoning(message)
    if not given and name:
        if history == "reasoning_content" and reasoning:
            return [{"type": "thinking", "thinking": reasoning, "signature": ""}]
        draft.note(f"{where}.{name}")
    return kept


def _without_foreign(blocks: list[JsonDict], where: str, draft: Draft) -> list[JsonDict]:
    # The API itself sends blank text blocks and refuses them when they come back.
    blocks = [block for block in blocks if block["type"] != "text" or block["text"].strip()]
    unsigned_too = draft.traits.get("reasoning_history") in ("thinking_blocks", "reasoning_content")
    kept = [block for block in blocks if block["type"] not in _PROOFS or _is_ours(block, unsigned_too)]
    if len(kept) < len(blocks):
        draft.note(f"{where}.thinking_blocks (another provider's)")
    return kept


def _is_ours(block: JsonDict, unsigned_too: bool) -> bool:
    proof = block.get("data") if block["type"] == "redacted_thinking" else block.get("signature")
    if not isinstance(proof, str) or not proof:
        return unsigned_too
    return not is_foreign(proof, NAME)


def _with_safe_id(block: JsonDict) -> JsonDict:
    return {**block, "id": safe_id(block["id"])} if block["type"] == "tool_use" else block


def _with_marks(blocks: list[JsonDict], message: JsonDict) -> list[JsonDict]:
    # The blocks, with a cache mark that the caller put on the message since.
    parts = as_dicts(message.get("content"))
    marks = [message.get("cache_control"), *(part.get("cache_control") for part in reversed(parts))]
    mark = next(filter(None, marks), None)
    if mark is None or any("cache_control" in block for block in blocks):
        return blocks
    return _marked(blocks, mark)


def _marked(blocks: list[JsonDict], mark: Any) -> list[JsonDict]:
    # The blocks, the last that may bear a cache mark with it.
    for n in range(len(blocks) - 1, -1, -1):
        if blocks[n]["type"] not in _PROOFS:
            return [*blocks[:n], {**blocks[n], "cache_control": mark}, *blocks[n + 1 :]]
    return blocks
