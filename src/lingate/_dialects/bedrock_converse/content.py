# Content that people and tools write: canonical parts <-> Converse's user-side blocks.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lingate._dialects.bedrock_converse.checks import kind_of
from lingate._dialects.bedrock_converse.draft import Draft
from lingate._dialects.bedrock_converse.facts import BLOCKS
from lingate._dialects.bedrock_converse.media import (
    audio_block,
    file_block,
    image_block,
    is_plain_media,
    media_part,
    video_block,
)
from lingate._model import JsonDict
from lingate._wire.shapes import dig

_MEDIA = ("image", "document", "video", "audio")
_OWN_FIELDS = ("citations", "context")


def content_blocks(content: Any, where: str, draft: Draft) -> list[JsonDict]:
    # Canonical content (text, a list of parts, or nothing) as blocks, cache points included.
    # Blank text makes none: the API refuses it.
    blocks: list[JsonDict] = []
    for n, part in enumerate(content_parts(content, where, draft)):
        block = _block(part, f"{where}[{n}]", draft)
        if block is None:
            continue
        if "text" in block and not block["text"].strip():
            if block["text"]:
                draft.note(f"{where}[{n}] (blank text)")
            continue
        blocks.append(block)
        blocks += cache_point(part, f"{where}[{n}]", draft)
    return blocks


def result_blocks(content: Any, where: str, draft: Draft) -> tuple[list[JsonDict], JsonDict]:
    # What a tool gave, as blocks inside its result, and the last cache mark among the parts: it has no place inside.
    if isinstance(content, str):
        return [{"text": content}], {}
    parts = content_parts(content, where, draft)
    made = [_block(part, f"{where}[{n}]", draft) for n, part in enumerate(parts)]
    mark = next((part["cache_control"] for part in reversed(parts) if part.get("cache_control")), None)
    blocks = [block for block in made if block is not None]
    return blocks or [{"text": ""}], {"cache_control": mark}


def content_parts(content: Any, where: str, draft: Draft) -> list[JsonDict]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [draft.part(part, f"{where}[{n}]") for n, part in enumerate(draft.parts(content, where))]


def cache_point(holder: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    # The block for a `cache_control` mark, if there is one and the model caches.
    mark = holder.get("cache_control")
    if not mark:
        return []
    if not draft.traits.get("cache_control"):
        draft.note(f"cache_control of {where}")
        return []
    point: JsonDict = {"type": "default"}
    ttl = dig(mark, "ttl")
    if ttl is not None:
        if draft.family == "nova":
            draft.note(f"cache_control.ttl of {where}")
        else:
            point["ttl"] = ttl
    return [{"cachePoint": point}]


def cache_mark(block: JsonDict) -> JsonDict:
    ttl = block["cachePoint"].get("ttl")
    return {"type": "ephemeral"} if ttl is None else {"type": "ephemeral", "ttl": ttl}


def text_alone(content: Any) -> str | None:
    # The text of content that is one block of text and nothing else.
    if type(content) is list and len(content) == 1 and type(block := content[0]) is dict and len(block) == 1:
        text = block.get("text")
        return text if type(text) is str else None
    return None


def canonical_parts(blocks: Sequence[JsonDict]) -> list[JsonDict]:
    # User-side blocks as canonical parts.
    # What the canonical form has no part for becomes text or keeps its name.
    parts: list[JsonDict] = []
    for block in blocks:
        kind = kind_of(block)
        if kind == "cachePoint":
            if parts:
                parts[-1] = {**parts[-1], "cache_control": cache_mark(block)}
        else:
            parts.extend(_lowered(block, kind))
    return parts


def is_plain(blocks: Sequence[JsonDict]) -> bool:
    # Whether the canonical parts say all that the blocks say.
    before = "cachePoint"
    for block in blocks:
        kind = kind_of(block)
        if kind == "cachePoint":
            plain = before != "cachePoint" and set(block) == {kind} and set(block[kind]) <= {"type", "ttl"}
        elif kind in _MEDIA:
            plain = is_plain_media(block, kind)
        else:
            plain = kind == "text" and set(block) == {"text"}
        if not plain:
            return False
        before = kind
    return True


def _block(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    kind = part["type"]
    write = _WRITERS.get(kind)
    if write is None:
        if isinstance(part.get(kind), dict) and kind in BLOCKS:
            return {kind: part[kind]}
        draft.refuse(where, f"there is no block for {kind}")
        return None
    draft.note_marks(part, where)
    block = write(part, where, draft)
    if block is not None and "document" in block:
        extras = {name: part[name] for name in _OWN_FIELDS if part.get(name) is not None}
        if extras:
            block = {"document": {**block["document"], **extras}}
    return block


def _text(part: JsonDict, where: str, draft: Draft) -> JsonDict:
    return {"text": draft.said(part, where)}


_WRITERS = {
    "text": _text,
    "refusal": _text,
    "image_url": image_block,
    "file": file_block,
    "input_audio": audio_block,
    "video_url": video_block,
}


def _lowered(block: JsonDict, kind: str) -> list[JsonDict]:
    inner = block[kind]
    if kind == "text":
        return [{"type": "text", "text": inner}]
    if kind in _MEDIA:
        part = media_part(block, kind)
        if part is not None:
            return [part]
        if isinstance(inner["source"].get("content"), list):
            return canonical_parts(inner["source"]["content"])
    elif kind == "guardContent":
        if inner.get("text") is not None:
            return [{"type": "text", "text": inner["text"]["text"]}]
        if inner.get("image") is not None:
            return _lowered({"image": inner["image"]}, "image")
    elif kind == "searchResult":
        head = " ".join(str(inner[key]) for key in ("title", "source") if inner.get(key))
        return [{"type": "text", "text": head}, *canonical_parts(inner["content"])]
    return [{"type": kind, kind: inner}]
