# Content that people and tools write: canonical parts <-> native parts, and what tools answer <-> function responses.

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lingate._dialects._draft import attached
from lingate._dialects._turns import kept
from lingate._dialects.gemini.casing import camelized
from lingate._dialects.gemini.checks import check_parts
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.facts import NAME, PART_KINDS
from lingate._dialects.gemini.media import canonical_media, write_audio, write_file, write_image, write_video
from lingate._model import JsonDict
from lingate._wire.json import decode, encode_str
from lingate._wire.shapes import as_dicts

_PLAIN_KEYS = {
    "inlineData": frozenset({"mimeType", "data", "displayName"}),
    "fileData": frozenset({"mimeType", "fileUri", "displayName"}),
}

_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")


def content_parts(content: Any, where: str, draft: Draft) -> list[JsonDict]:
    # Canonical content (text, a list of parts, or nothing) as native parts.
    # Empty text makes no part: it is refused.
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"text": content}]
    made = (_part(part, f"{where}[{n}]", draft) for n, part in enumerate(draft.parts(content, where)))
    return [part for part in made if part is not None]


def kept_parts(message: JsonDict) -> list[JsonDict] | None:
    # The parts of this format that a canonical message carries beside its own content.
    return kept(message, NAME, "parts", check_parts)


def text_alone(parts: Any) -> str | None:
    # The text of parts that are one text, not empty, and nothing else.
    if type(parts) is list and len(parts) == 1 and type(part := parts[0]) is dict and len(part) == 1:
        text = part.get("text")
        return text if type(text) is str and text else None
    return None


def canonical_content(parts: Iterable[JsonDict]) -> Any:
    # Native parts of a user as canonical content; plain text where they are one text.
    made = list(map(canonical_part, parts))
    if len(made) == 1 and made[0].keys() == {"type", "text"}:
        return made[0]["text"]
    return made


def canonical_part(part: JsonDict) -> JsonDict:
    # One native part as a canonical one; what has no counterpart stays as it is.
    if isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    made = canonical_media(part)
    if made is not None:
        return made
    kind = next(iter(part), "")
    return dict(part) if part.get(kind) is None else {"type": kind, **part}


def is_plain(part: JsonDict) -> bool:
    # Whether the canonical part gives back this very part.
    if len(part) != 1:
        return False
    (kind,) = part
    if kind == "text":
        return isinstance(part["text"], str) and part["text"] != ""
    if kind not in _PLAIN_KEYS or not isinstance(part[kind], dict) or not part[kind].keys() <= _PLAIN_KEYS[kind]:
        return False
    return "displayName" not in part[kind] and bool(_MEDIA_TYPE.fullmatch(part[kind].get("mimeType") or ""))


def _part(part: Any, where: str, draft: Draft) -> JsonDict | None:
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    if not isinstance(part, dict):
        raise draft.broken(where, "must be an object with a type")
    part = attached(part)
    if part.get("cache_control"):
        draft.note("cache_control")
    draft.note_marks(part, where)
    kind = part.get("type")
    write = _WRITERS.get(kind) if isinstance(kind, str) else None
    if write is not None:
        return write(part, where, draft)
    native = {name: value for name, value in camelized(part).items() if value is not None and name != "type"}
    if (kind is None or (isinstance(kind, str) and kind in native)) and not PART_KINDS.isdisjoint(native):
        if not isinstance(native.get("text", ""), str):
            raise draft.broken(f"{where}.text", "must be a string")
        return native
    if not isinstance(kind, str):
        raise draft.broken(where, "must be an object with a type")
    draft.refuse(where, f"there is no part for {kind}")
    return None


def _text(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    text = draft.said(part, where)
    return {"text": text} if text else None


_WRITERS = {
    "text": _text,
    "refusal": _text,
    "image_url": write_image,
    "video_url": write_video,
    "input_audio": write_audio,
    "file": write_file,
}


def result_object(text: str, failed: Any = None) -> JsonDict:
    # A tool's text as the object the format wants: a JSON object as it is, anything else under a name.
    value = _container(text)
    if failed is True:
        return value if isinstance(value, dict) and "error" in value else {"error": text if value is None else value}
    return value if isinstance(value, dict) else {"result": text if value is None else value}


def result_content(response: JsonDict) -> Any:
    text = _result_text(response.get("response") or {})
    media = list(map(canonical_part, as_dicts(response.get("parts"))))
    return [{"type": "text", "text": text}, *media] if media else text


def is_plain_result(response: JsonDict, content: Any) -> bool:
    # Whether a canonical tool message with this content gives back this very function response.
    if not response.keys() <= {"id", "name", "response"} or not isinstance(response.get("response"), dict):
        return False
    if content is response["response"].get("result"):
        return True  # it was unwrapped as it is, which is done only where it will be wrapped again
    return bool(result_object(content) == response["response"])


def _result_text(value: JsonDict) -> str:
    # The text that a result stands for; only what would be wrapped again is unwrapped.
    if value.keys() == {"result"}:
        inner = value["result"]
        if isinstance(inner, str) and inner and _container(inner) is None:
            return inner
        if isinstance(inner, list):
            return encode_str(inner)
    return encode_str(value)


def _container(text: str) -> Any:
    # The JSON object or list that a text is; None if it is neither.
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = decode(text)
    except ValueError:
        return None
    return value if isinstance(value, (dict, list)) else None
