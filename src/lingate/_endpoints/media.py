# Images, speech and transcription: what is seen and heard.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._dialects.openai_chat.images import FILES
from lingate._endpoints._arguments import Extras, build, fields, require_text
from lingate._model import Call, JsonDict
from lingate._providers.settings import wrong_type
from lingate._wire.multipart import Upload
from lingate.errors import ConfigError


def prepare_images(model: str, prompt: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # Made from a prompt, from a prompt and images (an edit), or from an image alone (variations of it).
    # `prompt` is None for variations of an image.
    # Files in `params` have been read already: they are `Upload`s.
    files: JsonDict = {name: params[name] for name in FILES if params.get(name) is not None}
    for name, value in files.items():
        many = value if isinstance(value, list) else [value]
        if not many or not all(isinstance(item, Upload) for item in many) or (many is value and name != "image"):
            raise ConfigError(f"{name} must be a file{' or a list of files' if name == 'image' else ''}")
    if "image" not in files and files:
        raise ConfigError(f"{next(iter(files))} says what to change in an image: give the image too")
    body: JsonDict = {}
    if prompt is not None:
        body["prompt"] = require_text(prompt, "prompt", "draw")
    elif "image" not in files:
        raise ConfigError("images() needs a prompt, or an image to make variations of")
    elif isinstance(files["image"], list) or len(files) > 1:
        raise ConfigError("variations are made of one image and nothing else: give a prompt to edit images")
    rest = {name: value for name, value in params.items() if name not in files}
    return build("images", model, {**body, **files, **fields(rest)}, extras)


def prepare_speech(model: str, text: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # Text read aloud.
    return build("speech", model, {"input": require_text(text, "input", "say"), **fields(params)}, extras)


def prepare_transcription(model: str, file: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # Speech written down, in its own language or (`translate`) in English.
    # `file` is the sound, which has been read already.
    if not isinstance(file, Upload):
        raise wrong_type("file", "a file", file)
    body = {"file": file, **fields(params)}
    translate = body.pop("translate", False)
    if not isinstance(translate, bool):
        raise ConfigError(f"translate must be True or False, not {translate!r}")
    if translate:
        body["translate"] = True
    form = body.get("response_format")
    if form is not None and not isinstance(form, str):
        raise wrong_type("response_format", "a string such as 'json'", form)
    granularities = body.get("timestamp_granularities")
    if isinstance(granularities, str):
        body["timestamp_granularities"] = [granularities]
    return build("transcription", model, body, extras)
