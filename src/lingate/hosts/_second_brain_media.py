"""Attachments of a Second Brain request as content of the last user message.

The host has chosen what this model reads; what is left to do here is reading the bytes through its SDK and writing them
in OpenAI's form. What cannot be read becomes a few words with the text that the host found in it.
"""

from __future__ import annotations

import base64
import io
import mimetypes
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

_EDGE = 2048
_QUALITY = 80
_MOST_IMAGE_BYTES = 3_500_000  # base64 adds a third, and 5 MB is the least that a large provider takes
_IMAGES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF"}


def with_attachments(sdk: Any, messages: Sequence[Any], attachments: Sequence[Mapping[str, Any]] | None) -> list[Any]:
    """The messages with the attachments in the last one of the user's; nothing given is changed.

    An attachment of the host's has `path`, `file_name`, `modality`, `extension` and `parsed_text`.
    """
    if not attachments:
        return list(messages)
    blocks: list[dict[str, Any]] = []
    names: list[str] = []
    notes: list[str] = []
    for item in attachments:
        block = _tried(sdk, item)
        if block is None:
            notes.append(_pointer(item))
        else:
            blocks.append(block)
            names.append(f"<{str(item.get('modality', 'file')).title()} {len(names) + 1}: {_name(item)}>")
    if names:
        notes.insert(0, "\n".join(["The following attachments are provided:", *names]))
    return _added(messages, "\n\n".join(notes), blocks)


def _added(messages: Sequence[Any], note: str, blocks: list[dict[str, Any]]) -> list[Any]:
    out = list(messages)
    for index in range(len(out) - 1, -1, -1):
        if out[index].get("role") == "user":
            content = out[index].get("content") or ""
            if isinstance(content, str):
                parts = [{"type": "text", "text": f"{content}\n\n{note}".strip()}]
            else:
                parts = [*content, {"type": "text", "text": note}]
            out[index] = {**out[index], "content": [*parts, *blocks]}
            return out
    return [*out, {"role": "user", "content": [{"type": "text", "text": note}, *blocks]}]


def _tried(sdk: Any, item: Mapping[str, Any]) -> dict[str, Any] | None:
    """The content block, None where the file cannot be read or sent."""
    write = {"image": _image, "audio": _audio, "video": _video}.get(str(item.get("modality")))
    if write is None:
        return None
    try:
        return write(_read(sdk, str(item.get("path") or "")), item)
    except Exception as error:
        # One unreadable file costs its own block, not the user's question. `Terminated` is a BaseException.
        sdk.log(f"{_name(item)} cannot be attached: {type(error).__name__}: {error}", level="warning")
        return None


def _read(sdk: Any, path: str) -> bytes:
    try:
        data: bytes = sdk.fs.read_bytes(path)
    except Exception:
        # Too large for one message of the sandbox, or not readable at all, which the second way says as well.
        return b"".join(sdk.fs.iter_bytes(path))
    return data


def _image(data: bytes, item: Mapping[str, Any]) -> dict[str, Any] | None:
    mime = next((mime for mime, magic in _IMAGES.items() if data.startswith(magic)), None)
    if mime is None or len(data) > _MOST_IMAGE_BYTES or _largest_edge(data) > _EDGE:
        mime, data = "image/jpeg", _shrunk(data)
    return {"type": "image_url", "image_url": {"url": _data_url(mime, data)}}


def _largest_edge(data: bytes) -> int:
    """Pixels of the longer side, as far as that can be told without decoding; 0 where Pillow is not installed."""
    try:
        pillow = import_module("PIL.Image")
    except ModuleNotFoundError:
        return 0
    with pillow.open(io.BytesIO(data)) as image:
        return int(max(image.size))


def _shrunk(data: bytes) -> bytes:
    """The image as a JPEG that providers take. Without Pillow this fails, and the attachment becomes a pointer."""
    pillow, operations = import_module("PIL.Image"), import_module("PIL.ImageOps")
    out = io.BytesIO()
    with pillow.open(io.BytesIO(data)) as image:
        # A JPEG says in its metadata which way is up, and the copy has none.
        small = operations.exif_transpose(image).convert("RGB")
        small.thumbnail((_EDGE, _EDGE))
        small.save(out, format="JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue()


def _audio(data: bytes, item: Mapping[str, Any]) -> dict[str, Any] | None:
    if not _mime(item).startswith("audio/"):
        return None
    return {"type": "input_audio", "input_audio": {"data": _base64(data), "format": _extension(item)}}


def _video(data: bytes, item: Mapping[str, Any]) -> dict[str, Any] | None:
    mime = _mime(item)
    if not mime.startswith("video/"):
        return None
    return {"type": "video_url", "video_url": {"url": _data_url(mime, data)}}


def _mime(item: Mapping[str, Any]) -> str:
    return mimetypes.guess_type(f"file.{_extension(item)}")[0] or ""


def _extension(item: Mapping[str, Any]) -> str:
    path = str(item.get("path") or "")
    known = str(item.get("extension") or "") or (path.rpartition(".")[2] if "." in path else "")
    return known.lstrip(".").lower()


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("file_name") or "attachment")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{_base64(data)}"


def _pointer(item: Mapping[str, Any]) -> str:
    """Words in place of a file that could not be sent."""
    parsed = str(item.get("parsed_text") or "").strip()
    if parsed:
        return (
            f"The user attached a {item.get('modality') or 'file'} file ({_name(item)}). Its content as text:\n{parsed}"
        )
    return f"The user attached a file: {_name(item)}. It is stored at {item.get('path') or 'an unknown place'}."
