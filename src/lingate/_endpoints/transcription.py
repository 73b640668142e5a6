# Transcription: speech written down, in its own language or (`translate`) in English.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._endpoints._arguments import Extras, build, fields
from lingate._model import Call
from lingate._providers.settings import wrong_type
from lingate._wire.multipart import Upload
from lingate.errors import ConfigError


def prepare(model: str, file: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
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
