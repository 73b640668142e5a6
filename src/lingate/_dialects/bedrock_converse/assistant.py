# The assistant's turns: content blocks <-> text, thinking, tool calls and annotations of a canonical message.

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from lingate._dialects._dataurl import decoded
from lingate._dialects._reading import REASONED, SAID_FIELDS, named_reasoning
from lingate._dialects._round_trip import is_foreign, seal, unseal
from lingate._dialects._tool_arguments import arguments_object, calls_of, shown_arguments
from lingate._dialects._turns import kept, says_the_same
from lingate._dialects.bedrock_converse.checks import check_blocks, kind_of
from lingate._dialects.bedrock_converse.content import cache_mark, cache_point, content_blocks
from lingate._dialects.bedrock_converse.draft import Draft
from lingate._dialects.bedrock_converse.facts import MAX_TOOL_ID, NAME
from lingate._dialects.bedrock_converse.media import media_part
from lingate._model import JsonDict
from lingate._wire.json import encode_str
from lingate._wire.shapes import as_dicts, as_str, dig

_RANK = {"reasoningContent": 0, "text": 1, "toolUse": 2}
_PROOFS = ("thinking", "redacted_thinking")
_BAD_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
_CALL_KEYS = {"toolUseId", "name", "input"}
_SILENT_FIELDS = SAID_FIELDS | {"function_call", "cache_control"}


@dataclass(slots=True)
class Reading:
    # What an assistant's content blocks say in canonical words.

    texts: list[str] = field(default_factory=list)
    """Pieces of the answer, in order."""
    thinking: list[JsonDict] = field(default_factory=list)
    """Thinking as canonical blocks, signatures included."""
    calls: list[JsonDict] = field(default_factory=list)
    """Tool calls for the caller to execute. The provider's own tools are not among them."""
    annotations: list[JsonDict] = field(default_factory=list)
    """Citations of sources with an address, positions counted in the joined text."""
    images: list[JsonDict] = field(default_factory=list)
    """Images the model made."""
    cache_control: JsonDict | None = None
    """The mark behind the last block."""
    exact: bool = True
    """The canonical form alone gives back these very blocks."""
    _span: tuple[int, int] = (0, 0)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def reasoning(self) -> str:
        return "".join(block.get("thinking") or "" for block in self.thinking)


def read_blocks(blocks: Sequence[JsonDict]) -> Reading:
    reading = Reading()
    rank = 0
    for n, block in enumerate(blocks):
        kind = kind_of(block)
        plain = _READERS.get(kind, _read_other)(reading, block) and set(block) == {kind}
        if kind == "cachePoint" and n == len(blocks) - 1 and n > 0:
            reading.cache_control, plain = cache_mark(block), set(block["cachePoint"]) <= {"type", "ttl"}
        else:
            plain = plain and _RANK.get(kind, -1) >= rank
        reading.exact = reading.exact and plain
        rank = _RANK.get(kind, rank)
    reading.exact = reading.exact and len(reading.texts) <= 1
    return reading


def redacted_data(encoded: str) -> str:
    # Redacted thinking as Claude's own API writes it, which Bedrock wraps in base64; what is no text stays wrapped.
    try:
        text = decoded(encoded).decode("ascii")
    except ValueError:
        return seal(NAME, encoded)
    return text if text.isprintable() and redacted_content(text) == encoded else seal(NAME, encoded)


def redacted_content(data: str) -> str:
    # The other way round.
    return unseal(data, NAME) or base64.b64encode(data.encode(errors="replace")).decode()


def reasoning_block(block: JsonDict) -> JsonDict:
    # A canonical thinking block as this format's.
    if block.get("type") == "redacted_thinking":
        return {"reasoningContent": {"redactedContent": redacted_content(str(block.get("data") or ""))}}
    told: JsonDict = {"text": block.get("thinking") or ""}
    if block.get("signature"):
        told["signature"] = block["signature"]
    return {"reasoningContent": {"reasoningText": told}}


