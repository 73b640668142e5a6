# Calls beside chat: how each is made from a method's arguments, what its answer looks like, and files read. Loaded when one is
# made.

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISREG
from typing import Any

from lingate._dialects._dataurl import decoded, is_data_url, split_data_url
from lingate._dialects.openai_chat.images import FILES
from lingate._endpoints import chat, media, retrieval
from lingate._io.calls import Kind
from lingate._model import Call
from lingate._views_media import (
    CompletionResponse,
    ImageResponse,
    ModerationResponse,
    RerankResponse,
    SpeechResponse,
    TokenCount,
    TranscriptionResponse,
)
from lingate._wire.media import OCTETS, TYPES, extension_of, type_of
from lingate._wire.multipart import Upload
from lingate.errors import ConfigError

# Files that users hand over, read: paths, open files, bytes.

MAX_BYTES = 512 * 1024 * 1024
"""Providers take 25 to 1024 MB; a request is held in memory as a whole, so what is much larger is a mistake."""


def load(value: Any, where: str) -> Upload:
    # Read what a user gave as a file.
    # value: A path, an open file, bytes, a `data:` URL, or a tuple of a name and one of these (and, as a third, the
    # media type).
    # Raises ConfigError: There is nothing to read there, it is empty or too large, or it is none of these.
    name = kind = None
    if isinstance(value, tuple):
        name, value, kind = _tuple(value, where)
    if isinstance(value, Upload):
        found = value
    elif isinstance(value, (bytes, bytearray, memoryview)):
        found = Upload("", bytes(value))
    elif isinstance(value, str) and is_data_url(value):
        found = _data_url(value, where)
    elif isinstance(value, (str, os.PathLike)):
        found = _path(value, where)
    elif callable(getattr(value, "read", None)):
        found = _open_file(value, where)
    else:
        raise ConfigError(
            f"{where} must be a path, an open file or bytes, not {type(value).__name__}",
            hint="a tuple (name, content) gives bytes a name",
        )
    if not found.data:
        raise ConfigError(f"{where} is empty: {found.name or 'there are no bytes'}")
    if len(found.data) > MAX_BYTES:
        raise _too_large(where, len(found.data))
    return _named(found, where, name, kind)


def _named(found: Upload, where: str, name: str | None, kind: str | None) -> Upload:
    # The file under the name it was given, or one that fits: providers tell the kind of a file by its name.
    said = kind or (found.content_type if found.content_type != OCTETS else None)
    end = extension_of(found.data) or next((end for end, known in TYPES.items() if known == said), None)
    stem = where.partition("[")[0]
    name = name or found.name or (f"{stem}.{end}" if end else stem)
    return Upload(name, found.data, said or type_of(name) or TYPES.get(end or "", OCTETS))


def _tuple(value: tuple[Any, ...], where: str) -> tuple[str | None, Any, str | None]:
    name, content, kind, *_ = (*value, None, None, None)
    if not 2 <= len(value) <= 4 or not isinstance(name, str | None) or not isinstance(kind, str | None):
        raise ConfigError(f"{where} must be (name, content) or (name, content, media type) if it is a tuple")
    return name, content, kind


def _data_url(url: str, where: str) -> Upload:
    try:
        kind, data = split_data_url(url)
        return Upload("", decoded(data), kind or OCTETS)
    except ValueError as error:
        raise ConfigError(f"{where} is a data URL that cannot be read: {error}") from None


def _path(path: str | os.PathLike[str], where: str) -> Upload:
    shown = os.fsdecode(path)
    if shown[:8].lower().startswith(("http://", "https://")):
        raise ConfigError(f"{where} is a URL: nothing is fetched here, give the bytes or a file")
    try:
        with open(path, "rb") as file:
            facts = os.fstat(file.fileno())
            if S_ISREG(facts.st_mode) and facts.st_size > MAX_BYTES:
                raise _too_large(where, facts.st_size)
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{where}: there is no file {shown!r:.200}") from None
    except (OSError, ValueError) as error:
        if _is_directory(path):  # what the error says is not the same on Windows
            raise ConfigError(f"{where}: {shown!r:.200} is a directory") from None
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{where}: {shown!r:.200} cannot be read: {why}") from None
    return Upload(os.path.basename(shown), data)


def _is_directory(path: Any) -> bool:
    try:
        return S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _open_file(file: Any, where: str) -> Upload:
    try:
        data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{where} cannot be read: {error}") from None
    if isinstance(data, str):
        raise ConfigError(f"{where} is open in text mode: open it with 'rb'")
    if not isinstance(data, (bytes, bytearray, memoryview)):
        if callable(getattr(data, "close", None)):
            data.close()  # an awaitable that nobody will await
        raise ConfigError(f"{where}.read() gives a {type(data).__name__}, not bytes")
    if not data:
        raise ConfigError(
            f"{where} has nothing left to read: it is empty, or was read before", hint="seek(0) rewinds it"
        )
    name = getattr(file, "name", None)
    return Upload(os.path.basename(name) if isinstance(name, str) else "", bytes(data))


def _too_large(where: str, size: int) -> ConfigError:
    return ConfigError(f"{where} has {size} bytes, more than the {MAX_BYTES} that are sent in one request")


def _with_images(model: str, prompt: Any, params: dict[str, Any], **extras: Any) -> Call:
    loaded = {name: _files(params[name], name) for name in FILES if params.get(name) is not None}
    return media.prepare_images(model, prompt, {**params, **loaded}, **extras)


def _files(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [load(item, f"{name}[{index}]") for index, item in enumerate(value)]
    return load(value, name)


def _with_sound(model: str, file: Any, params: dict[str, Any], **extras: Any) -> Call:
    return media.prepare_transcription(model, load(file, "file"), params, **extras)


COMPLETIONS = Kind(media.prepare_completion, CompletionResponse, streams=True)
COUNT_TOKENS = Kind(chat.prepare_count, TokenCount)
IMAGES = Kind(_with_images, ImageResponse, files=True)
MODERATIONS = Kind(media.prepare_moderation, ModerationResponse)
RERANK = Kind(retrieval.prepare_rerank, RerankResponse)
SPEECH = Kind(media.prepare_speech, SpeechResponse)
TRANSCRIPTION = Kind(_with_sound, TranscriptionResponse, files=True)
