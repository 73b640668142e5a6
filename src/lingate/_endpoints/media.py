# Images, speech, transcription, moderations, and completions: the endpoint that chat replaced.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._dialects.openai_chat.images import FILES
from lingate._endpoints._arguments import Extras, build, fields, list_stops, plain, require_list, require_text
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


def prepare_moderation(model: str, inputs: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # Whether a text or an image breaks rules, and which.
    # `inputs` is one text, a list of texts, or a list of OpenAI's content parts (`text` and `image_url`).
    return build("moderations", model, {"input": _judged(inputs), **fields(params)}, extras)


def _judged(inputs: Any) -> Any:
    if isinstance(inputs, str):
        return require_text(inputs, "input", "judge")
    require_list(inputs, "input", "a string or a list", "judge")
    made = plain(list(inputs), "input")
    kind = type(made[0])
    for index, item in enumerate(made):
        if type(item) is not kind or kind not in (str, dict):
            raise ConfigError(f"input[{index}] must be text or a part with a type, as in the rest of the list")
    return made


def prepare_completion(
    model: str, prompt: Any, params: Mapping[str, Any], *, stream: bool = False, **extras: Unpack[Extras]
) -> Call:
    # Text that goes on where a prompt ends.
    # `prompt` is one text, a list of texts, a list of token numbers, or a list of such lists.
    body = {"prompt": _prompt(prompt), **fields(params)}
    list_stops(body)
    return build("completions", model, body, extras, stream=stream)


def _prompt(prompt: Any) -> Any:
    if isinstance(prompt, str):
        return plain(prompt, "prompt")
    require_list(prompt, "prompt", "a string or a list", "go on from")
    kind = _kind_of(prompt[0])
    for index, item in enumerate(prompt):
        if kind is None or _kind_of(item) is not kind:
            raise ConfigError(
                f"prompt[{index}] is a {type(item).__name__}: a prompt holds texts, token numbers or lists of them, one kind"
            )
    return [list(item) if kind is list else plain(item, "prompt") for item in prompt]


def _kind_of(item: Any) -> type | None:
    if isinstance(item, bool):
        return None
    if isinstance(item, (list, tuple)):
        return list if item and all(isinstance(token, int) for token in item) else None
    return next((kind for kind in (str, int) if isinstance(item, kind)), None)