def url_citations(citations: Any, start: int, end: int) -> list[JsonDict]:
    # OpenAI annotations for the citations of one block.
    # Those of documents have no address and make none.
    made = []
    for citation in citations or ():
        web, source = dig(citation, "location", "web"), as_str(dig(citation, "source"))
        url = dig(web, "url") or (source if source.startswith(("https://", "http://")) else None)
        if isinstance(url, str):
            title = citation.get("title") or dig(web, "domain") or ""
            cited = {"start_index": start, "end_index": end, "url": url, "title": title}
            made.append({"type": "url_citation", "url_citation": cited})
    return made


def assistant_blocks(message: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    # A canonical assistant message as blocks: the original ones if it still says the same, else made anew.
    kept = original_blocks(message)
    if kept is not None:
        return _acceptable(kept, where, draft)
    blocks = _reasoning_blocks(message, where, draft)
    said = message.get("content") or message.get("refusal")
    if said:
        blocks += content_blocks(said, f"{where}.content", draft)
    blocks += tool_use_blocks(message, where, draft)
    draft.note_others(message, _SILENT_FIELDS, where)
    if blocks and "cachePoint" not in blocks[-1]:
        blocks += cache_point(message, where, draft)
    return blocks


def original_blocks(message: JsonDict) -> list[JsonDict] | None:
    # The blocks that an assistant message was read from, unless they are gone or the message was edited since.
    blocks = kept_blocks(message)
    if blocks is None or not says_the_same(message, read_blocks(blocks)):
        return None
    return list(map(_with_safe_id, blocks))


def kept_blocks(message: JsonDict) -> list[JsonDict] | None:
    # The content blocks of this format that a canonical message carries beside its own content.
    return kept(message, NAME, "content", check_blocks)


def tool_use_blocks(message: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    blocks: list[JsonDict] = []
    for call, function, place in calls_of(message, where, draft):
        given = arguments_object(function.get("arguments"), f"{place}.function.arguments", draft)
        blocks.append({"toolUse": {"toolUseId": safe_id(call["id"]), "name": function["name"], "input": given}})
        blocks += cache_point(call, place, draft)
    return blocks


def safe_id(given: str) -> str:
    # A tool call id in the letters and the length this format allows; other providers use more.
    if len(given) <= MAX_TOOL_ID and _BAD_ID.search(given) is None:
        return given
    clean = _BAD_ID.sub("_", given)
    return f"{clean[: MAX_TOOL_ID - 9]}_{crc32(given.encode('utf-8', 'replace')):08x}"


# Readers take one block each and say whether the canonical form has a place for all of it.


def _read_text(reading: Reading, block: JsonDict) -> bool:
    _add_text(reading, block["text"])
    return True


def _add_text(reading: Reading, text: str) -> None:
    begin = len(reading.text)
    reading.texts.append(text)
    reading._span = (begin, begin + len(text))


def _read_reasoning(reading: Reading, block: JsonDict) -> bool:
    inner = block["reasoningContent"]
    told, redacted = inner.get("reasoningText"), inner.get("redactedContent")
    if isinstance(redacted, str):
        reading.thinking.append({"type": "redacted_thinking", "data": redacted_data(redacted)})
        return set(inner) == {"redactedContent"}
    if not isinstance(told, dict):
        return False
    thought: JsonDict = {"type": "thinking", "thinking": told.get("text") or ""}
    if told.get("signature"):
        thought["signature"] = told["signature"]
    reading.thinking.append(thought)
    # Without a signature it does not go back by itself, so the block is kept for a provider that wants it.
    return "signature" in thought and set(inner) == {"reasoningText"} and set(told) == {"text", "signature"}


def only_calls(blocks: Any) -> bool:
    # Whether blocks, unchecked, are calls of tools of which the canonical form says all, and nothing else.
    if not isinstance(blocks, list) or not blocks:
        return False
    for block in blocks:
        inner = block.get("toolUse") if isinstance(block, dict) and len(block) == 1 else None
        if not isinstance(inner, dict) or inner.keys() != _CALL_KEYS or not isinstance(inner["input"], dict):
            return False
        if not isinstance(inner["toolUseId"], str) or not isinstance(inner["name"], str):
            return False
    return True


def call_of(inner: JsonDict) -> JsonDict:
    given = inner.get("input") or {}  # some models give its text, or none
    function = {"name": inner["name"], "arguments": given if isinstance(given, str) else encode_str(given)}
    return {"id": inner["toolUseId"], "type": "function", "function": function}


def _read_call(reading: Reading, block: JsonDict) -> bool:
    inner = block["toolUse"]
    if inner.get("type") not in (None, "tool_use"):
        return False
    reading.calls.append(call_of(inner))
    return set(inner) <= {"toolUseId", "name", "input", "type"} and isinstance(inner.get("input"), dict)


def _read_citations(reading: Reading, block: JsonDict) -> bool:
    inner = block["citationsContent"]
    texts = [item["text"] for item in inner.get("content") or () if isinstance(item.get("text"), str)]
    if texts:
        _add_text(reading, "".join(texts))
    # Some models cite the text before the block, and leave the block itself without any.
    reading.annotations += url_citations(inner.get("citations"), *reading._span)
    return False


def _read_image(reading: Reading, block: JsonDict) -> bool:
    part = media_part(block, "image")
    if part is not None:
        reading.images.append({**part, "index": len(reading.images)})
    return False


def _read_other(reading: Reading, block: JsonDict) -> bool:
    return False


_READERS = {
    "text": _read_text,
    "reasoningContent": _read_reasoning,
    "toolUse": _read_call,
    "citationsContent": _read_citations,
    "image": _read_image,
}


def _reasoning_blocks(message: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    # Signed thinking goes back as it came. Unsigned thinking is another model's and would be refused, so it stays out
    # unless the provider's facts say that it is wanted.
    if message.keys().isdisjoint(REASONED):
        return []
    history = draft.traits.get("reasoning_history")
    given = [block for block in as_dicts(message.get("thinking_blocks")) if block.get("type") in _PROOFS]
    if history == "drop":
        return []
    name, reasoning = named_reasoning(message)
    if not given and name:
        if history in ("reasoning_content", "thinking_blocks") and reasoning:
            return [{"reasoningContent": {"reasoningText": {"text": reasoning}}}]
        draft.note(f"{where}.{name}")
    return _acceptable(list(map(reasoning_block, given)), where, draft)


def _acceptable(blocks: list[JsonDict], where: str, draft: Draft) -> list[JsonDict]:
    # Without blank text, which the API itself sends and refuses when it comes back, and without foreign thinking.
    blocks = not_blank(blocks)
    kept = [block for block in blocks if "reasoningContent" not in block or _is_own(block["reasoningContent"], draft)]
    if len(kept) < len(blocks):
        draft.note(f"{where}.thinking_blocks (unsigned)")
    return kept


def not_blank(blocks: list[JsonDict]) -> list[JsonDict]:
    # The blocks, without those of blank text.
    return [block for block in blocks if "text" not in block or block["text"].strip()]


def _is_own(inner: JsonDict, draft: Draft) -> bool:
    told = inner.get("reasoningText")
    if not isinstance(told, dict):
        return bool(inner.get("redactedContent"))
    signature = told.get("signature")
    if not signature:
        return draft.traits.get("reasoning_history") in ("thinking_blocks", "reasoning_content")
    return not is_foreign(signature, NAME)


def _with_safe_id(block: JsonDict) -> JsonDict:
    inner = block.get("toolUse")
    if not isinstance(inner, dict):
        return block
    # In answers Claude's calls have a type that requests do not know.
    inner = {key: value for key, value in inner.items() if key != "type" or value != "tool_use"}
    given = shown_arguments(inner.get("input"))  # "Provide a json object for the field and try your request again."
    return {**block, "toolUse": {**inner, "toolUseId": safe_id(inner["toolUseId"]), "input": given}}
