"""Content that people and tools write: canonical parts <-> Anthropic's user-side blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from lingate._dialects.anthropic.draft import Draft
from lingate._dialects.anthropic.media import file_block, image_block, is_plain_media, media_part
from lingate._model import JsonDict

_OWN_KEYS = {"type", "text", "image_url", "file", "refusal", "provider_specific_fields", "annotations"}

_Writer: TypeAlias = Callable[[JsonDict, str, Draft], JsonDict | None]


def content_blocks(content: Any, where: str, draft: Draft) -> list[JsonDict]:
    """Canonical content (text, a list of parts, or nothing) as blocks. Blank text makes none: the API refuses it."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        if not content.strip():
            draft.note(f"{where} (blank text)")
            return []
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise draft.broken(where, "must be text or a list of parts")
    blocks = [_block(part, f"{where}[{n}]", draft) for n, part in enumerate(content)]
    return [block for block in blocks if block is not None]


def canonical_parts(blocks: Iterable[JsonDict]) -> list[JsonDict]:
    """User-side blocks as canonical parts. What the canonical form has no part for becomes text or stays as it is."""
    parts: list[JsonDict] = []
    for block in blocks:
        made = _LOWERED[block["type"]](block) if block["type"] in _LOWERED else [dict(block)]
        if made and "cache_control" in block:
            made[-1]["cache_control"] = block["cache_control"]
        parts.extend(made)
    return parts


def is_plain(block: JsonDict) -> bool:
    """Whether the canonical part says all that the block says."""
    kind = block["type"]
    if kind == "text":
        return set(block) <= {"type", "text", "cache_control"}
    if kind in ("image", "document"):
        return is_plain_media(block)
    return kind not in _LOWERED


def _block(part: Any, where: str, draft: Draft) -> JsonDict | None:
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise draft.broken(where, "must be an object with a type")
    write = _WRITERS.get(part["type"])
    if write is None:
        return dict(part)
    block = write(part, where, draft)
    if block is not None:
        block.update((key, value) for key, value in part.items() if key not in _OWN_KEYS and value is not None)
    return block


def _text(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    text = part.get("text", part.get("refusal"))
    if not isinstance(text, str):
        raise draft.broken(f"{where}.text", "must be a string")
    if not text.strip():
        if text:
            draft.note(f"{where} (blank text)")
        return None
    return {"type": "text", "text": text}


def _no_audio(part: JsonDict, where: str, draft: Draft) -> None:
    draft.refuse(where, f"there is no block for {part['type']}")


_WRITERS: dict[str, _Writer] = {
    "text": _text,
    "refusal": _text,
    "image_url": image_block,
    "file": file_block,
    "input_audio": _no_audio,
    "video_url": _no_audio,
}


def _lower_text(block: JsonDict) -> list[JsonDict]:
    return [{"type": "text", "text": block["text"]}]


def _lower_media(block: JsonDict) -> list[JsonDict]:
    source = block["source"]
    if source.get("type") == "content":
        return _nested(source.get("content"))
    part = media_part(block)
    return [dict(block)] if part is None else [part]


def _lower_search_result(block: JsonDict) -> list[JsonDict]:
    head = " ".join(str(block[key]) for key in ("title", "source") if block.get(key))
    return [{"type": "text", "text": head}, *_nested(block.get("content"))]


def _lower_tool_reference(block: JsonDict) -> list[JsonDict]:
    return [{"type": "text", "text": str(block.get("tool_name", ""))}]


def _nested(content: Any) -> list[JsonDict]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return canonical_parts(content) if isinstance(content, list) else []


_LOWERED: dict[str, Callable[[JsonDict], list[JsonDict]]] = {
    "text": _lower_text,
    "image": _lower_media,
    "document": _lower_media,
    "search_result": _lower_search_result,
    "tool_reference": _lower_tool_reference,
}
"""How blocks are said in the canonical form, where other formats understand it too."""
