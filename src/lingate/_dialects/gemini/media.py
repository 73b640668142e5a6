# Pictures, sound, documents: OpenAI's parts <-> `inlineData` and `fileData`; sound of an answer <-> OpenAI's `audio` object.

from __future__ import annotations

import base64
from typing import Any

from lingate._dialects._dataurl import data_url, decoded, is_data_url, standard
from lingate._dialects.gemini.casing import camelized
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.facts import MEDIA_TYPES
from lingate._model import JsonDict
from lingate._wire.shapes import as_str, dig

_VIDEO_SITES = ("youtube.com", "youtu.be")
_ADDRESSES = ("https://", "http://", "gs://")
_MEDIA_LEVELS = frozenset({"low", "medium", "high", "ultra_high"})
# OpenAI knows `mp3` and `wav` alone; these are what other things than its package call them (Python's `mimetypes`).
_SOUNDS = {"mpeg": "mp3", "x-wav": "wav"}


def write_image(part: JsonDict, where: str, draft: Draft) -> JsonDict:
    holder = part.get("image_url")
    holder = holder if isinstance(holder, dict) else {"url": holder}
    made = _located(holder, f"{where}.image_url.url", "image/jpeg", draft)
    detail = holder.get("detail")
    if isinstance(detail, str) and detail in _MEDIA_LEVELS and draft.newest:
        made["mediaResolution"] = {"level": f"MEDIA_RESOLUTION_{detail.upper()}"}
    elif detail not in (None, "auto"):
        draft.note(f"{where}.image_url.detail")
    return made


def write_video(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    holder = part.get("video_url")
    holder = holder if isinstance(holder, dict) else {"url": holder}
    return _with_video(_located(holder, f"{where}.video_url.url", "video/mp4", draft), holder)


def write_audio(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    audio = part.get("input_audio")
    data = dig(audio, "data")
    if not isinstance(audio, dict) or not isinstance(data, str) or not data:
        raise draft.broken(f"{where}.input_audio", "must be an object with data and format")
    if is_data_url(data):
        return _located({"url": data}, f"{where}.input_audio.data", "audio/wav", draft)
    kind = audio.get("format")
    kind = kind.lower() if isinstance(kind, str) and kind else "wav"
    return {"inlineData": {"mimeType": kind if "/" in kind else f"audio/{kind}", "data": data}}


def write_file(part: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    # A `file` part: data, an address, or the id of an uploaded file.
    file = draft.file(part, where)
    name, data = file.get("filename"), file.get("file_data")
    if name:
        draft.note(f"{where}.file.filename")
    guess = _guess(name) or "application/pdf"
    places = (file.get("file_url"), data, file.get("file_id"))
    given: str | None = next((place for place in places if isinstance(place, str) and place), None)
    if given is None:
        raise draft.broken(f"{where}.file", "needs file_data, file_url or file_id")
    if given == data and not given.startswith(_ADDRESSES) and not is_data_url(given):
        made = {"inlineData": {"mimeType": _declared(file) or guess, "data": given}}
    else:
        made = _located({**file, "url": _uploaded(given, draft)}, f"{where}.file", guess, draft)
    return _with_video(made, file)


def canonical_media(part: JsonDict) -> JsonDict | None:
    # A native media part as a canonical one; None where there is none.
    blob: JsonDict | None = part.get("inlineData")
    link: JsonDict | None = part.get("fileData")
    if blob is not None:
        kind, data = media_type(blob), standard(blob["data"])
        family, _, sort = kind.partition("/")
        sort = _SOUNDS.get(sort, sort)
        if family == "image":
            return {"type": "image_url", "image_url": {"url": data_url(kind, data)}}
        if family == "audio" and sort.isalnum():
            return {"type": "input_audio", "input_audio": {"data": data, "format": sort}}
        file: JsonDict = {"file_data": data_url(kind, data)}
    elif link is not None:
        kind = media_type(link)
        if kind.startswith("image/"):
            return {"type": "image_url", "image_url": {"url": link["fileUri"], "format": kind}}
        file = {"file_id": link["fileUri"]}
        if kind:
            file["format"] = kind
    else:
        return None
    name = (blob or link or {}).get("displayName")
    if name:
        file["filename"] = name
    return {"type": "file", "file": file}


def media_type(holder: JsonDict) -> str:
    # The media type of a blob or a link; empty if it names none.
    return holder.get("mimeType") or ""


def _located(holder: JsonDict, where: str, fallback: str, draft: Draft) -> JsonDict:
    # Data of a data URL, or the address itself: Google fetches it.
    url = holder.get("url")
    if not isinstance(url, str) or not url:
        raise draft.broken(where, "must be a URL or a data URL")
    declared = _declared(holder)
    if is_data_url(url):
        kind, data = draft.data_url(url, where)
        return {"inlineData": {"mimeType": kind or declared or fallback, "data": data}}
    if not declared and any(site in url[:40] for site in _VIDEO_SITES):
        declared = "video/mp4"
    return {"fileData": {"mimeType": declared or _guess(url) or fallback, "fileUri": url}}


def _declared(holder: JsonDict) -> str | None:
    found = holder.get("format") or holder.get("mime_type")
    return found if isinstance(found, str) and "/" in found else None


def _guess(name: Any) -> str | None:
    # The media type that a name or the path of an address tells.
    if not isinstance(name, str):
        return None
    path = name.partition("?")[0].partition("#")[0]
    return MEDIA_TYPES.get(path.rpartition("/")[2].rpartition(".")[2].lower()) if "." in path else None


def _uploaded(given: str, draft: Draft) -> str:
    # The address of an uploaded file, which its id alone is not.
    return f"{draft.target.url.partition('?')[0]}/{given}" if given.startswith("files/") else given


def _with_video(part: JsonDict, holder: JsonDict) -> JsonDict:
    cut = holder.get("video_metadata")
    return {**part, "videoMetadata": camelized(cut)} if isinstance(cut, dict) else part


_PCM = "audio/L16;codec=pcm;rate=24000"


class SoundJoiner:
    # Cuts pieces of base64 so that they can be put one behind the other: padding may only stand at the very end.

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: str) -> str:
        # The next piece, in whole groups of three bytes.
        # Raises ValueError: it is not base64.
        data = self._rest + decoded(piece)
        cut = len(data) - len(data) % 3
        self._rest = data[cut:]
        return base64.b64encode(data[:cut]).decode()

    def finish(self) -> str:
        rest, self._rest = self._rest, b""
        return base64.b64encode(rest).decode()


def canonical_audio(pieces: list[tuple[str, str]]) -> JsonDict:
    # Pieces of sound as one `audio` object.
    if len(pieces) == 1:
        return {"data": pieces[0][1], "format": audio_format(pieces[0][0])}
    joiner = SoundJoiner()
    try:
        data = "".join([joiner.feed(data) for _, data in pieces] + [joiner.finish()])
    except ValueError:
        data = "".join(data for _, data in pieces)
    return {"data": data, "format": audio_format(pieces[0][0])}


def audio_format(kind: str) -> str:
    # OpenAI's word for a media type of sound.
    family = kind.partition(";")[0].strip().lower()
    return "pcm16" if family in ("audio/l16", "audio/pcm") else family.removeprefix("audio/")


def native_sound(audio: Any) -> JsonDict | None:
    # An `audio` object as a part; None if it holds no sound.
    data = dig(audio, "data")
    if not isinstance(data, str) or not data:
        return None
    kind = as_str(audio.get("format")) or "pcm16"
    return {"inlineData": {"mimeType": _PCM if kind == "pcm16" else f"audio/{kind}", "data": data}}
