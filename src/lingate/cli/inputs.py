# What the user gives besides options: the prompt, piped text, images, files, a schema, the name of a model.

from __future__ import annotations

import mimetypes
import os
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from lingate._model import JsonDict
from lingate._wire.json import decode
from lingate.cli import saved_model
from lingate.errors import ConfigError

MODEL_VARIABLE = "LINGATE_MODEL"
CONFIG_VARIABLE = "LINGATE_CONFIG"

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
)


def piped_text() -> str:
    # What was piped or redirected into the command; empty for a terminal.
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise ConfigError(
            "standard input is not UTF-8 text", hint="give images and files with --image and --file"
        ) from None


def whole_prompt(given: str | None, piped: str) -> str | None:
    # The prompt: what was given, and what was piped below it. None if there is neither.
    parts = [part for part in (given, piped.strip("\n")) if part and part.strip()]
    return "\n\n".join(parts) or None


def content(text: str, parts: Sequence[JsonDict]) -> str | list[JsonDict]:
    # The content of a user's message: media first, as models read them best before the question.
    return [*parts, {"type": "text", "text": text}] if parts else text


def image_part(value: str) -> JsonDict:
    if value.startswith(("http://", "https://", "data:")):
        return {"type": "image_url", "image_url": {"url": value}}
    path, data = _read(value)
    mime = _mime(path, data)
    if not mime.startswith("image/"):
        raise ConfigError(f"{path} is not an image (it looks like {mime})", hint="use --file for documents")
    return {"type": "image_url", "image_url": {"url": _data_url(mime, data)}}


def file_part(value: str) -> JsonDict:
    path, data = _read(value)
    return {"type": "file", "file": {"filename": path.name, "file_data": _data_url(_mime(path, data), data)}}


def schema(value: str) -> JsonDict:
    # A JSON schema, written out or in a file.
    inline = value.lstrip().startswith("{")
    source = "--schema" if inline else value
    try:
        found = decode(value if inline else _read(value)[1])
    except ValueError as error:
        raise ConfigError(f"{source} is {error}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{source} must hold a JSON object, not {type(found).__name__}")
    return found


def model_name(given: str | None, configured: str | None) -> str:
    # The model to ask: what was given, else LINGATE_MODEL, else the config file's, else the one saved with `lingate models`.
    if given == "":  # of a picker that was left, say: another model than the one to be chosen would be asked
        raise ConfigError("the model after -m is empty: none was chosen")
    name = given or os.environ.get(MODEL_VARIABLE) or configured or saved_model.load()
    if name:
        return name
    from lingate._io.public import providers

    ready = [info.name for info in providers() if info.present and not info.ended]
    found = f"a credential is set for {', '.join(ready)}" if ready else "no provider's credential is set either"
    raise ConfigError(
        f"no model is given, and {found}",
        hint=f"use -m provider/model, set {MODEL_VARIABLE}, or choose a default with `lingate models`",
    )


def config_path(given: str | None) -> str | None:
    # The config file: what was given, else LINGATE_CONFIG.
    return given or os.environ.get(CONFIG_VARIABLE) or None


def _read(value: str) -> tuple[Path, bytes]:
    path = Path(os.path.expanduser(value))
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {value}: {getattr(error, 'strerror', None) or error}") from None
    if not data:
        raise ConfigError(f"{value} is empty")
    return path, data


def _mime(path: Path, data: bytes) -> str:
    for magic, mime in _MAGIC:
        if data.startswith(magic):
            return mime
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{b64encode(data).decode()}"
