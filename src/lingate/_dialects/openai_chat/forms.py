# Bodies with files: multipart forms, towards the upstream and from clients.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._envelope import merge_headers
from lingate._dialects.openai_chat.validation import decode_request, fail
from lingate._model import HttpRequest, JsonDict
from lingate._wire.multipart import Upload, boundary_of, encode, flatten, parse, unflatten
from lingate.errors import BadRequestError, ConfigError

CONTENT_TYPE = "content-type"
"""Key in the path arguments of a request under which a server puts its content type."""

INTEGERS = frozenset(
    {"n", "output_compression", "partial_images", "frame_count", "frame_duration_ms", "prefix_padding_ms"}
    | {"silence_duration_ms"}
)
FLOATS = frozenset({"temperature", "threshold"})
BOOLEANS = frozenset({"stream"})
_WORDS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


def seal_form(sent: HttpRequest, wire: JsonDict) -> HttpRequest:
    # Apply the row's edits and the caller's extra fields, and encode as a form.
    # Raises ConfigError: the body holds something that a form has no place for.
    for edit in sent.target.edits:
        edit(wire, sent)
    wire.update(sent.call.extra_body or {})
    try:
        sent.body, content_type = encode(flatten(wire))
    except ValueError as error:
        raise ConfigError(
            f"the request cannot be written as a form: {error}", provider=sent.target.provider, model=sent.target.model
        ) from None
    sent.headers = merge_headers(sent.headers, {CONTENT_TYPE: content_type})
    return sent


def is_form(body: bytes, path_args: Mapping[str, str]) -> bool:
    # Whether a client's request is a form and not JSON.
    return boundary_of(path_args.get(CONTENT_TYPE), body) is not None


def decode_form(body: bytes, path_args: Mapping[str, str], default_model: str = "") -> tuple[JsonDict, str]:
    # A client's form as fields without `model`, and the model.
    # Numbers and booleans are read where fields are known.
    # A JSON body is read too: without files, most servers take either.
    # Raises BadRequestError: it is not a form, or one of its fields is not what it must be.
    boundary = boundary_of(path_args.get(CONTENT_TYPE), body)
    if boundary is None:
        return decode_request(body, path_args)
    try:
        fields = unflatten(parse(body, boundary))
    except ValueError as error:
        raise BadRequestError(f"The request body cannot be read: {error}.") from None
    model = fields.pop("model", None) or path_args.get("model") or default_model
    if not isinstance(model, str) or not model:
        fail("model", "expected the name of a model")
    return {name: _typed(name, value, name) for name, value in fields.items()}, model


def _typed(name: str, value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return {key: _typed(key, item, f"{where}[{key}]") for key, item in value.items()}
    if not isinstance(value, str):
        return value
    if name in BOOLEANS:
        if value not in _WORDS:
            fail(where, "expected true or false")
        return _WORDS[value]
    if name in INTEGERS or name in FLOATS:
        try:
            return int(value) if name in INTEGERS else float(value)
        except ValueError:
            fail(where, f"expected a {'whole ' if name in INTEGERS else ''}number")
    return value


def check_upload(value: Any, where: str) -> None:
    # Refuse what is no file, or an empty one.
    if not isinstance(value, Upload):
        fail(where, "expected a file, as a part of a multipart form with a file name")
    if not value.data:
        fail(where, "the file is empty")
