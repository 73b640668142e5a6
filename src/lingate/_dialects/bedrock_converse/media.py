# Images, documents, sound and film: OpenAI's data URLs and file objects <-> Converse's `format` and `source`.

from __future__ import annotations

import re
from typing import Any

from lingate._dialects._dataurl import data_url, is_data_url
from lingate._dialects.bedrock_converse.draft import Draft
from lingate._dialects.bedrock_converse.facts import DOCUMENTS, IMAGES, MAX_DOCUMENT_NAME, SOUNDS, VIDEOS
from lingate._model import JsonDict
from lingate._wire.shapes import as_str, dig

_KINDS = (
    ("image", IMAGES),
    ("document", DOCUMENTS),
    ("video", VIDEOS),
    ("audio", SOUNDS),
)
_MEDIA_TYPES = {
    kind: {word: media_type for media_type, word in reversed(list(table.items()))} for kind, table in _KINDS
}
_ENDINGS = {
    "jpg": "jpeg",
    "htm": "html",
    "markdown": "md",
    "3gp": "three_gp",
    "text": "txt",
    "json": "txt",
    "xml": "txt",
}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9\s\-()\[\]_]+")
_UNNAMED = "document"
_ADDRESSES = ("https://", "http://", "s3://")
_FORMS = "a data URL or an s3:// address"


def image_block(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    # An `image_url` part as a block of whatever the data is.
    url = draft.image_url(part, where, _FORMS)
    return _from_url(url, "image", "image/png", None, where, draft)


def video_block(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    url, _ = draft.media_url(part, where, _FORMS, "video_url")
    return _from_url(url, "video", "video/mp4", None, where, draft)


def audio_block(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    data = dig(part, "input_audio", "data")
    if not isinstance(data, str) or not data:
        raise draft.broken(f"{where}.input_audio.data", "must be base64 text")
    return _block("audio", str(part["input_audio"].get("format") or "wav"), {"bytes": data})


def file_block(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    # A `file` part as a document, or as a block of whatever the data is.
    file = draft.file(part, where)
    given = file.get("filename")
    name = as_str(given) or None
    data, url = file.get("file_data"), file.get("file_url") or file.get("file_id")
    if isinstance(data, str) and data:
        declared = _declared(file.get("format"), name)
        if is_data_url(data):
            return _from_url(data, "document", declared, name, where, draft)
        if not data.startswith(_ADDRESSES):
            return _inline(declared, data, name, where, draft)
        url = data
    if not isinstance(url, str) or not url:
        raise draft.broken(f"{where}.file", "needs file_data or an s3:// address")
    return _from_url(url, "document", None, name, where, draft)


def media_part(block: JsonDict, kind: str) -> JsonDict | None:
    # A block as a canonical part; None where there is none that says the same.
    inner: JsonDict = block[kind]
    source, word = inner["source"], inner.get("format")
    if kind == "document" and isinstance(source.get("text"), str):
        return {"type": "text", "text": source["text"]}
    media_type = _media_type(kind, word)
    data, place = source.get("bytes"), source.get("s3Location")
    if isinstance(data, str):
        url = data_url(media_type, data)
    elif isinstance(place, dict):
        url = str(place["uri"])
    else:
        return None
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    if kind == "video":
        return {"type": "video_url", "video_url": {"url": url}}
    if kind == "audio":
        return {"type": "input_audio", "input_audio": {"data": data, "format": word}} if isinstance(data, str) else None
    file: JsonDict = {"file_data" if isinstance(data, str) else "file_url": url}
    if inner.get("name"):
        file["filename"] = f"{inner['name']}.{word}" if word else inner["name"]
    return {"type": "file", "file": file}


def is_plain_media(block: JsonDict, kind: str) -> bool:
    # Whether `media_part` says all that the block says, so that nothing else needs to be kept.
    inner: JsonDict = block[kind]
    source, word = inner["source"], inner.get("format")
    known = set(block) == {kind} and set(source) == {"bytes"} and word in _MEDIA_TYPES[kind]
    if kind == "audio":
        known = set(block) == {kind} and set(source) == {"bytes"} and isinstance(word, str)
    if kind != "document":
        return known and set(inner) == {"format", "source"}
    name = inner.get("name")
    return (
        known and set(inner) == {"format", "name", "source"} and isinstance(name, str) and document_name(name) == name
    )


def document_name(given: str) -> str:
    # A name in the letters the API takes.
    words = " ".join(_NOT_IN_NAMES.sub("-", given).split())
    return words[:MAX_DOCUMENT_NAME].strip() or _UNNAMED


def _from_url(url: str, kind: str, default: str | None, name: str | None, where: str, draft: Draft) -> JsonDict | None:
    if is_data_url(url):
        media_type, data = draft.data_url(url, where)
        return _inline(media_type or default or "", data, name, where, draft)
    if url.startswith("s3://"):
        return _stored(url, kind, name)
    draft.refuse(where, "media travel inside the request or lie at an s3:// address; nothing is downloaded")
    return None


def _inline(media_type: str, data: str, name: str | None, where: str, draft: Draft) -> JsonDict | None:
    if not data:
        raise draft.broken(where, "holds no data")
    for kind, table in _KINDS:
        if media_type in table:
            return _block(kind, table[media_type], {"bytes": data}, name)
    if media_type.startswith("text/"):
        return _block("document", "txt", {"bytes": data}, name)
    draft.refuse(where, f"there is no block for {media_type or 'data of unknown type'}")
    return None


def _stored(url: str, kind: str, name: str | None) -> JsonDict:
    ending = url.rpartition("/")[2].rpartition(".")[2].lower()
    word = _ENDINGS.get(ending, ending)
    kind = next((found for found, words in _MEDIA_TYPES.items() if word in words), kind)
    default = next(iter(dict(_KINDS)[kind].values()))
    source = {"s3Location": {"uri": url}}
    return _block(kind, word if word in _MEDIA_TYPES[kind] else default, source, name or url.rpartition("/")[2])


def _block(kind: str, word: str, source: JsonDict, name: str | None = None) -> JsonDict:
    inner: JsonDict = {"format": word, "source": source}
    if kind == "document":
        stem, dot, ending = (name or _UNNAMED).rpartition(".")
        same = dot and stem and _ENDINGS.get(ending.lower(), ending.lower()) == word
        inner = {"format": word, "name": document_name(stem if same else name or _UNNAMED), "source": source}
    return {kind: inner}


def _declared(media_type: Any, name: str | None) -> str:
    # The media type of a file that comes without one: by its name, else it is taken for a PDF.
    if isinstance(media_type, str) and "/" in media_type:
        return media_type.lower()
    ending = (name or "").rpartition(".")[2].lower()
    word = _ENDINGS.get(ending, ending)
    return next((words[word] for words in _MEDIA_TYPES.values() if word in words), "application/pdf")


def _media_type(kind: str, word: Any) -> str:
    if isinstance(word, str) and "/" in word:
        return word
    return _MEDIA_TYPES[kind].get(str(word), "application/octet-stream")
