"""Content that people and tools write: canonical parts <-> native parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from lingate._dialects.gemini.casing import camelized
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.facts import PART_KINDS
from lingate._dialects.gemini.media import canonical_media, write_audio, write_file, write_image, write_video
from lingate._model import JsonDict

_PLAIN_KEYS = {
    "inlineData": frozenset({"mimeType", "data", "displayName"}),
    "fileData": frozenset({"mimeType", "fileUri", "displayName"}),
}

_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")

_Writer: TypeAlias = Callable[[JsonDict, str, Draft], JsonDict | None]


def content_parts(content: Any, where: str, draft: Draft) -> list[JsonDict]:
    """Canonical content (text, a list of parts, or nothing) as native parts. Empty text makes no part: it is refused.

    Raises:
        ConfigError: It is not content.
        UnsupportedError: A part has no counterpart here and `drop_params` is off.
    """
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"text": content}]
    if not isinstance(content, list):
        raise draft.broken(where, "must be text or a list of parts")
    made = (_part(part, f"{where}[{n}]", draft) for n, part in enumerate(content))
    return [part for part in made if part is not None]


def content_text(content: Any) -> str:
    """All text in canonical content."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part if isinstance(part, str) else _text_of(part) for part in content)
    return "".join(text for text in texts if isinstance(text, str))


def text_alone(parts: Any) -> str | None:
    """The text of parts that are one text, not empty, and nothing else."""
    if type(parts) is list and len(parts) == 1 and type(part := parts[0]) is dict and len(part) == 1:
        text = part.get("text")
        return text if type(text) is str and text else None
    return None


def canonical_content(parts: Iterable[JsonDict]) -> Any:
    """Native parts of a user as canonical content; plain text where they are one text."""
    made = [canonical_part(part) for part in parts]
    if len(made) == 1 and made[0].keys() == {"type", "text"}:
        return made[0]["text"]
    return made


def canonical_part(part: JsonDict) -> JsonDict:
    """One native part as a canonical one; what has no counterpart stays as it is."""
    if isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    return canonical_media(part) or dict(part)


def is_plain(part: JsonDict) -> bool:
    """Whether the canonical part gives back this very part."""
    if len(part) != 1:
        return False
    (kind,) = part
    if kind == "text":
        return isinstance(part["text"], str) and part["text"] != ""
    if kind not in _PLAIN_KEYS or not isinstance(part[kind], dict) or not part[kind].keys() <= _PLAIN_KEYS[kind]:
        return False
    return "displayName" not in part[kind] and bool(_MEDIA_TYPE.fullmatch(part[kind].get("mimeType") or ""))


def _text_of(part: Any) -> Any:
    return (part.get("text") or part.get("refusal")) if isinstance(part, dict) else None


def _part(part: Any, where: str, draft: Draft) -> JsonDict | None:
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    if not isinstance(part, dict):
        raise draft.broken(where, "must be an object with a type")
    if part.get("cache_control"):
        draft.note("cache_control")
    kind = part.get("type")
    write = _WRITERS.get(kind) if isinstance(kind, str) else None
    if write is not None:
        return write(part, where, draft)
    native = camelized(part)
    if kind is None and not PART_KINDS.isdisjoint(native):
        return dict(native)
    if not isinstance(kind, str):
        raise draft.broken(where, "must be an object with a type")
    draft.refuse(where, f"there is no part for {kind}")
    return None


def _text(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    text = part.get("text", part.get("refusal"))
    if not isinstance(text, str):
        raise draft.broken(f"{where}.text", "must be a string")
    return {"text": text} if text else None


_WRITERS: dict[str, _Writer] = {
    "text": _text,
    "refusal": _text,
    "image_url": write_image,
    "video_url": write_video,
    "input_audio": write_audio,
    "file": write_file,
}
