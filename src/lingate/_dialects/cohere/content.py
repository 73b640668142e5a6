# Content that people and tools write: canonical parts <-> Cohere's.

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._dialects._draft import Draft
from lingate._dialects._ignorable import CACHE_MARK, ignorable_part
from lingate._model import JsonDict
from lingate._wire.json import encode_str
from lingate._wire.shapes import not_null

_NO_PLACE = frozenset({"input_audio", "file", "video_url"})
_NOT_SENT = frozenset({"cache_control", "provider_specific_fields", CACHE_MARK})


def wire_content(content: Any, where: str, draft: Draft, images: bool = False) -> Any:
    # Canonical content as text or a list of parts, whichever it is; `images` says whether they are taken here.
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    parts = [_part(part, f"{where}[{n}]", draft, images) for n, part in enumerate(draft.parts(content, where))]
    return [part for part in parts if part is not None]


def is_blank(content: Any) -> bool:
    if isinstance(content, str):
        return not content.strip()
    return all(part.get("type") == "text" and not str(part.get("text")).strip() for part in content)


def check_content(content: Any, where: str) -> None:
    # Check text or a list of parts as Cohere sends and takes them.
    # Unknown parts are nobody's fault.
    # Raises Malformed: it cannot be read.
    if isinstance(content, str):
        return
    expect(content, list, where)
    for n, part in enumerate(content):
        place = f"{where}[{n}]"
        expect(part, dict, place)
        kind = part.get("type")
        expect(kind, str, f"{place}.type")
        if kind in ("text", "thinking"):
            expect(part.get(kind), str, f"{place}.{kind}")
        elif kind == "image_url":
            image = part.get("image_url")
            if not isinstance(image, dict) or not isinstance(image.get("url"), str):
                raise Malformed(f"{place}.image_url.url", "must be a string")
        elif kind == "document":
            expect(part.get("document"), dict, f"{place}.document")


def canonical_content(content: Any) -> Any:
    # Checked content as canonical: documents become text, since nothing else has a part for them.
    if isinstance(content, str):
        return content
    return [_lowered(part) if part["type"] == "document" else dict(part) for part in content]


def _part(part: Any, where: str, draft: Draft, images: bool) -> JsonDict | None:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    part = draft.part(part, where)
    for mark in ("cache_control", CACHE_MARK):
        if part.get(mark):
            draft.note(mark)
    kind = part["type"]
    rest = not_null(part, _NOT_SENT)
    if kind in ("text", "refusal"):
        text = part.get(kind)
        if not isinstance(text, str):
            raise draft.broken(f"{where}.{kind}", "must be a string")
        return {**rest, "type": "text", "text": text} if kind == "text" else {"type": "text", "text": text}
    if kind == "image_url":
        return _image(rest, where, draft, images)
    if kind in _NO_PLACE or ignorable_part(part):
        draft.refuse(where, f"there is no part for {kind}")
        return None
    return rest


def _image(part: JsonDict, where: str, draft: Draft, images: bool) -> JsonDict | None:
    holder = part.get("image_url")
    holder = {"url": holder} if isinstance(holder, str) else holder
    if not isinstance(holder, dict) or not isinstance(holder.get("url"), str) or not holder["url"]:
        raise draft.broken(f"{where}.image_url.url", "must be a URL or a data URL")
    if not images:
        draft.refuse(where, "images stand in messages of the user only")
        return None
    draft.note_others(holder, ("url", "detail"), f"{where}.image_url")
    return {**part, "image_url": {name: holder[name] for name in ("url", "detail") if holder.get(name) is not None}}


def _lowered(part: JsonDict) -> JsonDict:
    data = part["document"].get("data", part["document"])
    return {"type": "text", "text": data if isinstance(data, str) else encode_str(data)}
