# Content that people and tools write: canonical parts <-> `input_text`, `input_image`, `input_file` and the like.

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lingate._dialects._check import expect
from lingate._dialects._dataurl import data_url, is_data_url
from lingate._dialects._draft import attached
from lingate._dialects._ignorable import ignorable_part
from lingate._dialects.openai_responses.draft import Draft
from lingate._dialects.openai_responses.facts import NAME
from lingate._model import JsonDict
from lingate._wire.shapes import not_null, without

_OWN_KEYS = frozenset({"type", "text", "refusal", "image_url", "file", "cache_control", "provider_specific_fields"})
_URLS = ("https://", "http://")


def input_content(content: Any, where: str, draft: Draft) -> Any:
    # Canonical content (text, a list of parts, or nothing) as text or a list of parts.
    if content is None or isinstance(content, str):
        return content or ""
    parts = [input_part(part, f"{where}[{n}]", draft) for n, part in enumerate(draft.parts(content, where))]
    return [part for part in parts if part is not None]


def input_part(part: Any, where: str, draft: Draft) -> JsonDict | None:
    # One canonical part; None for one that may be left out and cannot be said.
    # Parts of this very format are kept.
    if isinstance(part, str):
        return {"type": "input_text", "text": part}
    kind = draft.part(part, where)["type"]
    part = attached(part)
    if strange := ignorable_part(part, NAME):
        draft.refuse(where, f"there is no part for {strange}")
        return None
    if part.get("cache_control"):
        draft.note(f"{where}.cache_control")
    if kind == "video_url":
        draft.refuse(where, "there is no part for video")
        return None
    write = _WRITERS.get(kind)
    if write is None:
        return without(part, ("cache_control",))
    made = write(part, where, draft)
    made.update(not_null(part, _OWN_KEYS))
    return made


def canonical_content(content: Any, where: str) -> Any:
    # Text or parts of this format as canonical content.
    # Raises Malformed: it is neither.
    if isinstance(content, str):
        return content
    expect(content, list, where)
    return list(_canonical_parts(content, where))


def _canonical_parts(parts: list[Any], where: str) -> Iterable[JsonDict]:
    for n, part in enumerate(parts):
        expect(part, dict, f"{where}[{n}]")
        expect(part.get("type"), str, f"{where}[{n}].type")
        read = _READERS.get(part["type"])
        yield dict(part) if read is None else read(part, f"{where}[{n}]")


def _text(part: JsonDict, where: str, draft: Draft) -> JsonDict:
    return {"type": "input_text", "text": draft.said(part, where)}


def _image(part: JsonDict, where: str, draft: Draft) -> JsonDict:
    url, detail = draft.media_url(part, where, "a URL or a data URL")
    # `auto` is the API's default, and required by its types.
    return {"type": "input_image", "image_url": url, "detail": detail or "auto"}


def _file(part: JsonDict, where: str, draft: Draft) -> JsonDict:
    file = draft.file(part, where)
    given = {
        key: file[key] for key in ("file_id", "file_url", "file_data", "filename") if isinstance(file.get(key), str)
    }
    url = given.get("file_url") or next(
        (given[key] for key in ("file_data", "file_id") if given.get(key, "").startswith(_URLS)), None
    )
    if url:
        _without_name(given, where, draft)
        return {"type": "input_file", "file_url": url}
    data = given.get("file_data")
    if data:
        if not is_data_url(data):
            data = data_url(_media_type(file.get("format"), given.get("filename")), data)
        if data[5:11].lower() == "image/":
            return {"type": "input_image", "image_url": data, "detail": "auto"}
        # 400 "Missing required parameter: filename" where inline data has no name.
        return {"type": "input_file", "file_data": data, "filename": given.get("filename") or "file"}
    if given.get("file_id"):
        _without_name(given, where, draft)
        return {"type": "input_file", "file_id": given["file_id"]}
    raise draft.broken(f"{where}.file", "needs file_data, file_url or file_id")


def _without_name(file: JsonDict, where: str, draft: Draft) -> None:
    # A name belongs to inline data; beside a reference it is refused.
    if file.get("filename"):
        draft.note(f"{where}.file.filename")


def _media_type(declared: Any, name: str | None) -> str:
    if isinstance(declared, str) and "/" in declared:
        return declared
    return "text/plain" if name and name.lower().endswith((".txt", ".md", ".csv")) else "application/pdf"


_WRITERS = {"text": _text, "refusal": _text, "image_url": _image, "file": _file}


def _read_text(part: JsonDict, where: str) -> JsonDict:
    expect(part.get("text"), str, f"{where}.text")
    kept = without(part, ("type", "text", "annotations", "logprobs"))
    return {"type": "text", "text": part["text"], **kept}


def _read_image(part: JsonDict, where: str) -> JsonDict:
    url = part.get("image_url")
    if url is None:
        return dict(part)  # by id: only its own provider can look it up
    expect(url, str, f"{where}.image_url")
    image = {"url": url, **({"detail": part["detail"]} if part.get("detail") is not None else {})}
    kept = not_null(part, ("type", "image_url", "detail"))
    return {"type": "image_url", "image_url": image, **kept}


def _read_file(part: JsonDict, where: str) -> JsonDict:
    names = ("file_data", "file_id", "file_url", "filename")
    file = {key: part[key] for key in names if part.get(key) is not None}
    for key, value in file.items():
        expect(value, str, f"{where}.{key}")
    kept = not_null(part, (*names, "type"))
    return {"type": "file", "file": file, **kept}


_READERS = {
    "input_text": _read_text,
    "output_text": _read_text,
    "text": _read_text,
    "input_image": _read_image,
    "input_file": _read_file,
}
