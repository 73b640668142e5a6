# Content that people and tools write: canonical parts <-> Anthropic's user-side blocks, images and documents among them.

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lingate._dialects._dataurl import data_url, decoded, is_data_url
from lingate._dialects._ignorable import CACHE_MARK, ignorable_part
from lingate._dialects.anthropic.draft import Draft
from lingate._dialects.anthropic.facts import FILES_BETA, NAME
from lingate._model import JsonDict
from lingate._wire.shapes import as_list, as_str, not_null

_IMAGE_TYPES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
_PDF = "application/pdf"
_STORES = ("s3://", "gs://")
_NO_DOCUMENT = "documents are PDF or plain text, not {}"
_NOT_FETCHED = "what lies in a cloud's store is not fetched"


def image_block(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    # An `image_url` part as an image block, or as a document block where the data is one.
    url = draft.image_url(part, where, "a URL or a data URL")
    if url.startswith(_STORES):
        draft.refuse(where, _NOT_FETCHED)
        return None
    if not is_data_url(url):
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type, data = draft.data_url(url, where)
    return _inline(media_type or "image/png", data, None, where, draft)


def file_block(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    # A `file` part as a document block, or as an image block where the data is one.
    file = draft.file(part, where)
    data, name = file.get("file_data"), file.get("filename")
    name = name if isinstance(name, str) else None
    places = [place for place in (file.get("file_url"), data, file.get("file_id")) if isinstance(place, str)]
    if url := next((place for place in places if place.startswith(("https://", "http://"))), None):
        kind = as_str(file.get("format"))
        if kind.startswith("image/"):
            return {"type": "image", "source": {"type": "url", "url": url}}
        if kind.startswith(("video/", "audio/")):
            draft.refuse(where, _NO_DOCUMENT.format(kind))
            return None
        return _titled({"type": "document", "source": {"type": "url", "url": url}}, name)
    if any(place.startswith(_STORES) for place in places):
        draft.refuse(where, _NOT_FETCHED)
        return None
    if isinstance(data, str) and data:
        declared = file.get("format")
        media_type, encoded = draft.data_url(data, where) if is_data_url(data) else ("", data)
        return _inline(media_type or _guess(declared, name), encoded, name, where, draft)
    if isinstance(file.get("file_id"), str):
        draft.need(FILES_BETA)
        return _titled({"type": "document", "source": {"type": "file", "file_id": file["file_id"]}}, name)
    raise draft.broken(f"{where}.file", "needs file_data, file_url or file_id")


def media_part(block: JsonDict) -> JsonDict | None:
    # An image or document block as a canonical part; None where there is none that says the same.
    source = block["source"]
    kind = source.get("type")
    if block["type"] == "image":
        url = _source_url(source) if kind in ("base64", "url") else None
        return {"type": "image_url", "image_url": {"url": url}} if url else None
    if kind == "text":
        return {"type": "text", "text": source.get("data") or ""}
    file: JsonDict = {}
    if kind == "base64":
        file["file_data"] = _source_url(source)
    elif kind == "url":
        file["file_url"] = source.get("url")
    elif kind == "file":
        file["file_id"] = source.get("file_id")
    else:
        return None
    if isinstance(block.get("title"), str):
        file["filename"] = block["title"]
    return {"type": "file", "file": file}


def is_plain_media(block: JsonDict) -> bool:
    # Whether `media_part` says all that the block says, so that nothing else needs to be kept.
    source, kind = block["source"], block["source"].get("type")
    if block["type"] == "image":
        return set(block) <= {"type", "source", "cache_control"} and _is_plain_source(source)
    known = kind == "file" or (kind == "base64" and source.get("media_type") == _PDF) or kind == "url"
    return known and set(block) <= {"type", "source", "title", "cache_control"} and _is_plain_source(source, file=True)


def _is_plain_source(source: JsonDict, file: bool = False) -> bool:
    keys = {"base64": {"type", "media_type", "data"}, "url": {"type", "url"}, "file": {"type", "file_id"}}
    kind = source.get("type")
    return set(source) == keys.get(str(kind)) and (file or kind != "file")


def _source_url(source: JsonDict) -> str | None:
    if source.get("type") == "url":
        url = source.get("url")
        return url if isinstance(url, str) else None
    return data_url(source["media_type"], source["data"])


def _inline(media_type: str, data: str, name: str | None, where: str, draft: Draft) -> JsonDict | None:
    media_type = _IMAGE_TYPES.get(media_type, media_type)
    if media_type.startswith("image/"):
        return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
    if media_type == _PDF:
        source = {"type": "base64", "media_type": _PDF, "data": data}
        return _titled({"type": "document", "source": source}, name)
    if media_type.startswith("text/") or media_type in ("application/json", "application/xml"):
        text = _decoded_text(data, where, draft)
        return _titled({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}}, name)
    draft.refuse(where, _NO_DOCUMENT.format(media_type))
    return None


def _titled(block: JsonDict, name: str | None) -> JsonDict:
    return {**block, "title": name} if name else block


def _guess(declared: Any, name: str | None) -> str:
    if isinstance(declared, str) and "/" in declared:
        return declared
    return "text/plain" if name and name.lower().endswith((".txt", ".md", ".csv", ".json", ".xml")) else _PDF


def _decoded_text(data: str, where: str, draft: Draft) -> str:
    try:
        return decoded(data).decode("utf-8", "replace")
    except ValueError as error:
        raise draft.broken(where, str(error)) from None


_OWN_KEYS = {
    "type",
    "text",
    "image_url",
    "file",
    "refusal",
    "provider_specific_fields",
    "annotations",
    "detail",
    CACHE_MARK,
}


def content_blocks(content: Any, where: str, draft: Draft) -> list[JsonDict]:
    # Canonical content (text, a list of parts, or nothing) as blocks.
    # Blank text makes none: the API refuses it.
    if content is None or content == "":
        return []
    if isinstance(content, str):
        if not content.strip():
            draft.note(f"{where} (blank text)")
            return []
        return [{"type": "text", "text": content}]
    blocks = [_block(part, f"{where}[{n}]", draft) for n, part in enumerate(draft.parts(content, where))]
    return [block for block in blocks if block is not None]


def canonical_parts(blocks: Iterable[JsonDict]) -> list[JsonDict]:
    # User-side blocks as canonical parts.
    # What the canonical form has no part for becomes text or stays as it is.
    parts: list[JsonDict] = []
    for block in blocks:
        made = _LOWERED[block["type"]](block) if block["type"] in _LOWERED else [dict(block)]
        if made and "cache_control" in block:
            made[-1]["cache_control"] = block["cache_control"]
        parts.extend(made)
    return parts


def is_plain(block: JsonDict) -> bool:
    # Whether the canonical part says all that the block says.
    kind = block["type"]
    if kind == "text":
        return set(block) <= {"type", "text", "cache_control"}
    if kind in ("image", "document"):
        return is_plain_media(block)
    return kind not in _LOWERED


def _block(part: Any, where: str, draft: Draft) -> JsonDict | None:
    part = draft.part(part, where)
    write = _WRITERS.get(part["type"])
    if write is None:
        if strange := ignorable_part(part, NAME):
            draft.refuse(where, f"there is no block for {strange}")
            return None
        return dict(part)
    draft.note_marks(part, where)
    block = write(part, where, draft)
    if block is not None:
        block.update(not_null(part, _OWN_KEYS))
    return block


def _text(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    text = draft.said(part, where)
    if not text.strip():
        if text:
            draft.note(f"{where} (blank text)")
        return None
    return {"type": "text", "text": text}


def _no_audio(part: JsonDict, where: str, draft: Draft) -> None:
    draft.refuse(where, f"there is no block for {part['type']}")


_WRITERS = {
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
    return canonical_parts(as_list(content))


_LOWERED = {
    "text": _lower_text,
    "image": _lower_media,
    "document": _lower_media,
    "search_result": _lower_search_result,
    "tool_reference": _lower_tool_reference,
}
"""How blocks are said in the canonical form, where other formats understand it too."""
