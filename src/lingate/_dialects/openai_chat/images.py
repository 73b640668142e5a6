# Images in OpenAI's format, both directions: generations in JSON, edits and variations as forms with files.

# Which of the three it is shows in the fields: an `image` makes it an edit, an `image` without a `prompt` a variation.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._answers import hidden_error, malformed, read_object
from lingate._dialects._base import Form, no_stream
from lingate._dialects._counts import unix
from lingate._dialects._envelope import join_url, seal
from lingate._dialects._failure import body_failure
from lingate._dialects.openai_chat.forms import check_upload, decode_form, is_form, seal_form
from lingate._dialects.openai_chat.parameters import begin, refuse_stream
from lingate._dialects.openai_chat.usage import canonical_usage
from lingate._dialects.openai_chat.validation import (
    check_fields,
    decode_request,
    expect_filled,
    expect_text,
    fail,
    number,
)
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire import json
from lingate._wire.multipart import Upload
from lingate._wire.shapes import as_str, without

DEFAULT_MODEL = "dall-e-2"
"""What OpenAI takes where a request names none."""

FILES = ("image", "mask", "markup")
"""Fields that are files; `image` may be a list of them."""

_PATH = "/images/generations"
_PLACES = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "prompt_tokens_details": "input_tokens_details",
    "completion_tokens_details": "output_tokens_details",
}
"""Names of counts in chats, and in answers with images."""


def request(call: Call, target: Target) -> HttpRequest:
    sent, wire = begin(call, target, "images", _PATH)
    refuse_stream(wire, sent)
    if not any(_is_file(wire.get(name)) for name in FILES):
        return seal(sent, wire)
    task = "edits" if wire.get("prompt") else "variations"
    path = target.row.paths.get("images", _PATH).replace("generations", task)
    sent.url = join_url(target.url, path, target.model)
    images = wire.get("image")
    if isinstance(images, list) and len(images) == 1:
        wire["image"] = images[0]  # older models know the plain name only
    return seal_form(sent, wire)


def _is_file(value: Any) -> bool:
    return isinstance(value, Upload) or (isinstance(value, list) and any(isinstance(item, Upload) for item in value))


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    target = sent.target
    raw = read_object(sent, head, body)
    name = "data" if raw.get("data") else "images"
    items = raw.get(name)
    if not isinstance(items, list) or not items:
        raise body_failure(raw, target, headers=head.headers) or malformed(target, "the answer has no images")
    images = [_image(item, at, target) for at, item in enumerate(items)]
    if all(image.get("error") for image in images):
        # Some hosts report the failure of each image by itself.
        raise hidden_error(images[0], target, head.headers) or malformed(target, "the answer has no images")
    canonical = {**without(raw, (name,)), "created": unix(raw.get("created")), "data": images}
    usage = canonical_usage(raw.get("usage"))
    if usage is not None:
        canonical["usage"] = usage
    return canonical, raw


def _image(raw: Any, at: int, target: Target) -> JsonDict:
    if isinstance(raw, dict) and (raw.get("error") or as_str(raw.get("b64_json")) or as_str(raw.get("url"))):
        return raw
    raise malformed(target, f"data[{at}] has neither b64_json nor url")


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a client's image request.
    # `task` in the path arguments is `edits` or `variations` at their paths.
    task = path_args.get("task", "generations")
    if is_form(body, path_args):
        fields, model = decode_form(body, path_args, DEFAULT_MODEL)
    else:
        fields, model = decode_request(body, {"model": DEFAULT_MODEL, **path_args})
    if task != "generations":
        _check_files(fields)
    if task == "variations":
        if "prompt" in fields:
            fail("prompt", "variations take none; edits do")
    else:
        expect_filled(fields.get("prompt"), "prompt")
    check_fields(fields, _FIELDS)
    if fields.pop("stream", False):
        raise no_stream("images")
    return Call("images", model, fields)


def _check_files(fields: JsonDict) -> None:
    images = fields.get("image")
    if not isinstance(images, list):
        check_upload(images, "image")
    elif not images:
        fail("image", "expected a file")
    else:
        for at, image in enumerate(images):
            check_upload(image, f"image[{at}]")
    for name in FILES[1:]:
        if name in fields:
            check_upload(fields[name], name)


_FIELDS = {
    "n": number(1, 100, int),
    "size": expect_text,
    "quality": expect_text,
    "style": expect_text,
    "background": expect_text,
    "response_format": expect_text,
    "output_format": expect_text,
    "output_compression": number(0, 100, int),
    "user": expect_text,
}


def render(response: JsonDict) -> bytes:
    # Write a canonical response; OpenAI counts the tokens of images under other names than those of chats.
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return json.encode(response)
    theirs = {new: usage[old] for old, new in _PLACES.items() if old in usage}
    return json.encode({**response, "usage": {**theirs, **usage}})


FORM = Form(request, response, parse_call, render)
